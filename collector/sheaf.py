"""Plain readings of many lines, decoded together: a numpy call costs as much for one reply as for thirty of the same shape."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import numpy as np

from collector.actions import Undecoded
from collector.codec import Decoder
from plantroom.model import Batch

WAIT_S = 0.005  # a reading waits so long for its neighbours; the commit it goes into waits longer
MOST = 256

Bring = Callable[[Batch], None]


class Sheaf:
    """Belongs to the loop's thread. What is taken is brought in the order in which it came; `bring` must not raise."""

    def __init__(self) -> None:
        self._taken: list[tuple[Bring, Undecoded]] = []
        self._timer: asyncio.TimerHandle | None = None

    def take(self, bring: Bring, reading: Undecoded) -> None:
        if not self._taken:
            self._timer = asyncio.get_running_loop().call_later(WAIT_S, self.bind)
        self._taken.append((bring, reading))
        if len(self._taken) >= MOST:
            self.bind()

    def bind(self) -> None:
        """Decodes what was taken and brings it. Called by whoever brings something else, too, so that the order stays."""
        if not self._taken:
            return
        taken, self._taken = self._taken, []
        if self._timer is not None:
            self._timer.cancel()
        for bring in _decoded(taken):
            bring()


def _decoded(taken: list[tuple[Bring, Undecoded]]) -> list[Callable[[], None]]:
    alike: dict[Decoder, list[int]] = {}
    for n, (_, reading) in enumerate(taken):
        alike.setdefault(reading.job.decoder, []).append(n)
    at_ns = np.array([reading.at_ns for _, reading in taken], np.int64)
    made: list[Callable[[], None]] = [_nothing] * len(taken)
    for decoder, places in alike.items():
        for n, (values, quality) in zip(places, decoder.decode_many([taken[n][1].data for n in places]), strict=True):
            bring, reading = taken[n]
            made[n] = partial(bring, Batch(reading.job.frame, at_ns[n : n + 1], values, quality))
    return made


def _nothing() -> None:
    return
