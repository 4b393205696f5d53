"""A person changes the class of a fault: who may, whom it calls, what it does to limits; and what it never does (issue 5, severity)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import NS
from plantroom.limits import ClockName
from plantroom.model import Severity
from plantroom.roles import ROLES, Role
from rules import clocks
from rules.clocks import OrderClock, tighten
from tests.kit.engine import RULES, Kit, peopled, rule_text
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # in Shanghai
MINUTE = 60 * NS
ENGINEER, TECHNICIAN, SUPERVISOR = ROLES[Role.ENGINEER], ROLES[Role.TECHNICIAN], ROLES[Role.SUPERVISOR]
HERE = {
    **{name: text for name, text in RULES.items() if "delivery_failed" not in name},  # nobody delivers anything here
    "rules/packs/fire_pump/wear.yaml": rule_text("wear", "jockey_fault", "advisory", for_="1s"),
}


def kit_of(path: Path, wall_ns: int = MIDDAY) -> Kit:
    kit = Kit(path, wall_ns=wall_ns)
    kit.configure(peopled(), HERE)
    kit.tick()
    return kit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = kit_of(tmp_path)
    yield made
    made.close()


def raised(kit: Kit, point: str, rule: str) -> str:
    """Open for some seconds; the fault's id."""
    kit.stay(5, **{point: 1})
    kit.run()
    return str(kit.one("SELECT id FROM fault WHERE rule = ? ORDER BY raised_ns DESC, id DESC LIMIT 1", rule))


def order_of(kit: Kit, fault: str) -> str:
    return str(kit.one("SELECT work_order FROM fault WHERE id = ?", fault))


def change(kit: Kit, fault: str, to: str, who: str = "li.wei", roles: Any = ENGINEER, **args: Any) -> str:
    said = kit.command("severity", fault, who, roles, severity=to, **args)
    kit.engine.memory()
    return said


def clock(kit: Kit, order: str, name: str) -> dict[str, Any]:
    columns = ("started_ns", "warn_ns", "due_ns", "breached_ns", "stopped_ns")
    row = kit.one(f"SELECT {', '.join(columns)} FROM clock WHERE work_order = ? AND name = ? ORDER BY round DESC LIMIT 1", order, name)
    return dict(zip(columns, row, strict=True))


def told(kit: Kit, order: str, reason: str) -> list[tuple[str, str | None]]:
    return kit.rows("SELECT channel, person FROM outbox WHERE work_order = ? AND reason = ? ORDER BY rowid", order, reason)


