"""People's commands: judged once, at their record's instant, with an outcome that says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from plantroom.clock import NS
from plantroom.journal.record import Kind
from rules.command import instant, parse
from tests.kit.engine import RULES, Kit
from tests.kit.journals import NOON

MINUTE = 60 * NS
QUIET = {path: text for path, text in RULES.items() if "delivery_failed" not in path}  # its orders are not what is looked at here


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(rules=QUIET)
    kit.tick()
    kit.stay(2)
    yield kit
    kit.close()


@pytest.fixture
def order(kit: Kit) -> str:
    """The order of an urgent fault that is still there."""
    kit.stay(4, phase_loss=1)
    kit.run()
    return kit.order()


def clock(kit: Kit, name: str) -> tuple[int, int, int | None, int | None]:
    started, due, stopped, breached = kit.one("SELECT started_ns, due_ns, stopped_ns, breached_ns FROM clock WHERE name = ?", name)
    return started, due, stopped, breached


def state(kit: Kit) -> str:
    return str(kit.one("SELECT state FROM work_order"))


def test_accepting_stops_the_response_clock_at_the_commands_instant_and_starts_the_arrival_clock(kit: Kit, order: str) -> None:
    kit.clock.advance(100)
    at = kit.clock.read().wall_ns
    assert kit.command("accept", order, eta="20m") == "ok"
    assert kit.one("SELECT state, accepted_ns, accepted_by, eta_ns FROM work_order") == ("accepted", at, "li.wei", at + 20 * MINUTE)
    assert clock(kit, "response")[2:] == (at, None)
    assert clock(kit, "arrival")[:2] == (at, at + 30 * MINUTE)  # readiness


def test_the_whole_way_and_who_may_go_it(kit: Kit, order: str) -> None:
    assert kit.command("restore", order) == "accept_first"
    assert kit.command("accept", order) == "ok"
    assert kit.command("accept", order, who="wang") == "already_accepted"
    assert kit.command("arrive", order) == "ok"
    assert kit.command("restore", order) == "ok"
    assert kit.one("SELECT restored_agrees FROM work_order") == 0, "the machine does not agree yet, and the order says so"
    assert kit.command("close", order, who="wang", cause="fuse") == "fault_still_active"
    kit.stay(6, phase_loss=0)
    kit.run()
    assert kit.one("SELECT restored_agrees FROM work_order") == 1
    assert kit.command("close", order, cause="fuse") == "performer_cannot_close"
    assert kit.command("close", order, who="wang") == "argument"
    assert kit.command("close", order, who="wang", cause="fuse", remedy="replaced") == "ok"
    assert kit.one("SELECT state, closed_by, cause, remedy FROM work_order") == ("closed", "wang", "fuse", "replaced")
    assert kit.one("SELECT count(*) FROM clock WHERE stopped_ns IS NULL") == 0
    assert kit.command("accept", order) == "already_closed"


def test_danger_is_closed_by_the_supervisor_alone(kit: Kit) -> None:
    kit.stay(4, pump_running=1)
    kit.stay(5)
    kit.run()
    order = kit.order()
    for step in ("accept", "arrive", "restore"):
        assert kit.command(step, order) == "ok"
    assert kit.command("close", order, who="wang", roles=["engineer"], cause="test") == "danger_needs_supervisor"
    assert kit.command("close", order, who="zhao", roles=["supervisor"], cause="test") == "ok"


def test_arriving_before_anyone_accepted_is_an_acceptance_too(kit: Kit, order: str) -> None:
    assert kit.command("arrive", order) == "ok"
    assert kit.one("SELECT state, accepted_by, arrived_by FROM work_order") == ("arrived", "li.wei", "li.wei")
    assert clock(kit, "response")[2] is not None
    assert not kit.rows("SELECT 1 FROM clock WHERE name = 'arrival'")


def test_an_acceptance_after_the_limit_is_a_breach_even_if_no_tick_had_noticed(kit: Kit, order: str) -> None:
    kit.clock.advance(14 * 60)
    kit.tick()
    kit.clock.advance(120)
    kit.command("accept", order)
    _, due, _, breached = clock(kit, "response")
    assert breached == due


def test_a_warning_before_a_breach_after_and_a_page_for_each(kit: Kit, order: str) -> None:
    kit.stay(16 * 60, phase_loss=1)
    kit.run()
    reasons = [row[0] for row in kit.rows("SELECT reason FROM outbox WHERE work_order = ? AND channel = 'duty' ORDER BY created_ns", order)]
    assert reasons == ["raised", "escalated", "warning", "breach"]
    due = clock(kit, "response")[1]
    warned, breached = (
        kit.one("SELECT created_ns FROM outbox WHERE work_order = ? AND channel = 'duty' AND reason = ?", order, reason)
        for reason in ("warning", "breach")
    )
    assert due - 3 * MINUTE <= warned < due - 3 * MINUTE + NS and due < breached <= due + NS


def test_the_same_command_id_is_done_once_and_answers_as_the_first_time(kit: Kit, order: str) -> None:
    kit.command("accept", order, id="same-id-1")
    before = kit.one("SELECT seq, who, outcome FROM command WHERE id = 'same-id-1'")
    kit.command("close", order, who="wang", id="same-id-1", cause="x")
    assert kit.one("SELECT seq, who, outcome FROM command WHERE id = 'same-id-1'") == before
    assert state(kit) == "accepted"


def test_a_refusal_says_why_in_both_languages_and_with_the_state(kit: Kit, order: str) -> None:
    kit.command("accept", order)
    kit.command("accept", order, who="wang", id="refused-1")
    outcome, says, now = kit.one("SELECT outcome, says_json, state_json FROM command WHERE id = 'refused-1'")
    assert outcome == "refused"
    assert orjson.loads(says) == {"zh": "已由li.wei's name接单", "en": "li.wei's name has already accepted it"}
    assert orjson.loads(now)["order"]["state"] == "accepted" and orjson.loads(now)["order"]["accepted_by"] == "li.wei"


@pytest.mark.parametrize(
    ("does", "target", "code"),
    [
        ("accept", "O9-9", "unknown_order"),
        ("shelve", "F9-9", "unknown_fault"),
        ("open", "nothing", "unknown_equipment"),
        ("dance", "O1-1", "unknown_deed"),
    ],
)
def test_what_is_not_there_is_refused(kit: Kit, does: str, target: str, code: str) -> None:
    assert kit.command(does, target, roles=["engineer"], text="x", reason="x", until="1h") == code


def test_a_hold_is_noted_and_stops_no_clock(kit: Kit, order: str) -> None:
    kit.command("accept", order)
    assert kit.command("hold", order, reason="spare part") == "argument", "R-8: who was told?"
    assert kit.command("hold", order, reason="spare part", told="tenant 12F, 14:10") == "ok"
    assert orjson.loads(kit.one("SELECT hold_json FROM work_order"))["reason"] == "spare part"
    assert clock(kit, "arrival")[2] is None
    kit.clock.advance(31 * 60)
    kit.tick()
    kit.run()
    assert clock(kit, "arrival")[3] is not None
    kit.command("arrive", order)
    assert kit.one("SELECT hold_json FROM work_order") is None


def test_words_of_people_lie_in_private_and_the_chronicle_has_their_hash(kit: Kit, order: str) -> None:
    kit.command("comment", order, text="Frau Müller rang from 12F")
    note, who = kit.one("SELECT text, who FROM order_note")
    assert who == "li.wei"
    assert kit.one("SELECT text FROM private WHERE id = ?", note) == "Frau Müller rang from 12F"
    told = b"".join(row[0] for row in kit.rows("SELECT body FROM chronicle"))
    assert note.encode() in told and "Müller".encode() not in told


def test_reopening_starts_a_new_round_with_new_clocks(kit: Kit, order: str) -> None:
    for step in ("accept", "arrive", "restore"):
        kit.command(step, order)
    kit.stay(6, phase_loss=0)
    kit.run()
    kit.command("close", order, who="wang", cause="fuse")
    kit.clock.advance(3600)
    kit.tick()
    at = kit.clock.read().wall_ns
    assert kit.command("reopen", order, who="wang", reason="again") == "ok"
    assert kit.one("SELECT state, round, accepted_by, closed_ns, cause FROM work_order") == ("open", 2, None, None, None)
    running = kit.rows("SELECT name, round, started_ns FROM clock WHERE stopped_ns IS NULL ORDER BY name")
    assert running == [("response", 2, at), ("restore", 2, at)]
    assert kit.one("SELECT count(*) FROM clock WHERE round = 1") == 3


def test_an_order_by_hand_has_clocks_and_pages_like_any_other(kit: Kit) -> None:
    assert kit.command("open", "fp-2", text="smells of burning", severity="readiness") == "ok"
    assert kit.one("SELECT fault, equipment, severity, opened_by, state FROM work_order") == (None, "fp-2", "readiness", "li.wei", "open")
    assert kit.one("SELECT count(*) FROM clock") == 2
    said = orjson.loads(kit.one("SELECT message_json FROM outbox WHERE channel = 'duty'"))
    assert "smells of burning" in said["zh"][0] and said["order"]["equipment"] == "fp-2"
    assert kit.command("open", "fp-2", text="x", severity="terrible") == "argument"


def test_shelving_silences_pages_and_stops_no_clock_until_its_end_says_so_again(kit: Kit, order: str) -> None:
    fault = kit.one("SELECT id FROM fault")
    assert kit.command("shelve", fault, roles=["engineer"], until="2h", reason="works on it") == "urgent_needs_second"
    assert kit.command("shelve", fault, roles=["engineer"], until="2h", reason="works on it", second="li.wei") == "urgent_needs_second"
    assert kit.command("shelve", fault, roles=["engineer"], until="9h", reason="works on it", second="wang") == "shelved_too_long"
    assert kit.command("shelve", fault, roles=["engineer"], until="soon", reason="works on it", second="wang") == "argument"
    assert kit.command("shelve", fault, roles=["engineer"], until="20m", reason="works on it", second="wang") == "ok"
    assert kit.one("SELECT count(*) FROM outbox WHERE state = 'queued'") == 0, "what was waiting is dropped"
    kit.stay(19 * 60, phase_loss=1)
    kit.run()
    assert clock(kit, "response")[3] is not None
    assert kit.one("SELECT count(*) FROM outbox WHERE fault = ? AND state = 'queued'", fault) == 0
    kit.stay(70, phase_loss=1)
    kit.run()
    assert kit.one("SELECT shelved_until_ns FROM fault WHERE id = ?", fault) is None
    assert kit.one("SELECT count(*) FROM outbox WHERE fault = ? AND reason = 'returned' AND channel = 'duty'", fault) == 1


def test_danger_is_never_shelved_and_unshelving_tells_again(kit: Kit) -> None:
    kit.stay(4, pump_running=1)
    kit.run()
    assert kit.command("shelve", kit.one("SELECT id FROM fault"), roles=["engineer"], until="1h", reason="x", second="wang") == "danger_never_shelved"
    kit.stay(4, pump_running=1, jockey_fault=1)
    kit.run()
    fault = kit.one("SELECT id FROM fault WHERE rule = 'jockey'")
    assert kit.command("unshelve", fault, roles=["engineer"]) == "not_shelved"
    assert kit.command("shelve", fault, roles=["engineer"], until="1h", reason="x") == "ok"
    assert kit.command("unshelve", fault, roles=["engineer"]) == "ok"
    assert kit.one("SELECT count(*) FROM outbox WHERE fault = ? AND reason = 'returned'", fault) == 1


def test_closing_drops_what_is_still_to_be_sent_about_it(kit: Kit, order: str) -> None:
    kit.stay(6, phase_loss=0)
    kit.run()
    for step in ("accept", "arrive", "restore"):
        kit.command(step, order)
    kit.command("close", order, who="wang", cause="fuse")
    assert {row[0] for row in kit.rows("SELECT state FROM outbox WHERE work_order = ?", order)} == {"dropped"}


def test_attempts_move_a_page_and_bear_the_providers_words(kit: Kit, order: str) -> None:
    page = kit.one("SELECT id FROM outbox WHERE channel = 'duty'")
    kit.attempt(page, "retry", "503 busy")
    kit.run()
    state_, due, answer = kit.one("SELECT state, due_ns, answer FROM outbox WHERE id = ?", page)
    assert (state_, answer) == ("queued", "503 busy") and due == kit.clock.read().wall_ns + 2 * NS
    kit.attempt(page, "retry", "429", retry_after_s=30)
    kit.run()
    assert kit.one("SELECT due_ns FROM outbox WHERE id = ?", page) == kit.clock.read().wall_ns + 30 * NS
    kit.attempt(page, "accepted", '200 {"ok":true}')
    kit.run()
    assert kit.one("SELECT state, attempts FROM outbox WHERE id = ?", page) == ("accepted", 3)
    assert [row[0] for row in kit.rows("SELECT verdict FROM attempt ORDER BY n")] == ["retry", "retry", "accepted"]
    kit.attempt(page, "retry", "late duplicate")
    kit.run()
    assert kit.one("SELECT state, attempts FROM outbox WHERE id = ?", page) == ("accepted", 4)


def test_a_channel_that_takes_nothing_becomes_a_fault_of_the_monitor(kit: Kit, order: str) -> None:
    kit.configure()
    kit.stay(96, phase_loss=1)
    kit.run()
    assert ("monitor", "delivery_failed", "active") not in kit.faults()
    kit.stay(5, phase_loss=1)
    kit.run()
    assert ("monitor", "delivery_failed", "active") in kit.faults()


def test_who_may_stand_as_an_object_or_beside() -> None:
    body = {"command_id": "c1", "does": "accept", "target": "O1-1"}
    one = parse(orjson.dumps({**body, "who": {"id": "li", "name": "Li", "roles": ["technician"]}, "args": {}}))
    other = parse(orjson.dumps({**body, "who": "li", "name": "Li", "roles": ["technician"]}))
    assert one == other and one is not None and one.who == "li"
    assert parse(b"[]") is None and parse(b"{") is None and parse(b'{"does": "accept"}') is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("20m", NOON + 20 * MINUTE), ("2h", NOON + 120 * MINUTE), (15, NOON + 15 * MINUTE), ("15", NOON + 15 * MINUTE),
        (1.5, NOON + 90 * NS), ("2026-11-21T20:30:00+08:00", NOON + 30 * MINUTE), ("2026-11-21T20:30:00", None), ("soon", None),
        (None, None), (True, None), ([], None),
        ("9999-12-31T23:59:59+00:00", None), ("999999d", None), (1e300, None), ("1969-12-31T23:00:00+00:00", None),
    ],
)  # fmt: skip
def test_an_instant_is_given_with_its_zone_or_as_a_length(given: object, expected: int | None) -> None:
    assert instant(given, NOON) == expected


def test_a_command_nobody_can_read_is_written_down_without_its_words(kit: Kit) -> None:
    kit.say(b'{"does": "accept", "secret": "words"}', Kind.COMMAND)
    kit.run()
    assert kit.one("SELECT count(*) FROM chronicle WHERE kind = 'command.unreadable'") == 1
    assert b"words" not in b"".join(row[0] for row in kit.rows("SELECT body FROM chronicle"))
