"""Tree -> checked graph: names found, units agreed and converted. Nothing but ExpressionError comes out of it.

Units: a number is kept in the unit it is written in. Two quantities that meet must be of one dimension (a temperature compared with
a pressure is an error; so is degC with K), the other one is converted. A bare number takes the unit of what it is added to or
compared with: `oil_pressure > limit + 20` means 20 of the limit's unit. degC - degC is a difference in K.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from plantroom.kinds import Kind, KindPoint, PointType
from plantroom.yaml_file import nearest
from rules import vitals
from rules.functions import FUNCTIONS, Functions
from rules.graph import BARE, BOOL, PLAIN, Form, Graph, Scale, Type, in_unit
from rules.language import Among, Call, Minus, Name, Not, Number, Pair, Tree
from rules.lexer import LARGEST_NUMBER, ExpressionError

DERIVED: Mapping[str, str] = {"silence": "s", "polls_missed": "", **vitals.NAMES}
FACTS = ("site_fire", "working_hours")  # what holds for the whole site, told to every machine with each tick: rules/facts.py
WORDS = ("and", "or", "not", "in", "true", "false", *FUNCTIONS, *DERIVED)  # no point or parameter may be called so
_NO_VALUE = ("nan", "null", "none", "nil", "unknown", "bad")  # what people write who want to ask whether a value is there
_COMPARES = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "equal"}


@dataclass(frozen=True, slots=True)
class Given:
    """What a rule's expressions may name. owner: the rule's id; parameters: name -> unit."""

    kind: Kind
    owner: str
    parameters: Mapping[str, str]


def condition(tree: Tree, given: Given, graph: Graph) -> int:
    """Adds a yes/no expression; its node. Raises ExpressionError."""
    return Typer(given, graph).truth(tree)


class Typer:
    def __init__(self, given: Given, graph: Graph) -> None:
        self.given, self.graph = given, graph
        self._functions = Functions(self).table

    # --- what is wanted

    def truth(self, tree: Tree) -> int:
        node = self.any(tree)
        if self.type(node).form is not Form.BOOL:
            self.wrong(tree, f"is {self._said(node)} where a yes/no is wanted; compare it with something")
        return node

    def number(self, tree: Tree) -> int:
        node = self.any(tree)
        form = self.type(node).form
        if form is Form.BOOL:
            self.wrong(tree, "is a yes/no where a number is wanted; a yes/no stands alone: `pump_running`, on_time(pump_running, 1h)")
        if form is not Form.NUMBER:
            self.wrong(tree, f"is {form.value} where a number is wanted; compare it with one of its names")
        return node

    def any(self, tree: Tree) -> int:
        match tree:
            case Number():
                return self._literal(tree)
            case Name():
                return self._name(tree)
            case Call():
                return self._call(tree)
            case Minus():
                return self._minus(tree)
            case Not():
                return self._not(self.truth(tree.of))
            case Among():
                return self._among(tree)
            case Pair():
                return self._pair(tree)

    # --- leaves

    def _literal(self, tree: Number) -> int:
        kind = BARE if tree.unit is None else in_unit(tree.unit)
        return self.graph.add("number", data=(tree.value,), type=kind, bound=tree.value)

    def _name(self, tree: Name) -> int:
        name, given = tree.name, self.given
        if name in given.parameters:
            kind = in_unit(given.parameters[name])
            return self.graph.add("parameter", data=(given.owner, name), type=kind, static=True, bound=LARGEST_NUMBER)
        if point := given.kind.points.get(name):
            raw = self.raw(point)
            return self.graph.add("truth_of", (raw,), type=BOOL) if point.type is PointType.BOOL else raw
        if name in DERIVED:
            return self.graph.add(name, type=in_unit(DERIVED[name]), static=False, bound=LARGEST_NUMBER)
        if name in FACTS:
            return self.graph.add("fact", data=(name,), type=BOOL, static=False)
        if name in ("true", "false"):
            return self.graph.add("truth", data=(name == "true",), type=BOOL)
        if name in _NO_VALUE:
            said = "is no value here: what is not known is unknown by itself; ask age(point), stale(point) or `silence`"
            return self.wrong(tree, f"{name!r} {said}")
        near = nearest(name, [*given.parameters, *given.kind.points, *DERIVED, *FACTS])
        return self.wrong(tree, f"{name!r} is no point of {given.kind.name}, no parameter and no value of what it is compared with{near}")

    def raw(self, point: KindPoint) -> int:
        form = {PointType.ENUM: Form.ENUM, PointType.SET: Form.SET}.get(point.type, Form.NUMBER)
        kind = Type(form, in_unit(point.unit).scale if form is Form.NUMBER else None, tuple(point.codes.items()))
        return self.graph.add("point", data=(point.name,), type=kind, static=False, bound=LARGEST_NUMBER)

    def _call(self, tree: Call) -> int:
        typed = self._functions.get(tree.name)
        if typed is None:
            self.wrong(tree, f"{tree.name}() is no function{nearest(tree.name, FUNCTIONS)}")
        return typed(tree)

    # --- signs

    def _minus(self, tree: Minus) -> int:
        node = self.number(tree.of)
        if self.absolute(node):
            self.wrong(tree, "a temperature has no negative; take a difference")
        return self.graph.add("negative", (node,), type=self.type(node), bound=self.bound(node))

    def _not(self, node: int) -> int:
        return self.graph.add("not", (node,), type=BOOL)

    def _pair(self, tree: Pair) -> int:
        if tree.sign in ("and", "or"):
            return self.graph.add(tree.sign, (self.truth(tree.left), self.truth(tree.right)), type=BOOL)
        if tree.sign in ("+", "-"):
            return self._sum(tree)
        if tree.sign in ("*", "/"):
            return self._product(tree)
        return self._comparison(tree)

    def _sum(self, tree: Pair) -> int:
        left, right = self.number(tree.left), self.number(tree.right)
        a, b = self.type(left).scale, self.type(right).scale
        if a is None or b is None:
            if b is not None and b.dimension.absolute and tree.sign == "-":
                self.wrong(tree, "a temperature cannot be taken from a bare number; write the number with its unit, 20 degC")
            kind = Type(Form.NUMBER, a or b)
        else:
            left, right, kind = self._summed(tree, left, right, a, b)
        op = "add" if tree.sign == "+" else "subtract"
        return self.graph.add(op, (left, right), type=kind, bound=self.bound(left) + self.bound(right))

    def _summed(self, tree: Pair, left: int, right: int, a: Scale, b: Scale) -> tuple[int, int, Type]:
        result = a.dimension.plus(b.dimension) if tree.sign == "+" else a.dimension.minus(b.dimension)
        if result is None:
            self._disagree(tree, a, b)
        if a.dimension.absolute and not b.dimension.absolute:  # degC + K
            right = self._scaled(right, b.factor / a.factor, 0.0, Type(Form.NUMBER, Scale(b.dimension, a.factor)))
            return left, right, Type(Form.NUMBER, a)
        if b.dimension.absolute and not a.dimension.absolute:  # K + degC
            left = self._scaled(left, a.factor / b.factor, 0.0, Type(Form.NUMBER, Scale(a.dimension, b.factor)))
            return left, right, Type(Form.NUMBER, b)
        left, right, scale = self.agreed(left, right)
        return left, right, Type(Form.NUMBER, Scale(result, scale.factor, scale.offset if result.absolute else 0.0))

    def _product(self, tree: Pair) -> int:
        left, right = self.number(tree.left), self.number(tree.right)
        a, b = self.type(left).scale, self.type(right).scale
        times = tree.sign == "*"
        kind = BARE
        if a is not None or b is not None:
            one, other = a or PLAIN, b or PLAIN
            try:
                dimension = one.dimension * other.dimension if times else one.dimension / other.dimension
            except ValueError as error:
                self.wrong(tree, str(error))
            kind = Type(Form.NUMBER, Scale(dimension, one.factor * other.factor if times else one.factor / other.factor))
        bound = self.bound(left) * self.bound(right) if times else float("inf")
        return self.graph.add("multiply" if times else "divide", (left, right), type=kind, bound=bound)

    # --- comparisons

    def _comparison(self, tree: Pair) -> int:
        named = self._compared_name(tree)
        if named is not None:
            return named
        left, right = self.any(tree.left), self.any(tree.right)
        forms = {self.type(left).form, self.type(right).form}
        equality = tree.sign in ("==", "!=")
        if forms == {Form.BOOL} and equality:
            node = self.graph.add("same", (left, right), type=BOOL)
        else:
            if forms == {Form.ENUM} and equality:
                if self.type(left).codes != self.type(right).codes:
                    self.wrong(tree, "compares two points with different names for their values")
            else:
                left, right = self.number(tree.left), self.number(tree.right)
                self.meet(tree, left, right)
                left, right, _ = self.agreed(left, right)
            node = self.graph.add(_COMPARES[tree.sign], (left, right), type=BOOL)
        return self._not(node) if tree.sign == "!=" else node

    def _compared_name(self, tree: Pair) -> int | None:
        """`control_mode != auto`: a name that the other side's codes know, either way round."""
        for side, word in ((tree.left, tree.right), (tree.right, tree.left)):
            point = self._enum_point(side)
            if point is None or not isinstance(word, Name) or self._enum_point(word) is not None:
                continue
            if tree.sign not in ("==", "!="):
                self.wrong(tree, f"{point.name} has names, not sizes; use == or !=")
            node = self._is(point, (word,))
            return self._not(node) if tree.sign == "!=" else node
        return None

    def _among(self, tree: Among) -> int:
        point = self._enum_point(tree.of)
        if point is None:
            self.wrong(tree, "`in` asks a point with named values: control_mode in (auto, test)")
        return self._is(point, tree.names)

    def _is(self, point: KindPoint, words: tuple[Name, ...]) -> int:
        for word in words:
            if word.name not in point.codes:
                self.wrong(word, f"{word.name!r} is no value of {point.name}{nearest(word.name, point.codes)}")
        codes = tuple(sorted({float(point.codes[word.name]) for word in words}))
        return self.graph.add("is", (self.raw(point),), codes, type=BOOL)

    def _enum_point(self, tree: Tree) -> KindPoint | None:
        if not isinstance(tree, Name) or tree.name in self.given.parameters:
            return None
        point = self.given.kind.points.get(tree.name)
        return point if point is not None and point.type is PointType.ENUM else None

    # --- units

    def meet(self, tree: Tree, left: int, right: int) -> None:
        """Both of one dimension, or an error."""
        a, b = self.type(left).scale, self.type(right).scale
        if a is not None and b is not None and a.dimension != b.dimension:
            self._disagree(tree, a, b)

    def agreed(self, left: int, right: int) -> tuple[int, int, Scale]:
        """Both in one unit; what never changes is the one converted, so that it costs nothing."""
        a, b = self.type(left).scale, self.type(right).scale
        if a is None or b is None or (a.factor == b.factor and a.offset == b.offset):
            return left, right, a or b or PLAIN
        if self.graph.nodes[left].static and not self.graph.nodes[right].static:
            return self._converted(left, a, b), right, b
        return left, self._converted(right, b, a), a

    def _converted(self, node: int, source: Scale, target: Scale) -> int:
        factor, offset = source.factor / target.factor, (source.offset - target.offset) / target.factor
        return self._scaled(node, factor, offset, Type(Form.NUMBER, target))

    def _scaled(self, node: int, factor: float, offset: float, kind: Type) -> int:
        if factor == 1.0 and offset == 0.0:
            return node
        return self.graph.add("scale", (node,), (factor, offset), type=kind, bound=self.bound(node) * abs(factor) + abs(offset))

    def _disagree(self, tree: Tree, a: Scale, b: Scale) -> NoReturn:
        self.wrong(tree, f"puts {a.dimension.name} together with {b.dimension.name}; they cannot be compared or added")

    # --- the graph

    def type(self, node: int) -> Type:
        return self.graph.nodes[node].type

    def bound(self, node: int) -> float:
        return self.graph.nodes[node].bound

    def absolute(self, node: int) -> bool:
        scale = self.type(node).scale
        return scale is not None and scale.dimension.absolute

    def _said(self, node: int) -> str:
        kind = self.type(node)
        return kind.scale.dimension.name if kind.form is Form.NUMBER and kind.scale is not None else kind.form.value

    def wrong(self, tree: Tree, text: str) -> NoReturn:
        raise ExpressionError(tree.at, text)
