"""Who is called about an order, when, and who after them; the auditor that finds what was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from plantroom.clock import NS
from plantroom.escalation import Chain, Step
from plantroom.model import Severity
from plantroom.site import Channel
from rules import calling, engine
from rules.calling import TABLE, Event, State
from rules.desk import Desk
from rules.house import House
from rules.reach import Target, everyone
from rules.rows import Call, as_json
from tests.kit.engine import PEOPLE, RULES, Kit, event_text, peopled
from tests.kit.journals import NOON

MINUTE = 60
MIDDAY = NOON - 8 * 3600 * NS  # in Shanghai
HERE = {name: text for name, text in RULES.items() if "delivery_failed" not in name}  # nobody delivers anything here


@pytest.fixture(autouse=True)
def taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows where no provider takes a page: test_widening.py."""
    monkeypatch.setattr(engine, "LOOKS", {does: look for does, look in engine.LOOKS.items() if does != "widening"})


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(), {**HERE, "rules/packs/monitor/escalation_idle.yaml": event_text("escalation_idle")})
    yield kit
    kit.close()


def calls(kit: Kit, *reasons: str) -> list[tuple[int, str, str | None]]:
    """(seconds after the first, channel, person) of the pages about the first order."""
    kit.run()
    rows = kit.rows("SELECT created_ns, channel, person, reason FROM outbox WHERE work_order = ? ORDER BY created_ns, rowid", order(kit))
    wanted = [row for row in rows if row[3] in (reasons or ("raised", "escalated"))]
    return [(round((row[0] - rows[0][0]) / NS), row[1], row[2]) for row in wanted]


def running(kit: Kit, seconds: int) -> None:
    """The pump runs, which is a danger here."""
    kit.stay(seconds, pump_running=1)


def order(kit: Kit) -> str:
    kit.run()
    return str(kit.one("SELECT id FROM work_order WHERE equipment = 'fp-1' ORDER BY opened_ns, rowid LIMIT 1"))


def test_the_table_answers_every_event_in_every_state() -> None:
    assert set(TABLE) == {(state, event) for state in State for event in Event}
    assert all(after is State.CALLING for (_, event), after in TABLE.items() if event is Event.AGAIN)
    assert all(after is not State.CALLING for (_, event), after in TABLE.items() if event in (Event.ANSWER, Event.END))


def test_levels_come_at_their_instants_and_the_last_repeats_without_an_end(kit: Kit) -> None:
    """O-1, T4: nobody has it, so the next level is told, and all of them again and again."""
    running(kit, 16 * MINUTE)
    told = calls(kit)
    assert [each for each in told if each[0] == 0] == [(0, "app", "li.wei"), (0, "duty", None)]
    assert [each for each in told if each[0] == 180] == [(180, "voice", "li.wei")]
    assert [each for each in told if each[0] == 360] == [(360, "app", "chief"), (360, "voice", "chief")]
    everybody = {("app", "li.wei"), ("duty", None), ("voice", "li.wei"), ("app", "chief"), ("voice", "chief")}
    for at in (540, 720, 900):
        assert {each[1:] for each in told if each[0] == at} == everybody
    assert {each[0] for each in told} == {0, 180, 360, 540, 720, 900}


def test_who_is_on_duty_is_asked_when_they_are_called(tmp_path: Path) -> None:
    """Ten minutes before eight in the evening; the second call is the night shift's."""
    kit = Kit(tmp_path, wall_ns=NOON - 2 * MINUTE * NS)
    kit.configure(peopled(), HERE)
    running(kit, 4 * MINUTE)
    told = calls(kit)
    assert (0, "app", "li.wei") in told
    later = [each for each in told if each[0] > 0]
    assert later == [(180, "app", "chief"), (180, "voice", "chief")], (
        "she has no number to ring: that step reaches nobody, the next comes at once"
    )
    kit.close()


