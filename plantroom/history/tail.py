"""The samples that stand in the journal only: what came after the newest seal. Kept as bodies by frame, decoded on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plantroom.journal import Reader
from plantroom.journal.columns import frame_id_of, stack
from plantroom.journal.record import Kind
from plantroom.model import Batch, Frame, Instants, Qualities, Values

_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Samples:
    """Flat samples. which int32: index into the points asked for; at_ns, values, quality as in a Batch."""

    which: npt.NDArray[np.int32]
    at_ns: Instants
    values: Values
    quality: Qualities


class Tail:
    """Follows the journal behind the seals. Memory: the bodies of at most one seal's span (10 min or 4 M samples)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._upto = 0
        self._bodies: dict[bytes, list[tuple[int, bytes]]] = {}
        self._frames: dict[bytes, Frame] = {}

    def refresh(self, sealed: int) -> None:
        """Drops what has been sealed meanwhile, reads what has come."""
        self._bodies = {frame: left for frame, held in self._bodies.items() if (left := [one for one in held if one[0] > sealed])}
        self._upto = max(self._upto, sealed)
        while records := self._reader.read_after(self._upto, _AT_ONCE):
            for record in records:
                if record.kind is Kind.TELEMETRY:
                    self._bodies.setdefault(frame_id_of(record.body), []).append((record.seq, record.body))
            self._upto = records[-1].seq

    def samples(self, points: Sequence[str], start_ns: int, end_ns: int) -> Samples:
        """Samples of these points with start_ns <= at < end_ns, in no order."""
        wanted = {point: index for index, point in enumerate(points)}
        found: list[Samples] = []
        for frame_id, held in self._bodies.items():
            frame = self._frame(frame_id)
            columns = [(column, wanted[point]) for column, point in enumerate(frame.points) if point in wanted]
            if not columns:
                continue
            rows = stack([body for _, body in held], frame)
            inside = (rows.at_ns >= start_ns) & (rows.at_ns < end_ns)
            for column, index in columns:
                there = inside & (rows.quality[:, column] != Batch.ABSENT)
                at = rows.at_ns[there]
                found.append(Samples(np.full(len(at), index, np.int32), at, rows.values[there, column], rows.quality[there, column]))
        return _joined(found)

    def _frame(self, frame_id: bytes) -> Frame:
        known = self._frames.get(frame_id)
        if known is None:
            known = self._frames[frame_id] = self._reader.frame(frame_id)
        return known


def _joined(found: Sequence[Samples]) -> Samples:
    if not found:
        return Samples(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8))
    return Samples(
        np.concatenate([one.which for one in found]),
        np.concatenate([one.at_ns for one in found]),
        np.concatenate([one.values for one in found]),
        np.concatenate([one.quality for one in found]),
    )
