"""Computes a site's records again from its journal, in a scratch file, and compares them row by row with those that stand.

Where the journal still begins at its first record everything is computed; else the oldest snapshot inside the journal is where it begins,
and what was over before that is not looked at: there the records themselves are the truth, and their chronicle's chain holds them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import apsw

from plantroom.clock import Clock
from plantroom.errors import BadInput
from plantroom.journal import Journal, Reader
from plantroom.records import Records
from rules.desk import Hidden
from rules.engine import Engine
from rules.house import furnish
from rules.memory import Memory
from rules.replay import catch_up
from rules.snapshot import BadSnapshot
from rules.snapshots import Snapshots

TABLES = (
    "config", "condition", "fault", "work_order", "clock", "call", "rescue", "head_call", "order_note", "person", "outbox",
    "attempt", "receipt", "severity_change", "handing", "command", "private", "skipped", "item_time", "roster_change",
    "handover", "certificate", "plan_task", "plan_result", "signed_period", "evidence", "unsealed", "seal", "purge",
    "chronicle", "position",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row that differs. stands: in the records, rebuilt: computed; None = the row is missing there."""

    table: str
    key: Mapping[str, Any]
    stands: Mapping[str, Any] | None
    rebuilt: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Report:
    """from_seq: the first record taken; to_seq: the records' position. tables: rows compared."""

    site: str
    from_seq: int
    to_seq: int
    records: int
    tables: Mapping[str, int] = field(default_factory=dict)
    difference: Difference | None = None
    why: str = ""

    @property
    def equal(self) -> bool:
        return self.difference is None and not self.why

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "equal": self.equal}


def rebuild_site(folder: Path, clock: Clock) -> Report:
    """folder: the site's. The service may run meanwhile: a copy is compared. Raises FileNotFoundError where there are no records."""
    reader = Journal(folder / "journal", clock).reader()
    with tempfile.TemporaryDirectory(prefix="plantroom-rebuild-") as scratch, closing(reader):
        stands = copy(folder / "records.db", Path(scratch) / "stands.db")
        with closing(stands), closing(Records.open(Path(scratch) / "rebuilt.db")) as rebuilt:
            return _compare(folder, reader, stands, rebuilt)


def copy(path: Path, to: Path) -> Records:
    """The records as they stand at one instant, as a file of their own."""
    with closing(Records.open(path, readonly=True)) as source:
        target = apsw.Connection(str(to))
        try:
            with target.backup("main", source.db, "main") as backup:
                while not backup.done:
                    backup.step(1_000)
        finally:
            target.close()
    return Records.open(to)


def _compare(folder: Path, reader: Reader, stands: Records, rebuilt: Records) -> Report:
    position = stands.row("position")
    to_seq = position["seq"] if position is not None else 0
    first = reader.first_seq()

    def engine_on(records: Records) -> Engine:
        return Engine(records, furnish, reader.frame, hidden_in(stands))

    purged = stands.row("newest_purge")  # what carried the proof over it is gone: a rebuild begins behind it
    first = max(first, purged["seq"] + 1 if purged is not None else 0)
    memory = _oldest(folder, first, lambda: engine_on(rebuilt)) if first > 1 else None
    if first > 1 and memory is None:
        return Report(folder.name, first, to_seq, 0, why=f"the journal begins at {first} and no snapshot of this release stands inside it")
    if memory is not None:
        _begin(rebuilt, stands, memory)
    engine = engine_on(rebuilt)
    if memory is not None:
        engine.remember(memory)
    since = memory.seen.seq if memory is not None else 0
    taken = catch_up(engine, reader, since, to_seq)
    if engine.seen is not None and engine.seen.seq > engine.muted_to:
        engine.desk.commit(engine.seen)
    tables, difference = compare(stands, rebuilt, since)
    return Report(folder.name, since + 1, to_seq, taken, tables, difference)


