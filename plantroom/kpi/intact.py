"""K-1, the intact rate: how much of the functional items was usable, by time and by the head count of 08:00. Pure.

Both rates are told per system and in all, the lower one is judged. Unknown (not heard) is neither: it stands in the bounds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from plantroom.clock import NS
from plantroom.kpi.rate import Rate

ALL = "all"


@dataclass(frozen=True, slots=True)
class ItemDay:
    """A functional item on a local day, up to where is counted. at_eight: "" or None = not counted that morning."""

    equipment: str
    system: str
    item: str
    day: str
    usable_ns: int
    faulted_ns: int
    unknown_ns: int
    at_eight: str | None = None


@dataclass(frozen=True, slots=True)
class Intact:
    """time: in item seconds. heads: in days, each day's share of its items counting as one. items: how many there were."""

    time: Rate
    heads: Rate
    items: int

    @property
    def judged(self) -> float | None:
        values = [rate.value for rate in (self.time, self.heads) if rate.value is not None]
        return min(values, default=None)


def intact(rows: Iterable[ItemDay]) -> Mapping[str, Intact]:
    """By system, and `all`."""
    of: dict[str, list[ItemDay]] = defaultdict(list)
    for row in rows:
        of[row.system].append(row)
        of[ALL].append(row)
    return {system: _intact(found) for system, found in sorted(of.items())}


def coverage(rows: Iterable[ItemDay]) -> float | None:
    """Share of the item time in which it was known how it is; None where there was none."""
    known = every = 0
    for row in rows:
        known += row.usable_ns + row.faulted_ns
        every += row.usable_ns + row.faulted_ns + row.unknown_ns
    return known / every if every else None


def _intact(rows: list[ItemDay]) -> Intact:
    usable, faulted, unknown = (sum(getattr(row, name) for row in rows) for name in ("usable_ns", "faulted_ns", "unknown_ns"))
    every = usable + faulted + unknown
    share = (usable + faulted) / every if every else None
    time = Rate(usable / NS, unknown / NS, every / NS, share or None)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])  # by day: usable, unknown, all
    for row in rows:
        if row.at_eight:
            day = counts[row.day]
            day[0] += row.at_eight == "usable"
            day[1] += row.at_eight == "unknown"
            day[2] += 1
    good = sum(usable / every for usable, _, every in counts.values())
    dark = sum(unknown / every for _, unknown, every in counts.values())
    heads = Rate(good, dark, len(counts), 1 - dark / len(counts) or None if counts else None)
    return Intact(time, heads, len({(row.equipment, row.item) for row in rows}))
