"""Deeds entered without reception, judged by the engine: which instant a step has, what a clock makes of it, and that no page waits for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from plantroom.clock import NS
from plantroom.phone import Phone
from tests.kit.engine import Kit
from tests.unit.rules.test_order_commands import QUIET, clock, state

MINUTE = 60 * NS


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(rules=QUIET)
    kit.tick()
    kit.stay(2)
    kit.stay(4, phase_loss=1)
    kit.run()
    yield kit
    kit.close()


def now(kit: Kit) -> int:
    return kit.clock.read().wall_ns


def wait(kit: Kit, minutes: float) -> None:
    """Time passes with its ticks; the fault stays."""
    for _ in range(round(minutes * 6)):
        kit.clock.advance(10)
        kit.tick()
    kit.run()


def phone(kit: Kit, contact_ns: int, entered_ns: int, **other: Any) -> Mapping[str, Any]:
    """An honest phone that was awake all the time, sending now."""
    return {**Phone(contact_ns, contact_ns, entered_ns, now(kit), entered_ns - contact_ns, now(kit) - entered_ns, 0).record(), **other}


def calls(kit: Kit) -> int:
    return int(kit.one("SELECT count FROM call"))


def test_an_acceptance_without_reception_stops_no_page_until_it_is_received_and_then_counts_from_its_entry(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 10)
    entered = now(kit)
    assert clock(kit, "response")[1] > entered
    wait(kit, 20)
    assert state(kit) == "open" and kit.one("SELECT state FROM call") == "calling" and calls(kit) >= 2, "people were called all the while"
    assert clock(kit, "response")[3] is not None, "and the limit was missed as far as anybody could know"
    assert kit.command("accept", order, phone=phone(kit, contact, entered), eta="10m") == "ok"
    assert kit.one("SELECT accepted_ns, eta_ns FROM work_order") == (entered, entered + 10 * MINUTE)
    assert clock(kit, "response")[2:] == (entered, None), "the limit was kept"
    assert clock(kit, "arrival")[0] == entered
    assert kit.one("SELECT state FROM call") == "answered"
    told = orjson.loads(str(kit.one("SELECT phone_json FROM command")))
    assert (told["entered_ns"], told["received_ns"], told["counts"], told["why"], told["age_ns"]) == (entered, now(kit), True, None, entered - contact)
    assert orjson.loads(str(kit.one("SELECT phone_json FROM work_order")))["accepted"] == {"entered_ns": entered, "received_ns": now(kit), "counts": True}
    lines = [orjson.loads(body) for (body,) in kit.rows("SELECT body FROM chronicle WHERE kind = 'command'")]
    assert lines[-1]["phone"]["entered_ns"] == entered


def test_a_claim_that_does_not_agree_is_kept_and_the_receipt_counts(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 30)
    claimed = contact + MINUTE
    said = phone(kit, contact, claimed, age_s=1700.0, waited_s=0.0)  # its own monotonic clock says that it was half an hour later
    assert kit.command("accept", order, phone=said) == "ok"
    assert kit.one("SELECT accepted_ns FROM work_order") == now(kit)
    assert clock(kit, "response")[3] is not None, "missed"
    assert orjson.loads(str(kit.one("SELECT phone_json FROM work_order")))["accepted"] == {"entered_ns": claimed, "received_ns": now(kit), "counts": False}
    assert orjson.loads(str(kit.one("SELECT phone_json FROM command")))["why"] == "clock_set"


@pytest.mark.parametrize("said", [{}, [], "x", 5, {"entered_at": "2026"}])
def test_what_cannot_be_read_ends_nothing_and_counts_as_received(kit: Kit, said: Any) -> None:
    assert kit.command("accept", kit.order(), phone=said) == "ok"
    assert kit.one("SELECT accepted_ns, phone_json FROM work_order") == (now(kit), None)


def test_the_same_entry_twice_is_one(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 5)
    first = phone(kit, contact, contact + MINUTE)
    assert kit.command("accept", order, id="entry-0001", phone=first) == "ok"
    at = kit.one("SELECT accepted_ns FROM work_order")
    wait(kit, 5)
    assert kit.command("accept", order, id="entry-0001", phone=phone(kit, contact, contact + 4 * MINUTE)) == "ok"
    assert kit.one("SELECT accepted_ns FROM work_order") == at == contact + MINUTE
    assert kit.one("SELECT count(*) FROM command") == 1


def test_somebody_else_has_it_meanwhile(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 2)
    assert kit.command("accept", order, who="wang.fang") == "ok"
    wait(kit, 2)
    assert kit.command("accept", order, id="entry-0001", phone=phone(kit, contact, contact + MINUTE)) == "already_accepted"
    assert kit.one("SELECT accepted_by FROM work_order") == "wang.fang"
    assert orjson.loads(str(kit.one("SELECT phone_json FROM command WHERE id = 'entry-0001'")))["why"] == "before_last_step"
    assert kit.one("SELECT phone_json FROM work_order") is None


def test_all_steps_in_a_basement_arrive_in_a_row_and_each_counts(kit: Kit) -> None:
    """The arrival clock of an acceptance entered long ago waits two minutes for what follows it."""
    order, contact = kit.order(), now(kit)
    wait(kit, 60)
    steps = {"accept": contact + 5 * MINUTE, "arrive": contact + 20 * MINUTE, "restore": contact + 50 * MINUTE}
    assert kit.command("accept", order, phone=phone(kit, contact, steps["accept"])) == "ok"
    wait(kit, 0.5)
    assert state(kit) == "accepted", "35 minutes after it, the arrival clock has not run out before the arrival had its chance"
    assert kit.command("arrive", order, phone=phone(kit, contact, steps["arrive"])) == "ok"
    assert kit.command("restore", order, phone=phone(kit, contact, steps["restore"]), remedy="换保险丝") == "ok"
    assert kit.one("SELECT accepted_ns, arrived_ns, restored_ns, hollow_json FROM work_order") == (*steps.values(), None)
    assert [clock(kit, name)[3] for name in ("response", "arrival", "restore")] == [None] * 3
    assert kit.one("SELECT at_ns FROM order_note") == steps["restore"]


def test_an_arrival_that_was_late_is_late_also_when_it_comes_in_a_row(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 60)
    assert kit.command("accept", order, phone=phone(kit, contact, contact + 5 * MINUTE)) == "ok"
    assert kit.command("arrive", order, phone=phone(kit, contact, contact + 40 * MINUTE)) == "ok"  # readiness: 30 minutes
    assert clock(kit, "arrival")[3] == contact + 35 * MINUTE


def of(kit: Kit, order: str) -> str:
    """A set clock has an order of its own."""
    return str(kit.one("SELECT state FROM work_order WHERE id = ?", order))


@pytest.mark.parametrize("hours", [1, -1])
def test_a_set_clock_gives_what_follows_as_long_as_it_had(kit: Kit, hours: int) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 60)
    received = now(kit)
    assert kit.command("accept", order, phone=phone(kit, contact, contact + 5 * MINUTE)) == "ok"
    wait(kit, 0.5)
    kit.clock.step_wall(3600 * hours)
    wait(kit, 1)
    assert of(kit, order) == "accepted", "a few seconds are left"
    assert orjson.loads(str(kit.one("SELECT phone_json FROM work_order WHERE id = ?", order)))["accepted"]["received_ns"] == received, "what happened has its instant"
    wait(kit, 1)
    assert of(kit, order) == "open", "and no more than that"


def test_what_followed_long_ago_does_not_follow_again_when_the_clock_is_set_back(kit: Kit) -> None:
    """Else nobody would notice for an hour that nobody came."""
    order, contact = kit.order(), now(kit)
    wait(kit, 60)
    assert kit.command("accept", order, phone=phone(kit, contact, now(kit) - 26 * MINUTE)) == "ok"
    wait(kit, 3)
    assert of(kit, order) == "accepted", "due in a minute"
    kit.clock.step_wall(-3600)
    wait(kit, 1.5)
    assert of(kit, order) == "open" and kit.one("SELECT hollow_json IS NOT NULL FROM work_order WHERE id = ?", order)


def test_nobody_follows_and_the_acceptance_is_hollow_after_two_minutes(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    wait(kit, 60)
    assert kit.command("accept", order, phone=phone(kit, contact, contact + 5 * MINUTE)) == "ok"
    wait(kit, 2.2)
    assert state(kit) == "open" and kit.one("SELECT state FROM call") == "calling"
    assert kit.one("SELECT phone_json FROM work_order") is None


def hollow(kit: Kit) -> tuple[str, int]:
    """Accepted with reception, then none: the arrival clock runs out. The order, and when it was accepted."""
    order = kit.order()
    assert kit.command("accept", order) == "ok"
    accepted = now(kit)
    wait(kit, 35)
    assert state(kit) == "open" and kit.one("SELECT hollow_json FROM work_order") is not None
    return order, accepted


@pytest.mark.parametrize("does", ["arrive", "restore"])
def test_who_was_there_in_time_and_could_not_say_so_did_not_accept_hollowly(kit: Kit, does: str) -> None:
    order, accepted = hollow(kit)
    entered = accepted + 20 * MINUTE
    assert kit.command(does, order, phone=phone(kit, accepted, entered)) == "ok"
    assert kit.one("SELECT accepted_ns, accepted_by, hollow_json FROM work_order") == (accepted, "li.wei", None)
    assert clock(kit, "arrival")[2:] == (entered, None)
    assert kit.one("SELECT state FROM call") == "answered"


def test_who_was_late_or_is_another_one_leaves_it_hollow(kit: Kit) -> None:
    order, accepted = hollow(kit)
    assert kit.command("arrive", order, who="wang.fang", phone=phone(kit, accepted, accepted + 20 * MINUTE)) == "ok"
    assert kit.one("SELECT arrived_ns, accepted_by FROM work_order") == (now(kit), "wang.fang")
    assert "li.wei" in str(kit.one("SELECT hollow_json FROM work_order"))


def test_a_note_and_a_hold_have_the_instant_they_were_entered(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    assert kit.command("accept", order) == "ok"
    wait(kit, 10)
    assert kit.command("comment", order, phone=phone(kit, contact, contact + 3 * MINUTE), text="阀门卡住") == "ok"
    assert kit.command("hold", order, phone=phone(kit, contact, contact + 4 * MINUTE), reason="等备件", told="王经理 03:15") == "ok"
    assert [at for (at,) in kit.rows("SELECT at_ns FROM order_note ORDER BY seq")] == [contact + 3 * MINUTE, contact + 4 * MINUTE]
    assert orjson.loads(str(kit.one("SELECT hold_json FROM work_order")))["since_ns"] == contact + 4 * MINUTE


def test_what_is_no_deed_of_a_phone_takes_no_phones_time(kit: Kit) -> None:
    order, contact = kit.order(), now(kit)
    kit.command("accept", order)
    kit.command("restore", order)
    wait(kit, 5)
    assert kit.command("reopen", order, phone=phone(kit, contact, contact + MINUTE), reason="还在报警") == "ok"
    assert kit.one("SELECT phone_json FROM command WHERE does = 'reopen'") is None


def test_an_engine_that_takes_it_in_pieces_comes_to_the_same_rows(kit: Kit) -> None:
    order, accepted = hollow(kit)
    kit.command("arrive", order, phone=phone(kit, accepted, accepted + 20 * MINUTE))
    kit.command("restore", order, phone=phone(kit, accepted, accepted + 25 * MINUTE))
    once = kit.again("again.db", range(7, len(kit.journal), 7))
    assert once == kit.dump()


def test_a_late_arrival_that_is_refused_changes_nothing(kit: Kit) -> None:
    """Whose acceptance became hollow gets it back with what they did in time, not with what is refused."""
    order, entered = hollow(kit)
    before = kit.dump()["work_order"]
    said = phone(kit, entered - NS, entered)
    assert kit.command("arrive", order, phone=said, goes="nobody.known") == "unknown_person"
    kit.command("comment", order, text="...")
    assert kit.command("hold", order, reason="parts", told="chief") == "ok"
    assert kit.one("SELECT state FROM work_order") == "open" and kit.one("SELECT state FROM call") == "calling"
    assert before[0][:5] == kit.dump()["work_order"][0][:5]
