"""The screens of duty rooms: which are there now, and which page one has shown. A part of access.db, as tickets are.

A screen is a browser that somebody with the right has made one: it keeps a token, of which only the hash is kept here. With it a browser
sees what is open in one site and may say that a page was heard; nothing else. web writes, notify reads: neither waits for the other.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import apsw

from plantroom.clock import NS

SAYS_EVERY_S = 5  # a screen that is there says so this often
PRESENT_NS = 15 * NS
KEPT_NS = 7 * 86_400 * NS
_SCHEMA = """
CREATE TABLE IF NOT EXISTS screen (
  hash     BLOB PRIMARY KEY,              -- sha256 of the token in the browser's cookie
  id       TEXT NOT NULL UNIQUE,
  site     TEXT NOT NULL,
  label    TEXT NOT NULL,
  made_by  TEXT NOT NULL,
  made_ns  INTEGER NOT NULL,
  seen_ns  INTEGER,                       -- it said last that it is open before people's eyes
  sound    INTEGER NOT NULL DEFAULT 0     -- 1: it may sound; a browser asks for one press first
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shown (
  site     TEXT NOT NULL,
  page     TEXT NOT NULL,                 -- outbox.id
  screen   TEXT NOT NULL,                 -- its label then
  sound    INTEGER NOT NULL,
  at_ns    INTEGER NOT NULL,
  PRIMARY KEY (site, page)
) STRICT, WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Screen:
    """sound: whether it said that it may sound. seen_ns: None before it first said that it is there."""

    id: str
    site: str
    label: str
    made_by: str
    seen_ns: int | None
    sound: bool

    def here(self, now_ns: int) -> bool:
        """A clock that was set back makes nobody present for the length of its error."""
        return self.seen_ns is not None and abs(now_ns - self.seen_ns) < PRESENT_NS


@dataclass(frozen=True, slots=True)
class Shown:
    screen: str
    sound: bool
    at_ns: int


class Screens:
    """One connection, usable from any thread, one at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
        self._lock = threading.Lock()
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(1_000)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def make(self, site: str, label: str, by: str, now_ns: int) -> str:
        """A new screen's token, for its browser's cookie."""
        token = secrets.token_urlsafe(32)
        row = (_hash(token), secrets.token_hex(4), site, label, by, now_ns)
        self._run("INSERT INTO screen (hash, id, site, label, made_by, made_ns) VALUES (?, ?, ?, ?, ?, ?)", row)
        return token

    def of(self, token: str) -> Screen | None:
        """None for what is no screen's, or no longer one's."""
        return next(iter(self._screens("hash = ?", (_hash(token),))), None)

    def at(self, site: str) -> list[Screen]:
        """Every screen of a site, by label."""
        return self._screens("site = ?", (site,))

    def remove(self, site: str, id_: str) -> bool:
        """Whether there was one."""
        known = any(screen.id == id_ for screen in self.at(site))
        self._run("DELETE FROM screen WHERE site = ? AND id = ?", (site, id_))
        return known

    def seen(self, screen: Screen, sound: bool, now_ns: int) -> None:
        """It is open before people's eyes now."""
        self._run("UPDATE screen SET seen_ns = ?, sound = ? WHERE id = ?", (now_ns, int(sound), screen.id))

    def show(self, screen: Screen, pages: list[str], sound: bool, now_ns: int) -> None:
        """These pages stand on it. The first screen that showed a page counts."""
        self._run("DELETE FROM shown WHERE at_ns < ?", (now_ns - KEPT_NS,))
        for page in pages:
            self._run("INSERT OR IGNORE INTO shown VALUES (?, ?, ?, ?, ?)", (screen.site, page, screen.label, int(sound), now_ns))

    def here(self, site: str, now_ns: int) -> list[Screen]:
        return [screen for screen in self.at(site) if screen.here(now_ns)]

    def shown(self, site: str, page: str) -> Shown | None:
        rows = self._run("SELECT screen, sound, at_ns FROM shown WHERE site = ? AND page = ?", (site, page))
        return Shown(rows[0][0], bool(rows[0][1]), rows[0][2]) if rows else None

    def _screens(self, where: str, values: tuple[Any, ...]) -> list[Screen]:
        asked = f"SELECT id, site, label, made_by, seen_ns, sound FROM screen WHERE {where} ORDER BY label, id"
        return [Screen(*(*row[:-1], bool(row[-1]))) for row in self._run(asked, values)]

    def _run(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
