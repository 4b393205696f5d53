"""A plant room: its heat, damp and gas, water on its floor, smoke under its ceiling, and what keeps it cool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import Lag, Wander, clip, parts
from simulators.devices.plant import Plant
from simulators.devices.spells import Spells
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.room import UPSETS

HEAT_HOLD_S = 3600.0  # air and the walls' skin; faults.md 6: room 1800-7200 s
FAN_ON, FAN_OFF = 32.0, 28.0  # degC of the ventilation's thermostat
COOLED = 26.0  # degC the air conditioner holds
WET_L, BUND_L = 2.0, 5.0  # L on the floor at the sensor's foot, in the fuel store's bund
SMOKE_AT = 3.0  # %/m of obscuration at which a detector speaks
GAS_AT = 25.0  # % of the lower explosive limit


class Room(Plant):
    """A healthy year: doors open for minutes, dust at the detector, a burner that lights."""

    kind: ClassVar[str] = "room"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    MAKES: ClassVar[Sequence[Mapping[str, float | str]]] = ({}, {"vital_room": 0.0})  # with machines in it, or a pantry

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        day = 86_400.0
        self._gain = float(rng.uniform(2.0, 6.0))  # K its machines would warm it
        self._temp, self._damp = Lag(self._target(False), HEAT_HOLD_S), Lag(0.7 * around.humidity, 3600.0)
        self._gas = Lag(1.0, 120.0)
        self._drift = Wander(self.noise, 0.4, 3600.0)
        self._fan = False
        self._water_l = self._fuel_l = self._smoke = 0.0
        self._dust = Spells(rng, 30 * day, 1.0, 6.0)
        self._burner = Spells(rng, day, 20.0, 90.0)
        self._door = Spells(rng, 3 * 3600.0, 30.0, 900.0)
        self.step(around.now_s, 0.0)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        self._water_l = self._fuel_l = self._smoke = 0.0

    def ended(self, name: str) -> None:
        self._water_l = self._fuel_l = self._smoke = 0.0

    def _powered(self) -> bool:
        return self.around.powered and "room_power_lost" not in self.upsets

    def _cooling(self) -> bool:
        broken = any(name in self.upsets for name in ("room_aircon_fault", "room_hot", "room_overheated", "gen_room_ventilation"))
        return self._powered() and not broken

    def _target(self, fan: bool) -> float:
        """degC the room would come to: cellar walls that follow the season, its machines' heat, outdoor air through the fan."""
        if (cold := self.upsets.get("room_cold")) is not None:
            return cold["air"]
        gain = next((u["gain"] for u in self.upsets.values() if "gain" in u), self._gain)
        still = 23.0 + 0.4 * (self.around.outdoor_temp - 17.0) + gain
        warm = 0.5 * still + 0.5 * (self.around.outdoor_temp + 3.0) if fan else still
        return max(min(warm, COOLED) if self._cooling() else warm, 12.0)

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 30.0):
            self._air(length)
        self._harm(dt_s)
        self._show(dt_s)

    def _air(self, dt: float) -> None:
        temp = self._temp.toward(self._target(self._fan), dt)
        if temp > FAN_ON:
            self._fan = True
        elif temp < FAN_OFF:
            self._fan = False
        self._fan = self._fan and self._powered() and "gen_room_ventilation" not in self.upsets
        seeping = self.upsets.get("room_humid", {}).get("humidity")
        self._damp.toward(clip(0.8 * self.around.humidity, 25.0, 82.0) if seeping is None else seeping, dt)

    def _harm(self, dt: float) -> None:
        u = self.upsets
        self._water_l += sum(u[name]["flow"] for name in ("room_water", "room_wet") if name in u) * dt
        self._fuel_l += u.get("fuel_store_leak", {}).get("flow", 0.0) * dt / 60.0
        self._smoke += u.get("room_smoke", {}).get("grows", 0.0) * dt / 60.0
        leak = next((u[name]["gas"] for name in ("gas_alarm", "gas_trace") if name in u), None)
        rest = 14.0 if self._burner.step(dt) else 1.0
        self._gas.toward(rest if leak is None else leak, dt, 30.0 if leak is None else 120.0)

    def _show(self, dt: float) -> None:
        p, u = self.points, self.upsets
        gas = max(0.0, self._gas.value + self._drift.step(dt))
        p["temp"], p["humidity"] = self._temp.value + self.noise(0.05), clip(self._damp.value + self.noise(0.2), 0.0, 100.0)
        p["water_leak"] = float(self._water_l >= WET_L)
        p["fuel_leak"], p["smoke"] = float(self._fuel_l >= BUND_L), float(self._smoke >= SMOKE_AT or self._dust.step(dt))
        p["gas_concentration"], p["gas_alarm"] = gas, float(gas >= GAS_AT)
        p["door_open"] = float("room_door_open" in u or self._door.step(dt, self.around.working_hours))
        p["ventilation_running"], p["power_available"] = float(self._fan), float(self._powered())
        p["aircon_fault"] = float("room_aircon_fault" in u)
