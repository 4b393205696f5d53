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
class SystemDay:
    """All functional items of a system on a local day, up to where is counted: their time together, and how many were what at 08:00."""

    system: str
    day: str
    usable_ns: int
    faulted_ns: int
    unknown_ns: int
    heads_usable: int = 0
    heads_unknown: int = 0
    heads: int = 0


@dataclass(frozen=True, slots=True)
class ItemSum:
    """One functional item over the whole period."""

    system: str
    equipment: str
    item: str
    usable_ns: int
    faulted_ns: int
    unknown_ns: int

    @property
    def whole_ns(self) -> int:
        return self.usable_ns + self.faulted_ns + self.unknown_ns


@dataclass(frozen=True, slots=True)
class Intact:
    """time: in item seconds. heads: in days, each day's share of its items counting as one."""

    time: Rate
    heads: Rate

    @property
    def judged(self) -> float | None:
        values = [rate.value for rate in (self.time, self.heads) if rate.value is not None]
        return min(values, default=None)


def intact(rows: Iterable[SystemDay]) -> Mapping[str, Intact]:
    """By system, and `all`."""
    of: dict[str, list[SystemDay]] = defaultdict(list)
    for row in rows:
        of[row.system].append(row)
        of[ALL].append(row)
    return {system: _intact(found) for system, found in sorted(of.items())}


def coverage(rows: Iterable[SystemDay]) -> float | None:
    """Share of the item time in which it was known how it is; None where there was none."""
    known = every = 0
    for row in rows:
        known += row.usable_ns + row.faulted_ns
        every += row.usable_ns + row.faulted_ns + row.unknown_ns
    return known / every if every else None


def _intact(rows: list[SystemDay]) -> Intact:
    usable, faulted, unknown = (sum(getattr(row, name) for row in rows) for name in ("usable_ns", "faulted_ns", "unknown_ns"))
    every = usable + faulted + unknown
    time = Rate(usable / NS, unknown / NS, every / NS, (usable + faulted) / every if usable + faulted else None)
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])  # by day
    for row in rows:
        if row.heads:
            for n, count in enumerate((row.heads_usable, row.heads_unknown, row.heads)):
                counts[row.day][n] += count
    good = sum(usable / heads for usable, _, heads in counts.values())
    dark = sum(unknown / heads for _, unknown, heads in counts.values())
    share = 1 - dark / len(counts) if counts else 0.0
    return Intact(time, Rate(good, dark, len(counts), share or None))
