"""A small journal to put samples into, and what they should come to when read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np

from collector.store.ledger import Ledger
from collector.store.parquet import ParquetStore
from plantroom.clock import NS, VirtualClock
from plantroom.history import History, open_history
from plantroom.journal import Entry, Kind, Reader
from plantroom.journal.record import Record, decode_batch, encode_batch
from plantroom.model import Batch, Frame, Quality, one_row
from tests.kit.journals import TidyJournal

START_NS = 1_763_683_200 * NS  # 2025-11-21T00:00:00Z

Sample = tuple[int, float | None, int]  # at_ns, value or None where bad, quality


class SiteJournal:
    """A site's folder with a journal on a virtual clock. `put` appends one row; `samples` is what the journal holds, by point."""

    def __init__(self, folder: Path, start_ns: int = START_NS) -> None:
        self.folder = folder
        self.clock = VirtualClock(start_ns)
        self.opened = ExitStack()  # closed at the end of the test
        self.journal = TidyJournal(folder / "journal", self.clock, self.opened)
        self._writer = self.journal.writer("collect")

    def __enter__(self) -> SiteJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.opened.close()

    def history(self) -> History:
        return self.opened.enter_context(closing(open_history(self.folder)))

    def ledger(self) -> Ledger:
        return self.opened.enter_context(closing(Ledger(self.folder / "history" / "store.db")))

    def parquet(self) -> ParquetStore:
        return self.opened.enter_context(closing(ParquetStore(self.folder / "history", self.journal, self.ledger(), self.clock)))

    def put(self, values: Mapping[str, float | Quality], at_ns: int | None = None) -> int:
        """One batch of one row; a Quality instead of a value is a bad sample. Returns its seq."""
        frame = Frame(tuple(values))
        quality = np.array([int(value) if isinstance(value, Quality) else 0 for value in values.values()], np.uint8)
        numbers = np.array([np.nan if isinstance(value, Quality) else float(value) for value in values.values()])
        return self.put_batch(one_row(frame, self.clock.read().wall_ns if at_ns is None else at_ns, numbers, quality))

    def put_batch(self, batch: Batch) -> int:
        return self._writer.append([encode_batch(batch)])[-1]

    def put_batches(self, batches: Sequence[Batch]) -> int:
        return self._writer.append([encode_batch(batch) for batch in batches])[-1]

    def tick(self, seconds: float) -> int:
        """Time passes, and the journal knows."""
        self.clock.advance(seconds)
        return self._writer.append([Entry(Kind.TICK, b"{}")])[-1]

    def put_raw(self, body: bytes, frame: Frame | None = None) -> int:
        return self._writer.append([Entry(Kind.TELEMETRY, body, frame)])[-1]

    def records(self, after: int = 0) -> list[Record]:
        return self.journal.reader().read_after(after, 1_000_000)

    def samples(self) -> dict[str, list[Sample]]:
        return samples_of(self.journal.reader())

    def events(self) -> list[bytes]:
        return [record.body for record in self.records() if record.kind is Kind.EVENT]


def samples_of(reader: Reader) -> dict[str, list[Sample]]:
    """Every sample of the journal by point, ascending in time: the slow and obvious way."""
    found: dict[str, list[Sample]] = {}
    for record in reader.read_after(0, 1_000_000):
        if record.kind is not Kind.TELEMETRY:
            continue
        batch = decode_batch(record.body, reader.frame)
        for row, at_ns in enumerate(batch.at_ns.tolist()):
            for column, point in enumerate(batch.frame.points):
                code = int(batch.quality[row, column])
                if code != Batch.ABSENT:
                    found.setdefault(point, []).append((at_ns, float(batch.values[row, column]) if code == 0 else None, code))
    reader.close()
    return {point: sorted(samples, key=lambda sample: sample[0]) for point, samples in found.items()}