@pytest.mark.parametrize("does", ["accept", "arrive"])
def test_an_answer_stops_the_calls_and_what_was_still_to_be_sent(kit: Kit, does: str) -> None:
    running(kit, 200)
    assert kit.command(does, order(kit)) == "ok"
    before = calls(kit)
    assert kit.rows("SELECT state FROM outbox WHERE reason = 'escalated'") == [("dropped",)]
    running(kit, 10 * MINUTE)
    assert calls(kit) == before
    assert kit.rows("SELECT state, next_ns FROM call") == [("answered", None)]


def test_who_accepts_and_does_not_come_has_accepted_hollowly_and_the_next_level_is_called(kit: Kit) -> None:
    """空接单: danger has 15 minutes for the way."""
    running(kit, 30)
    kit.command("accept", order(kit))
    running(kit, 15 * MINUTE + 2)
    kit.run()
    state, hollow = kit.rows("SELECT state, hollow_json FROM work_order")[0]
    [said] = orjson.loads(hollow)
    assert (state, said["by"]) == ("open", "li.wei") and said["due_ns"] - said["accepted_ns"] == 15 * MINUTE * NS
    told = calls(kit, "escalated")
    assert [each[1:] for each in told] == [("voice", "li.wei")], "the level that would have come, at once"
    [message] = [orjson.loads(row[0]) for row in kit.rows("SELECT message_json FROM outbox WHERE reason = 'escalated'")]
    assert "li.wei's name接单后未到场" in message["zh"][1] and "li.wei's name accepted and did not come" in message["en"][1]
    assert kit.command("accept", order(kit), who="chief") == "ok"
    assert kit.rows("SELECT breached_ns, stopped_ns FROM clock WHERE name = 'arrival'") == [(None, None)], "his own way is watched anew"
    running(kit, 10 * MINUTE)
    assert calls(kit, "escalated") == told


def test_an_order_opened_again_is_called_from_the_first_level(kit: Kit) -> None:
    running(kit, 200)
    id_ = order(kit)
    for does in ("accept", "restore"):
        kit.command(does, id_)
    assert kit.command("reopen", id_, who="wang", reason="it still runs") == "ok"
    assert [each[1:] for each in calls(kit, "returned")] == [("app", "li.wei"), ("duty", None)]
    running(kit, 181)
    assert calls(kit, "escalated")[-1][1:] == ("voice", "li.wei")


def test_the_chain_is_the_one_of_the_time_the_order_was_opened(kit: Kit) -> None:
    running(kit, 30)
    kit.configure(peopled(PEOPLE.replace("after: 180s", "after: 30m").replace("after: 6m", "after: 40m")), HERE)
    running(kit, 400)
    assert {each[0] for each in calls(kit)} == {0, 180, 360}


def test_a_shelf_says_until_when_nobody_is_called(kit: Kit) -> None:
    kit.stay(5, phase_loss=1)
    kit.run()
    fault = str(kit.one("SELECT id FROM fault"))
    until = kit.clock.read().wall_ns + 1800 * NS
    assert kit.command("shelve", fault, roles=["engineer"], until="30m", reason="known", second="wang") == "ok"
    kit.stay(1700, phase_loss=1)
    assert calls(kit, "escalated") == []
    kit.stay(130, phase_loss=1)
    assert calls(kit, "escalated")[0][0] >= (until - MIDDAY) // NS - 10


