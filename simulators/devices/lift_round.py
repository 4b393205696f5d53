"""A lift's round: what follows when a part of it is over, and what the car is made to do."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from simulators.devices.car import Phase
from simulators.devices.traffic import PERSON_KG, Call

if TYPE_CHECKING:
    from simulators.devices.elevator import Elevator

RESCUE_AFTER_S, RESCUE_M_S = 8.0, 0.3  # the automatic rescue device: from the battery, to the nearest landing
PARKS_AFTER_S = 90.0
LIMITER_S = 45.0  # the controller's run-time limiter
TRIES_S = 15.0  # so long it tries to open a door before it says so
BACK_TOO_OFTEN = 5  # re-openings in a row after which the controller says so


class LiftRound:
    """fetching: who waits where the car goes. parking: it rides home. doors_open: of a car that is halted."""

    def __init__(self, lift: Elevator) -> None:
        self._lift = lift
        self.fetching: Call | None = None
        self.parking = self.doors_open = False
        self.rescuing = self.closes = False

    def go_on(self, now_s: float) -> None:
        """Everything that was due up to now."""
        car = self._lift.car
        while car.until <= now_s:
            self._next(car.until)
        if car.phase is Phase.PARKED:
            self._leave_parking(now_s)
        self._follow_power(now_s)

    # what the car is made to do

    def open_doors(self, at: float) -> None:
        slow = self._lift.upsets.get("door_slow")
        self._lift.door.slow = 1.0 + (slow["factor"] - 1.0) * self._lift.machine.part("door_slow", slow["over_s"]) if slow else 1.0
        self._lift.car.enter(Phase.OPENING, at, self._lift.door.opening())

    def send_away(self, load: float, at: float) -> None:
        """The car leaves at once, with somebody where a load is given."""
        car = self._lift.car
        away = car.floor + 2 if car.floor + 2 <= self._lift.shaft.floors else car.floor - 2
        self._lift.aboard, self._lift.load = (Call(car.floor, away, 2), max(self._lift.load, load)) if load else (None, 0.0)
        self.fetching = None if load else Call(away, car.floor, 1)
        self.closes = True
        car.enter(Phase.CLOSING, at, 0.2 if car.phase is Phase.PARKED else self._lift.shaft.door_s)

    def halt(self, at: float, *, length_s: float = inf, doors_open: bool = False) -> None:
        self._lift.car.enter(Phase.HALTED, at, length_s)
        self._lift.car.speed = self._lift.car.acceleration = 0.0
        self.doors_open, self.parking = doors_open, False

    def set_free(self, at: float) -> None:
        """Mended: doors open where it stands at a landing, else the car is taken to the nearest one, people are out."""
        if self._lift.car.in_zone:
            self.open_doors(at)
        else:
            self._lift.aboard, self._lift.load = None, 0.0
            self._ride(self._lift.car.nearest, at)

    def _ride(self, floor: int, at: float, rated: float | None = None) -> None:
        if "run_time_exceeded" in self._lift.upsets:
            self._lift.car.enter(Phase.STRAINING, at, LIMITER_S)
            return
        if abs(self._lift.shaft.level(floor) - self._lift.car.m) < 1e-3:
            self._lift.car.target = floor
            self._arrive(at)
            return
        fast = self._lift.upsets.get("overspeed") or self._lift.upsets.get("overspeed_warning")
        self._lift.car.set_off(floor, at, rated or self._lift.shaft.rated_m_s * (fast["factor"] if fast else 1.0))
        self._lift.trips += 1

    # its round

    def _next(self, at: float) -> None:
        """The phase that ends at `at` is over: what follows."""
        car, phase = self._lift.car, self._lift.car.phase
        if phase is Phase.HALTED:  # on the battery
            self.rescuing = True
            self._ride(car.nearest, at, RESCUE_M_S)
        elif phase is Phase.RIDING:
            self._arrive(at)
        elif phase is Phase.OPENING:
            self._opened(at)
        elif phase is Phase.OPEN:
            length, self.closes = self._lift.door.closing(at, self._lift.upsets)
            car.enter(Phase.CLOSING, at, length)
        elif phase is Phase.CLOSING:
            self._closing_over(at)
        elif phase is Phase.PARKED:
            self._go_home(at)
        elif phase is Phase.SHUT:
            self._lift.faults.comes_about("door_fails_to_open", "door_fails_to_open_occupied")
            car.enter(Phase.SHUT, at)
        else:  # the limiter ends a run that leads nowhere
            self._lift.faults.comes_about("run_time_exceeded")
            self.open_doors(at)

    def _arrive(self, at: float) -> None:
        car, rough = self._lift.car, self._lift.upsets.get("ride_vibration_high")
        self._lift.machine.rode(rough["factor"] if rough and car.passed((self._lift.shaft.floors + 1) // 2) else 1.0)
        car.arrive()
        off = self._lift.upsets.get("levelling_out_of_tolerance") or self._lift.upsets.get("levelling_trip_hazard")
        self._lift.levelling = self._lift.levelling_bias[car.floor] + self._lift.noise(1.5) + (off["mm"] if off else 0.0)
        parking, self.parking, self.rescuing = self.parking, False, False
        if self._lift.follows and car.floor != 1 and self._lift.powered:
            self._ride(1, at)
        elif parking:
            car.enter(Phase.PARKED, at)
        elif self._lift.upsets and ("door_fails_to_open_occupied" if self._lift.load else "door_fails_to_open") in self._lift.upsets:
            car.enter(Phase.SHUT, at, TRIES_S)
        else:
            self.open_doors(at)

    def _opened(self, at: float) -> None:
        """Doors are open: people leave, people enter; it waits for more, or stays so."""
        car = self._lift.car
        self._lift.aboard = None
        if self.fetching is not None and self.fetching.origin == car.floor:
            self._lift.aboard, self.fetching = self.fetching, None
        self._lift.load = 100.0 * PERSON_KG * self._lift.aboard.people / self._lift.shaft.rated_kg if self._lift.aboard else 0.0
        if "lift_fault_occupied" in self._lift.upsets:
            self._lift.load = max(self._lift.load, self._lift.upsets["lift_fault_occupied"]["load"])
        if "unintended_movement" in self._lift.upsets:
            self._lift.faults.comes_about("unintended_movement")
            car.enter(Phase.SLIDING, at)
        elif not self._lift.powered or self._lift.faults.out_of_use or self._lift.follows and car.floor == 1:
            self.halt(at, doors_open=True)
        else:
            car.enter(Phase.OPEN, at, 3.0 + 2.0 * self._lift.rng.random())

    def _closing_over(self, at: float) -> None:
        if not self.closes:
            self._lift.door.turned_back()
            if self._lift.door.back >= BACK_TOO_OFTEN:
                self._lift.faults.comes_about("door_fails_to_close", "light_curtain_blocked")
            self._lift.car.enter(Phase.OPENING, at, self._lift.car.until - self._lift.car.begun)
            return
        self._lift.door.closed()
        self._lift.faults.happened -= {"door_fails_to_close", "light_curtain_blocked"}
        self._leave(at)

    def _leave(self, at: float) -> None:
        """Doors are shut: where to."""
        if self._lift.faults.chain_open:
            self._lift.car.enter(Phase.PARKED, at)
        elif self._lift.follows and self._lift.powered:
            self._ride(1, at)
        elif self._lift.faults.lost:  # down to the lowest landing, slowly, to count anew
            self._ride(1, at, RESCUE_M_S)
        elif self._lift.aboard is not None and self._lift.aboard.target != self._lift.car.floor:
            self._ride(self._lift.aboard.target, at)
        elif self.fetching is not None or self._lift.calls and self._lift.serves:
            self.fetching = self.fetching or self._lift.calls.popleft()
            self._ride(self.fetching.origin, at)
        else:
            self._lift.car.enter(Phase.PARKED, at, PARKS_AFTER_S)

    def _go_home(self, at: float) -> None:
        """Idle for a while: to the main landing, doors shut."""
        if self._lift.car.floor == 1 or not self._lift.serves:
            self._lift.car.enter(Phase.PARKED, at)
        else:
            self.parking = True
            self._ride(1, at)

    def _leave_parking(self, now_s: float) -> None:
        car = self._lift.car
        if self._lift.faults.chain_open or not self._lift.powered:
            return
        if self._lift.faults.out_of_use or self._lift.follows and car.floor == 1:
            self.open_doors(now_s)
        elif self._lift.follows or self._lift.faults.lost or self._lift.calls and self._lift.serves:
            self._leave(now_s)
        elif self._lift.locked:
            self._lift.calls.clear()
            if car.floor != 1 and not self._lift.faults.stands and not self._lift.recalled:
                self.parking = True
                self._ride(1, now_s)

    def _follow_power(self, now_s: float) -> None:
        """Without power a ride ends where it is, and the rescue device takes over; with power again a lift that waits goes on."""
        car = self._lift.car
        if not self._lift.powered and car.phase is Phase.RIDING and not self.rescuing:
            car.move(now_s)
            self.halt(now_s, length_s=RESCUE_AFTER_S)
        elif self._lift.powered and car.phase is Phase.HALTED and not self._lift.faults.stands and not self._lift.follows:
            if car.in_zone:
                car.enter(Phase.OPEN, now_s, 3.0)
            elif car.until == inf:
                self._ride(car.nearest, now_s)
