"""Matters of weight reach the departments (R-3): each head has a task and confirms in time; the manager is called where one is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from plantroom.clock import NS
from plantroom.journal import Kind
from plantroom.messages import STEP_COLUMNS, width
from plantroom.words import LANGUAGES, say
from rules import heads
from rules.book import pack
from rules.engine import LOOKS
from rules.heads import TABLE, Event, State
from rules.tasks import MATTERS, OF_KIND, OF_RULE, matter_of, task_of
from tests.kit.engine import PEOPLE, RULES, Kit, event_text, peopled, rule_text
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS
MINUTE = 60 * NS
MORE = """  - {id: guard, name: 保安, roles: [technician], contacts: {app: guard}}
  - {id: desk, name: 前台, roles: [viewer], contacts: {app: desk}, language: en}
roster:"""
TEAMS = """    security: {shifts: [{people: [guard], hours: "00:00-24:00"}]}
    service: {shifts: [{people: [desk], hours: "08:00-20:00"}]}
escalation:
  major: {heads: {engineering: engineering, security: security, service: service}, manager: chief}"""
STAFFED = PEOPLE.replace("roster:", MORE, 1).replace("escalation:", TEAMS, 1)
HERE = {
    **{name: text for name, text in RULES.items() if "delivery_failed" not in name},
    "rules/packs/fire_pump/ran.yaml": rule_text("ran", "pump_running", "danger", extra="major: true"),
    "rules/packs/monitor/escalation_idle.yaml": event_text("escalation_idle"),
}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(STAFFED), HERE)
    yield kit
    kit.close()


def raised(kit: Kit) -> str:
    kit.stay(3, pump_running=1)
    kit.run()
    return str(kit.one("SELECT id FROM work_order WHERE equipment = 'fp-1' AND severity = 'danger'"))


def called(kit: Kit) -> list[tuple[str, str | None, int]]:
    """(head, person, seconds after the first) of their pages."""
    kit.run()
    rows = kit.rows("SELECT message_json, person, created_ns FROM outbox WHERE reason = 'major' ORDER BY created_ns, rowid")
    return [(orjson.loads(row[0])["head"], row[1], round((row[2] - rows[0][2]) / NS)) for row in rows]


def states(kit: Kit) -> dict[str, str]:
    return dict(kit.rows("SELECT head, state FROM head_call"))


def test_the_table_answers_every_event_in_every_state() -> None:
    assert set(TABLE) == {(state, event) for state in State for event in Event}
    assert all(after is not State.CALLING for after in TABLE.values())


def test_each_head_is_told_at_once_with_a_task_and_an_instant(kit: Kit) -> None:
    order = raised(kit)
    assert {(head, person) for head, person, at in called(kit) if at == 0} == {("engineering", "li.wei"), ("security", "guard"), ("service", "desk")}
    opened = kit.one("SELECT opened_ns FROM work_order WHERE id = ?", order)
    assert set(kit.rows("SELECT due_ns, state, missed_ns FROM head_call")) == {(opened + 15 * MINUTE, "calling", None)}
    words = {person: orjson.loads(text) for person, text in kit.rows("SELECT person, message_json FROM outbox WHERE reason = 'major'")}
    assert words["guard"]["zh"][0].startswith("〔出险〕ran出了事 1号消防泵")
    assert "12:15前确认" in words["guard"]["zh"][1] and "组织疏散" in words["guard"]["zh"][1]
    assert "tell tenants" in words["desk"]["en"][1] and words["desk"]["head"] == "service"


def test_a_fault_without_weight_tells_no_head(kit: Kit) -> None:
    kit.stay(3, phase_loss=1)
    kit.run()
    assert kit.rows("SELECT severity FROM work_order") == [("readiness",)] and called(kit) == []


def test_who_confirms_is_called_no_more_and_the_others_are(kit: Kit) -> None:
    order = raised(kit)
    assert kit.command("acknowledge", order, who="guard", head="security") == "ok"
    at = kit.clock.read().wall_ns
    assert kit.rows("SELECT acked_ns, acked_by, next_ns FROM head_call WHERE head = 'security'") == [(at, "guard", None)]
    kit.ticks(11 * 60)
    told = called(kit)
    assert [at for head, _, at in told if head == "security"] == [0]
    assert [at for head, _, at in told if head == "service"] == [0, 300, 600]
    assert kit.rows("SELECT count(*) FROM head_call WHERE head = 'manager'") == [(0,)]


def test_the_manager_is_called_when_one_is_missing_at_the_time_and_no_longer_once_nobody_is(kit: Kit) -> None:
    order = raised(kit)
    for who, head in (("guard", "security"), ("li.wei", "engineering")):
        assert kit.command("acknowledge", order, who=who, head=head) == "ok"
    kit.ticks(14 * 60 + 50)
    assert "manager" not in {head for head, _, _ in called(kit)}
    kit.ticks(20)
    told = called(kit)
    assert {(person, at) for head, person, at in told if head == "manager"} == {("chief", 900)}
    [text] = {row[0] for row in kit.rows("SELECT message_json FROM outbox WHERE reason = 'major' AND person = 'chief'")}
    assert "客服未确认" in orjson.loads(text)["zh"][1] and "not confirmed by service" in orjson.loads(text)["en"][1]
    due, missed = kit.one("SELECT due_ns, missed_ns FROM head_call WHERE head = 'service'")
    assert missed == due, "the instant that passed, not when it was noticed"
    [text] = {orjson.loads(row[0])["zh"][1] for row in kit.rows("SELECT message_json FROM outbox WHERE reason = 'major' AND created_ns >= ? AND person = 'desk'", due)}
    assert "确认已超时" in text
    kit.ticks(5 * 60)
    assert {at for head, _, at in called(kit) if head == "service"} == {0, 300, 600, 900, 1200}, "missed is not forgotten"
    assert kit.command("acknowledge", order, who="desk", head="service") == "ok"
    assert states(kit) == {"engineering": "acknowledged", "security": "acknowledged", "service": "acknowledged", "manager": "over"}
    before = called(kit)
    kit.ticks(20 * 60)
    assert called(kit) == before


def test_the_heads_and_the_chain_leave_one_another_alone(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head who never answers stops no call; who accepts the order confirms for nobody. That no provider takes anything is another test's."""
    monkeypatch.setattr("rules.engine.LOOKS", {does: look for does, look in LOOKS.items() if does != "widening"})
    order = raised(kit)
    for _ in range(20):
        for (page,) in kit.rows("SELECT id FROM outbox WHERE state = 'queued' AND reason <> 'major'"):
            kit.attempt(page, "accepted", "ok")  # else T3 takes every channel there is
        kit.ticks(20)
        kit.run()
    steps = {row[0] for row in kit.rows("SELECT channel FROM outbox WHERE reason = 'escalated'")}
    assert steps == {"voice", "app"}, "the chain's own next levels, as without heads"
    assert kit.command("accept", order, who="li.wei") == "ok"
    kit.ticks(300)
    assert {head for head, _, at in called(kit) if at == 600} == {"engineering", "security", "service"}
    assert kit.command("acknowledge", order, who="li.wei", head="engineering") == "ok"
    assert kit.rows("SELECT state FROM work_order") == [("accepted",)]