def test_without_people_everybody_is_told_again_and_again(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.configure(rules=HERE)
    running(kit, 7 * MINUTE)
    told = calls(kit)
    assert told == [(at, channel, None) for at in (0, 180, 360) for channel in ("duty", "screen")]
    kit.close()


def test_an_engine_that_was_away_calls_once_for_all_steps_it_missed(kit: Kit) -> None:
    running(kit, 10)
    before = calls(kit)
    kit.clock.advance(20 * MINUTE)
    kit.read(None, 1, None, pump_running=1)
    kit.tick()
    late = [each for each in calls(kit) if each not in before]
    assert {each[1:] for each in late} == {("voice", "li.wei"), ("app", "chief"), ("voice", "chief")} and len(late) == 3
    [(next_ns,)] = kit.rows("SELECT next_ns FROM call")
    assert 0 < next_ns - kit.clock.read().wall_ns <= 180 * NS


def test_a_channel_that_takes_nothing_does_not_collect_calls(kit: Kit) -> None:
    """One waits for each target, the newest; the first page and the clock's words wait beside it."""
    running(kit, 40 * MINUTE)
    kit.run()
    waiting = kit.rows("SELECT channel, person, count(*) FROM outbox WHERE state = 'queued' AND reason = 'escalated' GROUP BY 1, 2")
    assert len(waiting) == 5 and {row[2] for row in waiting} == {1}
    assert len(kit.rows("SELECT 1 FROM outbox WHERE state = 'dropped' AND reason = 'escalated'")) > 40


def test_who_left_the_configuration_is_called_no_more(kit: Kit) -> None:
    running(kit, 400)
    without = "\n".join(line for line in PEOPLE.splitlines() if "chief" not in line)
    kit.configure(peopled(without.replace(", {after: 6m, tell: [managers]}", "").replace(", {after: 10m, tell: [managers]}", "")), HERE)
    before = len(calls(kit))
    running(kit, 400)
    assert {each[2] for each in calls(kit)[before:]} == {"li.wei", None}


@pytest.mark.parametrize(("said", "kept"), [({}, 1), ({"confirmed": True}, 1), ({"confirmed": False}, 0)])
def test_what_a_channel_took_without_knowing_more_is_kept_as_no_more(kit: Kit, said: dict[str, bool], kept: int) -> None:
    running(kit, 5)
    kit.run()
    page = str(kit.rows("SELECT id FROM outbox ORDER BY rowid LIMIT 1")[0][0])
    kit.attempt(page, "accepted", "sent", **said)
    kit.run()
    assert kit.one("SELECT verdict, confirmed FROM attempt") == ("accepted", kept)
    [body] = [orjson.loads(row[0]) for row in kit.rows("SELECT body FROM chronicle WHERE kind = 'attempt'")]
    assert body.get("confirmed", True) is bool(kept)


# -- the auditor


def test_an_order_whose_call_is_gone_is_found_at_the_next_tick_and_called_anew(kit: Kit) -> None:
    """P4, never raised and idle: the negative control is that without the auditor nothing more happens."""
    running(kit, 10)
    kit.run()
    call = kit.engine.desk.calls[order(kit)]
    call.next_ns = None
    running(kit, 3)
    assert len(calls(kit, "escalated")) == 2
    assert kit.rows("SELECT rule FROM fault WHERE kind = 'monitor'") == [("escalation_idle",)]


def test_without_the_auditor_such_an_order_stays_idle(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rules.auditor._idle", lambda desk, order, shelved_ns: "")
    running(kit, 10)
    kit.run()
    kit.engine.desk.calls[order(kit)].next_ns = None
    running(kit, 20 * MINUTE)
    assert calls(kit, "escalated") == []


def test_a_call_that_is_due_and_never_made_is_told(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks at calls raise, are passed over, or are gone: the rows still say that a step is overdue."""
    monkeypatch.setattr("rules.engine.calling.take", lambda desk, house, work_order: None)
    running(kit, 170)
    kit.run()
    assert kit.rows("SELECT rule FROM fault WHERE kind = 'monitor'") == []
    running(kit, 40)
    kit.run()
    assert kit.rows("SELECT rule FROM fault WHERE kind = 'monitor'") == [("escalation_idle",)]


def test_a_call_that_raises_silences_no_other(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    take = calling.take

    def broken(desk: Desk, house: House, work_order: str) -> None:
        if desk.orders[work_order].equipment == "fp-1":
            raise RuntimeError("a defect")
        take(desk, house, work_order)

    monkeypatch.setattr("rules.engine.calling.take", broken)
    kit.stay(3, pump_running=1)
    kit.stay(3, 2, pump_running=1)
    for _ in range(100):
        kit.stay(1, pump_running=1)
        kit.stay(1, 2, pump_running=1)
    kit.run()
    called = {row[0] for row in kit.rows("SELECT o.equipment FROM outbox p JOIN work_order o ON o.id = p.work_order WHERE p.reason = 'escalated'")}
    assert called == {"fp-2"} and kit.rows("SELECT DISTINCT does FROM skipped") == [("call",)]


def test_a_next_call_too_far_away_is_found_too(kit: Kit) -> None:
    running(kit, 10)
    kit.run()
    kit.engine.desk.calls[order(kit)].next_ns = kit.clock.read().wall_ns + 3600 * NS
    running(kit, 3)
    assert calls(kit, "escalated")


def test_an_acceptance_nobody_watches_gets_its_arrival_clock_again(kit: Kit) -> None:
    running(kit, 10)
    kit.command("accept", order(kit))
    desk = kit.engine.desk
    [key] = [key for key in desk.clocks if key[1].value == "arrival"]
    del desk.clocks[key]
    running(kit, 3)
    kit.run()
    assert [clock.name.value for clock in desk.clocks.values() if clock.work_order == order(kit)].count("arrival") == 1
    assert kit.rows("SELECT rule FROM fault WHERE kind = 'monitor'") == [("escalation_idle",)]


def test_the_auditor_finds_nothing_on_a_night_of_ordinary_trouble(kit: Kit) -> None:
    for n in range(6):
        kit.stay(40, phase_loss=n % 2, pump_running=n % 3 == 1, jockey_fault=n == 4)
    kit.command("accept", order(kit))
    kit.stay(700, phase_loss=1)
    kit.run()
    assert kit.rows("SELECT body FROM chronicle WHERE kind = 'call.idle'") == []


def test_the_longest_gap_of_a_chain() -> None:
    chain = Chain((Step(0, ("a",)), Step(60, ("b",)), Step(400, ("c",))), 180)
    call = Call("O1-1", "calling", as_json(calling._plain(chain)), 0, 1, 0, 0, "[]")
    assert calling.chain_of(call) == chain and calling.longest_ns(call) == 340 * NS


# -- somebody is on duty


def test_a_team_with_nobody_on_is_a_fault_for_those_that_are_until_somebody_is(tmp_path: Path) -> None:
    """O-1: the first level of its own chain is the empty team, so the managers hear of it at once."""
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    gap = PEOPLE.replace('{people: [li.wei], hours: "08:00-20:00"}', '{people: [li.wei], hours: "08:00-12:00"}')
    kit.configure(peopled(gap), {**HERE, "rules/packs/monitor/roster_gap.yaml": event_text("roster_gap")})
    kit.stay(5)
    kit.run()
    assert kit.rows("SELECT rule, condition FROM fault") == [("roster_gap", "active")]
    assert kit.rows("SELECT person FROM outbox WHERE person IS NOT NULL") == [("chief",)]
    kit.configure(peopled(), {**HERE, "rules/packs/monitor/roster_gap.yaml": event_text("roster_gap")})
    kit.stay(3)
    kit.run()
    assert kit.rows("SELECT rule, condition FROM fault") == [("roster_gap", "cleared")]
    kit.close()


def test_a_site_without_a_roster_has_no_gap(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.configure(rules={**HERE, "rules/packs/monitor/roster_gap.yaml": event_text("roster_gap")})
    kit.stay(5)
    kit.run()
    assert kit.rows("SELECT rule FROM fault") == []
    kit.close()


def test_everyone_are_the_channels_that_tell_a_group() -> None:
    """A channel that reaches one person only, or has no group named, would refuse a page to nobody in particular."""
    channels = [
        Channel("robot", "wecom_robot", {"token": "x"}), Channel("app", "wecom_app", {}), Channel("ring", "voice", {}),
        Channel("lonely", "ntfy", {"url": "https://ntfy.sh"}), Channel("board", "ntfy", {"topic": "all"}), Channel("hook", "webhook", {}),
    ]  # fmt: skip
    house = SimpleNamespace(site=SimpleNamespace(people={}), channels=lambda severity: channels)
    assert everyone(house, Severity.DANGER) == [Target("robot"), Target("board"), Target("hook")]  # type: ignore[arg-type]


# -- the night

NIGHT_PEOPLE = PEOPLE + "  normal: {steps: [{after: 0s, tell: [engineering, everyone]}, {after: 30m, tell: [managers]}], repeat: 1h}\n"
ELEVEN = NOON + 3 * 3600 * NS + 60 * NS  # 23:01 in Shanghai


def test_at_night_a_normal_fault_is_gathered_and_its_next_level_waits_for_the_morning(tmp_path: Path) -> None:
    """On shift and the duty room only, grouped per 15 min, the clock runs on; danger knows no night."""
    kit = Kit(tmp_path, wall_ns=ELEVEN)
    kit.configure(peopled(NIGHT_PEOPLE), HERE)
    kit.stay(60, jockey_fault=1)
    kit.stay(60, 2, jockey_fault=1)
    kit.stay(3600, jockey_fault=1)
    kit.run()
    rows = kit.rows("SELECT channel, person, reason, due_ns, message_json FROM outbox WHERE state <> 'dropped' ORDER BY created_ns, rowid")
    first = [(channel, person) for channel, person, _, due_ns, _ in rows if due_ns == ELEVEN + 14 * 60 * NS]
    assert first == [("app", "wang.fang"), ("duty", None)], "one page each for both pumps"
    assert orjson.loads(rows[0][4])["zh"] == ["〔夜间〕2条一般故障", "1号消防泵 jockey出了事、2号消防泵 jockey出了事 明细见控制台"]
    assert {row[1] for row in rows} == {"wang.fang", None} and {row[2] for row in rows} == {"monitor"}
    assert kit.one("SELECT breached_ns IS NOT NULL FROM clock WHERE name = 'response' AND work_order = ?", order(kit)) == 1
    assert kit.one("SELECT next_ns FROM call WHERE work_order = ?", order(kit)) == NOON + 11 * 3600 * NS, "seven in the morning"
    held = kit.rows(
        "SELECT f.equipment, h.channel, h.reason, h.due_ns, p.reason, p.due_ns, p.channel, p.person IS h.person FROM outbox h "
        "JOIN outbox p ON p.id = h.answer JOIN fault f ON f.id = h.fault WHERE h.state = 'dropped' AND h.reason = 'raised' ORDER BY 1, 2"
    )
    leaves = ELEVEN + 14 * 60 * NS
    assert held == [
        (f"fp-{n}", channel, "raised", leaves, "monitor", leaves, channel, 1) for n in (1, 2) for channel in ("app", "duty")
    ], "each fault says into which page it went"
    kit.stay(10, pump_running=1, jockey_fault=1)
    kit.run()
    assert kit.rows("SELECT DISTINCT due_ns - created_ns FROM outbox WHERE severity = 'danger'") == [(0,)]
    kit.close()


def test_by_day_a_normal_fault_is_told_at_once(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(NIGHT_PEOPLE), HERE)
    kit.stay(10, jockey_fault=1)
    kit.run()
    assert {row[0] for row in kit.rows("SELECT reason FROM outbox")} == {"raised"}
    kit.close()


def test_a_site_without_a_night_tells_at_once(tmp_path: Path) -> None:
    kit = Kit(tmp_path, wall_ns=ELEVEN)
    kit.configure(peopled(NIGHT_PEOPLE + '  night: "00:00-00:00"\n'), HERE)
    kit.stay(10, jockey_fault=1)
    kit.run()
    assert {row[0] for row in kit.rows("SELECT reason FROM outbox")} == {"raised"}
    kit.close()
