"""People trapped in a lift (X-3, R-6): one tap or the machine's signals, one matter, its own time line, freed by a person, released by signature."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import NS
from plantroom.phone import Phone
from rules import rescue as rescue_rows
from rules.replay import agree
from rules.rescue import TABLE, Phase, Step
from tests.kit.engine import Kit
from tests.kit.journals import NOON
from tests.kit.lift import LIFT_RULES, lifts, ride

MIDDAY = NOON - 8 * 3600 * NS
MINUTE = 60 * NS
STUCK = {"car_door_zone": 0, "passenger_alarm": 1}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(lifts(), LIFT_RULES)
    ride(kit, 2)
    kit.run()
    yield kit
    kit.close()


def tap(kit: Kit, lift: str = "lift-1", who: str = "guard", **args: Any) -> str:
    return kit.command("trapped", lift, who=who, roles=["viewer"], **args)


def rescue(kit: Kit) -> dict[str, Any]:
    cursor = kit.records.db.execute("SELECT * FROM rescue ORDER BY round DESC LIMIT 1")
    columns = [column[0] for column in cursor.get_description()]
    return dict(zip(columns, next(iter(cursor)), strict=True))


def unit_clock(kit: Kit) -> tuple[int, int, int | None, int | None]:
    return kit.rows("SELECT started_ns, due_ns, breached_ns, stopped_ns FROM clock WHERE name = 'unit' ORDER BY round DESC")[0]


def pages(kit: Kit) -> list[tuple[str, str]]:
    return kit.rows("SELECT reason, severity FROM outbox ORDER BY created_ns, rowid")


def test_the_table_answers_every_step_in_every_phase() -> None:
    assert set(TABLE) == {(phase, step) for phase in Phase for step in Step}
    assert all(code for (phase, _), code in TABLE.items() if phase is Phase.RELEASED)
    assert TABLE[Phase.TRAPPED, Step.RELEASED], "nobody releases a lift with people in it"


def test_one_tap_is_a_danger_that_pages_at_once_and_has_its_time_line(kit: Kit) -> None:
    """X-3, R-6: at the record's own instant; the maintenance unit has 30 minutes from there."""
    at = kit.clock.read().wall_ns
    assert tap(kit, text="12层附近，两人") == "ok"
    assert kit.faults() == [("lift-1", "entrapment_reported", "active")]
    assert set(pages(kit)) == {("raised", "danger")}
    assert {person for (person,) in kit.rows("SELECT person FROM outbox")} >= {"li.wei"}
    row = rescue(kit)
    assert (row["known_ns"], row["reported_ns"], row["reported_by"]) == (at, at, "guard")
    assert unit_clock(kit) == (at, at + 30 * MINUTE, None, None)
    [message] = {row[0] for row in kit.rows("SELECT message_json FROM outbox WHERE person = 'li.wei'")}
    assert orjson.loads(message)["zh"][0].startswith("〔出险〕困人（上报） 1号客梯")
    assert kit.rows("SELECT who, does FROM order_note") == [("guard", "trapped")]


@pytest.mark.parametrize("state", ["commissioning", "out_of_service"])
def test_a_tap_pages_whatever_state_the_lift_is_in(kit: Kit, state: str) -> None:
    """X-1, X-3: it has no mode condition."""
    kit.configure(lifts(state), LIFT_RULES)
    assert tap(kit) == "ok"
    assert kit.rows("SELECT mode, work_order IS NOT NULL FROM fault") == [("live", 1)]
    assert ("raised", "danger") in pages(kit)


def test_a_lift_in_commissioning_whose_own_signals_say_it_is_paged_once_a_person_does(kit: Kit) -> None:
    kit.configure(lifts("commissioning"), LIFT_RULES)
    ride(kit, 70, **STUCK)
    kit.run()
    assert kit.rows("SELECT rule, mode, work_order FROM fault") == [("passenger_entrapment", "commissioning", None)] and not pages(kit)
    assert tap(kit) == "ok"
    assert kit.rows("SELECT rule, mode FROM fault") == [("passenger_entrapment", "live")]
    assert ("raised", "danger") in pages(kit) and rescue(kit)["reported_by"] == "guard"


