"""The registers of many devices of one profile in one block, a row each: renewed and read together.

Shows, row by row, what each device's own memory shows: the memories stand in the block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simulators.device_image import DeviceImage
from simulators.memory import OF_BITS
from simulators.readout import Readout

Rows = npt.NDArray[np.intp]
Octets = npt.NDArray[np.uint8]


class Fleet:
    """images: of devices of one profile that have the same points, in the order of the rows. readouts: theirs."""

    def __init__(self, images: Sequence[DeviceImage], readouts: Sequence[Readout]) -> None:
        self._images, self._readouts = images, readouts
        first = images[0]
        place = {name: n for n, name in enumerate(readouts[0].names)}
        self._gauges = first.gauges
        self._gauge_at = np.array([place[name] for name in first.gauges.names], np.intp)
        self._other_at = np.array([place[name] for name in first.other_names], np.intp)
        self._others = np.full((len(images), len(first.other_names)), np.nan)  # as they stand in the block
        self._spans: dict[tuple[int, int, int], slice | None] = {}
        self._block: dict[int, npt.NDArray[np.generic]] = {}
        for function in first.memory.functions:
            table = first.memory.table(function)
            block = self._block[function] = np.empty((len(images), len(table)), table.dtype)
            for row, image in enumerate(images):
                image.memory.stand_in(function, block[row])

    def renew(self, rows: Rows) -> None:
        """What these devices hold now."""
        values = np.array([self._readouts[row].values() for row in rows.tolist()])
        others = values.take(self._other_at, 1)
        changed = (others != self._others[rows]).any(axis=1)
        for n in np.flatnonzero(changed).tolist():
            image = self._images[rows[n]]
            image.others(dict(zip(image.other_names, others[n].tolist(), strict=True)))
        self._others[rows] = others
        words, sound = self._gauges.rows(values.take(self._gauge_at, 1))
        for (function, places), written in zip(self._images[0].places, words, strict=True):
            self._block[function][rows[:, None], places] = written
        for n in np.flatnonzero(~sound).tolist():
            self._images[rows[n]].whole(self._readouts[rows[n]]())
            self._others[rows[n]] = np.nan

    def read(self, rows: Rows, function: int, address: int, count: int) -> Octets:
        """uint8[rows, bytes]: the data bytes of a read that none of them refuses."""
        span = self._span(function, address, count)
        assert span is not None, "only what can be read is read so"
        cells = self._block[function][rows, span]
        if function in OF_BITS:
            return np.packbits(cells.astype(np.uint8), axis=1, bitorder="little")
        return np.ascontiguousarray(cells).view(np.uint8)

    def answers(self, function: int, address: int, count: int) -> bool:
        """Whether the read is none that they refuse."""
        return self._span(function, address, count) is not None

    def _span(self, function: int, address: int, count: int) -> slice | None:
        read = function, address, count
        if read not in self._spans:
            self._spans[read] = self._images[0].memory.span(*read)
        return self._spans[read]

    def forget(self, row: int) -> None:
        """The device answers for itself from now on."""
        self._images[row].forget()
        self._others[row] = np.nan
