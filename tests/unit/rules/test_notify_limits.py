"""A provider's limit for one number: no page is sent that would be refused, what waits is said once, and the rest is kept for what is urgent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.model import Severity
from rules.notify import webhook
from rules.notify.board import Board
from rules.notify.channels import rates_of, send_of
from rules.notify.limits import Limits
from rules.notify.page import ANSWER_CHARACTERS, Answer, Page, answer, discreet, without_address
from rules.outbox import Verdict
from tests.unit.rules.test_notify_board import NOW, row

ALIYUN = ((1, 60.0), (5, 3600.0), (20, 86_400.0))


@given(st.lists(st.floats(0, 400), max_size=200), st.booleans())
@settings(max_examples=60, deadline=None)
def test_never_more_leave_than_the_provider_takes_however_often_is_asked(gaps: list[float], urgent: bool) -> None:
    limits, now, left = Limits({"call": ALIYUN}), NOW, list[int]()
    for gap in gaps:
        now += round(gap * NS)
        if limits.free_ns("call", "li.wei", urgent) <= now:
            limits.took("call", "li.wei", now)
            left.append(now)
    for most, seconds in ALIYUN:
        assert all(sum(at - round(seconds * NS) < other <= at for other in left) <= most for at in left)


def test_repeats_every_three_minutes_are_held_after_the_fifth_and_said_once_each() -> None:
    board, sent, held = Board({}, Limits({"call": ALIYUN})), list[int](), list[str]()
    for n in range(30):
        now = NOW + n * 180 * NS
        page = replace(row(n + 1, channel="call", person="li.wei", fault="F1-1"), created_ns=now, due_ns=now)
        board.update([page])  # what was called before and has not left is dropped
        for _ in range(3):
            held += [waiting.id for waiting, _ in board.held("call", now)]
            if (found := board.next("call", now)) is not None:
                sent.append(n)
                board.ended(found, Verdict.ACCEPTED, now)
    assert sent[:6] == [0, 1, 2, 3, 4, 20] and len(held) == len(set(held)) == 30 - len(sent)


def test_one_number_holds_no_other_and_a_clock_set_back_holds_nothing() -> None:
    board = Board({}, Limits({"call": ((1, 60.0),)}))
    board.update([row(1, channel="call", person="li.wei"), row(2, channel="call", person="li.wei"), row(3, channel="call", person="chief")])
    first, second = board.next("call", NOW), board.next("call", NOW)
    assert first is not None and second is not None and {first.person, second.person} == {"li.wei", "chief"}
    assert board.next("call", NOW) is None and [waiting.id for waiting, _ in board.held("call", NOW)] == ["P2-1"]
    assert board.next_due_ns("call") == NOW + 60 * NS
    board.ended(first, Verdict.ACCEPTED, NOW)
    again = board.next("call", NOW - 3600 * NS + 1)
    assert again is None, "not due yet by that clock"
    board.update([replace(row(2, channel="call", person="li.wei"), due_ns=NOW - 3600 * NS)])
    assert board.next("call", NOW - 3600 * NS) is not None


def test_what_left_before_a_restart_counts() -> None:
    board = Board({}, Limits({"call": ((1, 60.0),)}))
    board.left("call", "li.wei", NOW - 10 * NS)
    board.update([row(1, channel="call", person="li.wei")])
    assert board.next("call", NOW) is None and board.next("call", NOW + 50 * NS) is not None


def test_the_last_quarter_is_for_what_is_urgent() -> None:
    limits = Limits({"call": ((8, 3600.0),)})
    for _ in range(6):
        limits.took("call", "li.wei", NOW)
    assert limits.free_ns("call", "li.wei", False) == NOW + 3600 * NS and limits.free_ns("call", "li.wei", True) == 0
    assert Limits({"call": ((1, 60.0),)}).free_ns("call", "li.wei", Severity.NORMAL.urgent) == 0, "one in a minute is for everybody"


@pytest.mark.parametrize(("kind", "settings", "rates"), [
    ("voice", {"provider": "aliyun"}, ALIYUN), ("voice", {"provider": "tencent"}, ()), ("sms", {"provider": "aliyun"}, ((50, 86_400.0),)),
    ("sms", {"provider": "tencent"}, ((1, 30.0), (5, 3600.0), (10, 86_400.0))), ("sms", {"provider": "tencent", "per_number": ((9, 60.0),)}, ((9, 60.0),)), ("email", {}, ()),
])  # fmt: skip
def test_the_rates_of_a_provider(kind: str, settings: dict[str, object], rates: object) -> None:
    assert rates_of(kind, settings) == rates


@pytest.mark.parametrize(("to", "text", "said"), [
    ("+86 138-0013-8000", "400 13800138000 or +8613800138000 or 8613800138000 is no number", "400 *** or +*** or *** is no number"),
    ("zhang.san", '{"invaliduser":"Zhang.San"}', '{"invaliduser":"***"}'),
    ("li", "li is not deliverable, link li", "*** is not deliverable, link ***"),
    ("wang@house.example", "550 <wang@house.example>: user wang unknown", "550 <***>: user *** unknown"),
    ("51515151", "chat 51515151 not found, 515151519 is another", "chat *** not found, 515151519 is another"),
    (None, "all is said", "all is said"),
])  # fmt: skip
def test_no_answer_tells_whom_it_was_about(to: str | None, text: str, said: str) -> None:
    assert without_address(to, text) == said


@pytest.mark.parametrize("before", [0, 150, 160, 172, 180, 190, 196])
def test_no_answer_tells_the_right_that_went_out_not_even_cut_off(before: int) -> None:
    """ntfy and Telegram repeat the message with its link and buttons: whoever reads the records could accept in the person's name."""
    page = Page("P1-1", "hq", "raised", "danger", {"zh": ["", ""]}, NOW, to="51515151", right="n0nce-of-27-letters-abcdefg")
    said = discreet(page, answer({}, Verdict.ACCEPTED, "x" * before + f" {page.right} to {page.to}").text)
    assert page.right is not None and page.right[:5] not in said and "51515" not in said and len(said) <= ANSWER_CHARACTERS


def test_a_channel_is_given_out_with_its_answers_made_discreet() -> None:
    page = Page("P1-1", "hq", "raised", "danger", {"zh": ["", ""]}, NOW, to="zhang")

    async def send(settings: object, page: Page, *, timeout_s: float) -> Answer:
        return Answer(Verdict.ACCEPTED, "taken for zhang", reference="R-1")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhook, "send", send)
        told = asyncio.run(send_of("webhook")({}, page, timeout_s=1))
    assert (told.text, told.reference) == ("taken for ***", "R-1")
