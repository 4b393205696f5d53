"""The duty room: heard is not accepted, a radio call has two names, and a page nobody takes does not wait for the next level's time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import NS
from tests.kit.engine import PEOPLE, RULES, Kit, peopled
from tests.kit.journals import NOON

MIDDAY = NOON - 8 * 3600 * NS  # in Shanghai
HERE = {name: text for name, text in RULES.items() if "delivery_failed" not in name}
ROOM = "\n  - {id: room, type: duty_room}\ndevices:"


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path, wall_ns=MIDDAY)
    kit.configure(peopled(PEOPLE).replace("by: [app, duty]", "by: [app, room]").replace("\ndevices:", ROOM, 1), HERE)
    kit.stay(6, pump_running=1)  # a danger here
    kit.run()
    yield kit
    kit.close()


def page(kit: Kit, channel: str = "room", reason: str = "raised") -> str:
    return str(kit.one("SELECT id FROM outbox WHERE channel = ? AND reason = ? ORDER BY created_ns DESC LIMIT 1", channel, reason))


def receipts(kit: Kit) -> list[tuple[str, str, str]]:
    """(page, state, by) of the room's pages."""
    return kit.rows("SELECT r.outbox, r.state, r.text FROM receipt r JOIN outbox o ON o.id = r.outbox WHERE o.channel = 'room' ORDER BY r.seq")


def test_accepted_by_the_screen_heard_by_somebody_and_acknowledged_are_three_different_things(kit: Kit) -> None:
    kit.attempt(page(kit), "accepted", "shown on room-east")
    kit.run()
    assert receipts(kit) == [], "shown is not yet heard"
    kit.command("heard", page(kit), who="screen:east")
    kit.run()
    assert receipts(kit) == [(page(kit), "read", "screen:east")]
    assert kit.rows("SELECT state, accepted_by FROM work_order") == [("open", None)], "hearing accepts nothing"
    assert kit.one("SELECT state FROM call") == "calling", "and the calls go on"
    kit.command("accept", kit.order(), who="li.wei")
    kit.run()
    assert kit.rows("SELECT state, accepted_by FROM work_order") == [("accepted", "li.wei")]


@pytest.mark.parametrize("target", ["P9-9", "another channel's"])
def test_only_a_page_of_the_room_is_heard_there(kit: Kit, target: str) -> None:
    kit.command("heard", page(kit, "app") if target != "P9-9" else target, who="screen:east")
    kit.run()
    assert kit.rows("SELECT outcome, reason FROM command") == [("refused", "unknown_page")]


def test_a_radio_call_has_both_names_and_the_arrival_says_how_it_is_known(kit: Kit) -> None:
    kit.command("accept", kit.order(), who="duty.chen", goes="nobody")
    kit.command("accept", kit.order(), who="duty.chen", goes="wang.fang")
    kit.run()
    assert kit.rows("SELECT outcome, reason FROM command ORDER BY seq") == [("refused", "unknown_person"), ("applied", "ok")]
    assert kit.rows("SELECT accepted_by, radio_by, arrived_how FROM work_order") == [("wang.fang", "duty.chen", None)]
    kit.command("arrive", kit.order(), who="duty.chen", goes="wang.fang")
    kit.run()
    assert kit.rows("SELECT arrived_by, radio_by, arrived_how FROM work_order") == [("wang.fang", "duty.chen", "duty_room")]


@pytest.mark.parametrize(("how", "kept"), [("qr", "qr"), ("by word", None)])
def test_an_arrival_from_the_label_at_the_machine_is_marked(kit: Kit, how: str, kept: str | None) -> None:
    kit.command("arrive", kit.order(), who="li.wei", how=how)
    kit.run()
    assert kit.rows("SELECT arrived_by, radio_by, arrived_how FROM work_order") == [("li.wei", None, kept)]


def test_heard_pages_are_rebuilt_from_a_restart_too(kit: Kit) -> None:
    kit.stay(16, pump_running=1)
    kit.command("heard", page(kit), who="screen:east")
    kit.run()
    whole = kit.dump()
    assert kit.again("again.db", [7, 19, 31]) == whole
