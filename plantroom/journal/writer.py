"""Appends entries to the newest day file: one durable commit each call, one order over all processes and all files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

import apsw
import orjson

from plantroom.clock import Clock, Reading
from plantroom.errors import JournalFailed
from plantroom.journal import dayfile
from plantroom.journal.bell import Ringer
from plantroom.journal.database import Damaged, checksum, connect
from plantroom.journal.mend import mark_suspect, mend
from plantroom.journal.positions import Positions
from plantroom.journal.record import Entry, Kind
from plantroom.journal.shelf import DayFile, FileLock, OrderLock, Shelf, day_of, next_file, roll_due, sync_folder

MOST_FILE_BYTES = 4 << 30  # a fuller file is followed by another part, so that retention has something to unlink
IN_USE = "in_use"  # held shared by every writer: who gets it alone is the first, and looks at what the last ones left


class Writer:
    """One source's way into the journal. Blocking; one thread at a time.

    A failed commit ends the writer: every later `append` raises JournalFailed as well, because what the kernel dropped once it may
    report as written the next time. The process leaves and the next opening looks at what stands.
    """

    def __init__(self, folder: Path, source: str, clock: Clock, *, most_file_bytes: int = MOST_FILE_BYTES) -> None:
        self._folder, self._source, self._clock, self._most = folder, source, clock, most_file_bytes
        self._broken: str | None = None
        self._db: apsw.Connection | None = None
        self._file: DayFile | None = None
        self._created = ""
        self._source_ids: dict[str, int] = {}
        self._frames: set[bytes] = set()
        try:
            self._lock = OrderLock(folder)
        except OSError as error:
            said = f"{folder}: the journal cannot be opened for writing: {error}; see free space and rights of the folder"
            raise JournalFailed(said) from error
        self._in_use = FileLock(folder / IN_USE)
        self._shelf = Shelf(folder)
        self._ringer = Ringer(folder)
        try:
            with self._guarded(), self._lock.held():
                self._look_after_what_stands()
        except BaseException:
            self.close()
            raise

    def append(self, entries: Sequence[Entry]) -> range:
        """One durable commit of all entries, in their order; returns their seqs. Raises JournalFailed where the disk refuses."""
        with self._guarded(), self._lock.held():
            seqs = self._commit(entries)
        self._ringer.ring()
        return seqs

    def go_on_after(self, seq: int) -> None:
        """Makes sure that no seq up to `seq` is ever given again; a follower that is ahead of the journal calls this first.

        That happens where a disk lost what it had reported as written. The hole is declared by an EVENT `journal_gap`.
        """
        with self._guarded(), self._lock.held():
            self._skip_to(seq)
        self._ringer.ring()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        for part in (self._lock, self._in_use, self._shelf, self._ringer):
            part.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- lock held below

    def _look_after_what_stands(self) -> None:
        alone = self._in_use.try_take()
        events = mend(self._folder, self._lock, self._clock.read(), newest_too=alone)
        self._in_use.take(shared=True)
        if events:
            self._commit([Entry(Kind.EVENT, orjson.dumps({"event": "journal_recovered", **event})) for event in events])
        if alone:
            self._skip_to(max(Positions(self._folder).all().values(), default=0))

    def _skip_to(self, seq: int) -> None:
        last = dayfile.last_seq(self._newest_db()) if self._shelf.files() else 0
        if seq > last:
            why = "a follower is ahead of the journal: the disk lost what it had confirmed"
            gap = {"event": "journal_gap", "first": last + 1, "last": seq, "why": why}
            self._commit([Entry(Kind.EVENT, orjson.dumps(gap))], at_least=seq)

    def _commit(self, entries: Sequence[Entry], at_least: int = 0) -> range:
        at = self._clock.read()
        db = self._db_for(at)
        db.execute("BEGIN IMMEDIATE")
        try:
            seqs = self._insert(db, entries, at, at_least)
            db.execute("COMMIT")
        except BaseException:
            with suppress(apsw.Error):
                if db.in_transaction:
                    db.execute("ROLLBACK")
            self._source_ids, self._frames = {}, set()
            raise
        return seqs

    def _insert(self, db: apsw.Connection, entries: Sequence[Entry], at: Reading, at_least: int) -> range:
        first = max(dayfile.last_seq(db), at_least) + 1
        source, said = self._source_row(db, at.boot)
        name, frames, rows = self._source, self._frames, []
        for n, entry in enumerate(entries):
            seq, count, kind, body = first + n, said + n + 1, int(entry.kind), entry.body
            if entry.frame is not None and entry.frame.id not in frames:
                db.execute("INSERT OR IGNORE INTO frame VALUES (?, ?)", (entry.frame.id, "\n".join(entry.frame.points)))
                frames.add(entry.frame.id)
            rows.append((seq, at.wall_ns, at.boot_ns, source, count, kind, checksum(seq, at, name, count, kind, body), body))
        db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute("UPDATE source SET last = ? WHERE id = ?", (said + len(rows), source))
        return range(first, first + len(rows))

    def _source_row(self, db: apsw.Connection, boot: str) -> tuple[int, int]:
        """(small number of this source in this file, its newest source_seq)."""
        known = self._source_ids.get(boot)
        if known is None:
            db.execute("INSERT OR IGNORE INTO source (name, boot, last) VALUES (?, ?, 0)", (self._source, boot))
            known = self._source_ids[boot] = int(db.execute("SELECT id FROM source WHERE name = ? AND boot = ?", (self._source, boot)).get)
        return known, int(db.execute("SELECT last FROM source WHERE id = ?", (known,)).get)

    def _db_for(self, at: Reading) -> apsw.Connection:
        """The connection to the file this instant belongs to; begins a new file where one is due."""
        today, files = day_of(at.wall_ns), self._shelf.files()
        if not files:
            dayfile.begin(self._folder, next_file(None, today), None, at, self._lock)
            return self._newest_db()
        db = self._newest_db()
        if roll_due(self._created, today) or self._shelf.size(files[-1]) > self._most:
            dayfile.begin(self._folder, next_file(files[-1], today), db, at, self._lock)
            return self._newest_db()
        return db

    def _newest_db(self) -> apsw.Connection:
        newest = self._shelf.files()[-1]
        if self._db is None or newest != self._file:  # begun by us or another process, or mended
            if self._db is not None:
                self._db.close()
            self._db, self._file = connect(self._shelf.path(newest)), newest
            self._source_ids, self._frames = {}, set()
            self._created = day_of(self._db.execute("SELECT created_ns FROM meta").get)
            sync_folder(self._folder)  # the WAL is there now; SQLite syncs its folder too, but passes over an error
        return self._db

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turns what the disk or SQLite throws into JournalFailed, and remembers it."""
        if self._broken:
            raise JournalFailed(self._broken)
        try:
            yield
        except (apsw.Error, OSError, Damaged) as error:
            name = self._file.name if self._file else ""
            if name and isinstance(error, apsw.CorruptError | apsw.NotADBError | Damaged):
                mark_suspect(self._folder, name)
            self._broken = f"{self._folder / name}: {error}; nothing is acknowledged any more, this process has to leave"
            raise JournalFailed(self._broken) from error
