"""history/store.db: how far each follower has come, and what became of every sample it read.

For each follower and UTC day of event time: read = stored + bad + absent + thinned + dead. `bad` samples carry no value (the embedded
store keeps their quality, InfluxDB gets quality changes), `absent` are cells of a message that had no such point, `dead` were refused by
the store and stand among the dead letters with the reason. Records that retention took before they were read are a declared gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import apsw

SCHEMA = """
CREATE TABLE IF NOT EXISTS follower (
  name TEXT PRIMARY KEY, seq INTEGER NOT NULL, health TEXT NOT NULL DEFAULT 'well') STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS account (          -- upto: 0 = final; else counts once the embedded store has sealed that record
  follower TEXT NOT NULL, day TEXT NOT NULL, upto INTEGER NOT NULL, read INTEGER NOT NULL, stored INTEGER NOT NULL, bad INTEGER NOT NULL,
  absent INTEGER NOT NULL, thinned INTEGER NOT NULL, dead INTEGER NOT NULL, PRIMARY KEY (follower, day, upto)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS gap (
  follower TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (follower, first)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS dead_letter (     -- the same again adds its samples
  id INTEGER PRIMARY KEY, follower TEXT NOT NULL, seq INTEGER NOT NULL, samples INTEGER NOT NULL, line TEXT NOT NULL, reason TEXT NOT NULL,
  UNIQUE (follower, line, reason)) STRICT;
CREATE TABLE IF NOT EXISTS open_fault (       -- faults a target was told of as open; its follower's seq is the last fault's rowid
  follower TEXT NOT NULL, fault TEXT NOT NULL, PRIMARY KEY (follower, fault)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kind (             -- what every equipment that ever was is, or was: the journal may be older than the site file
  equipment TEXT PRIMARY KEY, kind TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
MOST_LETTERS = 10_000  # of one follower; older ones go, their count stays in the account
MOST_LINE = 4_096  # characters of a dead letter's line

_SUMS = "sum(read), sum(stored), sum(bad), sum(absent), sum(thinned), sum(dead)"
_ONTO = """
  ON CONFLICT DO UPDATE SET read = read + excluded.read, stored = stored + excluded.stored, bad = bad + excluded.bad,
  absent = absent + excluded.absent, thinned = thinned + excluded.thinned, dead = dead + excluded.dead
"""
_ADD = f"INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) {_ONTO}"
_LETTER = """
INSERT INTO dead_letter (follower, seq, samples, line, reason) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET samples = samples + excluded.samples, seq = excluded.seq
"""
_SETTLE = f"""
INSERT INTO account SELECT follower, day, 0, {_SUMS} FROM account WHERE follower = ? AND upto BETWEEN 1 AND ? GROUP BY day {_ONTO}
"""


@dataclass(frozen=True, slots=True)
class Count:
    """Samples of one day by what became of them."""

    read: int = 0
    stored: int = 0
    bad: int = 0
    absent: int = 0
    thinned: int = 0
    dead: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.read + other.read,
            self.stored + other.stored,
            self.bad + other.bad,
            self.absent + other.absent,
            self.thinned + other.thinned,
            self.dead + other.dead,
        )

    @property
    def difference(self) -> int:
        """0, or samples have vanished or come from nowhere."""
        return self.read - self.stored - self.bad - self.absent - self.thinned - self.dead


Counts = Mapping[str, Count]  # by UTC day


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What the store would not take. line: line protocol (cut); samples: how many it carried."""

    line: str
    reason: str
    samples: int
    seq: int  # last journal record of the delivery it was in


def added(one: Counts, other: Counts) -> dict[str, Count]:
    return {day: one.get(day, Count()) + other.get(day, Count()) for day in one.keys() | other.keys()}


class Ledger:
    """One connection; each method is one durable transaction. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = apsw.Connection(str(path))
        self._db.set_busy_timeout(10_000)
        self._db.pragma("journal_mode", "wal")
        self._db.pragma("synchronous", 2)
        self._db.execute(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def position(self, follower: str) -> int:
        """The last journal record whose effects are in the store; 0 at first."""
        row = self._db.execute("SELECT seq FROM follower WHERE name = ?", (follower,)).fetchone()
        return int(row[0]) if row else 0

    def advance(
        self, follower: str, seq: int, counts: Counts, letters: Iterable[DeadLetter] = (), gaps: Iterable[tuple[int, int]] = ()
    ) -> None:
        """The store has everything up to `seq`: position, account, dead letters and gaps in one transaction."""
        with self._db:
            self._move(follower, seq)
            self._account(follower, 0, counts)
            self._gaps(follower, gaps)
            for letter in letters:
                row = (follower, letter.seq, letter.samples, letter.line[:MOST_LINE], letter.reason)
                self._db.execute(_LETTER, row)
            self._db.execute(
                "DELETE FROM dead_letter WHERE follower = ? AND id <= (SELECT max(id) FROM dead_letter) - ?", (follower, MOST_LETTERS)
            )

    def announce(self, follower: str, seq: int, counts: Counts, gaps: Iterable[tuple[int, int]] = ()) -> None:
        """What a seal up to `seq` is going to hold; it counts once `settle` is told that the seal stands. Replaces an earlier one."""
        with self._db:
            self._db.execute("DELETE FROM account WHERE follower = ? AND upto > 0", (follower,))
            self._account(follower, seq, counts)
            self._gaps(follower, gaps)

    def settle(self, follower: str, sealed: int) -> None:
        """The embedded store has sealed up to `sealed`: announcements up to there are final, later ones never came true."""
        with self._db:
            self._db.execute(_SETTLE, (follower, sealed))
            self._db.execute("DELETE FROM account WHERE follower = ? AND upto > 0", (follower,))
            self._db.execute("DELETE FROM gap WHERE follower = ? AND last > ?", (follower, sealed))
            self._move(follower, sealed)

    def health(self, follower: str) -> str:
        row = self._db.execute("SELECT health FROM follower WHERE name = ?", (follower,)).fetchone()
        return str(row[0]) if row else "well"

    def set_health(self, follower: str, health: str) -> None:
        self._db.execute("INSERT INTO follower VALUES (?, 0, ?) ON CONFLICT DO UPDATE SET health = excluded.health", (follower, health))

    def counts(self, follower: str) -> dict[str, Count]:
        """The account by day."""
        rows = self._db.execute(
            f"SELECT day, {_SUMS} FROM account WHERE follower = ? AND upto = 0 GROUP BY day ORDER BY day", (follower,)
        )
        return {day: Count(*numbers) for day, *numbers in rows}

    def gaps(self, follower: str) -> list[tuple[int, int]]:
        """Ranges of journal records, both ends included, that were gone before this follower read them."""
        rows = self._db.execute("SELECT first, last FROM gap WHERE follower = ? ORDER BY 1", (follower,))
        return [(int(first), int(last)) for first, last in rows]

    def dead_letters(self, follower: str, most: int = 100) -> list[DeadLetter]:
        """The newest ones, newest first."""
        rows = self._db.execute(
            "SELECT line, reason, samples, seq FROM dead_letter WHERE follower = ? ORDER BY id DESC LIMIT ?", (follower, most)
        )
        return [DeadLetter(*row) for row in rows]

    def followers(self) -> list[str]:
        return [str(row[0]) for row in self._db.execute("SELECT name FROM follower ORDER BY 1")]

    def forget(self, follower: str) -> None:
        """Its database is no longer filled; its account and dead letters stay."""
        self._db.execute("DELETE FROM follower WHERE name = ?", (follower,))

    def remember(self, kinds: Mapping[str, str]) -> dict[str, str]:
        """Equipment -> kind of everything ever seen, these being the newest."""
        with self._db:
            for equipment, kind in kinds.items():
                self._db.execute("INSERT OR REPLACE INTO kind VALUES (?, ?)", (equipment, kind))
        return {str(equipment): str(kind) for equipment, kind in self._db.execute("SELECT equipment, kind FROM kind")}

    def open_faults(self, follower: str) -> set[str]:
        """Faults this target was told of as open."""
        return {str(row[0]) for row in self._db.execute("SELECT fault FROM open_fault WHERE follower = ?", (follower,))}

    def projected(self, follower: str, rowid: int, opened: Iterable[str], ended: Iterable[str]) -> None:
        """The target has every fault up to `rowid`, these of them open, and knows of the end of those."""
        with self._db:
            self._move(follower, rowid)
            self._db.executemany("INSERT OR IGNORE INTO open_fault VALUES (?, ?)", [(follower, fault) for fault in opened])
            self._db.executemany("DELETE FROM open_fault WHERE follower = ? AND fault = ?", [(follower, fault) for fault in ended])

    def _move(self, follower: str, seq: int) -> None:
        self._db.execute("INSERT INTO follower (name, seq) VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq", (follower, seq))

    def _account(self, follower: str, upto: int, counts: Counts) -> None:
        for day, n in counts.items():
            self._db.execute(_ADD, (follower, day, upto, n.read, n.stored, n.bad, n.absent, n.thinned, n.dead))

    def _gaps(self, follower: str, gaps: Iterable[tuple[int, int]]) -> None:
        for first, last in gaps:
            self._db.execute("INSERT OR REPLACE INTO gap VALUES (?, ?, ?)", (follower, first, last))


def gaps_in(after: int, seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Ranges missing from ascending seqs that should follow `after` without a hole."""
    missing: list[tuple[int, int]] = []
    expected = after + 1
    for seq in seqs:
        if seq > expected:
            missing.append((expected, seq - 1))
        expected = seq + 1
    return missing
