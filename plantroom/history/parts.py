"""The Parquet parts of a site's history folder: their names, and exactly which of them count.

    history/day=2026-11-21/part-<first>-<last>.parquet   samples whose event time is in that UTC day, out of journal records first..last
    history/sealed.json                                  {"last": N}: the journal up to N stands in the parts

A *seal* takes the journal from N+1 to M, writes one part per day it met (all named N+1..M), each under a temporary name, fsynced and
renamed; then `sealed.json` is replaced by one that says M. So at any instant:

    1. a part whose `last` is beyond `sealed.json` does not count: its seal was never finished. The writer removes it at its start;
    2. of two parts of one day where one's range contains the other's, the wider counts: it is their compaction;
    3. whatever stands in the journal after `sealed.json` is not in a part that counts. Parts and the journal's tail never overlap.

Without `sealed.json` (a folder put together by hand) the largest `last` found holds for it; the writer makes one before its first part.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from plantroom.clock import at_utc

DAY_NS = 86_400_000_000_000
SEALED = "sealed.json"
_PART = re.compile(r"part-(\d+)-(\d+)\.parquet")
_DAY = re.compile(r"day=(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One file. day: UTC, ISO. first, last: the journal records it covers, both included. size: bytes."""

    day: str
    first: int
    last: int
    path: Path
    size: int = 0

    def holds(self, other: Part) -> bool:
        """True where this part stands for the other: same day, range at least as wide, not itself."""
        return self.day == other.day and self.first <= other.first and other.last <= self.last and self.path != other.path


def name_of(first: int, last: int) -> str:
    return f"part-{first}-{last}.parquet"


def day_of(at_ns: int) -> str:
    """The UTC day of an instant, as the folders name it."""
    return at_utc(at_ns).date().isoformat()


def sealed_upto(folder: Path) -> int:
    """The last journal record that stands in parts; 0 where there are none. Raises ValueError for a marker that cannot be read."""
    try:
        text = (folder / SEALED).read_text()
    except FileNotFoundError:
        return max((part.last for part in found(folder)), default=0)
    try:
        return int(json.loads(text)["last"])
    except (ValueError, KeyError, TypeError) as why:
        raise ValueError(f"{folder / SEALED}: not a marker ({why}); delete it to go by the parts' own names") from why


def found(folder: Path, start_ns: int | None = None, end_ns: int | None = None) -> list[Part]:
    """Every part in the folder, or of the days that touch [start_ns, end_ns); in order of (day, first, last)."""
    since = "" if start_ns is None else day_of(max(start_ns, 0))
    until = "9999-99-99" if end_ns is None else day_of(max(end_ns - 1, 0))
    parts: list[Part] = []
    for name in days_in(folder):
        if since <= name <= until:
            parts.extend(_parts_of(folder / f"day={name}", name))
    return sorted(parts)


def days_in(folder: Path) -> list[str]:
    """The days that have a folder, in no order."""
    try:
        with os.scandir(folder) as entries:
            return [match[1] for entry in entries if (match := _DAY.fullmatch(entry.name))]
    except FileNotFoundError:
        return []


def _parts_of(folder: Path, day: str) -> Iterable[Part]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if match := _PART.fullmatch(entry.name):
                    yield Part(day, int(match[1]), int(match[2]), folder / entry.name, entry.stat().st_size)
    except FileNotFoundError:
        return  # the day went by retention while we looked


def counting(parts: Iterable[Part], sealed: int) -> list[Part]:
    """The parts that count, by rules 1 and 2; in order of (day, first)."""
    kept: list[Part] = []
    for part in sorted((part for part in parts if part.last <= sealed), key=lambda part: (part.day, part.first, -part.last)):
        if not (kept and kept[-1].holds(part)):
            kept.append(part)
    return kept
