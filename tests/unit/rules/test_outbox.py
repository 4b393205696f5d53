"""What becomes of a page after an attempt."""

from __future__ import annotations

import pytest

from plantroom.clock import NS
from plantroom.model import Severity
from rules.outbox import LONGEST_RETRY_AFTER_S, Next, Verdict, after_attempt, pause_ns

NOW = 1_795_262_400 * NS
URGENT = [Severity.DANGER, Severity.READINESS]


def test_accepted_is_the_end() -> None:
    assert after_attempt(1, Verdict.ACCEPTED, Severity.DANGER, NOW) == Next("accepted")


@pytest.mark.parametrize("severity", URGENT)
def test_an_urgent_page_is_tried_for_ever_and_at_least_once_a_minute(severity: Severity) -> None:
    pauses = [pause_ns(n, severity) // NS for n in range(1, 500)]
    assert pauses[:6] == [2, 5, 10, 20, 30, 60] and set(pauses[6:]) == {60}
    assert after_attempt(10_000, Verdict.RETRY, severity, NOW) == Next("queued", NOW + 60 * NS)


def test_a_normal_page_backs_off_to_five_minutes() -> None:
    pauses = [pause_ns(n, Severity.NORMAL) // NS for n in range(1, 50)]
    assert pauses == sorted(pauses) and max(pauses) == 300


def test_what_the_provider_asks_for_is_honoured_within_reason() -> None:
    assert pause_ns(1, Severity.DANGER, 30) == 30 * NS
    assert pause_ns(1, Severity.DANGER, 0) == 2 * NS
    assert pause_ns(1, Severity.DANGER, 86_400) == LONGEST_RETRY_AFTER_S * NS


def test_a_refusal_ends_a_normal_page_but_an_urgent_one_is_never_given_up() -> None:
    assert after_attempt(1, Verdict.REFUSED, Severity.NORMAL, NOW) == Next("failed")
    for severity in URGENT:
        assert after_attempt(1, Verdict.REFUSED, severity, NOW) == Next("queued", NOW + LONGEST_RETRY_AFTER_S * NS)
