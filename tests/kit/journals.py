"""Small helpers for tests on journals: a fixed day, entries, and the oracle of an order."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from plantroom.clock import NS, Clock, VirtualClock
from plantroom.journal import Entry, Journal, Kind, Reader, Record, Writer, encode_batch
from plantroom.model import Batch, Frame

DAY_NS = 86_400 * NS
NOON = 1_795_262_400 * NS  # 2026-11-21T12:00:00Z


class TidyJournal(Journal):
    """A journal whose writers and readers are closed at the end of the test."""

    def __init__(self, folder: Path, clock: Clock, opened: ExitStack) -> None:
        super().__init__(folder, clock)
        self._opened = opened

    def writer(self, source: str, **options: int) -> Writer:
        return self._opened.enter_context(super().writer(source, **options))

    def reader(self) -> Reader:
        return self._opened.enter_context(super().reader())


def clock() -> VirtualClock:
    return VirtualClock(NOON)


def entry(text: str, kind: Kind = Kind.EVENT) -> Entry:
    return Entry(kind, text.encode())


def telemetry(value: float, points: tuple[str, ...] = ("gen-1.oil_pressure", "gen-1.engine_speed"), at_ns: int = NOON) -> Entry:
    n = len(points)
    batch = Batch(Frame(points), np.array([at_ns]), np.full((1, n), value), np.zeros((1, n), np.uint8))
    return encode_batch(batch)


def holes(records: Iterable[Record]) -> list[str]:
    """What breaks the order: a seq that does not follow, a source_seq that does not follow within (source, boot)."""
    found: list[str] = []
    last = None
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        if last is not None and record.seq != last + 1:
            found.append(f"seq {record.seq} after {last}")
        last = record.seq
        key = (record.source, record.at.boot)
        if key in counts and record.source_seq != counts[key] + 1:
            found.append(f"{record.source}: source_seq {record.source_seq} after {counts[key]}")
        counts[key] = record.source_seq
    return found
