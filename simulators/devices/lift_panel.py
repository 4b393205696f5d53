"""What a lift's sensors and its controller say, from what the lift is doing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from simulators.devices.car import Phase
from simulators.devices.lags import clip

if TYPE_CHECKING:
    from simulators.devices.elevator import Elevator

_DOOR = {
    Phase.PARKED: "closed",
    Phase.RIDING: "closed",
    Phase.SHUT: "closed",
    Phase.STRAINING: "closed",
    Phase.OPEN: "opened",
    Phase.SLIDING: "opened",
    Phase.OPENING: "opening",
    Phase.CLOSING: "closing",
}


class LiftPanel:
    """Writes the points of one lift."""

    def __init__(self, lift: Elevator, code: Callable[[str, str], float]) -> None:
        self._lift, p = lift, lift.points
        self._code = {  # looked up once: a name the kind does not know fails at the start, not in a year
            point: {name: code(point, name) for name in names}
            for point, names in {
                "car_mode": ("normal", "parking", "inspection", "emergency_power", "fire_operation"),
                "car_moving_direction": ("stopped", "up", "down"),
                "car_drive_status": ("stationary", "accelerate", "decelerate", "rated_speed"),
                "car_door_status_1": ("closed", "opened", "closing", "opening"),
            }.items()
        }
        self._landings_seen: tuple[int, str] = (0, "")
        none = code("car_door_status_1", "none")
        for n in (2, 3, 4):
            p[f"car_door_status_{n}"] = none
        for floor in range(lift.shaft.floors + 1, 65):
            p[f"landing_door_status_{floor}"] = none
        p["independent_service"] = p["attendant_service"] = 0.0

    def show(self, now_s: float) -> None:
        lift, p, code = self._lift, self._lift.points, self._code
        car, door, upsets = lift.car, self._door(), lift.upsets
        phase, riding, in_zone = car.phase, car.phase is Phase.RIDING, car.in_zone
        shut = door == "closed"
        p["car_mode"] = code["car_mode"][lift.mode]
        p["car_position"] = 0.0 if lift.faults.lost else float(car.nearest)
        p["car_position_m"], p["car_speed"] = car.m, car.speed
        direction = code["car_moving_direction"]["stopped" if not riding else "up" if car.speed >= 0 else "down"]
        p["car_moving_direction"] = p["car_assigned_direction"] = direction
        p["car_drive_status"] = code["car_drive_status"][self._drive()]
        p["car_door_status_1"] = code["car_door_status_1"][door]
        p["car_door_zone"] = float(in_zone)
        p["car_load"] = clip(lift.load + lift.noise(0.3), 0.0, 125.0) if lift.load else abs(lift.noise(0.2))
        p["occupancy_detected"] = float(lift.load > 0.0)
        p["next_stopping_floor"] = float(car.target)
        p["passenger_alarm"] = float(lift.faults.alarm[0] <= now_s < lift.faults.alarm[1])
        p["intercom_active"] = float(lift.faults.answer[0] <= now_s < lift.faults.answer[1])
        wrong = lift.faults if lift.faults.happened else None
        p["fault_signals"], p["maker_fault_code"] = (wrong.signals(), wrong.maker_code()) if wrong else (0.0, 0.0)
        p["safety_chain_closed"] = float(wrong is None or not wrong.chain_open)
        p["door_lock_closed"] = float(shut and not (riding and "door_lock_break_while_moving" in upsets and self._rubs()))
        p["brake_released"] = float(riding and now_s - car.begun >= lift.machine.brake_delay_s or phase is Phase.STRAINING)
        p["light_curtain_blocked"] = float(lift.door.beam_broken(now_s, upsets))
        p["door_open_limit"], p["door_close_limit"] = float(door == "opened"), float(shut)
        p["inspection_switch"] = float(lift.mode == "inspection")
        p["fire_switch"] = p["fire_recall"] = float(lift.recalled)
        p["lock_switch"] = float(lift.locked and phase is Phase.PARKED)
        p["leveling_offset_mm"] = lift.levelling
        p["mains_ok"] = float(lift.powered)
        p["pit_water"] = float("pit_water" in upsets or "pit_water_fire_lift" in upsets)
        self._show_machine(now_s, riding)
        self._show_contacts(riding, door)
        self._show_landings(door)

    def _show_machine(self, now_s: float, riding: bool) -> None:
        lift, p, machine, door = self._lift, self._lift.points, self._lift.machine, self._lift.door
        p["motor_current"] = lift.amperes() + abs(lift.noise(0.05))
        p["motor_temp"], p["inverter_temp"] = machine.motor.value, machine.inverter.value
        p["brake_temp"], p["machine_room_temp"] = machine.brake.value, machine.room.value
        p["machine_room_humidity"] = clip(lift.around.humidity - 10.0, 20.0, 85.0)
        p["vibration_x_pp"], p["vibration_y_pp"], p["vibration_z_pp"] = machine.vibration
        p["ard_battery_voltage"] = machine.battery.value
        p["door_open_time_s"], p["door_close_time_s"] = door.open_s, door.close_s
        p["door_reopen_count"], p["door_cycle_count"] = door.reopened, float(int(door.cycles))
        p["trip_count"], p["rope_bend_count"] = lift.trips, lift.trips * 2.0
        p["run_hours"], p["energy"] = lift.run_hours, lift.energy
        p["intercom_line_ok"] = float("intercom_line_lost" not in lift.upsets and "intercom_line_dead" not in lift.upsets)
        p["camera_ok"] = float("car_camera_lost" not in lift.upsets)
        p["last_alarm_test"] = now_s - now_s % 86_400.0

    def _show_contacts(self, riding: bool, door: str) -> None:
        """What the same lift offers on a terminal strip."""
        lift, p = self._lift, self._lift.points
        p["common_fault"] = fault = float(lift.faults.contact)
        p["available"] = float(lift.mode in ("normal", "parking") and not fault)
        p["running"] = float(riding or lift.car.phase is Phase.STRAINING)
        p["overload"] = float(lift.load > 110.0)
        p["fire_recall_arrived"] = float(lift.follows and lift.car.floor == 1 and door == "opened")
        p["registered_car_calls"] = float(1 << (lift.aboard.target - 1)) if lift.aboard else 0.0
        p["landing_calls"] = float(sum(1 << floor for floor in {call.origin - 1 for call in lift.calls})) if lift.calls else 0.0

    def _show_landings(self, door: str) -> None:
        """A landing door moves with the car's; the others stay shut. Written only when something changes: there may be 64."""
        floor = self._lift.car.floor
        if (seen := (floor, door)) == self._landings_seen:
            return
        p, code = self._lift.points, self._code["car_door_status_1"]
        for n in range(1, self._lift.shaft.floors + 1):
            p[f"landing_door_status_{n}"] = code[door if n == floor and self._lift.car.phase is not Phase.RIDING else "closed"]
        self._landings_seen = seen

    def _door(self) -> str:
        car = self._lift.car
        if car.phase is Phase.HALTED:
            return "opened" if self._lift.round.doors_open else "closed"
        return _DOOR[car.phase]

    def _drive(self) -> str:
        car = self._lift.car
        if car.phase is Phase.STRAINING:
            return "accelerate"
        if car.phase is not Phase.RIDING:
            return "stationary"
        if abs(car.acceleration) < 1e-6:
            return "rated_speed"
        return "accelerate" if car.acceleration * car.speed >= 0 else "decelerate"

    def _rubs(self) -> bool:
        """The coupler meets a roller that stands out at the middle floor: the contact is open for `ms` at rated speed."""
        lift, shaft = self._lift, self._lift.shaft
        half = shaft.rated_m_s * lift.upsets["door_lock_break_while_moving"]["ms"] / 2000.0
        return abs(lift.car.m - shaft.level((shaft.floors + 1) // 2)) <= half
