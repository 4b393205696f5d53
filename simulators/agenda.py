"""Virtual time: what is to happen when, on a clock that jumps from one thing to the next. The same agenda runs the same way each time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from plantroom.clock import NS, Reading

_BOOTED_NS = 1_000 * NS  # before the start: a machine that has been up for a while


class Agenda:
    """A plantroom.clock.Clock as well. Things of one instant happen in the order they were asked for."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = self.now_ns = start_ns
        self._read = Reading(start_ns, _BOOTED_NS, "virtual")
        self._order = count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._until_ns = start_ns  # of the run under way

    def read(self) -> Reading:
        if self._read.wall_ns != self.now_ns:  # asked many times in an instant
            self._read = Reading(self.now_ns, self.now_ns - self.start_ns + _BOOTED_NS, "virtual")
        return self._read

    def at(self, ns: int, act: Callable[[], None]) -> None:
        """An instant that has passed means now."""
        heappush(self._due, (max(ns, self.now_ns), next(self._order), act))

    def leap(self, ns: int) -> bool:
        """Whether nothing else is due up to an instant: then it is that instant now, and what would be asked for it can be done at once.

        Only for what is the last deed of an instant.
        """
        if ns > self._until_ns or self._due and self._due[0][0] <= ns:
            return False
        self.now_ns = ns
        return True

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        self.at(self.now_ns + round(seconds * NS), act)

    def every(self, seconds: float, act: Callable[[], None]) -> None:
        """Now, and then again and again."""

        def again() -> None:
            act()
            self.after(seconds, again)

        self.at(self.now_ns, again)

    @property
    def boot_s(self) -> float:
        """BOOTTIME in seconds, as `read` gives it."""
        return (self.now_ns - self.start_ns + _BOOTED_NS) / NS

    def boot_to_ns(self, boot_s: float) -> int:
        """The wall instant of a BOOTTIME in seconds, as `read` gives it."""
        return self.start_ns - _BOOTED_NS + round(boot_s * NS)

    def run(self, until_ns: int) -> None:
        """Does all that is due up to and including an instant; then it is that instant."""
        self._until_ns = until_ns
        while self._due and self._due[0][0] <= until_ns:
            self.now_ns, _, act = heappop(self._due)
            act()
        self.now_ns = until_ns
