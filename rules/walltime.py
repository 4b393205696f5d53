"""The wall clock as the journal's headers show it: whether it was set between two records, and the event time to judge a sample by.

Pure: only headers are looked at, never a clock, so a replay sees every step where it happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS, Reading, wall_step_ns
from plantroom.journal.record import Record
from plantroom.model import Batch

UNSETTLED_NS = 10 * NS  # BOOTTIME after a step in which a read from before it may still be written
PAUSE_NS = 2 * NS  # time that passed without a tick is told to the rules before the next record

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class WallTime:
    """last: header of the newest record. ticked_ns: wall instant to which time was told. step_ns, stepped_boot_ns: of the newest step."""

    last: Reading | None = None
    ticked_ns: int = 0
    step_ns: int = 0
    stepped_boot_ns: int = 0

    def to(self, at: Reading) -> tuple[WallTime, int]:
        """The time after a record with this header, and by how much the wall had been set before it (ns, 0 = not)."""
        step = _step(self.last, at) if self.last is not None else 0
        if not step:
            return replace(self, last=at, ticked_ns=self.ticked_ns or at.wall_ns), 0
        return WallTime(at, self.ticked_ns + step, step, at.boot_ns), step

    def pause(self) -> bool:
        """Time passed without a tick: the rules service was away."""
        return self.last is not None and self.last.wall_ns - self.ticked_ns >= PAUSE_NS

    def told(self) -> WallTime:
        return replace(self, ticked_ns=self.last.wall_ns if self.last is not None else 0)

    def judged(self, record: Record, batch: Batch) -> Ints:
        """Event times int64[rows], epoch ns, none later than the header: a device's fast clock must not take its machine ahead.

        A read from before a step that was written after it moves with the clock; a device's own stamp is left alone.
        """
        times = np.asarray(batch.at_ns, np.int64)
        wall = record.at.wall_ns
        if self.step_ns and not batch.stamped and 0 <= record.at.boot_ns - self.stepped_boot_ns < UNSETTLED_NS:
            moved = times + self.step_ns
            times = np.where(np.abs(moved - wall) < np.abs(times - wall), moved, times)
        return np.minimum(times, wall)


def _step(before: Reading, after: Reading) -> int:
    """As wall_step_ns; and across a restart of the machine time does not run backwards, whatever a clock without battery says."""
    if before.boot != after.boot:
        return min(0, after.wall_ns - before.wall_ns)
    return wall_step_ns(before, after)
