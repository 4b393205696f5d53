"""Accepted, delivered, read and acknowledged are four states: each has a source of its own, and none stands for another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.journal import Kind
from tests.kit.engine import Kit, peopled


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    kit.configure(peopled())
    kit.tick()
    kit.stay(4, phase_loss=1)
    kit.run()
    yield kit
    kit.close()


def page_of(kit: Kit, n: int = 0) -> str:
    return str(kit.rows("SELECT id FROM outbox ORDER BY rowid")[n][0])


def states(kit: Kit, page: str) -> list[str]:
    kit.run()
    return [state for (state,) in kit.rows("SELECT state FROM receipt WHERE outbox = ? ORDER BY seq", page)]


def receipt(kit: Kit, page: str, state: str, text: str = "") -> None:
    kit.say({"outbox": page, "channel": "duty", "state": state, "text": text}, Kind.RECEIPT)


def test_what_the_provider_takes_is_not_delivered_and_a_receipt_accepts_nothing(kit: Kit) -> None:
    page = page_of(kit)
    kit.attempt(page, "accepted", "ok")
    assert states(kit, page) == []
    receipt(kit, page, "undelivered", "200003 not picked up")
    receipt(kit, page, "delivered", "200000 listened to the end")
    assert states(kit, page) == ["undelivered", "delivered"]
    assert kit.one("SELECT state FROM work_order WHERE id = ?", kit.order()) == "open"
    assert kit.one("SELECT state FROM call WHERE work_order = ?", kit.order()) == "calling"
    assert kit.one("SELECT state FROM outbox WHERE id = ?", page) == "accepted"


def test_whoever_accepts_by_a_page_has_acknowledged_it_and_who_comes_too_late_has_read_theirs(kit: Kit) -> None:
    pages = {who: page_of(kit, n) for n, who in enumerate(("li.wei", "zhao.min"))}
    assert kit.command("accept", kit.order(), page=pages["li.wei"]) == "ok"
    assert kit.command("accept", kit.order(), who="zhao.min", page=pages["zhao.min"]) == "already_accepted"
    assert (states(kit, pages["li.wei"]), states(kit, pages["zhao.min"])) == (["acknowledged"], ["read"])


def test_nobody_outside_can_say_that_somebody_read_or_acknowledged(kit: Kit) -> None:
    page = page_of(kit)
    for state in ("acknowledged", "read", "accepted", "", "x"):
        receipt(kit, page, state)
    for body in (b"", b"[]", b'{"outbox": 1}', b'{"outbox": "", "state": "delivered", "text": ""}', b'{"outbox": "P", "state": [], "text": ""}'):
        kit.say(body, Kind.RECEIPT)
    kit.run()
    assert kit.rows("SELECT * FROM receipt") == []


def test_receipts_make_the_same_rows_however_the_records_are_cut(kit: Kit) -> None:
    page = page_of(kit)
    for state in ("held", "delivered"):
        receipt(kit, page, state, "w" * 500)
    receipt(kit, "P9999-1", "delivered")  # of a page that is not there any more
    kit.command("accept", kit.order(), page=page)
    kit.run()
    assert states(kit, page) == ["held", "delivered", "acknowledged"]
    assert kit.again("cut.db", range(1, len(kit.journal)))["receipt"] == kit.again("whole.db", [])["receipt"] != []
