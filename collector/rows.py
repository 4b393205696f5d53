"""Judged values of one message into batches: an instant is a row, rows ascend, the device's times stand apart from ours. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from collector.debounce import Debounce
from collector.values import Judged
from plantroom.model import Batch, Frame, one_row

MOST_ROWS = 10_000  # of one message


class Row(NamedTuple):
    """judged: one per column. stamped: at_ns is the device's own."""

    at_ns: int
    stamped: bool
    judged: Sequence[Judged]


class Settled:
    """Debounce in the time of the samples. A row older than the last is late: it is stored as it came and settles nothing."""

    def __init__(self, debounce: Debounce) -> None:
        self._debounce = debounce
        self._newest_ns = 0

    def apply(self, wall_ns: int, boot_ns: int, batch: Batch) -> None:
        """In place. wall_ns, boot_ns: the receipt."""
        for row, at_ns in enumerate(batch.at_ns.tolist()):
            since_boot_ns = boot_ns - (wall_ns - at_ns)
            if since_boot_ns >= self._newest_ns:
                self._newest_ns = since_boot_ns
                self._debounce.apply(since_boot_ns, batch.values[row], batch.quality[row])

    def interrupt(self) -> None:
        self._debounce.interrupt()


def batches(frame: Frame, rows: Sequence[Row]) -> list[Batch]:
    """At most one batch of stamped rows and one of unstamped ones, each in the order of time. Rows that say nothing are left out."""
    made: list[Batch] = []
    if len(rows) == 1:
        batch = _single(frame, rows[0])
        return [] if batch is None else [batch]
    for stamped in (True, False):
        mine = sorted((row for row in rows if row.stamped is stamped and not _silent(row.judged)), key=lambda row: row.at_ns)
        if mine:
            at_ns = np.array([row.at_ns for row in mine], np.int64)
            values = np.array([[value for value, _ in row.judged] for row in mine])
            quality = np.array([[code for _, code in row.judged] for row in mine], np.uint8)
            made.append(Batch(frame, at_ns, values, quality, stamped))
    return made


def _single(frame: Frame, row: Row) -> Batch | None:
    values, codes = zip(*row.judged, strict=True)
    quality = bytearray(codes)
    if quality.count(Batch.ABSENT) == len(quality):
        return None
    return one_row(frame, row.at_ns, np.array(values), np.frombuffer(quality, np.uint8), stamped=row.stamped)


def _silent(judged: Sequence[Judged]) -> bool:
    return all(code == Batch.ABSENT for _, code in judged)
