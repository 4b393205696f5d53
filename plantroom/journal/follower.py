"""Follows the journal from a position on: woken by the doorbell, looking every 10 ms in case nobody rang."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from plantroom.journal.bell import Bell
from plantroom.journal.reader import Reader
from plantroom.journal.record import Record

LOOK_S = 0.010


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

        def rung() -> None:
            bell.quiet()
            woken.set()

        def look() -> None:
            nonlocal timer
            if reader.changed():
                woken.set()
            else:
                timer = loop.call_later(self._look_s, look)

        loop.add_reader(bell.fileno(), rung)
        try:
            while True:
                woken.clear()
                records = reader.read_after(self.position, self._most)
                if records:
                    self.position = records[-1].seq
                    yield records
                    continue
                timer = loop.call_later(self._look_s, look)
                try:
                    await woken.wait()
                finally:
                    timer.cancel()
        finally:
            loop.remove_reader(bell.fileno())
            bell.close()
            reader.close()
