"""records.db: migrations, named SQL, one writer and many readers, and the chronicle's chain."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import apsw.ext
import pytest

from plantroom.errors import BadInput, JournalFailed
from plantroom.records import Chronicle, Records, RecordsTooNew
from plantroom.records.chronicle import NOTHING, link, verify
from plantroom.records.migrate import FOLDER, migrate, migrations
from plantroom.records.named_sql import load_queries, parse_queries
from rules.desk import Desk


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "hq" / "records.db")
    yield opened
    opened.close()


def test_a_new_file_has_every_migration(records: Records) -> None:
    assert records.db.pragma("user_version") == len(migrations())
    assert records.db.execute("SELECT count(*) FROM fault").get == 0


def test_opening_again_migrates_nothing_and_keeps_all(records: Records, tmp_path: Path) -> None:
    records.db.execute("INSERT INTO position (one, seq, wall_ns, boot_ns, boot) VALUES (1, 7, 1, 1, 'b')")
    again = Records.open(tmp_path / "hq" / "records.db")
    assert again.db.execute("SELECT seq FROM position").get == 7
    again.close()


def test_every_connection_is_full_and_in_wal(records: Records) -> None:
    assert records.db.pragma("journal_mode") == "wal"
    assert [records.db.pragma(name) for name in ("synchronous", "foreign_keys", "mmap_size")] == [2, 1, 0]


def test_records_of_a_newer_release_are_refused_with_the_remedy(records: Records, tmp_path: Path) -> None:
    records.db.pragma("user_version", 99)
    with pytest.raises(RecordsTooNew, match="schema 99.*install"):
        Records.open(tmp_path / "hq" / "records.db")


def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    (tmp_path / "001_first.sql").write_text("CREATE TABLE a (x);")
    (tmp_path / "002_second.sql").write_text("CREATE TABLE b (x); CREATE TABLE a (x);")
    db = apsw.Connection(":memory:")
    with pytest.raises(apsw.SQLError, match="already exists"):
        migrate(db, migrations(tmp_path))
    assert db.pragma("user_version") == 1
    assert [name for (name,) in db.execute("SELECT name FROM sqlite_schema")] == ["a"]
    db.close()


@pytest.mark.parametrize("names", [["001_first.sql", "003_third.sql"], ["001_a.sql", "001_b.sql"], ["first.sql"]])
def test_migrations_are_numbered_without_a_hole(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(ValueError, match="the next migration must be named"):
        migrations(tmp_path)


def test_the_shipped_migrations_are_well_numbered() -> None:
    assert migrations(FOLDER)[0].number == 1


def test_orders_of_a_release_that_called_nobody_are_called_after_the_fourth_migration(tmp_path: Path) -> None:
    """Pages and their attempts stay as they were; what is open and untaken is due at once, on every channel."""
    db = apsw.Connection(str(tmp_path / "records.db"))
    db.pragma("foreign_keys", 1)
    migrate(db, migrations()[:3])
    columns = "(id, equipment, severity, state, text_json, opened_ns, opened_by)"
    for id_, severity, state in (
        ("O1-1", "danger", "open"),
        ("O2-1", "normal", "accepted"),
        ("O3-1", "normal", "closed"),
        ("O4-1", "advisory", "open"),
    ):
        db.execute(f"INSERT INTO work_order {columns} VALUES (?, 'fp-1', ?, ?, '{{}}', 5, 'system')", (id_, severity, state))
    page = "(id, work_order, channel, reason, severity, message_json, created_ns, due_ns, state, attempts, answer)"
    db.execute(f"INSERT INTO outbox {page} VALUES ('P1-1', 'O1-1', 'duty', 'raised', 'danger', '{{}}', 5, 6, 'queued', 1, 'no answer')")
    db.execute("INSERT INTO attempt VALUES ('P1-1', 1, 'duty', 'retry', 'no answer', 5, 6)")
    db.close()
    opened = Records.open(tmp_path / "records.db")
    rows = list(opened.db.execute("SELECT work_order, state, step, next_ns, json_extract(chain_json, '$.repeat_s') FROM call ORDER BY 1"))
    assert rows == [("O1-1", "calling", 1, 5, 180.0), ("O2-1", "answered", 1, None, 3600.0)]
    assert list(opened.db.execute("SELECT id, person, state, attempts, answer FROM outbox")) == [("P1-1", None, "queued", 1, "no answer")]
    assert list(opened.db.execute("SELECT outbox, n, verdict FROM attempt")) == [("P1-1", 1, "retry")]
    assert list(opened.db.execute("PRAGMA foreign_key_check")) == []
    with pytest.raises(apsw.ConstraintError):
        opened.db.execute("INSERT INTO attempt VALUES ('P9-9', 1, 'duty', 'retry', '', 5, 6, 1)")
    opened.close()


def test_an_entrapment_of_the_release_before_goes_on_with_its_time_line_after_the_sixth_migration(tmp_path: Path) -> None:
    """Clocks, pages and attempts stay as they were; the maintenance unit's limit counts from when it was known."""
    db = apsw.Connection(str(tmp_path / "records.db"))
    db.pragma("foreign_keys", 1)
    migrate(db, migrations()[:5])
    fault = "(id, rule, rule_hash, equipment, kind, severity, condition, onset_ns, raised_ns, text_json, do_json, trace_json, work_order)"
    for n, rule, state in ((1, "passenger_entrapment", "arrived"), (2, "overspeed", "open"), (3, "passenger_entrapment", "closed")):
        db.execute(
            f"INSERT INTO fault {fault} VALUES (?, ?, 'h', ?, 'elevator', 'danger', 'active', 4, 5, '{{}}', '{{}}', '{{}}', ?)",
            (f"F{n}-1", rule, f"lift-{n}", f"O{n}-1"),
        )
        columns = "(id, fault, equipment, severity, state, text_json, opened_ns, opened_by, arrived_ns, arrived_by)"
        row = (f"O{n}-1", f"F{n}-1", f"lift-{n}", state)
        db.execute(f"INSERT INTO work_order {columns} VALUES (?, ?, ?, 'danger', ?, '{{}}', 5, 'system', 9, 'li')", row)
        db.execute("INSERT INTO clock (work_order, name, started_ns, warn_ns, due_ns) VALUES (?, 'response', 5, 6, 7)", (f"O{n}-1",))
    page = "(id, work_order, channel, person, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, answered_ns)"
    db.execute(f"INSERT INTO outbox {page} VALUES ('P1-1', 'O1-1', 'duty', 'li', 'escalated', 'danger', '{{}}', 5, 6, 'accepted', 1, 'ok', 8)")
    db.execute("INSERT INTO attempt VALUES ('P1-1', 1, 'duty', 'accepted', 'ok', 5, 6, 0)")
    db.close()
    opened = Records.open(tmp_path / "records.db")
    assert list(opened.db.execute("SELECT work_order, equipment, known_ns, staff_ns, staff_by, freed_ns FROM rescue")) == [("O1-1", "lift-1", 5, 9, "li", None)]
    clocks = list(opened.db.execute("SELECT work_order, name, started_ns, due_ns FROM clock ORDER BY 1, 2"))
    assert clocks == [("O1-1", "response", 5, 7), ("O1-1", "unit", 5, 5 + 1800 * 10**9), ("O2-1", "response", 5, 7), ("O3-1", "response", 5, 7)]
    assert list(opened.db.execute("SELECT id, person, reason, answered_ns FROM outbox")) == [("P1-1", "li", "escalated", 8)]
    assert list(opened.db.execute("SELECT outbox, n, confirmed FROM attempt")) == [("P1-1", 1, 0)]
    assert list(opened.db.execute("PRAGMA foreign_key_check")) == []
    opened.close()


