"""What a coarse rehearsal's collector read between two beats, as one row: the newest sample of each point, at the beat's instant.

As in a controller's process image, nothing in it is finer than the beat. A thousand reads are then one record, and each machine is judged
once a beat instead of once a read. Plain readings are decoded at the beat, all of one shape at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from plantroom.model import Batch, Frame, Qualities, Values, one_row


class Decoder(Protocol):
    """As collector.codec's. Readings that share one are of one shape."""

    def decode_many(self, replies: Sequence[bytes]) -> list[tuple[Values, Qualities]]: ...


class Job(Protocol):
    @property
    def decoder(self) -> Decoder: ...

    @property
    def frame(self) -> Frame: ...


class Undecoded(Protocol):
    """As collector.actions': what the one read of a plain job brought."""

    @property
    def job(self) -> Job: ...

    @property
    def data(self) -> bytes: ...


class Gathering:
    """points: all that may come, `equipment.point`. due_ns: the next beat, which whoever takes the rows sets."""

    def __init__(self, points: Iterable[str], due_ns: int) -> None:
        self.due_ns = due_ns
        self._frame = Frame(tuple(points))
        self._place = {point: n for n, point in enumerate(self._frame.points)}
        self._known: dict[bytes, npt.NDArray[np.intp]] = {}  # places by frame
        self._undecoded: dict[Decoder, list[Undecoded]] = {}
        self._awaited: set[bytes] = set()  # frames of those
        self._clear()

    def _clear(self) -> None:
        size = len(self._frame.points)
        self._values, self._quality = np.full(size, np.nan), np.full(size, Batch.ABSENT, np.uint8)
        self._some = False

    def add(self, batch: Batch) -> bool:
        """False, and nothing is done, for what has to keep its own instants: several of a point, a stamp that is not the row's."""
        if len(batch.at_ns) != 1 or batch.stamped and batch.at_ns[0] != self.due_ns:
            return False
        if batch.frame.id in self._awaited:
            self._decode()
        places = self.places(batch.frame)
        self._values[places], self._quality[places] = batch.values[0], batch.quality[0]
        self._some = True
        return True

    @property
    def size(self) -> int:
        """How many points there are."""
        return len(self._frame.points)

    def put(self, places: npt.NDArray[np.intp], values: Values, quality: Qualities) -> None:
        """Samples that are decoded already, at `places` of their points; arrays of one shape."""
        self._values[places], self._quality[places] = values, quality
        self._some = True

    def keep(self, reading: Undecoded) -> None:
        """To be decoded with its like, before anything else comes of its points."""
        self._undecoded.setdefault(reading.job.decoder, []).append(reading)
        self._awaited.add(reading.job.frame.id)

    def taken(self, at_ns: int) -> Batch | None:
        """The row, which begins anew; None where nothing came."""
        self._decode()
        if not self._some:
            return None
        batch = one_row(self._frame, at_ns, self._values, self._quality)
        self._clear()
        return batch

    def _decode(self) -> None:
        for decoder, readings in self._undecoded.items():
            found = decoder.decode_many([reading.data for reading in readings])
            places = np.concatenate([self.places(reading.job.frame) for reading in readings])
            self._values[places] = np.concatenate([values[0] for values, _ in found])  # of a point read twice the later one stays
            self._quality[places] = np.concatenate([quality[0] for _, quality in found])
            self._some = True
        self._undecoded.clear()
        self._awaited.clear()

    def places(self, frame: Frame) -> npt.NDArray[np.intp]:
        """Where the samples of its points stand."""
        places = self._known.get(frame.id)
        if places is None:
            places = self._known[frame.id] = np.array([self._place[point] for point in frame.points], np.intp)
        return places