def test_a_lift_without_telemetry_can_be_reported_and_nothing_else_can(kit: Kit) -> None:
    assert tap(kit, "lift-2") == "ok"
    assert kit.faults() == [("lift-2", "entrapment_reported", "active")]
    assert tap(kit, "monitor") == "not_a_lift"
    assert tap(kit, "lift-9") == "unknown_equipment"


def test_a_tap_joins_what_the_machine_says(kit: Kit) -> None:
    ride(kit, 70, **STUCK)
    kit.run()
    assert kit.faults() == [("lift-1", "passenger_entrapment", "active")]
    before = pages(kit)
    assert tap(kit) == "ok" and tap(kit, who="other") == "ok"
    assert kit.faults() == [("lift-1", "passenger_entrapment", "active")] and pages(kit) == before
    row = rescue(kit)
    assert row["reported_by"] == "guard" and row["reported_ns"] > row["known_ns"]


def test_what_the_machine_says_joins_a_tap_and_only_a_person_ends_it(kit: Kit) -> None:
    tap(kit)
    ride(kit, 70, **STUCK)
    kit.run()
    assert kit.faults() == [("lift-1", "entrapment_reported", "active")]
    assert len(kit.rows("SELECT id FROM work_order")) == 1
    ride(kit, 20)  # doors at a floor, nobody presses: the signals alone would end it
    kit.run()
    assert kit.faults() == [("lift-1", "entrapment_reported", "active")], "nobody has said that they are out"
    trace = orjson.loads(kit.one("SELECT trace_json FROM fault"))
    assert [moment["to"] for moment in trace["moved"]] == ["active", "recovering", "cleared"]
    assert kit.command("freed", kit.order(), trapped="2", injured="0") == "ok"
    assert kit.faults() == [("lift-1", "entrapment_reported", "cleared")]


def test_freed_while_the_machine_disagrees_stays_open_until_it_agrees(kit: Kit) -> None:
    tap(kit)
    ride(kit, 70, **STUCK)
    kit.run()
    assert kit.command("freed", kit.order(), trapped=1, injured=0) == "ok"
    assert kit.rows("SELECT condition FROM fault") == [("active",)]
    assert kit.rows("SELECT state, restored_agrees FROM work_order") == [("restored", 0)]
    assert kit.command("release", kit.order(), who="chen", roles=["engineer"], text="查过") == "fault_still_active"
    ride(kit, 20)
    kit.run()
    assert kit.rows("SELECT condition FROM fault") == [("cleared",)]
    assert kit.rows("SELECT state, restored_agrees FROM work_order") == [("restored", 1)]


def test_the_whole_way_from_the_tap_to_the_signature(kit: Kit) -> None:
    """X-3: freed by a person; out of service until somebody signs who did not work on it; only then closed."""
    tap(kit)
    order = kit.order()
    instants = {}
    for does, column in (("accept", None), ("answered", "answered"), ("unit_called", "called"), ("arrive", "staff"), ("unit_arrived", "unit")):
        kit.ticks(30)
        assert kit.command(does, order) == "ok", does
        if column:
            instants[column] = kit.clock.read().wall_ns
    assert kit.command("answered", order, who="wang") == "already_said"
    assert kit.command("restore", order) == "say_freed"
    kit.ticks(30)
    assert kit.command("freed", order, trapped="3", injured="4") == "more_injured_than_trapped"
    assert kit.command("freed", order, trapped="some", injured="0") == "argument"
    assert kit.command("freed", order, trapped="3", injured="1", text="一人送医") == "ok"
    instants["freed"] = kit.clock.read().wall_ns
    row = rescue(kit)
    assert {column: row[f"{column}_ns"] for column in instants} == instants
    assert (row["trapped"], row["injured"], row["staff_by"]) == (3, 1, "li.wei")
    assert unit_clock(kit)[3] == instants["unit"]
    assert kit.rows("SELECT state, restored_by FROM work_order") == [("restored", "li.wei")]
    assert kit.command("close", order, who="boss", roles=["supervisor"], cause="门锁") == "release_first"
    assert kit.command("release", order, who="wang", text="好了") == "release_needs_engineer"
    assert kit.command("release", order, roles=["engineer"], text="好了") == "performer_cannot_release"
    assert kit.command("release", order, who="chen", roles=["engineer"]) == "argument"
    assert kit.command("release", order, who="chen", roles=["engineer"], text="门锁触点已换，试运行正常") == "ok"
    assert rescue(kit)["released_by"] == "chen"
    assert kit.command("release", order, who="chen", roles=["engineer"], text="again") == "already_released"
    assert kit.command("close", order, who="boss", roles=["supervisor"], cause="门锁") == "ok"
    assert kit.rows("SELECT kind FROM chronicle WHERE kind = 'rescue.released'")


