"""T3: what no provider takes within 30 s goes out on the next channels, within 100 s it is a fault, for normal faults as for urgent ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import NS, iso
from plantroom.journal import Kind
from rules import engine, flood, widening
from rules.outbox import PAUSES_NORMAL
from tests.kit.engine import RULES, Kit, event_text, peopled
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # in Shanghai
PEOPLE = """
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {app: liwei, voice: "13800000001"}}
  - {id: chief, name: 陈总, roles: [manager], contacts: {app: chief}}
roster:
  teams:
    engineering: {shifts: [{people: [li.wei], hours: "00:00-24:00"}]}
    managers: {shifts: [{people: [chief], hours: "00:00-24:00"}]}
escalation:
  readiness: {steps: [{after: 0s, tell: [engineering], by: [app]}, {after: 10m, tell: [managers]}], repeat: 10m}
  normal: {steps: [{after: 0s, tell: [engineering], by: [app]}, {after: 30m, tell: [managers]}], repeat: 1h}
"""

NORMAL_TOO = peopled(PEOPLE).replace("severities: [danger, readiness]}\ndevices", "severities: [danger, readiness, normal]}\ndevices")


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(NORMAL_TOO, RULES)
    yield kit
    kit.close()


TROUBLE = {"readiness": "phase_loss", "normal": "jockey_fault"}


def trouble(kit: Kit, severity: str, seconds: int) -> None:
    for _ in range(seconds):
        kit.read(None, 1, **{TROUBLE[severity]: 1})
        kit.tick()
    kit.run()


def order(kit: Kit, severity: str) -> str:
    return str(kit.rows("SELECT id FROM work_order WHERE equipment = 'fp-1' AND severity = ? ORDER BY rowid LIMIT 1", severity)[0][0])


def told(kit: Kit, severity: str) -> list[tuple[int, str, str | None]]:
    """(seconds after the first, channel, person) of the pages about the order."""
    rows = kit.rows("SELECT created_ns, channel, person FROM outbox WHERE work_order = ? ORDER BY created_ns, rowid", order(kit, severity))
    return [(round((row[0] - rows[0][0]) / NS), row[1], row[2]) for row in rows]


def failed(kit: Kit) -> bool:
    return ("monitor", "delivery_failed", "active") in kit.faults()


@pytest.mark.parametrize("severity", TROUBLE)
def test_no_acceptance_takes_the_next_channel_then_the_groups_then_the_next_level(kit: Kit, severity: str) -> None:
    trouble(kit, severity, 36)
    assert told(kit, severity) == [(0, "app", "li.wei"), (30, "voice", "li.wei")]
    trouble(kit, severity, 70)
    assert failed(kit)
    groups = {(channel, person) for after, channel, person in told(kit, severity) if after == 60}
    assert ("duty", None) in groups and (91, "app", "chief") in told(kit, severity)


@pytest.mark.parametrize("severity", TROUBLE)
def test_one_providers_yes_is_enough(kit: Kit, severity: str) -> None:
    trouble(kit, severity, 5)
    page = str(kit.rows("SELECT id FROM outbox WHERE work_order = ?", order(kit, severity))[0][0])
    kit.attempt(page, "accepted", "ok")
    trouble(kit, severity, 130)
    assert told(kit, severity) == [(0, "app", "li.wei")] and not failed(kit)


def test_a_refusal_is_no_yes(kit: Kit) -> None:
    trouble(kit, "normal", 5)
    kit.attempt(str(kit.rows("SELECT id FROM outbox WHERE work_order = ?", order(kit, "normal"))[0][0]), "refused", "403")
    trouble(kit, "normal", 40)
    assert (30, "voice", "li.wei") in told(kit, "normal")


@pytest.mark.parametrize("state", ["held", "undelivered"])
def test_who_is_held_back_or_was_not_reached_is_told_on_their_next_channel_at_once(kit: Kit, state: str) -> None:
    trouble(kit, "readiness", 5)
    page = str(kit.rows("SELECT id FROM outbox WHERE work_order = ?", order(kit, "readiness"))[0][0])
    kit.attempt(page, "accepted", "ok")
    receipt = {"outbox": page, "channel": "app", "state": state, "text": "", "work_order": order(kit, "readiness"), "person": "li.wei"}
    for _ in range(3):
        kit.say(receipt, Kind.RECEIPT)
    trouble(kit, "readiness", 1)
    assert [target[1:] for target in told(kit, "readiness")] == [("app", "li.wei"), ("voice", "li.wei")], "once"
    kit.command("accept", order(kit, "readiness"))
    kit.say({**receipt, "person": "chief"}, Kind.RECEIPT)
    trouble(kit, "readiness", 1)
    assert len(told(kit, "readiness")) == 2, "somebody has it: nobody is called"


def test_a_shelf_that_took_back_what_nobody_had_sent_yet_ends_without_a_rush(kit: Kit) -> None:
    """The wait for a provider's yes begins with the page of the shelf's end, not with one that was taken back an hour ago."""
    trouble(kit, "normal", 4)
    fault = str(kit.one("SELECT id FROM fault WHERE severity = 'normal'"))
    until = iso(kit.clock.read().wall_ns + 3600 * NS)
    assert kit.command("shelve", fault, who="chief", roles=("technician", "engineer"), until=until, reason="seal") == "ok"
    before = len(told(kit, "normal"))
    while len(told(kit, "normal")) == before:
        kit.clock.advance(9)
        trouble(kit, "normal", 1)
    trouble(kit, "normal", 4)
    assert [target[1:] for target in told(kit, "normal")[before:]] == [("app", "li.wei"), ("app", "chief")], "as the chain has it by now"
    assert not failed(kit)


@pytest.mark.parametrize("attempts", [0, 6])
def test_what_was_gathered_and_no_provider_takes_is_a_fault_too(kit: Kit, monkeypatch: pytest.MonkeyPatch, attempts: int) -> None:
    monkeypatch.setattr(flood, "FEWER_THAN", 0)
    kit.configure(NORMAL_TOO, {**RULES, "rules/packs/monitor/alarm_flood.yaml": event_text("alarm_flood", clear_after="1h")})
    kit.event("alarm_flood", count=11)
    trouble(kit, "normal", 4)
    for (page,) in kit.rows("SELECT id FROM outbox WHERE state = 'queued' AND fault IS NOT NULL"):
        kit.attempt(page, "accepted", "ok")  # of the flood itself
    [(page, due_ns)] = kit.rows("SELECT id, due_ns FROM outbox WHERE state = 'queued' AND fault IS NULL AND person = 'li.wei'")
    for (other,) in kit.rows("SELECT id FROM outbox WHERE state = 'queued' AND fault IS NULL AND id <> ?", page):
        kit.attempt(other, "accepted", "ok")
    kit.clock.advance((due_ns - kit.clock.read().wall_ns) / NS)
    kit.tick(0)
    for n in range(attempts):
        kit.attempt(page, "retry", "no answer")
        kit.tick(PAUSES_NORMAL[n])
    kit.ticks(90 if not attempts else 0)
    kit.run()
    assert failed(kit) is (attempts > 0)
    kit.ticks(12)
    kit.run()
    assert failed(kit)


def test_the_control_without_it_a_normal_fault_waits_for_its_dead_channel(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOOKS", {does: look for does, look in engine.LOOKS.items() if look is not widening.look})
    trouble(kit, "normal", 130)
    assert told(kit, "normal") == [(0, "app", "li.wei")] and not failed(kit)


def test_the_same_rows_however_the_records_are_cut(kit: Kit) -> None:
    trouble(kit, "normal", 110)
    assert kit.again("cut.db", range(1, len(kit.journal), 7))["call"] == kit.again("whole.db", [])["call"] != []
