"""A page's words, and what becomes of an answer: the record of it, without anything secret."""

from __future__ import annotations

from dataclasses import replace

import orjson

from rules.delivery import _good
from rules.notify.page import NO_PERSON, Answer, Page, answer, unfit
from rules.outbox import Verdict
from rules.record_body import read

PAGE = Page("P1-1", "tower", "raised", "danger", {"zh": ["一", "二"], "en": ["one", "two", "three"]}, 1)


def test_a_page_speaks_its_language_in_two_lines() -> None:
    assert PAGE.lines == ("一", "二") and PAGE.text == "一\n二"
    assert replace(PAGE, language="en").lines == ("one", "two three"), "whatever is more belongs to the second"
    assert replace(PAGE, message={"zh": ["一"]}).text == "一"


def test_a_link_and_a_person_are_no_part_of_what_machines_are_told() -> None:
    assert replace(PAGE, to="zhang", link="https://example.com/o").payload() == PAGE.payload()


def test_a_setting_without_a_value_and_a_page_to_nobody_are_said() -> None:
    assert unfit({"token": "x"}, PAGE, "token") is None
    said = unfit({"token": None}, PAGE, "token", "secret")
    assert said is not None and said.verdict is Verdict.REFUSED and said.text.startswith("the channel's token and secret has no value")
    nobody = unfit({}, PAGE, person=True)
    assert nobody is not None and nobody.text == NO_PERSON and unfit({}, replace(PAGE, to="zhang"), person=True) is None


def test_each_half_of_a_token_is_a_secret() -> None:
    assert answer({"token": "123456:abcdef"}, Verdict.RETRY, "abcdef of 123456 of 123456:abcdef").text == "*** of *** of ***"


def test_an_attempts_record_is_what_the_engine_reads_and_says_what_is_not_confirmed() -> None:
    plain = Answer(Verdict.ACCEPTED, "200 ok").record("P1-1", "duty", 2, 5, 9)
    assert orjson.loads(plain) == {"outbox": "P1-1", "channel": "duty", "n": 2, "verdict": "accepted", "answer": "200 ok", "started_ns": 5, "ended_ns": 9}
    unsure = Answer(Verdict.ACCEPTED, "accepted, not confirmed: Pushover", confirmed=False).record("P1-1", "duty", 1, 5, 9)
    assert orjson.loads(unsure)["confirmed"] is False
    later = Answer(Verdict.RETRY, "429", 30.0).record("P1-1", "duty", 1, 5, 9)
    assert orjson.loads(later)["retry_after_s"] == 30.0
    assert all(read(body, "attempt", _good) is not None for body in (plain, unsure, later))
