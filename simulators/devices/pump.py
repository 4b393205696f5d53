"""A secondary chilled water pump on a drive that holds the system's pressure: curve, affinity laws, bearing, motor."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, sqrt
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.curves import Daily, PumpCurve
from simulators.devices.lags import Lag, Wander, clip, parts
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.pump import UPSETS

CURVE = PumpCurve(rated_bar=2.6, rated_l_s=45.0)
SYSTEM_KPA = 140.0  # wanted over the farthest branch
MAINS_KPA = 70.0  # lost in the mains at rated flow
STATIC_BAR = 2.2
RATED_KW, RATED_A = 18.5, 35.0
IDLE_A = 11.0  # a motor that turns and does nothing
LEAST_SPEED = 45.0  # %
START_HOUR, STOP_HOUR = 6.0, 21.0
_NEED = Daily([(6.0, 0.45), (9.0, 0.7), (14.0, 0.95), (17.0, 0.9), (20.0, 0.5), (21.0, 0.4)])


class Pump(Plant):
    kind: ClassVar[str] = "pump"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"rated_current": RATED_A}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._size = float(rng.uniform(0.75, 1.0))
        self._balance = float(rng.uniform(0.9, 2.0))  # mm/s
        self._rating = self.parameter("rated_current", RATED_A) / RATED_A
        self._speed = Lag(0.0, 6.0)
        self._command_speed = Lag(LEAST_SPEED, 15.0)
        self._bearing = Lag(35.0, 1500.0)
        self._sway = Wander(self.noise, 0.03, 900.0)
        self._shaking = self._balance
        self._hours, self._starts = float(rng.uniform(1000.0, 20000.0)), float(rng.integers(50, 2000))
        self._ran = False
        self._flow = self._head = 0.0
        for _ in range(360):
            self.step(around.now_s, 10.0)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 10.0):
            self._advance(length)
        self._show()

    def ended(self, name: str) -> None:
        if name in ("pump_high_vibration", "pump_vibration_raised"):
            self._shaking = self._balance

    def _advance(self, dt: float) -> None:
        around, u = self.around, self.upsets
        self._sway.step(dt)
        asked = START_HOUR <= around.hour < STOP_HOUR or any(setting.get("run", 0.0) > 0.5 for setting in u.values())
        self.command = asked and "pump_running_when_off" not in u
        stopped = "pump_fail_to_start" in u or "pump_fault" in u or not around.powered
        turns = (self.command or "pump_running_when_off" in u) and not stopped
        self._regulate(dt)
        self._speed.toward(self._command_speed.value if turns else 0.0, dt)
        if not turns and self._speed.value < 1.0:
            self._speed.value = 0.0
        self.running = self._speed.value > 5.0
        self._starts += float(self.running and not self._ran)
        self._ran = self.running
        self._hours += dt / 3600.0 if self.running else 0.0
        self._hydraulics()
        self._wear(dt)

    def _need(self) -> float:
        """Share of rated flow that the branches would take at the wanted pressure."""
        bypass = self.upsets.get("system_dp_low", {}).get("draw", 0.0) / 100.0
        return self._size * _NEED(self.around.hour) * (1.0 + self._sway.value) + bypass

    def _regulate(self, dt: float) -> None:
        """The speed at which this network gets its pressure; the drive goes there. What it feels when the pump gives none: full speed."""
        flow = self._need() * CURVE.rated_l_s
        head = (SYSTEM_KPA + MAINS_KPA * self._need() ** 2) / 100.0
        wanted = 100.0 * sqrt((head + CURVE.k * flow * flow) / CURVE.shut_off_bar)
        if "pump_dry_run" in self.upsets or "pump_dead_head" in self.upsets:
            wanted = 100.0
        self._command_speed.toward(clip(wanted, LEAST_SPEED, 100.0), dt)

    def _hydraulics(self) -> None:
        """Where the pump's curve at this speed meets the network: H0 n2 - k Q2 = R Q2."""
        n, u, need = self._speed.value / 100.0, self.upsets, self._need()
        branches = SYSTEM_KPA / 100.0 / (need * CURVE.rated_l_s) ** 2
        mains = MAINS_KPA / 100.0 / CURVE.rated_l_s**2
        left = u.get("pump_dry_run", {}).get("head", 100.0) / 100.0  # of the curve, with air in the casing
        shut = u.get("pump_dead_head", {}).get("opening", 100.0) / 100.0
        resistance = inf if shut <= 0.0 else (branches + mains) / shut**2
        self._flow = n * sqrt(left * CURVE.shut_off_bar / (CURVE.k + resistance)) if n > 0 else 0.0
        if left < 0.2:
            self._flow *= 0.05  # air, not water
        self._head = max(0.0, left * CURVE.shut_off_bar * n * n - CURVE.k * self._flow**2)
        self.system_kpa = 100.0 * branches * self._flow**2
        hydraulic = self._head * 100.0 * self._flow / 1000.0  # kW
        tight = u.get("pump_overcurrent", {}).get("torque", 0.0) / 100.0
        self.shaft_kw = hydraulic / 0.78 + (1.5 + 3.5 * left) * n**3 + tight * RATED_KW * n * n

    def _wear(self, dt: float) -> None:
        u, n = self.upsets, self._speed.value / 100.0
        level = max(u.get("pump_high_vibration", {}).get("level", 0.0), u.get("pump_vibration_raised", {}).get("level", 0.0))
        if level:
            over_s = max(u.get("pump_high_vibration", {}).get("over_s", 0.0), u.get("pump_vibration_raised", {}).get("over_s", 0.0))
            step = (level - self._balance) * dt / over_s if over_s > 0 else level
            self._shaking = min(level, self._shaking + step)
        room = 26.0 + 0.2 * (self.around.outdoor_temp - 17.0)
        friction = u.get("pump_bearing_hot", {}).get("rise", 0.0)
        self._bearing.toward(room + (22.0 * n + friction * n if self.running else 0.0), dt, 600.0 if friction else 1500.0)

    # what its sensors say

    def _show(self) -> None:
        p, noise, u = self.points, self.noise, self.upsets
        n, on = self._speed.value / 100.0, self.running
        p["run_command"], p["running"], p["speed"] = float(self.command), float(on), self._speed.value
        p["flow"] = max(0.0, self._flow + noise(0.1)) if on else 0.0
        p["dp"] = 100.0 * self._head + noise(0.3) if on else 0.0
        p["suction_pressure"] = STATIC_BAR * (0.1 if "pump_dry_run" in u else 1.0) + noise(0.005)
        p["discharge_pressure"] = p["suction_pressure"] + self._head
        p["system_dp"], p["system_dp_sp"] = (self.system_kpa + noise(0.5)) if on else 0.0, SYSTEM_KPA
        p["power"] = self.shaft_kw / 0.9 + 0.2 if on else 0.0
        work = RATED_A * self.shaft_kw / RATED_KW / max(n, 0.3)  # torque current
        p["current"] = max(0.0, self._rating * sqrt((IDLE_A * (0.6 + 0.4 * n)) ** 2 + work**2) + noise(0.1)) if on else 0.0
        p["bearing_temp"] = self._bearing.value + noise(0.1)
        p["vibration_rms"] = self._shaking * n + abs(noise(0.06)) if on else 0.0
        p["control_mode"] = self.code("control_mode", "manual" if "pump_running_when_off" in u else "auto")
        tripped = u.get("pump_fault", {}).get("code", 0.0)
        p["fault"], p["drive_fault_code"] = float(tripped > 0), tripped
        p["run_hours"], p["start_count"] = self._hours, self._starts
