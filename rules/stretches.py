"""Months of history at the price of days: each machine's history is cut into stretches that are judged side by side, as if they were
machines of their own, and joined only where nothing can tell the difference.

numpy costs as much for thirty machines as for a thousand, so the stretches of a span go through one evaluator together. A stretch begins
earlier than it counts (the warm-up, as long as any rule looks back). Where it begins to count, what it remembers must be what the stretch
before ended with, array by array (PastEvaluator.settled); where it is not, it is judged again from what that one ended with. So how many
stretches there are never changes a result, only the time it takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Batch, Qualities
from plantroom.site import Equipment
from rules.applies import SiteSettings
from rules.condition import Transition
from rules.conditions import FOREVER
from rules.learned import STRETCHES, Learned
from rules.past import Calendar, PastEvaluator
from rules.rule import Rule
from rules.samples import Indexes
from rules.windows import Floats, Ints

AT_ONCE = 1_800  # rows at which numpy no longer costs more for being asked than for counting
MOST = 64
Memory = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The samples of some machines, one machine after the other, each ascending. ends: of each machine's rows, cumulated.

    values: [rows, points of `columns`], NaN = no sample where there is no quality. quality: as in a Batch, or None: all good.
    """

    at_ns: Ints
    values: Floats
    quality: Qualities | None
    ends: Ints
    columns: Indexes

    def quality_of(self, index: Indexes, values: Floats) -> Qualities:
        if self.quality is not None:
            return self.quality[index]
        return np.where(np.isnan(values), Batch.ABSENT, 0).astype(np.uint8)

    def between(self, machine: int, begin_ns: int, end_ns: int) -> tuple[int, int]:
        """Positions of a machine's rows with begin <= at < end."""
        first = int(self.ends[machine - 1]) if machine else 0
        at = self.at_ns[first : int(self.ends[machine])]
        return first + int(np.searchsorted(at, begin_ns)), first + int(np.searchsorted(at, end_ns))


@dataclass(slots=True)
class _Plan:
    """Of each row of the evaluator: its next sample, where it begins to count, where it ends; and the instants those stand for."""

    next: Ints
    counts: Ints
    end: Ints
    counts_ns: Ints
    end_ns: Ints