def test_a_reader_sees_commits_cannot_write_and_notices_them(records: Records, tmp_path: Path) -> None:
    reader = Records.open(tmp_path / "hq" / "records.db", readonly=True)
    before = reader.data_version()
    with records.transaction():
        records.db.execute("INSERT INTO position (one, seq, wall_ns, boot_ns, boot) VALUES (1, 7, 1, 1, 'b')")
        assert reader.data_version() == before
    assert reader.data_version() != before
    assert reader.row("position") is not None
    with pytest.raises(apsw.ReadOnlyError):
        reader.db.execute("DELETE FROM position")
    reader.close()


def test_a_reader_before_the_first_start_is_told_who_creates_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="rules service"):
        Records.open(tmp_path / "records.db", readonly=True)


def test_a_transaction_is_all_or_nothing(records: Records) -> None:
    with pytest.raises(ZeroDivisionError), records.transaction():
        records.db.execute("INSERT INTO position (one, seq, wall_ns, boot_ns, boot) VALUES (1, 7, 1, 1, 'b')")
        _ = 1 / 0
    assert records.db.execute("SELECT count(*) FROM position").get == 0


def test_a_full_disk_is_a_failed_journal(records: Records) -> None:
    records.db.execute(f"PRAGMA max_page_count = {records.db.pragma('page_count')}").get  # noqa: B018
    with pytest.raises(JournalFailed, match=r"records\.db.*full.*has to leave"), records.transaction():
        records.db.execute("INSERT INTO chronicle VALUES (1, 1, 1, 'x', zeroblob(1000000), x'00')")
    assert not records.db.in_transaction


