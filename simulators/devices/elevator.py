"""A traction lift: what it is made of, who calls it, whom it serves."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.car import DOOR_ZONE_M, USUAL, Car, Phase, Shaft
from simulators.devices.car_door import CarDoor
from simulators.devices.lags import clip
from simulators.devices.lift_faults import DEAF, RECALLS, LiftFaults
from simulators.devices.lift_machine import LiftMachine
from simulators.devices.lift_panel import LiftPanel
from simulators.devices.lift_round import LiftRound
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.traffic import Call, Traffic
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.elevator import UPSETS

__all__ = ["DOOR_ZONE_M", "Elevator", "Shaft"]


class Elevator(Plant):
    kind: ClassVar[str] = "elevator"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"rated_speed": 1.75, "fire_lift": 1.0}

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, shaft: Shaft = USUAL
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        self.shaft, self._now = shaft, around.now_s
        self._traffic = Traffic(shaft.floors, rng, self._now)
        self.calls: deque[Call] = deque()
        self.aboard: Call | None = None  # who is inside
        self.car = Car(shaft, int(rng.integers(1, shaft.floors + 1)), self._now)
        self.load = self.levelling = 0.0
        self.levelling_bias = [clip(float(b), -4.0, 4.0) for b in rng.normal(0.0, 2.0, shaft.floors + 1)]  # mm, as adjusted
        self.trips = float(rng.integers(200_000, 900_000))
        self.run_hours, self.energy = self.trips * 14.0 / 3600.0, self.trips * 0.06
        self.door = CarDoor(shaft.door_s, rng, self.noise, self.trips * 1.1)
        self.machine = LiftMachine(self.noise, self._now)
        self.faults = LiftFaults(self)
        self.round = LiftRound(self)
        self._locks_at_night = rng.random() < 0.25
        self.panel = LiftPanel(self, self.code)
        self.step(self._now, 0.0)

    @classmethod
    def built(
        cls,
        equipment: Equipment,
        parameters: Mapping[str, float | str],
        rng: np.random.Generator,
        around: Surroundings,
        others: Sequence[Neighbour],
    ) -> Self:
        return cls(equipment.kind, parameters, rng, around, Shaft.of(parameters))

    def codes(self, point: str) -> Mapping[str, int]:
        return self._codes[point]

    # what holds now

    @property
    def powered(self) -> bool:
        return self.around.powered and not self.faults.unpowered

    @property
    def recalled(self) -> bool:
        return self.around.fire or not RECALLS.isdisjoint(self.upsets)

    @property
    def follows(self) -> bool:
        """Recalled, and it obeys."""
        return self.recalled and DEAF.isdisjoint(self.upsets)

    @property
    def locked(self) -> bool:
        """One lift in four is locked off at night."""
        return self._locks_at_night and not 6.0 <= self.around.hour < 22.0

    @property
    def mode(self) -> str:
        if "mode_left_in_inspection" in self.upsets:
            return "inspection"
        if not self.powered:
            return "emergency_power"
        return "fire_operation" if self.follows else "parking" if self.round.parking else "normal"

    @property
    def serves(self) -> bool:
        return self.powered and not self.faults.stands and not self.recalled and not self.locked

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        self.machine.begun(name)
        self.faults.begun(name, settings, self._now)

    def ended(self, name: str) -> None:
        self.faults.ended(name, self._now)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        around, car = self.around, self.car
        if "mode_left_in_inspection" not in self.upsets and "trip_count_stall" not in self.upsets:
            self.calls.extend(self._traffic.due(now_s, around.hour, around.weekday))
            while len(self.calls) > 8:  # who waits too long takes the stairs
                self.calls.popleft()
        self.round.go_on(now_s)
        self._now = now_s
        car.move(now_s)
        if self.upsets:
            self.faults.suffer(now_s)
        riding = car.phase is Phase.RIDING
        self.machine.step(now_s, dt_s, riding, self.powered, around, self.upsets)
        if riding:
            self.run_hours += dt_s / 3600.0
            self.energy += dt_s * self.amperes() * 0.6 / 3600.0
        self.panel.show(now_s)

    def amperes(self) -> float:
        car = self.car
        moving = car.phase is Phase.RIDING or car.phase is Phase.STRAINING
        return self.machine.amperes(moving, car.upward, self.load, car.acceleration if moving else 0.0)
