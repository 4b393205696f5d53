"""Seals: the newest digest of each row stands in the chronicle, so that its chain proves the tables too and not only itself.

The engine tells once an hour, line kind `seal`, of each row touched since the last one: table, columns, primary key, digest. A row that
is gone has the digest "". What was touched since waits in `unsealed`. Names and texts are not sealed (they may be erased): they are
proven by the salted hash that is their id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import apsw
import orjson

from plantroom.clock import NS

KIND, CARRIED = "seal", "seal.carried"  # carried: told anew because the line that told it is purged
EVERY_NS = 3600 * NS
MOST_ROWS = 500  # of a line
GONE = ""
LEFT_OUT: Mapping[str, frozenset[str]] = {"private": frozenset({"salt", "text"})}
NOT_SEALED = frozenset({"position", "person", "chronicle", "unsealed", "seal"})  # moves every second; names; prove themselves
_INTO = re.compile(r"INSERT INTO (\w+)")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A table as it is sealed. keys: of its primary key, in order; columns: what the digest is over, in order."""

    table: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]

    def key(self, row: Mapping[str, Any]) -> str:
        return orjson.dumps([plain(row[name]) for name in self.keys]).decode()

    def is_key(self, text: str) -> bool:
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError:
            return False
        return isinstance(values, list) and len(values) == len(self.keys) and orjson.dumps(values).decode() == text


def plain(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value.hex() if isinstance(value, bytes) else value


def digest(columns: Sequence[str], row: Mapping[str, Any]) -> str:
    """The first 128 bits of SHA-256 over the values as a JSON list, hexadecimal. A column the row does not have is null."""
    values = [plain(row.get(name)) for name in columns]
    return sha256(orjson.dumps(values)).hexdigest()[:32]


def fetched(db: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows; each as its columns are, which the caller knows."""
    return list(db.execute(sql, tuple(values)))


def sealed_tables(db: apsw.Connection) -> dict[str, Sealed]:
    """By name: every table with a primary key but NOT_SEALED."""
    found = {}
    for (name,) in fetched(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"):
        columns = [(row[1], row[5]) for row in fetched(db, f"PRAGMA table_info({name})")]
        keys = tuple(column for column, pk in sorted(columns, key=lambda each: each[1]) if pk)
        if name not in NOT_SEALED and keys:
            left_out = LEFT_OUT.get(name, frozenset())
            found[name] = Sealed(name, keys, tuple(sorted(column for column, _ in columns if column not in left_out)))
    return found


def table_of(sql: str) -> str | None:
    """The table a statement puts a row into."""
    match = _INTO.search(sql)
    return match[1] if match else None


def lines(rows: Mapping[tuple[str, str], str], tables: Mapping[str, Sealed]) -> Iterator[dict[str, Any]]:
    """Bodies of chronicle lines. rows: digest by (table, key)."""
    every = sorted(rows.items())
    for first in range(0, len(every), MOST_ROWS):
        said: dict[str, Any] = {}
        for (table, key), value in every[first : first + MOST_ROWS]:
            said.setdefault(table, {"columns": list(tables[table].columns), "rows": {}})["rows"][key] = value
        yield said


def born(row: Mapping[str, Any]) -> int:
    """The seq of the record a row came from; 0 where it does not say."""
    if isinstance(row.get("seq"), int):
        return int(row["seq"])
    for name in ("id", "work_order", "outbox", "fault"):
        number = str(row.get(name) or "")[1:].partition("-")[0]
        if number.isdigit():
            return int(number)
    return 0


def hour(at_ns: int) -> int:
    return at_ns // EVERY_NS
