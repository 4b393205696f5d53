"""Operations that remember nothing, many of one sort at once: arithmetic, comparisons, three-valued logic.

Rows are those of rules/sheet.py. Infinities never leave the operation that made them. A number that is only known to be at least or at
most so much has that bound beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rules.graph import Graph
from rules.sheet import Index, Places, Sheet, column, index_of, pick, span_of

OVERFLOW = 1e300
AT_LEAST = ("max", "count", "rises", "falls", "on_time")
AT_MOST = ("min",)
COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")
Step = Callable[[Sheet], None]


class Group:
    """Some nodes of one family, in rows that follow each other."""

    def __init__(self, graph: Graph, places: Places, nodes: Sequence[int]) -> None:
        self.nodes = [graph.nodes[node] for node in nodes]
        self._places, self._names = places, list(nodes)

    def numbers(self, argument: int, bounds: Mapping[int, int] | None = None) -> Index:
        """Rows of one argument of each; where it has such a bound, of that."""
        nodes = [node.args[argument] for node in self.nodes]
        return index_of([(bounds or {}).get(node, self._places.number[node]) for node in nodes])

    def truths(self, argument: int, side: int) -> Index:
        return index_of([self._places.truth[node.args[argument]][side] for node in self.nodes])

    def number_out(self) -> slice:
        return span_of([self._places.number[name] for name in self._names])

    def truth_out(self) -> tuple[slice, slice]:
        """The rows of what is decided by all, and by any: for all but `or` those of true and false."""
        lower, upper = zip(*(sorted(self._places.truth[name]) for name in self._names), strict=True)
        return span_of(lower), span_of(upper)


def family(op: str) -> str | None:
    """What a node is done together with; None where it is no plain operation."""
    return _FAMILIES.get(op, op if op in _MAKERS else None)


def step_of(graph: Graph, places: Places, nodes: Sequence[int]) -> Step:
    """What computes nodes of one family, none of which needs another."""
    op = graph.nodes[nodes[0]].op
    return _MAKERS[_FAMILIES.get(op, op)](Group(graph, places, nodes), places)


def _arithmetic(function: Callable[..., Any]) -> Callable[[Group, Places], Step]:
    def made(group: Group, places: Places) -> Step:
        a, b, out = group.numbers(0), group.numbers(1), group.number_out()
        guarded = any(node.bound >= OVERFLOW for node in group.nodes)

        def calculate(sheet: Sheet) -> None:
            result = function(pick(sheet.numbers, a), pick(sheet.numbers, b), out=sheet.numbers[out])
            if guarded:
                result += result * 0.0  # an infinity becomes NaN, everything else stays

        return calculate

    return made


def _unary(function: Callable[..., Any]) -> Callable[[Group, Places], Step]:
    def made(group: Group, places: Places) -> Step:
        a, out = group.numbers(0), group.number_out()

        def apply(sheet: Sheet) -> None:
            function(pick(sheet.numbers, a), out=sheet.numbers[out])

        return apply

    return made


def _scale(group: Group, places: Places) -> Step:
    a, out = group.numbers(0), group.number_out()
    factor, offset = (column([float(str(node.data[part])) for node in group.nodes]) for part in (0, 1))

    def scale(sheet: Sheet) -> None:
        result = pick(sheet.numbers, a) * factor + offset
        sheet.numbers[out] = result + result * 0.0

    return scale


def _ordered(yes: Callable[..., Any], no: Callable[..., Any]) -> Callable[[Group, Places], Step]:
    def made(group: Group, places: Places) -> Step:
        """Sure to hold where the least of one is above the most of the other."""
        sides = [(0, 1) if node.op.startswith("greater") else (1, 0) for node in group.nodes]

        def rows(side: int, bounds: Mapping[int, int]) -> Index:
            arguments = [node.args[order[side]] for node, order in zip(group.nodes, sides, strict=True)]
            return index_of([bounds.get(node, places.number[node]) for node in arguments])

        least, most = rows(0, places.least), rows(0, places.most)
        other_most, other_least = rows(1, places.most), rows(1, places.least)
        exact = np.array_equal(_list(least), _list(most)) and np.array_equal(_list(other_most), _list(other_least))
        true, false = group.truth_out()

        def compare(sheet: Sheet) -> None:
            numbers, truths = sheet.numbers, sheet.truths
            x, y = pick(numbers, least), pick(numbers, other_most)
            yes(x, y, out=truths[true])
            if not exact:
                x, y = pick(numbers, most), pick(numbers, other_least)
            no(x, y, out=truths[false])

        return compare

    return made


def _equal(group: Group, places: Places) -> Step:
    a, b = group.numbers(0), group.numbers(1)
    least_a, most_a = group.numbers(0, places.least), group.numbers(0, places.most)
    least_b, most_b = group.numbers(1, places.least), group.numbers(1, places.most)
    true, false = group.truth_out()

    def equal(sheet: Sheet) -> None:
        numbers, truths = sheet.numbers, sheet.truths
        np.equal(pick(numbers, a), pick(numbers, b), out=truths[true])
        above = pick(numbers, least_a) > pick(numbers, most_b)
        np.logical_or(above, pick(numbers, most_a) < pick(numbers, least_b), out=truths[false])

    return equal


def _truth_of(group: Group, places: Places) -> Step:
    a, (true, false) = group.numbers(0), group.truth_out()

    def truth_of(sheet: Sheet) -> None:
        x = pick(sheet.numbers, a)
        np.greater_equal(x, 0.5, out=sheet.truths[true])
        np.less(x, 0.5, out=sheet.truths[false])

    return truth_of


def _is(group: Group, places: Places) -> Step:
    a, (true, false) = group.numbers(0), group.truth_out()
    most = max(len(node.data) for node in group.nodes)
    padded = [[float(str(code)) for code in (*node.data, *node.data[:1] * most)[:most]] for node in group.nodes]
    codes = [column(turn) for turn in zip(*padded, strict=True)]

    def is_one(sheet: Sheet) -> None:
        x = pick(sheet.numbers, a)
        found = np.equal(x, codes[0], out=sheet.truths[true])
        for code in codes[1:]:
            found |= x == code
        np.greater(x == x, found, out=sheet.truths[false])  # known, and none of them

    return is_one


def _contains(group: Group, places: Places) -> Step:
    a, (true, false) = group.numbers(0), group.truth_out()
    shift = column([2.0 ** -int(str(node.data[0])) for node in group.nodes])

    def contains(sheet: Sheet) -> None:
        bit = np.remainder(np.floor(pick(sheet.numbers, a) * shift), 2.0)
        np.greater_equal(bit, 1.0, out=sheet.truths[true])
        np.less(bit, 1.0, out=sheet.truths[false])

    return contains


def _logic(group: Group, places: Places) -> Step:
    """`a or b` is `not (not a and not b)`: with the two rows of each the other way round it is the same operation."""

    def rows(argument: int, side: int) -> Index:
        return index_of([places.truth[node.args[argument]][side ^ (node.op == "or")] for node in group.nodes])

    all_a, all_b, any_a, any_b = rows(0, 0), rows(1, 0), rows(0, 1), rows(1, 1)
    lower, upper = group.truth_out()

    def both(sheet: Sheet) -> None:
        truths = sheet.truths
        np.logical_and(pick(truths, all_a), pick(truths, all_b), out=truths[lower])
        np.logical_or(pick(truths, any_a), pick(truths, any_b), out=truths[upper])

    return both


def _same(group: Group, places: Places) -> Step:
    (at, af), (bt, bf) = ((group.truths(argument, 0), group.truths(argument, 1)) for argument in (0, 1))
    true, false = group.truth_out()

    def same(sheet: Sheet) -> None:
        truths = sheet.truths
        a, not_a, b, not_b = (pick(truths, rows) for rows in (at, af, bt, bf))
        truths[true], truths[false] = (a & b) | (not_a & not_b), (a & not_b) | (not_a & b)

    return same


def _list(index: Index) -> list[int]:
    found: list[int] = list(range(index.start, index.stop)) if isinstance(index, slice) else index.tolist()
    return found


_FAMILIES: Mapping[str, str] = {"less": "greater", "less_equal": "greater_equal", "or": "and"}
_MAKERS: Mapping[str, Callable[[Group, Places], Step]] = {
    "add": _arithmetic(np.add),
    "subtract": _arithmetic(np.subtract),
    "multiply": _arithmetic(np.multiply),
    "divide": _arithmetic(np.divide),
    "least": _arithmetic(np.minimum),
    "greatest": _arithmetic(np.maximum),
    "scale": _scale,
    "negative": _unary(np.negative),
    "abs": _unary(np.abs),
    "sqrt": _unary(np.sqrt),  # of a negative: NaN, unknown
    "greater": _ordered(np.greater, np.less_equal),
    "greater_equal": _ordered(np.greater_equal, np.less),
    "equal": _equal,
    "truth_of": _truth_of,
    "is": _is,
    "contains": _contains,
    "and": _logic,
    "same": _same,
}