def test_a_technician_makes_it_graver_at_once_without_a_reason_and_the_new_class_is_called(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order, before = order_of(kit, fault), clock(kit, order_of(kit, fault), "response")
    kit.clock.advance(120)
    kit.tick()
    assert change(kit, fault, "danger", roles=TECHNICIAN) == "ok"
    now = kit.clock.read().wall_ns
    assert kit.one("SELECT severity FROM fault WHERE id = ?", fault) == kit.one("SELECT severity FROM work_order WHERE id = ?", order) == "danger"
    assert told(kit, order, "severity")[:2] == [("app", "li.wei"), ("duty", None)], "the first step of danger, then who knew of it"
    line1, line2 = orjson.loads(kit.one("SELECT message_json FROM outbox WHERE reason = 'severity' LIMIT 1"))["zh"]
    assert line1.startswith("〔出险〕") and "一般升为出险" in line2 and "前响应" in line2
    after = clock(kit, order, "response")
    assert after["started_ns"] == before["started_ns"], "it was raised when it was raised"
    assert after["due_ns"] == now + 15 * MINUTE < before["due_ns"]
    chain = orjson.loads(kit.one("SELECT chain_json FROM call WHERE work_order = ?", order))
    assert [step["after_s"] for step in chain["steps"]] == [0.0, 180.0, 360.0]
    kit.clock.advance(180)
    kit.tick()
    kit.run()
    assert ("voice", "li.wei") in told(kit, order, "escalated"), "and it goes on by the new chain"


def test_a_limit_gets_shorter_and_never_longer_and_what_was_missed_stays_missed(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order = order_of(kit, fault)
    due = clock(kit, order, "response")["due_ns"]
    kit.clock.advance(20 * 60)
    assert change(kit, fault, "readiness") == "ok"
    assert clock(kit, order, "response")["due_ns"] == due, "15 minutes from now would be later"
    assert change(kit, fault, "normal", reason="the sensor hangs", second="wang.fang") == "ok"
    assert clock(kit, order, "response")["due_ns"] == due
    kit.clock.advance(11 * 60)
    kit.tick()
    kit.run()
    assert clock(kit, order, "response")["breached_ns"] == due
    assert change(kit, fault, "advisory", reason="wear", second="wang.fang") == "ok"
    assert change(kit, fault, "danger") == "ok"
    found = clock(kit, order, "response")
    assert (found["breached_ns"], found["due_ns"]) == (due, due)


def test_lowering_an_urgent_fault_keeps_its_limit(kit: Kit) -> None:
    fault = raised(kit, "phase_loss", "phase_loss")
    order = order_of(kit, fault)
    before = clock(kit, order, "response")
    assert change(kit, fault, "normal", reason="a fuse of the display", second="wang.fang") == "ok"
    assert clock(kit, order, "response") == before
    assert kit.one("SELECT severity, gravest FROM work_order WHERE id = ?", order) == ("normal", "readiness")
    kit.clock.advance(15 * 60)
    kit.tick()
    kit.run()
    assert clock(kit, order, "response")["breached_ns"] == before["due_ns"], "lowering hides no missed response"


def test_who_may_lower_and_how(kit: Kit) -> None:
    fault = raised(kit, "phase_loss", "phase_loss")
    good = {"reason": "a fuse of the display", "second": "wang.fang"}
    assert change(kit, fault, "normal", roles=TECHNICIAN, **good) == "lowering_needs_engineer"
    assert change(kit, fault, "normal", roles=ROLES[Role.MANAGER], **good) == "lowering_needs_engineer"
    assert change(kit, fault, "normal", second="wang.fang") == "argument"
    assert change(kit, fault, "normal", reason="x") == "lowering_needs_second"
    assert change(kit, fault, "normal", reason="x", second="li.wei") == "lowering_needs_second", "oneself is no second"
    assert change(kit, fault, "readiness", **good) == "severity_same"
    assert change(kit, fault, "grave", **good) == "argument"
    assert change(kit, "F0-0", "normal", **good) == "unknown_fault"
    assert change(kit, fault, "danger", roles=ROLES[Role.VIEWER]) == "role_may_not"
    assert change(kit, fault, "danger", roles=ROLES[Role.VENDOR]) == "role_may_not"
    assert kit.rows("SELECT * FROM severity_change") == [], "what is refused changes nothing"
    assert change(kit, fault, "normal", **good) == "ok"
    assert change(kit, fault, "advisory", reason="x") == "lowering_needs_second", "not in two steps either: it was urgent once"
    assert change(kit, fault, "advisory", **good) == "ok"


def test_a_normal_fault_is_lowered_by_one_engineer_with_a_reason_and_calls_nobody_any_more(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order = order_of(kit, fault)
    assert change(kit, fault, "advisory") == "argument"
    assert change(kit, fault, "advisory", reason="known wear") == "ok"
    assert kit.one("SELECT state, next_ns FROM call WHERE work_order = ?", order) == ("over", None)
    sent = kit.one("SELECT count(*) FROM outbox WHERE work_order = ?", order)
    kit.clock.advance(4 * 3600)
    kit.stay(5, jockey_fault=1)
    kit.run()
    assert kit.one("SELECT count(*) FROM outbox WHERE work_order = ?", order) == sent


def test_danger_is_not_lowered_while_it_is_there_and_then_by_two_and_closed_by_the_supervisor(kit: Kit) -> None:
    fault = raised(kit, "pump_running", "ran")
    order, good = order_of(kit, fault), {"reason": "a test run", "second": "wang.fang"}
    assert change(kit, fault, "readiness", roles=SUPERVISOR, **good) == "danger_still_there"
    kit.stay(10)
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE id = ?", fault) == "cleared"
    assert change(kit, fault, "normal", reason="a test run") == "lowering_needs_second"
    assert change(kit, fault, "normal", **good) == "ok"
    assert kit.one("SELECT state FROM call WHERE work_order = ?", order) == "calling", "it was urgent: a person is still wanted"
    for does in ("accept", "arrive", "restore"):
        assert kit.command(does, order, "wang.fang") == "ok"
    assert kit.command("close", order, "li.wei", ENGINEER, cause="x") == "danger_needs_supervisor", "lowered or not"
    assert kit.command("close", order, "li.wei", SUPERVISOR, cause="x") == "ok"
    assert change(kit, fault, "danger") == "severity_is_over"


def test_an_urgent_one_that_was_lowered_still_wants_a_person_when_it_goes_away_by_itself(kit: Kit) -> None:
    fault = raised(kit, "phase_loss", "phase_loss")
    order = order_of(kit, fault)
    change(kit, fault, "normal", reason="a fuse", second="wang.fang")
    kit.stay(10)
    kit.run()
    assert kit.one("SELECT condition FROM fault WHERE id = ?", fault) == "cleared"
    assert kit.one("SELECT state FROM work_order WHERE id = ?", order) == "open"
    assert "仍需到场确认" in kit.one("SELECT message_json FROM outbox WHERE reason = 'cleared' LIMIT 1")


def test_an_advisory_that_becomes_grave_gets_limits_and_calls_it_never_had(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "wear")
    order = order_of(kit, fault)
    assert kit.rows("SELECT * FROM clock WHERE work_order = ?", order) == kit.rows("SELECT * FROM call WHERE work_order = ?", order) == []
    assert change(kit, fault, "readiness", roles=TECHNICIAN, reason="it leaks") == "ok"
    now = kit.clock.read().wall_ns
    assert clock(kit, order, "response") == {
        "started_ns": now, "warn_ns": now + 12 * MINUTE, "due_ns": now + 15 * MINUTE, "breached_ns": None, "stopped_ns": None,
    }  # fmt: skip
    assert told(kit, order, "severity")
    due = kit.one("SELECT due_ns FROM severity_change")
    assert due == now + 15 * MINUTE


def test_who_has_it_keeps_it_and_is_watched_by_the_new_limit(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order = order_of(kit, fault)
    kit.command("accept", order, "wang.fang", TECHNICIAN)
    assert change(kit, fault, "danger") == "ok"
    now = kit.clock.read().wall_ns
    assert kit.one("SELECT state, accepted_by FROM work_order WHERE id = ?", order) == ("accepted", "wang.fang")
    assert clock(kit, order, "arrival")["due_ns"] == now + 15 * MINUTE
    assert ("app", "li.wei") in told(kit, order, "severity")
    kit.clock.advance(15 * 60 + 1)
    kit.stay(2, jockey_fault=1)
    kit.run()
    assert kit.one("SELECT state, hollow_json IS NOT NULL FROM work_order WHERE id = ?", order) == ("open", 1)
    kit.tick()
    kit.run()
    assert ("voice", "li.wei") in told(kit, order, "escalated"), "nobody came: the level of the new chain that would have come"


def test_a_repaired_one_that_is_graver_and_still_there_is_open_again(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order = order_of(kit, fault)
    for does in ("accept", "arrive", "restore"):
        kit.command(does, order, "wang.fang", TECHNICIAN)
    assert change(kit, fault, "readiness") == "ok"
    assert kit.one("SELECT state, round FROM work_order WHERE id = ?", order) == ("open", 2)
    assert clock(kit, order, "response")["due_ns"] == kit.clock.read().wall_ns + 15 * MINUTE
    assert kit.one("SELECT state FROM call WHERE work_order = ?", order) == "calling"


def test_making_it_graver_ends_its_shelf(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    kit.command("shelve", fault, "li.wei", ENGINEER, until="4h", reason="spare part")
    assert change(kit, fault, "danger", who="wang.fang", roles=TECHNICIAN) == "ok"
    assert kit.one("SELECT shelved_until_ns, shelf_json FROM fault WHERE id = ?", fault) == (None, None)
    assert told(kit, order_of(kit, fault), "severity")


def test_it_comes_back_as_grave_as_a_person_made_it_and_as_grave_as_its_rule_says(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    order = order_of(kit, fault)
    change(kit, fault, "readiness")
    kit.stay(10)
    again = raised(kit, "jockey_fault", "jockey")
    assert again != fault and order_of(kit, again) == order
    assert kit.one("SELECT severity FROM fault WHERE id = ?", again) == "readiness"
    assert kit.one("SELECT who, before, after FROM severity_change WHERE fault = ?", again) == ("system", "normal", "readiness")
    lowered = raised(kit, "phase_loss", "phase_loss")
    order = order_of(kit, lowered)
    change(kit, lowered, "normal", reason="a fuse", second="wang.fang")
    kit.stay(10)
    again = raised(kit, "phase_loss", "phase_loss")
    assert again != lowered and order_of(kit, again) == order
    assert kit.one("SELECT severity, gravest FROM work_order WHERE id = ?", order) == ("readiness", None)
    assert orjson.loads(kit.one("SELECT chain_json FROM call WHERE work_order = ?", order))["repeat_s"] == 600.0


def test_every_change_is_kept_with_who_why_from_and_to_and_a_repeated_command_is_one(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "jockey")
    kit.command("severity", fault, "li.wei", TECHNICIAN, id="command-up", severity="readiness", reason="water on the floor")
    kit.command("severity", fault, "li.wei", TECHNICIAN, id="command-up", severity="danger")
    change(kit, fault, "normal", reason="it was rain", second="chief")
    rows = kit.rows(
        "SELECT s.who, s.second, s.before, s.after, p.text FROM severity_change s LEFT JOIN private p ON p.id = s.reason ORDER BY s.seq"
    )
    assert rows == [
        ("li.wei", None, "normal", "readiness", "water on the floor"), ("li.wei", "chief", "readiness", "normal", "it was rain"),
    ]  # fmt: skip
    told = kit.rows("SELECT body FROM chronicle WHERE kind = 'fault.severity'")
    assert len(told) == 2 and all(b"water" not in body and b"rain" not in body for (body,) in told), "people's words leave the chronicle"


def test_a_rebuild_gives_the_same_rows(kit: Kit) -> None:
    fault = raised(kit, "jockey_fault", "wear")
    change(kit, fault, "normal")
    change(kit, fault, "advisory", reason="wear")
    kit.stay(3, jockey_fault=1)
    change(kit, fault, "danger", reason="it leaks")
    kit.stay(4, jockey_fault=1)
    kit.clock.advance(190)
    kit.stay(4, jockey_fault=1)
    kit.run()
    kit.engine.memory()
    expected = kit.dump()
    assert len(expected["severity_change"]) == 3
    assert kit.again("whole.db", []) == expected
    for snapped, died in ((5, 9), (8, 13), (14, 16)):
        assert kit.restarted(snapped, died) == expected


@pytest.mark.parametrize("severity", list(Severity))
def test_no_class_makes_a_running_limit_later_or_touches_what_is_over(severity: Severity) -> None:
    began = clocks.start("O1-1", ClockName.RESPONSE, 1, Severity.NORMAL, MIDDAY)
    assert began is not None
    for minutes in range(0, 60, 5):
        now = MIDDAY + minutes * MINUTE
        later = tighten(began, severity, now)
        assert later.due_ns <= began.due_ns and later.started_ns == began.started_ns
        assert later.due_ns >= min(now, began.due_ns), "nor is it missed by the change itself"
    over: list[OrderClock] = [clocks.stop(began, MIDDAY + MINUTE), clocks.notice(began, MIDDAY + 40 * MINUTE)[0]]
    assert [tighten(each, severity, MIDDAY + 2 * MINUTE) for each in over] == over
