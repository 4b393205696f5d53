"""The life of one condition: one rule on one machine. The table is the whole truth; the evaluator runs it over many machines at once.

    cleared -> pending -> active -> recovering -> cleared        (withdrawn: the rule or the machine was taken away)

Time: `pending` counts the time `when` was known true towards `for`, `recovering` the time `clear_when` was known true towards
`clear_after`. Unknown time counts towards neither and stops neither. A value holds until the next one, or until it is stale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    CLEARED = "cleared"  # at rest
    PENDING = "pending"
    ACTIVE = "active"
    RECOVERING = "recovering"
    WITHDRAWN = "withdrawn"


class Event(StrEnum):
    """What one look at the machine says."""

    TRUE = "true"  # `when` is known true
    MISSING = "missing"  # `when` is unknown and the rule says `on_missing: raise`
    UNKNOWN = "unknown"  # `when` is unknown: never clears, never raises
    BETWEEN = "between"  # `when` known false, `clear_when` known false: inside the hysteresis
    BLIND = "blind"  # `when` known false, `clear_when` unknown
    CLEAR = "clear"  # `when` known false and `clear_when` known true
    ELAPSED = "elapsed"  # the running time (`for` or `clear_after`) is full
    RELEASE = "release"  # a person releases a latched fault
    WITHDRAW = "withdraw"  # the rule or the machine is gone


class Effect(StrEnum):
    NOTHING = "nothing"
    START = "start"  # onset = now, counted time = 0
    DROP = "drop"  # was never a fault
    RAISE = "raise"
    RECOVER = "recover"  # counted time = 0
    RELAPSE = "relapse"  # the same fault goes on, its onset stays
    END = "end"
    WITHDRAW = "withdraw"


_C, _P, _A, _R, _W = State.CLEARED, State.PENDING, State.ACTIVE, State.RECOVERING, State.WITHDRAWN
_NO = Effect.NOTHING

TABLE: Mapping[tuple[State, Event], tuple[State, Effect]] = {
    (_C, Event.TRUE): (_P, Effect.START),
    (_C, Event.MISSING): (_P, Effect.START),
    (_C, Event.UNKNOWN): (_C, _NO),
    (_C, Event.BETWEEN): (_C, _NO),
    (_C, Event.BLIND): (_C, _NO),
    (_C, Event.CLEAR): (_C, _NO),
    (_C, Event.ELAPSED): (_C, _NO),
    (_C, Event.RELEASE): (_C, _NO),
    (_C, Event.WITHDRAW): (_C, _NO),
    (_P, Event.TRUE): (_P, _NO),
    (_P, Event.MISSING): (_P, _NO),
    (_P, Event.UNKNOWN): (_P, _NO),
    (_P, Event.BETWEEN): (_C, Effect.DROP),
    (_P, Event.BLIND): (_C, Effect.DROP),
    (_P, Event.CLEAR): (_C, Effect.DROP),
    (_P, Event.ELAPSED): (_A, Effect.RAISE),
    (_P, Event.RELEASE): (_P, _NO),
    (_P, Event.WITHDRAW): (_W, Effect.WITHDRAW),
    (_A, Event.TRUE): (_A, _NO),
    (_A, Event.MISSING): (_A, _NO),
    (_A, Event.UNKNOWN): (_A, _NO),
    (_A, Event.BETWEEN): (_A, _NO),
    (_A, Event.BLIND): (_A, _NO),
    (_A, Event.CLEAR): (_R, Effect.RECOVER),
    (_A, Event.ELAPSED): (_A, _NO),
    (_A, Event.RELEASE): (_C, Effect.END),
    (_A, Event.WITHDRAW): (_W, Effect.WITHDRAW),
    (_R, Event.TRUE): (_A, Effect.RELAPSE),
    (_R, Event.MISSING): (_A, Effect.RELAPSE),
    (_R, Event.UNKNOWN): (_R, _NO),
    (_R, Event.BETWEEN): (_A, Effect.RELAPSE),
    (_R, Event.BLIND): (_R, _NO),
    (_R, Event.CLEAR): (_R, _NO),
    (_R, Event.ELAPSED): (_C, Effect.END),
    (_R, Event.RELEASE): (_C, Effect.END),
    (_R, Event.WITHDRAW): (_W, Effect.WITHDRAW),
    (_W, Event.TRUE): (_W, _NO),
    (_W, Event.MISSING): (_W, _NO),
    (_W, Event.UNKNOWN): (_W, _NO),
    (_W, Event.BETWEEN): (_W, _NO),
    (_W, Event.BLIND): (_W, _NO),
    (_W, Event.CLEAR): (_W, _NO),
    (_W, Event.ELAPSED): (_W, _NO),
    (_W, Event.RELEASE): (_W, _NO),
    (_W, Event.WITHDRAW): (_W, _NO),
}

# While this is what was last seen, time counts: towards `for` in pending, towards `clear_after` in recovering.
COUNTING: frozenset[tuple[State, Event]] = frozenset({(_P, Event.TRUE), (_P, Event.MISSING), (_R, Event.CLEAR)})


@dataclass(frozen=True, slots=True)
class Transition:
    """A condition changed.

    at_ns: event instant of the change: the step's or tick's, or the exact instant inside the last stretch at which `for` or
    `clear_after` ran full. onset_ns: when `when` became true. no_data: raised because data was missing (`on_missing: raise`).
    values: what the points the rule reads held, NaN = unknown. parameters: this machine's, in the units the rule file gives.
    """

    equipment: str
    rule: str
    before: State
    after: State
    at_ns: int
    onset_ns: int
    no_data: bool
    values: Mapping[str, float]
    parameters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition that is not at rest. held_ns: counted time so far (known true in pending, known clear in recovering)."""

    equipment: str
    rule: str
    state: State
    since_ns: int
    held_ns: int
