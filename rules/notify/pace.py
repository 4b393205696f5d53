"""How fast a provider takes messages: at most so many in any so many seconds, the last quarter of them kept for what is urgent. Pure.

A provider that says "too often" all the same is left alone for as long as it asks, but for what is urgent: that finds out for itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

from plantroom.clock import NS


class Pace:
    def __init__(self, messages: int, seconds: float) -> None:
        self._all, self._window_ns = messages, round(seconds * NS)
        self._others = max(messages - max(messages // 4, 1), 1)
        self._left: deque[int] = deque(maxlen=messages)
        self._held: tuple[int, int] = (0, 0)  # since, until

    def free_ns(self, urgent: bool) -> int:
        """The instant from which the next one may leave; 0 = it may since ever."""
        most = self._all if urgent else self._others
        free_ns = self._left[-most] + self._window_ns if len(self._left) >= most else 0
        return free_ns if urgent else max(free_ns, self._held[1])

    def took(self, now_ns: int) -> None:
        """One leaves now. Refused ones count as well: the provider counts them."""
        self._left.append(now_ns)

    def hold(self, now_ns: int, until_ns: int) -> None:
        self._held = now_ns, max(until_ns, self._held[1])

    def at(self, now_ns: int) -> None:
        """Instants after now were counted by a clock that has since been set back: they must not block for the length of its error."""
        for _ in range(len(self._left) - bisect_right(self._left, now_ns)):
            self._left.pop()
        if self._held[0] > now_ns:
            self._held = 0, 0
