"""E-1, P14: whatever is changed in a site's records, `audit verify` finds it, the head noted outside known. Short form; the long one is 100,000.

Not proven, and so not mutated here: `position` (moves every second), `person` (names may be erased). docs/evidence.md.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

import apsw
import pytest

from plantroom.journal.record import Kind
from plantroom.records.chronicle import link
from plantroom.records.proof import verify_records
from plantroom.records.seal import NOT_SEALED, sealed_tables
from tests.kit.engine import PEOPLE, Kit, peopled, pump
from tests.kit.lift import LIFT, LIFT_RULES

Head = tuple[int, bytes]
UNPROVEN = ("position", "person")


@cache
def house() -> tuple[bytes, Head]:
    """The records of a busy day as a file's bytes: something in nearly every table, sealed twice, a tail that waits. And the head, noted outside."""
    with tempfile.TemporaryDirectory() as folder:
        kit = Kit(Path(folder))
        kit.configure(
            peopled(
                PEOPLE.replace("people:", "people:\n  - {id: liu, roles: [vendor], firm: a firm}", 1),
                pump(1),
                LIFT.format(state="in_service"),
            ),
            LIFT_RULES,
        )
        kit.tick()
        kit.stay(4, phase_loss=1)
        kit.run()
        order = kit.order()
        kit.command("comment", order, text="a word")
        kit.command("attach", order, hash="a" * 64, kind="jpeg", bytes=5, about="order", name="door.jpg")
        kit.command("trapped", "lift-2")
        kit.command("stand_in", "managers", roles=["engineer"], **{"from": "1h", "until": "2h", "in": "li.wei", "reason": "a word"})
        kit.command("hand_over", "managers", text="a word")
        kit.command("severity", kit.one("SELECT id FROM fault WHERE rule = 'phase_loss'"), severity="danger", reason="a word")
        kit.command("assign", order, roles=["engineer"], firm="a firm", reason="their pump")
        kit.attempt(page := kit.rows("SELECT id FROM outbox")[0][0], "accepted", "ok")
        kit.say({"outbox": page, "channel": "duty", "state": "delivered", "text": "DELIVERED"}, Kind.RECEIPT)
        kit.run()
        kit.tick(3600)
        kit.stay(5)
        kit.command("accept", order)
        kit.engine.memory()
        assert kit.one("SELECT count(*) FROM seal") == 3 and kit.one("SELECT count(*) FROM unsealed") > 5
        head = kit.one("SELECT n, hash FROM chronicle ORDER BY n DESC LIMIT 1")
        kit.records.db.execute("VACUUM INTO ?", (str(Path(folder) / "copy.db"),))
        kit.close()
        raw = bytearray((Path(folder) / "copy.db").read_bytes())
    raw[18] = raw[19] = 1  # not in WAL mode: it is read from memory
    return bytes(raw), head


def opened(raw: bytes) -> apsw.Connection:
    db = apsw.Connection(":memory:")
    db.deserialize("main", raw)
    return db


