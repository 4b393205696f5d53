"""When a fire pump runs without a fire: its controller's start once a week, a person's start by hand once a month (GB 50974 ch. 14)."""

from __future__ import annotations

import numpy as np

MONTH_S = 28 * 86_400.0
STOP_PRESS_S = 3.0  # how long a thumb stays on the stop button


class Runs:
    """testing: the controller's own run goes on; by_hand: a person's. stop_pressed: the person ends it. Lengths in s.

    The first of each is some days ahead, so that a bench of hours sees none. begins: a test has just begun. cut_in: False where the
    test did not bring the pressure down to the start point (its solenoid is stuck), so that no start follows.
    """

    def __init__(self, rng: np.random.Generator, now_s: float, every_s: float) -> None:
        self._every_s = every_s
        self.last_test_s = now_s - every_s * float(rng.uniform(0.15, 0.85))
        self._by_hand_at_s = now_s + 86_400.0 * float(rng.uniform(2.0, 26.0))
        self._test_left_s = self._hand_left_s = self._stop_left_s = 0.0
        self._asked_s = self._ran_s = 0.0
        self.reached = self.begins = False
        self.cut_in = True
        self.passed = True

    @property
    def testing(self) -> bool:
        return self._test_left_s > 0.0

    @property
    def by_hand(self) -> bool:
        return self._hand_left_s > 0.0

    @property
    def stop_pressed(self) -> bool:
        return self._stop_left_s > 0.0

    def begin(self, run_s: float) -> None:
        self._test_left_s = self._asked_s = run_s
        self._ran_s, self.reached, self.begins = 0.0, False, True

    def cancel(self) -> None:
        self._test_left_s = 0.0

    def step(self, now_s: float, dt_s: float, *, able: bool, running: bool, at_pressure: bool) -> None:
        """able: the selector stands in auto, else nothing is begun and a test is broken off."""
        self._stop_left_s -= dt_s
        if self.testing:
            self._go_on(now_s, dt_s, able, running, at_pressure)
        elif able and now_s - self.last_test_s >= self._every_s:
            self.begin(180.0)
        if self.by_hand:
            self._hand_left_s -= dt_s
            self._stop_left_s = STOP_PRESS_S if self._hand_left_s <= 0.0 else self._stop_left_s
        elif able and now_s >= self._by_hand_at_s and not self.testing:
            self._hand_left_s, self._by_hand_at_s = 120.0, now_s + MONTH_S

    def _go_on(self, now_s: float, dt_s: float, able: bool, running: bool, at_pressure: bool) -> None:
        self._test_left_s = self._test_left_s - dt_s if able else 0.0
        self._ran_s += dt_s if running else 0.0
        self.reached |= at_pressure
        if self._test_left_s <= 0.0:
            self.last_test_s = now_s
            self.passed = self.reached and self._ran_s >= min(0.8 * self._asked_s, 120.0)
