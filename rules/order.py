"""The life of a work order as one literal table: (state, event) -> next state and effects, or why not.

Effects are returned, never done here; the desk does them in the transaction that moves the journal position. A hold is a note on
an order, not a state: it stops no clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from plantroom.clock import NS
from plantroom.model import Severity

REOPEN_WITHIN_NS = 72 * 3600 * NS


class State(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    ARRIVED = "arrived"
    RESTORED = "restored"
    CLOSED = "closed"


class Event(StrEnum):
    # people's steps
    ACCEPT = "accept"
    ARRIVE = "arrive"
    RESTORE = "restore"
    CLOSE = "close"
    REOPEN = "reopen"
    # the machine's own
    RETURNED = "returned"  # the fault came back while its order still stands
    FADED = "faded"  # the fault ended by itself and nobody is wanted any more (normal, advisory)
    FADED_URGENT = "faded_urgent"  # it ended by itself; an urgent one still wants a person
    HOLLOW = "hollow"  # accepted, and nobody came within the arrival limit: the acceptance counts as none
    TAKEN_BACK = "taken_back"  # from the firm whose people had accepted it
    JOINED = "joined"  # its fault became part of another one, which has an order of its own


class Effect(StrEnum):
    STOP_RESPONSE = "stop_response"
    START_ARRIVAL = "start_arrival"
    STOP_ARRIVAL = "stop_arrival"
    STOP_RESTORE = "stop_restore"
    STOP_ALL = "stop_all"
    NEW_ROUND = "new_round"  # forget who had it, start response and restore anew
    FORGET = "forget"  # the acceptance is written down as hollow, somebody else may accept
    LET_GO = "let_go"  # who accepted it has it no more, and it was not their doing
    END_HOLD = "end_hold"
    DROP_PAGES = "drop_pages"  # what is still to be sent about it is no longer wanted


@dataclass(frozen=True, slots=True)
class Move:
    to: State
    effects: tuple[Effect, ...] = ()


@dataclass(frozen=True, slots=True)
class No:
    """Refused. code: a text of plantroom/words, `refused.<code>`."""

    code: str


S, E, X = State, Event, Effect
STAY: Mapping[State, Move] = {state: Move(state) for state in State}

TABLE: Mapping[tuple[State, Event], Move | No] = {
    (S.OPEN, E.ACCEPT): Move(S.ACCEPTED, (X.STOP_RESPONSE, X.START_ARRIVAL)),
    (S.OPEN, E.ARRIVE): Move(S.ARRIVED, (X.STOP_RESPONSE, X.STOP_ARRIVAL, X.END_HOLD)),  # at the machine before the phone: accepted too
    (S.OPEN, E.RESTORE): No("accept_first"),
    (S.OPEN, E.CLOSE): No("restore_first"),
    (S.OPEN, E.REOPEN): No("not_closed"),
    (S.OPEN, E.RETURNED): STAY[S.OPEN],
    (S.OPEN, E.FADED): Move(S.CLOSED, (X.STOP_ALL, X.END_HOLD)),
    (S.OPEN, E.FADED_URGENT): STAY[S.OPEN],
    (S.OPEN, E.HOLLOW): STAY[S.OPEN],
    (S.OPEN, E.TAKEN_BACK): STAY[S.OPEN],
    (S.OPEN, E.JOINED): Move(S.CLOSED, (X.STOP_ALL, X.END_HOLD, X.DROP_PAGES)),
    (S.ACCEPTED, E.ACCEPT): No("already_accepted"),
    (S.ACCEPTED, E.ARRIVE): Move(S.ARRIVED, (X.STOP_ARRIVAL, X.END_HOLD)),
    (S.ACCEPTED, E.RESTORE): Move(S.RESTORED, (X.STOP_ARRIVAL, X.STOP_RESTORE, X.END_HOLD)),  # reset from afar: nobody had to go
    (S.ACCEPTED, E.CLOSE): No("restore_first"),
    (S.ACCEPTED, E.REOPEN): No("not_closed"),
    (S.ACCEPTED, E.RETURNED): STAY[S.ACCEPTED],
    (S.ACCEPTED, E.FADED): STAY[S.ACCEPTED],
    (S.ACCEPTED, E.FADED_URGENT): STAY[S.ACCEPTED],
    (S.ACCEPTED, E.HOLLOW): Move(S.OPEN, (X.FORGET,)),
    (S.ACCEPTED, E.TAKEN_BACK): Move(S.OPEN, (X.STOP_ARRIVAL, X.LET_GO)),
    (S.ACCEPTED, E.JOINED): STAY[S.ACCEPTED],
    (S.ARRIVED, E.ACCEPT): No("already_arrived"),
    (S.ARRIVED, E.ARRIVE): No("already_arrived"),
    (S.ARRIVED, E.RESTORE): Move(S.RESTORED, (X.STOP_RESTORE, X.END_HOLD)),
    (S.ARRIVED, E.CLOSE): No("restore_first"),
    (S.ARRIVED, E.REOPEN): No("not_closed"),
    (S.ARRIVED, E.RETURNED): STAY[S.ARRIVED],
    (S.ARRIVED, E.FADED): STAY[S.ARRIVED],
    (S.ARRIVED, E.FADED_URGENT): STAY[S.ARRIVED],
    (S.ARRIVED, E.HOLLOW): STAY[S.ARRIVED],
    (S.ARRIVED, E.TAKEN_BACK): STAY[S.ARRIVED],
    (S.ARRIVED, E.JOINED): STAY[S.ARRIVED],
    (S.RESTORED, E.ACCEPT): No("already_restored"),
    (S.RESTORED, E.ARRIVE): No("already_restored"),
    (S.RESTORED, E.RESTORE): No("already_restored"),
    (S.RESTORED, E.CLOSE): Move(S.CLOSED, (X.STOP_ALL, X.DROP_PAGES)),
    (S.RESTORED, E.REOPEN): Move(S.OPEN, (X.NEW_ROUND,)),  # whoever should confirm it says that it is not repaired
    (S.RESTORED, E.RETURNED): Move(S.OPEN, (X.NEW_ROUND,)),
    (S.RESTORED, E.FADED): STAY[S.RESTORED],
    (S.RESTORED, E.FADED_URGENT): STAY[S.RESTORED],
    (S.RESTORED, E.HOLLOW): STAY[S.RESTORED],
    (S.RESTORED, E.TAKEN_BACK): STAY[S.RESTORED],
    (S.RESTORED, E.JOINED): STAY[S.RESTORED],
    (S.CLOSED, E.ACCEPT): No("already_closed"),
    (S.CLOSED, E.ARRIVE): No("already_closed"),
    (S.CLOSED, E.RESTORE): No("already_closed"),
    (S.CLOSED, E.CLOSE): No("already_closed"),
    (S.CLOSED, E.REOPEN): Move(S.OPEN, (X.NEW_ROUND,)),
    (S.CLOSED, E.RETURNED): No("already_closed"),  # a fault that comes back after closing opens an order of its own
    (S.CLOSED, E.FADED): STAY[S.CLOSED],
    (S.CLOSED, E.FADED_URGENT): STAY[S.CLOSED],
    (S.CLOSED, E.HOLLOW): STAY[S.CLOSED],
    (S.CLOSED, E.TAKEN_BACK): STAY[S.CLOSED],
    (S.CLOSED, E.JOINED): STAY[S.CLOSED],
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a guard needs to know of an order. performers: ids of those who accepted, arrived or restored in this round. withheld: its lift
    is not yet released by signature."""

    state: State
    severity: Severity
    performers: frozenset[str] = frozenset()
    fault_open: bool = False
    withheld: bool = False
    closed_ns: int | None = None


def decide(facts: Facts, event: Event, now_ns: int, who: str = "system", roles: Iterable[str] = ()) -> Move | No:
    """The table's answer, then the guards: who may close (R: never the performer, danger by the supervisor), how long one may re-open."""
    answer = TABLE[facts.state, event]
    if isinstance(answer, No):
        return answer
    if event is Event.CLOSE:
        if who in facts.performers:
            return No("performer_cannot_close")
        if facts.severity is Severity.DANGER and "supervisor" not in roles:
            return No("danger_needs_supervisor")
        if facts.fault_open:
            return No("fault_still_active")
        if facts.withheld:
            return No("release_first")
    if event is Event.REOPEN and facts.closed_ns is not None and now_ns - facts.closed_ns > REOPEN_WITHIN_NS:
        return No("closed_too_long_ago")
    return answer


def diagram() -> str:
    """The table as a Mermaid state diagram, for docs/orders.md."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, event), answer in TABLE.items():
        if isinstance(answer, Move) and answer.to is not state:
            arrows.setdefault((state, answer.to), []).append(event.value)
    lines = [f"  {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", "  [*] --> open", *lines])
