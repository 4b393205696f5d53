"""Whom a change of the roster touches is told by somebody else's hand: once, on one channel, in words, not in the middle of the night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import orjson
import pytest

from plantroom.clock import NS
from plantroom.records import Records
from plantroom.records.migrate import migrate, migrations
from tests.kit.engine import RULES, Kit, peopled
from tests.kit.journals import NOON

HOUR = 3600 * NS
MIDDAY = NOON - 8 * HOUR  # Saturday the 21st of November, 12:00 in Shanghai
ILL: dict[str, Any] = {"from": "2026-11-21T14:00", "until": "2026-11-21T20:00", "out": "li.wei", "in": "wang.fang", "reason": "发烧了"}
SWAP: dict[str, Any] = {
    "one": "li.wei", "one_from": "2026-11-22T08:00", "one_until": "2026-11-22T20:00", "other": "wang.fang",
    "other_from": "2026-11-22T20:00", "other_until": "2026-11-23T08:00",
}  # fmt: skip


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    yield (kit := made(tmp_path))
    kit.close()


def made(folder: Path, text: str | None = None, wall_ns: int = MIDDAY) -> Kit:
    kit = Kit(folder, wall_ns=wall_ns)
    kit.configure(text or peopled(), RULES)
    kit.tick()
    return kit


def enter(kit: Kit, does: str = "stand_in", target: str = "engineering", who: str = "chen", **args: Any) -> None:
    assert kit.command(does, target, who=who, roles=["engineer"], **(args or ILL)) == "ok"


def notices(kit: Kit) -> list[tuple[str, str, list[str], str]]:
    """(person, channel, Chinese lines, state), oldest first."""
    kit.run()
    rows = kit.rows("SELECT person, channel, message_json, state FROM outbox WHERE reason = 'roster' ORDER BY rowid")
    return [(person, channel, orjson.loads(message)["zh"], state) for person, channel, message, state in rows]


def waits_s(kit: Kit) -> set[float]:
    return {(due - made) / NS for due, made in kit.rows("SELECT due_ns, created_ns FROM outbox WHERE reason = 'roster'")}


def test_who_comes_and_who_goes_are_told_once_each_in_both_languages(kit: Kit) -> None:
    enter(kit)
    assert notices(kit) == [
        ("wang.fang", "app", ["〔排班〕engineering 你替李伟值班", "11-21 周六 14:00–20:00值班 chen's name登记"], "queued"),
        ("li.wei", "app", ["〔排班〕engineering 王芳替你值班", "11-21 周六 14:00–20:00不用值班 chen's name登记"], "queued"),
    ]
    assert waits_s(kit) == {0.0}
    english = [orjson.loads(message)["en"] for (message,) in kit.rows("SELECT message_json FROM outbox ORDER BY rowid")]
    assert english[0] == ["[ROSTER] engineering: you stand in for 李伟", "on duty 11-21 Sat 14:00–20:00, entered by chen's name"]
    assert not kit.rows("SELECT n FROM chronicle WHERE instr(body, ?)", "发烧".encode()), "the reason is nobody's business"


def test_who_enters_it_knows_it(kit: Kit) -> None:
    enter(kit, who="wang.fang")
    assert [person for person, *_ in notices(kit)] == ["li.wei"]


def test_a_swap_is_one_notice_each_with_both_turns(kit: Kit) -> None:
    enter(kit, "swap", **SWAP)
    assert [(person, lines) for person, _, lines, _ in notices(kit)] == [
        ("wang.fang", ["〔排班〕engineering 你与李伟换班", "改值11-22 周日 08:00–20:00 不值11-22 周日 20:00–11-23 周一 08:00 chen's name登记"]),
        ("li.wei", ["〔排班〕engineering 你与王芳换班", "改值11-22 周日 20:00–11-23 周一 08:00 不值11-22 周日 08:00–20:00 chen's name登记"]),
    ]


def test_somebody_in_addition(kit: Kit) -> None:
    enter(kit, **{name: value for name, value in ILL.items() if name != "out"})
    assert [(person, lines[0]) for person, _, lines, _ in notices(kit)] == [("wang.fang", "〔排班〕engineering 加派你值班")]


def test_a_channel_for_urgent_pages_alone_is_left_in_peace_and_who_entered_it_hears_of_that(tmp_path: Path) -> None:
    kit = made(tmp_path, peopled().replace("{app: wangfang}", '{voice: "13800000003"}'))
    enter(kit)
    assert [person for person, *_ in notices(kit)] == ["li.wei"]
    assert orjson.loads(kit.one("SELECT state_json FROM command"))["untold"] == ["wang.fang"]
    kit.close()


@pytest.mark.parametrize(
    ("begins", "ends", "waits_h"),
    [("21T23:30", "22T07:00", 0), ("22T07:00", "22T12:00", 0), ("22T08:00", "22T20:00", 0), ("22T08:59", "22T20:00", 0), ("22T09:00", "22T20:00", 8), ("25T08:00", "25T20:00", 8)],
)
def test_at_night_it_waits_for_the_morning_where_the_turn_begins_well_after_it(tmp_path: Path, begins: str, ends: str, waits_h: int) -> None:
    """At 23:00, of a night until seven. Nor is it gathered with the night's faults."""
    kit = made(tmp_path, wall_ns=MIDDAY + 11 * HOUR - NS)
    who = {"out": "wang.fang", "in": "li.wei"} if waits_h == 0 and begins in ("21T23:30", "22T07:00") else {"out": "li.wei", "in": "wang.fang"}
    enter(kit, **{**ILL, **who, "from": f"2026-11-{begins}", "until": f"2026-11-{ends}"})
    assert len(notices(kit)) == 2 and waits_s(kit) == {waits_h * 3600.0}
    kit.close()


