"""One day file as a database: how it is opened, its tables, its checksum.

Every connection goes through `connect`: FULL is set and read back, nothing is memory-mapped, nothing checkpoints by itself.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from zlib import crc32

import apsw

from plantroom.clock import Reading
from plantroom.errors import JournalFailed
from plantroom.journal.record import Kind, Record

OLDEST_SQLITE = (3, 51, 3)  # 3.7.0 to 3.51.2 may corrupt a WAL database that two connections write and checkpoint
BUSY_MS = 10_000
WAL_LIMIT = 16 << 20  # bytes a WAL file is cut back to once it has been emptied

# A record keeps its source as a small number; `last` is that source's newest source_seq. `carried` is the newest CONFIG of the
# files before this one, so that a day file explains itself and retention never takes the configuration away.
SCHEMA = """
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, first_seq INTEGER NOT NULL, created_ns INTEGER NOT NULL) STRICT;
CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL, boot TEXT NOT NULL, last INTEGER NOT NULL, UNIQUE (name, boot)) STRICT;
CREATE TABLE record (
  seq INTEGER PRIMARY KEY, wall_ns INTEGER NOT NULL, boot_ns INTEGER NOT NULL, source INTEGER NOT NULL, source_seq INTEGER NOT NULL,
  kind INTEGER NOT NULL, crc INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX record_kind ON record (kind, seq) WHERE kind <> 1;
CREATE TABLE frame (id BLOB PRIMARY KEY, points TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE carried (
  seq INTEGER NOT NULL, wall_ns INTEGER NOT NULL, boot_ns INTEGER NOT NULL, source TEXT NOT NULL, boot TEXT NOT NULL,
  source_seq INTEGER NOT NULL, kind INTEGER PRIMARY KEY, crc INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
"""
VERSION = 1

SELECT_RECORDS = (
    "SELECT seq, wall_ns, boot_ns, name, boot, source_seq, kind, crc, body FROM record JOIN source ON source.id = record.source "
)

_HEAD = struct.Struct("<qqqqB")
_KINDS = {int(kind): kind for kind in Kind}


class Damaged(Exception):
    """What was read is not what was written: a checksum or a structure does not hold."""


def connect(path: Path, *, readonly: bool = False) -> apsw.Connection:
    """A connection with every durability setting made and read back. Raises apsw errors for files that are no database."""
    refuse_old_sqlite(apsw.sqlite_lib_version())
    flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    connection = apsw.Connection(str(path), flags=flags)
    try:
        connection.set_busy_timeout(BUSY_MS)
        for pragma, value in (("synchronous", 2), ("mmap_size", 0), ("wal_autocheckpoint", 0), ("journal_size_limit", WAL_LIMIT)):
            connection.pragma(pragma, value)
            if (got := connection.pragma(pragma)) != value:
                raise JournalFailed(f"{path}: SQLite keeps {pragma} at {got} where {value} was asked; the file cannot be trusted with data")
    except BaseException:
        connection.close()
        raise
    return connection


@lru_cache(maxsize=4)
def refuse_old_sqlite(number: str) -> None:
    """Raises JournalFailed for a SQLite that can corrupt the journal. number: as in "3.51.3"."""
    if tuple(int(part) for part in number.split(".")[:3]) < OLDEST_SQLITE:
        wanted = ".".join(map(str, OLDEST_SQLITE))
        raise JournalFailed(f"SQLite {number} has the WAL-reset corruption bug; {wanted} or newer is needed: pip install -U apsw")


def checksum(seq: int, at: Reading, source: str, source_seq: int, kind: int, body: bytes) -> int:
    """CRC-32 over header and body; also catches what SQLite cannot see: bytes that changed inside a page."""
    return crc32(body, crc32(_HEAD.pack(seq, at.wall_ns, at.boot_ns, source_seq, kind), _seed(source, at.boot)))


@lru_cache(maxsize=1024)
def _seed(source: str, boot: str) -> int:
    return crc32(f"{source}\n{boot}".encode())


def record_of(row: tuple[int, int, int, str, str, int, int, int, bytes]) -> Record:
    """A row of SELECT_RECORDS as the record it holds. Raises Damaged where the checksum does not hold."""
    seq, wall_ns, boot_ns, source, boot, source_seq, kind, crc, body = row
    at = Reading(wall_ns, boot_ns, boot)
    known = _KINDS.get(kind)
    if known is None or crc != checksum(seq, at, source, source_seq, kind, body):
        raise Damaged(f"record {seq}: its checksum does not hold")
    return Record(seq, at, source, source_seq, known, body)
