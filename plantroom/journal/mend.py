"""Torn and damaged day files: looked at on opening, salvaged record by record, put aside as `*.torn`. Never a reason not to start.

What is kept is what carries its checksum: everything before the damage and everything after it. What is lost is said, as ranges of seq.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from plantroom.clock import Reading
from plantroom.journal import dayfile
from plantroom.journal.database import SELECT_RECORDS, VERSION, Damaged, connect, record_of
from plantroom.journal.shelf import DayFile, OrderLock, live, sync_folder
from plantroom.model import frame_id

SUSPECT = ".suspect"  # beside a file that read badly while in use
CHECKED_BYTES = 512 << 20  # a larger file is looked at from its end only: starting takes seconds, not minutes
CHECKED_RECORDS = 20_000
RANGES_SAID = 20

_SQLITE = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, apsw.IOError, apsw.FormatError, apsw.MismatchError)
_ROW = (Damaged, TypeError, ValueError, OverflowError)  # a row that came, but not as it was written
_TROUBLE = (*_SQLITE, *_ROW)


@dataclass(slots=True)
class Salvage:
    """What one mending brought. kept: records; lost: (first, last) seqs; lost_after: the last good seq, what followed it is unknown."""

    file: str
    why: str
    first: int = 0
    seen: list[tuple[int, int]] = field(default_factory=list)  # kept runs of seqs, in the order met

    def keep(self, seq: int) -> None:
        if self.seen and self.seen[-1][1] + 1 == seq:
            self.seen[-1] = (self.seen[-1][0], seq)
        else:
            self.seen.append((seq, seq))

    def event(self) -> dict[str, object]:
        runs = sorted(self.seen)
        kept = sum(last - first + 1 for first, last in runs)
        lost, expected = [], self.first
        for first, last in runs:
            if first > expected:
                lost.append((expected, first - 1))
            expected = last + 1
        said = {"file": self.file, "why": self.why, "kept": kept, "lost_after": expected - 1}
        return {**said, "lost": lost[:RANGES_SAID], "lost_ranges": len(lost)}


def mark_suspect(folder: Path, name: str) -> None:
    """Somebody read damage in this file: the next opening for writing mends it."""
    (folder / f"{name}{SUSPECT}").touch()


def mend(folder: Path, lock: OrderLock, now: Reading, *, newest_too: bool) -> list[dict[str, object]]:
    """Looks at suspect files, and at the newest one where asked; salvages what is damaged. lock: held. Returns what to declare."""
    files = live(path.name for path in folder.iterdir())
    asked = {file for file in files if (folder / f"{file.name}{SUSPECT}").exists()} | ({files[-1]} if files and newest_too else set())
    events = []
    for n, file in enumerate(files):
        if file not in asked:
            continue
        suspect = folder / f"{file.name}{SUSPECT}"
        why = damage(folder / file.name, whole=suspect.exists())
        if why:
            before = _last_before(folder, files[:n])
            events.append(_replace(folder, file, lock, now, why, before).event())
        suspect.unlink(missing_ok=True)
    _put_aside(folder, files)
    return events


def damage(path: Path, *, whole: bool = False) -> str:
    """What is wrong with a day file, "" where nothing was found. whole: look at every record."""
    try:
        db = connect(path)
        try:
            db.execute("SELECT first_seq, created_ns FROM meta").get[0]
            if (whole or path.stat().st_size <= CHECKED_BYTES) and (found := db.pragma("quick_check(1)")) != "ok":
                return str(found)
            rows = db.execute(f"{SELECT_RECORDS} ORDER BY seq DESC LIMIT ?", (-1 if whole else CHECKED_RECORDS,))
            for row in rows:
                record_of(row)
        finally:
            db.close()
    except _TROUBLE as error:
        return str(error) or type(error).__name__
    return ""


def _replace(folder: Path, file: DayFile, lock: OrderLock, now: Reading, why: str, before: int) -> Salvage:
    salvage = Salvage(file.name, why)
    old = folder / file.name

    def fill(new: apsw.Connection) -> None:
        try:
            source = connect(old, readonly=True)
        except _TROUBLE:
            salvage.first = before + 1
            new.execute("INSERT INTO meta VALUES (1, ?, ?, ?)", (VERSION, before + 1, now.wall_ns))
            return
        try:
            _copy(source, new, salvage, now, before)
        finally:
            source.close()

    dayfile.show(dayfile.build(folder, file.mended, fill), file.mended, lock)
    return salvage


def _copy(old: apsw.Connection, new: apsw.Connection, salvage: Salvage, now: Reading, before: int) -> None:
    first, created = before + 1, now.wall_ns
    for meta in _readable(old, "SELECT first_seq, created_ns FROM meta"):
        first, created = meta if isinstance(meta[0], int) and meta[0] > before else (first, created)
    salvage.first = first
    new.execute("INSERT INTO meta VALUES (1, ?, ?, ?)", (VERSION, first, created))
    for table in ("frame", "carried", "source"):
        _copy_table(old, new, table)
    low = _copy_records(old, new, salvage, "ORDER BY seq", first - 1, first - 1)
    _copy_records(old, new, salvage, "ORDER BY seq DESC", first - 1, low)
    new.execute("UPDATE source SET last = max(last, (SELECT coalesce(max(source_seq), 0) FROM record WHERE source = source.id))")


def _copy_records(old: apsw.Connection, new: apsw.Connection, salvage: Salvage, order: str, before: int, low: int) -> int:
    """Copies in one direction until nothing more can be read; returns the highest seq copied. low: what the other direction has."""
    highest = low
    for row in _readable(old, f"{SELECT_RECORDS} WHERE seq > {low} {order}"):
        try:
            record = record_of(row)
        except _ROW:
            continue
        if record.seq <= before:
            continue
        new.execute("INSERT OR IGNORE INTO source (name, boot, last) VALUES (?, ?, 0)", (record.source, record.at.boot))
        sql = "INSERT OR IGNORE INTO record SELECT ?1, ?2, ?3, id, ?6, ?7, ?8, ?9 FROM source WHERE name = ?4 AND boot = ?5"
        new.execute(sql, row)
        if new.changes():
            salvage.keep(record.seq)
        highest = max(highest, record.seq)
    return highest


def _copy_table(old: apsw.Connection, new: apsw.Connection, table: str) -> None:
    checks: dict[str, Callable[[tuple[object, ...]], bool]] = {
        "frame": lambda row: isinstance(row[0], bytes) and isinstance(row[1], str) and frame_id(tuple(row[1].split("\n"))) == row[0],
        "carried": lambda row: bool(record_of(row)),  # type: ignore[arg-type]
        "source": lambda row: isinstance(row[1], str) and isinstance(row[2], str) and isinstance(row[3], int),
    }
    columns = {"frame": 2, "carried": 9, "source": 4}[table]
    for row in _readable(old, f"SELECT * FROM {table}"):
        try:
            good = checks[table](row)
        except _ROW:
            good = False
        if good:
            new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * columns)})", row)


def _readable(db: apsw.Connection, sql: str) -> Iterator[tuple]:  # type: ignore[type-arg]
    """Rows up to the first that cannot be read."""
    try:
        yield from db.execute(sql)
    except _TROUBLE:
        return


def _last_before(folder: Path, files: tuple[DayFile, ...]) -> int:
    """The newest seq of the files before; 0 where none can be read."""
    for file in reversed(files):
        try:
            db = connect(folder / file.name, readonly=True)
            try:
                return dayfile.last_seq(db)
            finally:
                db.close()
        except _TROUBLE:
            continue
    return 0


def _put_aside(folder: Path, files: tuple[DayFile, ...]) -> None:
    """Renames what a mended file has replaced; kept for a person to look at, and first to go when the quota is short."""
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
