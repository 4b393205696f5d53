"""When will time alone turn a condition? `duration(c) > 12s` turns twelve seconds after c came true, without any new sample.

Only a table of history needs to know: live, there is a tick each second. For every yes/no node the seconds left until it may change,
infinite where time changes nothing: of two reasons that hold an `and` false, both must go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import numpy as np

from rules.graph import Graph, Node
from rules.look import Look
from rules.program import Program
from rules.windows import Floats

GROWING = ("duration", "since", "age", "silence", "polls_missed")
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")
NEVER = math.inf  # of every row: nothing is worked out with it
Left = Callable[[], Any]


class Turning:
    """Asked after the program has run on a look. Each node is worked out once; nodes that time cannot turn are not there at all."""

    def __init__(self, graph: Graph, program: Program, roots: Iterable[int]) -> None:
        self._graph, self._program = graph, program
        self._look: Look
        self._found: list[Any] = [None] * len(graph.nodes)
        self._leaves: list[tuple[int, Left]] = []  # comparisons of something that grows
        self._joined: list[tuple[int, Left]] = []  # what is made of them, in the order of the graph
        turns: set[int] = set()
        roots = dict.fromkeys(roots)
        for index in graph.below(*roots):
            if self._made(index, graph.nodes[index], turns):
                turns.add(index)
        self._roots = [root for root in roots if root in turns]

    def left(self, look: Look) -> float:
        """The fewest seconds until any of the roots may change; inf = never by itself."""
        return float(np.min(self.each(look)))

    def each(self, look: Look, within: Floats | None = None) -> Floats:
        """The same for each row of the look. within: s per row; inf is said of what grows past its limit only later."""
        self._look = look
        found = self._found
        with np.errstate(all="ignore"):
            for index, left in self._leaves:
                found[index] = left() if within is None else _soon(left(), within)
            for index, left in self._joined:
                found[index] = left()
        return np.broadcast_to(reduce(np.minimum, (found[root] for root in self._roots), np.asarray(math.inf)), look.span.now.shape)

    def _made(self, index: int, node: Node, turns: set[int]) -> bool:
        """Finds how to work a node out; False where time changes nothing about it."""
        if node.op in _COMPARISONS:
            left = self._comparison(node)
            if left is not None:
                self._leaves.append((index, left))
            return left is not None
        inner = [a for a in node.args if a in turns]
        if node.op == "stale" or not inner:
            return False  # the instant a point goes stale is known anyway
        found = self._found
        if node.op in ("and", "or"):
            self._joined.append((index, self._both(node, *(a in turns for a in node.args))))
        elif len(inner) == 1:
            self._joined.append((index, lambda: found[inner[0]]))
        else:
            self._joined.append((index, lambda: reduce(np.minimum, (found[a] for a in inner))))
        return True

    def _comparison(self, node: Node) -> Left | None:
        program, nodes = self._program, self._graph.nodes
        for grows, limit in (node.args, node.args[::-1]):
            op = nodes[grows].op
            if op not in GROWING or not nodes[limit].static:
                continue
            inner = nodes[grows].args[0] if nodes[grows].args else -1

            def left(grows: int = grows, limit: int = limit, op: str = op, inner: int = inner) -> Any:
                look = self._look
                rest = program.number(limit) - program.number(grows)
                if op in ("duration", "since"):
                    rest = np.where(program.truth(inner)[op == "since"], rest, math.inf)
                elif op == "polls_missed":
                    rest = rest * np.where(look.polls_missed > 0, look.silence / look.polls_missed, math.nan)
                if op in ("silence", "polls_missed"):
                    rest = np.where(look.silence_grows, rest, math.inf)
                return np.where(rest >= 0, rest, math.inf)

            return left
        return None

    def _both(self, node: Node, first: bool, second: bool) -> Left:
        (a, b), holds, program, found = node.args, int(node.op == "and"), self._program, self._found

        def left() -> Any:
            """An `and` is held false by its false sides (an `or` true by its true ones): while there are such, all of them must turn."""
            x, y = found[a] if first else NEVER, found[b] if second else NEVER
            if x is NEVER and y is NEVER:
                return NEVER
            hold_a, hold_b = program.truth(a)[holds], program.truth(b)[holds]
            both = np.where(hold_a & hold_b, np.maximum(x, y), np.where(hold_a, x, y))
            return np.where(hold_a | hold_b, both, np.minimum(x, y))

        return left


def _soon(left: Floats, within: Floats) -> Any:
    near = left <= within
    return np.where(near, left, math.inf) if near.any() else NEVER