def _oldest(folder: Path, first: int, make: Callable[[], Engine]) -> Memory | None:
    """The oldest snapshot of this release after which the journal holds every record."""
    snapshots = Snapshots(folder / "snapshots")
    for seq in snapshots.seqs():
        try:
            if seq >= first - 1:
                memory = snapshots.read(seq)
                make().remember(memory)
                return memory
        except (BadSnapshot, BadInput, OSError):
            continue
    return None


def _begin(rebuilt: Records, stands: Records, memory: Memory) -> None:
    """The rows a snapshot was taken with; of what was over by then, the commands' outcomes and the chronicle's last link."""
    seen = memory.seen
    with rebuilt.transaction():
        rebuilt.db.execute("PRAGMA defer_foreign_keys = ON")
        for statement, rows in memory.rows.items():
            rebuilt.run_many(statement, rows)
        tables = tuple((table, "seq <= ?", seen.seq) for table in ("command", "private", "config", "evidence", "seal", "purge"))
        rebuilt.db.execute("DELETE FROM seal")
        for table, where, value in (*tables, ("chronicle", "n = ?", memory.chronicled)):
            for row in _rows(stands.db, f"SELECT * FROM {table} WHERE {where}", (value,)):
                rebuilt.db.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(row))})", tuple(row.values()))
        at = seen.at
        rebuilt.run("set_position", {"seq": seen.seq, "wall_ns": at.wall_ns, "boot_ns": at.boot_ns, "boot": at.boot})


def compare(stands: Records, rebuilt: Records, since: int) -> tuple[dict[str, int], Difference | None]:
    """Row by row in the order of their keys. since: rows that were over by then are in neither's duty."""
    counts: dict[str, int] = {}
    for table in TABLES:
        keys = _keys(stands.db, table)
        there, here = _table(stands.db, table, keys), _table(rebuilt.db, table, keys)
        if since:
            there = {key: row for key, row in there.items() if key in here or _born(table, row) > since}
        counts[table] = len(there)
        for key in sorted(there.keys() | here.keys(), key=repr):
            if there.get(key) != here.get(key):
                return counts, Difference(table, dict(zip(keys, key, strict=True)), _shown(there.get(key)), _shown(here.get(key)))
    return counts, None


def _born(table: str, row: Mapping[str, Any]) -> int:
    """The seq of the record a row came from."""
    if "seq" in row:
        return int(row["seq"])
    of_orders = ("clock", "call", "rescue", "head_call")
    key = {"attempt": "outbox", "plan_result": "task"}.get(table, "work_order" if table in of_orders else "id")
    id_ = str(row.get(key, ""))
    number = id_[1:].partition("-")[0]
    return int(number) if number.isdigit() else 0


def _keys(db: apsw.Connection, table: str) -> tuple[str, ...]:
    columns = [(row["pk"], row["name"]) for row in _rows(db, f"PRAGMA table_info({table})") if row["pk"]]
    return tuple(name for _, name in sorted(columns))


def _table(db: apsw.Connection, table: str, keys: tuple[str, ...]) -> dict[tuple[Any, ...], Mapping[str, Any]]:
    return {tuple(row[key] for key in keys): row for row in _rows(db, f"SELECT * FROM {table}")}


def _rows(db: apsw.Connection, sql: str, values: tuple[Any, ...] = ()) -> Iterator[dict[str, Any]]:
    cursor = db.execute(sql, values)
    columns: tuple[str, ...] = ()
    for row in cursor:
        columns = columns or tuple(column[0] for column in cursor.get_description())
        yield dict(zip(columns, row, strict=True))


def _shown(row: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    return None if row is None else {name: value.hex() if isinstance(value, bytes) else value for name, value in row.items()}


def hidden_in(stands: Records) -> Hidden:
    """Salts are of chance, so they are taken from the records that stand; a text that was erased there is not looked for."""

    def known(seq: int, field: str) -> tuple[str, bytes | None] | None:
        row = stands.row("hidden", {"seq": seq, "field": field})
        return (row["id"], row["salt"]) if row is not None else None

    return known