def test_people_are_freed_before_anybody_has_accepted(kit: Kit) -> None:
    tap(kit)
    assert kit.command("freed", kit.order(), trapped="1", injured="0") == "ok"
    row = rescue(kit)
    assert row["staff_ns"] == row["freed_ns"] and unit_clock(kit)[3] == row["freed_ns"]
    assert kit.rows("SELECT state, accepted_by FROM work_order") == [("restored", "li.wei")]


def test_a_unit_that_does_not_come_in_time_is_warned_and_missed_and_paged(kit: Kit) -> None:
    """R-6: an absolute instant in the records; a restart changes nothing."""
    tap(kit)
    at = rescue(kit)["known_ns"]
    kit.command("arrive", kit.order())
    kit.ticks(24 * 60 + 1, every_s=5)
    kit.run()
    assert [reason for reason, _ in pages(kit)].count("warning") > 0
    kit.engine.memory()
    kit.close()
    kit.open()
    kit._done = 0
    kit.ticks(6 * 60, every_s=5)
    kit.run()
    assert unit_clock(kit) == (at, at + 30 * MINUTE, at + 30 * MINUTE, None)
    [message] = {row[0] for row in kit.rows("SELECT message_json FROM outbox WHERE reason = 'breach' AND person = 'li.wei'")}
    assert "维保到场已超时" in orjson.loads(message)["zh"][1]
    assert kit.command("unit_arrived", kit.order()) == "ok"
    assert unit_clock(kit)[2] == at + 30 * MINUTE, "late stays late"


def test_a_site_sets_the_units_limit(kit: Kit) -> None:
    kit.configure(lifts() + "clocks: {unit: {danger: 45m}}\n", LIFT_RULES)
    tap(kit)
    started, due, _, _ = unit_clock(kit)
    assert due - started == 45 * MINUTE


def test_trapped_again_after_they_were_freed_is_a_new_round_with_a_new_time_line(kit: Kit) -> None:
    tap(kit)
    order = kit.order()
    kit.command("freed", order, trapped="1", injured="0")
    kit.ticks(60)
    assert tap(kit, who="other") == "ok"
    assert kit.rows("SELECT id, state, round FROM work_order") == [(order, "open", 2)]
    assert (rescue(kit)["round"], rescue(kit)["freed_ns"], rescue(kit)["reported_by"]) == (2, None, "other")
    assert unit_clock(kit)[2:] == (None, None)
    assert ("returned", "danger") in pages(kit)
    assert len(kit.rows("SELECT 1 FROM rescue WHERE round = 1 AND freed_by = 'li.wei'")) == 1


def test_the_lift_counts_as_out_from_the_tap_to_the_signature(kit: Kit) -> None:
    """K-1: freed people do not make a lift usable."""

    def state() -> str:
        return str(kit.one("SELECT state FROM item_time WHERE equipment = 'lift-1' AND item = 'passenger_transport' AND since_ns IS NOT NULL"))

    ride(kit, 3)
    kit.run()
    assert state() == "usable"
    tap(kit)
    assert state() == "faulted"
    kit.command("freed", kit.order(), trapped="1", injured="0")
    ride(kit, 5)
    kit.run()
    assert kit.faults()[0][2] == "cleared" and state() == "faulted"
    kit.command("release", kit.order(), who="chen", roles=["engineer"], text="查过")
    assert state() == "usable"


def test_the_control_without_the_signature_the_lift_would_count_as_usable_at_once(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue_rows, "withheld", lambda desk, machine: False)
    tap(kit)
    kit.command("freed", kit.order(), trapped="1", injured="0")
    ride(kit, 5)
    kit.run()
    assert kit.rows("SELECT state FROM item_time WHERE equipment = 'lift-1' AND item = 'passenger_transport' AND since_ns IS NOT NULL") == [("usable",)]


