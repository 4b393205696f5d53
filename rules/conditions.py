"""All conditions of a kind at once: the table of rules.condition run over [rules, machines] arrays, quiet ones at no cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.condition import COUNTING, TABLE, Effect, Event, State
from rules.windows import Bools, Ints, Rows

STATES: tuple[State, ...] = tuple(State)
EVENTS: tuple[Event, ...] = tuple(Event)
FOREVER = np.iinfo(np.int64).max
Codes = npt.NDArray[np.int8]

_STATE = {state: code for code, state in enumerate(STATES)}
_EVENT = {event: code for code, event in enumerate(EVENTS)}
_EFFECT = {effect: code for code, effect in enumerate(Effect)}
_NEXT = np.array([[_STATE[TABLE[s, e][0]] for e in EVENTS] for s in STATES], np.int8)
_DOES = np.array([[_EFFECT[TABLE[s, e][1]] for e in EVENTS] for s in STATES], np.int8)
_COUNTS = np.array([[(s, e) in COUNTING for e in EVENTS] for s in STATES], np.bool_)

CLEARED, PENDING, ACTIVE, RECOVERING, WITHDRAWN = (_STATE[s] for s in STATES)
TRUE, MISSING, UNKNOWN, BETWEEN, BLIND, CLEAR, ELAPSED, RELEASE, WITHDRAW = (_EVENT[e] for e in EVENTS)


@dataclass(frozen=True, slots=True)
class Change:
    """rule, machine: positions. before, after: state codes."""

    rule: int
    machine: int
    before: int
    after: int
    at_ns: int
    onset_ns: int
    no_data: bool


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What one look says about each rule, [rules, rows]: `when` known true, known false, `clear_when` known true, known false."""

    when: Bools
    unless: Bools
    clear: Bools
    keeps: Bools


