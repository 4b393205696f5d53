"""When will time alone turn a condition? `duration(c) > 12s` turns twelve seconds after c came true, without any new sample.

Only a table of history needs to know: live, there is a tick each second. For every yes/no node the seconds left until it may change,
infinite where time changes nothing: of two reasons that hold an `and` false, both must go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rules.graph import Graph, Node
from rules.program import Look, Program
from rules.windows import Floats

GROWING = ("duration", "since", "age", "silence", "polls_missed", "unchanged", "flat")
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal")
Left = Callable[[], Any]


class Turning:
    """left(look): the fewest seconds until any of the roots may change, after the program has run on that look; inf = never by itself."""

    def __init__(self, graph: Graph, program: Program, roots: Iterable[int]) -> None:
        self._graph, self._slots = graph, program.slots
        self._look: Look
        made: dict[int, Left | None] = {}
        for index, node in enumerate(graph.nodes):
            made[index] = self._made(node, made)
        self._roots = [left for root in dict.fromkeys(roots) if (left := made[root]) is not None]

    def left(self, look: Look) -> float:
        self._look = look
        with np.errstate(all="ignore"):
            return min((float(np.min(left())) for left in self._roots), default=math.inf)

    def _made(self, node: Node, made: dict[int, Left | None]) -> Left | None:
        if node.op in _COMPARISONS:
            return self._comparison(node)
        if node.op == "stale":
            return None  # the instant a point goes stale is known anyway
        inner = [made[a] for a in node.args]
        if node.op in ("and", "or") and all(left is not None for left in inner):
            return self._joined(node, inner[0], inner[1])  # type: ignore[arg-type]
        if node.op in ("and", "or") and any(left is not None for left in inner):
            return self._joined(node, inner[0] or _never, inner[1] or _never)
        some = [left for left in inner if left is not None]
        return some[0] if len(some) == 1 else (lambda: np.minimum(some[0](), some[1]())) if some else None

    def _comparison(self, node: Node) -> Left | None:
        slots, nodes = self._slots, self._graph.nodes
        for grows, limit in (node.args, node.args[::-1]):
            op = nodes[grows].op
            if op not in GROWING or not nodes[limit].static:
                continue
            inner = nodes[grows].args[0] if nodes[grows].args else -1

            def left(grows: int = grows, limit: int = limit, op: str = op, inner: int = inner) -> Any:
                look = self._look
                if op in ("silence", "polls_missed") and not look.silence_grows:
                    return math.inf
                rest = slots[limit] - slots[grows]
                if op in ("duration", "since"):
                    rest = np.where(slots[inner][op == "since"], rest, math.inf)
                elif op == "polls_missed":
                    rest = rest * np.where(look.polls_missed > 0, look.silence / look.polls_missed, math.nan)
                return np.where(rest >= 0, rest, math.inf)

            return left
        return None

    def _joined(self, node: Node, one: Left, other: Left) -> Left:
        (a, b), holds, slots = node.args, int(node.op == "and"), self._slots

        def left() -> Floats:
            """An `and` is held false by its false sides (an `or` true by its true ones): while there are such, all of them must turn."""
            x, y = one(), other()
            hold_a, hold_b = slots[a][holds], slots[b][holds]
            both = np.where(hold_a & hold_b, np.maximum(x, y), np.where(hold_a, x, y))
            found: Floats = np.where(hold_a | hold_b, both, np.minimum(x, y))
            return found

        return left


def _never() -> float:
    return math.inf
