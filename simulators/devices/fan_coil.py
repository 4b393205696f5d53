"""A fan coil or VRF indoor unit behind a gateway: a room, a fan of three steps, a valve, a condensate pan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import Lag, clip, parts
from simulators.devices.plant import Plant
from simulators.devices.rooms import Room, occupied, people
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.fcu import UPSETS

AIR_KW_K = (0.0, 0.10, 0.16, 0.22)  # by fan step
COLD_AIR, WARM_AIR = 14.0, 36.0  # degC off the coil
PEOPLE_KW, MACHINES_KW, SUN_KW = 0.5, 0.5, 0.4
HEATING_BELOW = 3.0  # K under the cooling set point
BUS_LOST = 65535.0


class FanCoil(Plant):
    kind: ClassVar[str] = "fcu"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    # an office, which stands on Sundays, and a room with machines in it, which never does
    MAKES: ClassVar[Sequence[Mapping[str, float | str]]] = ({}, {"server_room_limit": 28.0})

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._setpoint = float(rng.choice([24.0, 25.0, 26.0]))
        self._seats = float(rng.uniform(0.7, 1.0))
        self._always = self.parameter("server_room_limit", 0.0) > 0.0
        self._room = Room(23.0 + float(rng.normal(0.0, 0.4)), 0.14, 0.03)
        self.heats = around.outdoor_temp < 12.0
        self._valve = Lag(0.0, 60.0)
        self._coil = Lag(23.0, 60.0)
        self._cooling = 0.0  # the controller's integral, %
        self._pan = Lag(0.0, 120.0)  # share of the pan that is full
        self._dust_h = float(rng.uniform(0.0, 1200.0))
        self._frozen: dict[str, float] = {}
        for _ in range(720):
            self.step(around.now_s, 10.0)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 15.0):
            self._advance(length)
        self._show()

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "indoor_unit_comms_lost":
            self._frozen = dict(self.points)

    def ended(self, name: str) -> None:
        if name == "filter_due":
            self._dust_h = 0.0

    def _advance(self, dt: float) -> None:
        around, u = self.around, self.upsets
        self.occupied = occupied(around)
        forced = any(setting.get("run", 0.0) > 0.5 for setting in u.values())
        tripped = "condensate_overflow" in u and self._pan.value > 0.95
        self.on = (self.occupied or forced or self._always) and around.powered
        works = self.on and "indoor_unit_error" not in u and not tripped
        self._choose_mode()
        setpoint = self._setpoint - HEATING_BELOW if self.heats else self._setpoint
        error = (self._room.temp - setpoint) * (-1.0 if self.heats else 1.0)
        self._cooling = clip(self._cooling + 0.008 * error * dt, 0.0, 100.0) if works else 0.0
        wanted = clip(self._cooling + 40.0 * error, 0.0, 100.0) if works else 0.0
        self.fan = 0 if not works else 3 if wanted > 80.0 else 2 if wanted > 35.0 else 1
        self.setpoint = setpoint
        self._valve.toward(wanted, dt)
        blown = (WARM_AIR if self.heats else COLD_AIR) - self._room.temp
        self._coil.toward(self._room.temp + blown * self._valve.value / 100.0, dt)
        sun = SUN_KW * clip((around.hour - 6.0) * (19.0 - around.hour) / 42.0, 0.0, 1.0)
        extra = max(u.get("room_temp_out_of_band", {}).get("heat", 0.0), u.get("server_room_hot", {}).get("heat", 0.0))
        gain = self._seats * (PEOPLE_KW * people(around) + MACHINES_KW * (0.15 + 0.85 * people(around))) + sun + extra
        self._room.step(dt, around.outdoor_temp, gain, self._coil.value, AIR_KW_K[self.fan])
        self._pan.toward(1.2 if "condensate_overflow" in u else 0.1 if self._valve.value > 5.0 and not self.heats else 0.0, dt)
        self._dust_h += dt / 3600.0 if self.fan else 0.0

    def _choose_mode(self) -> None:
        """Cools or heats whatever the season, as the room asks: three kelvin lie between the two set points."""
        temp, heating = self._room.temp, self._setpoint - HEATING_BELOW
        heats = temp < heating - 0.3 if not self.heats else temp < self._setpoint + 0.3
        if heats != self.heats:
            self.heats, self._cooling = heats, 0.0

    # what the gateway says

    def _show(self) -> None:
        p, noise, u = self.points, self.noise, self.upsets
        if "indoor_unit_comms_lost" in u:  # nothing new, and the gateway's own code
            p.update(self._frozen)
            p["error_code"] = BUS_LOST
            return
        p["on_off"] = float(self.on)
        p["mode"] = self.code("mode", "heat" if self.heats else "cool")
        p["fan_speed"] = float(self.fan)
        p["room_temp"], p["setpoint"] = self._room.temp + noise(0.05), self.setpoint
        p["valve"] = self._valve.value
        p["filter_sign"] = float("filter_due" in u or self._dust_h > 2500.0)
        p["condensate_high"] = float(self._pan.value > 0.9)
        p["error_code"] = u.get("indoor_unit_error", {}).get("code", 0.0)
        p["occupied"] = float(self.occupied)
