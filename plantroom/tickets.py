"""Rights by which the person who was paged accepts without logging in: the link of an alert, the button of a card, the key of a call. Each
is one page to one person about one order, for an hour, once.

What is kept is a hash: whoever reads access.db can use none of them. Opening a link shows the alert and changes nothing, because mail
scanners and previews open links too; only the button's POST accepts.

A provider that calls back with its own number of the message (a call, an SMS) is known by that number: `bind` keeps it, hashed with the
site and the channel, beside the page and the right that went out with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

from plantroom.clock import NS

LIFE_NS = 3600 * NS
KEPT_NS = 7 * 86_400 * NS  # after its end: whoever opens an old one is told so
BITS = 160
_SCHEMA = """
CREATE TABLE IF NOT EXISTS ticket (
  hash       BLOB PRIMARY KEY,            -- sha256 of what stands in the link
  site       TEXT NOT NULL,
  page       TEXT NOT NULL,               -- outbox.id
  work_order TEXT NOT NULL,
  person     TEXT NOT NULL,
  until_ns   INTEGER NOT NULL,
  spent_ns   INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reference (
  hash       BLOB PRIMARY KEY,            -- sha256 of site, channel and the provider's number of the message
  page       TEXT NOT NULL,               -- outbox.id
  person     TEXT NOT NULL,
  ticket     BLOB,                        -- the right that went out with it; NULL: none did
  until_ns   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ticket_until ON ticket (until_ns);         -- old ones go with each page: never a look at all of them
CREATE INDEX IF NOT EXISTS reference_until ON reference (until_ns);
"""
_COLUMNS = "hash, site, page, work_order, person, until_ns, spent_ns"


@dataclass(frozen=True, slots=True)
class Ticket:
    """hash: of what stands in the link. work_order: "" for a test page. Instants epoch ns."""

    hash: bytes
    site: str
    page: str
    work_order: str
    person: str
    until_ns: int
    spent_ns: int | None

    @property
    def id(self) -> str:
        """Names it in records and logs, and says nothing of the link."""
        return self.hash.hex()[:32]

    def good(self, now_ns: int) -> bool:
        return self.spent_ns is None and now_ns < self.until_ns


@dataclass(frozen=True, slots=True)
class Sent:
    """What a provider's number stands for. ticket: None where the page had nothing to accept."""

    page: str
    person: str
    ticket: Ticket | None


class Tickets:
    """A part of access.db. One connection, one thread at a time; notify issues, web looks and spends. busy_ms: how long to wait for another
    writer."""

    def __init__(self, path: Path, busy_ms: int = 1_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(busy_ms)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def issue(self, site: str, page: str, work_order: str, person: str, now_ns: int) -> str:
        """What goes into the link. Raises apsw.Error where it cannot be kept: then there is no link."""
        nonce = secrets.token_urlsafe(BITS // 8)
        self._db.execute("DELETE FROM ticket WHERE until_ns < ?", (now_ns - KEPT_NS,))
        row = (_hash(nonce), site, page, work_order, person, now_ns + LIFE_NS)
        self._db.execute("INSERT INTO ticket (hash, site, page, work_order, person, until_ns) VALUES (?, ?, ?, ?, ?, ?)", row)
        return nonce

    def find(self, nonce: str) -> Ticket | None:
        """None for what was never given out, or is forgotten."""
        return self._ticket(_hash(nonce))

    def spend(self, ticket: Ticket, now_ns: int) -> None:
        """It has done what it is for."""
        self._db.execute("UPDATE ticket SET spent_ns = ? WHERE hash = ? AND spent_ns IS NULL", (now_ns, ticket.hash))

    def bind(self, site: str, channel: str, reference: str, page: str, person: str, nonce: str | None, now_ns: int) -> None:
        """The provider calls this page by this number from now on. Raises apsw.Error where it cannot be kept: then no receipt is known."""
        self._db.execute("DELETE FROM reference WHERE until_ns < ?", (now_ns,))
        row = (_hash(f"{site}\0{channel}\0{reference}"), page, person, _hash(nonce) if nonce is not None else None, now_ns + KEPT_NS)
        self._db.execute("INSERT OR REPLACE INTO reference (hash, page, person, ticket, until_ns) VALUES (?, ?, ?, ?, ?)", row)

    def by_reference(self, site: str, channel: str, reference: str) -> Sent | None:
        """What was sent by this channel under the provider's number; None for what never was, or is forgotten."""
        asked = (_hash(f"{site}\0{channel}\0{reference}"),)
        row: Any = next(iter(self._db.execute("SELECT page, person, ticket FROM reference WHERE hash = ?", asked)), None)
        if row is None:
            return None
        page, person, ticket = row
        return Sent(page, person, self._ticket(ticket) if ticket is not None else None)

    def _ticket(self, hashed: bytes) -> Ticket | None:
        row: Any = next(iter(self._db.execute(f"SELECT {_COLUMNS} FROM ticket WHERE hash = ?", (hashed,))), None)
        return None if row is None else Ticket(*row)


def _hash(nonce: str) -> bytes:
    return sha256(nonce.encode()).digest()
