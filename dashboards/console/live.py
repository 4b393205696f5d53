"""The last value of every point of a site, kept by following the journal's telemetry.

Columns, not objects: a batch is one vectorised assignment, so 5,000 points a second cost a few percent of a core. Written by the
loop's follower, read by any thread: a reader may see a point's value one sample older than its instant, never half a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.model import Batch, Frame, Quality

LOOK_BACK_NS = 120 * NS
LEAST_SILENCE_S = 15.0
MISSED_PERIODS = 3.5


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest sample of a point. value: NaN when bad. good, good_at_ns: the newest good one, NaN and 0 for none since we look."""

    value: float
    quality: Quality
    at_ns: int
    good: float
    good_at_ns: int

    @property
    def is_good(self) -> bool:
        return self.quality is Quality.GOOD


class Latest:
    """Newest sample per point id. `take` costs one pass of numpy per batch, whatever the number of points."""

    def __init__(self) -> None:
        self._row: dict[str, int] = {}
        self._names: list[str] = []
        self._frames: dict[bytes, npt.NDArray[np.intp]] = {}
        self._value = np.empty(0)
        self._quality = np.empty(0, np.uint8)
        self._at = np.empty(0, np.int64)
        self._good = np.empty(0)
        self._good_at = np.empty(0, np.int64)
        self._turn = np.empty(0, np.int64)  # when the point last changed, in turns
        self.turn = 0

    def __len__(self) -> int:
        return len(self._names)

    def take(self, batch: Batch) -> None:
        """Rows in their order. Only a device-stamped row can be late: it never replaces a newer one. A polled one is the newest, whatever
        the wall clock was set to."""
        rows = self._rows_of(batch.frame)
        self.turn += 1
        for at, values, quality in zip(batch.at_ns, batch.values, batch.quality, strict=True):
            wanted = quality != Batch.ABSENT
            if batch.stamped:
                wanted &= self._at[rows] <= at
            here, value, reason = rows[wanted], values[wanted], quality[wanted]
            before, was = self._value[here], self._quality[here]
            changed = (reason != was) | ((value != before) & ~(np.isnan(value) & np.isnan(before))) | (self._at[here] == 0)
            self._value[here], self._quality[here], self._at[here] = value, reason, at
            self._turn[here[changed]] = self.turn
            good = reason == Quality.GOOD
            self._good[here[good]], self._good_at[here[good]] = value[good], at

    def sample(self, point: str) -> Sample | None:
        """None where no sample came since we look."""
        row = self._row.get(point)
        if row is None or not self._at[row]:
            return None
        quality = Quality(int(self._quality[row]))
        return Sample(float(self._value[row]), quality, int(self._at[row]), float(self._good[row]), int(self._good_at[row]))

    def changed_since(self, turn: int) -> list[str]:
        """Points whose value or quality is another than at that turn, as it was when `turn` was read."""
        return [self._names[i] for i in np.flatnonzero(self._turn > turn)]

    def newest_ns(self) -> int:
        """Event time of the newest sample of all, 0 for none."""
        return int(self._at.max(initial=0))

    def _rows_of(self, frame: Frame) -> npt.NDArray[np.intp]:
        rows = self._frames.get(frame.id)
        if rows is None:
            rows = self._frames[frame.id] = np.array([self._add(point) for point in frame.points], np.intp)
            self._grow(len(self._names))
        return rows

    def _add(self, point: str) -> int:
        row = self._row.get(point)
        if row is None:
            row = self._row[point] = len(self._names)
            self._names.append(point)
        return row

    def _grow(self, size: int) -> None:
        more = size - len(self._at)
        if more > 0:
            self._value = np.append(self._value, np.full(more, np.nan))
            self._quality = np.append(self._quality, np.zeros(more, np.uint8))
            self._at = np.append(self._at, np.zeros(more, np.int64))
            self._good = np.append(self._good, np.full(more, np.nan))
            self._good_at = np.append(self._good_at, np.zeros(more, np.int64))
            self._turn = np.append(self._turn, np.zeros(more, np.int64))


def silent(sample: Sample | None, period_s: float, now_ns: int) -> bool:
    """Nothing came for so long that the last value may not be shown as if it were now: silence is never health."""
    if sample is None:
        return True
    return now_ns - sample.at_ns > max(LEAST_SILENCE_S, MISSED_PERIODS * period_s) * NS


def worst(samples: Sequence[Sample | None]) -> Quality | None:
    """The first bad quality among samples; None when all that came are good."""
    return next((s.quality for s in samples if s is not None and not s.is_good), None)
