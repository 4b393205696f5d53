"""The records of one site: faults, orders, clocks, outbox, chronicle. Written by the engine alone, read by everybody.

`Records.open(path)` migrates and writes; `Records.open(path, readonly=True)` only reads. SQL stands by name in queries/*.sql.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import apsw

from plantroom.errors import JournalFailed
from plantroom.journal.database import BUSY_MS, refuse_old_sqlite
from plantroom.records.chronicle import Chronicle
from plantroom.records.migrate import RecordsTooNew, migrate, migrations
from plantroom.records.named_sql import load_queries

__all__ = ["Chronicle", "Records", "RecordsTooNew", "Values"]

CHECKPOINT_PAGES = 1_000
WAL_LIMIT = 16 << 20

Values = Mapping[str, Any] | Sequence[Any]


class Records:
    """One connection to records.db; one thread at a time. `db` is the connection itself, for what has no name."""

    def __init__(self, db: apsw.Connection, queries: Mapping[str, str]) -> None:
        self.db = db
        self._queries = queries

    @classmethod
    def open(cls, path: Path, readonly: bool = False) -> Records:
        """Writing: creates and migrates. Reading: raises FileNotFoundError while the engine has not created it yet.

        Raises RecordsTooNew where a newer release has written it.
        """
        refuse_old_sqlite(apsw.sqlite_lib_version())
        if readonly and not path.exists():
            raise FileNotFoundError(f"{path}: no records yet; the rules service creates them at its first start")
        if not readonly:
            path.parent.mkdir(parents=True, exist_ok=True)
        flags = apsw.SQLITE_OPEN_READONLY if readonly else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        db = apsw.Connection(str(path), flags=flags)
        try:
            _set_up(db, readonly)
            if not readonly:
                migrate(db, migrations())
        except BaseException:
            db.close()
            raise
        return cls(db, _queries())

    def sql(self, name: str) -> str:
        """The statement of this name. Raises KeyError where there is none."""
        return self._queries[name]

    def rows(self, name: str, values: Values = ()) -> list[dict[str, Any]]:
        """All rows of the named query, each by column name."""
        cursor = self.db.execute(self.sql(name), values)
        columns: tuple[str, ...] = ()
        found = []
        for row in cursor:
            columns = columns or tuple(column[0] for column in cursor.get_description())
            found.append(dict(zip(columns, row, strict=True)))
        return found

    def row(self, name: str, values: Values = ()) -> dict[str, Any] | None:
        """The first row of the named query, None where it has none."""
        found = self.rows(name, values)
        return found[0] if found else None

    def run(self, name: str, values: Values = ()) -> int:
        """Executes the named statement; returns how many rows it changed."""
        self.db.execute(self.sql(name), values)
        return self.db.changes()

    def run_many(self, name: str, sets: Iterable[Values]) -> None:
        self.db.executemany(self.sql(name), sets)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE ... COMMIT; rolled back on any exception. Raises JournalFailed where the disk refuses."""
        try:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise
        except (apsw.IOError, apsw.FullError, apsw.CorruptError) as error:
            raise JournalFailed(f"{self.db.filename}: {error}; nothing of this step counts, this process has to leave") from error

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: all of it or, after any exception, none; what the transaction did before stays."""
        self.db.execute("SAVEPOINT step")
        try:
            yield
        except BaseException:
            if self.db.in_transaction:  # a disk that refuses ends the whole transaction
                self.db.execute("ROLLBACK TO step")
                self.db.execute("RELEASE step")
            raise
        self.db.execute("RELEASE step")

    def data_version(self) -> int:
        """Changes when another connection has committed. Costs a few microseconds."""
        return int(self.db.execute("PRAGMA data_version").get)

    def close(self) -> None:
        self.db.close()


def _set_up(db: apsw.Connection, readonly: bool) -> None:
    db.set_busy_timeout(BUSY_MS)
    if not readonly and db.pragma("journal_mode", "wal") != "wal":
        raise JournalFailed(f"{db.filename}: this file system offers no WAL; put the data folder on a local disk")
    wanted = {"synchronous": 2, "foreign_keys": 1, "mmap_size": 0, "wal_autocheckpoint": CHECKPOINT_PAGES, "journal_size_limit": WAL_LIMIT}
    for pragma, value in wanted.items():
        db.pragma(pragma, value)
        if (got := db.pragma(pragma)) != value:
            raise JournalFailed(f"{db.filename}: SQLite keeps {pragma} at {got} where {value} was asked")


@cache
def _queries() -> Mapping[str, str]:
    return load_queries(Path(__file__).parent / "queries")
