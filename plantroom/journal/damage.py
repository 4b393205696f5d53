"""Is a day file whole? Structure, checksums, and what the tables say about one another."""

from __future__ import annotations

from pathlib import Path

import apsw

from plantroom.journal.database import SELECT_RECORDS, Damaged, connect, record_of
from plantroom.model import frame_id

CHECKED_BYTES = 512 << 20  # a larger file is looked at from its end only: starting takes seconds, not minutes
CHECKED_RECORDS = 20_000

_SQLITE = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.IOError, apsw.FormatError, apsw.MismatchError)
ROW = (Damaged, TypeError, ValueError, OverflowError)  # a row that came, but not as it was written
TROUBLE = (*_SQLITE, *ROW)


def damage(path: Path, *, whole: bool = False) -> str:
    """What is wrong with a day file, "" where nothing was found. whole: look at every record, however many."""
    try:
        db = connect(path)
        try:
            _look(db, whole=whole, small=path.stat().st_size <= CHECKED_BYTES)
        finally:
            db.close()
    except TROUBLE as error:
        return str(error) or type(error).__name__
    return ""


def is_frame(identity: object, points: object) -> bool:
    """A frame's id is the hash of its points."""
    return isinstance(points, str) and frame_id(tuple(points.split("\n"))) == identity


def _look(db: apsw.Connection, *, whole: bool, small: bool) -> None:
    first, _ = db.execute("SELECT first_seq, created_ns FROM meta").get
    if whole or small:
        if (found := db.execute("PRAGMA integrity_check(1)").get) != "ok":
            raise Damaged(found)
        for identity, points in db.execute("SELECT id, points FROM frame"):
            if not is_frame(identity, points):
                raise Damaged("a frame is not the one its id was made from")
    for row in db.execute("SELECT * FROM carried"):
        record_of(row)
    last = {(name, boot): count for name, boot, count in db.execute("SELECT name, boot, last FROM source")}
    seen: set[tuple[str, str]] = set()
    for row in db.execute(f"{SELECT_RECORDS} ORDER BY seq DESC LIMIT ?", (-1 if whole else CHECKED_RECORDS,)):
        record = record_of(row)
        source = (record.source, record.at.boot)
        if source not in seen and last[source] != record.source_seq:
            raise Damaged(f"{record.source} counts {last[source]} records where its last one says {record.source_seq}")
        seen.add(source)
        if record.seq < first:
            raise Damaged(f"record {record.seq} stands in a file that begins with {first}")
