"""The arrays against a plain reading of the table, over any course of known, unknown and false looks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from rules.condition import COUNTING, TABLE, Effect, Event, State
from rules.conditions import STATES, Conditions, Verdicts
from tests.kit.rules import TIMES

OPEN = (State.ACTIVE, State.RECOVERING)
TRUTHS = st.sampled_from([(True, False), (False, True), (False, False)])
LOOKS = st.lists(st.tuples(st.integers(1, 8), TRUTHS, TRUTHS), min_size=1, max_size=40)  # half seconds passed, when, clear
LENGTHS = st.integers(0, 8)
RULE = st.tuples(LENGTHS, LENGTHS, st.booleans(), st.booleans())  # for, clear_after (half seconds), raises, latched
HALF = NS // 2


@dataclass
class Plain:
    """One condition read off the table by hand, with instants in half seconds."""

    for_: int
    clear_after: int
    raises: bool
    latched: bool
    state: State = State.CLEARED
    seen: Event = Event.UNKNOWN
    held: int = 0
    now: int = 0
    story: list[tuple[int, State]] = field(default_factory=list)

    def look(self, passed: int, when: tuple[bool, bool], clear: tuple[bool, bool]) -> None:
        end = self.now + passed
        if (self.state, self.seen) in COUNTING and self.held + passed >= self._limit():
            self._go(Event.ELAPSED, self.now + self._limit() - self.held)
        elif (self.state, self.seen) in COUNTING:
            self.held += passed
        self.now, self.seen = end, self._event(when, clear)
        before = self.state
        self._go(self.seen, end, quiet=True)
        if (self.state, self.seen) in COUNTING and self.held >= self._limit():
            self._go(Event.ELAPSED, end, quiet=True)
        if self.state is not before:
            self.story.append((end, self.state))

    def _event(self, when: tuple[bool, bool], clear: tuple[bool, bool]) -> Event:
        if when[0]:
            return Event.TRUE
        if not when[1]:
            return Event.MISSING if self.raises else Event.UNKNOWN
        if clear[0]:
            return Event.BETWEEN if self.latched else Event.CLEAR
        return Event.BETWEEN if clear[1] else Event.BLIND

    def _limit(self) -> int:
        return self.for_ if self.state is State.PENDING else self.clear_after

    def _go(self, event: Event, at: int, quiet: bool = False) -> None:
        after, effect = TABLE[self.state, event]
        if effect in (Effect.START, Effect.RECOVER):
            self.held = 0
        if after is not self.state and not quiet:
            self.story.append((at, after))
        self.state = after


class Arrays:
    """Several conditions in one pair of arrays."""

    def __init__(self, rules: list[tuple[int, int, bool, bool]]) -> None:
        n = len(rules)
        for_ns, clear_ns = (np.array([[rule[i] * HALF] for rule in rules], np.int64) for i in (0, 1))
        self.held = Conditions(
            np.ones((n, 1), np.bool_), for_ns, clear_ns,
            np.array([rule[2] for rule in rules]), np.array([rule[3] for rule in rules]),
        )  # fmt: skip
        self.now = 0
        self.stories: list[list[tuple[int, State]]] = [[] for _ in rules]

    def look(self, passed: int, when: list[tuple[bool, bool]], clear: list[tuple[bool, bool]]) -> None:
        self.now += passed
        now, gone = np.array([self.now * HALF]), np.array([passed * HALF])
        changes = self.held.elapse(slice(None), now)
        verdicts = Verdicts(*(np.array([[pair[side]] for pair in pairs]) for pairs in (when, clear) for side in (0, 1)))
        for change in changes + self.held.judge(slice(None), now, gone, verdicts):
            self.stories[change.rule].append((change.at_ns // HALF, STATES[change.after]))


Pair = tuple[bool, bool]
Given = tuple[int, int, bool, bool]
SAME_LENGTH = st.lists(st.tuples(TRUTHS, TRUTHS), min_size=30, max_size=30)


@given(st.lists(st.tuples(RULE, SAME_LENGTH), min_size=1, max_size=5), st.lists(st.integers(1, 8), min_size=30, max_size=30))
@settings(max_examples=80 * TIMES, deadline=None)
def test_the_arrays_do_what_the_table_says(rules: list[tuple[Given, list[tuple[Pair, Pair]]]], steps: list[int]) -> None:
    arrays, plains = Arrays([rule for rule, _ in rules]), [Plain(*rule) for rule, _ in rules]
    for number, passed in enumerate(steps):
        seen = [looks[number] for _, looks in rules]
        arrays.look(passed, [when for when, _ in seen], [clear for _, clear in seen])
        for plain, (when, clear) in zip(plains, seen, strict=True):
            plain.look(passed, when, clear)
    assert arrays.stories == [plain.story for plain in plains]


@given(RULE, LOOKS, st.data())
@settings(max_examples=80 * TIMES, deadline=None)
def test_looks_in_between_that_see_the_same_change_nothing(rule: Given, looks: list[tuple[int, Pair, Pair]], data: st.DataObject) -> None:
    """Ticks: a story depends on what was seen and when, not on how often one looked."""
    few, many = Arrays([rule]), Arrays([rule])
    last: tuple[tuple[bool, bool], tuple[bool, bool]] | None = None
    for passed, when, clear in looks:
        few.look(passed, [when], [clear])
        rest = passed
        while last is not None and rest > 1 and data.draw(st.booleans()):
            part = data.draw(st.integers(1, rest - 1))
            many.look(part, [last[0]], [last[1]])
            rest -= part
        many.look(rest, [when], [clear])
        last = (when, clear)
    assert few.stories == many.stories


@given(RULE, LOOKS)
@settings(max_examples=100 * TIMES, deadline=None)
def test_an_unknown_look_never_ends_a_fault_and_raises_one_only_where_told(rule: Given, looks: list[tuple[int, Pair, Pair]]) -> None:
    arrays = Arrays([rule])
    last_known = True
    for passed, when, clear in looks:
        before = STATES[int(arrays.held.state[0, 0])]
        arrays.look(passed, [when], [clear])
        after = STATES[int(arrays.held.state[0, 0])]
        if not any(when) and not last_known:
            assert not (before in OPEN and after not in OPEN)
            if not rule[2]:
                assert not (before not in OPEN and after in OPEN)
        last_known = any(when)
