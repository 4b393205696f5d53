"""A smoke or pressurisation fan: called by a fire or an open vent, its air, and the pressure it holds in stair and lobby."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import Lag, Wander, parts
from simulators.devices.plant import Plant
from simulators.devices.spells import Spells
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.smoke_fan import UPSETS

STAIR_PA, LOBBY_PA = 45.0, 27.5  # what the relief damper holds
RATED_A = 42.0
TEST_S = 240.0  # the weekly start
_CALLED_BY = {0.0: "fire_signal", 1.0: "vent_open", 2.0: "run_command"}


class SmokeFan(Plant):
    """Stands all its life but for a start a week; then doors are opened for seconds and take the pressure away."""

    kind: ClassVar[str] = "smoke_fan"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._speed, self._flow = Lag(0.0, 4.0), Lag(0.0, 3.0)
        self._stair, self._lobby = Lag(0.0, 3.0), Lag(0.0, 3.0)
        self._sway = Wander(self.noise, 0.012, 20.0)  # of the pressure: wind, leaks, the damper's play
        self._door = Spells(rng, 150.0, 2.0, 8.0)
        self._test_hour = float(rng.uniform(9.0, 16.0))
        self._starts, self._hours = float(rng.integers(30, 200)), float(rng.integers(5, 60))
        self._turned = False
        self.step(around.now_s, 0.0)

    def step(self, now_s: float, dt_s: float) -> None:
        calls = self._calls()
        powered = self.around.powered and "smoke_fan_power_lost" not in self.upsets
        mode = self._mode()
        shut = self.upsets.get("smoke_damper_shut") is not None
        called = mode == "auto" and bool(calls) or "smoke_fan_no_airflow" in self.upsets
        stuck = any(name in self.upsets for name in ("smoke_fan_fail_to_start", "smoke_fan_test_failed", "smoke_fan_fault"))
        turns = called and powered and not stuck and not shut
        for length in parts(dt_s, 2.0):
            self._air(length, turns, shut)
        self._count(dt_s)
        self._show(calls, powered, mode, shut, turns)

    def _calls(self) -> set[str]:
        """What asks it to run now."""
        found = {_CALLED_BY[round(u["by"])] for u in self.upsets.values() if "by" in u}
        if "smoke_fan_test_failed" in self.upsets or "stair_pressure_test_failed" in self.upsets or self._weekly_test():
            found.add("run_command")
        if self.around.fire:
            found.add("fire_signal")
        return found

    def _weekly_test(self) -> bool:
        return self.around.weekday == 2 and 0.0 <= self.around.hour - self._test_hour < TEST_S / 3600.0

    def _mode(self) -> str:
        left = self.upsets.get("smoke_fan_not_in_auto")
        return "auto" if left is None else "off" if left["off"] >= 0.5 else "manual"

    def _air(self, dt: float, turns: bool, shut: bool) -> None:
        self._speed.toward(1.0 if turns else 0.0, dt)
        belt = "smoke_fan_no_airflow" not in self.upsets
        self._flow.toward(self._speed.value if belt and not shut else 0.0, dt)
        held = self._flow.value**2 * (1.0 + self._sway.step(dt)) * (0.2 if self._door.step(dt) and self._flow.value > 0.5 else 1.0)
        factor = next((u["factor"] for u in self.upsets.values() if "factor" in u), 1.0)
        self._stair.toward(STAIR_PA * held * factor, dt)
        self._lobby.toward(LOBBY_PA * held * factor, dt)

    def _count(self, dt: float) -> None:
        running = self._speed.value > 0.5
        if running:
            self._hours += dt / 3600.0
            self._starts += not self._turned
        self._turned = running

    def _show(self, calls: set[str], powered: bool, mode: str, shut: bool, turns: bool) -> None:
        p, speed = self.points, self._speed.value
        p["control_mode"], p["power_available"] = self.code("control_mode", mode), float(powered)
        for name in _CALLED_BY.values():
            p[name] = float(name in calls)
        p["fan_running"], p["airflow_proof"] = float(speed > 0.5), float(self._flow.value > 0.6)
        p["fan_fault"] = float("smoke_fan_fault" in self.upsets)
        p["damper_closed_280"] = float(shut)
        load = 0.45 + 0.55 * self._flow.value
        p["current"] = max(0.0, RATED_A * (5.0 if speed < 0.9 else load) + self.noise(0.3)) if turns else 0.0
        p["stair_pressure"] = self._stair.value + self.noise(0.3)
        p["lobby_pressure"] = self._lobby.value + self.noise(0.2)
        p["bypass_open"] = float(self._stair.value > STAIR_PA)
        p["start_count"], p["run_hours"] = self._starts, self._hours
