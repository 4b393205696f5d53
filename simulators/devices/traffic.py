"""Who wants to ride a lift, when and where to: a day's traffic of an office tower, seeded."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np

from simulators.devices.curves import Daily

# Calls per lift and hour. Up-peak 08:00-09:30, lunch, down-peak 17:00-18:30 (domain/faults.md 6).
_MORNING = ((0, 0.4), (5, 0.4), (7, 8), (8, 60), (9.5, 60), (10, 25))
_REST = ((11.5, 40), (13, 40), (14, 25), (17, 55), (18.5, 55), (20, 10), (23, 1))
WORKDAY = Daily(_MORNING + _REST)
WEEKEND = Daily(((0, 0.3), (8, 2), (10, 6), (18, 6), (22, 0.6)))
_BUSIEST = 60.0
PERSON_KG = 75.0


@dataclass(frozen=True, slots=True)
class Call:
    """People at a floor (1 = lowest) who want to go to another one."""

    origin: int
    target: int
    people: int


class Traffic:
    """Calls of one lift as a Poisson stream whose rate follows the hour; thinning keeps it exact whatever the step."""

    def __init__(self, floors: int, rng: np.random.Generator, now_s: float) -> None:
        self._floors, self._rng = floors, rng
        self.next_s = now_s
        self._wait()

    def _wait(self) -> None:
        self.next_s += -log(1.0 - self._rng.random()) * 3600.0 / _BUSIEST

    def due(self, now_s: float, hour: float, weekday: int) -> list[Call]:
        """The calls that have come up to now."""
        calls = []
        while self.next_s <= now_s:
            rate = (WORKDAY if weekday < 5 else WEEKEND)(hour)
            if self._rng.random() * _BUSIEST < rate:
                calls.append(self._call(hour))
            self._wait()
        return calls

    def _call(self, hour: float) -> Call:
        """Mornings start at the lobby, evenings end there, in between floors mix."""
        upper = int(self._rng.integers(2, self._floors + 1))
        people = 1 + int(min(5, self._rng.poisson(1.2)))
        share = self._rng.random()
        if hour < 10.0:
            return Call(1, upper, people) if share < 0.85 else Call(upper, 1, people)
        if hour >= 17.0:
            return Call(upper, 1, people) if share < 0.85 else Call(1, upper, people)
        other = int(self._rng.integers(1, self._floors + 1))
        return Call(other, upper, people) if other != upper else Call(1, upper, people)
