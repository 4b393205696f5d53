"""Samples in, transitions out: every rule of one kind of equipment over all its machines at once.

Pure: no clock, no files. A step is one row of one record for one machine; it is judged at its own instant, or at the machine's latest
one where the row is a little older. Per machine only the order of steps and ticks counts, so how they are grouped never changes a
result. A value is unknown when its sample was bad, or is older than three poll periods (5 s at least), or was never seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Batch, Qualities, Quality
from plantroom.site import Equipment
from rules import snapshot
from rules.applies import SiteSettings, parameters, why_not
from rules.condition import Condition, State, Transition
from rules.conditions import CLEARED, FOREVER, RELEASE, STATES, WITHDRAW, Change, Conditions, Verdicts
from rules.program import Look, Machines, Program
from rules.rule import OnMissing, Rule
from rules.silence import Silence
from rules.types import DERIVED, Given, Graph, condition
from rules.windows import NEVER, Bools, Floats, Ints, Rows, Span

STALE_PERIODS = 3
STALE_AT_LEAST_S = 5.0
LARGEST_SAMPLE = 1e100  # anything beyond is no measurement
BeforeAll = np.iinfo(np.int64).min // 2


class KindEvaluator:
    """rows: equipment id -> row; columns: point name -> column, in the kind's order. late: samples older than their point's newest."""

    def __init__(self, kind: Kind, equipment: Sequence[Equipment], rules: Sequence[Rule], site: SiteSettings = SiteSettings()) -> None:  # noqa: B008
        self.kind, self.equipment, self.site = kind, tuple(equipment), site
        self.rules = tuple(rule for rule in rules if rule.when is not None and rule.covers(kind.name))
        self.rows = {machine.id: row for row, machine in enumerate(self.equipment)}
        self.columns = {name: column for column, name in enumerate(kind.points)}
        self.late = 0
        self._size = len(self.equipment)
        self._everyone = np.arange(self._size)
        self._compile()
        self._remember()

    # --- building

    def _compile(self) -> None:
        size, graph = self._size, Graph()
        self._when: list[int] = []
        self._clear: list[int | None] = []
        applies = np.zeros((len(self.rules), size), np.bool_)
        values: dict[tuple[str, str], Floats] = {}
        for number, rule in enumerate(self.rules):
            given = Given(self.kind, rule.id, {p.name: p.unit for p in rule.parameters.values()})
            assert rule.when is not None
            self._when.append(condition(rule.when, given, graph))
            self._clear.append(None if rule.clear_when is None else condition(rule.clear_when, given, graph))
            table = [parameters(rule, machine, self.site) for machine in self.equipment]
            for name in rule.parameters:
                values[rule.id, name] = np.array([np.nan if row[name] is None else row[name] for row in table], np.float64)
            applies[number] = [why_not(rule, machine, self.site) is None for machine in self.equipment]
        self._graph, self._parameters = graph, values
        roots = [node for node in chain(self._when, self._clear) if node is not None]
        read = dict.fromkeys(name for root in roots for name in graph.points(root))
        self._used = tuple(read)
        self._position = {name: at for at, name in enumerate(self._used)}
        self._aged = {str(node.data[0]) for node in graph.nodes if node.op in ("age", "stale")}
        bound = [{binding.kind_point.name: binding for binding in machine.bindings} for machine in self.equipment]
        usual = self.kind.points
        limits = [[_limit_ns(have[n].period_s if n in have else usual[n].period_s) for have in bound] for n in self._used]
        self._limit = np.array(limits, np.int64).reshape(len(self._used), size)

        def period_s(names: Sequence[str]) -> float:
            periods = [have[n].period_s for have in bound for n in names if n in have]
            return min(periods, default=min((self.kind.points[n].period_s for n in names), default=1.0))

        machines = Machines(
            size, self._position, values, lambda name: np.array([name in have for have in bound], np.bool_), period_s
        )
        self._program = Program(graph, machines)
        self.silence = Silence(self.kind, self.equipment) if any(node.op in DERIVED for node in graph.nodes) else None
        self.conditions_ = Conditions(
            applies,
            np.array([self._lengths(rule, rule.for_) for rule in self.rules], np.int64).reshape(-1, size),
            np.array([self._lengths(rule, rule.clear_after) for rule in self.rules], np.int64).reshape(-1, size),
            np.array([rule.on_missing is OnMissing.RAISE for rule in self.rules], np.bool_),
            np.array([rule.latch for rule in self.rules], np.bool_),
        )

    def _lengths(self, rule: Rule, length: float | str) -> npt.NDArray[np.int64]:
        seconds = self._parameters[rule.id, length] if isinstance(length, str) else np.full(self._size, length)
        return np.round(np.nan_to_num(seconds) * NS).astype(np.int64)

    def _remember(self) -> None:
        shape = len(self._used), self._size
        self._clock = np.full(self._size, NEVER, np.int64)  # instant of the last look
        self._start = np.full(self._size, NEVER, np.int64)  # of the first: the age of a point never seen counts from there
        self._value = np.full(shape, np.nan)
        self._until = np.full(shape, BeforeAll, np.int64)  # instant of the newest sample + its limit: stale after it
        self._good = np.full(shape, BeforeAll, np.int64)  # newest good sample, for age() and stale()
        self._take = np.array([self.columns[name] for name in self._used], np.intp)
        self._of_column = np.full(len(self.columns), -1, np.intp)
        self._of_column[self._take] = np.arange(len(self._used))

    # --- time

    def step(
        self, rows: npt.NDArray[np.intp], at_ns: Ints, values: Floats, quality: Qualities, columns: npt.NDArray[np.intp] | None = None
    ) -> list[Transition]:
        """One row of samples for each of some machines. rows: unique; values, quality: [len(rows), n], quality 255 = no sample.

        columns: which points the n are, None = all of the kind in order. at_ns: never later than the record's own wall instant.
        """
        where: Rows = slice(None) if rows.size == self._size and np.array_equal(rows, self._everyone) else rows
        now = self._now(where, at_ns)
        moved = self._elapse(where, now)
        fresh = self._ingest(where, at_ns, now, values, quality, columns)
        return self._ordered(rows, moved + self._judge(where, now, fresh))

    def tick(self, now_ns: int) -> list[Transition]:
        """Time passes for every machine: timers run, values go stale."""
        where: Rows = slice(None)
        now = self._now(where, np.full(self._size, now_ns, np.int64))
        return self._ordered(self._everyone, self._elapse(where, now) + self._judge(where, now, None))

    def due(self) -> int:
        """The earliest instant after everything seen at which time alone can change a condition; FOREVER (2^63-1) when none.

        Only a back-test needs it: it has no ticks. Call `watch_crossings` first.
        """
        stale = self._until[(self._until >= self._clock) & (self._value == self._value) & (self._clock != NEVER)]
        after_stale = int(stale.min(initial=FOREVER - 1)) + 1
        crossing = FOREVER
        for left in self._program.crossing.ns:
            finite = np.broadcast_to(left, self._size)[np.isfinite(np.broadcast_to(left, self._size))]
            if finite.size:
                crossing = min(crossing, int(self._clock.max() + float(finite.min()) * NS) + 1_000_000)
        return min(self.conditions_.due(), after_stale, crossing)

    def watch_crossings(self) -> None:
        self._program.crossing.wanted = True

    def shift(self, ns: int) -> None:
        """The wall clock was set by ns: everything remembered moves with it, so that no length changes."""
        for looked in (self._clock, self._start):
            looked[looked != NEVER] += ns
        for instants in (self._until, self._good):
            instants[instants != BeforeAll] += ns
        self.conditions_.shift(ns)
        if self.silence:
            self.silence.shift(ns)
        for state in self._program.states.values():
            state.shift(ns)

    def _now(self, where: Rows, at_ns: Ints) -> Ints:
        """A machine's time never goes back."""
        clock = self._clock[where]
        if self.silence:
            begun = np.flatnonzero(clock == NEVER)
            if begun.size:
                self.silence.begin(begun if isinstance(where, slice) else where[begun], at_ns[begun])
        return np.maximum(clock, at_ns)

    # --- samples

    def _ingest(
        self, where: Rows, at_ns: Ints, now: Ints, values: Floats, quality: Qualities, columns: npt.NDArray[np.intp] | None
    ) -> tuple[npt.NDArray[np.intp], Bools]:
        """Takes the samples; which points came, [points][rows]."""
        if self.silence:
            self.silence.heard(where, at_ns, quality, columns)
        if columns is None:
            points, v, q = np.arange(len(self._used)), values[:, self._take].T, quality[:, self._take].T
        else:
            points = self._of_column[columns]
            wanted = points >= 0
            points, v, q = points[wanted], values[:, wanted].T, quality[:, wanted].T
        whole = isinstance(where, slice) and points.size == len(self._used) and columns is None
        spot = (slice(None), slice(None)) if whole else (points[:, None], self._everyone if isinstance(where, slice) else where)
        until = at_ns + self._limit[spot]
        present = q != Batch.ABSENT
        newest = until >= self._until[spot]
        if not newest.all():
            self.late += int((present & ~newest).sum())
            present &= newest
        good = (q == Quality.GOOD) & (np.abs(v) < LARGEST_SAMPLE)
        taken = np.where(good, v, np.nan)
        if present.all():
            self._value[spot], self._until[spot] = taken, until
        else:
            self._value[spot] = np.where(present, taken, self._value[spot])
            self._until[spot] = np.where(present, until, self._until[spot])
        if self._aged:
            self._good[spot] = np.where(present & good, at_ns, self._good[spot])
        return points, present

    # --- judging

    def _elapse(self, where: Rows, now: Ints) -> list[Transition]:
        return [self._transition(change) for change in self.conditions_.elapse(where, now)]

    def _judge(self, where: Rows, now: Ints, came: tuple[npt.NDArray[np.intp], Bools] | None) -> list[Transition]:
        clock = self._clock[where]
        passed = np.where(clock == NEVER, 0, now - clock)
        count = now.size
        known = np.where(self._until[:, where] >= now, self._value[:, where], np.nan)
        fresh = None
        if came is not None:
            points, present = came
            if points.size == len(self._used):
                fresh = present
            else:
                fresh = np.zeros((len(self._used), count), np.bool_)
                fresh[points] = present
        silence = self.silence.seconds(where, now) if self.silence else (np.zeros(0), np.zeros(0))
        good, limit = self._good, self._limit
        began = self._start[where] = np.where(clock == NEVER, now, self._start[where])
        look = Look(
            Span(where, now, passed), known, fresh,
            lambda point: (now - np.maximum(good[point, where], began)) / NS,
            lambda point: now - np.maximum(good[point, where], began) > limit[point, where],
            *silence, self.silence is None or not self.silence.paused,
        )  # fmt: skip
        self._program.run(look)
        self._clock[where] = now
        if not self.rules:
            return []
        truths = [self._wide(self._program.truth(node), count) for node in self._when]
        clears = [
            (false, true) if node is None else self._wide(self._program.truth(node), count)
            for node, (true, false) in zip(self._clear, truths, strict=True)
        ]
        return [self._transition(change) for change in self.conditions_.judge(where, now, passed, Verdicts(truths, clears))]

    @staticmethod
    def _wide(truth: tuple[Bools, Bools], count: int) -> tuple[Bools, Bools]:
        true, false = truth
        return (true, false) if np.ndim(true) and np.ndim(false) else (np.broadcast_to(true, count), np.broadcast_to(false, count))

    def _transition(self, change: Change) -> Transition:
        rule, machine = self.rules[change.rule], self.equipment[change.machine]
        return Transition(
            machine.id, rule.id, STATES[change.before], STATES[change.after], change.at_ns, change.onset_ns, change.no_data,
            self.values(rule, change.machine, change.at_ns),
            self.parameters_of(change.rule, change.machine),
        )  # fmt: skip

    def values(self, rule: Rule, row: int, at_ns: int) -> Mapping[str, float]:
        """What the points a rule reads hold for one machine, NaN = unknown; silence and polls_missed where it reads them."""
        number = self.rules.index(rule)
        clear = self._clear[number]
        nodes = self._graph.below(self._when[number]) | (self._graph.below(clear) if clear is not None else frozenset())
        names = dict.fromkeys(str(node.data[0]) for node in map(self._graph.nodes.__getitem__, sorted(nodes)) if node.op in ("point", "age", "stale"))
        found = {}
        for name in names:
            at = self._position[name]
            found[name] = float(self._value[at, row]) if self._until[at, row] >= at_ns else float("nan")
        if self.silence and any(self._graph.nodes[node].op in DERIVED for node in nodes):
            seconds, polls = self.silence.seconds(np.array([row]), np.array([at_ns], np.int64))
            found |= {"silence": float(seconds[0]), "polls_missed": float(polls[0])}
        return found

    def _ordered(self, rows: npt.NDArray[np.intp], moved: list[Transition]) -> list[Transition]:
        """By machine in the order of the step, within one in the order of what happened."""
        if len(moved) < 2:
            return moved
        order = {int(row): at for at, row in enumerate(rows)}
        return sorted(moved, key=lambda transition: order[self.rows[transition.equipment]])

    # --- what is open

    def conditions(self) -> list[Condition]:
        """Everything not at rest, by machine and rule."""
        held = self.conditions_
        return [
            Condition(self.equipment[m].id, self.rules[r].id, STATES[held.state[r, m]], int(held.onset[r, m]), int(held.held[r, m]))
            for m, r in np.argwhere(held.state.T != CLEARED)
        ]

    def withdraw(self, now_ns: int, only: Sequence[tuple[int, int]] | None = None) -> list[Transition]:
        """Open conditions end because their rule or machine is gone. only: (rule, machine) positions; None = all."""
        rules, machines = np.nonzero(self.conditions_.state != CLEARED)
        if only is not None:
            rules, machines = np.array([r for r, _ in only], np.intp), np.array([m for _, m in only], np.intp)
        return [self._transition(change) for change in self.conditions_.apply(WITHDRAW, rules, machines, now_ns)]

    def release(self, equipment: str, rule: str, now_ns: int) -> list[Transition]:
        """A person ends a latched fault. KeyError where there is no such machine or rule."""
        number = {r.id: n for n, r in enumerate(self.rules)}[rule]
        at = np.array([number]), np.array([self.rows[equipment]])
        return [self._transition(change) for change in self.conditions_.apply(RELEASE, *at, now_ns)]

    def state(self, equipment: str, rule: str) -> State:
        number = {r.id: n for n, r in enumerate(self.rules)}[rule]
        return STATES[int(self.conditions_.state[number, self.rows[equipment]])]

    # --- over restarts and new configurations

    def adopt(self, old: KindEvaluator, now_ns: int) -> list[Transition]:
        """Takes over from the evaluator of the previous configuration; the transitions of what ends with it."""
        from rules.adoption import adopt  # it builds on this module

        return adopt(self, old, now_ns)

    def inherit(self, old: KindEvaluator, pairs: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]) -> None:
        """Takes samples, answers and remembered expressions of the machines that both have. pairs: (rows here, rows there)."""
        here, there = pairs
        self._clock[here], self._start[here] = old._clock[there], old._start[there]
        for name in self._position.keys() & old._position.keys():
            at, before = self._position[name], old._position[name]
            self._value[at, here], self._good[at, here] = old._value[before, there], old._good[before, there]
            limit = self._limit[at, here] - old._limit[before, there]
            self._until[at, here] = np.where(old._until[before, there] == BeforeAll, BeforeAll, old._until[before, there] + limit)
        if self.silence and old.silence:
            self.silence.inherit(old.silence, pairs)
        for key, state in self._program.states.items():
            before_state = old._program.states.get(key)
            arrays = dict(state.arrays())
            if before_state is None or [a.shape[1:] for a in arrays.values()] != [a.shape[1:] for _, a in before_state.arrays()]:
                continue
            same = np.ones(here.size, np.bool_)
            for owner_name in self._program.parameters_of(key):
                mine, theirs = self._parameters[owner_name], old._parameters.get(owner_name)
                same &= (mine[here] == theirs[there]) if theirs is not None else False
            state.inherit(before_state, (here[same], there[same]))

    def parameters_of(self, rule: int, row: int) -> Mapping[str, float]:
        found = self.rules[rule]
        return {name: float(self._parameters[found.id, name][row]) for name in found.parameters}

    def snapshot(self) -> bytes:
        return snapshot.dump(self.layout(), self.remembered())

    def restore(self, blob: bytes) -> None:
        """Raises snapshot.BadSnapshot where it was taken with other equipment, points or rules; nothing is changed then."""
        snapshot.load(blob, self.layout(), self.remembered())

    def layout(self) -> object:
        """What a snapshot must agree with."""
        return {
            "kind": self.kind.name,
            "equipment": [[machine.id, [[b.point, b.device, b.period_s] for b in machine.bindings]] for machine in self.equipment],
            "points": list(self._used),
            "rules": [[rule.id, rule.hash] for rule in self.rules],
            "parameters": [[owner, name, [repr(float(v)) for v in column]] for (owner, name), column in sorted(self._parameters.items())],
        }

    def remembered(self) -> dict[str, npt.NDArray[np.generic]]:
        """Every array this evaluator remembers with, by name."""
        found: dict[str, npt.NDArray[np.generic]] = {
            "clock": self._clock, "start": self._start, "value": self._value, "until": self._until, "good": self._good,
        }  # fmt: skip
        for prefix, part in (("condition", self.conditions_), ("silence", self.silence), *self._program.states.items()):
            if part is not None:
                found |= {f"{prefix}/{name}": array for name, array in part.arrays()}
        return found


def _limit_ns(period_s: float) -> int:
    return round(max(STALE_AT_LEAST_S, STALE_PERIODS * period_s) * NS)
