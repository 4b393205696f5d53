"""What a coarse rehearsal's collector read between two beats, as one row: the newest sample of each point, at the beat's instant.

As in a controller's process image, nothing in it is finer than the beat. A thousand reads are then one record, and each machine is judged
once a beat instead of once a read.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from plantroom.model import Batch, Frame, one_row


class Gathering:
    """points: all that may come, `equipment.point`."""

    def __init__(self, points: Iterable[str]) -> None:
        self._frame = Frame(tuple(points))
        self._place = {point: n for n, point in enumerate(self._frame.points)}
        self._places: dict[bytes, npt.NDArray[np.intp]] = {}  # by frame
        self._clear()

    def _clear(self) -> None:
        size = len(self._frame.points)
        self._values, self._quality = np.full(size, np.nan), np.full(size, Batch.ABSENT, np.uint8)
        self._some = False

    def add(self, batch: Batch) -> bool:
        """False, and nothing is done, for what has to keep its own instants: samples a device has stamped, several of a point."""
        if batch.stamped or len(batch.at_ns) != 1:
            return False
        places = self._places.get(batch.frame.id)
        if places is None:
            places = self._places[batch.frame.id] = np.array([self._place[point] for point in batch.frame.points], np.intp)
        self._values[places], self._quality[places] = batch.values[0], batch.quality[0]
        self._some = True
        return True

    def taken(self, at_ns: int) -> Batch | None:
        """The row, which begins anew; None where nothing came."""
        if not self._some:
            return None
        batch = one_row(self._frame, at_ns, self._values, self._quality)
        self._clear()
        return batch
