"""A generator's day tank: what the engine burns, what leaks or is taken, what the sender shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FILLED = 92.0  # %, after the tanker came
_LEVELS = ("low_fuel", "fuel_nearly_empty", "fuel_hours_low", "fuel_hours_short")


class Tank:
    """volume: L. level: % of it."""

    IDLE_L_H, PER_LOAD_L_H = 9.0, 88.0  # 97 L/h at rated load

    def __init__(self, rng: np.random.Generator, volume: float) -> None:
        self.volume = volume
        self.level = 78.0 + 15.0 * float(rng.random())
        self.used = float(rng.integers(2_000, 9_000))  # L
        self._taken = 0.0

    def rate(self, load: float) -> float:
        """L/h of a running engine."""
        return self.IDLE_L_H + self.PER_LOAD_L_H * load

    def burn(self, load: float, dt_s: float) -> None:
        litres = self.rate(max(0.0, load)) * dt_s / 3600.0
        self.level = max(0.0, self.level - 100.0 * litres / self.volume)
        self.used += litres

    def upset(self, upsets: Mapping[str, Mapping[str, float]], dt_s: float) -> None:
        """Level falls to where an upset wants it, at once or in its time; a thief takes his share once."""
        for name in _LEVELS:
            if (low := upsets.get(name)) is not None and self.level > low["level"]:
                fall = (FILLED - low["level"]) * dt_s / low["over_s"] if low["over_s"] > 0 else 100.0
                self.level = max(low["level"], self.level - fall)
        if (theft := upsets.get("fuel_drop_at_rest")) is None:
            self._taken = 0.0
        elif self._taken < theft["drop"]:
            part = min(theft["drop"] - self._taken, theft["drop"] * dt_s / theft["over_s"] if theft["over_s"] > 0 else 100.0)
            self._taken += part
            self.level = max(0.0, self.level - part)

    def repaired(self, name: str) -> None:
        if name in (*_LEVELS, "fuel_drop_at_rest"):
            self.level = FILLED
