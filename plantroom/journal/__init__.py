"""The durable, ordered history of one site. Acknowledged means committed with FULL; one order over all processes and day files.

docs/journal.md says what stands on disk and why.
"""

from __future__ import annotations

from pathlib import Path

from plantroom.clock import Clock
from plantroom.journal import follower as _follower
from plantroom.journal import keeper as _keeper
from plantroom.journal.encoder import Encoder
from plantroom.journal.group import GroupWriter
from plantroom.journal.positions import Positions
from plantroom.journal.reader import Reader
from plantroom.journal.record import Entry, Kind, Record, decode_batch, encode_batch
from plantroom.journal.writer import MOST_FILE_BYTES, Writer

__all__ = [
    "Encoder",
    "Entry",
    "Follower",
    "GroupWriter",
    "Journal",
    "Keeper",
    "Kind",
    "Positions",
    "Reader",
    "Record",
    "Writer",
    "decode_batch",
    "encode_batch",
]


class Journal:
    """Where a site's journal stands. One per process and site; opens nothing by itself. positions: of the followers, for retention."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self.positions = Positions(folder)

    def writer(self, source: str, *, most_file_bytes: int = MOST_FILE_BYTES) -> Writer:
        """Blocking appends. source: the writing service. Raises JournalFailed where the folder cannot be written."""
        return Writer(self.folder, source, self.clock, most_file_bytes=most_file_bytes)

    def reader(self) -> Reader:
        return Reader(self.folder)


class Follower(_follower.Follower):
    """`async for records in Follower(journal, after=seq)`: everything after `seq`, in order, for ever."""

    def __init__(self, journal: Journal, after: int, most: int = 10_000) -> None:
        super().__init__(journal.folder, after, most)


class Keeper(_keeper.Keeper):
    """Checkpoint and retention of a journal: `run` goes into every service's TaskGroup."""

    def __init__(self, journal: Journal, *, kept_s: float = _keeper.KEPT_S, quota_bytes: int = _keeper.QUOTA_BYTES) -> None:
        super().__init__(journal.folder, journal.clock, kept_s=kept_s, quota_bytes=quota_bytes)