class Stretches:
    """Some rules over all machines of a kind, span after span of their history.

    again: stretches that had to be judged a second time.
    """

    def __init__(self, kind: Kind, machines: Sequence[Equipment], rules: Sequence[Rule], site: SiteSettings, calendar: Calendar) -> None:
        self.kind, self.machines = kind, tuple(machines)
        self._rules, self._site, self._calendar = rules, site, calendar
        self._evaluator, self._blank, self._count = self._made(1)
        self._warm_ns = self._evaluator.warm_ns()
        self._memory: Memory | None = None
        self._owner = {machine.id: row for row, machine in enumerate(self.machines)}
        self.again = 0

    @property
    def asks_facts(self) -> bool:
        return self._evaluator.asks_facts

    def learning_ns(self) -> int:
        """How long something is still remembered from the very beginning on (what is learned, what a deviation is measured from); 0: no
        longer. Until then stretches would not agree, and one after the other is quicker."""
        memory = self._blank if self._memory is None else self._memory
        longest = 0
        for key, state in self._evaluator.program.states.items():
            if isinstance(state, Learned) and (memory[f"{key}/filled"] < STRETCHES).any():
                longest = max(longest, state.width * STRETCHES)
            elif f"{key}/past.square" in memory and np.isnan(memory[f"{key}/last"]).any():
                longest = max(longest, 3_600 * NS)
        return longest

    def take(self, rows: Rows, begin_ns: int, end_ns: int, most: int = MOST) -> list[Transition]:
        """The transitions of [begin, end), each machine's in order. Spans follow each other without a gap. most: stretches at once."""
        count = self._how_many(end_ns - begin_ns, most)
        if count != self._count:
            self._evaluator, self._blank, self._count = self._made(count)
        size, evaluator = len(self.machines), self._evaluator
        _put(evaluator, np.arange(size * count), self._blank if self._memory is None else _tiled(self._memory, count))
        evaluator.turns_ns[size:] = FOREVER  # between the seed and its warm-up a stretch has nothing to look at
        edges = self._edges(begin_ns, end_ns, count)
        plan = self._planned(rows, edges)
        begun: Memory = {}
        found = self._run(rows, plan, np.arange(size * count), begun)
        todo = self._torn(begun, np.arange(size, size * count))
        while todo.size:
            self.again += todo.size
            ended = _taken(evaluator, todo - size)
            for name, array in evaluator.settled(todo - size).items():
                begun[name][todo] = array
            _put(evaluator, todo, ended)
            plan.next[todo] = plan.counts[todo]
            for row in todo.tolist():
                found[row] = []
            for row, again in self._run(rows, plan, todo, None).items():
                found[row] = again
            after = np.unique(todo + size)
            todo = self._torn(begun, after[after < size * count])
        self._memory = _taken(evaluator, np.arange(size * (count - 1), size * count))
        return [
            replace(t, equipment=machine.id)
            for row, machine in enumerate(self.machines)
            for stretch in range(count)
            for t in found.get(stretch * size + row, ())
        ]

    # --- the plan

    def _made(self, count: int) -> tuple[PastEvaluator, Memory, int]:
        machines = self.machines if count == 1 else [replace(m, id=f"{m.id}#{n}") for n in range(count) for m in self.machines]
        evaluator = PastEvaluator(self.kind, machines, self._rules, self._site, self._calendar)
        return evaluator, _taken(evaluator, np.arange(len(machines))), count

    def _how_many(self, length_ns: int, most: int) -> int:
        """Stretches that pay: of at least a third of the warm-up each, all of them together no more rows than numpy takes at once."""
        if self._warm_ns >= length_ns:
            return 1
        fit = 3 * (length_ns - self._warm_ns) // max(self._warm_ns, 1)
        return max(1, min(most, AT_ONCE // len(self.machines), fit))

    def _edges(self, begin_ns: int, end_ns: int, count: int) -> list[int]:
        """The first stretch needs no warm-up, so it is longer by that: all end together."""
        each = (end_ns - begin_ns - self._warm_ns) // count
        return [begin_ns, *(end_ns - each * n for n in range(count - 1, 0, -1)), end_ns]

    def _planned(self, rows: Rows, edges: Sequence[int]) -> _Plan:
        plan = _Plan(*(np.zeros(len(self.machines) * (len(edges) - 1), np.int64) for _ in range(5)))
        row = 0
        for stretch, (begin, end) in enumerate(zip(edges, edges[1:], strict=False)):
            for machine in range(len(self.machines)):
                first, last = rows.between(machine, begin, end)
                warm = rows.between(machine, max(begin - self._warm_ns, edges[0]), begin)[0] if stretch else first
                plan.next[row], plan.counts[row], plan.end[row] = warm, first, last
                plan.counts_ns[row], plan.end_ns[row] = begin, end
                row += 1
        return plan

    # --- the run

    def _run(self, rows: Rows, plan: _Plan, some: Indexes, begun: Memory | None) -> dict[int, list[Transition]]:
        """Judges these rows of the evaluator up to their ends; what they found once they count.

        begun: gets what each remembered where it began to count; None: they begin to count at once.
        """
        found: dict[int, list[Transition]] = {}
        if begun is None:
            self._turns(rows, plan, some, plan.end, plan.end_ns, found)
            return found
        warming = some[plan.counts_ns[some] > plan.counts_ns[0]]
        self._turns(rows, plan, warming, plan.counts, plan.counts_ns, None)
        begun |= self._evaluator.settled(np.arange(self._evaluator.turns_ns.size))
        self._turns(rows, plan, some, plan.end, plan.end_ns, found)
        return found

    def _turns(self, rows: Rows, plan: _Plan, some: Indexes, upto: Ints, upto_ns: Ints, found: dict[int, list[Transition]] | None) -> None:
        """Each row one sample a turn, and before it what time alone brings about; at the end all that is due before the edge."""
        evaluator, size = self._evaluator, rows.at_ns.size
        while some.size:
            more = plan.next[some] < upto[some]
            until = np.where(more, rows.at_ns[np.minimum(plan.next[some], size - 1)], upto_ns[some]) if size else upto_ns[some]
            self._pass_time(rows, plan, some, until, found)
            some, until = some[more], until[more]
            if not some.size:
                return
            index = plan.next[some]
            values = rows.values[index]
            self._keep(evaluator.step(some, until, values, rows.quality_of(index, values), rows.columns), found)
            plan.next[some] += 1
            evaluator.look_at(some, self._again_at(rows, plan.next[some], some))

    def _again_at(self, rows: Rows, index: Ints, some: Indexes) -> Ints:
        """When these machines are looked at anyway: at their next sample, wherever a stretch ends; FOREVER where the span has none."""
        ends = rows.ends[some % len(self.machines)]
        at = rows.at_ns[np.minimum(index, rows.at_ns.size - 1)] if rows.at_ns.size else np.zeros(index.shape, np.int64)
        return np.where(index < ends, at, FOREVER)

    def _pass_time(self, rows: Rows, plan: _Plan, some: Indexes, until: Ints, found: dict[int, list[Transition]] | None) -> None:
        evaluator = self._evaluator
        while (waiting := np.flatnonzero(evaluator.turns_ns[some] < until)).size:
            due = some[waiting]
            self._keep(evaluator.tick(evaluator.turns_ns[due], due), found)
            evaluator.look_at(due, self._again_at(rows, plan.next[due], due))

    def _keep(self, moved: list[Transition], found: dict[int, list[Transition]] | None) -> None:
        for transition in moved if found is not None else ():
            assert found is not None
            found.setdefault(self._evaluator.rows[transition.equipment], []).append(transition)

    # --- the seams

    def _torn(self, begun: Memory, rows: Indexes) -> Indexes:
        """Those of these rows that began to count with something else than the stretch before them ended with."""
        if not rows.size:
            return rows
        differs = np.zeros(rows.size, np.bool_)
        for name, ended in self._evaluator.settled(rows - len(self.machines)).items():
            began = begun[name][rows]
            same = (began == ended) | ((began != began) & (ended != ended))
            differs |= ~same.reshape(rows.size, -1).all(axis=1)
        return rows[differs]


def _taken(evaluator: PastEvaluator, rows: Indexes) -> Memory:
    return {name: array[rows].copy() for name, array in evaluator.by_row()}


def _put(evaluator: PastEvaluator, rows: Indexes, memory: Mapping[str, npt.NDArray[Any]]) -> None:
    for name, array in evaluator.by_row():
        array[rows] = memory[name]


def _tiled(memory: Memory, count: int) -> Memory:
    return {name: np.concatenate([array] * count) for name, array in memory.items()}
