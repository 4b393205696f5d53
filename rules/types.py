"""Tree -> checked graph: names found, units agreed and converted, every expression once. No input but ExpressionError comes out of it.

Units: a number is kept in the unit it is written in. Two quantities that meet must be of one dimension (a temperature compared with
a pressure is an error; so is degC with K), the other one is converted. A bare number takes the unit of what it is added to or
compared with: `oil_pressure > limit + 20` means 20 of the limit's unit. degC - degC is a difference in K.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from plantroom import units
from plantroom.kinds import Kind, KindPoint, PointType
from plantroom.units import Dimension
from plantroom.yaml_file import nearest
from rules.language import Among, Call, Minus, Name, Not, Number, Pair, Tree
from rules.lexer import LARGEST_NUMBER, ExpressionError

LONGEST_WINDOW_S = 35 * 86_400.0
SHORTEST_WINDOW_S = 1.0
DERIVED: Mapping[str, str] = {"silence": "s", "polls_missed": ""}
WINDOWED = ("avg", "min", "max", "median", "std", "sum", "delta", "rate", "count", "rises", "falls", "on_time", "changed")
FUNCTIONS = (*WINDOWED, "duration", "since", "age", "stale", "has", "contains", "abs", "sqrt", "least", "greatest")
WORDS = ("and", "or", "not", "in", "true", "false", *FUNCTIONS, *DERIVED)  # no point or parameter may be called so


class Form(Enum):
    NUMBER = "a number"
    BOOL = "a yes/no"
    ENUM = "one of named values"
    SET = "a set of named values"


@dataclass(frozen=True, slots=True)
class Scale:
    """SI value = value * factor + offset."""

    dimension: Dimension
    factor: float = 1.0
    offset: float = 0.0


PLAIN = Scale(Dimension())
SECONDS = Scale(units.dimension("s"))


@dataclass(frozen=True, slots=True)
class Type:
    """scale: of a number; None = a bare number that takes any unit. codes: of an enum or set."""

    form: Form
    scale: Scale | None = None
    codes: tuple[tuple[str, int], ...] = ()


BOOL = Type(Form.BOOL)
BARE = Type(Form.NUMBER)


@dataclass(frozen=True, slots=True)
class Node:
    """op over earlier nodes (args: their indexes). data: literals of the op. static: the same at every instant.

    bound: no known value is larger than this, so that overflow is guarded only where it can happen.
    """

    op: str
    args: tuple[int, ...]
    data: tuple[object, ...]
    type: Type
    static: bool
    bound: float


class Graph:
    """Nodes in the order of their computation; equal expressions of all rules of a kind stand once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[object, ...], int] = {}

    def add(
        self, op: str, args: tuple[int, ...] = (), data: tuple[object, ...] = (), *, type: Type, bound: float = 1.0, static: bool | None = None
    ) -> int:
        key = (op, args, data, type)
        found = self._known.get(key)
        if found is None:
            still = all(self.nodes[a].static for a in args) if static is None else static
            found = self._known[key] = len(self.nodes)
            self.nodes.append(Node(op, args, data, type, still, bound))
        return found

    def below(self, root: int) -> frozenset[int]:
        """The node and everything it is computed from."""
        seen: set[int] = set()
        todo = [root]
        while todo:
            index = todo.pop()
            if index not in seen:
                seen.add(index)
                todo.extend(self.nodes[index].args)
        return frozenset(seen)

    def points(self, root: int) -> tuple[str, ...]:
        """Names of the points an expression reads, in graph order; `has(p)` reads none."""
        nodes = (self.nodes[i] for i in sorted(self.below(root)))
        return tuple(dict.fromkeys(str(node.data[0]) for node in nodes if node.op in ("point", "age", "stale")))

    def asked(self, root: int) -> frozenset[str]:
        """Names of the points whose being there an expression asks for with has()."""
        return frozenset(str(self.nodes[i].data[0]) for i in self.below(root) if self.nodes[i].op == "has")


@dataclass(frozen=True, slots=True)
class Given:
    """What a rule's expressions may name. owner: the rule's id; parameters: name -> unit."""

    kind: Kind
    owner: str
    parameters: Mapping[str, str]


def condition(tree: Tree, given: Given, graph: Graph) -> int:
    """Adds a yes/no expression; its node. Raises ExpressionError."""
    return _Typer(given, graph).truth(tree)