def test_a_head_who_was_told_is_no_yes_for_the_chain(kit: Kit) -> None:
    """T3: customer service has its task; who is to run to the pump has heard nothing, so their other channels are taken."""
    order = raised(kit)
    for (page,) in kit.rows("SELECT id FROM outbox WHERE reason = 'major'"):
        kit.attempt(page, "accepted", "ok")
    kit.ticks(35)
    kit.run()
    voice = kit.rows("SELECT person FROM outbox WHERE work_order = ? AND reason = 'escalated' AND channel = 'voice'", order)
    assert voice == [("li.wei",)]


def test_a_head_who_was_not_reached_joins_no_chain(kit: Kit) -> None:
    order = raised(kit)
    page = str(kit.one("SELECT id FROM outbox WHERE reason = 'major' AND person = 'guard'"))
    kit.say({"outbox": page, "channel": "app", "state": "undelivered", "text": "", "work_order": order, "person": "guard"}, Kind.RECEIPT)
    kit.run()
    assert "guard" not in str(kit.one("SELECT called_json FROM call WHERE work_order = ?", order))


def test_who_may_confirm(kit: Kit) -> None:
    order = raised(kit)
    assert kit.command("acknowledge", order, who="guard", head="service") == "not_your_task"
    assert kit.command("acknowledge", order, who="desk", roles=["viewer"], head="service") == "ok"
    assert kit.command("acknowledge", order, who="desk", head="service") == "already_acknowledged"
    assert kit.command("acknowledge", order, who="boss", roles=["supervisor"], head="security") == "ok"
    assert kit.command("acknowledge", order, who="desk", head="cleaning") == "no_head"
    assert kit.command("acknowledge", "O0-0", who="desk", head="service") == "unknown_order"
    assert kit.command("acknowledge", order, who="desk") == "argument"


def test_a_head_whom_nobody_can_reach_is_missing_at_once(tmp_path: Path) -> None:
    """Ten in the evening: customer service has gone home. Every group hears it, and the manager now."""
    kit = Kit(tmp_path, wall_ns=MIDDAY + 10 * 3600 * NS)
    kit.configure(peopled(STAFFED), HERE)
    raised(kit)
    told = called(kit)
    assert ("service", None, 0) in told and ("manager", "chief", 0) in told
    kit.close()


def test_one_person_who_heads_two_departments_has_both_tasks(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(STAFFED.replace("security: security", "security: guard").replace("service: service", "service: guard")), HERE)
    order = raised(kit)
    kit.ticks(301)
    kit.run()
    queued = kit.rows("SELECT message_json FROM outbox WHERE reason = 'major' AND person = 'guard' AND state = 'queued'")
    assert sorted(orjson.loads(row[0])["head"] for row in queued) == ["security", "service"], "one is not dropped for the other"
    assert kit.command("acknowledge", order, who="guard", head="security") == "ok" and states(kit)["service"] == "calling"
    kit.close()


