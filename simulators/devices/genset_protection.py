"""A generator controller's own shut-downs and electrical trips, with their delays (standards.md B), and what it warns of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from simulators.devices.engine import RATED_RPM, Engine, State
from simulators.surroundings import NOMINAL_HZ, NOMINAL_V

SAFETY_ON_S = 12.0


@dataclass(frozen=True, slots=True)
class Electrical:
    """What it measures of the alternator. volts: lowest and highest phase; load: share of rated."""

    low_volts: float
    high_volts: float
    hertz: float
    load: float


class Protection:
    """trips: electrical ones, which open the breaker and let the engine run on; held until reset."""

    def __init__(self) -> None:
        self.trips: set[str] = set()
        self._held_s: dict[str, float] = {}

    def step(self, dt_s: float, engine: Engine, seen: Electrical, *, earth_fault: bool) -> None:
        for name, holds, patience_s in self._looked_at(engine, seen, earth_fault):
            held = self._held_s.get(name, 0.0) + dt_s if holds else 0.0
            self._held_s[name] = held
            if held >= patience_s and holds:
                if name in ("overpower", "reverse_power", "earth_fault"):
                    self.trips.add(name)
                else:
                    engine.trip(name)

    def reset(self) -> None:
        self.trips.clear()
        self._held_s.clear()

    @staticmethod
    def _looked_at(engine: Engine, seen: Electrical, earth_fault: bool) -> Iterator[tuple[str, bool, float]]:
        """(alarm, does it hold now, s it must hold)."""
        if not engine.turning:
            earth_fault, steady, running = False, False, False
        else:
            running = engine.run_s > SAFETY_ON_S
            steady = running and engine.state in (State.RUNNING, State.LOADED)
        yield "low_oil_pressure", running and engine.oil.value < 103.0, 2.0
        yield "high_coolant_temp", engine.turning and engine.coolant.value > 98.0, 2.0
        yield "overspeed", engine.turning and engine.rpm.value > 1.14 * RATED_RPM, 2.0
        yield "underfrequency", steady and seen.hertz < 0.9 * NOMINAL_HZ, 10.0
        yield "undervoltage", steady and seen.low_volts < 0.85 * NOMINAL_V, 10.0
        yield "overvoltage", steady and seen.high_volts > 1.15 * NOMINAL_V, 10.0
        yield "overpower", seen.load > 1.1, 30.0
        yield "reverse_power", seen.load < -0.05, 10.0
        yield "earth_fault", steady and earth_fault, 0.5