class Conditions:
    """States of [rules, machines]. for_ns, clear_ns: [rules, machines]. raises: the rule says on_missing: raise. latched: people end it."""

    def __init__(self, applies: Bools, for_ns: Ints, clear_ns: Ints, raises: Bools, latched: Bools) -> None:
        shape = applies.shape
        self.applies, self._limits = applies, {PENDING: for_ns, RECOVERING: clear_ns}
        self._raises, self._latched = raises, latched
        self.state = np.zeros(shape, np.int8)
        self.seen = np.full(shape, UNKNOWN, np.int8)  # the last event: what the time now passing counts as
        self.onset = np.zeros(shape, np.int64)
        self.held = np.zeros(shape, np.int64)
        self.deadline = np.full(shape, FOREVER, np.int64)

    def due(self) -> int:
        """The earliest instant at which a running time is full; FOREVER when none runs."""
        return int(self.deadline.min(initial=FOREVER))

    def elapse(self, rows: Rows, now: Ints) -> list[Change]:
        """Timers that ran full by now, each at its own instant; before the new samples are judged."""
        over = self.deadline[:, rows] <= now
        if not over.any():
            return []
        rules, found = np.nonzero(over)
        machines = found if isinstance(rows, slice) else rows[found]
        at = self.deadline[rules, machines]
        pending = self.state[rules, machines] == PENDING
        self.held[rules, machines] = np.where(pending, self._limits[PENDING][rules, machines], self._limits[RECOVERING][rules, machines])
        changes = self._apply(rules, machines, np.full(rules.size, ELAPSED, np.int8), at)
        return sorted(changes, key=lambda change: (change.at_ns, change.machine, change.rule))

    def judge(self, rows: Rows, now: Ints, passed: Ints, verdicts: Verdicts) -> list[Change]:
        """Takes what a look says. passed: ns since the previous look at each row."""
        when_true, when_false = verdicts.when, verdicts.unless
        state = self.state[:, rows]
        stirred = when_true | (state != CLEARED)
        if self._raises.any():
            stirred |= self._raises[:, None] & ~when_false
        stirred &= self.applies[:, rows]
        rules, found = np.nonzero(stirred)
        if not rules.size:
            return []
        machines = found if isinstance(rows, slice) else rows[found]
        true, false = when_true[rules, found], when_false[rules, found]
        clear_true, clear_false = verdicts.clear[rules, found], verdicts.keeps[rules, found]
        events = np.full(rules.size, UNKNOWN, np.int8)
        events[~true & ~false & self._raises[rules]] = MISSING
        events[true] = TRUE
        events[false] = BLIND
        events[false & clear_false] = BETWEEN
        events[false & clear_true] = np.where(self._latched[rules], BETWEEN, CLEAR)[false & clear_true]
        counted = _COUNTS[self.state[rules, machines], self.seen[rules, machines]]
        self.held[rules, machines] += np.where(counted, passed[found], 0)
        return self._apply(rules, machines, events, now[found])

    def apply(self, event: int, rules: npt.NDArray[np.intp], machines: npt.NDArray[np.intp], now_ns: int) -> list[Change]:
        """One event for some conditions: withdraw, release."""
        return self._apply(rules, machines, np.full(rules.size, event, np.int8), np.full(rules.size, now_ns, np.int64))

    def open(self, rule: int, machine: int, onset_ns: int) -> None:
        """Active since onset, nothing counting."""
        self.state[rule, machine], self.seen[rule, machine] = ACTIVE, UNKNOWN
        self.onset[rule, machine], self.held[rule, machine], self.deadline[rule, machine] = onset_ns, 0, FOREVER

    def rest(self, rule: int, machine: int) -> None:
        """As if nothing had ever been seen."""
        self.state[rule, machine], self.seen[rule, machine] = CLEARED, UNKNOWN
        self.onset[rule, machine], self.held[rule, machine], self.deadline[rule, machine] = 0, 0, FOREVER

    def _apply(self, rules: npt.NDArray[np.intp], machines: npt.NDArray[np.intp], events: Codes, at: Ints) -> list[Change]:
        where = rules, machines
        before = self.state[where]
        onset_before = self.onset[where]
        after = self._move(where, before, events, at)
        if events.size and events[0] != ELAPSED:
            self.seen[where] = events
            counts = _COUNTS[after, events]
            limit = np.where(after == PENDING, self._limits[PENDING][where], self._limits[RECOVERING][where])
            left = limit - self.held[where]
            full = np.flatnonzero(counts & (left <= 0))
            if full.size:
                some = rules[full], machines[full]
                after[full] = self._move(some, after[full], np.full(full.size, ELAPSED, np.int8), at[full])
                counts = _COUNTS[after, events]
            self.deadline[where] = np.where(counts, at + np.maximum(left, 0), FOREVER)
        else:
            self.deadline[where] = FOREVER
        changed = np.flatnonzero(before != after)
        return [
            Change(
                int(rules[i]), int(machines[i]), int(before[i]), int(after[i]), int(at[i]),
                int(self.onset[rules[i], machines[i]] if after[i] != CLEARED or before[i] == CLEARED else onset_before[i]),
                bool(self.seen[rules[i], machines[i]] == MISSING),
            )
            for i in changed
        ]  # fmt: skip

    def _move(self, where: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]], before: Codes, events: Codes, at: Ints) -> Codes:
        """The table, with what it does to onset and counted time."""
        effects = _DOES[before, events]
        self.onset[where] = np.where(effects == _EFFECT[Effect.START], at, self.onset[where])
        anew = (effects == _EFFECT[Effect.START]) | (effects == _EFFECT[Effect.RECOVER])
        self.held[where] = np.where(anew, 0, self.held[where])
        after = _NEXT[before, events]
        self.state[where] = after
        return after

    def shift(self, ns: int) -> None:
        self.onset[self.state != CLEARED] += ns
        self.deadline[self.deadline != FOREVER] += ns

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("state", self.state), ("seen", self.seen), ("onset", self.onset), ("held", self.held), ("deadline", self.deadline))
