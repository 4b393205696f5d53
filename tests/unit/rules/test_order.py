"""The order's table: every pair answered, its guards, and the diagram that is printed from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.clock import NS
from plantroom.model import Severity
from plantroom.words import has
from rules.order import REOPEN_WITHIN_NS, TABLE, Effect, Event, Facts, Move, No, State, decide, diagram

NOW = 1_795_262_400 * NS
DOCS = Path(__file__).parents[3] / "docs" / "orders.md"


def test_every_state_answers_every_event() -> None:
    assert set(TABLE) == {(state, event) for state in State for event in Event}


def test_every_refusal_has_its_words() -> None:
    codes = {answer.code for answer in TABLE.values() if isinstance(answer, No)}
    codes |= {"performer_cannot_close", "danger_needs_supervisor", "fault_still_active", "closed_too_long_ago"}
    assert [code for code in sorted(codes) if not has(f"refused.{code}")] == []


def test_the_way_of_an_order() -> None:
    state, steps = State.OPEN, (Event.ACCEPT, Event.ARRIVE, Event.RESTORE, Event.CLOSE)
    for event, to in zip(steps, (State.ACCEPTED, State.ARRIVED, State.RESTORED, State.CLOSED), strict=True):
        move = TABLE[state, event]
        assert isinstance(move, Move) and move.to is to
        state = move.to


def test_each_clock_is_stopped_by_its_own_step() -> None:
    assert Effect.STOP_RESPONSE in moves(State.OPEN, Event.ACCEPT) and Effect.START_ARRIVAL in moves(State.OPEN, Event.ACCEPT)
    assert moves(State.ACCEPTED, Event.ARRIVE)[0] is Effect.STOP_ARRIVAL
    assert Effect.STOP_RESTORE in moves(State.ARRIVED, Event.RESTORE)
    stops = {Effect.STOP_RESPONSE, Effect.STOP_ARRIVAL, Effect.STOP_RESTORE, Effect.STOP_ALL, Effect.NEW_ROUND}
    for (state, _), answer in TABLE.items():
        if isinstance(answer, Move) and answer.to is state:
            assert not stops & set(answer.effects), "who stays where he is stops no clock"


def moves(state: State, event: Event) -> tuple[Effect, ...]:
    answer = TABLE[state, event]
    assert isinstance(answer, Move)
    return answer.effects


@pytest.mark.parametrize("state", list(State))
def test_what_fades_closes_only_what_nobody_has_taken(state: State) -> None:
    answer = TABLE[state, Event.FADED]
    assert isinstance(answer, Move)
    assert answer.to is (State.CLOSED if state in (State.OPEN, State.CLOSED) else state)
    urgent = TABLE[state, Event.FADED_URGENT]
    assert isinstance(urgent, Move) and urgent.to is state, "an urgent one still wants a person"


def facts(severity: Severity = Severity.NORMAL, **given: object) -> Facts:
    return Facts(State.RESTORED, severity, **given)  # type: ignore[arg-type]


def test_the_performer_never_closes() -> None:
    assert decide(facts(performers=frozenset({"li"})), Event.CLOSE, NOW, "li") == No("performer_cannot_close")
    assert isinstance(decide(facts(performers=frozenset({"li"})), Event.CLOSE, NOW, "wang"), Move)
    assert decide(facts(performers=frozenset({"li"})), Event.CLOSE, NOW, "li", {"supervisor"}) == No("performer_cannot_close")


def test_danger_is_closed_by_the_supervisor() -> None:
    assert decide(facts(Severity.DANGER), Event.CLOSE, NOW, "wang", {"engineer"}) == No("danger_needs_supervisor")
    assert isinstance(decide(facts(Severity.DANGER), Event.CLOSE, NOW, "wang", {"supervisor"}), Move)


def test_an_order_does_not_close_over_a_fault_that_is_still_there() -> None:
    assert decide(facts(fault_open=True), Event.CLOSE, NOW, "wang") == No("fault_still_active")


def test_reopening_ends_after_72_hours() -> None:
    closed = Facts(State.CLOSED, Severity.NORMAL, closed_ns=NOW)
    assert isinstance(decide(closed, Event.REOPEN, NOW + REOPEN_WITHIN_NS), Move)
    assert decide(closed, Event.REOPEN, NOW + REOPEN_WITHIN_NS + 1) == No("closed_too_long_ago")


def test_the_documented_diagram_is_the_table() -> None:
    assert diagram() in DOCS.read_text()
