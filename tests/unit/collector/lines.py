"""Jobs and readings for tests of the collector, without files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from collector.backoff import Backoff
from collector.bindings import Job, Planner
from collector.session import Session
from plantroom.clock import NS, Reading
from plantroom.kinds import KindPoint, PointType
from plantroom.profiles import BusLimits, DevicePoint, Encoding, Profile, Register, Source, Table
from plantroom.site import Binding, Device

WALL_NS = 1_795_262_400 * NS


def at(seconds: float) -> Reading:
    """A reading so many seconds after the test's beginning."""
    return Reading(WALL_NS + round(seconds * NS), 1000 * NS + round(seconds * NS), "virtual0")


def at_s(seconds: float) -> float:
    return 1000.0 + seconds


def profile(points: Sequence[DevicePoint], **bus: object) -> Profile:
    return Profile("acme-x", "Acme X", None, {}, BusLimits(**bus), {p.name: p for p in points})  # type: ignore[arg-type]


def register(name: str, address: int, table: Table = Table.HOLDING, encoding: Encoding = Encoding.U16) -> DevicePoint:
    return DevicePoint(name, Register(table, address, encoding))


def point(name: str, source: Source) -> DevicePoint:
    return DevicePoint(name, source)


def number(name: str, kind: PointType = PointType.FLOAT, **more: object) -> KindPoint:
    return KindPoint(name, kind, "", {}, **{"codes": {}, **more})  # type: ignore[arg-type]


def bound(equipment: str, source: str, period_s: float = 1.0, **more: object) -> Binding:
    kind_point = more.pop("kind_point", number(source))
    return Binding(f"{equipment}.{source}", "d", source, kind_point, period_s=period_s, **more)  # type: ignore[arg-type]


def jobs_of(made: Profile, bindings: Sequence[Binding], unit: int = 1, name: str = "d") -> list[Job]:
    return Planner().jobs(Device(name, made, "bus", unit), bindings)


@dataclass
class Steady:
    """Chance without chance: every draw is the upper end, so that waits are round figures."""

    drawn: list[tuple[float, float]] = field(default_factory=list)

    def uniform(self, low: float, high: float) -> float:
        self.drawn.append((low, high))
        return high


def session(jobs: Sequence[Job]) -> Session:
    return Session(jobs, at(0), Backoff(Steady()))  # type: ignore[arg-type]
