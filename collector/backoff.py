"""How long to wait before the next try: doubling, capped, with jitter so that a building's links do not come back in step. Pure."""

from __future__ import annotations

from random import Random

FIRST_S = 0.5
BUSY_PAUSES_S = (0.1, 0.2, 0.4)  # before a busy unit is asked again; the second and third only within half its period
MOST_S = 10.0  # a safety line is never blind longer for want of a try (reliability F6)


class Backoff:
    """Waits of 0.5 s doubling to 10 s, each shortened by chance to between a half and the whole."""

    def __init__(self, chance: Random, first_s: float = FIRST_S, most_s: float = MOST_S) -> None:
        self._chance, self._first_s, self._most_s = chance, first_s, most_s
        self._next_s = first_s

    def next_s(self) -> float:
        wait_s = self._next_s * self._chance.uniform(0.5, 1.0)
        self._next_s = min(2 * self._next_s, self._most_s)
        return wait_s

    def reset(self) -> None:
        """It works again: call it when something was answered, not when something was merely connected."""
        self._next_s = self._first_s


class Busy:
    """How often each task met a unit that was busy, in its present slot."""

    def __init__(self) -> None:
        self._times: dict[int, int] = {}

    def pause_s(self, task: int, period_s: float) -> float:
        """How long to leave the unit alone now; 0 where it was asked often enough."""
        times = self._times.get(task, 0)
        self._times[task] = times + 1
        if times >= len(BUSY_PAUSES_S) or (times and sum(BUSY_PAUSES_S[: times + 1]) > period_s / 2):
            return 0.0
        return BUSY_PAUSES_S[times]

    def forget(self, task: int) -> None:
        """Its slot is done with."""
        self._times.pop(task, None)

    def clear(self) -> None:
        self._times.clear()