def test_every_shipped_query_is_one_that_the_schema_knows(records: Records) -> None:
    names = load_queries(FOLDER.parent / "queries")
    assert names
    for name, sql in names.items():
        try:
            apsw.ext.query_info(records.db, sql)  # prepares it, runs nothing
        except apsw.SQLError as error:
            pytest.fail(f"{name}: {error}")


def test_named_sql_is_read_block_by_block() -> None:
    text = "-- About faults.\n\n-- name: one\n-- says what\nSELECT 1;\n\n-- name: two\nSELECT 2\n  AS two;\n"
    assert parse_queries({"q.sql": text}) == {"one": "-- says what\nSELECT 1", "two": "SELECT 2\n  AS two"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("SELECT 1;\n-- name: a\nSELECT 1", 1, "before the first"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", 3, "stands twice"),
        ("-- name: a\n-- nothing but words\n-- name: b\nSELECT 1;", 1, "without a statement"),
    ],
)
def test_named_sql_that_is_wrong_is_named_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_queries({"q.sql": text})
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [("q.sql", line)]
    assert said in caught.value.problems[0].text


def fill(records: Records, rows: int = 50) -> Chronicle:
    chronicle = Chronicle(records.db)
    for n in range(rows):
        chronicle.append(n * 3, 10**18 + n, "command" if n % 2 else "fault.active", f'{{"n":{n}}}'.encode())
    return chronicle


def test_an_untouched_chain_holds_and_ends_where_the_writer_ended(records: Records) -> None:
    chronicle = fill(records)
    verified = verify(records.db)
    assert (verified.broken, verified.rows, (verified.rows, verified.head)) == (None, 50, chronicle.head)
    assert verify(records.db, [chronicle.head]).broken is None


def test_an_empty_chronicle_holds(records: Records) -> None:
    assert verify(records.db).rows == 0


def test_a_writer_opened_again_goes_on_with_the_chain(records: Records) -> None:
    fill(records, 3)
    Chronicle(records.db).append(99, 5, "command", b"{}")
    assert verify(records.db).broken is None


def test_a_rolled_back_row_is_forgotten_by_reload(records: Records) -> None:
    chronicle = fill(records, 3)
    with pytest.raises(ZeroDivisionError), records.transaction():
        chronicle.append(9, 9, "command", b"{}")
        _ = 1 / 0
    chronicle.reload()
    chronicle.append(9, 9, "command", b"{}")
    assert verify(records.db).broken is None


def test_the_table_itself_refuses_to_be_changed(records: Records) -> None:
    fill(records, 3)
    for sql in ("UPDATE chronicle SET kind = 'x'", "DELETE FROM chronicle WHERE n = 2"):
        with pytest.raises(apsw.ConstraintError, match="append-only"):
            records.db.execute(sql)


