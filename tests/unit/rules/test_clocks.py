"""Time limits: warned before, breached at their own instant, stopped only by their step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plantroom.clock import NS
from plantroom.limits import ClockName
from plantroom.model import Severity
from rules import clocks
from rules.clocks import Word

MINUTE = 60 * NS
RAISED = 1_795_262_400 * NS


def response(severity: Severity = Severity.DANGER) -> clocks.OrderClock:
    clock = clocks.start("O1-1", ClockName.RESPONSE, 1, severity, RAISED)
    assert clock is not None
    return clock


@pytest.mark.parametrize(
    ("name", "severity", "minutes"),
    [
        (ClockName.RESPONSE, Severity.DANGER, 15),
        (ClockName.RESPONSE, Severity.READINESS, 15),
        (ClockName.RESPONSE, Severity.NORMAL, 30),
        (ClockName.ARRIVAL, Severity.DANGER, 15),
        (ClockName.ARRIVAL, Severity.READINESS, 30),
        (ClockName.ARRIVAL, Severity.NORMAL, 60),
        (ClockName.RESTORE, Severity.DANGER, 24 * 60),
        (ClockName.RESTORE, Severity.READINESS, 24 * 60),
        (ClockName.RESTORE, Severity.NORMAL, 24 * 60),
    ],
)
def test_limits_are_the_standards(name: ClockName, severity: Severity, minutes: int) -> None:
    clock = clocks.start("O1-1", name, 1, severity, RAISED)
    assert clock is not None and clock.due_ns - clock.started_ns == minutes * MINUTE
    assert clock.started_ns < clock.warn_ns < clock.due_ns


@pytest.mark.parametrize("name", list(ClockName))
def test_an_advisory_has_no_clock(name: ClockName) -> None:
    assert clocks.start("O1-1", name, 1, Severity.ADVISORY, RAISED) is None


def test_it_warns_once_then_is_breached_once() -> None:
    clock, said = response(), []
    for second in range(20 * 60):
        clock, word = clocks.notice(clock, RAISED + second * NS)
        if word is not None:
            said.append((second, word))
    assert said == [(12 * 60, Word.WARNING), (15 * 60 + 1, Word.BREACH)]
    assert clock.breached_ns == clock.due_ns


def test_a_step_at_the_very_instant_keeps_the_limit() -> None:
    clock = response()
    assert clocks.stop(clock, clock.due_ns).breached_ns is None
    late = clocks.stop(clock, clock.due_ns + 1)
    assert late.breached_ns == clock.due_ns and late.stopped_ns == clock.due_ns + 1


def test_after_a_long_absence_the_breach_alone_is_said_and_bears_the_due_instant() -> None:
    clock, word = clocks.notice(response(), RAISED + 600 * MINUTE)
    assert word is Word.BREACH and clock.breached_ns == RAISED + 15 * MINUTE and clock.warned_ns is None


def test_a_stopped_clock_says_nothing_more_and_stops_only_once() -> None:
    clock = clocks.stop(response(), RAISED + MINUTE)
    assert clocks.notice(clock, RAISED + 600 * MINUTE) == (clock, None)
    assert clocks.stop(clock, RAISED + 2 * MINUTE) == clock


@pytest.mark.parametrize("step", [-3600 * NS, 3600 * NS])
def test_setting_the_wall_clock_leaves_the_remaining_time_alone(step: int) -> None:
    clock = clocks.shift(response(), step)
    assert clock.due_ns - (RAISED + step) == 15 * MINUTE and clock.due_ns - clock.started_ns == 15 * MINUTE
    over = replace(response(), stopped_ns=RAISED + MINUTE)
    assert clocks.shift(over, step) == over


def test_the_next_thing_to_look_at_is_the_earliest_of_all_clocks() -> None:
    early, late = response(), response(Severity.NORMAL)
    assert clocks.next_due([]) is None
    assert clocks.next_due([late, early]) == early.warn_ns
    assert clocks.next_due([clocks.stop(early, RAISED), late]) == late.warn_ns
    warned, _ = clocks.notice(early, early.warn_ns)
    assert clocks.next_due([warned]) == warned.due_ns + 1
