"""The wall clock as the journal's headers show it: whether it was set between two records, and the event time to judge a sample by.

Pure: only headers are looked at, never a clock, so a replay sees every step where it happened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS, Reading, wall_step_ns

UNSETTLED_NS = 10 * NS  # BOOTTIME after a step in which a read from before it may still be written
PAUSE_NS = 2 * NS  # time that passed without a tick is told to the rules before the next record

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class WallTime:
    """last: header of the newest record. ticked_ns: wall instant to which time was told. step_ns, stepped_boot_ns: of the newest step."""

    last: Reading | None = None
    ticked_ns: int = 0
    step_ns: int = 0
    stepped_boot_ns: int = 0

    def to(self, at: Reading) -> tuple[WallTime, int]:
        """The time after a record with this header, and by how much the wall had been set before it (ns, 0 = not)."""
        last = self.last
        if last is not None and at.wall_ns == last.wall_ns and at.boot_ns == last.boot_ns and at.boot == last.boot:
            return self, 0  # written in one commit
        step = _step(last, at) if last is not None else 0
        if not step:
            return WallTime(at, self.ticked_ns or at.wall_ns, self.step_ns, self.stepped_boot_ns), 0
        return WallTime(at, self.ticked_ns + step, step, at.boot_ns), step

    def pause(self, limit_ns: int = PAUSE_NS) -> bool:
        """Time passed without a tick: the rules service was away."""
        return self.last is not None and self.last.wall_ns - self.ticked_ns >= limit_ns

    def told(self) -> WallTime:
        return replace(self, ticked_ns=self.last.wall_ns if self.last is not None else 0)

    def judged(self, at_ns: Ints, stamped: Bools, wall: Ints, boot: Ints) -> Ints:
        """Event times by row, epoch ns, none later than its header: a device's fast clock must not take its machine ahead.

        wall, boot: of each row's header. A read from before a step that was written after it moves with the clock; a device's own stamp
        is left alone.
        """
        if self.step_ns:
            unsettled = ~stamped & (boot >= self.stepped_boot_ns) & (boot - self.stepped_boot_ns < UNSETTLED_NS)
            moved = at_ns + self.step_ns
            at_ns = np.where(unsettled & (np.abs(moved - wall) < np.abs(at_ns - wall)), moved, at_ns)
        return np.minimum(at_ns, wall)


def _step(before: Reading, after: Reading) -> int:
    """As wall_step_ns; and across a restart of the machine time does not run backwards, whatever a clock without battery says."""
    if before.boot != after.boot:
        return min(0, after.wall_ns - before.wall_ns)
    return wall_step_ns(before, after)
