"""A contact or state of a safety point that changed is believed when two readings in a row say so. Pure, per job.

    first reading as believed                        it stands
    first reading different -> read again -> equal   it stands, and is believed from now on
                                         -> another  `unconfirmed`, what was believed stays so
                                         -> nothing  the first reading stands but for what had changed: `unconfirmed`

So one answer that was torn or corrupted on its way neither raises nor clears anything. Before its first reading nothing is believed: that
one is read again too. What is bad for a reason of its own is no change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plantroom.clock import Reading
from plantroom.model import Qualities, Quality, Values


@dataclass(slots=True)
class First:
    """A reading that waits for its repetition. changed: columns."""

    at: Reading
    values: Values
    quality: Qualities
    changed: npt.NDArray[np.intp]


class Confirm:
    """columns: those of the job's frame whose changes want a second reading."""

    def __init__(self, columns: Sequence[int]) -> None:
        self._columns = np.array(columns, np.intp)
        self._believed = np.full(len(columns), np.nan)
        self._bytes = self._believed.tobytes()

    def changed(self, values: Values, quality: Qualities) -> npt.NDArray[np.intp] | None:
        """The columns whose good value is not the believed one; None, at the cost of one comparison, where every one is."""
        seen = values.take(self._columns)
        if seen.tobytes() == self._bytes:
            return None
        found = self._columns[(quality.take(self._columns) == 0) & (seen != self._believed)]
        return found if len(found) else None

    def believe(self, values: Values) -> None:
        """What was read meanwhile by other means, and stands; NaN where nothing was."""
        seen = values.take(self._columns)
        self._believed = np.where(np.isnan(seen), self._believed, seen)
        self._bytes = self._believed.tobytes()

    def settle(self, first: First, values: Values, quality: Qualities) -> Qualities:
        """The qualities of the second reading, of which what the two disagree on is `unconfirmed` (its value NaN, in place)."""
        columns = self._columns
        was, is_ = first.values.take(columns), values.take(columns)
        equal = np.where(first.quality.take(columns) == 0, was == is_, is_ == self._believed)
        doubtful = columns[(quality.take(columns) == 0) & ~equal]
        judged = _unconfirmed(doubtful, values, quality)
        good = judged.take(columns) == 0
        self._believed[good] = is_[good]
        self._bytes = self._believed.tobytes()
        return judged

    def unsettled(self, first: First) -> Qualities:
        """The qualities of a first reading whose repetition failed."""
        return _unconfirmed(first.changed, first.values, first.quality)


def _unconfirmed(columns: npt.NDArray[np.intp], values: Values, quality: Qualities) -> Qualities:
    if not len(columns):
        return quality
    judged = quality.copy()  # the decoder's may be shared
    judged[columns] = Quality.UNCONFIRMED
    values[columns] = np.nan
    return judged
