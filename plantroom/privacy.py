"""What is known of one person, and how it is erased: words and name in a site's records, account and browsers in access.db.
docs/evidence.md.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import orjson

from plantroom.clock import SystemClock, iso
from plantroom.errors import BadInput, Problem
from plantroom.journal import Journal
from plantroom.records import Records
from plantroom.records.seal import fetched

SECRET = frozenset({"hash", "password", "secret", "auth", "p256dh", "endpoint", "last_step", "ticket"})  # nothing of these is told
TEXTS = """
SELECT c.at_ns, c.does, c.target, p.field, p.text FROM private p JOIN command c ON c.seq = p.seq
WHERE c.who = ? AND p.text IS NOT NULL ORDER BY p.seq
"""
STEPS = ("opened", "accepted", "arrived", "restored", "closed")


def export(data: Path, person: str) -> dict[str, Any]:
    """Everything about a person, of all sites and the installation. Raises BadInput where nothing is known of them."""
    sites = {path.parent.name: of_site(path.parent, person) for path in sorted(data.glob("*/records.db"))}
    found = {
        "person": person,
        "sites": {site: told for site, told in sites.items() if any(told.values())},
        "access": of_access(data, person),
    }
    if not found["sites"] and not found["access"]:
        raise BadInput([Problem("command line", 0, person, f"nothing is known of {person} below {data}")])
    return found


def of_site(folder: Path, person: str) -> dict[str, Any]:
    with closing(Records.open(folder / "records.db", readonly=True)) as records:
        db = records.db
        texts = _rows(db, TEXTS, person)
        commands = _rows(db, "SELECT at_ns, does, target, outcome, says_json FROM command WHERE who = ? ORDER BY seq", person)
        evidence = _rows(db, "SELECT at_ns, hash, about, target FROM evidence WHERE who = ? ORDER BY seq", person)
        pages = _rows(
            db, "SELECT created_ns, channel, reason, message_json, state FROM outbox WHERE person = ? ORDER BY created_ns", person
        )
        orders = {
            step: [id_ for (id_,) in fetched(db, f"SELECT id FROM work_order WHERE {step}_by = ? ORDER BY opened_ns", (person,))]
            for step in STEPS
        }
        names = [name for (name,) in fetched(db, "SELECT name FROM person WHERE id = ? AND name IS NOT NULL", (person,))]
    return {
        "name": names, "site_file": _in_site_file(folder, person), "texts": texts, "commands": commands, "evidence": evidence, "pages":
        pages,
        "orders": {step: ids for step, ids in orders.items() if ids},
    }  # fmt: skip


def _in_site_file(folder: Path, person: str) -> dict[str, Any] | None:
    from plantroom.bundle import site_of

    with closing(Journal(folder / "journal", SystemClock()).reader()) as reader:
        found = site_of(reader)
    who = found[1].people.get(person) if found is not None else None
    return None if who is None else {"name": who.name, "roles": sorted(who.roles), "contacts": dict(who.contacts)}


def of_access(data: Path, person: str) -> dict[str, list[dict[str, Any]]]:
    """Rows of access.db by table, secrets left out."""
    found = {}
    for table, column in _tables(data):
        with closing(_open(data)) as db:
            rows = _rows(db, f"SELECT * FROM {table} WHERE {column} = ?", person)
        if rows:
            found[table] = [{name: value for name, value in row.items() if name not in SECRET} for row in rows]
    return found


def erase_access(data: Path, person: str) -> dict[str, int]:
    """Account, sessions, tokens, browsers, links: rows taken away by table. Raises BadInput for the last administrator."""
    gone: dict[str, int] = {}
    if not (data / "access.db").is_file():
        return gone
    with closing(_open(data)) as db, db:
        others = "SELECT count(*) FROM person WHERE role = 'admin' AND password <> '' AND name <> ?"
        admin = (
            db.execute("SELECT 1 FROM person WHERE name = ? AND role = 'admin'", (person,)).get
            if ("person", "name") in _tables(data)
            else None
        )
        if admin and not db.execute(others, (person,)).get:
            raise BadInput([Problem("command line", 0, person, "is the last administrator; make another one first")])
        for table, column in _tables(data):
            db.execute(f"DELETE FROM {table} WHERE {column} = ?", (person,))
            if db.changes():
                gone[table] = db.changes()
    return gone


def _tables(data: Path) -> list[tuple[str, str]]:
    """(table, column that names a person); `person` last: others point to it."""
    if not (data / "access.db").is_file():
        return []
    with closing(_open(data)) as db:
        names = [
            name
            for (name,) in fetched(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
        ]
        found = [(name, "person") for name in names if any(row[1] == "person" for row in fetched(db, f"PRAGMA table_info({name})"))]
    return [*found, *([("failure", "name")] if "failure" in names else []), *([("person", "name")] if "person" in names else [])]


def _open(data: Path) -> apsw.Connection:
    db = apsw.Connection(str(data / "access.db"))
    db.set_busy_timeout(5_000)
    db.pragma("foreign_keys", 1)
    return db


def _rows(db: apsw.Connection, sql: str, person: str) -> list[dict[str, Any]]:
    cursor, found = db.execute(sql, (person,)), []
    columns: tuple[str, ...] = ()
    for row in cursor:
        columns = columns or tuple(column[0] for column in cursor.get_description())
        found.append({_name(name): _shown(name, value) for name, value in zip(columns, row, strict=True)})
    return found


def _name(column: str) -> str:
    if column == "at_ns":
        return "at"
    return f"{column.removesuffix('_ns')}_at" if column.endswith("_ns") else column.removesuffix("_json")


def _shown(column: str, value: Any) -> Any:
    if column.endswith("_ns"):
        return iso(value) if value is not None else None
    if column.endswith("_json"):
        return orjson.loads(value)
    return value.hex() if isinstance(value, bytes) else value
