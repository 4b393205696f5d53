"""People trapped in lifts: how often per 100 lift-months, and how long. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import TypedDict

from plantroom.clock import NS
from plantroom.kpi.intact import ItemSum
from plantroom.kpi.period import Period

MONTH_NS = 365.25 / 12 * 86_400 * NS
LIFTS = "lifts"


@dataclass(frozen=True, slots=True)
class Rescue:
    """One round of one rescue. freed_ns: None while they are in it."""

    order: str
    equipment: str
    known_ns: int
    freed_ns: int | None
    trapped: int | None
    injured: int | None


class Trapped(TypedDict):
    """lift_months: time that lifts were in service, in mean months. minutes: of all rescues together. people, injured: as said when they
    were freed."""

    count: int
    lift_months: float
    per_100_lift_months: float | None
    minutes: float
    longest_minutes: float | None
    people: int
    injured: int


def trapped(span: Period, as_of_ns: int, rescues: Iterable[Rescue], items: Iterable[ItemSum]) -> Trapped:
    """A rescue belongs to the period in which it was known. One that is not over counts up to as_of."""
    own = [one for one in rescues if span.has(one.known_ns) and one.known_ns <= as_of_ns]
    lasted = [(min(one.freed_ns or as_of_ns, as_of_ns) - one.known_ns) / NS / 60 for one in own]
    lift_ns: dict[str, int] = {}
    for row in items:
        if row.system == LIFTS:
            lift_ns[row.equipment] = max(row.whole_ns, lift_ns.get(row.equipment, 0))
    months = sum(lift_ns.values()) / MONTH_NS
    return {
        "count": len(own), "lift_months": months, "per_100_lift_months": 100 * len(own) / months if months else None,
        "minutes": sum(lasted), "longest_minutes": max(lasted, default=None),
        "people": sum(one.trapped or 0 for one in own), "injured": sum(one.injured or 0 for one in own),
    }  # fmt: skip
