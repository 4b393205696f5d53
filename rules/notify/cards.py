"""Cards whose button still accepts: kept until the order is somebody's, is over, or the button is too old; then its words are changed.

A press does no harm later on: the right behind it is spent or too old. But a button that can be pressed is taken for one that does
something. The code by which the provider lets a card be changed is worth nothing without the application's own secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from plantroom.words import say

_SCHEMA = """
CREATE TABLE IF NOT EXISTS card (
  code       TEXT PRIMARY KEY,
  site       TEXT NOT NULL,
  channel    TEXT NOT NULL,
  work_order TEXT NOT NULL,               -- "": a test page's
  person     TEXT NOT NULL,
  until_ns   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Card:
    code: str
    site: str
    channel: str
    work_order: str
    person: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as it stands. who: the name of who has it."""

    state: str
    who: str


def words(card: Card, standing: Mapping[str, Standing], now_ns: int, language: str) -> str | None:
    """What its button becomes, None while it may be pressed. standing: by order."""
    order = standing.get(card.work_order)
    if order is not None and order.state != "open":
        known = bool(order.who) and order.state != "closed"
        return say("callback.taken", language, who=order.who) if known else say("callback.over", language)
    return say("callback.expired", language) if now_ns >= card.until_ns else None


class Cards:
    """A part of access.db, of notify alone."""

    def __init__(self, path: Path, busy_ms: int = 1_000) -> None:
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(busy_ms)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        self._db.close()

    def keep(self, card: Card) -> None:
        row = (card.code, card.site, card.channel, card.work_order, card.person, card.until_ns)
        self._db.execute("INSERT OR REPLACE INTO card VALUES (?, ?, ?, ?, ?, ?)", row)

    def all(self, site: str) -> list[Card]:
        rows: Any = self._db.execute("SELECT code, site, channel, work_order, person, until_ns FROM card WHERE site = ?", (site,))
        return [Card(*row) for row in rows]

    def drop(self, card: Card) -> None:
        self._db.execute("DELETE FROM card WHERE code = ?", (card.code,))
