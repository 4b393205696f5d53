"""How plant quantities follow what drives them: first-order lags, damped swings, noise. Exact for any step length."""

from __future__ import annotations

from collections.abc import Iterator
from math import cos, exp, sin, sqrt

import numpy as np


def parts(whole_s: float, longest_s: float) -> Iterator[float]:
    """A step cut into parts short enough for what is added up within it; one at least, of a millisecond at least."""
    left = max(whole_s, 1e-3)
    while left > 1e-9:
        length = min(left, longest_s)
        yield length
        left -= length


class Lag:
    """A first-order lag: `tau_s` after a step of the target 63 % of the way is done."""

    __slots__ = ("value", "tau_s", "_of", "_part")

    def __init__(self, value: float, tau_s: float) -> None:
        self.value, self.tau_s = value, tau_s
        self._of, self._part = (0.0, 0.0), 1.0  # step and tau, and the part of the way they mean: mostly the same as last time

    def toward(self, target: float, dt_s: float, tau_s: float | None = None) -> float:
        of = dt_s, self.tau_s if tau_s is None else tau_s
        if of != self._of:
            self._of, self._part = of, 1.0 - exp(-dt_s / of[1]) if of[1] > 0 else 1.0
        self.value += (target - self.value) * self._part
        return self.value


class Swing:
    """A damped second-order follower (governor, voltage regulator): overshoots a step and settles.

    natural: rad/s; damping: 0 < d < 1 (0.69 overshoots by 5 %). Solved in closed form, so a long step is as right as many short ones.
    """

    __slots__ = ("value", "rate", "natural", "damping")

    def __init__(self, value: float, natural: float, damping: float) -> None:
        self.value, self.rate, self.natural, self.damping = value, 0.0, natural, damping

    def toward(self, target: float, dt_s: float) -> float:
        w, z = self.natural, self.damping
        wd = w * sqrt(1.0 - z * z)
        error, rate = self.value - target, self.rate
        decay, c, s = exp(-z * w * dt_s), cos(wd * dt_s), sin(wd * dt_s)
        self.value = target + decay * (error * c + (rate + z * w * error) / wd * s)
        self.rate = decay * (rate * c - (w * w * error + z * w * rate) / wd * s)
        return self.value


class Noise:
    """Standard normal numbers of one equipment, drawn in blocks: a draw one by one costs more than the plant."""

    __slots__ = ("_rng", "_block", "_next")

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._block, self._next = rng, [0.0] * 0, 0

    def __call__(self, spread: float = 1.0) -> float:
        if self._next >= len(self._block):
            self._block, self._next = self._rng.standard_normal(512).tolist(), 0
        self._next += 1
        return spread * self._block[self._next - 1]


class Wander:
    """A quantity that strays around 0 and comes back (Ornstein-Uhlenbeck): `spread` is its standard deviation whatever the step."""

    __slots__ = ("value", "_noise", "_spread", "_tau_s", "_dt_s", "_keep", "_stir")

    def __init__(self, noise: Noise, spread: float, tau_s: float) -> None:
        self._noise, self._spread, self._tau_s = noise, spread, tau_s
        self.value = noise(spread)
        self._dt_s, self._keep, self._stir = 0.0, 1.0, 0.0

    def step(self, dt_s: float) -> float:
        if dt_s != self._dt_s:
            keep = exp(-dt_s / self._tau_s)
            self._dt_s, self._keep, self._stir = dt_s, keep, sqrt(1.0 - keep * keep)
        self.value = self._keep * self.value + self._stir * self._noise(self._spread)
        return self.value


def clip(value: float, low: float, high: float) -> float:
    return low if value < low else high if value > high else value
