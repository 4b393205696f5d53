"""Follows the journal from a position on: woken by the doorbell, and looking by itself in case nobody rang.

A bell is lost only where a writer died between its commit and the bell. Looking costs a wake-up of the process (70-150 us measured, 100
a second are 1 % of a core), so it is done every 10 ms while records come and less and less often, down to every 160 ms, while none do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from plantroom.journal.bell import Bell
from plantroom.journal.reader import Reader
from plantroom.journal.record import Record

LOOK_S = 0.010
LONGEST_LOOK_S = 0.160


class Follower:
    """`async for records in follower`: never an empty list, never an end. position: the last seq handed out."""

    def __init__(self, folder: Path, after: int, most: int = 10_000, *, look_s: float = LOOK_S) -> None:
        self._folder, self._most, self._look_s = folder, most, look_s
        self.position = after

    def __aiter__(self) -> AsyncIterator[list[Record]]:
        return self._follow()

    async def _follow(self) -> AsyncIterator[list[Record]]:
        reader, bell, woken = Reader(self._folder), Bell(self._folder), asyncio.Event()
        loop = asyncio.get_running_loop()

        timer: asyncio.TimerHandle | None = None
        pause_s = self._look_s

        def rung() -> None:
            bell.quiet()
            woken.set()

        def look() -> None:
            nonlocal timer, pause_s
            if reader.changed():
                woken.set()
            else:
                pause_s = min(2 * pause_s, max(LONGEST_LOOK_S, self._look_s))
                timer = loop.call_later(pause_s, look)

        loop.add_reader(bell.fileno(), rung)
        try:
            while True:
                woken.clear()
                records = reader.read_after(self.position, self._most)
                if records:
                    self.position = records[-1].seq
                    yield records
                    continue
                pause_s = self._look_s
                timer = loop.call_later(pause_s, look)
                try:
                    await woken.wait()
                finally:
                    timer.cancel()
        finally:
            loop.remove_reader(bell.fileno())
            bell.close()
            reader.close()
