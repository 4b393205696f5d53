"""An air handler of a VAV system: fan that holds the duct's pressure, economiser, two coils in sequence, a zone that gains heat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.air import CHILLED, DUCT_PA, FAN_K, FILTER_PA, TIGHT, Blown, after_coils, blow, mixed
from simulators.devices.lags import Lag, clip, parts
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.ahu import UPSETS

FAN_KW = 4.0
LEAST_OUTDOOR = 30.0  # % of the damper while people are in
FREE_SPAN = 40.0  # of the controller's output: so much opens the damper, the rest the cooling valve
FILTER_SWITCH_PA = 300.0
HEATER_LIMIT = 90.0  # degC at which the electric heater's limiter opens


class Ahu(Plant):
    kind: ClassVar[str] = "ahu"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    # its supply air goes by the weather, not by the room: in a cold snap a full zone comes to 27 degC and is well
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"nominal_flow": 5000.0, "critical_room_limit": 28.0}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._room = 23.0 + float(rng.normal(0.0, 0.5))
        self._fan, self._fan_cmd = Lag(0.0, 6.0), 0.0
        self._boxes = Lag(0.7, 300.0)
        self._supply = Lag(20.0, 90.0)
        self._heat, self._cool, self._oa = Lag(0.0, 25.0), Lag(0.0, 25.0), Lag(0.0, 30.0)
        self._co2, self._drive_temp, self._heater = Lag(520.0, 1500.0), Lag(30.0, 900.0), Lag(25.0, 120.0)
        self._held = 0.0  # what the cooling valve was last moved to
        self._demand = 0.0  # -100 heat .. +100 cool, the controller's memory
        self._free = False
        self._dirt = float(rng.uniform(0.05, 0.4))  # of the clean filter's resistance
        self._soiled = self._pan = 0.0
        self._gain = float(rng.uniform(6.0, 8.0))  # K the zone would stand above its supply air when full
        self._nominal_m3_h = self.parameter("nominal_flow", 0.0) or 5000.0
        self._hours = self.parameter("start_hour", 6.5), self.parameter("stop_hour", 20.0)
        self._weekends = self.parameter("weekends", 1.0) > 0
        self._scheduled = False
        self.heat_cmd = self.cool_cmd = self.oa_cmd = 0.0
        self._mixed, self._blown = self._room, Blown(0.0, 0.0, 0.0)
        for _ in range(360):  # a unit that has been running for hours, not one switched on this instant
            self.step(around.now_s, 10.0)

    def _asked(self) -> bool:
        return self._scheduled or any(u.get("run", 0.0) >= 0.5 for u in self.upsets.values())

    def ended(self, name: str) -> None:
        if name in ("filter_dirty", "filter_loaded", "filter_switch", "filter_missing"):
            self._dirt = self._soiled = 0.0  # a new filter
        elif name == "condensate_overflow":
            self._pan = 0.0

    def _number(self, upset: str, setting: str, otherwise: float) -> float:
        """A number of an upset while it lasts."""
        settings = self.upsets.get(upset)
        return otherwise if settings is None else settings[setting]

    def _spindle(self, upset: str, flow: float) -> float:
        """Where a valve says it stands: a worn seat lets water through though the spindle is down."""
        least = self._number(upset, "least", 0.0)
        return 0.0 if flow <= least + 0.5 and least > 0.0 else flow

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        start, stop = self._hours
        self._scheduled = start <= self.around.hour < stop and (self._weekends or self.around.weekday < 5)
        for length in parts(dt_s, 10.0):
            self._advance(length)
        self._show()

    def _advance(self, dt: float) -> None:
        u, around = self.upsets, self.around
        on = self._asked() and not ("freeze_stat_trip" in u or "smoke_alarm_duct" in u or around.fire or not around.powered)
        self._blow(dt, on)
        self._control(dt, on)
        self._air(dt)
        for name in ("filter_dirty", "filter_loaded", "filter_switch"):
            if (soil := u.get(name)) is not None:
                final = max(0.0, soil["dp"] / FILTER_PA - 1.0 - self._dirt)
                over = soil.get("over_s", 0.0)
                self._soiled = min(final, self._soiled + final * dt / over) if over > 0 else final

    def _blow(self, dt: float, on: bool) -> None:
        """The drive holds the duct's pressure, the boxes take what their rooms need; a slipping belt leaves the fan behind its motor."""
        u = self.upsets
        hand = "fan_running_when_off" in u
        if not on:
            self._fan_cmd = 0.0
        elif self._fan_cmd < 25.0:
            self._fan_cmd = 60.0
        else:
            self._fan_cmd = clip(self._fan_cmd + 0.005 * (DUCT_PA - self._blown.static) * dt, 25.0, 100.0)
        turns = (on or hand) and self.around.powered and "fan_fail_to_start" not in u and "fan_drive_fault" not in u
        self._fan.toward(max(self._fan_cmd, 45.0 if hand else 0.0) if turns else 0.0, dt)
        if self._fan.value < 0.5 and not turns:
            self._fan.value = 0.0
        self._boxes.toward(clip(0.7 + 0.15 * (self._room - 24.0), 0.4, 1.0), dt)
        boxes = 0.03 if "fire_damper_shut" in u else self._boxes.value
        speed = self._fan.value / 100.0 * self._number("belt_slip", "speed", 1.0)
        self._blown = blow(speed, FILTER_PA * self._resistance, boxes, self._number("duct_static_low", "leak", 0.0))

    @property
    def _resistance(self) -> float:
        """Of the supply filter, in that of a clean one."""
        return self._number("filter_missing", "left", 1.0) if "filter_missing" in self.upsets else 1.0 + self._dirt + self._soiled

    def _control(self, dt: float, on: bool) -> None:
        """One proportional-integral controller: heating below 0, above it outdoor air where that cools, then the cooling coil."""
        u, gain = self.upsets, self._number("control_hunting", "gain", 1.0)
        error = self._supply.value - self.setpoint()
        if on and self._fan.value > 20.0:
            self._demand = clip(self._demand + 0.025 * gain * error * dt, -100.0, 100.0)
            output = clip(self._demand + 2.5 * gain * error, -100.0, 100.0)
        else:
            self._demand = output = 0.0
        self._free = self._scheduled and self.outdoor_reading < self._room - (2.0 if self._free else 3.0)
        least = (LEAST_OUTDOOR if self._scheduled else 0.0) if on else 0.0
        self.heat_cmd = max(0.0, -output, self._number("heating_and_cooling", "heat", 0.0) if on else 0.0)
        span = FREE_SPAN if self._free else 0.0
        self.cool_cmd = clip((output - span) / (100.0 - span) * 100.0, 0.0, 100.0)
        self.oa_cmd = clip(least + max(0.0, output) / FREE_SPAN * (100.0 - least), least, 100.0) if on and self._free else least
        heat, cool = (
            max(self.heat_cmd, self._number("heating_valve_leak", "least", 0.0)),
            max(self.cool_cmd, self._number("cooling_valve_stuck_open", "least", 0.0)),
        )
        for name in ("supply_temp_high", "supply_temp_low", "cooling_in_cold_weather", "valve_not_following"):
            if (stands := u.get(name)) is not None:  # actuators without supply, or jammed
                heat, cool = stands.get("heat", heat), stands.get("cool", cool)
        if abs(cool - self._held) > self._number("control_hunting", "stick", 0.0):
            self._held = cool
        self._heat.toward(heat, dt)
        self._cool.toward(self._held, dt)
        self._oa.toward(self._number("damper_stuck", "opening", self.oa_cmd), dt)

    def setpoint(self) -> float:
        """Supply air set-point, reset by outdoor air: 21 degC at 0 outside, 14 above 23. Out of hours it only circulates."""
        if not self._scheduled:
            return clip(self._room + 0.5, 18.0, 28.0)
        return clip(18.0 - 0.3 * (self.outdoor_reading - 10.0), 14.0, 21.0)

    @property
    def outdoor_reading(self) -> float:
        """What its own sensor tells: near a wall, in the sun."""
        return self.around.outdoor_temp + self._number("free_cooling_too_warm", "bias", 0.0)

    @property
    def flow(self) -> float:
        """Share of nominal air flow."""
        return self._blown.flow

    def _air(self, dt: float) -> None:
        u, around, flow, served = self.upsets, self.around, self._blown.flow, self._blown.served
        outdoor, room = around.outdoor_temp, self._room
        damper = self._oa.value / 100.0
        self._mixed = mixed(outdoor, room + 0.5, damper, max(TIGHT, self._number("damper_leaking", "leak", 0.0) / 100.0))
        if flow > 0.02:
            heat = self._heat.value / 100.0 * self._number("heating_short", "heat", 1.0)
            chilled = 60.0 if "cooling_no_effect" in u else self._number("cooling_short", "chilled", CHILLED)
            warmed = FAN_K * (self._fan.value / 100.0) ** 2
            target = after_coils(self._mixed, heat, self._cool.value / 100.0, chilled) + warmed
            self._supply.toward(target, dt, clip(60.0 / max(flow, 0.2), 60.0, 180.0))
        else:
            self._supply.toward(room, dt, 900.0)
            self._mixed = room
        people = (1.0 if around.working_hours else 0.08) * max(
            1.0, self._number("co2_high", "crowd", 1.0), self._number("co2_very_high", "crowd", 1.0)
        )
        load = (
            self._gain * min(people, 1.3)
            + self._number("room_temp_out_of_band", "load", 0.0)
            + self._number("critical_room_hot", "load", 0.0)
        )
        radiators = 2.0 * max(0.0, 22.0 - room)
        through_walls = 0.06 * (outdoor - room) + 0.5 * (22.0 - room) * (1.0 - min(1.0, served))
        self._room += dt / 1800.0 * (served * (self._supply.value - room) + load + radiators + through_walls)
        self._co2.toward(420.0 + 300.0 * people / (0.15 + 2.5 * damper * served), dt)
        self._drive_temp.toward(28.0 + 0.35 * self._fan.value, dt)
        self._heater.toward(140.0 if "heater_overheated" in u else 30.0, dt)
        if "condensate_overflow" in u:
            self._pan = min(1.0, self._pan + dt / 900.0 * self._cool.value / 100.0 * (1.0 if around.humidity > 40.0 else 0.0))

    # what its controller says

    def _show(self) -> None:
        p, noise, u, room = self.points, self.noise, self.upsets, self._room
        flow, fan, setpoint = self._blown.flow, self._fan.value, self.setpoint()
        running = fan > 5.0
        p["supply_temp"] = self._supply.value + noise(0.04)
        p["return_temp"], p["room_temp"] = room + 0.5 + noise(0.03), room + noise(0.03)
        p["mixed_temp"] = self._mixed + self._number("mixed_air_sensor_fault", "bias", 0.0) + noise(0.05)
        p["outdoor_temp"] = self.outdoor_reading + noise(0.03)
        p["intake_temp"] = self.around.outdoor_temp + 0.3
        p["after_recovery_temp"], p["exhaust_temp"] = self._mixed + noise(0.05), room - 0.6 * (room - self._mixed)
        p["supply_temp_sp"] = setpoint
        p["supply_temp_heat_sp"], p["supply_temp_cool_sp"] = setpoint - 0.5, setpoint + 0.5
        p["return_temp_sp"] = p["room_temp_sp"] = 24.0
        p["supply_static_pressure"] = max(0.0, self._blown.static + noise(1.5)) if running else 0.0
        p["supply_static_pressure_sp"] = DUCT_PA
        p["supply_flow"], p["extract_flow"] = self._nominal_m3_h * flow, self._nominal_m3_h * 0.93 * flow
        p["fan_cmd"], p["fan_speed"], p["fan_status"] = self._fan_cmd, fan, float(running)
        p["return_fan_cmd"], p["return_fan_speed"], p["return_fan_status"] = 0.95 * self._fan_cmd, 0.95 * fan, float(running)
        drawn = (fan / 100.0) ** 2 * self._number("belt_slip", "speed", 1.0) ** 2  # torque goes with the fan's own speed squared
        p["fan_power"] = FAN_KW * drawn * fan / 100.0 + (0.05 if running else 0.0)
        p["fan_current"] = 7.6 * drawn + 2.0 if running else 0.0
        p["fan_drive_temp"] = self._drive_temp.value
        p["drive_fault_code"] = self._number("fan_drive_fault", "code", 0.0)
        p["cool_valve_cmd"], p["cool_valve_pos"] = self.cool_cmd, self._spindle("cooling_valve_stuck_open", self._cool.value)
        p["heat_valve_cmd"], p["heat_valve_pos"] = self.heat_cmd, self._spindle("heating_valve_leak", self._heat.value)
        p["oa_damper_cmd"], p["oa_damper_pos"] = self.oa_cmd, self._oa.value
        p["ra_damper_cmd"], p["ra_damper_pos"] = 100.0 - self.oa_cmd, 100.0 - self._oa.value
        p["ea_damper_cmd"], p["ea_damper_pos"] = self.oa_cmd, self._oa.value
        p["bypass_damper_cmd"] = 0.0
        p["filter_dp_supply"] = max(0.0, FILTER_PA * self._resistance * flow * flow + noise(0.8)) if running else 0.0
        p["filter_dp_extract"] = max(0.0, 0.8 * FILTER_PA * (1.0 + self._dirt) * flow * flow + noise(0.8)) if running else 0.0
        p["recovery_dp_supply"], p["recovery_dp_extract"] = 110.0 * flow * flow, 105.0 * flow * flow
        p["freeze_stat"], p["smoke_alarm"] = float("freeze_stat_trip" in u), float("smoke_alarm_duct" in u)
        p["fire_alarm"] = float(self.around.fire or "fan_runs_in_fire" in u)
        p["fire_damper_closed"] = float(self.around.fire or "fire_damper_shut" in u)
        p["condensate_high"] = float(self._pan >= 0.5)
        p["co2"], p["humidity"] = self._co2.value, clip(self.around.humidity * 0.75, 25.0, 75.0)
        p["supply_humidity"], p["outdoor_humidity"] = clip(self.around.humidity * 0.85, 25.0, 90.0), self.around.humidity
        part = 0.0 if "recovery_rotor_stopped" in u else self._number("heat_recovery_low", "part", 1.0)
        p["recovery_efficiency"], p["frost_output"] = (max(0.0, 72.0 * part + noise(0.3)) if running else 0.0), 0.0
        p["unit_mode"] = self.code("unit_mode", "fire" if self.around.fire else "normal" if self._fan_cmd else "stopped")
        p["control_mode"] = self.code("control_mode", "auto")
        p["occupied"] = float(self._scheduled)
        p["supply_fan_alarm"] = float("fan_drive_fault" in u)
        p["extract_fan_alarm"] = 0.0
        p["heater_overheated"] = float(self._heater.value > HEATER_LIMIT)
        p["recovery_rotor_alarm"] = float("recovery_rotor_stopped" in u and running)
        p["filter_alarm_supply"] = float(p["filter_dp_supply"] > FILTER_SWITCH_PA)
        p["filter_alarm_extract"] = 0.0
        alarms = ("supply_fan_alarm", "freeze_stat", "smoke_alarm", "filter_alarm_supply", "heater_overheated")
        p["common_alarm"] = float(any(p[name] for name in alarms))
