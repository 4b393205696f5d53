"""Beginning a day file: its tables, what it takes over from the one before, and how it appears whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apsw

from plantroom.clock import Reading
from plantroom.errors import JournalFailed
from plantroom.journal.database import SCHEMA, SELECT_RECORDS, VERSION, connect, record_of
from plantroom.journal.record import Kind
from plantroom.journal.shelf import DayFile, OrderLock, sync_folder


def build(folder: Path, file: DayFile, fill: Callable[[apsw.Connection], None]) -> Path:
    """A whole day file under a hidden name, on disk; `fill` writes its rows after the tables stand."""
    new = folder / f".new-{file.name}"
    for suffix in ("", "-wal", "-shm"):
        Path(f"{new}{suffix}").unlink(missing_ok=True)
    db = connect(new)
    try:
        if db.pragma("journal_mode", "wal") != "wal":
            raise JournalFailed(f"{new}: this file system offers no WAL; put the data folder on a local disk")
        with db:
            db.execute(SCHEMA)
            fill(db)
        # closing would do this too, but passes over an error: a renamed file would leave its WAL behind under the old name
        db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    finally:
        db.close()
    return new


def show(new: Path, file: DayFile, lock: OrderLock) -> None:
    """Gives a built file its name. lock: held by the caller."""
    with lock.changing_files():
        new.rename(new.parent / file.name)
        sync_folder(new.parent)


def begin(folder: Path, file: DayFile, before: apsw.Connection | None, at: Reading, lock: OrderLock) -> None:
    """An empty day file after `before`, the newest one's connection. lock: held by the caller."""

    def fill(db: apsw.Connection) -> None:
        first = 1 if before is None else last_seq(before) + 1
        db.execute("INSERT INTO meta VALUES (1, ?, ?, ?)", (VERSION, first, at.wall_ns))
        if before is not None:
            carry(before, db, at.boot)

    show(build(folder, file, fill), file, lock)


def carry(before: apsw.Connection, db: apsw.Connection, boot: str) -> None:
    """What a new file takes over: the counts of this boot's sources and the newest configuration."""
    for source in before.execute("SELECT name, boot, last FROM source WHERE boot = ?", (boot,)):
        db.execute("INSERT INTO source (name, boot, last) VALUES (?, ?, ?)", source)
    row = before.execute(f"{SELECT_RECORDS} WHERE kind = ? ORDER BY seq DESC LIMIT 1", (int(Kind.CONFIG),)).get
    if row is None:
        row = before.execute("SELECT * FROM carried").get
    if row is not None:
        record_of(row)  # never carry on what is damaged
        db.execute("INSERT INTO carried VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def last_seq(db: apsw.Connection) -> int:
    """Newest seq up to the end of this file."""
    last = db.execute("SELECT max(seq) FROM record").get
    return int(last) if last is not None else int(db.execute("SELECT first_seq - 1 FROM meta").get)
