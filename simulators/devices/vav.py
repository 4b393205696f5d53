"""A VAV box with reheat: the zone asks for air, a damper gives it, a coil warms it; its air handler runs by the hours."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import Lag, Wander, clip, parts
from simulators.devices.plant import Plant
from simulators.devices.rooms import Room, occupied, people
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.vav import UPSETS

MOST_M3_H, LEAST_M3_H = 1000.0, 200.0
AIR_KW_K = 1.2 * 1.006 / 3600.0  # of one m3/h
COIL_K = 16.0  # what the reheat does to the least flow at full opening
PEOPLE_KW, MACHINES_KW, SUN_KW = 0.9, 0.8, 0.5
SETPOINT = 24.0
RADIATOR_DEGC, RADIATOR_KW_K = 20.0, 1.5  # under the windows, by their own thermostats: no room is cold on a winter's Monday
AHU_HOURS = 6.5, 20.0


class Vav(Plant):
    kind: ClassVar[str] = "vav"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"max_flow": MOST_M3_H}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._most = self.parameter("max_flow", MOST_M3_H)
        self._seats = float(rng.uniform(0.7, 1.0))
        self._setpoint = SETPOINT + float(rng.choice([-0.5, 0.0, 0.5]))
        self._room = Room(23.5 + float(rng.normal(0.0, 0.4)), 0.25, 0.06)
        self._damper, self._flow = Lag(20.0, 40.0), Lag(0.0, 6.0)
        self._reheat, self._coil = Lag(0.0, 40.0), Lag(0.0, 120.0)
        self._duct = Lag(22.0, 240.0)
        self._co2 = Lag(500.0, 1200.0)
        self._cooling = self._heating = 0.0  # the zone controller's integrals, %
        self._sway = Wander(self.noise, 0.03, 300.0)  # the duct's pressure, as other boxes open and close
        for _ in range(720):
            self.step(around.now_s, 10.0)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 10.0):
            self._advance(length)
        self._show()

    def _advance(self, dt: float) -> None:
        around, u = self.around, self.upsets
        self._sway.step(dt)
        forced = any(setting.get("run", 0.0) > 0.5 for setting in u.values())
        self.ahu = ((AHU_HOURS[0] <= around.hour < AHU_HOURS[1] and around.weekday < 6) or forced) and around.powered
        if "vav_flow_fan_off" in u:
            self.ahu = False
        self.occupied = occupied(around)
        self._control(dt)
        self._air(dt)

    def _control(self, dt: float) -> None:
        """Dual maximum: first more cold air, then at least flow the reheat. An empty zone beside others gets none: its damper shuts."""
        error = self._room.temp - self._setpoint
        self._cooling = clip(self._cooling + 0.01 * error * dt, 0.0, 100.0)
        self._heating = clip(self._heating - 0.01 * (error + 1.5) * dt, 0.0, 100.0)
        cooling = clip(self._cooling + 25.0 * error, 0.0, 100.0) / 100.0
        heating = clip(self._heating - 25.0 * (error + 1.5), 0.0, 100.0)
        least = LEAST_M3_H / MOST_M3_H * self._most
        self.flow_sp = least + (self._most - least) * cooling if self.ahu and self._in_use else 0.0
        self.valve_cmd = heating if self.flow_sp > 0 else 0.0

    @property
    def _in_use(self) -> bool:
        if "vav_damper_leak" in self.upsets:
            return False  # the zone is set to unoccupied
        return self.occupied or not self.around.working_hours or self.around.weekday >= 5

    def _air(self, dt: float) -> None:
        around, u = self.around, self.upsets
        choked = max((u[name]["left"] for name in ("vav_low_flow", "vav_very_low_flow") if name in u), default=100.0) / 100.0
        pressure = max(0.0, 1.0 + self._sway.value) if self.ahu else 0.0
        leaves = u.get("vav_damper_leak", {}).get("leak", 1.5) / 100.0
        full = 1.35 * self._most * sqrt(pressure)
        opening = clip((self.flow_sp / max(full, 1.0) - leaves) / (1.0 - leaves), 0.0, 1.0) if self.flow_sp > 0 else 0.0
        self._damper.toward(100.0 * opening, dt)
        if self._damper.value < 0.5 and opening <= 0.0:
            self._damper.value = 0.0
        self._flow.toward(full * choked * (leaves + (1.0 - leaves) * self._damper.value / 100.0), dt)
        self._duct.toward(self._supply() if self.ahu else self._room.temp, dt)
        leak = u.get("vav_reheat_leak", {}).get("leak", 0.0)
        self._reheat.toward(max(leak, self.valve_cmd), dt)
        carried = AIR_KW_K * self._flow.value
        kw = COIL_K * AIR_KW_K * LEAST_M3_H / MOST_M3_H * self._most * self._reheat.value / 100.0
        self._coil.toward(kw / max(carried, 0.02), dt)
        self.discharge = (self._duct.value + self._coil.value) if self._flow.value > 20.0 else self._room.temp
        size = self._most / MOST_M3_H
        crowd = max((u[name]["crowd"] for name in ("co2_high", "co2_very_high") if name in u), default=self._seats * people(around))
        sun = SUN_KW * clip((around.hour - 6.0) * (19.0 - around.hour) / 42.0, 0.0, 1.0)
        extra = u.get("room_temp_out_of_band", {}).get("heat", 0.0)
        gain = size * (PEOPLE_KW * min(crowd, 1.5) + MACHINES_KW * (0.2 + 0.8 * people(around)) + sun) + extra
        gain += size * RADIATOR_KW_K * max(0.0, RADIATOR_DEGC - self._room.temp)
        self._room.step(dt, around.outdoor_temp, gain, self.discharge, carried)
        self._co2.toward(420.0 + 380.0 * crowd / (0.35 + 0.65 * self._flow.value / (0.6 * self._most)), dt)

    def _supply(self) -> float:
        """degC of the air handler's air: colder on warm days."""
        return clip(18.0 - 0.2 * (self.around.outdoor_temp - 5.0), 14.0, 18.0)

    # what its controller says

    def _show(self) -> None:
        p, noise = self.points, self.noise
        p["room_temp"], p["setpoint"] = self._room.temp + noise(0.03), self._setpoint
        zero = self.upsets.get("vav_flow_fan_off", {}).get("zero", 0.0)  # Pa the transducer has drifted; flow is its root
        shown = sqrt(self._flow.value**2 + zero * (self._most / 10.0) ** 2)
        p["air_flow"] = max(0.0, shown * (1.0 + noise(0.015)) + noise(2.0)) if shown > 5.0 else abs(noise(2.0))
        p["air_flow_sp"], p["damper"] = self.flow_sp, self._damper.value
        p["reheat_valve"] = self.valve_cmd
        p["discharge_temp"] = self.discharge + noise(0.05)
        p["co2"], p["occupied"] = self._co2.value + noise(4.0), float(self.occupied)
        p["ahu_running"], p["fan_status"] = float(self.ahu), 0.0
        p["ahu_supply_temp"] = (self._supply() if self.ahu else self._duct.value) + noise(0.05)
