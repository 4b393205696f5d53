"""What each function of the language takes and gives; the table is the whole list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from plantroom import units
from plantroom.kinds import KindPoint, PointType
from plantroom.units import Dimension
from plantroom.yaml_file import nearest
from rules.graph import BARE, BOOL, PLAIN, SECONDS, Form, Scale, Type
from rules.language import Call, Name, Number, Tree
from rules.lexer import LARGEST_NUMBER

if TYPE_CHECKING:
    from rules.types import Typer

SHORTEST_WINDOW_S = 1.0
LONGEST_WINDOW_S = 35 * 86_400.0
WINDOWED = ("avg", "min", "max", "median", "std", "sum", "delta", "rate", "count", "rises", "falls", "on_time", "changed")
LEARNING = ("learned", "learned_spread")
FUNCTIONS = (*WINDOWED, *LEARNING, "duration", "since", "age", "stale", "has", "contains", "abs", "sqrt", "least", "greatest")
NEVER_OVER = float("inf")


class Functions:
    """Typing of calls for one Typer."""

    def __init__(self, typer: Typer) -> None:
        self._t = typer
        self.table: Mapping[str, Callable[[Call], int]] = {
            **dict.fromkeys(WINDOWED, self._windowed),
            **dict.fromkeys(LEARNING, self._learning),
            **dict.fromkeys(("duration", "since"), self._lasting),
            **dict.fromkeys(("age", "stale"), self._freshness),
            **dict.fromkeys(("least", "greatest"), self._choice),
            "has": self._has,
            "contains": self._contains,
            "abs": self._abs,
            "sqrt": self._sqrt,
        }

    # --- over the last stretch of time

    def _windowed(self, tree: Call) -> int:
        what, length = self._arguments(tree, 2, f"{tree.name}(what, 5m)")
        window = self._length(tree, length)
        if tree.name in ("rises", "falls", "on_time"):
            seconds = SECONDS if tree.name == "on_time" else PLAIN
            return self._moving(tree.name, self._t.truth(what), (window,), Type(Form.NUMBER, seconds), LARGEST_NUMBER)
        if tree.name in ("count", "changed"):
            kind = BOOL if tree.name == "changed" else Type(Form.NUMBER, PLAIN)
            return self._moving(tree.name, self._t.any(what), (window,), kind, LARGEST_NUMBER)
        node = self._t.number(what)
        data = (window, self._is_counter(node)) if tree.name in ("delta", "rate") else (window,)
        return self._moving(tree.name, node, data, self._window_type(tree, node), NEVER_OVER)

    def _moving(self, op: str, node: int, data: tuple[object, ...], kind: Type, bound: float) -> int:
        return self._t.graph.add(op, (node,), data, type=kind, static=False, bound=bound)

    def _length(self, tree: Call, length: Tree) -> float:
        if not isinstance(length, Number) or length.unit is None or units.dimension(length.unit) != SECONDS.dimension:
            self._t.wrong(length, f"the length of {tree.name}() is a length of time written out: {tree.name}(..., 5m)")
        window = units.convert(length.value, length.unit, "s")
        if not SHORTEST_WINDOW_S <= window <= LONGEST_WINDOW_S:
            self._t.wrong(length, f"the length of {tree.name}() is {SHORTEST_WINDOW_S:g}s to {LONGEST_WINDOW_S / 86_400:g}d")
        return window

    def _is_counter(self, node: int) -> bool:
        found = self._t.graph.nodes[node]
        return found.op == "point" and self._t.given.kind.points[str(found.data[0])].type is PointType.COUNTER

    def _window_type(self, tree: Call, node: int) -> Type:
        scale = self._t.type(node).scale
        if scale is None or tree.name in ("avg", "min", "max", "median"):
            return self._t.type(node)
        difference = Scale(Dimension(scale.dimension.powers), scale.factor)
        if tree.name in ("delta", "std"):
            return Type(Form.NUMBER, difference)
        if tree.name == "rate":
            return Type(Form.NUMBER, Scale(difference.dimension / SECONDS.dimension, scale.factor))
        if scale.dimension.absolute:
            self._t.wrong(tree, "a temperature cannot be summed over time; sum a difference")
        return Type(Form.NUMBER, Scale(scale.dimension * SECONDS.dimension, scale.factor))

    def _learning(self, tree: Call) -> int:
        """learned(x, 20h) or learned(x, while, 20h)."""
        if len(tree.arguments) not in (2, 3):
            self._t.wrong(tree, f"write {tree.name}(current, 20h), or {tree.name}(current, running, 20h): it counts while it runs")
        what, *condition, length = tree.arguments
        node = self._t.number(what)
        args = (node, *(self._t.truth(tree) for tree in condition))
        kind = self._t.type(node)
        if tree.name == "learned_spread" and kind.scale is not None:
            kind = Type(Form.NUMBER, Scale(Dimension(kind.scale.dimension.powers), kind.scale.factor))
        return self._t.graph.add(tree.name, args, (self._length(tree, length),), type=kind, static=False, bound=self._t.bound(node))

    def _lasting(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, f"{tree.name}(condition)")
        return self._moving(tree.name, self._t.truth(what), (), Type(Form.NUMBER, SECONDS), LARGEST_NUMBER)

    # --- about one point

    def _freshness(self, tree: Call) -> int:
        point = self._point(tree)
        kind = BOOL if tree.name == "stale" else Type(Form.NUMBER, SECONDS)
        return self._t.graph.add(tree.name, data=(point.name,), type=kind, static=False, bound=LARGEST_NUMBER)

    def _has(self, tree: Call) -> int:
        return self._t.graph.add("has", data=(self._point(tree).name,), type=BOOL, static=True)

    def _point(self, tree: Call) -> KindPoint:
        (what,) = self._arguments(tree, 1, f"{tree.name}(point)")
        points = self._t.given.kind.points
        if not isinstance(what, Name) or what.name not in points:
            near = nearest(what.name, points) if isinstance(what, Name) else ""
            self._t.wrong(what, f"{tree.name}() asks about one point of {self._t.given.kind.name} by its name{near}")
        return points[what.name]

    def _contains(self, tree: Call) -> int:
        what, word = self._arguments(tree, 2, "contains(alarms, low_fuel)")
        point = self._t.given.kind.points.get(what.name) if isinstance(what, Name) else None
        if point is None or point.type is not PointType.SET:
            self._t.wrong(what, "contains() asks a point that is a set of named values")
        if not isinstance(word, Name) or word.name not in point.codes:
            said = nearest(word.name, point.codes) if isinstance(word, Name) else ""
            self._t.wrong(word, f"is no member of {point.name}{said}")
        return self._t.graph.add("contains", (self._t.raw(point),), (point.codes[word.name],), type=BOOL)

    # --- plain arithmetic

    def _abs(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, "abs(a - b)")
        node = self._t.number(what)
        if self._t.absolute(node):
            self._t.wrong(what, "a temperature has no size without its zero; abs() takes a difference")
        return self._t.graph.add("abs", (node,), type=self._t.type(node), bound=self._t.bound(node))

    def _sqrt(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, "sqrt(x)")
        node = self._t.number(what)
        scale, bound = self._t.type(node).scale, max(1.0, self._t.bound(node))
        if scale is None:
            return self._t.graph.add("sqrt", (node,), type=BARE, bound=bound)
        if scale.dimension.absolute or any(power % 2 for _, power in scale.dimension.powers):
            self._t.wrong(what, f"the square root of {scale.dimension.name} has no unit; sqrt(a * a + b * b)")
        halved = Dimension(tuple((base, power // 2) for base, power in scale.dimension.powers))
        return self._t.graph.add("sqrt", (node,), type=Type(Form.NUMBER, Scale(halved, scale.factor**0.5)), bound=bound)

    def _choice(self, tree: Call) -> int:
        if len(tree.arguments) < 2:
            self._t.wrong(tree, f"write {tree.name}(a, b)")
        node = self._t.number(tree.arguments[0])
        for argument in tree.arguments[1:]:
            other = self._t.number(argument)
            self._t.meet(tree, node, other)
            bare = self._t.type(node).scale is None and self._t.type(other).scale is None
            left, right, scale = self._t.agreed(node, other)
            bound = max(self._t.bound(left), self._t.bound(right))
            node = self._t.graph.add(tree.name, (left, right), type=BARE if bare else Type(Form.NUMBER, scale), bound=bound)
        return node

    def _arguments(self, tree: Call, count: int, example: str) -> tuple[Tree, ...]:
        if len(tree.arguments) != count:
            self._t.wrong(tree, f"{tree.name}() takes {count} in its brackets, not {len(tree.arguments)}; write {example}")
        return tree.arguments
