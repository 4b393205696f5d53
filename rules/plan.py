"""The life of a task of the plan as one literal table: (state, event) -> next state and effects, or why not.

    scheduled -> due_soon -> due -> overdue      by its absolute instants; a task is kept by a step at its very instant
    done       with what its entry wants; after its grace it is late, and shown late
    moved      to another date, with a reason, agreed to by somebody else: another task stands for it
    excused    it is not done this once, with a reason, agreed to by somebody else
    missed     the date after it fell due: it can no longer be done, its fault stays until the next one is
    withdrawn  the configuration no longer asks for it, or asks at other dates

Effects are returned, never done here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rules.order import No


class State(StrEnum):
    SCHEDULED = "scheduled"
    DUE_SOON = "due_soon"
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"
    MOVED = "moved"
    EXCUSED = "excused"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"


OPEN = (State.SCHEDULED, State.DUE_SOON, State.DUE, State.OVERDUE)
ENDED = (State.DONE, State.MOVED, State.EXCUSED, State.MISSED, State.WITHDRAWN)


class Event(StrEnum):
    # time's
    SOON = "soon"
    FALL_DUE = "fall_due"
    PASS = "pass"  # its grace is over
    NEXT = "next"  # the date after it fell due
    EXPIRE = "expire"  # nobody has completed the work that was started
    # people's
    START = "start"
    COMPLETE = "complete"
    SATISFY = "satisfy"  # done with the work of another entry
    ASK = "ask"  # to move or excuse it
    MOVE = "move"  # agreed
    EXCUSE = "excuse"  # agreed
    # the configuration's
    WITHDRAW = "withdraw"


class Effect(StrEnum):
    SUPPRESS = "suppress"  # the rules its work sets off, on its own machine alone
    REARM = "rearm"  # those rules count again; what is wrong now is told
    ACCUSE = "accuse"  # the fault maintenance_overdue of its subject
    ACQUIT = "acquit"  # that fault ends where nothing of the subject is behind any more
    SIGN = "sign"  # our side has to sign within 48 h
    FOLLOW = "follow"  # the task of the next date


@dataclass(frozen=True, slots=True)
class Move:
    to: State
    effects: tuple[Effect, ...] = ()


S, E, X = State, Event, Effect
DONE = Move(S.DONE, (X.REARM, X.SIGN, X.FOLLOW, X.ACQUIT))
WITH = Move(S.DONE, (X.REARM, X.FOLLOW, X.ACQUIT))
EXCUSED = Move(S.EXCUSED, (X.REARM, X.FOLLOW, X.ACQUIT))
MOVED = Move(S.MOVED, (X.REARM, X.FOLLOW, X.ACQUIT))
GONE = Move(S.WITHDRAWN, (X.REARM, X.ACQUIT))
EARLY, OVER = No("task_too_early"), {
    S.DONE: No("task_done_already"), S.MOVED: No("task_moved"), S.EXCUSED: No("task_excused"), S.MISSED: No("task_missed"),
    S.WITHDRAWN: No("task_withdrawn"),
}  # fmt: skip

TABLE: Mapping[tuple[State, Event], Move | No] = {
    (S.SCHEDULED, E.SOON): Move(S.DUE_SOON),
    (S.SCHEDULED, E.FALL_DUE): Move(S.DUE),
    (S.SCHEDULED, E.PASS): Move(S.OVERDUE, (X.ACCUSE,)),
    (S.SCHEDULED, E.NEXT): Move(S.MISSED, (X.ACCUSE, X.FOLLOW)),
    (S.SCHEDULED, E.EXPIRE): Move(S.SCHEDULED),
    (S.SCHEDULED, E.START): EARLY,
    (S.SCHEDULED, E.COMPLETE): EARLY,
    (S.SCHEDULED, E.SATISFY): WITH,
    (S.SCHEDULED, E.ASK): Move(S.SCHEDULED),
    (S.SCHEDULED, E.MOVE): MOVED,
    (S.SCHEDULED, E.EXCUSE): EXCUSED,
    (S.SCHEDULED, E.WITHDRAW): GONE,
    (S.DUE_SOON, E.SOON): Move(S.DUE_SOON),
    (S.DUE_SOON, E.FALL_DUE): Move(S.DUE),
    (S.DUE_SOON, E.PASS): Move(S.OVERDUE, (X.ACCUSE,)),
    (S.DUE_SOON, E.NEXT): Move(S.MISSED, (X.ACCUSE, X.FOLLOW)),
    (S.DUE_SOON, E.EXPIRE): Move(S.DUE_SOON, (X.REARM,)),
    (S.DUE_SOON, E.START): Move(S.DUE_SOON, (X.SUPPRESS,)),
    (S.DUE_SOON, E.COMPLETE): DONE,
    (S.DUE_SOON, E.SATISFY): WITH,
    (S.DUE_SOON, E.ASK): Move(S.DUE_SOON),
    (S.DUE_SOON, E.MOVE): MOVED,
    (S.DUE_SOON, E.EXCUSE): EXCUSED,
    (S.DUE_SOON, E.WITHDRAW): GONE,
    (S.DUE, E.SOON): Move(S.DUE),
    (S.DUE, E.FALL_DUE): Move(S.DUE),
    (S.DUE, E.PASS): Move(S.OVERDUE, (X.ACCUSE,)),
    (S.DUE, E.NEXT): Move(S.MISSED, (X.ACCUSE, X.FOLLOW)),
    (S.DUE, E.EXPIRE): Move(S.DUE, (X.REARM,)),
    (S.DUE, E.START): Move(S.DUE, (X.SUPPRESS,)),
    (S.DUE, E.COMPLETE): DONE,
    (S.DUE, E.SATISFY): WITH,
    (S.DUE, E.ASK): Move(S.DUE),
    (S.DUE, E.MOVE): MOVED,
    (S.DUE, E.EXCUSE): EXCUSED,
    (S.DUE, E.WITHDRAW): GONE,
    (S.OVERDUE, E.SOON): Move(S.OVERDUE),
    (S.OVERDUE, E.FALL_DUE): Move(S.OVERDUE),
    (S.OVERDUE, E.PASS): Move(S.OVERDUE),
    (S.OVERDUE, E.NEXT): Move(S.MISSED, (X.ACCUSE, X.FOLLOW)),
    (S.OVERDUE, E.EXPIRE): Move(S.OVERDUE, (X.REARM,)),
    (S.OVERDUE, E.START): Move(S.OVERDUE, (X.SUPPRESS,)),
    (S.OVERDUE, E.COMPLETE): DONE,
    (S.OVERDUE, E.SATISFY): WITH,
    (S.OVERDUE, E.ASK): Move(S.OVERDUE),
    (S.OVERDUE, E.MOVE): MOVED,
    (S.OVERDUE, E.EXCUSE): EXCUSED,
    (S.OVERDUE, E.WITHDRAW): GONE,
    **{(state, event): why for state, why in OVER.items() for event in Event},
}


@dataclass(frozen=True, slots=True)
class Instants:
    """Of a task, absolute. next_ns: None where the next date is counted from when it is done. busy_ns: until when work is going on."""

    warn_ns: int
    due_ns: int
    overdue_ns: int
    next_ns: int | None = None
    busy_ns: int | None = None


def decide(state: State, event: Event) -> Move | No:
    return TABLE[state, event]


def time_says(state: State, at: Instants, now_ns: int) -> Event | None:
    """What time has to say to a task by now; one thing at once, the furthest."""
    if state not in OPEN:
        return None
    if at.busy_ns is not None and now_ns >= at.busy_ns:
        return Event.EXPIRE
    if at.next_ns is not None and now_ns >= at.next_ns and at.busy_ns is None:  # who is at it may end it
        return Event.NEXT
    if now_ns > at.overdue_ns:
        return None if state is S.OVERDUE else Event.PASS
    if now_ns >= at.due_ns:
        return None if state is S.DUE else Event.FALL_DUE
    if now_ns >= at.warn_ns and state is S.SCHEDULED:
        return Event.SOON
    return None


def wakes_ns(state: State, at: Instants) -> int | None:
    """The first instant at which `time_says` says something; None where it never will."""
    own = {S.SCHEDULED: at.warn_ns, S.DUE_SOON: at.due_ns, S.DUE: at.overdue_ns + 1}.get(state)
    upon = at.busy_ns if at.busy_ns is not None else at.next_ns if state in OPEN else None
    return min((each for each in (own, upon) if each is not None), default=None)


def diagram() -> str:
    """The table as a Mermaid state diagram, for docs/plan.md."""
    arrows: dict[tuple[State, State], list[str]] = {}
    for (state, event), answer in TABLE.items():
        if isinstance(answer, Move) and answer.to is not state:
            arrows.setdefault((state, answer.to), []).append(event.value)
    lines = [f"  {a} --> {b}: {', '.join(events)}" for (a, b), events in arrows.items()]
    return "\n".join(["stateDiagram-v2", "  [*] --> scheduled", *lines])
