"""How long to wait before the next try: doubling, capped, with jitter so that a building's links do not come back in step. Pure."""

from __future__ import annotations

from random import Random

FIRST_S = 0.5
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
