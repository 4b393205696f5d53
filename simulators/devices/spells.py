"""Things that happen now and then and last a while: a nuisance alarm, a door held open, a test run."""

from __future__ import annotations

from math import log

import numpy as np


class Spells:
    """On average one in `every_s` of the time it may happen, lasting `shortest_s` to `longest_s`. on: is one going on."""

    __slots__ = ("on", "_every_s", "_shortest_s", "_longest_s", "_left_s", "_rng")

    def __init__(self, rng: np.random.Generator, every_s: float, shortest_s: float, longest_s: float) -> None:
        self.on = False
        self._rng, self._every_s, self._shortest_s, self._longest_s = rng, every_s, shortest_s, longest_s
        self._left_s = self._pause()

    def step(self, dt_s: float, may: bool = True) -> bool:
        """Is one going on at the end of the step. may: can one begin now; what goes on goes on."""
        left = dt_s
        while (self.on or may) and self._left_s <= left:
            left -= self._left_s
            self.on = not self.on
            self._left_s = float(self._rng.uniform(self._shortest_s, self._longest_s)) if self.on else self._pause()
        if self.on or may:
            self._left_s -= left
        return self.on

    def _pause(self) -> float:
        return -self._every_s * log(1.0 - float(self._rng.random()))