class _Typer:
    def __init__(self, given: Given, graph: Graph) -> None:
        self._given, self._graph = given, graph
        self._functions: Mapping[str, Callable[[Call], int]] = {
            **dict.fromkeys(WINDOWED, self._windowed),
            **dict.fromkeys(("duration", "since"), self._lasting),
            **dict.fromkeys(("age", "stale"), self._freshness),
            **dict.fromkeys(("least", "greatest"), self._choice),
            "has": self._has,
            "contains": self._contains,
            "abs": self._abs,
            "sqrt": self._sqrt,
        }

    # --- what is wanted

    def truth(self, tree: Tree) -> int:
        node = self._any(tree)
        if self._type(node).form is not Form.BOOL:
            self._wrong(tree, f"is {self._said(node)} where a yes/no is wanted; compare it with something")
        return node

    def number(self, tree: Tree) -> int:
        node = self._any(tree)
        form = self._type(node).form
        if form is Form.BOOL:
            self._wrong(tree, "is a yes/no where a number is wanted; it stands alone: `pump_running`, `not pump_running`, on_time(pump_running, 1h)")
        if form is not Form.NUMBER:
            self._wrong(tree, f"is {form.value} where a number is wanted; compare it with one of its names")
        return node

    def _any(self, tree: Tree) -> int:
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
                return self._add("not", (self.truth(tree.of),), type=BOOL)
            case Among():
                return self._among(tree)
            case Pair():
                return self._pair(tree)

    # --- leaves

    def _literal(self, tree: Number) -> int:
        if tree.unit is None:
            return self._add("number", data=(tree.value,), type=BARE, bound=tree.value)
        unit = units.unit(tree.unit)
        scale = Scale(unit.dimension, unit.factor, unit.offset)
        return self._add("number", data=(tree.value,), type=Type(Form.NUMBER, scale), bound=tree.value)

    def _name(self, tree: Name) -> int:
        name = tree.name
        if name in self._given.parameters:
            unit = self._given.parameters[name]
            return self._add("parameter", data=(self._given.owner, name), type=_number(unit), static=True, bound=LARGEST_NUMBER)
        if point := self._given.kind.points.get(name):
            return self._point(point)
        if name in DERIVED:
            return self._add(name, type=_number(DERIVED[name]), static=False, bound=LARGEST_NUMBER)
        if name in ("true", "false"):
            return self._add("truth", data=(name == "true",), type=BOOL)
        known = [*self._given.parameters, *self._given.kind.points, *DERIVED]
        owner = self._given.kind.name
        return self._wrong(tree, f"{name!r} is no point of {owner}, no parameter and no value of what it is compared with{nearest(name, known)}")

    def _point(self, point: KindPoint) -> int:
        if point.type is PointType.BOOL:
            return self._add("truth_of", (self._raw(point),), type=BOOL)
        return self._raw(point)

    def _raw(self, point: KindPoint) -> int:
        form = {PointType.ENUM: Form.ENUM, PointType.SET: Form.SET}.get(point.type, Form.NUMBER)
        kind = Type(form, _number(point.unit).scale if form is Form.NUMBER else None, tuple(point.codes.items()))
        return self._add("point", data=(point.name,), type=kind, static=False, bound=LARGEST_NUMBER)

    # --- signs

    def _minus(self, tree: Minus) -> int:
        node = self.number(tree.of)
        if self._absolute(node):
            self._wrong(tree, "a temperature has no negative; take a difference")
        return self._add("negative", (node,), type=self._type(node), bound=self._bound(node))

    def _pair(self, tree: Pair) -> int:
        if tree.sign in ("and", "or"):
            return self._add(tree.sign, (self.truth(tree.left), self.truth(tree.right)), type=BOOL)
        if tree.sign in ("+", "-"):
            return self._sum(tree)
        if tree.sign in ("*", "/"):
            return self._product(tree)
        return self._comparison(tree)

    def _sum(self, tree: Pair) -> int:
        left, right = self.number(tree.left), self.number(tree.right)
        a, b = self._type(left).scale, self._type(right).scale
        kind: Type
        if a is None or b is None:
            if b is not None and b.dimension.absolute and tree.sign == "-":
                self._wrong(tree, "a temperature cannot be taken from a bare number; write the number with its unit, 20 degC")
            kind = Type(Form.NUMBER, a or b)
        else:
            result = a.dimension.plus(b.dimension) if tree.sign == "+" else a.dimension.minus(b.dimension)
            if result is None:
                self._disagree(tree, a, b)
            if a.dimension.absolute and not b.dimension.absolute:  # degC + K
                right = self._scaled(right, b.factor / a.factor, 0.0, Type(Form.NUMBER, Scale(b.dimension, a.factor)))
                kind = Type(Form.NUMBER, a)
            elif b.dimension.absolute and not a.dimension.absolute:  # K + degC
                left = self._scaled(left, a.factor / b.factor, 0.0, Type(Form.NUMBER, Scale(a.dimension, b.factor)))
                kind = Type(Form.NUMBER, b)
            else:
                left, right, scale = self._agreed(left, right)
                kind = Type(Form.NUMBER, Scale(result, scale.factor, scale.offset if result.absolute else 0.0))
        op = "add" if tree.sign == "+" else "subtract"
        return self._add(op, (left, right), type=kind, bound=self._bound(left) + self._bound(right))

    def _product(self, tree: Pair) -> int:
        left, right = self.number(tree.left), self.number(tree.right)
        a, b = self._type(left).scale, self._type(right).scale
        op = "multiply" if tree.sign == "*" else "divide"
        if a is None and b is None:
            kind = BARE
        else:
            one, other = a or PLAIN, b or PLAIN
            try:
                dimension = one.dimension * other.dimension if tree.sign == "*" else one.dimension / other.dimension
            except ValueError as error:
                self._wrong(tree, str(error))
            kind = Type(Form.NUMBER, Scale(dimension, one.factor * other.factor if tree.sign == "*" else one.factor / other.factor))
        bound = self._bound(left) * self._bound(right) if tree.sign == "*" else float("inf")
        return self._add(op, (left, right), type=kind, bound=bound)

    def _comparison(self, tree: Pair) -> int:
        named = self._compared_name(tree)
        if named is not None:
            return named
        left, right = self._any(tree.left), self._any(tree.right)
        forms = {self._type(left).form, self._type(right).form}
        equality = tree.sign in ("==", "!=")
        if forms == {Form.BOOL} and equality:
            same = self._add("same", (left, right), type=BOOL)
            return same if tree.sign == "==" else self._add("not", (same,), type=BOOL)
        if forms == {Form.ENUM} and equality:
            if self._type(left).codes != self._type(right).codes:
                self._wrong(tree, "compares two points with different names for their values")
        else:
            left, right = self.number(tree.left), self.number(tree.right)
            self._meet(tree, left, right)
            left, right, _ = self._agreed(left, right)
        op = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal", "==": "equal", "!=": "equal"}[tree.sign]
        node = self._add(op, (left, right), type=BOOL)
        return self._add("not", (node,), type=BOOL) if tree.sign == "!=" else node

    def _compared_name(self, tree: Pair) -> int | None:
        """`control_mode != auto`: a name that the other side's codes know, either way round."""
        for point, word in ((tree.left, tree.right), (tree.right, tree.left)):
            enum = self._enum_point(point)
            if enum is None or not isinstance(word, Name) or self._enum_point(word) is not None:
                continue
            if tree.sign not in ("==", "!="):
                self._wrong(tree, f"{enum.name} has names, not sizes; use == or !=")
            node = self._is(enum, (word,))
            return self._add("not", (node,), type=BOOL) if tree.sign == "!=" else node
        return None

    def _among(self, tree: Among) -> int:
        enum = self._enum_point(tree.of)
        if enum is None:
            return self._wrong(tree, "`in` asks a point with named values: control_mode in (auto, test)")
        return self._is(enum, tree.names)

    def _is(self, point: KindPoint, words: tuple[Name, ...]) -> int:
        for word in words:
            if word.name not in point.codes:
                self._wrong(word, f"{word.name!r} is no value of {point.name}{nearest(word.name, point.codes)}")
        codes = tuple(sorted({float(point.codes[word.name]) for word in words}))
        return self._add("is", (self._raw(point),), codes, type=BOOL)

    def _enum_point(self, tree: Tree) -> KindPoint | None:
        if not isinstance(tree, Name) or tree.name in self._given.parameters:
            return None
        point = self._given.kind.points.get(tree.name)
        return point if point is not None and point.type is PointType.ENUM else None

    # --- functions

    def _call(self, tree: Call) -> int:
        function = self._functions.get(tree.name)
        if function is None:
            self._wrong(tree, f"{tree.name}() is no function{nearest(tree.name, FUNCTIONS)}")
        return function(tree)

    def _windowed(self, tree: Call) -> int:
        """f(what, length of time): the last stretch of it."""
        what, length = self._arguments(tree, 2, f"{tree.name}(what, 5m)")
        if not isinstance(length, Number) or length.unit is None or units.dimension(length.unit) != SECONDS.dimension:
            self._wrong(length, f"the window of {tree.name}() is a length of time written out: {tree.name}(..., 5m)")
        window = units.convert(length.value, length.unit, "s")
        if not SHORTEST_WINDOW_S <= window <= LONGEST_WINDOW_S:
            self._wrong(length, f"a window is {SHORTEST_WINDOW_S:g}s to {LONGEST_WINDOW_S / 86_400:g}d long")
        if tree.name in ("rises", "falls", "on_time"):
            node, seconds = self.truth(what), SECONDS if tree.name == "on_time" else PLAIN
            return self._add(tree.name, (node,), (window,), type=Type(Form.NUMBER, seconds), static=False, bound=LARGEST_NUMBER)
        if tree.name in ("count", "changed"):
            node = self._any(what)
            kind = BOOL if tree.name == "changed" else Type(Form.NUMBER, PLAIN)
            return self._add(tree.name, (node,), (window,), type=kind, static=False, bound=LARGEST_NUMBER)
        node = self.number(what)
        found = self._graph.nodes[node]
        counter = found.op == "point" and self._given.kind.points[str(found.data[0])].type is PointType.COUNTER
        data = (window, counter) if tree.name in ("delta", "rate") else (window,)
        return self._add(tree.name, (node,), data, type=self._window_type(tree, node), static=False, bound=float("inf"))

    def _window_type(self, tree: Call, node: int) -> Type:
        scale = self._type(node).scale
        if scale is None or tree.name in ("avg", "min", "max", "median"):
            return self._type(node)
        difference = Scale(Dimension(scale.dimension.powers), scale.factor)
        if tree.name in ("delta", "std"):
            return Type(Form.NUMBER, difference)
        if tree.name == "rate":
            return Type(Form.NUMBER, Scale(difference.dimension / SECONDS.dimension, scale.factor))
        if scale.dimension.absolute:
            self._wrong(tree, "a temperature cannot be summed over time; sum a difference")
        return Type(Form.NUMBER, Scale(scale.dimension * SECONDS.dimension, scale.factor))

    def _lasting(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, f"{tree.name}(condition)")
        return self._add(tree.name, (self.truth(what),), type=Type(Form.NUMBER, SECONDS), static=False, bound=LARGEST_NUMBER)

    def _freshness(self, tree: Call) -> int:
        point = self._bare_point(tree)
        kind = BOOL if tree.name == "stale" else Type(Form.NUMBER, SECONDS)
        return self._add(tree.name, data=(point.name,), type=kind, static=False, bound=LARGEST_NUMBER)

    def _has(self, tree: Call) -> int:
        return self._add("has", data=(self._bare_point(tree).name,), type=BOOL, static=True)

    def _bare_point(self, tree: Call) -> KindPoint:
        (what,) = self._arguments(tree, 1, f"{tree.name}(point)")
        if not isinstance(what, Name) or what.name not in self._given.kind.points:
            self._wrong(what, f"{tree.name}() asks about one point of {self._given.kind.name} by its name")
        return self._given.kind.points[what.name]

    def _contains(self, tree: Call) -> int:
        what, word = self._arguments(tree, 2, "contains(alarms, low_fuel)")
        point = self._given.kind.points.get(what.name) if isinstance(what, Name) else None
        if point is None or point.type is not PointType.SET:
            self._wrong(what, "contains() asks a point that is a set of named values")
        if not isinstance(word, Name) or word.name not in point.codes:
            self._wrong(word, f"is no member of {point.name}{nearest(word.name if isinstance(word, Name) else '', point.codes)}")
        return self._add("contains", (self._raw(point),), (point.codes[word.name],), type=BOOL)

    def _abs(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, "abs(a - b)")
        node = self.number(what)
        if self._absolute(node):
            self._wrong(what, "a temperature has no size without its zero; abs() takes a difference")
        return self._add("abs", (node,), type=self._type(node), bound=self._bound(node))

    def _sqrt(self, tree: Call) -> int:
        (what,) = self._arguments(tree, 1, "sqrt(x)")
        node = self.number(what)
        scale = self._type(node).scale
        if scale is None:
            return self._add("sqrt", (node,), type=BARE, bound=self._bound(node))
        if scale.dimension.absolute or any(power % 2 for _, power in scale.dimension.powers):
            self._wrong(what, f"the square root of {scale.dimension.name} has no unit; sqrt(a * a + b * b)")
        halved = Dimension(tuple((base, power // 2) for base, power in scale.dimension.powers))
        return self._add("sqrt", (node,), type=Type(Form.NUMBER, Scale(halved, scale.factor**0.5)), bound=max(1.0, self._bound(node)))

    def _choice(self, tree: Call) -> int:
        if len(tree.arguments) < 2:
            self._wrong(tree, f"write {tree.name}(a, b)")
        node = self.number(tree.arguments[0])
        for argument in tree.arguments[1:]:
            other = self.number(argument)
            self._meet(tree, node, other)
            left, right, scale = self._agreed(node, other)
            kind = BARE if self._type(node).scale is None and self._type(other).scale is None else Type(Form.NUMBER, scale)
            node = self._add(tree.name, (left, right), type=kind, bound=max(self._bound(left), self._bound(right)))
        return node

    def _arguments(self, tree: Call, count: int, example: str) -> tuple[Tree, ...]:
        if len(tree.arguments) != count:
            self._wrong(tree, f"{tree.name}() takes {count} in its brackets, not {len(tree.arguments)}; write {example}")
        return tree.arguments

    # --- units

    def _meet(self, tree: Tree, left: int, right: int) -> None:
        a, b = self._type(left).scale, self._type(right).scale
        if a is not None and b is not None and a.dimension != b.dimension:
            self._disagree(tree, a, b)

    def _agreed(self, left: int, right: int) -> tuple[int, int, Scale]:
        """Both in one unit; what never changes is the one converted, so that it costs nothing."""
        a, b = self._type(left).scale, self._type(right).scale
        if a is None or b is None or (a.factor == b.factor and a.offset == b.offset):
            return left, right, a or b or PLAIN
        if self._graph.nodes[left].static and not self._graph.nodes[right].static:
            return self._converted(left, a, b), right, b
        return left, self._converted(right, b, a), a

    def _converted(self, node: int, source: Scale, target: Scale) -> int:
        factor, offset = source.factor / target.factor, (source.offset - target.offset) / target.factor
        return self._scaled(node, factor, offset, Type(Form.NUMBER, target))

    def _scaled(self, node: int, factor: float, offset: float, kind: Type) -> int:
        if factor == 1.0 and offset == 0.0:
            return node
        return self._add("scale", (node,), (factor, offset), type=kind, bound=self._bound(node) * abs(factor) + abs(offset))

    def _disagree(self, tree: Tree, a: Scale, b: Scale) -> NoReturn:
        self._wrong(tree, f"puts {a.dimension.name} together with {b.dimension.name}; they cannot be compared or added")

    # --- the graph

    def _add(
        self, op: str, args: tuple[int, ...] = (), data: tuple[object, ...] = (), *, type: Type, bound: float = 1.0, static: bool | None = None
    ) -> int:
        return self._graph.add(op, args, data, type=type, bound=bound, static=static)

    def _type(self, node: int) -> Type:
        return self._graph.nodes[node].type

    def _bound(self, node: int) -> float:
        return self._graph.nodes[node].bound

    def _absolute(self, node: int) -> bool:
        scale = self._type(node).scale
        return scale is not None and scale.dimension.absolute

    def _said(self, node: int) -> str:
        kind = self._type(node)
        return kind.scale.dimension.name if kind.form is Form.NUMBER and kind.scale is not None else kind.form.value

    def _wrong(self, tree: Tree, text: str) -> NoReturn:
        raise ExpressionError(tree.at, text)


def _number(unit: str) -> Type:
    found = units.unit(unit)
    return Type(Form.NUMBER, Scale(found.dimension, found.factor, found.offset))
