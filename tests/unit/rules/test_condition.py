"""The condition's table: every pair answered, nothing that silence could clear, and the arrays that run it say the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from plantroom.clock import NS
from rules.condition import COUNTING, TABLE, Effect, Event, State
from rules.conditions import FOREVER, RELEASE, STATES, WITHDRAW, Conditions, Verdicts

OPEN = (State.ACTIVE, State.RECOVERING)
TRUE, FALSE, UNKNOWN = (True, False), (False, True), (False, False)


def test_every_state_answers_every_event() -> None:
    assert set(TABLE) == set(itertools.product(State, Event))


@pytest.mark.parametrize("state", OPEN)
@pytest.mark.parametrize("event", [Event.UNKNOWN, Event.BLIND, Event.MISSING])
def test_what_is_not_known_never_ends_a_fault(state: State, event: Event) -> None:
    assert TABLE[state, event][0] in OPEN


def test_only_a_full_time_a_person_or_a_withdrawal_ends_a_fault() -> None:
    ends = {event for (state, event), (after, _) in TABLE.items() if state in OPEN and after not in OPEN}
    assert ends == {Event.ELAPSED, Event.RELEASE, Event.WITHDRAW}


def test_only_a_full_time_raises_one() -> None:
    raises = {(state, event) for (state, event), (after, _) in TABLE.items() if state not in OPEN and after in OPEN}
    assert raises == {(State.PENDING, Event.ELAPSED)}


def test_unknown_time_counts_towards_nothing() -> None:
    assert not {event for _, event in COUNTING} & {Event.UNKNOWN, Event.BLIND, Event.BETWEEN}


def test_effects_belong_to_a_change_of_state() -> None:
    for (before, _), (after, effect) in TABLE.items():
        assert (effect is Effect.NOTHING) == (before is after)


def test_withdrawn_is_the_end() -> None:
    assert {after for (state, _), (after, _) in TABLE.items() if state is State.WITHDRAWN} == {State.WITHDRAWN}


class One:
    """One rule on one machine; for 2 s, clear after 3 s."""

    def __init__(self, *, for_s: float = 2, clear_s: float = 3, raises: bool = False, latched: bool = False) -> None:
        self.held = Conditions(
            np.array([[True]]), np.array([[round(for_s * NS)]]), np.array([[round(clear_s * NS)]]), np.array([raises]), np.array([latched])
        )
        self.last = 0
        self.story: list[tuple[float, str]] = []
        self.marks: list[bool] = []  # "no data" of each raising

    def look(self, at_s: float, when: tuple[bool, bool], clear: tuple[bool, bool] | None = None) -> State:
        now = np.array([round(at_s * NS)])
        self._tell(self.held.elapse(slice(None), now))
        verdicts = _verdicts(when, clear or when[::-1])
        self._tell(self.held.judge(slice(None), now, now - self.last, verdicts))
        self.last = int(now[0])
        return self.state

    def _tell(self, changes: list) -> None:  # type: ignore[type-arg]
        self.marks += [change.no_data for change in changes if STATES[change.after] is State.ACTIVE]
        self.story += [(change.at_ns / NS, STATES[change.after].value) for change in changes]

    @property
    def state(self) -> State:
        return STATES[int(self.held.state[0, 0])]


def _verdicts(when: tuple[bool, bool], clear: tuple[bool, bool]) -> Verdicts:
    return Verdicts(*(np.array([[side]]) for side in (*when, *clear)))


def test_it_is_raised_at_the_very_instant_its_time_is_full() -> None:
    one = One()
    one.look(0, FALSE)
    one.look(1, TRUE)
    one.look(10, TRUE)
    assert one.story == [(1, "pending"), (3, "active")]


def test_without_patience_it_is_raised_at_once_and_only_the_net_change_is_told() -> None:
    one = One(for_s=0, clear_s=0)
    one.look(0, TRUE)
    one.look(1, FALSE)
    assert one.story == [(0, "active"), (1, "cleared")]


def test_a_false_look_drops_what_is_pending_and_its_time() -> None:
    one = One()
    for at, seen in ((0, TRUE), (1, TRUE), (1.5, FALSE), (2, TRUE), (3.5, TRUE)):
        one.look(at, seen)
    assert one.story == [(0, "pending"), (1.5, "cleared"), (2, "pending")]
    one.look(4, TRUE)
    assert one.story[-1] == (4, "active")


def test_a_value_holds_until_the_next_one() -> None:
    """True from 0 to 2 is two seconds of true, so `for: 2s` is full when the false sample comes at 2."""
    one = One()
    one.look(0, TRUE)
    one.look(2, FALSE)
    assert one.story[:2] == [(0, "pending"), (2, "active")]
    shorter = One()
    shorter.look(0, TRUE)
    shorter.look(1.9, FALSE)
    assert shorter.story == [(0, "pending"), (1.9, "cleared")]


def test_unknown_time_is_left_out_of_both_times() -> None:
    one = One()
    for at, seen in enumerate([TRUE, UNKNOWN, UNKNOWN, TRUE, TRUE, FALSE, UNKNOWN, UNKNOWN, FALSE, FALSE, FALSE]):
        one.look(at, seen)
    assert one.story == [(0, "pending"), (4, "active"), (5, "recovering"), (10, "cleared")]


def test_between_the_limits_recovery_starts_anew() -> None:
    one = One(for_s=0)
    one.look(0, TRUE)
    one.look(1, FALSE, TRUE)
    one.look(3, FALSE, FALSE)
    one.look(4, FALSE, TRUE)
    one.look(6.9, FALSE, TRUE)
    assert one.state is State.RECOVERING
    one.look(7, FALSE, TRUE)
    assert one.state is State.CLEARED


def test_an_unknown_clear_condition_holds_the_recovery() -> None:
    one = One(for_s=0)
    one.look(0, TRUE)
    one.look(1, FALSE, TRUE)
    one.look(2, FALSE, UNKNOWN)
    one.look(50, FALSE, UNKNOWN)
    assert one.state is State.RECOVERING
    one.look(51, FALSE, TRUE)
    one.look(53, FALSE, TRUE)
    assert one.story[-1] == (53, "cleared")


def test_a_clear_condition_does_not_clear_while_the_fault_condition_is_unknown_or_true() -> None:
    one = One(for_s=0, clear_s=0)
    one.look(0, TRUE, TRUE)
    one.look(1, UNKNOWN, TRUE)
    assert one.state is State.ACTIVE


def test_missing_data_raises_only_where_the_rule_says_so() -> None:
    for raises in (False, True):
        one = One(raises=raises)
        one.look(0, UNKNOWN)
        one.look(5, UNKNOWN)
        assert (one.state is State.ACTIVE) is raises
        assert one.marks == ([True] if raises else [])


def test_a_latched_fault_waits_for_a_person() -> None:
    one = One(for_s=0, clear_s=0, latched=True)
    one.look(0, TRUE)
    one.look(100, FALSE)
    assert one.state is State.ACTIVE
    at = np.array([0]), np.array([0])
    assert [STATES[change.after] for change in one.held.apply(RELEASE, *at, 101 * NS)] == [State.CLEARED]


def test_a_withdrawn_condition_tells_its_onset_and_stays_so() -> None:
    one = One(for_s=0)
    one.look(5, TRUE)
    (change,) = one.held.apply(WITHDRAW, np.array([0]), np.array([0]), 9 * NS)
    assert (STATES[change.after], change.onset_ns, change.at_ns) == (State.WITHDRAWN, 5 * NS, 9 * NS)
    assert one.held.due() == FOREVER


def test_the_onset_outlives_relapses() -> None:
    one = One(for_s=0)
    one.look(5, TRUE)
    one.look(6, FALSE)
    one.look(7, TRUE)
    assert one.held.onset[0, 0] == 5 * NS
    assert one.story == [(5, "active"), (6, "recovering"), (7, "active")]


def test_a_clock_step_moves_onset_and_deadline_together() -> None:
    one = One()
    one.look(1, TRUE)
    one.held.shift(3600 * NS)
    assert one.held.onset[0, 0] == 3601 * NS
    assert one.held.due() == 3603 * NS


def test_a_rule_that_does_not_apply_is_never_stirred() -> None:
    held = Conditions(np.array([[False]]), np.zeros((1, 1), np.int64), np.zeros((1, 1), np.int64), np.array([True]), np.array([False]))
    now = np.array([NS])
    assert held.judge(slice(None), now, now, _verdicts(TRUE, FALSE)) == []
    assert held.judge(slice(None), now, now, _verdicts(UNKNOWN, UNKNOWN)) == []
