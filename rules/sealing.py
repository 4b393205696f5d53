"""The seals of the engine: what was put since the last one, told to the chronicle at the first tick of another hour
(plantroom/records/seal.py).

What stands in the chronicle may not depend on which records were taken together: only the newest values of a row count, and a seal is
told at a tick, a record of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import orjson

from plantroom.records import Records
from plantroom.records.seal import GONE, MOST_ROWS, Sealed, digest, hour, lines, sealed_tables, table_of

if TYPE_CHECKING:
    from rules.desk import Desk
    from rules.house import House

DROPS = {"drop_condition": "condition", "drop_evidence": "evidence"}  # statements that take a row away


def look(desk: Desk, house: House) -> None:
    """At a tick, after all else."""
    desk.seal()


class Sealer:
    """Belongs to the ledger: what it puts comes by here. What was told or put is written with the ledger's rows, in its transaction."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self.tables = sealed_tables(records.db)
        self._of: dict[str, Sealed | None] = {}
        self._dirty: dict[tuple[str, str], Mapping[str, Any] | None] = {}
        self._told = False  # what waits in the table stands in the chronicle by now
        self.reload()

    def reload(self) -> None:
        """As the records stand: at the beginning, and after what was not written was dropped."""
        self._dirty.clear()
        self._told = False
        last = self._records.row("newest_seal")
        self._last_ns = last["at_ns"] if last is not None else 0
        self._last_seq = last["seq"] if last is not None else 0
        self._sealed_once = bool(last is not None and last["at_ns"])
        self._waits = self._records.row("any_unsealed") is not None

    def put(self, statement: str, values: Mapping[str, Any]) -> None:
        table = self._table(statement)
        if table is not None:
            self._dirty[table.table, table.key(values)] = None if statement in DROPS else values

    def due(self, now_ns: int) -> bool:
        return (self._waits or bool(self._dirty)) and hour(now_ns) != hour(self._last_ns)

    def seal(self, seq: int, now_ns: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The lines of the chronicle, and the row of `seal`."""
        waiting = {} if self._told else {(row["tab"], row["key"]): row["digest"] for row in self._records.rows("unsealed")}
        every = {**waiting, **{key: self._digest(key, values) for key, values in self._dirty.items()}}
        said = list(lines(every, self.tables))
        if not self._sealed_once:
            said[0]["since"] = self._last_seq
        self._dirty.clear()
        self._told, self._waits, self._sealed_once, self._last_ns, self._last_seq = True, False, True, now_ns, seq
        return said, {"seq": seq, "at_ns": now_ns, "count": len(every)}

    def carry(self, n: int, waiting: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Lines that tell anew what would go with the chronicle's lines up to n: of each row whose newest digest stands there. waiting:
        seals
        that are told and not yet written."""
        newest: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
        since = 0
        for row in self._records.rows("seal_lines"):
            said = orjson.loads(row["body"])
            since = since or int(said.pop("since", 0))
            for table, each in said.items():
                columns = tuple(each["columns"])
                for key, value in each["rows"].items():
                    if row["n"] <= n:
                        newest[table, key] = value, columns
                    else:
                        newest.pop((table, key), None)
        for said in waiting:
            for table, each in said.items():
                for key in each["rows"] if table != "since" else ():
                    newest.pop((table, key), None)
        told: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
        for (table, key), (value, columns) in sorted(newest.items()):
            if value != GONE:
                told.setdefault((table, columns), []).append((key, value))
        found: list[dict[str, Any]] = [{"since": since}] if since else []
        for (table, columns), rows in told.items():
            for first in range(0, len(rows), MOST_ROWS):
                found.append({table: {"columns": list(columns), "rows": dict(rows[first : first + MOST_ROWS])}})
        return found

    def write(self) -> None:
        """Into the transaction that is open; may be asked again until `settled`."""
        if self._told:
            self._records.run("clear_unsealed")
        rows = [{"tab": key[0], "key": key[1], "digest": self._digest(key, values)} for key, values in self._dirty.items()]
        if rows:
            self._records.run_many("put_unsealed", rows)

    def settled(self) -> None:
        self._waits = self._waits or bool(self._dirty)
        self._dirty.clear()
        self._told = False

    def _digest(self, key: tuple[str, str], values: Mapping[str, Any] | None) -> str:
        return GONE if values is None else digest(self.tables[key[0]].columns, values)

    def _table(self, statement: str) -> Sealed | None:
        if statement not in self._of:
            name = DROPS.get(statement) or table_of(self._records.sql(statement))
            self._of[statement] = self.tables.get(name or "")
        return self._of[statement]
