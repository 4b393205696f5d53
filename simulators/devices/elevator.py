"""A traction lift: calls, rides along an S-curve, doors, load, brake; driven by its next event, so a step may be 20 ms or a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.lags import Lag, clip
from simulators.devices.motion import Ride
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.traffic import PERSON_KG, Call, Traffic
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.elevator import UPSETS

ACCELERATION, JERK = 0.9, 1.1  # m/s2, m/s3
RESCUE_AFTER_S, RESCUE_M_S = 8.0, 0.3  # the automatic rescue device: from the battery, to the nearest landing
DOOR_ZONE_M = 0.20


class Phase(Enum):
    """Where the car is in its round: parked with closed doors, opening, open, closing, riding, or halted where it stands."""

    PARKED = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    RIDING = auto()
    HALTED = auto()


_DOOR = {
    Phase.PARKED: "closed",
    Phase.RIDING: "closed",
    Phase.OPEN: "opened",
    Phase.OPENING: "opening",
    Phase.CLOSING: "closing",
}


@dataclass(frozen=True, slots=True)
class Shaft:
    """What is built: floors, metres between them, rated speed m/s, rated load kg, door stroke time s."""

    floors: int = 12
    floor_m: float = 3.6
    rated_m_s: float = 1.75
    rated_kg: float = 1000.0
    door_s: float = 2.8

    @classmethod
    def of(cls, parameters: Mapping[str, float | str]) -> Shaft:
        """As the site file tells it, the usual one otherwise."""
        given = {k: float(v) for k, v in parameters.items() if isinstance(v, (int, float))}
        usual = cls()
        return cls(
            floors=int(given.get("floors", usual.floors)),
            floor_m=given.get("floor_height", usual.floor_m),
            rated_m_s=given.get("rated_speed", usual.rated_m_s),
            rated_kg=given.get("rated_load", usual.rated_kg),
        )


class Elevator(Plant):
    kind: ClassVar[str] = "elevator"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, shaft: Shaft = Shaft()
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        self.shaft = shaft
        self._code = {  # looked up once: a name the kind does not know fails at the start, not in a year
            point: {name: self.code(point, name) for name in names}
            for point, names in {
                "car_mode": ("normal", "inspection", "emergency_power", "fire_operation"),
                "car_moving_direction": ("stopped", "up", "down"),
                "car_drive_status": ("stationary", "accelerate", "decelerate", "rated_speed"),
                "car_door_status_1": ("closed", "opened", "closing", "opening"),
            }.items()
        }
        self._now = around.now_s
        self._traffic = Traffic(shaft.floors, rng, self._now)
        self._calls: deque[Call] = deque()
        self._aboard: Call | None = None  # who is inside
        self._fetching: Call | None = None  # who waits where the car goes
        self._phase, self._until, self._begun = Phase.PARKED, inf, self._now
        self._floor = int(rng.integers(1, shaft.floors + 1))
        self._from_m = self._m = self._level(self._floor)
        self._target = self._floor
        self._ride = Ride(0.1, shaft.rated_m_s, ACCELERATION, JERK)
        self._speed = self._acceleration = 0.0
        self._load = 0.0
        self._levelling_bias = [float(b) for b in rng.normal(0.0, 2.0, shaft.floors + 1)]
        self._levelling = 0.0
        self._reopened = 0
        self._alarm_at = inf
        self._rescuing = False
        self._door_open_s = self._door_close_s = shaft.door_s
        self._motor, self._inverter, self._room = Lag(38.0, 1500.0), Lag(35.0, 600.0), Lag(26.0, 3600.0)
        self._trips = float(rng.integers(200_000, 900_000))
        self._run_hours = self._trips * 14.0 / 3600.0
        self._door_cycles = self._trips * 1.1
        self._energy = self._trips * 0.06
        self._battery = Lag(53.8, 900.0)
        self._landings_seen: tuple[int, str] = (0, "")
        for n in (2, 3, 4):
            self.points[f"car_door_status_{n}"] = self.code("car_door_status_1", "none")
        for floor in range(shaft.floors + 1, 65):
            self.points[f"landing_door_status_{floor}"] = self.code("landing_door_status_1", "none")
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

    def _level(self, floor: int) -> float:
        return (floor - 1) * self.shaft.floor_m

    # what happens

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "passenger_entrapment":
            self._alarm_at = inf
            if self._phase is not Phase.RIDING:  # somebody steps in and the car leaves, to be stopped on its way
                away = self._floor + 2 if self._floor + 2 <= self.shaft.floors else self._floor - 2
                self._aboard = Call(self._floor, away, 2)
                self._load = max(self._load, settings["load"])
                self._enter(Phase.CLOSING, self._now, self.shaft.door_s if self._phase is not Phase.PARKED else 0.2)
        elif name == "mode_left_in_inspection":
            self._calls.clear()

    def ended(self, name: str) -> None:
        if name == "passenger_entrapment":
            self._alarm_at = inf
            if self._phase is Phase.HALTED:  # freed: the car is taken to the nearest landing
                self._aboard, self._load = None, 0.0
                self._set_off(self._nearest(), self._now)
        elif name in ("lift_common_fault", "mode_left_in_inspection") and self._phase is Phase.HALTED:
            self._enter(Phase.OPEN, self._now, 3.0)

    def _nearest(self) -> int:
        return int(clip(round(self._m / self.shaft.floor_m) + 1, 1, self.shaft.floors))

    def _enter(self, phase: Phase, at: float, length_s: float = inf) -> None:
        self._phase, self._begun, self._until = phase, at, at + length_s

    def _set_off(self, floor: int, at: float, rated: float | None = None) -> None:
        distance = self._level(floor) - self._m
        self._target, self._from_m = floor, self._m
        if abs(distance) < 1e-3:
            self._arrive(at)
            return
        self._ride = Ride(distance, rated or self.shaft.rated_m_s, ACCELERATION, JERK)
        self._enter(Phase.RIDING, at, self._ride.duration_s)
        self._trips += 1

    def _arrive(self, at: float) -> None:
        self._floor, self._m = self._target, self._level(self._target)
        self._levelling = self._levelling_bias[self._floor] + self.noise(1.5)
        self._door_open_s = self.shaft.door_s + self.noise(0.05)
        self._enter(Phase.OPENING, at, self._door_open_s)

    def _next(self, at: float) -> None:
        """The phase that ends at `at` is over: what follows."""
        out_of_use = self._out_of_use() or not self.around.powered
        if self._phase is Phase.HALTED:  # on the battery
            self._rescuing = True
            self._set_off(self._nearest(), at, RESCUE_M_S)
        elif self._phase is Phase.RIDING:
            self._rescuing = False
            self._arrive(at)
        elif self._phase is Phase.OPENING:
            self._exchange()
            self._enter(Phase.HALTED, at) if out_of_use else self._enter(Phase.OPEN, at, 3.0 + 2.0 * self.rng.random())
        elif self._phase is Phase.OPEN:
            self._door_close_s = self.shaft.door_s + 0.2 + self.noise(0.05)
            self._enter(Phase.CLOSING, at, self._door_close_s * self._blocked_at())
        elif self._phase is Phase.CLOSING:
            if self._blocked_at() < 1.0:
                self._reopened += 1
                self._enter(Phase.OPENING, at, self._door_open_s * self._blocked_at())
                return
            self._door_cycles += 1
            self._reopened = 0
            self._leave(at)

    def _out_of_use(self) -> bool:
        return "lift_common_fault" in self.upsets or "mode_left_in_inspection" in self.upsets

    def _blocked_at(self) -> float:
        """The share of its stroke the door closes before something sends it back; 1 = it closes."""
        if "light_curtain_blocked" in self.upsets:
            return 0.1
        return self.upsets.get("door_fails_to_close", {}).get("stroke", 1.0)

    def _exchange(self) -> None:
        """Doors are open: people leave, people enter."""
        self._aboard = None
        if self._fetching is not None and self._fetching.origin == self._floor:
            self._aboard, self._fetching = self._fetching, None
        self._load = 100.0 * PERSON_KG * self._aboard.people / self.shaft.rated_kg if self._aboard else 0.0

    def _leave(self, at: float) -> None:
        if self._aboard is not None:
            self._set_off(self._aboard.target, at)
        elif self._calls and not self._out_of_use():
            self._fetching = self._calls.popleft()
            self._set_off(self._fetching.origin, at)
        else:
            self._enter(Phase.PARKED, at)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        around = self.around
        if "mode_left_in_inspection" not in self.upsets:
            self._calls.extend(self._traffic.due(now_s, around.hour, around.weekday))
            while len(self._calls) > 8:  # who waits too long takes the stairs
                self._calls.popleft()
        while self._until <= now_s:
            self._next(self._until)
        if self._phase is Phase.PARKED:
            self._leave_parking(now_s)
        self._follow_power(now_s)
        self._now = now_s
        self._move(now_s)
        self._halt_where_it_must(now_s)
        self._warm(dt_s)
        self._show(now_s)

    def _leave_parking(self, now_s: float) -> None:
        if self._out_of_use():
            self._enter(Phase.OPENING, now_s, self._door_open_s)
        elif self._calls and self.around.powered:
            self._leave(now_s)

    def _follow_power(self, now_s: float) -> None:
        """Without power a ride ends where it is, and the rescue device takes over; with power again a lift that waits goes on."""
        if not self.around.powered and self._phase is Phase.RIDING and not self._rescuing:
            self._move(now_s)
            self._enter(Phase.HALTED, now_s, RESCUE_AFTER_S)
        elif self.around.powered and self._phase is Phase.HALTED and not (self._out_of_use() or "passenger_entrapment" in self.upsets):
            if abs(self._m - self._level(self._nearest())) <= DOOR_ZONE_M:
                self._enter(Phase.OPEN, now_s, 3.0)
            elif self._until == inf:
                self._set_off(self._nearest(), now_s)

    def _move(self, now_s: float) -> None:
        if self._phase is Phase.RIDING:
            way, self._speed, self._acceleration = self._ride.at(now_s - self._begun)
            self._m = self._from_m + way
        else:
            self._speed = self._acceleration = 0.0

    def _halt_where_it_must(self, now_s: float) -> None:
        """Entrapment: the brake falls in once the car is well away from a landing."""
        settings = self.upsets.get("passenger_entrapment")
        if settings is None or self._phase is not Phase.RIDING:
            return
        beside = self._m / self.shaft.floor_m % 1.0
        if 0.2 < beside < 0.8:
            self._enter(Phase.HALTED, now_s)
            self._speed = self._acceleration = 0.0
            self._load = max(self._load, settings["load"])
            self._aboard = self._aboard or Call(self._floor, self._target, 2)
            self._alarm_at = now_s + settings["alarm_after_s"]

    def _warm(self, dt_s: float) -> None:
        running = self._phase is Phase.RIDING
        outdoor = self.around.outdoor_temp
        hot = self.upsets.get("machine_room_hot")
        self._room.toward(outdoor + hot["rise"] if hot else clip(24.0 + 0.1 * (outdoor - 20.0), 18.0, 30.0), dt_s)
        self._motor.toward(self._room.value + (45.0 if running else 12.0), dt_s)
        self._inverter.toward(self._room.value + (28.0 if running else 9.0), dt_s)
        self._battery.toward(53.8 if self.around.powered else 47.0, dt_s)
        if running:
            self._run_hours += dt_s / 3600.0
            self._energy += dt_s * self._amperes() * 0.6 / 3600.0

    def _amperes(self) -> float:
        """Motor current: standby, then what balance and acceleration ask for (counterweight balanced at 45 % load)."""
        if self._phase is not Phase.RIDING:
            return 1.2
        up = 1.0 if self._ride.at(1e9)[0] > 0 else -1.0
        return max(3.0, 9.0 + 0.16 * up * (self._load - 45.0) + 7.0 * abs(self._acceleration))

    # what its sensors and its controller say

    def _show(self, now_s: float) -> None:
        phase, p, code = self._phase, self.points, self._code
        riding, door = phase is Phase.RIDING, self._door(now_s)
        in_zone = abs(self._m - self._level(self._nearest())) <= DOOR_ZONE_M
        entrapped = phase is Phase.HALTED and "passenger_entrapment" in self.upsets and not in_zone
        inspected = "mode_left_in_inspection" in self.upsets
        p["car_mode"] = code["car_mode"]["inspection" if inspected else "normal" if self.around.powered else "emergency_power"]
        p["car_position"] = float(self._nearest())
        p["car_position_m"] = self._m
        p["car_speed"] = self._speed
        direction = "stopped" if not riding else "up" if self._speed >= 0 else "down"
        p["car_moving_direction"] = code["car_moving_direction"][direction]
        p["car_assigned_direction"] = p["car_moving_direction"]
        p["car_drive_status"] = code["car_drive_status"][self._drive()]
        p["car_door_status_1"] = code["car_door_status_1"][door]
        p["car_door_zone"] = float(in_zone)
        p["car_load"] = clip(self._load + self.noise(0.3), 0.0, 125.0) if self._load else abs(self.noise(0.2))
        p["passenger_alarm"] = float(entrapped and now_s >= self._alarm_at)
        p["occupancy_detected"] = float(self._load > 0.0)
        p["next_stopping_floor"] = float(self._target)
        p["fault_signals"] = self._fault_signals(entrapped)
        p["maker_fault_code"] = 35.0 if entrapped else 51.0 if "lift_common_fault" in self.upsets else 0.0
        p["safety_chain_closed"] = float(not entrapped)
        p["door_lock_closed"] = float(door == "closed")
        p["brake_released"] = float(riding)
        p["light_curtain_blocked"] = float("light_curtain_blocked" in self.upsets)
        p["door_open_limit"], p["door_close_limit"] = float(door == "opened"), float(door == "closed")
        p["inspection_switch"] = float(inspected)
        p["fire_switch"] = float(self.around.fire)
        p["lock_switch"] = 0.0
        p["leveling_offset_mm"] = self._levelling
        p["door_open_time_s"], p["door_close_time_s"] = self._door_open_s, self._door_close_s
        p["door_reopen_count"] = float(self._reopened)
        p["motor_current"] = self._amperes() + abs(self.noise(0.05))
        p["motor_temp"], p["inverter_temp"] = self._motor.value, self._inverter.value
        p["brake_temp"] = self._motor.value - 6.0
        p["machine_room_temp"] = self._room.value
        p["machine_room_humidity"] = clip(self.around.humidity - 10.0, 20.0, 85.0)
        p["vibration_x_pp"], p["vibration_y_pp"], p["vibration_z_pp"] = 0.08, 0.07, 0.14
        p["pit_water"] = float("pit_water" in self.upsets)
        p["mains_ok"] = float(self.around.powered)
        p["ard_battery_voltage"] = self._battery.value
        p["trip_count"], p["run_hours"] = self._trips, self._run_hours
        p["door_cycle_count"], p["rope_bend_count"], p["energy"] = float(int(self._door_cycles)), self._trips * 2.0, self._energy
        p["intercom_line_ok"] = p["camera_ok"] = 1.0
        p["last_alarm_test"] = now_s - now_s % 86_400.0

        self._show_contacts(riding, door, inspected)
        self._show_landings(door)

    def _show_contacts(self, riding: bool, door: str, inspected: bool) -> None:
        """What the same lift offers on a terminal strip."""
        p, fire = self.points, self.around.fire
        trapped = "passenger_entrapment" in self.upsets and self._phase is Phase.HALTED
        p["common_fault"] = float(trapped or "lift_common_fault" in self.upsets)
        p["available"] = float(not inspected and not p["common_fault"] and self.around.powered)
        p["running"] = float(riding)
        p["overload"] = float(self._load > 110.0)
        p["independent_service"] = p["attendant_service"] = 0.0
        p["fire_recall"] = float(fire)
        p["fire_recall_arrived"] = float(fire and self._floor == 1 and door == "opened")
        p["intercom_active"] = p["passenger_alarm"]
        p["registered_car_calls"] = float(1 << (self._aboard.target - 1)) if self._aboard else 0.0
        p["landing_calls"] = float(sum(1 << floor for floor in {call.origin - 1 for call in self._calls}))

    def _show_landings(self, door: str) -> None:
        """A landing door moves with the car's; the others stay shut. Written only when something changes: there may be 64."""
        seen = (self._floor, door)
        if seen == self._landings_seen:
            return
        self._landings_seen = seen
        p, code = self.points, self._code["car_door_status_1"]
        for floor in range(1, self.shaft.floors + 1):
            p[f"landing_door_status_{floor}"] = code[door if floor == self._floor and self._phase is not Phase.RIDING else "closed"]

    def _door(self, now_s: float) -> str:
        if self._phase is Phase.HALTED:
            at_landing = abs(self._m - self._level(self._nearest())) <= DOOR_ZONE_M
            return "opened" if at_landing and "passenger_entrapment" not in self.upsets else "closed"
        return _DOOR[self._phase]

    def _drive(self) -> str:
        if self._phase is not Phase.RIDING:
            return "stationary"
        if abs(self._acceleration) < 1e-6:
            return "rated_speed"
        return "accelerate" if self._acceleration * self._speed >= 0 else "decelerate"

    def _fault_signals(self, entrapped: bool) -> float:
        if entrapped:
            return float(2**5 | 2**8)  # safety interlock; car stopped outside landing zone
        if "lift_common_fault" in self.upsets:
            return float(2**1)  # drive and motor
        return float(2**6) if self._reopened >= 3 else 0.0
