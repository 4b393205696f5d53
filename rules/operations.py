"""One closure per node that remembers nothing: arithmetic, comparisons, three-valued logic.

A number is a float64 array with NaN = unknown; infinities never leave the operation that made them. A yes/no is a pair of bool arrays
(known true, known false). A number that is only known to be at least or at most so much has that bound beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from rules.graph import Graph, Node

OVERFLOW = 1e300
AT_LEAST = ("max", "count", "rises", "falls", "on_time")
AT_MOST = ("min",)
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")
Step = Callable[[], None]
Slots = list[Any]
Bounds = dict[int, Any]


def step_of(graph: Graph, index: int, slots: Slots, bounds: Bounds) -> Step | None:
    """What computes a node into slots[index]; None where it is no plain operation. bounds: arrays of at-least and at-most numbers."""
    node = graph.nodes[index]
    if node.op in _BINARY:
        return _arithmetic(index, node, slots)
    if node.op == "equal":
        return _equal(graph, index, node, slots, bounds)
    if node.op in COMPARISONS:
        return _ordered(graph, index, node, slots, bounds)
    maker = _PLAIN.get(node.op)
    return None if maker is None else maker(index, node, slots)


def _arithmetic(index: int, node: Node, slots: Slots) -> Step:
    function = _BINARY[node.op]
    a, b = node.args
    if node.bound < OVERFLOW:

        def plain() -> None:
            slots[index] = function(slots[a], slots[b])

        return plain

    def guarded() -> None:
        result = function(slots[a], slots[b])
        slots[index] = result + result * 0.0  # an infinity becomes NaN, everything else stays

    return guarded


def _ends(graph: Graph, node: int) -> tuple[int, int]:
    """Where the lower and the upper bound of a number stand; -1 = it is exact."""
    op = graph.nodes[node].op
    return (node if op in AT_LEAST else -1), (node if op in AT_MOST else -1)


def _or_else(bounds: Bounds, node: int, exact: Any) -> Any:
    return bounds[node] if node >= 0 else exact


def _ordered(graph: Graph, index: int, node: Node, slots: Slots, bounds: Bounds) -> Step:
    a, b = node.args if node.op in ("greater", "greater_equal") else node.args[::-1]
    yes, no = (np.greater, np.less_equal) if node.op in ("less", "greater") else (np.greater_equal, np.less)
    (low_a, high_a), (low_b, high_b) = _ends(graph, a), _ends(graph, b)
    if low_a == high_a == low_b == high_b == -1:

        def compare() -> None:
            x, y = slots[a], slots[b]
            slots[index] = (yes(x, y), no(x, y))

        return compare

    def bounded() -> None:
        """Sure to hold where the least of one is above the most of the other."""
        x, y = slots[a], slots[b]
        least, most = _or_else(bounds, low_a, x), _or_else(bounds, high_a, x)
        slots[index] = (yes(least, _or_else(bounds, high_b, y)), no(most, _or_else(bounds, low_b, y)))

    return bounded


def _equal(graph: Graph, index: int, node: Node, slots: Slots, bounds: Bounds) -> Step:
    a, b = node.args
    (low_a, high_a), (low_b, high_b) = _ends(graph, a), _ends(graph, b)

    def equal() -> None:
        x, y = slots[a], slots[b]
        above = _or_else(bounds, low_a, x) > _or_else(bounds, high_b, y)
        below = _or_else(bounds, high_a, x) < _or_else(bounds, low_b, y)
        slots[index] = (x == y, above | below)

    return equal


def _truth_of(index: int, node: Node, slots: Slots) -> Step:
    (a,) = node.args

    def truth_of() -> None:
        x = slots[a]
        slots[index] = (x >= 0.5, x < 0.5)

    return truth_of


def _and(index: int, node: Node, slots: Slots) -> Step:
    a, b = node.args

    def both() -> None:
        (at, af), (bt, bf) = slots[a], slots[b]
        slots[index] = (at & bt, af | bf)

    return both


def _or(index: int, node: Node, slots: Slots) -> Step:
    a, b = node.args

    def either() -> None:
        (at, af), (bt, bf) = slots[a], slots[b]
        slots[index] = (at | bt, af & bf)

    return either


def _not(index: int, node: Node, slots: Slots) -> Step:
    (a,) = node.args

    def negated() -> None:
        true, false = slots[a]
        slots[index] = (false, true)

    return negated


def _same(index: int, node: Node, slots: Slots) -> Step:
    a, b = node.args

    def same() -> None:
        (at, af), (bt, bf) = slots[a], slots[b]
        slots[index] = ((at & bt) | (af & bf), (at & bf) | (af & bt))

    return same


def _is(index: int, node: Node, slots: Slots) -> Step:
    (a,) = node.args
    codes = node.data

    def is_one() -> None:
        x = slots[a]
        true = x == codes[0]
        for code in codes[1:]:
            true = true | (x == code)
        slots[index] = (true, ~true & (x == x))

    return is_one


def _contains(index: int, node: Node, slots: Slots) -> Step:
    (a,) = node.args
    shift = 2.0 ** -int(str(node.data[0]))

    def contains() -> None:
        bit = np.remainder(np.floor(slots[a] * shift), 2.0)
        slots[index] = (bit >= 1.0, bit < 1.0)

    return contains


def _scale(index: int, node: Node, slots: Slots) -> Step:
    (a,) = node.args
    factor, offset = (float(str(part)) for part in node.data)

    def scale() -> None:
        result = slots[a] * factor + offset
        slots[index] = result + result * 0.0

    return scale


def _unary(function: Callable[[Any], Any]) -> Callable[[int, Node, Slots], Step]:
    def make(index: int, node: Node, slots: Slots) -> Step:
        (a,) = node.args

        def apply() -> None:
            slots[index] = function(slots[a])

        return apply

    return make


_BINARY: Mapping[str, Callable[..., Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "least": np.minimum,
    "greatest": np.maximum,
}
_PLAIN: Mapping[str, Callable[[int, Node, Slots], Step]] = {
    "truth_of": _truth_of,
    "and": _and,
    "or": _or,
    "not": _not,
    "same": _same,
    "is": _is,
    "contains": _contains,
    "scale": _scale,
    "negative": _unary(np.negative),
    "abs": _unary(np.abs),
    "sqrt": _unary(np.sqrt),  # of a negative: NaN, unknown
}
