"""A traction lift: who calls it, and its round of riding and opening doors."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from math import inf
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.car import DOOR_ZONE_M, Car, Phase, Shaft
from simulators.devices.car_door import CarDoor
from simulators.devices.lift_faults import DEAF, RECALLS, LiftFaults
from simulators.devices.lift_machine import LiftMachine
from simulators.devices.lift_panel import LiftPanel
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.traffic import PERSON_KG, Call, Traffic
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.elevator import UPSETS

__all__ = ["DOOR_ZONE_M", "Elevator", "Shaft"]
RESCUE_AFTER_S, RESCUE_M_S = 8.0, 0.3  # the automatic rescue device: from the battery, to the nearest landing
PARKS_AFTER_S = 90.0
LIMITER_S = 45.0  # the controller's run-time limiter
TRIES_S = 15.0  # so long it tries to open a door before it says so
BACK_TOO_OFTEN = 5  # re-openings in a row after which the controller says so


class Elevator(Plant):
    kind: ClassVar[str] = "elevator"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"rated_speed": 1.75, "fire_lift": 1.0}

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, shaft: Shaft = Shaft()
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        self.shaft, self._now = shaft, around.now_s
        self._traffic = Traffic(shaft.floors, rng, self._now)
        self.calls: deque[Call] = deque()
        self.aboard: Call | None = None  # who is inside
        self._fetching: Call | None = None  # who waits where the car goes
        self.car = Car(shaft, int(rng.integers(1, shaft.floors + 1)), self._now)
        self.load = self.levelling = 0.0
        self._levelling_bias = [float(b) for b in rng.normal(0.0, 2.0, shaft.floors + 1)]
        self.trips = float(rng.integers(200_000, 900_000))
        self.run_hours, self.energy = self.trips * 14.0 / 3600.0, self.trips * 0.06
        self.door = CarDoor(shaft.door_s, rng, self.noise, self.trips * 1.1)
        self.machine = LiftMachine(self.noise, self._now)
        self.faults = LiftFaults(self)
        self.doors_open = False  # of a car that is halted
        self._rescuing = self._parking = self._closes = False
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
        return "fire_operation" if self.follows else "parking" if self._parking else "normal"

    @property
    def serves(self) -> bool:
        return self.powered and not self.faults.stands and not self.recalled and not self.locked

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        self.machine.begun(name)
        self.faults.begun(name, settings, self._now)

    def ended(self, name: str) -> None:
        self.faults.ended(name, self._now)

    # what the car is made to do

    def open_doors(self, at: float) -> None:
        slow = self.upsets.get("door_slow")
        self.door.slow = 1.0 + (slow["factor"] - 1.0) * self.machine.part("door_slow", slow["over_s"]) if slow else 1.0
        self.car.enter(Phase.OPENING, at, self.door.opening())

    def send_away(self, load: float, at: float) -> None:
        """The car leaves at once, with somebody where a load is given."""
        car = self.car
        away = car.floor + 2 if car.floor + 2 <= self.shaft.floors else car.floor - 2
        self.aboard, self.load = (Call(car.floor, away, 2), max(self.load, load)) if load else (None, 0.0)
        self._fetching = None if load else Call(away, car.floor, 1)
        self._closes = True
        car.enter(Phase.CLOSING, at, 0.2 if car.phase is Phase.PARKED else self.shaft.door_s)

    def halt(self, at: float, *, length_s: float = inf, doors_open: bool = False) -> None:
        self.car.enter(Phase.HALTED, at, length_s)
        self.car.speed = self.car.acceleration = 0.0
        self.doors_open, self._parking = doors_open, False

    def set_free(self, at: float) -> None:
        """Mended: doors open where it stands at a landing, else the car is taken to the nearest one, people are out."""
        if self.car.in_zone:
            self.open_doors(at)
        else:
            self.aboard, self.load = None, 0.0
            self._ride(self.car.nearest, at)

    def _ride(self, floor: int, at: float, rated: float | None = None) -> None:
        if "run_time_exceeded" in self.upsets:
            self.car.enter(Phase.STRAINING, at, LIMITER_S)
            return
        if abs(self.shaft.level(floor) - self.car.m) < 1e-3:
            self.car.target = floor
            self._arrive(at)
            return
        fast = self.upsets.get("overspeed") or self.upsets.get("overspeed_warning")
        self.car.set_off(floor, at, rated or self.shaft.rated_m_s * (fast["factor"] if fast else 1.0))
        self.trips += 1

    # its round

    def _next(self, at: float) -> None:
        """The phase that ends at `at` is over: what follows."""
        car, phase = self.car, self.car.phase
        if phase is Phase.HALTED:  # on the battery
            self._rescuing = True
            self._ride(car.nearest, at, RESCUE_M_S)
        elif phase is Phase.RIDING:
            self._arrive(at)
        elif phase is Phase.OPENING:
            self._opened(at)
        elif phase is Phase.OPEN:
            length, self._closes = self.door.closing(at, self.upsets)
            car.enter(Phase.CLOSING, at, length)
        elif phase is Phase.CLOSING:
            self._closing_over(at)
        elif phase is Phase.PARKED:
            self._go_home(at)
        elif phase is Phase.SHUT:
            self.faults.comes_about("door_fails_to_open", "door_fails_to_open_occupied")
            car.enter(Phase.SHUT, at)
        else:  # the limiter ends a run that leads nowhere
            self.faults.comes_about("run_time_exceeded")
            self.open_doors(at)

    def _arrive(self, at: float) -> None:
        car, rough = self.car, self.upsets.get("ride_vibration_high")
        self.machine.rode(rough["factor"] if rough and car.passed((self.shaft.floors + 1) // 2) else 1.0)
        car.arrive()
        off = self.upsets.get("levelling_out_of_tolerance") or self.upsets.get("levelling_trip_hazard")
        self.levelling = self._levelling_bias[car.floor] + self.noise(1.5) + (off["mm"] if off else 0.0)
        parking, self._parking, self._rescuing = self._parking, False, False
        if self.follows and car.floor != 1 and self.powered:
            self._ride(1, at)
        elif parking:
            car.enter(Phase.PARKED, at)
        elif self.upsets and ("door_fails_to_open_occupied" if self.load else "door_fails_to_open") in self.upsets:
            car.enter(Phase.SHUT, at, TRIES_S)
        else:
            self.open_doors(at)

    def _opened(self, at: float) -> None:
        """Doors are open: people leave, people enter; it waits for more, or stays so."""
        car = self.car
        self.aboard = None
        if self._fetching is not None and self._fetching.origin == car.floor:
            self.aboard, self._fetching = self._fetching, None
        self.load = 100.0 * PERSON_KG * self.aboard.people / self.shaft.rated_kg if self.aboard else 0.0
        if "lift_fault_occupied" in self.upsets:
            self.load = max(self.load, self.upsets["lift_fault_occupied"]["load"])
        if "unintended_movement" in self.upsets:
            self.faults.comes_about("unintended_movement")
            car.enter(Phase.SLIDING, at)
        elif not self.powered or self.faults.out_of_use or self.follows and car.floor == 1:
            self.halt(at, doors_open=True)
        else:
            car.enter(Phase.OPEN, at, 3.0 + 2.0 * self.rng.random())

    def _closing_over(self, at: float) -> None:
        if not self._closes:
            self.door.turned_back()
            if self.door.back >= BACK_TOO_OFTEN:
                self.faults.comes_about("door_fails_to_close", "light_curtain_blocked")
            self.car.enter(Phase.OPENING, at, self.car.until - self.car.begun)
            return
        self.door.closed()
        self.faults.happened -= {"door_fails_to_close", "light_curtain_blocked"}
        self._leave(at)

    def _leave(self, at: float) -> None:
        """Doors are shut: where to."""
        if self.faults.chain_open:
            self.car.enter(Phase.PARKED, at)
        elif self.follows and self.powered:
            self._ride(1, at)
        elif self.faults.lost:  # down to the lowest landing, slowly, to count anew
            self._ride(1, at, RESCUE_M_S)
        elif self.aboard is not None and self.aboard.target != self.car.floor:
            self._ride(self.aboard.target, at)
        elif self._fetching is not None or self.calls and self.serves:
            self._fetching = self._fetching or self.calls.popleft()
            self._ride(self._fetching.origin, at)
        else:
            self.car.enter(Phase.PARKED, at, PARKS_AFTER_S)

    def _go_home(self, at: float) -> None:
        """Idle for a while: to the main landing, doors shut."""
        if self.car.floor == 1 or not self.serves:
            self.car.enter(Phase.PARKED, at)
        else:
            self._parking = True
            self._ride(1, at)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        around, car = self.around, self.car
        if "mode_left_in_inspection" not in self.upsets and "trip_count_stall" not in self.upsets:
            self.calls.extend(self._traffic.due(now_s, around.hour, around.weekday))
            while len(self.calls) > 8:  # who waits too long takes the stairs
                self.calls.popleft()
        while car.until <= now_s:
            self._next(car.until)
        if car.phase is Phase.PARKED:
            self._leave_parking(now_s)
        self._follow_power(now_s)
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

    def _leave_parking(self, now_s: float) -> None:
        car = self.car
        if self.faults.chain_open or not self.powered:
            return
        if self.faults.out_of_use or self.follows and car.floor == 1:
            self.open_doors(now_s)
        elif self.follows or self.faults.lost or self.calls and self.serves:
            self._leave(now_s)
        elif self.locked:
            self.calls.clear()
            if car.floor != 1 and not self.faults.stands and not self.recalled:
                self._parking = True
                self._ride(1, now_s)

    def _follow_power(self, now_s: float) -> None:
        """Without power a ride ends where it is, and the rescue device takes over; with power again a lift that waits goes on."""
        car = self.car
        if not self.powered and car.phase is Phase.RIDING and not self._rescuing:
            car.move(now_s)
            self.halt(now_s, length_s=RESCUE_AFTER_S)
        elif self.powered and car.phase is Phase.HALTED and not self.faults.stands and not self.follows:
            if car.in_zone:
                car.enter(Phase.OPEN, now_s, 3.0)
            elif car.until == inf:
                self._ride(car.nearest, now_s)

    def amperes(self) -> float:
        car = self.car
        moving = car.phase is Phase.RIDING or car.phase is Phase.STRAINING
        return self.machine.amperes(moving, car.upward, self.load, car.acceleration if moving else 0.0)
