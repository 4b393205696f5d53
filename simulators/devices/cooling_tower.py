"""A cooling tower with a fan on a drive: wet-bulb approach, basin with make-up, blow-down and heater."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.cooling import chilled_water_wanted, cooling_demand, wet_bulb
from simulators.devices.lags import Lag, clip, parts
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.tower import UPSETS

RANGE_K, APPROACH_K = 5.0, 3.7  # at full heat and full fan, 28 degC wet bulb
COLDEST_WATER = 22.0  # degC, the chiller's condenser wants no colder
LEAST_FAN = 25.0  # %
CYCLES_AT = 1600.0  # uS/cm, blow-down opens
MAKEUP_US, EVAPORATED = 320.0, 0.06  # conductivity of fresh water; share of the basin an hour at full heat
WORKING_LEVEL = 70.0


class CoolingTower(Plant):
    kind: ClassVar[str] = "tower"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._size = float(rng.uniform(0.75, 0.95))
        self._balance = float(rng.uniform(1.2, 2.4))  # mm/s at full speed
        self._worn = 0.0
        self._fan = Lag(0.0, 12.0)
        self._leaving = Lag(24.0, 300.0)
        self._basin = Lag(max(5.0, around.outdoor_temp), 4 * 3600.0)
        self._level = WORKING_LEVEL + float(rng.uniform(-2.0, 2.0))
        self._salt = float(rng.uniform(900.0, 1500.0))
        self._output = 0.0  # the fan controller's integral, %
        self._heater = self._bleeding = self._filling = False
        for _ in range(720):
            self.step(around.now_s, 10.0)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 15.0):
            self._advance(length)
        self._show()

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "tower_conductivity_high":
            self._salt = max(self._salt, CYCLES_AT)

    def ended(self, name: str) -> None:
        if name == "tower_high_vibration":
            self._worn = 0.0

    def _advance(self, dt: float) -> None:
        around, u = self.around, self.upsets
        outdoor = around.outdoor_temp - u.get("tower_basin_freezing", {}).get("colder", 0.0)
        self.wet_bulb = wet_bulb(outdoor, around.humidity)
        asked = any(setting.get("run", 0.0) > 0.5 for setting in u.values())
        self.flowing = (chilled_water_wanted(around) or asked) and around.powered
        heat = self._size * max(cooling_demand(around), 0.75 if asked else 0.0) if self.flowing else 0.0
        if "cooling_tower_approach_high" in u:
            heat = max(heat, 0.85)
        self._turn(dt)
        self._cool(dt, heat)
        self._hold_water(dt, heat, outdoor)

    def _turn(self, dt: float) -> None:
        """The fan holds the leaving temperature a little above what the wet bulb allows."""
        u = self.upsets
        setpoint = max(COLDEST_WATER, self.wet_bulb + 3.5)
        error = self._leaving.value - setpoint
        self._output = clip(self._output + 0.02 * error * dt, 0.0, 100.0) if self.flowing else 0.0
        wanted = clip(self._output + 8.0 * error, 0.0, 100.0)
        self.command = max(wanted, LEAST_FAN) if self.flowing and wanted > 5.0 else 0.0
        if any(name in u for name in ("fan_fail_to_start", "fan_drive_fault", "tower_high_vibration")):
            self.command = max(self.command, 70.0) if self.flowing else 0.0
        turns = "fan_fail_to_start" not in u and "fan_drive_fault" not in u and self.around.powered
        self._fan.toward(self.command if turns else 0.0, dt)
        if self._fan.value < 1.0 and (not turns or not self.command):
            self._fan.value = 0.0
        if (worn := u.get("tower_high_vibration")) is not None:
            self._worn = worn["level"]

    def _cool(self, dt: float, heat: float) -> None:
        """Approach at this heat, air and wet bulb: less air or a poor fill leave the water warmer, so does a colder wet bulb."""
        self.range = RANGE_K * heat
        air = max(self._fan.value / 100.0, 0.08)
        fill = self.upsets.get("cooling_tower_approach_high", {}).get("fill", 1.0)
        cold = 1.0 + 0.055 * max(0.0, 28.0 - self.wet_bulb)
        approach = APPROACH_K * heat * cold / (fill * air**0.8)
        self._leaving.toward(
            self.wet_bulb + min(approach, 30.0) if self.flowing else self._basin.value, dt, 300.0 if self.flowing else 60.0
        )
        if self.flowing:
            self._basin.toward(self._leaving.value, dt, 200.0)

    def _hold_water(self, dt: float, heat: float, outdoor: float) -> None:
        u = self.upsets
        if not self.flowing:
            self._basin.toward(0.6 * outdoor + 0.4 * self.wet_bulb + (14.0 if self._heater else 0.0), dt)
        broken = "tower_basin_freezing" in u
        self._heater = not broken and (self._basin.value < 4.0 or self._heater and self._basin.value < 6.0)
        lost = EVAPORATED * heat * dt / 3600.0  # share of the basin
        shut = u.get("tower_conductivity_high", {}).get("bleed", 1.0)
        self._bleeding = self.flowing and (self._salt > CYCLES_AT or self._bleeding and self._salt > 0.9 * CYCLES_AT)
        bled = 0.03 * shut * dt / 3600.0 if self._bleeding else 0.0
        self._salt += MAKEUP_US * lost - (self._salt - MAKEUP_US) * bled  # what evaporates leaves its salts
        leak = u.get("tower_basin_low", {}).get("loss", 0.0) * dt / 60.0
        fresh = 0.0
        if "tower_basin_low" not in u:
            self._filling = self._level < WORKING_LEVEL - 3.0 or self._filling and self._level < WORKING_LEVEL + 1.0
            fresh = 0.5 * dt / 60.0 if self._filling else 0.0
        else:
            self._filling = False
        self._level = clip(self._level - 100.0 * (lost + bled) - leak + fresh, 0.0, WORKING_LEVEL + 3.0)

    # what its sensors say

    def _show(self) -> None:
        p, noise = self.points, self.noise
        running = self._fan.value > 5.0
        p["fan_cmd"], p["fan_speed"], p["fan_status"] = self.command, self._fan.value, float(running)
        p["fan_current"] = 28.0 * (self._fan.value / 100.0) ** 2 + 6.0 + noise(0.1) if running else 0.0
        p["fan_fault"] = float("fan_drive_fault" in self.upsets)
        p["vibration_rms"] = max(self._balance, self._worn) * (self._fan.value / 100.0) + abs(noise(0.08)) if running else 0.0
        p["leaving_temp"], p["entering_temp"] = self._leaving.value + noise(0.04), self._leaving.value + self.range + noise(0.04)
        p["wet_bulb_temp"] = self.wet_bulb + noise(0.1)
        p["basin_temp"], p["basin_level"] = self._basin.value + noise(0.05), clip(self._level + noise(0.3), 0.0, 110.0)
        p["conductivity"] = self._salt + noise(5.0)
        p["makeup_valve_open"], p["basin_heater_on"] = float(self._filling), float(self._heater)
