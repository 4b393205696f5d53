"""One timer for all lines of a process: those whose time has come are called together, with one look at the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

from plantroom.clock import NS, Clock, Reading

EARLY_S = 0.001  # the loop's timers count milliseconds; who is due within one is called now
Ring = Callable[[Reading], None]


class Metronome:
    """Belongs to the loop's thread. An exception in a ring is the ring's own business: it must not raise."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Ring]] = []
        self._count = 0  # keeps the heap from comparing rings
        self._timer: asyncio.TimerHandle | None = None
        self._armed_s = inf

    def at(self, due_s: float, ring: Ring) -> None:
        """Call `ring(now)` at due_s (seconds since boot) or up to a millisecond before."""
        self._count += 1
        heappush(self._due, (due_s, self._count, ring))
        if due_s < self._armed_s:
            self._arm(due_s, self._clock.read().boot_ns / NS)

    def _arm(self, due_s: float, now_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._armed_s = due_s
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due_s - now_s), self._beat)

    def _beat(self) -> None:
        self._timer, self._armed_s = None, -inf  # rings may ask for times; the next beat is armed once, below
        at = self._clock.read()
        limit_s = at.boot_ns / NS + EARLY_S
        while self._due and self._due[0][0] <= limit_s:
            heappop(self._due)[2](at)
        self._armed_s = inf
        if self._due:
            self._arm(self._due[0][0], at.boot_ns / NS)
