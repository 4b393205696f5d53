"""A lift's doors: how long a stroke takes, what sends them back, and who stands in them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from simulators.devices.lags import Noise

Upsets = Mapping[str, Mapping[str, float]]
PEOPLE = 0.07  # share of closings somebody walks into
MOST_PEOPLE = 3  # in a row; then they let it go


class CarDoor:
    """open_s, close_s: of the last full strokes; back: re-openings since the last full close; reopened, cycles: counters."""

    def __init__(self, stroke_s: float, rng: np.random.Generator, noise: Noise, cycles: float) -> None:
        self._stroke_s, self._rng, self._noise = stroke_s, rng, noise
        self.open_s = stroke_s
        self.close_s = stroke_s + 0.2
        self.back = 0
        self.reopened = float(int(cycles * PEOPLE))
        self.cycles = cycles
        self.beam_until = 0.0  # somebody stands in the light curtain so long
        self.slow = 1.0  # worn rollers: strokes take so many times as long

    def opening(self) -> float:
        """s of the stroke that begins."""
        self.open_s = self.slow * (self._stroke_s + self._noise(0.05))
        return self.open_s

    def closing(self, at: float, upsets: Upsets) -> tuple[float, bool]:
        """The stroke that begins: (s until it ends, whether it closes): otherwise something sends it back on the way."""
        full = self.slow * (self._stroke_s + 0.2 + self._noise(0.05))
        share = self._sent_back_at(upsets)
        if share < 1.0:
            self.beam_until = max(self.beam_until, at + full * share + 1.5)
            return full * share, False
        self.close_s = full
        return full, True

    def _sent_back_at(self, upsets: Upsets) -> float:
        """The share of its stroke after which it turns back; 1 = it closes."""
        if "light_curtain_blocked" in upsets:
            return 0.1
        if "door_fails_to_close" in upsets:
            return upsets["door_fails_to_close"]["stroke"]
        if self.back < MOST_PEOPLE and self._rng.random() < PEOPLE:
            return 0.3 + 0.4 * self._rng.random()
        return 1.0

    def turned_back(self) -> None:
        self.back += 1
        self.reopened += 1

    def closed(self) -> None:
        self.back = 0
        self.cycles += 1

    def beam_broken(self, at: float, upsets: Upsets) -> bool:
        return "light_curtain_blocked" in upsets or at < self.beam_until and at > self.beam_until - 1.5
