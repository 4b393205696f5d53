"""Room kept for a full disk: a file of the data folder that is given back when nothing else is left, so that alerting goes on meanwhile.

    held  --less than LOW_BYTES free-->      given: `disk_full`, people are paged
    given --room for it and 2 LOW_BYTES-->   held: `disk_full_over`

Whoever fills the disk may fill this too; then nothing can be written, and people are told by the watcher outside (docs/watch.md).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum
from pathlib import Path

import structlog

NAME = "reserve"
MOST_BYTES = 256 << 20
SHARE = 10  # of a small disk no more than the tenth part
LOW_BYTES = 16 << 20
LOOK_S = 0.5
SAY_S = 60.0  # while it lasts
AGAIN_S = 5.0  # where a journal refused

log = structlog.get_logger()


class Step(Enum):
    GIVE = "give"
    TAKE = "take"
    KEEP = "keep"


def step(held: bool, free: int, wanted: int) -> Step:
    """What to do with so many bytes free; wanted: of the file."""
    if held:
        return Step.GIVE if free < LOW_BYTES else Step.KEEP
    return Step.TAKE if free >= wanted + 2 * LOW_BYTES else Step.KEEP


class Reserve:
    """folder: the data folder. say: appends an EVENT to every site's journal, blocking; False where one refuses."""

    def __init__(self, folder: Path, say: Callable[[Mapping[str, object]], bool]) -> None:
        self._path, self._say = folder / NAME, say
        self._said = False  # that the disk is full, and not yet that this is over
        self._quiet_s = 0.0  # until something may be said again

    async def run(self) -> None:
        """Until cancelled. Looking has a thread of its own: a disk that hangs holds up nobody else."""
        with ThreadPoolExecutor(1, thread_name_prefix="reserve") as thread:
            while True:
                await asyncio.get_running_loop().run_in_executor(thread, self.look)
                await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """One look, LOOK_S after the last, and what follows from it. What the disk refuses is tried again at the next one."""
        try:
            disk = shutil.disk_usage(self._path.parent)
            wanted, held = min(MOST_BYTES, disk.total // SHARE), self._path.exists()
            todo = step(held, disk.free, wanted)
            if todo is Step.GIVE:
                self._path.unlink()
                log.error("reserve.given", file=str(self._path), why="the disk is full")
            elif todo is Step.TAKE:
                self._allocate(wanted)
                self._quiet_s = 0.0  # that it is over need not wait
        except OSError as error:
            log.error("reserve.refused", file=str(self._path), error=str(error))
            return
        self._quiet_s -= LOOK_S
        if todo is not Step.GIVE and self._quiet_s <= 0:  # what is given is there for the journal from now on
            self._tell(held or todo is Step.TAKE, disk.free)

    def _tell(self, held: bool, free: int) -> None:
        if not held:
            said = self._say({"event": "disk_full", "folder": str(self._path.parent), "free_mb": free >> 20})
            self._said, self._quiet_s = self._said or said, SAY_S if said else AGAIN_S
        elif self._said:
            self._said, self._quiet_s = not self._say({"event": "disk_full_over"}), AGAIN_S

    def _allocate(self, size: int) -> None:
        """Blocks that are really taken, or none."""
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(fd, 0, size)
            finally:
                os.close(fd)
        except OSError:
            self._path.unlink(missing_ok=True)
            raise