def tamper(db: apsw.Connection, rng: random.Random, rows: int) -> int:
    """One change by somebody who can write the file; returns the first row that can no longer hold."""
    n = rng.randint(1, rows - 1)
    how = rng.choice(["edit", "delete", "swap", "insert", "renumber"])
    if how == "edit":
        changes = {"seq": "seq + 1", "at_ns": "at_ns - 1", "kind": "kind || 'x'", "body": "CAST(body || ' ' AS BLOB)"}
        column, value = rng.choice(list(changes.items()))
        db.execute(f"UPDATE chronicle SET {column} = {value} WHERE n = {n}")
    elif how == "delete":
        db.execute(f"DELETE FROM chronicle WHERE n = {n}")
    elif how == "swap":
        db.execute(f"UPDATE chronicle SET n = -1 WHERE n = {n}")
        db.execute(f"UPDATE chronicle SET n = {n} WHERE n = {n + 1}")
        db.execute(f"UPDATE chronicle SET n = {n + 1} WHERE n = -1")
    elif how == "insert":
        db.execute(f"INSERT INTO chronicle SELECT 0, seq, at_ns, kind, body, hash FROM chronicle WHERE n = {n}")
        return 1
    else:
        db.execute(f"UPDATE chronicle SET n = n + 1000 WHERE n >= {n}")
    return n


def test_every_change_of_a_row_is_found_at_that_row(tmp_path: Path) -> None:
    rng = random.Random(7)
    records = Records.open(tmp_path / "records.db")
    fill(records)
    for name in ("u", "d"):
        records.db.execute(f"DROP TRIGGER chronicle_is_append_only_{name}")
    for _ in range(300):
        records.db.execute("SAVEPOINT before")
        first_wrong = tamper(records.db, rng, 50)
        assert verify(records.db).broken == first_wrong
        records.db.execute("ROLLBACK TO before")
        records.db.execute("RELEASE before")
    assert verify(records.db).broken is None
    records.close()


def test_a_cut_end_and_a_replaced_file_need_a_hash_noted_outside(tmp_path: Path) -> None:
    records = Records.open(tmp_path / "records.db")
    noted = fill(records).head
    records.db.execute("DROP TRIGGER chronicle_is_append_only_d")
    records.db.execute("DELETE FROM chronicle WHERE n > 40")
    assert verify(records.db).broken is None
    cut = verify(records.db, [noted])
    assert cut.broken == 41 and "cut off" in cut.why
    records.db.execute("DELETE FROM chronicle")
    for _ in range(60):
        Chronicle(records.db).append(1, 1, "command", b"forged")
    assert verify(records.db).broken is None
    replaced = verify(records.db, [noted])
    assert replaced.broken == 50 and "replaced" in replaced.why
    records.close()


def test_where_one_field_ends_and_the_next_begins_is_part_of_the_hash() -> None:
    assert link(NOTHING, 1, 1, 1, "ab", b"c") != link(NOTHING, 1, 1, 1, "a", b"bc")
    assert link(NOTHING, 1, 1, 1, "a", b"") == link(NOTHING, 1, 1, 1, "a", b"")