def test_a_closed_order_calls_no_head_and_one_opened_again_calls_all(kit: Kit) -> None:
    order = raised(kit)
    kit.stay(10)
    kit.command("arrive", order)
    kit.command("restore", order)
    assert kit.command("close", order, who="boss", roles=["supervisor"], cause="x") == "ok"
    assert set(states(kit).values()) == {"over"}
    kit.ticks(20)
    assert kit.command("reopen", order, reason="again") == "ok"
    assert set(kit.rows("SELECT head, round, state FROM head_call WHERE round = 2")) == {(head, 2, "calling") for head in heads.HEADS}


def test_a_restart_and_a_rebuild_give_the_same_rows(kit: Kit) -> None:
    order = raised(kit)
    kit.command("acknowledge", order, who="guard", head="security")
    kit.ticks(16 * 60, every_s=5)
    kit.clock.step_wall(7200)
    kit.ticks(10)
    kit.run()
    kit.engine.memory()
    expected = kit.dump()
    half = len(kit.journal) // 2
    assert kit.again("whole.db", []) == expected
    assert kit.again("cut.db", [half]) == expected
    assert kit.restarted(half // 2, half) == expected
    due, now = kit.one("SELECT max(due_ns) FROM head_call WHERE state = 'calling'"), kit.clock.read().wall_ns
    assert abs(due - now) < 20 * MINUTE, "a set clock moves what is running with it"


def test_a_new_round_without_heads_leaves_none_of_the_round_before_calling(kit: Kit) -> None:
    """The site has taken its heads out meanwhile: what goes on calling before a restart goes on after it, so nothing does."""
    order = raised(kit)
    kit.command("arrive", order)
    kit.command("restore", order)
    kit.configure(peopled(STAFFED.replace(", manager: chief}", "}").replace("  major: {heads: {engineering: engineering, security: security, service: service}}", "")), HERE)
    kit.tick()
    kit.run()
    assert kit.command("reopen", order, reason="still") == "ok"
    assert set(states(kit).values()) == {"over"} and kit.engine.desk.matters.heads(order) == []


def test_a_configuration_that_names_heads_tells_them_of_what_stands_open(kit: Kit) -> None:
    kit.configure(peopled(), HERE)
    raised(kit)
    assert called(kit) == []
    kit.configure(peopled(STAFFED), HERE)
    kit.run()
    assert {head for head, _, _ in called(kit)} == set(heads.HEADS)
    assert not kit.rows("SELECT 1 FROM fault WHERE rule = 'escalation_idle'")


@pytest.mark.parametrize("spoil", ["next_ns = NULL", "next_ns = next_ns + 86400000000000", "due_ns = began_ns - 60000000000"])
def test_the_auditor_sees_a_head_whose_call_was_lost(kit: Kit, spoil: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the rows alone; what is idle is called at once, and a fault of its own."""
    order = raised(kit)
    kit.engine.memory()
    row = kit.engine.desk.matters.head(order, "security")
    assert row is not None
    kit.close()
    db = __import__("apsw").Connection(str(kit.folder / "records.db"))
    db.execute(f"UPDATE head_call SET {spoil} WHERE head = 'security'")
    db.close()
    kit.open()
    kit._done = 0
    kit.ticks(3)
    kit.run()
    assert kit.rows("SELECT rule FROM fault WHERE rule = 'escalation_idle'") == [("escalation_idle",)]
    assert [person for head, person, _ in called(kit) if head == "security"] == ["guard", "guard"]


def test_the_auditor_sees_heads_that_were_never_told(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(heads, "begin", lambda *_: None)
        kit.stay(2, pump_running=1)
        kit.run()
        broken.setitem(LOOKS, "audit", lambda *_: None)  # type: ignore[arg-type]
        raised(kit)
    kit.tick()
    kit.run()
    assert {head for head, _, _ in called(kit)} == set(heads.HEADS)
    assert kit.rows("SELECT rule FROM fault WHERE rule = 'escalation_idle'") == [("escalation_idle",)]


@pytest.mark.parametrize("matter", MATTERS)
def test_every_matter_has_words_for_every_head_that_fit_an_alert(matter: str) -> None:
    for head in heads.HEADS:
        for lang in LANGUAGES:
            assert 0 < width(say(f"major.task.{matter}.{head}", lang)) <= STEP_COLUMNS[lang]


def test_the_manager_is_told_in_words_that_fit_who_is_missing() -> None:
    row = SimpleNamespace(head="manager")
    for lang, text in task_of(row, None, heads.HEADS).items():  # type: ignore[arg-type]
        assert 0 < width(text) <= STEP_COLUMNS[lang]


def test_every_major_rule_that_ships_is_urgent_and_is_a_known_matter() -> None:
    majors = [rule for rule in pack().rules if rule.major]
    assert {rule.applies_to[0] for rule in majors} >= {"elevator", "fire_panel", "fire_pump", "room", "sump", "generator"}
    for rule in majors:
        assert matter_of(rule.id, rule.applies_to[0]) != "general", rule.id
        assert all(severity.urgent for severity in rule.severity.values()), rule.id
    assert set(OF_RULE) <= {rule.id for rule in majors} and SimpleNamespace(**OF_KIND).elevator == "trapped"
