"""What the chronicle proves of a site's records: its own chain, every sealed row, every text against its salted hash, the schema.

`verify_records` reads only. Each Finding names what was found where; none = nothing was changed that this can see. docs/evidence.md says
what it cannot see: that needs a head noted outside.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from typing import Any

import apsw
import orjson

from plantroom.records.chronicle import NOTHING, Anchored, Verified, verify
from plantroom.records.migrate import migrate, migrations
from plantroom.records.seal import CARRIED, GONE, KIND, born, digest, fetched, sealed_tables

MOST_FINDINGS = 20
ERASED = "privacy.erased"
_SCHEMA = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema"


@dataclass(frozen=True, slots=True)
class Finding:
    """what: chain, row, text, schema, file, anchor or database; where: table and key, or the file; why: in words."""

    what: str
    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Proof:
    """rows: sealed rows that hold; waiting: of those, told to the chronicle only at the next seal; unproven: older than the first seal;
    erased: texts erased by record. findings: at most MOST_FINDINGS."""

    chain: Verified
    rows: int = 0
    waiting: int = 0
    unproven: int = 0
    erased: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.findings

    @classmethod
    def unreadable(cls, why: str) -> Proof:
        return cls(Verified(0, NOTHING), findings=(Finding("database", "records.db", f"cannot be read: {why}"),))


@dataclass(slots=True)
class _Told:
    """What the chronicle says: digest and columns of each row by (table, key), texts erased, since when rows are sealed."""

    rows: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    since: int | None = None
    seals: dict[int, tuple[int, int]] = field(default_factory=dict)  # by seq: (at_ns, rows)


def verify_records(db: apsw.Connection, anchors: Anchored = ()) -> Proof:
    """db: a site's records.db, opened to read. anchors: heads (n, hash) noted outside."""
    try:
        db.execute("BEGIN")  # chain and rows of one instant
        try:
            return _verify(db, anchors)
        finally:
            db.execute("COMMIT")
    except (apsw.Error, ValueError, KeyError, TypeError, AttributeError) as error:  # a file that was tampered with may say anything
        return Proof.unreadable(f"{type(error).__name__}: {error}")


def _verify(db: apsw.Connection, anchors: Anchored) -> Proof:
    findings: list[Finding] = []
    for (said,) in fetched(db, "PRAGMA integrity_check(5)"):
        if said != "ok":
            findings.append(Finding("database", "records.db", said))
    findings += _schema(db)
    chain = verify(db, anchors)
    if chain.broken is not None:
        findings.append(Finding("chain", f"chronicle {chain.broken}", chain.why))
    if findings:
        return Proof(chain, findings=tuple(findings[:MOST_FINDINGS]))
    told = _told(db)
    findings += _moved(db, told)
    rows, waiting, unproven = 0, 0, 0
    for one in _rows(db, told):
        if isinstance(one, Finding):
            findings.append(one)
        else:
            rows, waiting, unproven = rows + (one != "unproven"), waiting + (one == "waiting"), unproven + (one == "unproven")
    erased = 0
    for row in _each(db, "SELECT id, salt, text FROM private"):
        if row["text"] is None and row["salt"] is None and row["id"] in told.erased:
            erased += 1
        elif row["text"] is None or row["salt"] is None:
            findings.append(Finding("text", f"private {row['id']}", "erased without a record that says so"))
        elif not hmac.compare_digest(sha256(row["salt"] + row["text"].encode()).hexdigest()[:32], row["id"]):
            findings.append(Finding("text", f"private {row['id']}", "is not the text whose salted hash stands in the chronicle"))
    return Proof(chain, rows, waiting, unproven, erased, tuple(findings[:MOST_FINDINGS]))


def _schema(db: apsw.Connection) -> Iterator[Finding]:
    """A trigger taken away, or one put in, changes what the engine may do."""
    here, there = _by_name(fetched(db, _SCHEMA)), _schema_of(int(db.pragma("user_version")))
    for name in sorted(here.keys() | there.keys(), key=repr):
        if here.get(name) != there.get(name):
            why = "is missing" if name not in here else "was added" if name not in there else "was changed"
            yield Finding("schema", " ".join(map(str, name[:2])), why)


def _by_name(rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], Any]:
    return {row[:3]: row[3] for row in rows}


