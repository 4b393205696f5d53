"""An electricity meter on a feeder: the utility's phases, an office's load by hour, its harmonics, its insulation and its cable."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.curves import Daily
from simulators.devices.lags import Lag, Wander
from simulators.devices.plant import Plant
from simulators.devices.spells import Spells
from simulators.surroundings import NOMINAL_HZ, NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.meter import UPSETS

WEEKDAY = Daily(((0.0, 0.14), (6.5, 0.16), (8.5, 0.52), (11.5, 0.6), (12.5, 0.52), (14.0, 0.6), (18.0, 0.4), (21.0, 0.2)))  # of rated
WEEKEND = Daily(((0.0, 0.13), (9.0, 0.2), (17.0, 0.2), (20.0, 0.13)))
DROP = 0.012  # of the voltage, lost in the feeder at rated current


class Meter(Plant):
    """A healthy year: mornings and evenings, motors that start, damp days that double the leakage."""

    kind: ClassVar[str] = "meter"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"nominal_voltage": 230.0, "rated_current": 400.0, "contract": 220.0}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._rated = self.parameter("rated_current", 400.0)
        self._split = [1.0 + float(rng.uniform(-0.04, 0.04)) for _ in range(3)]
        self._stray = Wander(self.noise, 0.02, 600.0)
        self._start = Spells(rng, 6 * 3600.0, 2.0, 6.0)  # a large motor starts
        self._leak = Lag(40.0, 30.0)
        self._cable = Lag(30.0, 900.0)
        self._energy, self._reactive = float(rng.integers(10_000, 900_000)), float(rng.integers(1000, 90_000))
        self._exported = 0.0
        self._cable.value = self._cable_target(self._share())
        self.step(around.now_s, 0.0)

    def _share(self) -> float:
        """Load as a share of rated current."""
        forced = next((u["load"] for u in self.upsets.values() if "load" in u), None)
        if forced is not None:
            return forced
        day = WEEKDAY if self.around.weekday < 5 else WEEKEND
        return day(self.around.hour) * (1.0 + self._stray.value)

    def _cable_target(self, share: float) -> float:
        joint = sum(self.upsets[name]["rise"] for name in ("cable_hot", "cable_overheated") if name in self.upsets)
        return 22.0 + 0.3 * self.around.outdoor_temp + 35.0 * share * share + joint * (share / 0.55) ** 2

    def step(self, now_s: float, dt_s: float) -> None:
        u = self.upsets
        self._stray.step(dt_s)
        factors, hz = self._supply()
        live = max(factors) > 0.5
        share = self._share() * (1.6 if self._start.step(dt_s) else 1.0) if live else 0.0
        self._cable.toward(self._cable_target(share), dt_s)
        damp = 1.0 + max(0.0, self.around.humidity - 75.0) / 25.0
        fault = next((u[name]["leakage"] for name in ("leakage_high", "leakage_rising") if name in u), 0.0)
        self._leak.toward((max(fault, 40.0 * damp) if live else 0.0), dt_s)
        self._show_supply(factors, hz, share)
        self._show_load(dt_s, factors, share)

    def _supply(self) -> tuple[list[float], float]:
        """Per phase, 1 = nominal, and Hz."""
        u, mains = self.upsets, self.around.mains
        on_standby = not mains.ok and self.around.standby_on_load
        factors = [1.0, 1.0, 1.0] if on_standby else [v / NOMINAL_V for v in mains.volts]
        hz = NOMINAL_HZ if on_standby else mains.hz
        for name in ("voltage_low", "voltage_high", "voltage_out_of_band"):
            if name in u:
                factors = [f * u[name]["factor"] for f in factors]
        for name in ("phase_lost", "voltage_unbalance"):
            if name in u:
                factors[round(u[name]["phase"]) - 1] *= u[name]["left"]
        if "supply_lost" in u:
            factors, hz = [0.0, 0.0, 0.0], 0.0
        return factors, hz + u.get("frequency_out_of_band", {}).get("off", 0.0)

    def _show_supply(self, factors: list[float], hz: float, share: float) -> None:
        p, u = self.points, self.upsets
        volts = [max(0.0, NOMINAL_V * f * (1.0 - DROP * share) + self.noise(0.1)) if f > 0.0 else 0.0 for f in factors]
        for i in range(3):
            a, b = volts[i], volts[(i + 1) % 3]
            p[f"voltage_l{i + 1}n"] = a
            p[f"voltage_l{i + 1}l{(i + 1) % 3 + 1}"] = sqrt(a * a + b * b + a * b)
        p["frequency"] = hz
        live = max(factors) > 0.5
        p["thd_voltage"] = (u.get("voltage_distorted", {}).get("thd", 2.0) + abs(self.noise(0.05))) if live else 0.0
        p["thd_current"] = (self._harmonic() * 100.0 + abs(self.noise(0.3))) if share > 0.0 else 0.0

    def _harmonic(self) -> float:
        """The third, of the current: what adds up in the neutral."""
        u = self.upsets
        return max((u[name]["thd"] for name in ("current_distorted", "neutral_overload") if name in u), default=18.0) / 100.0

    def _show_load(self, dt: float, factors: list[float], share: float) -> None:
        p, u = self.points, self.upsets
        heavy = u.get("current_unbalance", {}).get("share", 1.0)
        amps = [self._rated * share * self._split[i] * (heavy if i == 2 else 1.0) * float(factors[i] > 0.3) for i in range(3)]
        for i in range(3):
            p[f"current_l{i + 1}"] = max(0.0, amps[i] * (1.0 + self.noise(0.003)))
        mean = sum(amps) / 3.0
        p["current_n"] = max(amps) - min(amps) + 3.0 * self._harmonic() * mean
        apparent = NOMINAL_V * sum(a * f for a, f in zip(amps, factors, strict=True)) / 1000.0
        factor = u.get("power_factor_low", {}).get("factor", 0.96)
        power, reactive = apparent * factor, apparent * sqrt(1.0 - factor * factor)
        if "power_reversed" in u:
            power, factor = -power, -factor
        p["power_total"], p["apparent_power_total"], p["reactive_power_total"], p["power_factor"] = power, apparent, reactive, factor
        if "energy_not_counting" not in u:
            self._energy += max(power, 0.0) * dt / 3600.0
            self._exported += max(-power, 0.0) * dt / 3600.0
            self._reactive += reactive * dt / 3600.0
        p["energy"], p["energy_exported"] = float(int(self._energy)), float(int(self._exported))
        p["reactive_energy"] = float(int(self._reactive))
        p["leakage_current"] = max(0.0, self._leak.value + self.noise(1.0))
        p["cable_temp"] = self._cable.value + self.noise(0.1)
