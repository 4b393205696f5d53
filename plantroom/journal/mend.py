"""Torn and damaged day files: salvaged record by record on opening, put aside as `*.torn`. Never a reason not to start.

What is kept is what carries its checksum and can be read without guessing: everything before the damage and everything after it.
What is lost is said, as ranges of seq.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from plantroom.clock import Reading
from plantroom.journal import dayfile
from plantroom.journal.columns import frame_id_of
from plantroom.journal.damage import ROW, TROUBLE, damage, is_frame
from plantroom.journal.database import SELECT_RECORDS, VERSION, connect, record_of
from plantroom.journal.record import Kind
from plantroom.journal.shelf import DayFile, OrderLock, live, sync_folder

SUSPECT = ".suspect"  # beside a file that read badly while in use
RANGES_SAID = 20
LONGEST_STEP = 1 << 20  # records looked past a damaged place before the rest is read from the end
ENDLESS = (1 << 63) - 1
LIKELY_COUNT = 1_000_000  # a source's count that is further ahead of its last record is itself damaged


@dataclass(slots=True)
class Salvage:
    """What one mending brought. first: the file's first seq; runs: kept seqs as (first, last), in the order met."""

    file: str
    why: str
    first: int = 1
    runs: list[tuple[int, int]] = field(default_factory=list)

    def keep(self, seq: int) -> None:
        first, last = self.runs[-1] if self.runs else (0, -2)
        if seq in (first - 1, last + 1):
            self.runs[-1] = (min(first, seq), max(last, seq))
        else:
            self.runs.append((seq, seq))

    def event(self) -> dict[str, object]:
        """kept: records; lost: ranges between kept ones (the first few); lost_after: the last good seq, what followed is unknown."""
        kept, lost, expected = 0, [], self.first
        for first, last in sorted(self.runs):
            kept += last - first + 1
            if first > expected:
                lost.append((expected, first - 1))
            expected = last + 1
        said = {"file": self.file, "why": self.why, "kept": kept, "lost_after": expected - 1}
        return {**said, "lost": lost[:RANGES_SAID], "lost_ranges": len(lost)}


def mark_suspect(folder: Path, name: str) -> None:
    """Somebody read damage in this file: the next opening for writing mends it."""
    with suppress(OSError):  # a full disk: who meets the damage next says it again
        (folder / f"{name}{SUSPECT}").touch()


def mend(folder: Path, lock: OrderLock, now: Reading, *, newest_too: bool) -> list[dict[str, object]]:
    """Looks at suspect files, and at the newest one where asked; salvages what is damaged. lock: held. Returns what to declare."""
    files = live(path.name for path in folder.iterdir())
    events = []
    for n, file in enumerate(files):
        suspect = folder / f"{file.name}{SUSPECT}"
        marked = suspect.exists()
        if marked or (newest_too and file == files[-1]):
            if why := damage(folder / file.name, whole=marked):
                events.append(_replace(folder, file, lock, now, why, files[:n]).event())
            suspect.unlink(missing_ok=True)
    _put_aside(folder)
    return events


def _replace(folder: Path, file: DayFile, lock: OrderLock, now: Reading, why: str, before: tuple[DayFile, ...]) -> Salvage:
    """Builds the mended file beside the damaged one and puts it in its place with one rename."""
    salvage = Salvage(file.name, why)
    older = [folder / each.name for each in reversed(before)]

    def fill(new: apsw.Connection) -> None:
        copying = _Copying(new, salvage, older)
        try:
            old = connect(folder / file.name, readonly=True)
        except TROUBLE:
            copying.begin({}, now)
            return
        try:
            copying.run(old, now)
        finally:
            old.close()

    dayfile.show(dayfile.build(folder, file.mended, fill), file.mended, lock)
    return salvage