def test_the_control_without_the_joining_a_lift_would_have_two_faults_and_the_signals_would_end_one(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescue_rows, "RULE", "no_such_rule")
    tap(kit)
    ride(kit, 70, **STUCK)
    ride(kit, 20)
    kit.run()
    assert kit.faults() == [("lift-1", "entrapment_reported", "active"), ("lift-1", "passenger_entrapment", "cleared")]


def test_steps_of_a_rescue_are_refused_elsewhere(kit: Kit) -> None:
    kit.command("open", "lift-1", text="灯不亮")
    for does in ("answered", "unit_called", "unit_arrived", "freed", "release"):
        assert kit.command(does, kit.order(), roles=["engineer"], text="x", trapped="1", injured="0") == "no_entrapment"
        assert kit.command(does, "O0-0", roles=["engineer"]) == "unknown_order"


@pytest.mark.parametrize("died", [0.2, 0.5, 0.8, 1.0])
def test_a_restart_and_a_rebuild_give_the_same_rows(kit: Kit, died: float) -> None:
    tap(kit)
    ride(kit, 70, **STUCK)
    kit.command("arrive", kit.order())
    kit.command("unit_called", kit.order())
    ride(kit, 20)
    kit.command("freed", kit.order(), trapped="2", injured="0")
    tap(kit)
    ride(kit, 3)
    kit.run()
    kit.engine.memory()
    expected = kit.dump()
    at = int(len(kit.journal) * died)
    assert kit.again("whole.db", []) == expected
    assert kit.again("cut.db", [at]) == expected
    assert kit.restarted(at // 2, at) == expected


def test_a_memory_that_was_lost_is_brought_together_with_a_report_the_signals_confirm(kit: Kit) -> None:
    """The condition beside a person's fault is judged again after a restart without a snapshot; else its row would stand for ever."""
    tap(kit)
    ride(kit, 70, **STUCK)
    kit.run()
    evaluator = kit.engine.evaluators["elevator"]
    evaluator.forget("lift-1", "passenger_entrapment")
    agree(kit.engine)
    assert evaluator.state("lift-1", "passenger_entrapment") == "active"


def test_an_order_of_an_older_release_that_is_opened_again_has_its_time_line_and_is_reported_into(kit: Kit) -> None:
    """Release 005 knew no rescue: what was closed by then has none, and may be opened again for three days."""
    ride(kit, 70, **STUCK)
    kit.run()
    order = kit.order()
    kit.command("freed", order, trapped="1", injured="0")
    ride(kit, 30)
    kit.run()
    assert kit.command("release", order, who="chen", roles=["engineer"], text="door") == "ok"
    assert kit.command("close", order, who="chen", roles=["engineer", "supervisor"], cause="door", remedy="door") == "ok"
    kit.engine.memory()
    kit.records.db.execute("DELETE FROM rescue")
    kit.records.db.execute("DELETE FROM clock WHERE name = 'unit'")
    kit.restart()
    kit.run()
    assert kit.command("reopen", order, who="chen", roles=["engineer"], reason="door") == "ok"
    assert (rescue(kit)["round"], rescue(kit)["freed_ns"]) == (2, None) and unit_clock(kit)[2:] == (None, None)
    assert tap(kit) == "ok"
    assert rescue(kit)["reported_by"] == "guard"
    kit.ticks(2)
    kit.run()
    assert kit.rows("SELECT count(*) FROM skipped") == [(0,)]


def test_who_arrived_without_reception_was_there_when_they_entered_it(kit: Kit) -> None:
    """The rescue's time line and the order's own step say the same instant."""
    tap(kit)
    order = kit.order()
    assert kit.command("accept", order) == "ok"
    accepted = kit.clock.read().wall_ns
    kit.ticks(300)
    kit.run()
    now = kit.clock.read().wall_ns
    phone = Phone(accepted, accepted, now - 120 * NS, now, now - 120 * NS - accepted, 120 * NS, 0).record()
    assert kit.command("arrive", order, phone=phone) == "ok"
    assert rescue(kit)["staff_ns"] == kit.one("SELECT arrived_ns FROM work_order") == now - 120 * NS