def test_records_of_release_005_keep_every_row_and_its_meaning(tmp_path: Path) -> None:
    """Rows in every table, in every state of an order, as that release wrote them: none is lost, changed or points nowhere afterwards."""
    db = apsw.Connection(str(tmp_path / "records.db"))
    db.pragma("foreign_keys", 1)
    migrate(db, migrations()[:5])
    fault = "(id, rule, rule_hash, equipment, kind, severity, condition, onset_ns, raised_ns, text_json, do_json, trace_json, work_order)"
    order = "(id, fault, equipment, severity, state, text_json, opened_ns, opened_by, round, accepted_ns, accepted_by, closed_ns)"
    page = "(id, fault, work_order, channel, person, reason, severity, message_json, created_ns, due_ns, state, attempts, answer, answered_ns)"
    call = "(work_order, state, chain_json, began_ns, step, next_ns, count, called_json)"
    for n, state in enumerate(("open", "accepted", "arrived", "restored", "closed"), 1):
        ids = (f"F{n}-1", f"O{n}-1")
        about = ("fail_to_start", "h", f"fp-{n}", "fire_pump", "danger", "active", 4, 5, "{}", "{}", "{}", ids[1])
        db.execute(f"INSERT INTO fault {fault} VALUES (?{', ?' * 12})", (ids[0], *about))
        db.execute("INSERT INTO condition (equipment, rule, state, since_ns, at_ns, fault) VALUES (?, 'r', 'active', 4, 5, ?)", (f"fp-{n}", ids[0]))
        row = (ids[1], ids[0], f"fp-{n}", "danger", state, "{}", 5, "system", 2, 7, "li", 9 if state == "closed" else None)
        db.execute(f"INSERT INTO work_order {order} VALUES (?{', ?' * 11})", row)
        for round_ in (1, 2):
            for name in ("response", "arrival", "restore"):
                clock = "(work_order, name, round, started_ns, warn_ns, due_ns, warned_ns, breached_ns, stopped_ns)"
                db.execute(f"INSERT INTO clock {clock} VALUES (?, ?, ?, 5, 6, 7, 6, NULL, ?)", (ids[1], name, round_, 8 if round_ == 1 else None))
        db.execute(f"INSERT INTO call {call} VALUES (?, 'calling', '{{}}', 5, 1, 6, 1, '[]')", (ids[1],))
        for k, reason in enumerate(("raised", "escalated", "warning", "breach", "cleared", "returned", "no_data", "monitor"), 1):
            there = (f"P{n}-{k}", *ids, "duty", "li" if k % 2 else None, reason, "danger", "{}", 5, 6, ("queued", "accepted", "failed", "dropped")[k % 4])
            db.execute(f"INSERT INTO outbox {page} VALUES (?{', ?' * 10}, 2, 'said', NULL)", there)
            for attempt in (1, 2):
                db.execute("INSERT INTO attempt VALUES (?, ?, 'duty', 'retry', 'no', 5, 6, 1)", (f"P{n}-{k}", attempt))
        command = "(id, seq, at_ns, who, does, target, outcome, reason, says_json, state_json)"
        db.execute(f"INSERT INTO command {command} VALUES (?, ?, 5, 'li', 'accept', ?, 'applied', 'ok', '{{}}', '{{}}')", (f"c{n}", n, ids[1]))
        db.execute("INSERT INTO order_note (work_order, seq, at_ns, who, does, text) VALUES (?, ?, 5, 'li', 'accept', 'hash')", (ids[1], n))
    db.execute(f"INSERT INTO outbox {page} VALUES ('P9-1', NULL, NULL, 'duty', 'li', 'test', 'advisory', '{{}}', 5, 6, 'accepted', 1, 'ok', 8)")
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")]
    columns = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")] for table in tables}

    def all_of(db: apsw.Connection) -> dict[str, list[tuple[Any, ...]]]:
        return {table: sorted(db.execute(f"SELECT {', '.join(columns[table])} FROM {table}"), key=repr) for table in tables}

    before, indexes = all_of(db), {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    assert [len(before[table]) for table in ("work_order", "clock", "outbox", "attempt", "call")] == [5, 30, 41, 80, 5]
    db.close()
    opened = Records.open(tmp_path / "records.db")
    assert all_of(opened.db) == before
    assert indexes <= {name for (name,) in opened.db.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")}
    assert list(opened.db.execute("PRAGMA foreign_key_check")) == []
    assert list(opened.db.execute("PRAGMA integrity_check")) == [("ok",)]
    assert list(opened.db.execute("SELECT DISTINCT asked_ns, taken_ns, widened FROM call")) == [(None, None, 0)]
    desk = Desk(opened)
    assert (len(desk.orders), len(desk.clocks), len(desk.calls), len(desk.queued())) == (4, 15, 5, 10), "and the engine reads them"
    opened.close()