def test_what_is_dropped_before_it_left_is_never_sent_and_what_left_is_taken_back(tmp_path: Path) -> None:
    kit = made(tmp_path, wall_ns=MIDDAY + 11 * HOUR - NS)
    later = {**ILL, "from": "2026-11-25T08:00", "until": "2026-11-25T20:00"}
    enter(kit, **later)
    enter(kit, "drop_change", kit.one("SELECT id FROM roster_change"), reason="wrong day")
    assert [state for *_, state in notices(kit)] == ["dropped", "dropped"]
    kit.clock.advance(12 * 3600)
    enter(kit, **later)
    kit.attempt(kit.rows("SELECT id FROM outbox ORDER BY rowid")[2][0], "accepted")
    enter(kit, "drop_change", kit.rows("SELECT id FROM roster_change WHERE state = 'ahead'")[0][0], reason="again", who="li.wei")
    assert [(person, lines[0], state) for person, _, lines, state in notices(kit)][2:] == [
        ("wang.fang", "〔排班〕engineering 你替李伟值班", "accepted"),
        ("li.wei", "〔排班〕engineering 王芳替你值班", "dropped"),  # it may be on its way; li.wei dropped the change and knows
        ("wang.fang", "〔排班〕engineering 取消你替李伟值班", "queued"),
    ]
    kit.close()


def test_what_nobody_took_until_the_turn_is_over_is_no_longer_wanted(kit: Kit) -> None:
    enter(kit)
    kit.clock.advance(8 * 3600 - 3)
    kit.tick()
    assert {state for *_, state in notices(kit)} == {"queued"}
    kit.tick()
    assert {state for *_, state in notices(kit)} == {"dropped"}


def test_the_morning_is_the_calendars_a_set_clock_does_not_move_it(tmp_path: Path) -> None:
    kit = made(tmp_path, wall_ns=MIDDAY + 11 * HOUR - NS)
    enter(kit, **{**ILL, "from": "2026-11-25T08:00", "until": "2026-11-25T20:00"})
    [before] = {due for (due,) in kit.rows("SELECT due_ns FROM outbox WHERE reason = 'roster'")}
    kit.clock.step_wall(3600)
    kit.tick()
    kit.run()
    assert {due for (due,) in kit.rows("SELECT due_ns FROM outbox WHERE reason = 'roster'")} == {before}
    assert kit.rows("SELECT n FROM chronicle WHERE kind = 'time.step'"), "the control: it was set"
    kit.close()


def test_a_restart_and_a_replay_make_the_same_of_it(kit: Kit) -> None:
    enter(kit)
    enter(kit, "swap", **SWAP)
    kit.tick()
    kit.run()
    enter(kit, "drop_change", kit.rows("SELECT id FROM roster_change ORDER BY rowid")[1][0], reason="no")
    whole = kit.again("once.db", [])
    assert whole["outbox"] == kit.again("twice.db", [3, 5])["outbox"] == kit.restarted(3, 6)["outbox"]
    assert len(whole["outbox"]) == 6


def test_the_tables_check_knows_the_new_reason_and_no_other_and_keeps_its_rows(tmp_path: Path) -> None:
    """The check is changed in the schema: rows of before, and a connection that was open, see it."""
    steps = migrations()
    number = next(step.number for step in steps if step.name.endswith("roster_notice.sql"))
    db = apsw.Connection(str(tmp_path / "records.db"))
    migrate(db, steps[: number - 1])
    page = "INSERT INTO outbox (id, channel, reason, severity, message_json, created_ns, due_ns, state) VALUES (?, 'app', ?, 'normal', '{}', 1, 1, 'queued')"
    db.execute(page, ("P1-1", "raised"))
    other = apsw.Connection(str(tmp_path / "records.db"))
    with pytest.raises(apsw.ConstraintError):
        other.execute(page, ("P2-1", "roster"))
    migrate(db, steps)
    for connection, id_ in ((db, "P3-1"), (other, "P4-1")):
        connection.execute(page, (id_, "roster"))
        with pytest.raises(apsw.ConstraintError):
            connection.execute(page, ("P9-1", "nonsense"))
    assert [id_ for (id_,) in db.execute("SELECT id FROM outbox ORDER BY id")] == ["P1-1", "P3-1", "P4-1"]
    assert db.pragma("integrity_check") == "ok" and db.pragma("writable_schema") == 0
    other.close()
    db.close()
    Records.open(tmp_path / "records.db").close()
