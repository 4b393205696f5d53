"""The chronicle's chain: each row's hash covers the one before, so that who did what cannot be changed unnoticed.

A chain alone does not see a cut tail or a file replaced as a whole: compare its head with one noted outside (`audit verify --head`).
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

import apsw

NOTHING = bytes(32)  # the hash before the first row
_HEAD = struct.Struct(">qqqII")


def link(previous: bytes, n: int, seq: int, at_ns: int, kind: str, body: bytes) -> bytes:
    """The hash of a row: SHA-256 over the previous hash, then n, seq, at_ns, both lengths, kind and body.

    Numbers are big-endian, 8 bytes each (lengths 4): every field's extent is fixed before its bytes, so no two rows read alike.
    """
    word = kind.encode()
    return sha256(b"".join((previous, _HEAD.pack(n, seq, at_ns, len(word), len(body)), word, body))).digest()


@dataclass(frozen=True, slots=True)
class Verified:
    """rows: how many; head: hash of the last; broken: n of the first row that does not hold, with the reason, else None."""

    rows: int
    head: bytes
    broken: int | None = None
    why: str = ""


class Chronicle:
    """The appending end; belongs to the connection that writes. Call `append` inside the engine's transaction."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._n, self._head = 0, NOTHING
        self.reload()

    def reload(self) -> None:
        """Takes the head from the table; needed after a rollback."""
        row = self._db.execute("SELECT n, hash FROM chronicle ORDER BY n DESC LIMIT 1").get
        self._n, self._head = row if row is not None else (0, NOTHING)

    @property
    def head(self) -> tuple[int, bytes]:
        return self._n, self._head

    def append(self, seq: int, at_ns: int, kind: str, body: bytes) -> int:
        """Adds a row; returns its n. seq: journal position it comes from; at_ns: that record's wall time."""
        n = self._n + 1
        value = link(self._head, n, seq, at_ns, kind, body)
        self._db.execute("INSERT INTO chronicle VALUES (?, ?, ?, ?, ?, ?)", (n, seq, at_ns, kind, body, value))
        self._n, self._head = n, value
        return n


Anchored = Iterable[tuple[int, bytes]]


def verify(db: apsw.Connection, anchors: Anchored = ()) -> Verified:
    """Walks the whole chain, from where it was purged to. anchors: (n, hash) kept outside, which the chain must still contain; what is
    purged cannot be compared any more."""
    noted: dict[int, set[bytes]] = {}
    for n, value in anchors:
        noted.setdefault(n, set()).add(value)
    rows, previous = _beginning(db)
    for n, value in ((n, value) for n, values in noted.items() for value in values):
        if n == rows and not hmac.compare_digest(previous, value):
            return Verified(rows, previous, n, f"row {n} is not the one whose hash was noted: the chronicle was replaced")
    for n, seq, at_ns, kind, body, value in _rows(db):
        if n != rows + 1:
            return Verified(rows, previous, rows + 1, f"row {rows + 1} is missing")
        if not hmac.compare_digest(value, link(previous, n, seq, at_ns, kind, body)):
            return Verified(rows, previous, n, f"row {n} (journal {seq}) was changed after it was written")
        if any(not hmac.compare_digest(value, outside) for outside in noted.get(n, ())):
            return Verified(rows, previous, n, f"row {n} is not the one whose hash was noted: the chronicle was replaced")
        previous, rows = value, n
    last = max(noted, default=0)
    if rows < last:
        return Verified(rows, previous, rows + 1, f"the chronicle ends at row {rows}; row {last} was noted: its end was cut off")
    return Verified(rows, previous)


def _beginning(db: apsw.Connection) -> tuple[int, bytes]:
    """(n, hash) of the last row that was purged; (0, NOTHING) where nothing was, or before there were purges."""
    if int(db.pragma("user_version")) and db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'purge'").get:
        row = db.execute("SELECT n, hash FROM purge ORDER BY n DESC LIMIT 1").get
        if row is not None:
            return int(row[0]), bytes(row[1])
    return 0, NOTHING


def _rows(db: apsw.Connection) -> Iterator[tuple[int, int, int, str, bytes, bytes]]:
    yield from db.execute("SELECT n, seq, at_ns, kind, body, hash FROM chronicle ORDER BY n")
