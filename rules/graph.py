"""Checked expressions as one graph: typed nodes in the order of their computation, equal ones once for all rules of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from plantroom import units
from plantroom.units import Dimension


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


def in_unit(unit: str) -> Type:
    """A number of that unit. Raises KeyError where it is unknown."""
    found = units.unit(unit)
    return Type(Form.NUMBER, Scale(found.dimension, found.factor, found.offset))


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
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._spelled: dict[int, str] = {}

    def add(
        self,
        op: str,
        args: tuple[int, ...] = (),
        data: tuple[object, ...] = (),
        *,
        type: Type,
        bound: float = 1.0,
        static: bool | None = None,
    ) -> int:
        """The node; static is read off its arguments where it is not given."""
        key = (op, args, data, type)
        found = self._known.get(key)
        if found is None:
            still = all(self.nodes[a].static for a in args) if static is None else static
            found = self._known[key] = len(self.nodes)
            self.nodes.append(Node(op, args, data, type, still, bound))
        return found

    def below(self, *roots: int) -> list[int]:
        """The nodes and everything they are computed from, in order."""
        seen: set[int] = set()
        todo = list(roots)
        while todo:
            index = todo.pop()
            if index not in seen:
                seen.add(index)
                todo.extend(self.nodes[index].args)
        return sorted(seen)

    def spelled(self, index: int) -> str:
        """The expression written out, parameters by owner and name: who it is, over restarts and new rule versions."""
        if index not in self._spelled:
            for i in self.below(index):
                node = self.nodes[i]
                self._spelled[i] = f"{node.op}({','.join([*(self._spelled[a] for a in node.args), *map(str, node.data)])})"
        return self._spelled[index]

    def points(self, *roots: int) -> tuple[str, ...]:
        """Names of the points that are read, in graph order; `has(p)` reads none."""
        nodes = (self.nodes[i] for i in self.below(*roots))
        return tuple(dict.fromkeys(str(node.data[0]) for node in nodes if node.op in ("point", "age", "stale")))

    def asked(self, *roots: int) -> frozenset[str]:
        """Names of the points whose being there is asked for with has()."""
        return frozenset(str(self.nodes[i].data[0]) for i in self.below(*roots) if self.nodes[i].op == "has")
