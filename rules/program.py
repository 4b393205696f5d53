"""Checked graph -> a program over arrays: every expression of all rules of a kind, each computed once per look, for many machines at once.

Plain operations are rules/operations.py; here stand the points, what never changes (computed once) and what remembers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rules.functions import LEARNING, WINDOWED
from rules.graph import Form, Graph, Node
from rules.learned import Learned
from rules.operations import Step, step_of
from rules.vitals import NAMES
from rules.windows import Bools, Floats, Lasting, Ring, Since, Span, Truth


@dataclass(slots=True)
class Look:
    """What is known of some machines at one instant.

    known: [points, rows], NaN where bad, stale or never seen. fresh: [points, rows] = a sample came with this look, None on a tick.
    age: of a point (its row in `known`), s since its last good sample, [rows]; old: whether that is stale. silence (s), polls_missed:
    [rows]; silence_grows: False while a table of history has a pause. facts: what holds for the whole site, the same for all rows.
    vital: one of rules/vitals.py, [rows].
    """

    span: Span
    known: Floats
    fresh: Bools | None
    age: Callable[[int], Floats]
    old: Callable[[int], Bools]
    silence: Floats
    polls_missed: Floats
    silence_grows: bool | Bools = True
    facts: Mapping[str, Truth] = field(default_factory=dict)
    vital: Callable[[str], Floats] = lambda name: np.zeros(0)


@dataclass(frozen=True, slots=True)
class Machines:
    """What is known of the machines beforehand. size: how many. points: name -> row of Look.known. parameters: by (rule, name), [size].

    has: by point, [size]. period_s: the shortest poll period of some points, for the width of buckets.
    """

    size: int
    points: Mapping[str, int]
    parameters: Mapping[tuple[str, str], Floats]
    has: Callable[[str], Bools]
    period_s: Callable[[Sequence[str]], float]


class Program:
    """run(look) computes everything; truth(node) is then the (true, false) of a condition. states: what is remembered, by expression.

    roots: the conditions anybody asks for, None = all; what none of them depends on is not computed, and unknown.
    """

    def __init__(self, graph: Graph, machines: Machines, roots: Iterable[int] | None = None) -> None:
        self._graph, self._machines = graph, machines
        self.slots: list[Any] = [None] * len(graph.nodes)
        self.states: dict[str, Lasting | Since | Ring | Learned] = {}
        self._bounds: dict[int, Any] = {}
        self._rings: dict[tuple[int, float, bool], Ring] = {}
        self._look: Look
        self._vectors: list[tuple[int, Any]] = []  # static nodes that differ between machines
        self._steps: list[Step] = []
        with np.errstate(all="ignore"):
            for index, node in enumerate(graph.nodes):
                if node.static:
                    self.slots[index] = _alike(self._settled(index, node))
        self._find_vectors()
        wanted = self._wanted(range(len(graph.nodes)) if roots is None else roots)
        for index, node in enumerate(graph.nodes):
            if index in wanted:
                self._steps += self._compiled(index, node)
            elif not node.static and self.slots[index] is None:
                self.slots[index] = _UNKNOWN if node.type.form is Form.BOOL else np.float64(np.nan)

    def run(self, look: Look) -> None:
        self._look = look
        rows, slots = look.span.rows, self.slots
        for index, vector in self._vectors:
            slots[index] = (vector[0][rows], vector[1][rows]) if isinstance(vector, tuple) else vector[rows]
        with np.errstate(all="ignore"):
            for step in self._steps:
                step()

    def truth(self, node: int) -> Truth:
        found: Truth = self.slots[node]
        return found

    # --- what never changes

    def _settled(self, index: int, node: Node) -> Any:
        if node.op == "parameter":
            return self._machines.parameters[str(node.data[0]), str(node.data[1])]
        if node.op == "has":
            there = self._machines.has(str(node.data[0]))
            return there, ~there
        if node.op == "number":
            return node.data[0]
        if node.op == "truth":
            return np.bool_(node.data[0]), np.bool_(not node.data[0])
        step = step_of(self._graph, index, self.slots, self._bounds)
        assert step is not None, node.op
        step()
        return self.slots[index]

    def _find_vectors(self) -> None:
        """Static inputs of what changes that are not the same for every machine: each look takes its rows of them."""
        for index in sorted({a for node in self._graph.nodes if not node.static for a in node.args}):
            value = self.slots[index]
            if self._graph.nodes[index].static and np.ndim(value[0] if isinstance(value, tuple) else value):
                self._vectors.append((index, value))

    # --- what need not be computed

    def _wanted(self, roots: Iterable[int]) -> set[int]:
        """The changing nodes that the roots depend on. Behind a `has()` that is false for all machines nothing is computed; a yes/no that
        is settled by it gets its value here, once and for all."""
        nodes, settled = self._graph.nodes, dict[int, bool]()
        for index, node in enumerate(nodes):
            if node.type.form is Form.BOOL and (truth := self._known(index, node, settled)) is not None:
                settled[index] = truth
                if not node.static:
                    self.slots[index] = _TRUE if truth else _FALSE
        wanted, todo = set[int](), list(roots)
        while todo:
            index = todo.pop()
            if index not in wanted and index not in settled and not nodes[index].static:
                wanted.add(index)
                todo += nodes[index].args
        return wanted

    def _known(self, index: int, node: Node, settled: Mapping[int, bool]) -> bool | None:
        """A yes/no that is the same for every machine at every instant; None where it is not, or unknown."""
        if node.static:
            true, false = self.slots[index]
            return None if np.ndim(true) or bool(true) == bool(false) else bool(true)
        if node.op == "not":
            inner = settled.get(node.args[0])
            return None if inner is None else not inner
        if node.op in ("and", "or"):
            decides = node.op == "or"  # one side alone
            sides = [settled.get(a) for a in node.args]
            return decides if decides in sides else None if None in sides else not decides
        return None

    # --- what changes

    def _compiled(self, index: int, node: Node) -> Iterator[Step]:
        step = step_of(self._graph, index, self.slots, self._bounds)
        if step is not None:
            yield step
        elif node.op in WINDOWED:
            yield from self._window(index, node)
        elif node.op in LEARNING:
            yield from self._learning(index, node)
        elif node.op in ("duration", "since"):
            yield self._lasting(index, node)
        else:
            yield self._read(index, node)

    def _read(self, index: int, node: Node) -> Step:
        """A point's value, age or staleness, or what is derived from the devices."""
        slots = self.slots
        if node.op == "fact":
            fact = str(node.data[0])

            def told() -> None:
                slots[index] = self._look.facts[fact]

            return told
        if node.op in NAMES:
            vital = node.op

            def seen() -> None:
                slots[index] = self._look.vital(vital)

            return seen
        if node.op in ("silence", "polls_missed"):
            name = node.op

            def derived() -> None:
                slots[index] = getattr(self._look, name)

            return derived
        row, op = self._machines.points[str(node.data[0])], node.op

        def point() -> None:
            slots[index] = self._look.known[row]

        def age() -> None:
            slots[index] = self._look.age(row)

        def stale() -> None:
            old = self._look.old(row)
            slots[index] = (old, ~old)

        return {"point": point, "age": age, "stale": stale}[op]

    def _lasting(self, index: int, node: Node) -> Step:
        (a,) = node.args
        slots = self.slots
        state = self.states[self.spelled(index)] = Lasting(self._machines.size) if node.op == "duration" else Since(self._machines.size)

        def lasting() -> None:
            look = self._look
            slots[index] = state.update(look.span, _wide(slots[a], look.known.shape[1]))

        return lasting

    def _learning(self, index: int, node: Node) -> Iterator[Step]:
        """Value and spread of one expression share what is learned; it is fed before the first of them."""
        length_s, slots = float(str(node.data[0])), self.slots
        key = f"learned({','.join(self.spelled(a) for a in node.args)}) in {length_s:g}"
        state = self.states.get(key)
        if not isinstance(state, Learned):
            state = self.states[key] = Learned(self._machines.size, length_s)
            yield self._taught(state, node.args)
        found, spread = state, node.op == "learned_spread"

        def learned() -> None:
            slots[index] = (found.spread if spread else found.middle)[self._look.span.rows]

        yield learned

    def _taught(self, state: Learned, args: tuple[int, ...]) -> Step:
        slots = self.slots

        def feed() -> None:
            rows = self._look.known.shape[1]
            x = slots[args[0]]
            counts = _wide(slots[args[1]], rows) if len(args) > 1 else None
            state.update(self._look.span, np.full(rows, x) if np.ndim(x) == 0 else x, counts)

        return feed

    # --- windows: one ring per expression and length, fed once per look before the first function that asks it

    def _ring_of(self, node: Node) -> tuple[int, float, bool]:
        counter = len(node.data) > 1 and bool(node.data[1])
        return node.args[0], float(str(node.data[0])), counter

    def _window(self, index: int, node: Node) -> Iterator[Step]:
        key = self._ring_of(node)
        if key not in self._rings:
            yield self._feed(key)
        ring, slots, bounds, function = self._rings[key], self.slots, self._bounds, node.op

        def changed() -> None:
            slots[index] = ring.changed(self._look.span.rows)

        def answer() -> None:
            slots[index], bound = ring.answer(function, self._look.span.rows)
            if bound is not None:
                bounds[index] = bound

        yield changed if function == "changed" else answer

    def _feed(self, key: tuple[int, float, bool]) -> Step:
        a, window, counter = key
        asked = frozenset(other.op for other in self._graph.nodes if other.op in WINDOWED and self._ring_of(other) == key)
        names = self._graph.points(a)
        yes_no = self._graph.nodes[a].type.form is Form.BOOL
        ring = Ring(self._machines.size, window, self._machines.period_s(names), asked, counter=counter, yes_no=yes_no)
        self._rings[key] = self.states[f"{self.spelled(a)} over {window:g}{' counted' if counter else ''}"] = ring
        slots, points = self.slots, [self._machines.points[name] for name in names]

        def feed() -> None:
            look = self._look
            x = slots[a]
            if yes_no:
                x = np.where(x[0], 1.0, np.where(x[1], 0.0, np.nan))
            if np.ndim(x) == 0:
                x = np.full(look.known.shape[1], x)
            ring.update(look.span, x, np.logical_or.reduce(look.fresh[points]) if look.fresh is not None and points else None)

        return feed

    # --- identity of what is remembered, over restarts and new rule versions

    def spelled(self, index: int) -> str:
        """The expression written out; parameters by owner and name."""
        spelled: dict[int, str] = {}
        for i in self._graph.below(index):
            node = self._graph.nodes[i]
            spelled[i] = f"{node.op}({','.join([*(spelled[a] for a in node.args), *map(str, node.data)])})"
        return spelled[index]

    def parameters_of(self, state: str) -> Iterator[tuple[str, str]]:
        """(rule, parameter) pairs a remembered expression depends on."""
        for owner, name in self._machines.parameters:
            if f"parameter({owner},{name})" in state:
                yield owner, name


_TRUE, _FALSE, _UNKNOWN = (
    (np.bool_(true), np.bool_(false)) for true, false in ((True, False), (False, True), (False, False))
)  # fmt: skip


def _wide(truth: Truth, rows: int) -> Truth:
    """A yes/no that is the same everywhere, spelled out."""
    if np.ndim(truth[0]) and np.ndim(truth[1]):
        return truth
    return np.array(np.broadcast_to(truth[0], rows)), np.array(np.broadcast_to(truth[1], rows))


def _alike(value: Any) -> Any:
    """A vector that is the same for every machine becomes one number: numpy is quicker with it."""
    if isinstance(value, tuple):
        true, false = value
        if np.ndim(true) and true.size and (true == true[0]).all() and (false == false[0]).all():
            return np.bool_(true[0]), np.bool_(false[0])
        return value
    if np.ndim(value) and value.size:
        return np.float64(value[0]) if (value == value[0]).all() or np.isnan(value).all() else value
    return np.float64(value)