@cache
def _schema_of(number: int) -> Mapping[tuple[Any, ...], Any]:
    """As the migrations up to this one make it."""
    db = apsw.Connection(":memory:")
    try:
        migrate(db, migrations()[:number])
        return _by_name(fetched(db, _SCHEMA))
    finally:
        db.close()


def _told(db: apsw.Connection) -> _Told:
    told = _Told()
    for seq, at_ns, kind, body in _lines(db):
        said = orjson.loads(body)
        if kind == ERASED:
            told.erased.update(said["texts"])
            continue
        if told.since is None:
            told.since = int(said.get("since", 0))
        for table, each in said.items():
            if table == "since":
                continue
            columns = tuple(each["columns"])
            if kind == KIND:
                told.seals[seq] = at_ns, told.seals.get(seq, (0, 0))[1] + len(each["rows"])
            for key, value in each["rows"].items():
                told.rows[table, key] = value, columns
    return told


def _lines(db: apsw.Connection) -> Iterator[tuple[Any, ...]]:
    yield from db.execute("SELECT seq, at_ns, kind, body FROM chronicle WHERE kind IN (?, ?, ?) ORDER BY n", (KIND, CARRIED, ERASED))


def _moved(db: apsw.Connection, told: _Told) -> Iterator[Finding]:
    """The table of seals and the position, against the chronicle."""
    every = fetched(db, "SELECT seq, at_ns, count FROM seal")
    rows = {seq: (at_ns, count) for seq, at_ns, count in every if at_ns or count}
    [[purged]] = fetched(db, "SELECT coalesce(max(seq), 0) FROM purge")
    for seq in sorted(rows.keys() | told.seals.keys()):
        if rows.get(seq) != told.seals.get(seq) and (seq in told.seals or seq > purged):
            yield Finding("row", f"seal {seq}", "is not what the chronicle tells")
    begun = [seq for seq, at_ns, count in every if not at_ns and not count]
    if len(begun) != 1 or (told.since is not None and not purged and begun[0] != told.since):
        yield Finding("row", "seal", "its first row is not what the chronicle tells")
    [[last]] = fetched(db, "SELECT coalesce(max(seq), 0) FROM chronicle")
    stands = fetched(db, "SELECT seq FROM position")
    if last and (len(stands) != 1 or stands[0][0] < last):
        yield Finding("row", "position", f"lies before the chronicle's last line (journal {last})")


def _rows(db: apsw.Connection, told: _Told) -> Iterator[Finding | str]:
    """Of each sealed row a Finding, or `sealed`, `waiting`, `unproven`."""
    waits = {(tab, key): value for tab, key, value in fetched(db, "SELECT tab, key, digest FROM unsealed")}
    since = told.since if told.since is not None else fetched(db, "SELECT coalesce(min(seq), 0) FROM seal")[0][0]
    tables = sealed_tables(db)
    for tab, key in waits:
        if tab not in tables or not tables[tab].is_key(key):
            yield Finding("row", f"unsealed {tab} {key}", "was not written by the engine: there is no such key")
    met: set[tuple[str, str]] = set()
    for name, table in tables.items():
        for row in _each(db, f"SELECT * FROM {name}"):
            at = name, table.key(row)
            met.add(at)
            if at in waits:
                good, how = waits[at] == digest(table.columns, row), "waiting"
            elif at in told.rows:
                value, columns = told.rows[at]
                good, how = value == digest(columns, row), "sealed"
            elif since and born(row) <= since:
                good, how = True, "unproven"
            else:
                yield Finding("row", f"{name} {at[1]}", "was not written by the engine: nothing tells of it")
                continue
            yield how if good else Finding("row", f"{name} {at[1]}", "was changed after it was written")
    for at, value in {**{at: value for at, (value, _) in told.rows.items()}, **waits}.items():
        if value != GONE and at not in met:
            yield Finding("row", f"{at[0]} {at[1]}", "is missing")


def _each(db: apsw.Connection, sql: str) -> Iterator[Mapping[str, Any]]:
    cursor = db.execute(sql)
    columns: tuple[str, ...] = ()
    for row in cursor:
        columns = columns or tuple(column[0] for column in cursor.get_description())
        yield dict(zip(columns, row, strict=True))
