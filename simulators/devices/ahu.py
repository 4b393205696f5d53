"""An air handler of a VAV system: fan on a drive, economiser, heating and cooling coil in sequence, filter, a zone that gains heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import Lag, clip
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.ahu import UPSETS

CLEAN_FILTER_PA, FAN_KW = 80.0, 4.0
HEAT_K, COOL_K, FAN_K = 26.0, 18.0, 0.8  # what coils and fan do to the air at full opening
LEAST_OUTDOOR, MOST_OUTDOOR = 20.0, 60.0  # % of outdoor air


class Ahu(Plant):
    kind: ClassVar[str] = "ahu"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        room = 23.0 + float(rng.normal(0.0, 0.5))
        self._fan = Lag(0.0, 6.0)
        self._supply, self._room = Lag(20.0, 90.0), Lag(room, 1.0)
        self._heat, self._cool, self._oa = Lag(0.0, 25.0), Lag(0.0, 25.0), Lag(0.0, 30.0)
        self._co2 = Lag(520.0, 1500.0)
        self._drive_temp = Lag(30.0, 900.0)
        self._demand = 0.0  # -100 heat .. +100 cool, the controller's output
        self._fan_cmd = 0.0
        self._dirt = float(rng.uniform(0.05, 0.4))  # of the clean filter's resistance
        self._soiled = 0.0
        self._gain = float(rng.uniform(6.0, 8.0))  # K the zone would stand above its supply air when full
        self._nominal_m3_h = self.parameter("nominal_flow", 5000.0)
        self._settle()

    def _settle(self) -> None:
        """A unit that has been running for hours, not one switched on this instant."""
        for _ in range(360):
            self.step(self.around.now_s, 10.0)

    def _asked(self) -> bool:
        return self._scheduled() or any(u.get("run", 0.0) >= 0.5 for u in self.upsets.values())

    def _scheduled(self) -> bool:
        start, stop = self.parameter("start_hour", 6.5), self.parameter("stop_hour", 20.0)
        return start <= self.around.hour < stop and (self.around.weekday < 5 or self.parameter("weekends", 1.0) > 0)

    def ended(self, name: str) -> None:
        if name in ("filter_dirty", "filter_missing"):
            self._dirt = self._soiled = 0.0  # a new filter

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        left = max(dt_s, 1e-3)
        while left > 1e-9:
            length = min(left, 10.0)
            self._advance(length)
            left -= length
        self._show()

    def _advance(self, dt: float) -> None:
        u, around = self.upsets, self.around
        stopped = "freeze_stat_trip" in u or "smoke_alarm_duct" in u or around.fire or not around.powered
        on = self._asked() and not stopped
        self._fan_cmd = clip(70.0 + 8.0 * (self._room.value - 24.0), 45.0, 95.0) if on else 0.0
        turns = (on or "fan_running_when_off" in u) and "fan_fail_to_start" not in u and "fan_drive_fault" not in u and around.powered
        self._fan.toward(max(self._fan_cmd, 45.0 if "fan_running_when_off" in u else 0.0) if turns else 0.0, dt)
        if self._fan.value < 0.5 and not turns:
            self._fan.value = 0.0
        self._control(dt, on)
        self._air(dt)
        if (soil := u.get("filter_dirty")) is not None:
            final = soil["dp"] / CLEAN_FILTER_PA - 1.0
            self._soiled = min(final, self._soiled + final * dt / soil["over_s"]) if soil["over_s"] > 0 else final

    def _control(self, dt: float, on: bool) -> None:
        """One proportional-integral controller, heating below 0, above it first outdoor air, then the cooling coil."""
        error = self._supply.value - self.setpoint()
        if on and self._fan.value > 20.0:
            self._demand = clip(self._demand + (0.025 * error) * dt, -100.0, 100.0)
            output = clip(self._demand + 2.5 * error, -100.0, 100.0)
        else:
            self._demand = output = 0.0
        free = self.around.outdoor_temp < self._room.value - 2.0
        self.heat_cmd = max(0.0, -output)
        self.cool_cmd = max(0.0, output)
        self.oa_cmd = 0.0 if not on else clip(LEAST_OUTDOOR + (output if free else 0.0), LEAST_OUTDOOR, MOST_OUTDOOR)
        stuck = self.upsets.get("supply_temp_high")
        self._heat.toward(stuck["heat"] if stuck else self.heat_cmd, dt)
        least = self.upsets.get("cooling_valve_stuck_open", {}).get("least", 0.0)
        self._cool.toward(0.0 if stuck else max(least, self.cool_cmd), dt)
        self._oa.toward(self.upsets.get("damper_stuck", {}).get("opening", self.oa_cmd), dt)

    def setpoint(self) -> float:
        """Supply air set-point, reset by outdoor air: 18 degC at 5 outside, 14 at 25."""
        return clip(18.0 - 0.2 * (self.around.outdoor_temp - 5.0), 14.0, 18.0)

    @property
    def flow(self) -> float:
        """Share of nominal air flow; a loaded filter takes some of it."""
        return self._fan.value / 85.0 / (1.0 + 0.03 * (self._dirt + self._soiled))

    def _air(self, dt: float) -> None:
        around, flow = self.around, self.flow
        outdoor, room = around.outdoor_temp, self._room.value
        share = self._oa.value / 100.0
        self.mixed = share * outdoor + (1.0 - share) * (room + 0.5)
        if flow > 0.1:
            target = self.mixed + FAN_K + HEAT_K * self._heat.value / 100.0 - COOL_K * self._cool.value / 100.0
            self._supply.toward(target, dt, clip(60.0 / max(flow, 0.2), 60.0, 180.0))
        else:
            self._supply.toward(room, dt, 900.0)
            self.mixed = room
        people = 1.0 if around.working_hours else 0.08
        hold = 1800.0
        pull = flow * (self._supply.value - room)
        through_walls = 0.06 * (outdoor - room) + 0.5 * (22.0 - room) * (1.0 - min(1.0, flow))
        self._room.value += dt / hold * (pull + self._gain * people + through_walls)
        self._co2.toward(420.0 + 900.0 * people / (0.6 + 2.5 * share * flow), dt)
        self._drive_temp.toward(28.0 + 0.35 * self._fan.value, dt)

    # what its controller says

    def _show(self) -> None:
        p, noise, u = self.points, self.noise, self.upsets
        flow, fan, setpoint = self.flow, self._fan.value, self.setpoint()
        running = fan > 5.0
        p["supply_temp"] = self._supply.value + noise(0.04)
        p["return_temp"], p["room_temp"] = self._room.value + 0.5 + noise(0.03), self._room.value + noise(0.03)
        p["mixed_temp"] = self.mixed + noise(0.05)
        p["outdoor_temp"] = self.around.outdoor_temp + noise(0.03)
        p["intake_temp"] = self.around.outdoor_temp + 0.3
        p["after_recovery_temp"], p["exhaust_temp"] = self.mixed + noise(0.05), self._room.value - 0.6 * (self._room.value - self.mixed)
        p["supply_temp_sp"] = setpoint
        p["supply_temp_heat_sp"], p["supply_temp_cool_sp"] = setpoint - 0.5, setpoint + 0.5
        p["return_temp_sp"] = p["room_temp_sp"] = 24.0
        p["supply_static_pressure"] = max(0.0, 250.0 * (flow / 0.8) ** 2 + noise(1.5)) if running else 0.0
        p["supply_static_pressure_sp"] = 250.0 * (self._fan_cmd / 68.0) ** 2 if self._fan_cmd else 250.0
        p["supply_flow"], p["extract_flow"] = self._nominal_m3_h * flow, self._nominal_m3_h * 0.93 * flow
        p["fan_cmd"], p["fan_speed"], p["fan_status"] = self._fan_cmd, fan, float(running)
        p["return_fan_cmd"], p["return_fan_speed"], p["return_fan_status"] = 0.95 * self._fan_cmd, 0.95 * fan, float(running)
        p["fan_power"] = FAN_KW * (fan / 100.0) ** 3 + (0.05 if running else 0.0)
        p["fan_current"] = 7.6 * (fan / 100.0) ** 2 + 2.0 if running else 0.0
        p["fan_drive_temp"] = self._drive_temp.value
        p["drive_fault_code"] = u.get("fan_drive_fault", {}).get("code", 0.0)
        p["cool_valve_cmd"], p["cool_valve_pos"] = self.cool_cmd, self._cool.value
        p["heat_valve_cmd"], p["heat_valve_pos"] = self.heat_cmd, self._heat.value
        p["oa_damper_cmd"], p["oa_damper_pos"] = self.oa_cmd, self._oa.value
        p["ra_damper_cmd"], p["ra_damper_pos"] = 100.0 - self.oa_cmd, 100.0 - self._oa.value
        p["ea_damper_cmd"], p["ea_damper_pos"] = self.oa_cmd, self._oa.value
        p["bypass_damper_cmd"] = 0.0
        resistance = 0.2 if "filter_missing" in u else 1.0 + self._dirt + self._soiled
        p["filter_dp_supply"] = max(0.0, CLEAN_FILTER_PA * resistance * flow * flow + noise(0.8)) if running else 0.0
        p["filter_dp_extract"] = max(0.0, 0.8 * CLEAN_FILTER_PA * (1.0 + self._dirt) * flow * flow + noise(0.8)) if running else 0.0
        p["recovery_dp_supply"], p["recovery_dp_extract"] = 110.0 * flow * flow, 105.0 * flow * flow
        p["freeze_stat"], p["smoke_alarm"] = float("freeze_stat_trip" in u), float("smoke_alarm_duct" in u)
        p["fire_alarm"] = p["fire_damper_closed"] = float(self.around.fire)
        p["condensate_high"] = 0.0
        p["co2"], p["humidity"] = self._co2.value, clip(self.around.humidity * 0.75, 25.0, 75.0)
        p["supply_humidity"], p["outdoor_humidity"] = clip(self.around.humidity * 0.85, 25.0, 90.0), self.around.humidity
        p["recovery_efficiency"], p["frost_output"] = (72.0 + noise(0.3)) if running else 0.0, 0.0
        p["unit_mode"] = self.code("unit_mode", "fire" if self.around.fire else "normal" if self._fan_cmd else "stopped")
        p["control_mode"] = self.code("control_mode", "auto")
        p["occupied"] = float(self._scheduled())
        p["supply_fan_alarm"] = float("fan_drive_fault" in u)
        p["extract_fan_alarm"] = p["heater_overheated"] = p["recovery_rotor_alarm"] = 0.0
        p["filter_alarm_supply"] = float(p["filter_dp_supply"] > 300.0)
        p["filter_alarm_extract"] = 0.0
        p["common_alarm"] = float(any(p[name] for name in ("supply_fan_alarm", "freeze_stat", "smoke_alarm", "filter_alarm_supply")))
