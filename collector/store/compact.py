"""Which parts of a day are worth merging, and which have outlived their readers. Pure: no files, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from math import log
from pathlib import Path

from plantroom.history.parts import Part

FAN = 6  # six seals of ten minutes make the part of an hour
SMALLEST = 64 * 1024  # bytes; all smaller parts are of one tier
MOST_MERGED = 8 << 30  # bytes; a day beyond that stays in its larger parts
KEPT_S = 600.0  # a replaced part stays so long: a reader may have listed it


def tier(size: int) -> int:
    """Parts within a factor FAN of each other are of one tier."""
    return 0 if size <= SMALLEST else int(log(size / SMALLEST, FAN)) + 1


def merges(parts: Sequence[Part], *, closed: bool) -> list[list[Part]]:
    """Runs of neighbouring parts of one day to be made one, given the day's counting parts in order.

    An open day: FAN or more neighbours of one tier, so that a sample is rewritten once per tier, not once an hour. A closed day: all.
    """
    if closed:
        return [list(parts)] if len(parts) > 1 and sum(part.size for part in parts) <= MOST_MERGED else []
    runs = [list(run) for _, run in groupby(parts, lambda part: tier(part.size))]
    return [run for run in runs if len(run) >= FAN]


def by_day(parts: Iterable[Part]) -> dict[str, list[Part]]:
    days: dict[str, list[Part]] = {}
    for part in parts:
        days.setdefault(part.day, []).append(part)
    return days


class Replaced:
    """Remembers since when a part has been replaced by a wider one. Times in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._since: dict[Path, float] = {}

    def due(self, all_parts: Sequence[Part], counting: Sequence[Part], now_s: float) -> list[Path]:
        """The replaced parts that may go now. A restart begins their ten minutes anew."""
        live = {part.path for part in counting}
        replaced = {part.path for part in all_parts if part.path not in live}
        self._since = {path: self._since.get(path, now_s) for path in replaced}
        return sorted(path for path, since in self._since.items() if now_s - since >= KEPT_S)


def outlived(days: Iterable[str], today: str, keep_days: int) -> str | None:
    """The oldest day folder beyond its keep, or None. One at a time, so that a wrong clock cannot take the history in one go."""
    limit = date.fromisoformat(today).toordinal() - keep_days
    return next((day for day in sorted(days) if date.fromisoformat(day).toordinal() < limit), None)