class _Copying:
    """One salvage: what can be read of `old`, into the empty file `new`. older: paths of the files before, newest first."""

    def __init__(self, new: apsw.Connection, salvage: Salvage, older: list[Path]) -> None:
        self._new, self._salvage, self._older = new, salvage, older
        self._frames: set[bytes] = set()
        self._nowhere: set[bytes] = set()

    def run(self, old: apsw.Connection, now: Reading) -> None:
        self.begin(dict(_readable(old, "SELECT first_seq, created_ns FROM meta")), now)
        for identity, points in _readable(old, "SELECT id, points FROM frame"):
            if is_frame(identity, points):
                self._keep_frame(identity, points)
        for row in _readable(old, "SELECT * FROM carried"):
            self._keep_carried(row)
        self._records(old)
        self._new.execute("UPDATE source SET last = max(last, (SELECT coalesce(max(source_seq), 0) FROM record WHERE source = source.id))")
        counts = "UPDATE source SET last = ?3 WHERE name = ?1 AND boot = ?2 AND ?3 BETWEEN last AND last + ?4"
        for name, boot, last in _readable(old, "SELECT name, boot, last FROM source"):
            self._new.execute(counts, (name, boot, last, LIKELY_COUNT))  # of records lost at the end: a hole to be seen, no number twice

    def begin(self, meta: dict[int, int], now: Reading) -> None:
        """meta: {first_seq: created_ns} as far as it could be read."""
        least = _last_of(self._older) + 1
        good = {first: created for first, created in meta.items() if isinstance(first, int) and isinstance(created, int) and first >= least}
        first, created = next(iter(good.items()), (least, now.wall_ns))
        self._salvage.first = first
        self._new.execute("INSERT INTO meta VALUES (1, ?, ?, ?)", (VERSION, first, created))
        before = _open(self._older[0]) if self._older else None
        if before is not None:
            try:
                dayfile.carry(before, self._new, now.boot)
            except TROUBLE:
                pass  # damaged as well: it has its own turn
            finally:
                before.close()

    def _records(self, old: apsw.Connection) -> None:
        """Everything readable: forwards; over a damaged place with growing steps, back to it from behind; at last from the end."""
        low, step = self._salvage.first - 1, 0
        while step <= LONGEST_STEP:
            last = low + step
            try:
                for row in old.execute(f"{SELECT_RECORDS} WHERE seq > ? ORDER BY seq", (last,)):
                    if step and last == low + step:  # landed behind the damage
                        self._backwards(old, low, last)
                    last = self._keep_record(row)
                return
            except TROUBLE:
                low, step = (last, 1) if last > low + step else (low, max(2 * step, 1))
        self._backwards(old, low, ENDLESS)

    def _backwards(self, old: apsw.Connection, above: int, upto: int) -> None:
        for row in _readable(old, f"{SELECT_RECORDS} WHERE seq > ? AND seq <= ? ORDER BY seq DESC", (above, upto)):
            self._keep_record(row)

    def _keep_record(self, row: Any) -> int:
        """Keeps a record that is what was written; returns where to go on."""
        try:
            record = record_of(row)
            if record.kind is Kind.TELEMETRY and not self._has_frame(frame_id_of(record.body)):
                return record.seq  # numbers nobody can put a name to
        except ROW:
            return int(row[0])
        self._new.execute("INSERT OR IGNORE INTO source (name, boot, last) VALUES (?, ?, 0)", (record.source, record.at.boot))
        sql = "INSERT OR IGNORE INTO record SELECT ?1, ?2, ?3, id, ?6, ?7, ?8, ?9 FROM source WHERE name = ?4 AND boot = ?5"
        self._new.execute(sql, row)
        if self._new.changes():
            self._salvage.keep(record.seq)
        return record.seq

    def _has_frame(self, identity: bytes) -> bool:
        """True where the frame is there, or was found in an older file."""
        if identity in self._frames or identity in self._nowhere:
            return identity in self._frames
        for path in self._older:
            db = _open(path)
            if db is None:
                continue
            try:
                points = next(_readable(db, "SELECT points FROM frame WHERE id = ?", (identity,)), (None,))[0]
            finally:
                db.close()
            if is_frame(identity, points):
                self._keep_frame(identity, points)
                return True
        self._nowhere.add(identity)
        return False

    def _keep_frame(self, identity: bytes, points: str) -> None:
        self._new.execute("INSERT OR IGNORE INTO frame VALUES (?, ?)", (identity, points))
        self._frames.add(identity)

    def _keep_carried(self, row: Any) -> None:
        try:
            record_of(row)
        except ROW:
            return
        self._new.execute("INSERT OR REPLACE INTO carried VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _readable(db: apsw.Connection, sql: str, values: tuple[bytes | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Rows up to the first that cannot be read."""
    try:
        yield from db.execute(sql, values)
    except TROUBLE:
        return


def _open(path: Path) -> apsw.Connection | None:
    try:
        return connect(path, readonly=True)
    except TROUBLE:
        return None


def _last_of(older: list[Path]) -> int:
    """The newest seq of the files before; 0 where none can be read."""
    for path in older:
        db = _open(path)
        if db is None:
            continue
        try:
            return dayfile.last_seq(db)
        except TROUBLE:
            continue
        finally:
            db.close()
    return 0


def _put_aside(folder: Path) -> None:
    """Renames what a mended file has replaced; kept for a person to look at, and first to go when the quota is short.

    Files half built by a process that died go at once.
    """
    for unfinished in folder.glob(".new-*"):
        unfinished.unlink(missing_ok=True)
    moved = False
    for file in live(path.name for path in folder.iterdir()):
        for mend_count in range(file.mend):
            old = DayFile(file.day, file.part, mend_count).name
            for suffix in ("", "-wal", "-shm"):
                path = folder / f"{old}{suffix}"
                if path.exists():
                    path.rename(folder / f"{old}.torn{suffix}")
                    moved = True
    if moved:
        sync_folder(folder)
