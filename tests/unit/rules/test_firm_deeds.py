"""One order is handed to a firm and taken back: who may, whom it calls, what the firm's people may do meanwhile (issue 5, vendor)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import NS
from plantroom.roles import ROLES, Role
from tests.kit.engine import PEOPLE, RULES, Kit, peopled, rule_text
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # in Shanghai
ENGINEER, VENDOR, TECHNICIAN = ROLES[Role.ENGINEER], ROLES[Role.VENDOR], ROLES[Role.TECHNICIAN]
FIRMS = """people:
  - {id: liu, name: 刘工, roles: [vendor], firm: 通力电梯, contacts: {app: liu, voice: "13800000009"}}
  - {id: he, name: 何工, roles: [vendor], firm: 通力电梯, contacts: {app: he}}
  - {id: sun, name: 孙工, roles: [vendor], firm: 别家, contacts: {app: sun}}
  - {id: mute, name: 哑工, roles: [vendor], firm: 无号}
  - {id: wei, name: 魏工, roles: [technician], firm: 通力电梯, contacts: {app: wei}}"""
ON_CALL = """    firm: {shifts: [{people: [liu], hours: "08:00-20:00"}, {people: [he], hours: "20:00-08:00"}]}
escalation:"""
TEXT = PEOPLE.replace("people:", FIRMS, 1).replace("escalation:", ON_CALL, 1)
HERE = {
    **{name: text for name, text in RULES.items() if "delivery_failed" not in name},
    "rules/packs/fire_pump/wear.yaml": rule_text("wear", "control_mode", "advisory", for_="1s"),
}


def kit_of(path: Path, wall_ns: int = MIDDAY) -> Kit:
    kit = Kit(path, wall_ns=wall_ns)
    kit.configure(peopled(TEXT), {k: v for k, v in HERE.items() if "wear" not in k})
    kit.tick()
    return kit


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    made = kit_of(tmp_path)
    yield made
    made.close()


def order_on(kit: Kit, rule: str = "phase_loss", point: str = "phase_loss") -> str:
    kit.stay(5, **{point: 1})
    kit.run()
    return str(kit.one("SELECT work_order FROM fault WHERE rule = ?", rule))


def do(kit: Kit, does: str, order: str, who: str = "li.wei", roles: Any = ENGINEER, **args: Any) -> str:
    said = kit.command(does, order, who, roles, **args)
    kit.engine.memory()
    return said


def told(kit: Kit, reason: str) -> list[tuple[str, str | None]]:
    return kit.rows("SELECT channel, person FROM outbox WHERE reason = ? AND state <> 'dropped' ORDER BY rowid", reason)


def test_a_firms_people_work_on_an_order_from_when_it_is_handed_to_them_until_it_is_taken_back(kit: Kit) -> None:
    order = order_on(kit)
    assert do(kit, "comment", order, "liu", VENDOR, text="x") == "not_of_your_firm"
    assert do(kit, "assign", order, firm="通力电梯", reason="a seal of theirs") == "ok"
    assert do(kit, "comment", order, "liu", VENDOR, text="on the way") == "ok"
    assert do(kit, "comment", order, "he", VENDOR, text="x") == "ok", "every one of the firm"
    assert do(kit, "accept", order, "sun", VENDOR) == do(kit, "accept", order, "nobody.known", VENDOR) == "not_of_your_firm"
    assert do(kit, "accept", order, "wei", ROLES[Role.VENDOR]) == "not_of_your_firm", "who is the firm's and no vendor of the site file"
    assert do(kit, "close", order, "liu", VENDOR, cause="x") == "role_may_not"
    assert do(kit, "take_back", order, reason="we do it") == "ok"
    assert do(kit, "accept", order, "liu", VENDOR) == "not_of_your_firm"
    assert kit.rows("SELECT h.who, h.firm, h.does, p.text FROM handing h LEFT JOIN private p ON p.id = h.reason ORDER BY h.seq") == [
        ("li.wei", "通力电梯", "handed", "a seal of theirs"), ("li.wei", "通力电梯", "taken_back", "we do it"),
    ]  # fmt: skip


def test_another_order_of_the_same_machine_is_not_theirs(kit: Kit) -> None:
    handed, other = order_on(kit), order_on(kit, "ran", "pump_running")
    assert do(kit, "assign", handed, firm="通力电梯") == "ok"
    assert do(kit, "accept", other, "liu", VENDOR) == "not_of_your_firm"
    assert do(kit, "trapped", "fp-1", "liu", VENDOR) == "not_of_your_firm"


def test_who_is_on_duty_for_the_firm_is_called_on_their_own_channels_and_with_every_further_level(kit: Kit) -> None:
    order = order_on(kit)
    assert do(kit, "assign", order, firm="通力电梯") == "ok"
    assert told(kit, "handed") == [("app", "liu"), ("voice", "liu")]
    assert "已派给通力电梯处理" in orjson.loads(kit.one("SELECT message_json FROM outbox WHERE reason = 'handed' LIMIT 1"))["zh"][1]
    assert orjson.loads(kit.one("SELECT state_json FROM command ORDER BY seq DESC LIMIT 1"))["told"] == ["liu"]
    assert kit.one("SELECT state FROM work_order") == "open", "being handed is not accepting: clocks and calls go on"
    assert kit.one("SELECT stopped_ns FROM clock WHERE name = 'response'") is None
    for _ in range(3):
        kit.clock.advance(600)
        kit.tick()
    kit.run()
    assert ("app", "liu") in told(kit, "escalated"), "everybody who was told is told again"
    assert do(kit, "take_back", order) == "ok"
    assert told(kit, "taken_back") == [("app", "liu"), ("voice", "liu")]
    before = len(told(kit, "escalated"))
    kit.clock.advance(600)
    kit.tick()
    kit.run()
    assert not {person for _, person in told(kit, "escalated")[before:]} & {"liu", "he"}, "and no more"
    assert kit.rows("SELECT state FROM outbox WHERE person = 'liu' AND reason <> 'taken_back' AND state = 'queued'") == []


def test_at_night_who_is_on_then_hears_of_a_normal_one_at_once(tmp_path: Path) -> None:
    kit = kit_of(tmp_path, MIDDAY + 11 * 3600 * NS)  # 23:00
    order = order_on(kit, "jockey", "jockey_fault")
    assert do(kit, "assign", order, firm="通力电梯") == "ok"
    assert told(kit, "handed") == [("app", "he")]
    assert kit.one("SELECT due_ns - created_ns FROM outbox WHERE reason = 'handed'") == 0
    kit.close()


def test_of_a_firm_that_is_on_no_team_everybody_is_called_and_of_an_advisory_too(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(TEXT), {"rules/packs/fire_pump/wear.yaml": rule_text("wear", "jockey_fault", "advisory", for_="1s")})
    kit.tick()
    order = order_on(kit, "wear", "jockey_fault")
    assert do(kit, "assign", order, firm="别家") == "ok"
    assert told(kit, "handed") == [("app", "sun")]
    assert do(kit, "assign", order, firm="无号") == "ok", "whom nobody can call sees it all the same"
    assert told(kit, "taken_back") == [("app", "sun")]
    assert orjson.loads(kit.one("SELECT state_json FROM command ORDER BY seq DESC LIMIT 1"))["told"] == []
    assert kit.rows("SELECT firm, does FROM handing ORDER BY seq, does DESC") == [("别家", "handed"), ("别家", "taken_back"), ("无号", "handed")]
    assert do(kit, "comment", order, "sun", VENDOR, text="x") == "not_of_your_firm"
    kit.close()


def test_what_a_firm_had_accepted_is_open_again_when_it_is_taken_back_and_the_next_level_is_called(kit: Kit) -> None:
    order = order_on(kit)
    do(kit, "assign", order, firm="通力电梯")
    assert do(kit, "accept", order, "liu", VENDOR, eta="20m") == "ok"
    assert do(kit, "take_back", order) == "ok"
    assert kit.one("SELECT state, accepted_by, hollow_json FROM work_order") == ("open", None, None), "not their doing: no hollow acceptance"
    kit.tick()
    kit.run()
    assert ("app", "chief") in told(kit, "escalated")
    assert do(kit, "accept", order, "wang.fang", TECHNICIAN) == "ok"
    do(kit, "assign", order, firm="通力电梯")
    assert do(kit, "take_back", order) == "ok"
    assert kit.one("SELECT state, accepted_by FROM work_order") == ("accepted", "wang.fang"), "one of the house keeps it"


def test_an_order_that_is_opened_again_is_still_the_firms_and_calls_them(kit: Kit) -> None:
    order = order_on(kit)
    do(kit, "assign", order, firm="通力电梯")
    for does in ("accept", "arrive", "restore"):
        assert do(kit, does, order, "liu", VENDOR) == "ok"
    sent = len(told(kit, "returned"))
    assert do(kit, "reopen", order, "wang.fang", TECHNICIAN, reason="leaks again") == "ok"
    assert ("app", "liu") in told(kit, "returned")[sent:]


def test_who_may_and_what_is_refused(kit: Kit) -> None:
    order = order_on(kit)
    for role in (Role.TECHNICIAN, Role.MANAGER, Role.VENDOR, Role.VIEWER):
        assert do(kit, "assign", order, roles=ROLES[role], firm="通力电梯") == "assign_needs_engineer"
    assert do(kit, "assign", order, firm="没有这家") == do(kit, "assign", order) == "unknown_firm"
    assert do(kit, "take_back", order) == "not_assigned"
    assert do(kit, "assign", "O0-0", firm="通力电梯") == "unknown_order"
    assert do(kit, "assign", order, roles=ROLES[Role.SUPERVISOR], firm="通力电梯") == "ok"
    assert do(kit, "assign", order, firm="通力电梯") == "already_assigned"
    kit.stay(10)
    for does in ("accept", "arrive", "restore"):
        do(kit, does, order, "wang.fang", TECHNICIAN)
    assert do(kit, "close", order, roles=ROLES[Role.SUPERVISOR], cause="x") == "ok"
    assert do(kit, "assign", order, firm="别家") == do(kit, "take_back", order) == "already_closed"


def test_a_page_that_takes_an_order_back_is_no_sign_that_somebody_is_called(kit: Kit) -> None:
    """T3: a provider that takes it has not taken a call."""
    order = order_on(kit)
    do(kit, "assign", order, firm="通力电梯")
    do(kit, "take_back", order)
    page = kit.one("SELECT id FROM outbox WHERE reason = 'taken_back' LIMIT 1")
    kit.attempt(page, "accepted")
    kit.run()
    assert kit.one("SELECT taken_ns FROM call WHERE work_order = ?", order) is None


def test_a_rebuild_gives_the_same_rows(kit: Kit) -> None:
    order = order_on(kit)
    do(kit, "assign", order, firm="别家")
    do(kit, "assign", order, firm="通力电梯", reason="theirs")
    do(kit, "accept", order, "liu", VENDOR)
    do(kit, "take_back", order)
    kit.clock.advance(700)
    kit.stay(3, phase_loss=1)
    kit.run()
    kit.engine.memory()
    expected = kit.dump()
    assert len(expected["handing"]) == 4
    assert kit.again("whole.db", []) == expected
    assert kit.again("cut.db", [13, 14, 15, 16]) == expected
    assert kit.restarted(13, 15) == expected
