"""Time that a phone claims: over every phone clock, sleep and setting, what counts is within two minutes of the truth."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom import phone as subject
from plantroom.clock import NS
from plantroom.errors import Refused
from plantroom.phone import AGREE_NS, OLDEST_NS, SLEW_NS, Judged, Phone, Why, judge, read

START = 1_795_262_400 * NS
MS = NS // 1000
seconds = st.integers(0, 30 * 3600)
skew = st.one_of(st.integers(-119, 119), st.integers(-400, 400), st.integers(-400_000, 400_000))


@st.composite
def offline(draw: st.DrawFn) -> tuple[Phone, int, int]:
    """(what the phone sends, the receipt, when the deed truly was). Its clock is off by `skew`, and is set before and after the entry; it may
    sleep, which its monotonic clock does not count, and its page may be loaded anew, which forgets what that clock measured."""
    to_entry, to_sending = draw(seconds) * NS, draw(seconds) * NS
    off, set_before, set_after = (draw(skew) * NS for _ in range(3))
    slept_before, slept_after = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    true_entry, true_sending = START + to_entry, START + to_entry + to_sending
    return Phone(
        contact_ns=START, contact_phone_ns=START + off, entered_ns=true_entry + off + set_before,
        sent_ns=true_sending + off + set_before + set_after, age_ns=round(to_entry * (1 - slept_before)), waited_ns=round(to_sending * (1 - slept_after)),
        set_back_ns=max(0, -set_before, -set_after),
    ), true_sending, true_entry  # fmt: skip


@given(offline())
@settings(max_examples=400)
def test_what_counts_is_never_far_from_the_truth(case: tuple[Phone, int, int]) -> None:
    """A clock that is right at the contact and at the receipt and was wrong between them was set back in between, and a step back is seen."""
    phone, received_ns, true_ns = case
    judged = judge(phone, received_ns)
    if judged.counts:
        assert abs(judged.at_ns - true_ns) <= AGREE_NS + SLEW_NS
        assert phone.contact_ns <= judged.at_ns <= received_ns
    else:
        assert judged.at_ns == received_ns


@given(st.integers(0, 23 * 3600), st.integers(0, 3500), st.integers(-119, 119), st.floats(0, 1))
def test_an_honest_phone_counts_however_long_it_slept(to_entry: int, to_sending: int, off: int, awake: float) -> None:
    entry, sending = START + to_entry * NS, START + (to_entry + to_sending) * NS
    skew_ns = off * NS
    phone = Phone(START, START + skew_ns, entry + skew_ns, sending + skew_ns, round(to_entry * NS * awake), round(to_sending * NS * awake), 0)
    judged = judge(phone, sending)
    assert judged.counts and abs(judged.at_ns - entry) <= abs(skew_ns)


@given(st.integers(121, 10**6), st.sampled_from([-1, 1]), st.sampled_from(["always", "at the contact", "at the receipt"]))
def test_a_clock_that_is_wrong_does_not_count(off: int, sign: int, when: str) -> None:
    entry, sending, skew_ns = START + 600 * NS, START + 1200 * NS, sign * off * NS
    first = skew_ns if when != "at the receipt" else 0
    last = skew_ns if when != "at the contact" else 0
    phone = Phone(START, START + first, entry + first, sending + last, 600 * NS, 600 * NS, 0)
    assert judge(phone, sending) == Judged(sending, Why.PHONE_CLOCK)


@given(st.integers(121, 10**6), st.sampled_from([-1, 1]))
def test_a_clock_set_for_the_entry_and_back_again_is_seen(by: int, sign: int) -> None:
    """By the monotonic clock of a phone that stayed awake, without any sample of a step."""
    entry, sending = START + 600 * NS, START + 1200 * NS
    phone = Phone(START, START, entry + sign * by * NS, sending, 600 * NS, 600 * NS, 0)
    assert judge(phone, sending) == Judged(sending, Why.CLOCK_SET)


def test_the_control_without_the_monotonic_clock_a_set_clock_would_count() -> None:
    """Sets the clock back by five minutes for the entry: only what was measured, or the step that was seen, tells."""
    entry, sending = START + 600 * NS, START + 1200 * NS
    blind = Phone(START, START, entry - 300 * NS, sending, 0, 0, 0)
    assert judge(blind, sending).counts, "nothing is known against it"
    assert judge(replace(blind, age_ns=600 * NS), sending).why is Why.CLOCK_SET
    assert judge(replace(blind, set_back_ns=300 * NS), sending).why is Why.CLOCK_SET


def test_a_phone_slow_within_its_limit_never_claims_a_time_before_it_saw_the_page() -> None:
    phone = Phone(START, START - 100 * NS, START - 90 * NS, START + 500 * NS, 10 * NS, 590 * NS, 0)
    assert judge(phone, START + 600 * NS) == Judged(START)


def test_days_offline_are_shown_and_do_not_count() -> None:
    sending = START + OLDEST_NS + NS
    assert judge(Phone(START, START, START + 60 * NS, sending, 60 * NS, 0, 0), sending).why is Why.TOO_OLD
    assert judge(Phone(START, START, START + 60 * NS, sending - NS, 60 * NS, 0, 0), sending - NS).counts


def test_a_contact_that_is_yet_to_come_is_none() -> None:
    """A replay of another day's figures, or a server whose clock was set back."""
    assert judge(Phone(START + NS, START, START, START, 0, 0, 0), START).why is Why.CONTACT_AHEAD


def test_nothing_is_older_than_what_the_order_shows() -> None:
    phone = Phone(START, START, START + 60 * NS, START + 600 * NS, 60 * NS, 540 * NS, 0)
    assert judge(phone, START + 600 * NS, START + 61 * NS).why is Why.BEFORE_LAST_STEP
    assert judge(phone, START + 600 * NS, START + 60 * NS) == Judged(START + 60 * NS)


@given(offline())
def test_what_is_recorded_reads_back_the_same(case: tuple[Phone, int, int]) -> None:
    phone = case[0]
    whole = replace(phone, age_ns=phone.age_ns // MS * MS, waited_ns=phone.waited_ns // MS * MS)
    assert read(whole.record()) == whole


GOOD = Phone(START, START, START, START, 0, 0, 0).record()


@pytest.mark.parametrize(
    "wrong",
    [
        None, [], "text", {}, {**GOOD, "more": 1}, {**GOOD, "entered_at": "03:12"}, {**GOOD, "entered_at": "2026-11-21T03:12:07"}, {**GOOD, "entered_at": 5},
        {**GOOD, "age_s": -1}, {**GOOD, "age_s": True}, {**GOOD, "age_s": "5"}, {**GOOD, "age_s": float("nan")}, {**GOOD, "age_s": 1e300}, {**GOOD, "sent_at": "9999-12-31T23:59:59-23:00"},
    ],
)  # fmt: skip
def test_what_is_no_phone_is_refused_by_name(wrong: object) -> None:
    with pytest.raises(Refused, match="phone"):
        read(wrong)


def test_the_deeds_are_those_that_are_meant() -> None:
    assert {"accept", "arrive", "restore", "hold", "comment"} == subject.DEEDS
