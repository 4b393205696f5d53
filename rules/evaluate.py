"""Samples in, transitions out: every rule of one kind of equipment over all its machines at once.

Pure: no clock, no files. A step is one row of one record for one machine; it is judged at its own instant, or at the machine's latest
one where the row is a little older. Per machine only the order of steps and ticks counts, so how they are grouped never changes a
result. A value is unknown when its sample was bad, or is older than three poll periods (5 s at least), or was never seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Qualities
from plantroom.site import Binding, Equipment
from rules import snapshot
from rules.applies import SiteSettings, parameters, why_not
from rules.condition import Condition, State, Transition
from rules.conditions import CLEARED, RELEASE, STATES, WITHDRAW, WITHDRAWN, Change, Conditions, Verdicts
from rules.graph import Graph
from rules.learned import Learned
from rules.look import Look, Machines
from rules.program import Program
from rules.rule import OnMissing, Rule
from rules.samples import FOREVER, Indexes, Samples
from rules.sheet import Index, index_of
from rules.silence import Silence
from rules.turning import Turning
from rules.types import FACTS, Given, condition
from rules.vitals import NAMES, Vitals
from rules.windows import NEVER, Bools, Floats, Ints, Pairs, Remembers, Rows, Span, Truth

JUST_AFTER_NS = 1_000_000  # `>` turns just after the limit
LONGEST_WAIT_S = 1e9
NO_SETTINGS = SiteSettings()
SELDOM = 2.0  # polled more than so many times less often than the kind's usual sampling
UNHEARD_POLLS, UNHEARD_S = 3.0, 30.0  # T5: a comms fault after three polls or 30 s


class KindEvaluator:
    """rows: equipment id -> row; columns: point name -> column, in the kind's order. rules: those that watch this kind, in order.

    polled: the machines as they are read live, whose poll periods make rules wait (see `_patience`); None = these. What stands in a table
    of history or in the tests of a rule file has spacings of its own, which say nothing about that. also: points that are remembered though
    no rule reads them.
    """

    def __init__(
        self,
        kind: Kind,
        equipment: Sequence[Equipment],
        rules: Sequence[Rule],
        site: SiteSettings = NO_SETTINGS,
        polled: Sequence[Equipment] | None = None,
        also: Sequence[str] = (),
    ) -> None:
        self.kind, self.equipment, self.site = kind, tuple(equipment), site
        self._polled = {machine.id: machine.bindings for machine in (equipment if polled is None else polled)}
        self.rules = tuple(rule for rule in rules if rule.when is not None and rule.covers(kind.name))
        self.rows = {machine.id: row for row, machine in enumerate(self.equipment)}
        self.columns = {name: column for column, name in enumerate(kind.points)}
        size = self._size = len(self.equipment)
        self._everyone = np.arange(size)
        self._graph = Graph()
        self._roots = [self._root(rule) for rule in self.rules]
        self._parameters = self._numbers()
        bound = [{binding.kind_point.name: binding for binding in machine.bindings} for machine in self.equipment]
        ops = {node.op for node in self._graph.nodes}
        read = self._graph.points(*(root for pair in self._roots for root in pair if root is not None))
        read = tuple(dict.fromkeys((*read, *(name for name in also if name in kind.points))))
        self.samples = Samples(kind, read, bound, keep_good=bool(ops & {"age", "stale"}))
        self.silence = Silence(kind, self.equipment) if ops & {"silence", "polls_missed"} else None
        self.vitals = Vitals(kind, size, bound) if ops & NAMES.keys() else None
        applies = np.array([[why_not(rule, machine, site) is None for machine in self.equipment] for rule in self.rules], np.bool_)
        asked = [root for pair, some in zip(self._roots, applies, strict=True) if some.any() for root in pair if root is not None]
        self.program = Program(self._graph, self._machines(bound), asked)
        self._verdicts = self._rows_of_verdicts()
        self.held = self._conditions(applies)
        self._facts = np.full(len(FACTS), _UNTOLD, np.int8)  # 1 yes, 0 no
        self._heard = np.full(size, _UNTOLD, np.int8)  # as it was told last
        self._clock = np.full(size, NEVER, np.int64)  # instant of the last look
        self._start = np.full(size, NEVER, np.int64)  # of the first: the age of a point never seen counts from there
        self._look: Look | None = None  # the last one; only `due` asks
        self._turning: Turning | None = None

    # --- building

    def _root(self, rule: Rule) -> tuple[int, int | None]:
        given = Given(self.kind, rule.id, {p.name: p.unit for p in rule.parameters.values()})
        assert rule.when is not None
        when = condition(rule.when, given, self._graph)
        return when, None if rule.clear_when is None else condition(rule.clear_when, given, self._graph)

    def _numbers(self) -> dict[tuple[str, str], Floats]:
        """Every parameter of every rule, per machine; NaN where the site gives none."""
        found: dict[tuple[str, str], Floats] = {}
        for rule in self.rules if any(rule.parameters for rule in self.rules) else ():
            table = [parameters(rule, machine, self.site) for machine in self.equipment]
            for name in rule.parameters:
                found[rule.id, name] = np.array([np.nan if row[name] is None else row[name] for row in table], np.float64)
        return found

    def _rows_of_verdicts(self) -> tuple[Index, ...]:
        """Where the program leaves each rule's `when` and `clear_when`, known true and known false."""
        when = [self.program.rows_of(node) for node, _ in self._roots]
        clear = [rows[::-1] if node is None else self.program.rows_of(node) for (_, node), rows in zip(self._roots, when, strict=True)]
        return tuple(index_of(rows) for pairs in (when, clear) for rows in zip(*pairs, strict=True))

    def _machines(self, bound: Sequence[Mapping[str, Binding]]) -> Machines:
        def has(name: str) -> Bools:
            return np.array([name in have for have in bound], np.bool_)

        def period_s(names: Sequence[str]) -> float:
            periods = [have[name].period_s for have in bound for name in names if name in have]
            return min(periods, default=min((self.kind.points[name].period_s for name in names), default=1.0))

        return Machines(self._size, self.samples.position, self._parameters, has, period_s)

    def _conditions(self, applies: Bools) -> Conditions:
        shape = len(self.rules), self._size
        return Conditions(
            applies.reshape(shape),
            np.array([self._patience(number) for number in range(len(self.rules))], np.int64).reshape(shape),
            np.array([self._lengths(rule, rule.clear_after) for rule in self.rules], np.int64).reshape(shape),
            np.array([rule.on_missing is OnMissing.RAISE for rule in self.rules], np.bool_),
            np.array([rule.latch for rule in self.rules], np.bool_),
        )

    def _patience(self, number: int) -> Ints:
        """`for` in ns per machine. Where a point is polled so seldom that it would run full between two samples, it lasts to the next
        sample and half a period beyond: one look at a lift between two floors is no fault. What says `for: 0s` is meant to be seen at once.
        """
        patience = self._lengths(self.rules[number], self.rules[number].for_)
        read = set(self._graph.points(self._roots[number][0]))
        for row, machine in enumerate(self.equipment):
            asked = [binding for binding in self._polled.get(machine.id, ()) if binding.kind_point.name in read]
            slow_s = max((b.period_s for b in asked if b.period_s > SELDOM * b.kind_point.period_s), default=0.0)
            if 0 < patience[row] <= slow_s * NS:
                patience[row] = round(1.5 * slow_s * NS)
        return patience

    def _lengths(self, rule: Rule, length: float | str) -> Ints:
        seconds = self._parameters[rule.id, length] if isinstance(length, str) else np.full(self._size, length)
        return np.round(np.nan_to_num(seconds) * NS).astype(np.int64)

    # --- time

    def step(self, rows: Indexes, at_ns: Ints, values: Floats, quality: Qualities, columns: Indexes | None = None) -> list[Transition]:
        """One row of samples for each of some machines. rows: unique; values, quality: [len(rows), n], quality 255 = no sample.

        columns: which points the n are, None = all of the kind in order. at_ns: never later than the record's own wall instant.
        """
        where: Rows = slice(None) if rows.size == self._size and np.array_equal(rows, self._everyone) else rows
        now = self._now(where, at_ns)
        moved = self._pass(where, now)
        if self.silence:
            self.silence.heard(where, at_ns, quality, columns)
        if self.vitals:
            self.vitals.heard(where, at_ns, values, quality, columns)
        came = self.samples.take(where, at_ns, values, quality, columns)
        return self._ordered(rows, moved + self._judge(where, now, came))

    def tick(self, now_ns: int | Ints, rows: Indexes | None = None) -> list[Transition]:
        """Time passes for every machine, or for these, up to one instant or one of each: timers run, values go stale."""
        where: Rows = slice(None) if rows is None else rows
        now = self._now(where, np.full(self._size if rows is None else rows.size, now_ns, np.int64))
        return self._ordered(self._everyone if rows is None else rows, self._pass(where, now) + self._judge(where, now, None))

    def looked(self, now_ns: int) -> bool:
        """Whether all have been looked at at this very instant: a tick of the same one has nothing to add, unless a fact turned."""
        return bool((self._clock == now_ns).all())

    def due(self) -> int:
        """The earliest instant after everything seen at which time alone can change a condition; FOREVER (2^63-1) when none.

        Only a table of history needs it, which has no ticks; the last look must have been at every machine. Windows are not asked:
        they change at every instant.
        """
        if self._turning is None:
            self._turning = Turning(self._graph, self.program, [root for pair in self._roots for root in pair if root is not None])
        if self._look is None:
            return FOREVER
        left = self._turning.left(self._look)
        turns = int(self._clock.max() + left * NS) + JUST_AFTER_NS if left < LONGEST_WAIT_S else FOREVER
        return min(self.held.due(), self.samples.goes_stale(self._clock), turns)

    def tell(self, facts: Mapping[str, bool | None]) -> None:
        """What holds for the whole site from now on; None = unknown. Judged with the next look."""
        for name, holds in facts.items():
            self._facts[FACTS.index(name)] = _UNTOLD if holds is None else int(holds)

    def told(self) -> Mapping[str, bool]:
        """What is known of the site."""
        return {name: bool(told) for name, told in zip(FACTS, self._facts.tolist(), strict=True) if told != _UNTOLD}

    def heard(self, now_ns: int) -> list[tuple[str, bool, int]]:
        """(machine, is it heard, its last answer in ns) of every machine for which that changed since it was asked last, in order.

        Not heard: UNHEARD_POLLS polls missed and more than UNHEARD_S of silence. A first call tells of all.
        """
        silence, now = self.silence, np.full(self._size, now_ns, np.int64)
        if silence is None:
            hears, quiet_s = np.ones(self._size, np.int8), np.zeros(self._size)
        else:
            quiet_s, polls = silence.seconds(slice(None), now)
            hears = np.where((polls >= UNHEARD_POLLS) & (quiet_s > UNHEARD_S), 0, 1).astype(np.int8)
            hears[self._clock == NEVER] = 0
        changed = np.flatnonzero(hears != self._heard)
        self._heard = hears
        return [(self.equipment[row].id, bool(hears[row]), now_ns - round(float(quiet_s[row]) * NS)) for row in changed.tolist()]

    def shift(self, ns: int) -> None:
        """The wall clock was set by ns: everything remembered moves with it, so that no length changes."""
        for looked in (self._clock, self._start):
            looked[looked != NEVER] += ns
        for part in (self.samples, self.held, self.silence, self.vitals, *self.program.states.values()):
            if part is not None:
                part.shift(ns)

    def _now(self, where: Rows, at_ns: Ints) -> Ints:
        """A machine's time never goes back."""
        clock = self._clock[where]
        if self.silence:
            begun = np.flatnonzero(clock == NEVER)
            if begun.size:
                self.silence.begin(begun if isinstance(where, slice) else where[begun], at_ns[begun])
        return np.maximum(clock, at_ns)

    # --- judging

    def _pass(self, where: Rows, now: Ints) -> list[Transition]:
        """Lets time pass up to now. A value that went stale on the way is judged unknown from that instant on, not from now on."""
        moved: list[Transition] = []
        while True:
            stale = self.samples.stale_before(where, self._clock[where], now)
            some = np.flatnonzero(stale < now)
            if not some.size:
                return moved + self._elapse(where, now)
            rows = some if isinstance(where, slice) else where[some]
            moved += self._elapse(rows, stale[some]) + self._judge(rows, stale[some], None)

    def _elapse(self, where: Rows, now: Ints) -> list[Transition]:
        return [self._transition(change) for change in self.held.elapse(where, now)]

    def _judge(self, where: Rows, now: Ints, came: tuple[Indexes, Bools] | None) -> list[Transition]:
        clock = self._clock[where]
        first = clock == NEVER
        passed = np.where(first, 0, now - clock)
        self._start[where] = np.where(first, now, self._start[where])
        look = self._look = self._seen(where, now, passed, came)
        self.program.run(look)
        self._clock[where] = now
        if not self.rules:
            return []
        verdicts = Verdicts(*(self.program.table(rows) for rows in self._verdicts))
        return [self._transition(change) for change in self.held.judge(where, now, passed, verdicts)]

    def _seen(self, where: Rows, now: Ints, passed: Ints, came: tuple[Indexes, Bools] | None) -> Look:
        samples, start = self.samples, self._start[where]
        fresh = None
        if came is not None:
            points, fresh = came
            if points.size < len(samples.names):
                fresh = np.zeros((len(samples.names), now.size), np.bool_)
                fresh[points] = came[1]

        def age_ns(point: int) -> Ints:
            return now - np.maximum(samples.good[point, where], start)

        silence = self.silence.seconds(where, now) if self.silence else (_NOTHING, _NOTHING)
        return Look(
            Span(where, now, passed), samples.known(where, now), fresh,
            lambda point: age_ns(point) / NS,
            lambda point: age_ns(point) >= samples.limit[point, where],
            *silence, self.silence is None or not self.silence.paused,
            facts=_TOLD[tuple(self._facts.tolist())],
            vital=lambda name: self.vitals.of(name, where, now) if self.vitals else _NOTHING,
        )  # fmt: skip

    def _transition(self, change: Change) -> Transition:
        return Transition(
            self.equipment[change.machine].id,
            self.rules[change.rule].id,
            STATES[change.before],
            STATES[change.after],
            change.at_ns,
            change.onset_ns,
            change.no_data,
            self.values(change.rule, change.machine, change.at_ns),
            self.parameters_of(change.rule, change.machine),
        )

    def values(self, rule: int, row: int, at_ns: int) -> Mapping[str, float]:
        """What the points a rule reads hold for one machine, NaN = unknown; silence and polls_missed where it reads them."""
        roots = [root for root in self._roots[rule] if root is not None]
        found = {name: self.samples.one(name, row, at_ns) for name in self._graph.points(*roots)}
        below = [self._graph.nodes[node] for node in self._graph.below(*roots)]
        ops, at, now = {node.op for node in below}, np.array([row]), np.array([at_ns], np.int64)
        if self.silence and ops & {"silence", "polls_missed"}:
            seconds, polls = self.silence.seconds(at, now)
            found |= {"silence": float(seconds[0]), "polls_missed": float(polls[0])}
        if self.vitals:
            found |= {name: float(self.vitals.of(name, at, now)[0]) for name in NAMES if name in ops}
        told = sorted(str(node.data[0]) for node in below if node.op == "fact")
        return found | {name: float("nan") if (fact := self._facts[FACTS.index(name)]) == _UNTOLD else float(fact) for name in told}

    def reading(self, machine: str, point: str, at_ns: int) -> float | None:
        """What a point holds now; None where nothing is remembered of it, or it is bad or old."""
        if point not in self.samples.position:
            return None
        value = self.samples.one(point, self.rows[machine], at_ns)
        return value if value == value else None

    def parameters_of(self, rule: int, row: int) -> Mapping[str, float]:
        found = self.rules[rule]
        return {name: float(self._parameters[found.id, name][row]) for name in found.parameters}

    def _ordered(self, rows: Indexes, moved: list[Transition]) -> list[Transition]:
        """By machine in the order of the step, within one in the order of what happened."""
        if len(moved) < 2:
            return moved
        order = {int(row): at for at, row in enumerate(rows)}
        return sorted(moved, key=lambda transition: order[self.rows[transition.equipment]])

    # --- what is open

    @property
    def late(self) -> int:
        """Samples older than what their point had shown: stored by history, never judged."""
        return int(self.samples.late[0])

    def state(self, equipment: str, rule: str) -> State:
        return STATES[int(self.held.state[self._number(rule), self.rows[equipment]])]

    def conditions(self) -> list[Condition]:
        """Everything not at rest, by machine and rule."""
        held = self.held
        return [
            Condition(self.equipment[m].id, self.rules[r].id, STATES[held.state[r, m]], int(held.onset[r, m]), int(held.held[r, m]))
            for m, r in np.argwhere((held.state.T != CLEARED) & (held.state.T != WITHDRAWN))
        ]

    def withdraw(self, now_ns: int, only: Sequence[tuple[int, int]] | None = None) -> list[Transition]:
        """Open conditions end because their rule or machine is gone. only: (rule, machine) positions; None = all."""
        rules, machines = np.nonzero(self.held.state != CLEARED)
        if only is not None:
            rules, machines = np.array([r for r, _ in only], np.intp), np.array([m for _, m in only], np.intp)
        return [self._transition(change) for change in self.held.apply(WITHDRAW, rules, machines, now_ns)]

    def release(self, equipment: str, rule: str, now_ns: int) -> list[Transition]:
        """A person ends a latched fault. KeyError where there is no such machine or rule."""
        at = np.array([self._number(rule)]), np.array([self.rows[equipment]])
        return [self._transition(change) for change in self.held.apply(RELEASE, *at, now_ns)]

    def reopen(self, equipment: str, rule: str, onset_ns: int) -> None:
        """A fault that stands in the records but not in this memory is active again and judged from here on."""
        self.held.open(self._number(rule), self.rows[equipment], onset_ns)

    def forget(self, equipment: str, rule: str) -> None:
        """A condition is at rest again, whatever it was, and judged anew from here on."""
        self.held.rest(self._number(rule), self.rows[equipment])

    def relearn(self, equipment: str) -> None:
        """What is usual for a machine is learned anew."""
        for state in self.program.states.values():
            if isinstance(state, Learned):
                state.relearn(self.rows[equipment])

    def learning(self, equipment: str) -> Mapping[str, float]:
        """How far its warm-ups are, 0 to 1, by learned expression."""
        learned = ((key, state) for key, state in self.program.states.items() if isinstance(state, Learned))
        return {key: state.progress(self.rows[equipment]) for key, state in learned}

    def _number(self, rule: str) -> int:
        return {r.id: n for n, r in enumerate(self.rules)}[rule]

    # --- over restarts and new configurations

    def adopt(self, old: KindEvaluator, now_ns: int) -> list[Transition]:
        """Takes over from the evaluator of the previous configuration; the transitions of what ends with it."""
        from rules.adoption import adopt  # it builds on this module

        return adopt(self, old, now_ns)

    def inherit(self, old: KindEvaluator, pairs: Pairs) -> None:
        """Takes samples, answers and remembered expressions of the machines that both have. pairs: (rows here, rows there)."""
        here, there = pairs
        self._clock[here], self._start[here] = old._clock[there], old._start[there]
        self._facts[:] = old._facts
        self.samples.inherit(old.samples, pairs)
        if self.silence and old.silence:
            self.silence.inherit(old.silence, pairs)
        if self.vitals and old.vitals:
            self.vitals.inherit(old.vitals, pairs)
        for key, state in self.program.states.items():
            before = old.program.states.get(key)
            if before is None or [a.shape[1:] for _, a in state.arrays()] != [a.shape[1:] for _, a in before.arrays()]:
                continue
            same = np.ones(here.size, np.bool_)
            for name in self.program.parameters_of(key):
                theirs = old._parameters.get(name)
                same &= (self._parameters[name][here] == theirs[there]) if theirs is not None else False
            state.inherit(before, (here[same], there[same]))

    def snapshot(self) -> bytes:
        return snapshot.dump(self._layout, dict(self.remembered()))

    def restore(self, blob: bytes) -> None:
        """Raises snapshot.BadSnapshot where it was taken with other equipment, points or rules; nothing is changed then."""
        snapshot.load(blob, self._layout, dict(self.remembered()))

    @cached_property
    def _layout(self) -> str:
        """What a snapshot must agree with."""
        layout = {
            "kind": self.kind.name,
            "equipment": [[machine.id, [[b.point, b.device, b.period_s] for b in machine.bindings]] for machine in self.equipment],
            "points": self.samples.names,
            "rules": [[rule.id, rule.hash] for rule in self.rules],
            "applies": self.held.applies.tolist(),
            "parameters": [[owner, name, [repr(float(v)) for v in column]] for (owner, name), column in sorted(self._parameters.items())],
        }
        return snapshot.layout_hash(layout)

    def remembered(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        """Every array this evaluator remembers with, by name."""
        yield from (("clock", self._clock), ("start", self._start), ("facts", self._facts), ("heard", self._heard))
        parts: dict[str, Remembers] = {"sample": self.samples, "condition": self.held, **self.program.states}
        if self.silence:
            parts["silence"] = self.silence
        if self.vitals:
            parts["vitals"] = self.vitals
        for prefix, part in parts.items():
            for name, array in part.arrays():
                yield f"{prefix}/{name}", array


_NOTHING = np.zeros(0)
_UNTOLD = -1
_TOLD: Mapping[tuple[int, ...], Mapping[str, Truth]] = {
    told: {name: (np.asarray(one == 1), np.asarray(one == 0)) for name, one in zip(FACTS, told, strict=True)}
    for told in product((_UNTOLD, 0, 1), repeat=len(FACTS))
}  # what may be told of the site
