"""A drainage sump: water that comes, two pumps that take turns, and the floats that call them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.lags import clip
from simulators.devices.plant import Plant
from simulators.devices.spells import Spells
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.sump import UPSETS

VOLUME_M3, PUMP_M3_H = 3.0, 15.0
LOW, STOP, FIRST, SECOND, HIGH, OVER, RIM = 15.0, 20.0, 50.0, 65.0, 75.0, 95.0, 105.0  # % of its depth: where the floats hang
DRY = 5.0  # the pumps' suction draws air below
_LATCH = 1e-6


class Sump(Plant):
    """A healthy year: some seepage, a storm now and then that runs a pump for minutes."""

    kind: ClassVar[str] = "sump"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"fire_lift_pit": 1.0}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self.level = float(rng.uniform(25.0, 45.0))
        self._seepage = float(rng.uniform(0.1, 0.5))  # m3/h
        self._storm = Spells(rng, 5 * 86_400.0, 1800.0, 3 * 3600.0)
        self._rain = float(rng.uniform(2.0, 6.0))
        self._called = [False, False]
        self._lead = int(rng.integers(0, 2))
        self._hours = [float(rng.integers(20, 400)) for _ in range(2)]
        self._by_hand = Spells(rng, 10 * 86_400.0, 60.0, 600.0)  # a pump is tried by hand
        self.step(around.now_s, 0.0)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if "pump" in settings:  # it is its turn next
            self._lead = round(settings["pump"]) - 1
        if name == "sump_pump_dry":
            self._called[self._lead] = True

    def ended(self, name: str) -> None:
        self.level = min(self.level, FIRST - 1.0)

    def step(self, now_s: float, dt_s: float) -> None:
        raining = self._storm.step(dt_s)
        inflow = max((u["inflow"] for u in self.upsets.values() if "inflow" in u), default=self._seepage + (self._rain if raining else 0.0))
        self._manual = self._by_hand.step(dt_s, self.around.working_hours)
        left = dt_s
        for _ in range(400):
            if left <= 1e-9:
                break
            left -= self._until_a_float(left, inflow)
        self._show()

    def _until_a_float(self, most_s: float, inflow: float) -> float:
        """Straight to the next float, or to the end of the step: rates are constant between floats. Gives the seconds it took."""
        self._floats()
        out = sum(self._delivers(i) for i in range(2) if self._running(i)) if self.level > DRY else 0.0
        rate = 100.0 * (inflow - out) / VOLUME_M3 / 3600.0  # % per s
        if abs(rate) < 1e-12:
            length = most_s
        else:
            ahead = [(mark - self.level) / rate for mark in (*self._marks(), DRY)]
            length = min([most_s, *(t + _LATCH / abs(rate) for t in ahead if t > 0.0)])
        self.level = clip(self.level + rate * length, 0.0, RIM)
        for i in range(2):
            self._hours[i] += length / 3600.0 if self._running(i) else 0.0
        return length

    def _marks(self) -> tuple[float, float, float]:
        """Where pumps are stopped, the first is called, the second is called."""
        band = self.upsets.get("sump_pump_cycles", {}).get("band")
        return (FIRST - band if band is not None else STOP), FIRST, SECOND

    def _floats(self) -> None:
        u, (stop, first, second) = self.upsets, self._marks()
        if "sump_pumps_stand" in u or self._mode() == "off":
            self._called = [False, False]
            return
        if self.level >= first and not any(self._called):
            self._called[self._lead] = True
        if self.level >= second:
            self._called = [True, True]
        if self.level <= stop and any(self._called) and "sump_pump_dry" not in u:
            self._called = [False, False]
            if "sump_pump_idle" not in u:
                self._lead = 1 - self._lead

    def _mode(self) -> str:
        left = self.upsets.get("sump_not_in_auto")
        if left is not None:
            return "off" if left["off"] >= 0.5 else "manual"
        return "manual" if self._manual else "auto"

    def _running(self, pump: int) -> bool:
        dead = any(u["pump"] == pump + 1 for name, u in self.upsets.items() if name in ("sump_pump_fail_to_start", "sump_pump_fault"))
        return self._called[pump] and not dead and self.around.powered and "sump_not_in_auto" not in self.upsets

    def _delivers(self, pump: int) -> float:
        """m3/h of a running pump: what wear, a clogged riser or a leaking check valve leaves of it."""
        return PUMP_M3_H * min((u["delivers"] for u in self.upsets.values() if "delivers" in u), default=1.0)

    def _show(self) -> None:
        p = self.points
        p["level"] = clip(self.level + self.noise(0.2), 0.0, 119.0)
        p["low_level"], p["high_level"], p["overflow_level"] = float(self.level < LOW), float(self.level >= HIGH), float(self.level >= OVER)
        fault = self.upsets.get("sump_pump_fault", {}).get("pump")
        for i in range(2):
            name = f"pump_{i + 1}"
            p[f"{name}_command"], p[f"{name}_running"] = float(self._called[i]), float(self._running(i))
            p[f"{name}_fault"], p[f"{name}_hours"] = float(fault == i + 1), self._hours[i]
        p["control_mode"] = self.code("control_mode", self._mode())
