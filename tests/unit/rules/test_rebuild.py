"""The comparison behind `plantroom rebuild`: every table, the first difference, and what a later beginning leaves out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from plantroom.journal import Kind
from plantroom.records import Records
from rules import events
from rules.rebuild import TABLES, compare, copy
from tests.kit.engine import PEOPLE, Kit, peopled, pump
from tests.kit.lift import LIFT, LIFT_RULES
from tests.kit.planned import GO_LIVE, KEY, PLAN

VENDOR = "people:\n  - {id: liu, roles: [vendor], firm: a firm}"
HELD = "  - {id: boiler, kind: asset, name: 锅炉, certificates: [{what: inspection, until: 2020-01-01}]}\n"
HEADS = "escalation:\n  major: {heads: {engineering: engineering}}"


@pytest.fixture
def kit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kit]:
    """Something stands in every table."""
    kit = Kit(tmp_path)
    planned = PLAN.replace('at: "08:30"', 'at: "19:00"')  # an hour ago
    site = peopled(PEOPLE.replace("escalation:", HEADS).replace("people:", VENDOR, 1), pump(1), LIFT.format(state="in_service") + HELD)
    kit.configure(site + GO_LIVE, {**LIFT_RULES, KEY: planned})
    kit.tick()
    with monkeypatch.context() as broken:
        broken.delattr(events, "take")  # an event that raises is skipped
        kit.event("service_restarted")
        kit.run()
    kit.stay(4, phase_loss=1)
    kit.run()
    kit.command("comment", kit.order(), text="a word")
    kit.command("trapped", "lift-2")
    kit.command("stand_in", "managers", roles=["engineer"], **{"from": "1h", "until": "2h", "in": "li.wei", "reason": "a word"})
    kit.command("hand_over", "managers", text="a word")
    kit.command("severity", kit.one("SELECT id FROM fault WHERE rule = 'phase_loss'"), severity="danger", reason="a word")
    kit.command("assign", kit.one("SELECT work_order FROM fault WHERE rule = 'phase_loss'"), roles=["engineer"], firm="a firm")
    kit.attempt(page := kit.rows("SELECT id FROM outbox")[0][0], "accepted", "ok")
    kit.command("complete", kit.one("SELECT id FROM plan_task WHERE job = '@daily'"), rest="ok", items={"fp-1.pressure": 8})
    kit.say({"outbox": page, "channel": "duty", "state": "delivered", "text": "DELIVERED"}, Kind.RECEIPT)
    kit.run()
    october = {"period": "2026-10", "first": "2026-10-01", "end": "2026-11-01", "zone": "Asia/Shanghai", "as_of": "2026-11-04T00:00:00Z", "figures": []}
    kit.command("sign_period", "2026-10", roles=["technician", "manager"], figures=orjson.dumps(october).decode())
    kit.command("attach", kit.one("SELECT work_order FROM fault WHERE rule = 'phase_loss'"), hash="a" * 64, kind="txt", bytes=1, about="order")
    # as a purge leaves it; what it does is tests/unit/rules/test_keeping.py's to show
    kit.records.db.execute("INSERT INTO purge VALUES (0, x'00', 0, 0, 'admin', 0, NULL)")
    yield kit
    kit.close()


@pytest.fixture
def other(kit: Kit, tmp_path: Path) -> Iterator[Records]:
    with closing(copy(tmp_path / "records.db", tmp_path / "other.db")) as records:
        yield records


def test_a_copy_is_equal_and_no_table_is_forgotten(kit: Kit, other: Records) -> None:
    counts, difference = compare(kit.records, other, 0)
    assert difference is None and all(counts.values()), counts
    tables = {name for (name,) in kit.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'")}
    assert tables == set(TABLES)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "chronicle"])
def test_a_row_that_is_missing_on_either_side_is_found(kit: Kit, other: Records, table: str) -> None:
    other.db.execute("PRAGMA foreign_keys = OFF")
    other.db.execute(f"DELETE FROM {table} WHERE rowid = (SELECT min(rowid) FROM {table})" if has_rowid(other, table) else f"DELETE FROM {table}")
    for stands, rebuilt in ((kit.records, other), (other, kit.records)):
        difference = compare(stands, rebuilt, 0)[1]
        assert difference is not None and difference.table == table
        assert (difference.stands is None) is (stands is other)


def has_rowid(records: Records, table: str) -> bool:
    return "WITHOUT ROWID" not in str(records.db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).get)


def test_a_changed_value_is_found_and_shown_from_both_sides(kit: Kit, other: Records) -> None:
    other.db.execute("UPDATE fault SET onset_ns = 7")
    difference = compare(kit.records, other, 0)[1]
    assert difference is not None and difference.stands is not None and difference.rebuilt is not None
    assert difference.rebuilt["onset_ns"] == 7 != difference.stands["onset_ns"]


def test_what_was_over_before_a_later_beginning_is_not_missed(kit: Kit, other: Records) -> None:
    last = len(kit.journal)
    other.db.execute("PRAGMA foreign_keys = OFF")
    for table in ("fault", "work_order", "clock", "outbox", "attempt", "order_note"):
        other.db.execute(f"DELETE FROM {table}")
    assert compare(kit.records, other, last)[1] is None
    assert compare(kit.records, other, 0)[1] is not None


def test_a_page_taken_of_an_order_that_was_closed_a_moment_ago_is_the_same_before_and_after_the_commit(tmp_path: Path) -> None:
    """The closed order's call still lies in memory until then."""
    kit = Kit(tmp_path)
    kit.configure()
    kit.stay(5, jockey_fault=1)
    kit.run()
    page = kit.rows("SELECT id FROM outbox")[0][0]
    kit.stay(5)
    kit.attempt(page, "accepted")
    kit.run()
    kit.engine.memory()
    assert kit.one("SELECT state FROM work_order") == "closed", "the control"
    assert kit.again("each.db", list(range(1, len(kit.journal)))) == kit.dump()
    kit.close()