def content(db: apsw.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Of every table that is proven, and the schema."""
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
    found = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in tables if name not in UNPROVEN}
    return found | {"sqlite_schema": db.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY name").fetchall()}


@cache
def tables() -> dict[str, tuple[list[str], list[str], list[tuple[Any, ...]]]]:
    """By name: columns, key columns, rows; of what can be mutated and holds something."""
    found = {}
    with closing(opened(house()[0])) as db:
        for name in [*sealed_tables(db), "chronicle", "unsealed", "seal"]:
            info = db.execute(f"PRAGMA table_info({name})").fetchall()
            rows = db.execute(f"SELECT * FROM {name}").fetchall()
            if rows:
                found[name] = [row[1] for row in info], [row[1] for row in info if row[5]], rows
    return found


def other(rng: random.Random, value: Any) -> Any:
    """Another value of the same sort; nothing and something for each other."""
    if value is None:
        return rng.choice(["x", 7])
    if rng.random() < 0.1:
        return None
    if isinstance(value, int):
        return value + rng.choice([-1, 1, 1_000, 1 << rng.randrange(40)])
    at = rng.randrange(len(value)) if value else 0
    if isinstance(value, bytes):
        return value[:at] + bytes([value[at] ^ (1 << rng.randrange(8))]) + value[at + 1 :] if value else b"x"
    return value[:at] + rng.choice("xyz0") + value[at + rng.randrange(2) :]


def where(keys: list[str]) -> str:
    return " AND ".join(f"{key} = ?" for key in keys)


def of(columns: list[str], keys: list[str], row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(row[columns.index(key)] for key in keys)


def picked(rng: random.Random) -> tuple[str, list[str], list[str], list[tuple[Any, ...]]]:
    name = rng.choice(list(tables()))
    return name, *tables()[name]


def cell(rng: random.Random, db: apsw.Connection) -> str:
    name, columns, keys, rows = picked(rng)
    row, column = rng.choice(rows), rng.choice(columns)
    db.execute(f"UPDATE {name} SET {column} = ? WHERE {where(keys)}", (other(rng, row[columns.index(column)]), *of(columns, keys, row)))
    return f"{name}.{column}"


def row_gone(rng: random.Random, db: apsw.Connection) -> str:
    name, columns, keys, rows = picked(rng)
    db.execute(f"DELETE FROM {name} WHERE {where(keys)}", of(columns, keys, rng.choice(rows)))
    return name


def row_more(rng: random.Random, db: apsw.Connection) -> str:
    """A copy of a row under another key."""
    name, columns, keys, rows = picked(rng)
    row = dict(zip(columns, rng.choice(rows), strict=True))
    key = rng.choice(keys)
    row[key] = row[key] + 1_000 if isinstance(row[key], int) else f"{row[key]}9"
    db.execute(f"INSERT INTO {name} VALUES ({','.join('?' * len(columns))})", tuple(row.values()))
    return name


def swapped(rng: random.Random, db: apsw.Connection) -> str:
    """What two rows say, for each other; of the chronicle: their places."""
    name, columns, keys, rows = picked(rng)
    one, two = rng.choice(rows), rng.choice(rows)
    said = [column for column in columns if column not in keys]
    for row, from_ in ((one, two), (two, one)):
        values = tuple(from_[columns.index(column)] for column in said)
        db.execute(
            f"UPDATE {name} SET {', '.join(f'{column} = ?' for column in said)} WHERE {where(keys)}", (*values, *of(columns, keys, row))
        )
    return name


def tail_cut(rng: random.Random, db: apsw.Connection) -> str:
    n = rng.randrange(house()[1][0])
    db.execute("DELETE FROM chronicle WHERE n > ?", (n,))
    if rng.random() < 0.5:  # and what it told, too
        db.execute("DELETE FROM unsealed")
        db.execute("DELETE FROM seal WHERE at_ns > 0 AND seq > (SELECT coalesce(max(seq), 0) FROM chronicle)")
    return f"after {n}"


def rewritten(rng: random.Random, db: apsw.Connection) -> str:
    """Somebody who knows how: one line changed, every hash after it made anew. Only the head outside tells."""
    n = rng.randrange(1, house()[1][0] + 1)
    rows = db.execute("SELECT n, seq, at_ns, kind, body FROM chronicle WHERE n >= ? ORDER BY n", (n,)).fetchall()
    previous = db.execute("SELECT hash FROM chronicle WHERE n = ?", (n - 1,)).get or bytes(32)
    for k, (number, seq, at_ns, kind, body) in enumerate(rows):
        at_ns += k == 0
        previous = link(previous, number, seq, at_ns, kind, body)
        db.execute("UPDATE chronicle SET at_ns = ?, hash = ? WHERE n = ?", (at_ns, previous, number))
    return f"from {n}"


def schema(rng: random.Random, db: apsw.Connection) -> str:
    name = rng.choice([name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")])
    db.execute(f"DROP INDEX {name}")
    return name


MUTATIONS: list[tuple[Callable[[random.Random, apsw.Connection], str], int]] = [
    (cell, 40), (row_gone, 12), (row_more, 12), (swapped, 14), (tail_cut, 6), (rewritten, 4), (schema, 1),
]  # fmt: skip


def mutants(count: int, seed: int) -> Iterator[tuple[str, apsw.Connection]]:
    """Connections to changed copies; those that came out the same are not among them."""
    raw, _ = house()
    rng = random.Random(seed)
    with closing(opened(raw)) as db:
        before = content(db)
        triggers = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")]
    done = 0
    while done < count:
        if rng.random() < 0.12:
            changed = bytearray(raw)
            at = rng.randrange(100, len(raw))
            changed[at] ^= 1 << rng.randrange(8)
            db, what = opened(bytes(changed)), f"byte {at}"
        else:
            db = opened(raw)
            mutate = rng.choices([each for each, _ in MUTATIONS], [weight for _, weight in MUTATIONS])[0]
            for name in ("chronicle_is_append_only_u", "chronicle_is_append_only_d"):
                db.execute(f"DROP TRIGGER {name}")
            try:
                what = f"{mutate.__name__} {mutate(rng, db)}"
            except apsw.Error:  # the schema itself does not take it: there is nothing to find
                db.close()
                continue
            for sql in triggers:
                db.execute(sql)
        with closing(db):
            with suppress(apsw.Error, UnicodeDecodeError):
                if content(db) == before and db.execute("PRAGMA integrity_check(1)").get == "ok":
                    continue
            done += 1
            yield what, db


def run(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    _, head = house()
    made: Counter[str] = Counter()
    escaped = []
    for what, db in mutants(count, seed):
        made[what.partition(" ")[0]] += 1
        if verify_records(db, [head]).ok:
            escaped.append(what)
            print(f"escaped: {what}")
    return made, escaped


def test_control_what_nobody_changed_is_not_reported_and_everything_is_proven() -> None:
    raw, head = house()
    with closing(opened(raw)) as db:
        proof = verify_records(db, [head])
        assert proof.ok, proof.findings
        rows = sum(db.execute(f"SELECT count(*) FROM {name}").get for name in sealed_tables(db))
        assert (proof.rows, proof.unproven) == (rows, 0) and proof.waiting > 5
        db.execute("UPDATE person SET name = 'another'")
        assert verify_records(db, [head]).ok, "names are not proven; docs/evidence.md says so"
    assert {"position", "person"} < NOT_SEALED


def test_every_random_mutation_is_found() -> None:
    began = time.process_time()
    made, escaped = run(300, random.SystemRandom().randrange(1 << 32) if os.environ.get("CI") else 20261201)
    print(f"{sum(made.values())} mutations {dict(made)}, {len(escaped)} escaped, {time.process_time() - began:.1f} s CPU")
    assert not escaped, escaped[:20]
    assert len(made) == len(MUTATIONS) + 1, "the control: each sort was tried"


def test_the_check_can_fail_without_the_head_outside_a_cut_and_a_rewritten_chain_pass() -> None:
    raw, head = house()
    rng = random.Random(3)
    with closing(opened(raw)) as db:
        triggers = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema WHERE type = 'trigger'")]
        db.execute("DROP TRIGGER chronicle_is_append_only_u")
        db.execute("DROP TRIGGER chronicle_is_append_only_d")
        rewritten(rng, db)
        for sql in triggers:
            db.execute(sql)
        assert verify_records(db).ok, "a chain alone cannot know"
        assert not verify_records(db, [head]).ok


@pytest.mark.soak
def test_a_hundred_thousand_random_mutations_are_found() -> None:
    total: Counter[str] = Counter()
    escaped: list[str] = []
    for seed in range(100):
        made, lost = run(1_000, seed)
        total += made
        escaped += lost
        print(f"{sum(total.values())} mutations, {len(escaped)} escaped", flush=True)
    print(f"{sum(total.values())} mutations {dict(total)}, escaped: {escaped}")
    assert sum(total.values()) == 100_000 and not escaped
