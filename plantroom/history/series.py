"""What a history answers with, and how samples become it: one Series per point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plantroom.model import Instants, Qualities, Quality, Values

GOOD = int(Quality.GOOD)


@dataclass(frozen=True, slots=True)
class Series:
    """One point over time, ascending; all arrays of one length.

    With a step a row is the bucket [at_ns, at_ns + step): mean, min, max, last and count are of its good samples; without one a row
    is a sample and mean = min = max = last. A row without a good value is NaN with the reason in `quality`: a gap in the line. In a
    step it says the newest reason in the bucket; among samples it stands for a run of bad ones of one reason, `count` of them, from
    at_ns on. For codes and states read `last`: their mean means nothing.
    """

    at_ns: Instants
    mean: Values
    min: Values
    max: Values
    last: Values
    quality: Qualities
    count: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.at_ns)


def no_series() -> Series:
    empty = np.empty(0)
    return Series(np.empty(0, np.int64), empty, empty, empty, empty, np.empty(0, np.uint8), np.empty(0, np.int64))


def of_samples(at_ns: Instants, values: Values, quality: Qualities) -> Series:
    """The samples of one point, ascending in time, as rows; runs of one bad quality become one row."""
    if not len(at_ns):
        return no_series()
    good = quality == GOOD
    begins = np.ones(len(at_ns), bool)
    begins[1:] = good[1:] | (quality[1:] != quality[:-1])
    rows = np.flatnonzero(begins)
    shown = np.where(good, values, np.nan)[rows]
    return Series(at_ns[rows], shown, shown, shown, shown, quality[rows], np.diff(np.append(rows, len(at_ns))))


def of_buckets(
    at_ns: Instants, total: Values, least: Values, most: Values, last: Values, count: npt.NDArray[np.int64], reason: Qualities
) -> Series:
    """Buckets of one point, ascending. total, least, most, last: of the `count` good samples; reason: newest bad quality, 0 for none."""
    filled = count > 0
    mean = np.divide(total, count, out=np.full(len(at_ns), np.nan), where=filled)
    blank = np.where(filled, 0.0, np.nan)
    return Series(at_ns, mean, least + blank, most + blank, last + blank, np.where(filled, GOOD, reason).astype(np.uint8), count)
