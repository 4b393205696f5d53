"""How far back the rules in force look: what has to be read again where nothing remembers it.

Windows at their length; `duration`, `since`, `age`, `silence` and `polls_missed` as far as the limit they are compared with, at the
parameters the machines have; where they are used otherwise nobody can say, and the answer is FOREVER_S. Added up over an expression, for
one may stand inside another, with the rule's `for` and `clear_after`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rules.evaluate import KindEvaluator
from rules.graph import Graph, Node
from rules.rule import Rule
from rules.types import Given, condition

WINDOWS = frozenset({"avg", "min", "max", "sum", "delta", "rate", "count", "rises", "falls", "on_time", "median", "std", "changed"})
COUNTING = frozenset({"duration", "since", "age", "silence", "polls_missed", "unchanged", "flat"})
COMPARISONS = frozenset({"less", "less_equal", "greater", "greater_equal", "equal"})
FOREVER_S = float("inf")


def looks_back_s(evaluators: Iterable[KindEvaluator]) -> float:
    """At the longest, over all rules and machines; FOREVER_S where a rule's reach cannot be read off it."""
    return max((_reach_s(evaluator, rule) for evaluator in evaluators for rule in evaluator.rules), default=0.0)


def _reach_s(evaluator: KindEvaluator, rule: Rule) -> float:
    longest = _longest(evaluator, rule)
    period_s = max((binding.period_s for machine in evaluator.equipment for binding in machine.bindings), default=1.0)
    graph = Graph()
    given = Given(evaluator.kind, rule.id, {p.name: p.unit for p in rule.parameters.values()})
    for tree in (rule.when, rule.clear_when):
        if tree is not None:
            condition(tree, given, graph)
    reach = sum(float(str(node.data[0])) for node in graph.nodes if node.op in WINDOWS)
    asked: set[int] = set()
    for node in graph.nodes:
        if node.op in COMPARISONS:
            for side, other in (node.args, node.args[::-1]):
                if graph.nodes[side].op in COUNTING and graph.nodes[other].static:
                    asked.add(side)
                    limit = abs(_value(graph, graph.nodes[other], longest))
                    reach += limit * period_s if graph.nodes[side].op == "polls_missed" else limit
    if any(node.op in COUNTING and at not in asked for at, node in enumerate(graph.nodes)) or any(
        side in asked for node in graph.nodes if node.op not in COMPARISONS for side in node.args
    ):
        return FOREVER_S
    lengths = (longest.get(length, 0.0) if isinstance(length, str) else length for length in (rule.for_, rule.clear_after))
    return reach + sum(lengths)


def _longest(evaluator: KindEvaluator, rule: Rule) -> Mapping[str, float]:
    """The largest value of each parameter over the machines; one nobody gives counts for nothing."""
    number = evaluator.rules.index(rule)
    found: dict[str, float] = {}
    for row in range(len(evaluator.equipment)):
        for name, value in evaluator.parameters_of(number, row).items():
            if value == value:
                found[name] = max(found.get(name, value), value)
    return found


def _value(graph: Graph, node: Node, longest: Mapping[str, float]) -> float:
    """The largest a static number can be; of what else there is, FOREVER_S."""
    if node.op == "number":
        return float(str(node.data[0]))
    if node.op == "parameter":
        return longest.get(str(node.data[1]), 0.0)
    if node.op == "scale":
        return _value(graph, graph.nodes[node.args[0]], longest) * float(str(node.data[0])) + float(str(node.data[1]))
    return FOREVER_S
