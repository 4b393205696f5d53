"""learned(x, 20h): what is usual for a machine, from the first stretch of time it was watched: robust, bounded, then fixed.

The warm-up is the length given, of *counted* time: x known, and the condition (where there is one) known true. It is cut into 60
stretches, and each leaves its mean; `learned` is the median of the sixty, `learned_spread` 1.4826 times their median distance from it
(a standard deviation where they are normal, and no matter how wild one in four of them is). Unknown until the sixty are full. After that
it stays: a baseline that followed the machine would follow its wear, too. A person starts it anew (`relearn`) after a repair.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from rules.windows import Floats, Pairs, Remembers, Rows, Span, Truth, copy

STRETCHES = 60
NORMAL = 1.4826  # median distance -> standard deviation of a normal distribution


class Learned:
    """One expression of `size` machines. filled: stretches that are full; middle, spread: NaN until all are."""

    def __init__(self, size: int, length_s: float) -> None:
        self.width = max(1, round(length_s * NS) // STRETCHES)
        self.filled = np.zeros(size, np.int64)
        self.means = np.full((size, STRETCHES), np.nan)
        self.known = np.zeros(size, np.int64)  # ns of the stretch that is filling
        self.area = np.zeros(size)  # value x ns of it
        self.held = np.full(size, np.nan)  # what counts from the last look on; NaN = nothing
        self.middle = np.full(size, np.nan)
        self.spread = np.full(size, np.nan)

    def update(self, span: Span, x: Floats, counts: Truth | None) -> None:
        """Lets the time since the last look count with what was held, then holds x where it counts."""
        rows = span.rows
        held = self.held[rows]
        passed = np.where((held == held) & (self.filled[rows] < STRETCHES), span.passed, 0)
        if passed.any():
            self.known[rows] += passed
            self.area[rows] += np.where(passed > 0, held, 0.0) * passed
            self._close(rows)
        self.held[rows] = x if counts is None else np.where(counts[0], x, np.nan)

    def _close(self, rows: Rows) -> None:
        full = np.flatnonzero(self.known[rows] >= self.width)
        if not full.size:
            return
        at = full if isinstance(rows, slice) else rows[full]
        self.means[at, self.filled[at]] = self.area[at] / self.known[at]
        self.filled[at] += 1
        self.known[at], self.area[at] = 0, 0.0
        done = at[self.filled[at] == STRETCHES]
        if done.size:
            self.middle[done] = np.median(self.means[done], axis=1)
            self.spread[done] = NORMAL * np.median(np.abs(self.means[done] - self.middle[done, None]), axis=1)

    def relearn(self, row: int) -> None:
        """Begins anew for one machine."""
        self.filled[row] = self.known[row] = 0
        self.means[row], self.area[row] = np.nan, 0.0
        self.middle[row] = self.spread[row] = np.nan

    def progress(self, row: int) -> float:
        """How far the warm-up is, 0 to 1."""
        return float((self.filled[row] + min(1.0, self.known[row] / self.width)) / STRETCHES) if self.filled[row] < STRETCHES else 1.0

    def shift(self, ns: int) -> None:
        """Lengths do not move with the wall clock."""

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("filled", self.filled), ("means", self.means), ("known", self.known), ("area", self.area))
        yield from (("held", self.held), ("middle", self.middle), ("spread", self.spread))
