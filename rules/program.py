"""Checked graph -> closures over arrays: all expressions of all rules of a kind, each computed once per look, for many machines at once.

A number is a float64 array with NaN = unknown; infinities never leave the operation that made them. A yes/no is a pair of bool arrays
(known true, known false). What never changes (parameters, has(), literals) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rules.types import Form, Graph, Node
from rules.windows import Bools, Floats, Lasting, Ring, Since, Span, Truth

OVERFLOW = 1e300
AT_LEAST = ("max", "count", "rises", "falls", "on_time")
AT_MOST = ("min",)
_WINDOWS = ("avg", "min", "max", "median", "std", "sum", "delta", "rate", "count", "rises", "falls", "on_time", "changed")
Step = Callable[[], None]


@dataclass(slots=True)
class Look:
    """What is known of some machines at one instant. Filled anew for every look.

    known: [points, rows], NaN where bad, stale or never seen. fresh: [points, rows] = a sample came with this look, None on a tick.
    age: s since the last good sample, [points, rows]. old: [points, rows] = stale. silence, polls_missed: [rows].
    """

    span: Span
    known: Floats
    fresh: Bools | None
    age: Callable[[int], Floats]
    old: Callable[[int], Bools]
    silence: Floats
    polls_missed: Floats
    silence_grows: bool = True


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


@dataclass
class Crossing:
    """Instants at which a comparison of something that grows with time will turn by itself; only a back-test asks for them."""

    wanted: bool = False
    ns: list[Floats] = field(default_factory=list)


class Program:
    """run(look) computes everything; truth(node) is then the (true, false) of a condition."""

    def __init__(self, graph: Graph, machines: Machines) -> None:
        self._graph, self._machines = graph, machines
        self.slots: list[Any] = [None] * len(graph.nodes)
        self._bound: dict[int, Any] = {}  # at-least / at-most arrays of window functions
        self.states: dict[str, Lasting | Since | Ring] = {}
        self._rings: dict[tuple[int, float, bool], tuple[Ring, str]] = {}
        self.crossing = Crossing()
        self._look: Look
        self._vectors: list[tuple[int, Any]] = []  # static nodes that differ between machines
        self._steps: list[Step] = []
        with np.errstate(all="ignore"):
            for index, node in enumerate(graph.nodes):
                if node.static:
                    self._settle(index, node)
        self._static_inputs()
        done: set[tuple[int, float, bool]] = set()
        for index, node in enumerate(graph.nodes):
            if not node.static:
                if node.op in _WINDOWS:
                    self._feed(index, node, done)
                self._steps.append(self._compiled(index, node))

    def run(self, look: Look) -> None:
        self._look = look
        rows = look.span.rows
        slots = self.slots
        for index, vector in self._vectors:
            slots[index] = (vector[0][rows], vector[1][rows]) if isinstance(vector, tuple) else vector[rows]
        self.crossing.ns.clear()
        with np.errstate(all="ignore"):
            for step in self._steps:
                step()

    def truth(self, node: int) -> Truth:
        return self.slots[node]  # type: ignore[no-any-return]

    # --- what never changes

    def _settle(self, index: int, node: Node) -> None:
        if node.op == "parameter":
            value: Any = self._machines.parameters[node.data]  # type: ignore[index]
        elif node.op == "has":
            there = self._machines.has(str(node.data[0]))
            value = (there, ~there)
        elif node.op == "number":
            value = node.data[0]
        elif node.op == "truth":
            value = (np.bool_(node.data[0]), np.bool_(not node.data[0]))
        else:
            self._compiled(index, node)()
            value = self.slots[index]
        self.slots[index] = _alike(value)

    def _static_inputs(self) -> None:
        used = {a for node in self._graph.nodes if not node.static for a in node.args}
        for index in sorted(used):
            value = self.slots[index]
            first = value[0] if isinstance(value, tuple) else value
            if self._graph.nodes[index].static and isinstance(first, np.ndarray) and first.ndim:
                self._vectors.append((index, value))

    # --- one closure per node

    def _compiled(self, index: int, node: Node) -> Step:
        slots = self.slots
        if node.op in _BINARY:
            return self._arithmetic(index, node, _BINARY[node.op])
        if node.op in ("less", "less_equal", "greater", "greater_equal", "equal"):
            return self._comparison(index, node)
        if node.op in _WINDOWS:
            return self._window(index, node)
        maker = getattr(self, f"_op_{node.op}")
        step: Step = maker(index, node, slots)
        return step

    def _arithmetic(self, index: int, node: Node, function: Callable[..., Any]) -> Step:
        slots = self.slots
        a, b = node.args
        if node.bound < OVERFLOW:

            def plain() -> None:
                slots[index] = function(slots[a], slots[b])

            return plain

        def guarded() -> None:
            result = function(slots[a], slots[b])
            slots[index] = result + result * 0.0  # an infinity becomes NaN, everything else stays

        return guarded

    def _comparison(self, index: int, node: Node) -> Step:
        a, b = node.args
        self._watch(node)
        if node.op in ("less", "less_equal"):
            a, b = b, a
        slots, bound = self.slots, self._bound
        low_a, high_a = self._ends(a)
        low_b, high_b = self._ends(b)
        if node.op == "equal":

            def equal() -> None:
                x, y = slots[a], slots[b]
                under = bound[low_a] if low_a in bound else x
                over = bound[high_a] if high_a in bound else x
                other_under = bound[low_b] if low_b in bound else y
                other_over = bound[high_b] if high_b in bound else y
                slots[index] = (x == y, (under > other_over) | (over < other_under))

            return equal
        yes, no = (np.greater, np.less_equal) if node.op in ("less", "greater") else (np.greater_equal, np.less)
        if low_a == high_a == low_b == high_b == -1:

            def compare() -> None:
                x, y = slots[a], slots[b]
                slots[index] = (yes(x, y), no(x, y))

            return compare

        def bounded() -> None:
            x, y = slots[a], slots[b]
            true = yes(bound.get(low_a, x), bound.get(high_b, y))
            slots[index] = (true, no(bound.get(high_a, x), bound.get(low_b, y)))

        return bounded

    def _ends(self, node: int) -> tuple[int, int]:
        """Where the lower and the upper bound of a number stand; -1 = the number itself."""
        op = self._graph.nodes[node].op
        return (node if op in AT_LEAST else -1), (node if op in AT_MOST else -1)

    def _watch(self, node: Node) -> None:
        """Time alone turns `duration(c) > 12s`: tells when, where a back-test wants to know."""
        slots, crossing = self.slots, self.crossing
        for grows, limit in (node.args, node.args[::-1]):
            op = self._graph.nodes[grows].op
            if op not in ("duration", "since", "age", "silence", "polls_missed") or not self._graph.nodes[limit].static:
                continue

            def look(grows: int = grows, limit: int = limit, op: str = op) -> None:
                if not crossing.wanted or (op in ("silence", "polls_missed") and not self._look.silence_grows):
                    return
                left = slots[limit] - slots[grows]
                if op in ("duration", "since"):
                    left = np.where(slots[self._graph.nodes[grows].args[0]][op == "since"], left, np.nan)
                if op == "polls_missed":
                    left = left * np.where(self._look.polls_missed > 0, self._look.silence / self._look.polls_missed, np.nan)
                crossing.ns.append(np.where(left >= 0, left, np.nan))

            self._steps.append(look)

    # --- leaves

    def _op_point(self, index: int, node: Node, slots: list[Any]) -> Step:
        row = self._machines.points[str(node.data[0])]

        def point() -> None:
            slots[index] = self._look.known[row]

        return point

    def _op_age(self, index: int, node: Node, slots: list[Any]) -> Step:
        row = self._machines.points[str(node.data[0])]

        def age() -> None:
            slots[index] = self._look.age(row)

        return age

    def _op_stale(self, index: int, node: Node, slots: list[Any]) -> Step:
        row = self._machines.points[str(node.data[0])]

        def stale() -> None:
            old = self._look.old(row)
            slots[index] = (old, ~old)

        return stale

    def _op_silence(self, index: int, node: Node, slots: list[Any]) -> Step:
        def silence() -> None:
            slots[index] = self._look.silence

        return silence

    def _op_polls_missed(self, index: int, node: Node, slots: list[Any]) -> Step:
        def polls_missed() -> None:
            slots[index] = self._look.polls_missed

        return polls_missed

    # --- yes/no

    def _op_truth_of(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args

        def truth_of() -> None:
            x = slots[a]
            slots[index] = (x >= 0.5, x < 0.5)

        return truth_of

    def _op_and(self, index: int, node: Node, slots: list[Any]) -> Step:
        a, b = node.args

        def both() -> None:
            (at, af), (bt, bf) = slots[a], slots[b]
            slots[index] = (at & bt, af | bf)

        return both

    def _op_or(self, index: int, node: Node, slots: list[Any]) -> Step:
        a, b = node.args

        def either() -> None:
            (at, af), (bt, bf) = slots[a], slots[b]
            slots[index] = (at | bt, af & bf)

        return either

    def _op_not(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args

        def negated() -> None:
            true, false = slots[a]
            slots[index] = (false, true)

        return negated

    def _op_same(self, index: int, node: Node, slots: list[Any]) -> Step:
        a, b = node.args

        def same() -> None:
            (at, af), (bt, bf) = slots[a], slots[b]
            slots[index] = ((at & bt) | (af & bf), (at & bf) | (af & bt))

        return same

    def _op_is(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args
        codes = node.data

        def is_one() -> None:
            x = slots[a]
            true = x == codes[0]
            for code in codes[1:]:
                true = true | (x == code)
            slots[index] = (true, ~true & (x == x))

        return is_one

    def _op_contains(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args
        shift = 2.0 ** -int(str(node.data[0]))

        def contains() -> None:
            bit = np.remainder(np.floor(slots[a] * shift), 2.0)
            slots[index] = (bit >= 1.0, bit < 1.0)

        return contains

    # --- numbers

    def _op_scale(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args
        factor, offset = (float(str(part)) for part in node.data)

        def scale() -> None:
            result = slots[a] * factor + offset
            slots[index] = result + result * 0.0

        return scale

    def _op_negative(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args

        def negative() -> None:
            slots[index] = -slots[a]

        return negative

    def _op_abs(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args

        def size() -> None:
            slots[index] = np.abs(slots[a])

        return size

    def _op_sqrt(self, index: int, node: Node, slots: list[Any]) -> Step:
        (a,) = node.args

        def root() -> None:
            slots[index] = np.sqrt(slots[a])  # of a negative: NaN, unknown

        return root

    # --- what remembers

    def _op_duration(self, index: int, node: Node, slots: list[Any]) -> Step:
        return self._lasting(index, node, Lasting(self._machines.size))

    def _op_since(self, index: int, node: Node, slots: list[Any]) -> Step:
        return self._lasting(index, node, Since(self._machines.size))

    def _lasting(self, index: int, node: Node, state: Lasting | Since) -> Step:
        (a,) = node.args
        slots = self.slots
        self.states[self._key(index)] = state

        def lasting() -> None:
            look = self._look
            slots[index] = state.update(look.span, self._wide(slots[a], look.known.shape[1]))

        return lasting

    @staticmethod
    def _wide(truth: Truth, rows: int) -> Truth:
        """A yes/no that is the same everywhere, spelled out."""
        if np.ndim(truth[0]) == 0 or np.ndim(truth[1]) == 0:
            return np.array(np.broadcast_to(truth[0], rows)), np.array(np.broadcast_to(truth[1], rows))
        return truth

    def _ring_key(self, node: Node) -> tuple[int, float, bool]:
        counter = bool(node.data[1]) if len(node.data) > 1 else False
        return node.args[0], float(str(node.data[0])), counter

    def _feed(self, index: int, node: Node, done: set[tuple[int, float, bool]]) -> None:
        """One ring per expression and length, fed once per look, before the first function that asks it."""
        key = self._ring_key(node)
        if key in done:
            return
        done.add(key)
        a, window, counter = key
        asked = frozenset(other.op for other in self._graph.nodes if other.op in _WINDOWS and self._ring_key(other) == key)
        names = self._graph.points(a)
        yes_no = self._graph.nodes[a].type.form is Form.BOOL
        ring = Ring(self._machines.size, window, self._machines.period_s(names), asked, counter=counter, yes_no=yes_no)
        self._rings[key] = (ring, self._key(a))
        self.states[f"{self._key(a)} over {window:g}{' counted' if counter else ''}"] = ring
        slots = self.slots
        points = [self._machines.points[name] for name in names]

        def feed() -> None:
            look = self._look
            x = slots[a]
            if yes_no:
                x = np.where(x[0], 1.0, np.where(x[1], 0.0, np.nan))
            if np.ndim(x) == 0:
                x = np.full(look.known.shape[1], x)
            ring.update(look.span, x, np.logical_or.reduce(look.fresh[points]) if look.fresh is not None and points else None)

        self._steps.append(feed)

    def _window(self, index: int, node: Node) -> Step:
        ring, _ = self._rings[self._ring_key(node)]
        slots, bound, function = self.slots, self._bound, node.op
        if function == "changed":

            def changed() -> None:
                slots[index] = ring.changed(self._look.span.rows)

            return changed

        def answer() -> None:
            slots[index], least = ring.answer(function, self._look.span.rows)
            if least is not None:
                bound[index] = least

        return answer

    # --- identity of what is remembered, over restarts and new rule versions

    def _key(self, index: int) -> str:
        """The expression spelled out; parameters by owner and name."""
        memo: dict[int, str] = {}
        for i in sorted(self._graph.below(index)):
            node = self._graph.nodes[i]
            inner = ",".join([*(memo[a] for a in node.args), *map(str, node.data)])
            memo[i] = f"{node.op}({inner})"
        return memo[index]

    def parameters_of(self, key: str) -> Iterator[tuple[str, str]]:
        """(rule, parameter) pairs a remembered expression depends on."""
        for owner, name in self._machines.parameters:
            if f"parameter({owner},{name})" in key:
                yield owner, name


_BINARY: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "least": np.minimum,
    "greatest": np.maximum,
}


def _alike(value: Any) -> Any:
    """A vector that is the same for every machine becomes one number: numpy is quicker with it."""
    if isinstance(value, tuple):
        true, false = value
        if isinstance(true, np.ndarray) and true.size and true.ndim and (true == true[0]).all() and (false == false[0]).all():
            return np.bool_(true[0]), np.bool_(false[0])
        return value
    if isinstance(value, np.ndarray) and value.ndim and value.size:
        same = (value == value[0]).all() or np.isnan(value).all()
        return np.float64(value[0]) if same else value
    return np.float64(value)
