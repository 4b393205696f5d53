"""Records of the journal, gathered by frame, and what they come to as columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from collector.store.ledger import Count, added, gaps_in
from plantroom.clock import NS
from plantroom.history.parts import DAY_NS, day_of
from plantroom.journal import Reader
from plantroom.journal.columns import Columns, frame_id_of, rows_of, size_of, stack
from plantroom.journal.record import Kind, Record
from plantroom.model import Batch, Frame, Instants, Qualities, Values


@dataclass(frozen=True, slots=True)
class Flat:
    """Samples one below the other. which int32: index into points; the absent ones are left out, but counted. counts: cells by day."""

    points: tuple[str, ...]
    which: npt.NDArray[np.int32]
    at_ns: Instants
    values: Values
    quality: Qualities
    counts: Mapping[str, Count] = field(default_factory=dict)


class Gathered:
    """What has been taken since `after`. samples: how many cells; last: the newest record.

    gaps: ranges of records that were gone already; unreadable: records that are there but say nothing to this release, (seq, why).
    """

    def __init__(self, reader: Reader, after: int) -> None:
        self._reader = reader
        self.after = self.last = after
        self.samples = 0
        self.gaps: list[tuple[int, int]] = []
        self.unreadable: list[tuple[int, str]] = []
        self.span_s = 0.0  # between the newest record's header and the oldest's
        self._first_wall_ns: int | None = None
        self._bodies: dict[bytes, list[bytes]] = {}
        self._frames: dict[bytes, Frame] = {}

    def take(self, records: Iterable[Record]) -> None:
        """Adds records in their order."""
        for record in records:
            if record.seq != self.last + 1:
                self.gaps.extend(gaps_in(self.last, (record.seq,)))
            self.last = record.seq
            if self._first_wall_ns is None:
                self._first_wall_ns = record.at.wall_ns
            self.span_s = abs(record.at.wall_ns - self._first_wall_ns) / NS
            if record.kind is Kind.TELEMETRY:
                self._add(record)

    def _add(self, record: Record) -> None:
        """A poisoned record must not stop the followers for ever: it is told and passed."""
        try:
            frame_id = frame_id_of(record.body)
            frame = self._frames.get(frame_id) or self._reader.frame(frame_id)
        except (ValueError, KeyError) as why:
            self.unreadable.append((record.seq, f"{type(why).__name__}: {why}"))
            return
        announced = size_of(record.body, len(frame.points))
        if len(record.body) != announced:
            self.unreadable.append((record.seq, f"{len(record.body)} bytes where {announced} were announced"))
            return
        self._frames[frame_id] = frame
        self._bodies.setdefault(frame_id, []).append(record.body)
        self.samples += rows_of(record.body) * len(frame.points)

    def columns(self) -> Iterator[Columns]:
        """The rows of each frame, in the journal's order within the frame."""
        for frame_id, bodies in self._bodies.items():
            yield stack(bodies, self._frames[frame_id])

    def flat(self) -> Flat:
        """All samples of all frames, frame by frame into arrays of their final size: a seal's largest moment in memory."""
        names = sorted({point for frame in self._frames.values() for point in frame.points})
        index = {name: number for number, name in enumerate(names)}
        which, at_ns = np.empty(self.samples, np.int32), np.empty(self.samples, np.int64)
        values, quality = np.empty(self.samples), np.empty(self.samples, np.uint8)
        counts: dict[str, Count] = {}
        filled = 0
        for columns in self.columns():
            counts = added(counts, count(columns))
            points = np.array([index[point] for point in columns.frame.points], np.int32)
            codes = columns.quality.reshape(-1)
            there = slice(None) if (kept := codes != Batch.ABSENT).all() else kept
            rows = slice(filled, filled + int(np.count_nonzero(kept)))
            which[rows] = np.broadcast_to(points, columns.quality.shape).reshape(-1)[there]
            at_ns[rows] = np.repeat(columns.at_ns, len(points))[there]
            values[rows] = columns.values.reshape(-1)[there]
            quality[rows] = codes[there]
            filled = rows.stop
        return Flat(tuple(names), which[:filled], at_ns[:filled], values[:filled], quality[:filled], counts)


def days_of(at_ns: Instants) -> list[tuple[str, npt.NDArray[np.bool_] | slice]]:
    """The UTC days in `at_ns`, ascending, each with the rows that are of it."""
    if not len(at_ns):
        return []
    days = at_ns // DAY_NS
    if days.min() == days.max():
        return [(day_of(int(at_ns[0])), slice(None))]
    return [(day_of(int(day) * DAY_NS), days == day) for day in np.unique(days)]


def count(columns: Columns) -> dict[str, Count]:
    """Cells by day: good ones as stored, the others as bad or absent."""
    found: dict[str, Count] = {}
    for day, rows in days_of(columns.at_ns):
        quality = columns.quality[rows]
        good = int(np.count_nonzero(quality == 0))
        absent = int(np.count_nonzero(quality == Batch.ABSENT))
        found[day] = Count(quality.size, good, quality.size - good - absent, absent)
    return found
