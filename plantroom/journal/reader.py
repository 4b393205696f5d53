"""Reads the journal in its order, over all day files. Read-only connections, short read transactions, never sorted by a clock."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeVar

import apsw

from plantroom.errors import JournalFailed
from plantroom.journal import dayfile
from plantroom.journal.database import SELECT_RECORDS, Damaged, connect, record_of
from plantroom.journal.mend import mark_suspect
from plantroom.journal.record import Kind, Record
from plantroom.journal.shelf import DayFile, Shelf
from plantroom.model import Frame

OPEN_FILES = 4  # connections kept; a follower needs one, a query over days a few
CHUNK = 256  # rows fetched at once, so that most_bytes is kept to
MOST_BYTES = 32 << 20
FOREVER = 2**63 - 1  # beyond every seq
TRIES = 5  # a file that retention or a roll takes away under us is looked for again

_T = TypeVar("_T")


class Reader:
    """Cheap to make; may be shared by threads (one reads at a time). Sees what was committed when the call began."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shelf = Shelf(folder)
        self._open: OrderedDict[DayFile, apsw.Connection] = OrderedDict()
        self._first: dict[DayFile, int] = {}
        self._frames: dict[bytes, Frame] = {}
        self._seen: tuple[DayFile, int] | None = None
        self._mutex = threading.RLock()

    def read_after(self, seq: int, most: int = 10_000, most_bytes: int = MOST_BYTES) -> list[Record]:
        """The records after `seq`, at most `most` of them and about `most_bytes` of bodies; empty when there are none yet.

        After a forced hole the next record is the first that is left; the EVENT `journal_gap` says what is missing.
        """
        return self._tried(lambda: self._read_after(seq, most, most_bytes))

    def first_seq(self) -> int:
        """The oldest seq there is; 0 when empty."""
        return self._tried(self._first_seq)

    def last_seq(self) -> int:
        """The newest seq; 0 when empty."""
        return self._tried(lambda: dayfile.last_seq(self._db(files[-1])) if (files := self._shelf.files()) else 0)

    def frame(self, frame_id: bytes) -> Frame:
        """The frame of this id, wherever it stands. Raises KeyError where no file knows it."""
        frame = self._frames.get(frame_id)
        if frame is None:
            frame = self._frames[frame_id] = self._tried(lambda: self._find_frame(frame_id))
        return frame

    def last_of(self, kind: Kind, before: int = FOREVER) -> Record | None:
        """The newest record of a kind below `before`. The newest CONFIG is found however old it is; of the rest what retention left."""
        return self._tried(lambda: self._last_of(kind, before))

    def at_or_after(self, wall_ns: int) -> int:
        """The first seq whose header's wall time is >= wall_ns; last_seq + 1 where none is.

        Bisected: where the wall clock was set back in between it is one of the places where the time passes wall_ns.
        """
        return self._tried(lambda: self._at_or_after(wall_ns))

    def changed(self) -> bool:
        """True where something was committed since the last `read_after`. Costs a few microseconds."""
        files = self._shelf.files()
        if not files:
            return False
        return self._tried(lambda: self._seen != (files[-1], _data_version(self._db(files[-1]))))

    def close(self) -> None:
        with self._mutex:
            while self._open:
                self._open.popitem()[1].close()
            self._shelf.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_after(self, seq: int, most: int, most_bytes: int) -> list[Record]:
        files = self._shelf.files()  # before any read: a file that has a successor here is complete
        records: list[Record] = []
        room = most_bytes
        for file in files[self._file_of(files, seq + 1) :]:
            db = self._db(file)
            if file == files[-1]:
                self._seen = (file, _data_version(db))
            while len(records) < most and room > 0:
                wanted = min(CHUNK, most - len(records))
                after = records[-1].seq if records else seq
                with self._trusting(file):
                    chunk = [record_of(row) for row in db.execute(f"{SELECT_RECORDS} WHERE seq > ? ORDER BY seq LIMIT ?", (after, wanted))]
                records += chunk
                room -= sum(len(record.body) for record in chunk)
                if len(chunk) < wanted:
                    break
            if len(records) >= most or room <= 0:
                break
        return records

    def _first_seq(self) -> int:
        for file in self._shelf.files():
            first = self._db(file).execute("SELECT min(seq) FROM record").get
            if first is not None:
                return int(first)
        return 0

    def _find_frame(self, frame_id: bytes) -> Frame:
        for file in reversed(self._shelf.files()):
            points = self._db(file).execute("SELECT points FROM frame WHERE id = ?", (frame_id,)).get
            if points is not None:
                frame = Frame(tuple(points.split("\n")))
                if frame.id == frame_id:
                    return frame
        raise KeyError(frame_id)

    def _last_of(self, kind: Kind, before: int) -> Record | None:
        where = "kind = ?" if kind is Kind.TELEMETRY else "kind <> 1 AND kind = ?"  # the index holds all kinds but telemetry
        for file in reversed(self._shelf.files()):
            with self._trusting(file):
                db = self._db(file)
                row = db.execute(f"{SELECT_RECORDS} WHERE {where} AND seq < ? ORDER BY seq DESC LIMIT 1", (int(kind), before)).get
                if row is None:
                    row = db.execute("SELECT * FROM carried WHERE kind = ? AND seq < ?", (int(kind), before)).get
                if row is not None:
                    return record_of(row)
        return None

    def _at_or_after(self, wall_ns: int) -> int:
        low, high = max(self._first_seq(), 1), self.last_seq() + 1
        files = self._shelf.files()
        while low < high:
            middle = (low + high) // 2
            row = None
            for file in files[self._file_of(files, middle) :]:  # the next record there is, over a declared hole
                row = self._db(file).execute("SELECT seq, wall_ns FROM record WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)).get
                if row is not None:
                    break
            if row is None or row[1] >= wall_ns:
                high = middle
            else:
                low = row[0] + 1
        return low

    def _file_of(self, files: tuple[DayFile, ...], seq: int) -> int:
        """Index of the file that holds `seq`: the last one that begins at or before it."""
        low, high = 0, len(files)
        while high - low > 1:
            middle = (low + high) // 2
            if self._first_of(files[middle]) <= seq:
                low = middle
            else:
                high = middle
        return low

    def _first_of(self, file: DayFile) -> int:
        first = self._first.get(file)
        if first is None:
            first = self._first[file] = int(self._db(file).execute("SELECT first_seq FROM meta").get)
        return first

    def _db(self, file: DayFile) -> apsw.Connection:
        db = self._open.get(file)
        if db is None:
            db = self._open[file] = connect(self._shelf.path(file), readonly=True)
            while len(self._open) > OPEN_FILES:
                self._open.popitem(last=False)[1].close()
        self._open.move_to_end(file)
        return db

    @contextmanager
    def _trusting(self, file: DayFile) -> Iterator[None]:
        try:
            yield
        except (Damaged, apsw.CorruptError, apsw.NotADBError) as error:
            mark_suspect(self._folder, file.name)
            said = f"{self._folder / file.name}: damaged: {error}; it is mended when a service opens the journal again"
            raise JournalFailed(said) from error

    def _tried(self, read: Callable[[], _T]) -> _T:
        """Reads; once more where a file went away between listing and opening."""
        with self._mutex:
            for left in reversed(range(TRIES)):
                try:
                    return read()
                except apsw.CantOpenError as error:
                    self._shelf.forget()
                    if not left:
                        raise JournalFailed(f"{self._folder}: a day file cannot be opened: {error}; see rights and free handles") from error
                except (apsw.CorruptError, apsw.NotADBError, apsw.IOError) as error:
                    said = f"{self._folder}: cannot be read: {error}; it is looked at when a service opens the journal again"
                    raise JournalFailed(said) from error
        raise AssertionError("unreachable")


def _data_version(db: apsw.Connection) -> int:
    return int(db.execute("PRAGMA data_version").get)
