"""A new configuration takes over from the old one at its place in the order: what is the same goes on, the rest starts or ends visibly.

Samples and device answers are kept. A remembered expression is kept where it and its parameters are the same. A condition is kept where
rule and parameters are the same; with a changed rule a pending one starts anew and an open fault stays open and is judged by the new
rule; one whose rule or machine is gone is withdrawn.
"""

from __future__ import annotations

import numpy as np

from rules.condition import Transition
from rules.conditions import CLEARED, PENDING
from rules.evaluate import KindEvaluator
from rules.windows import Pairs


def adopt(new: KindEvaluator, old: KindEvaluator, now_ns: int) -> list[Transition]:
    """Moves what stays; the transitions of what ends. `new` has seen nothing yet, `old` is not used again."""
    both = sorted(new.rows.keys() & old.rows.keys())
    pairs = np.array([new.rows[m] for m in both], np.intp), np.array([old.rows[m] for m in both], np.intp)
    new.inherit(old, pairs)
    return _conditions(new, old, pairs, now_ns)


def _conditions(new: KindEvaluator, old: KindEvaluator, pairs: Pairs, now_ns: int) -> list[Transition]:
    numbers = {rule.id: number for number, rule in enumerate(new.rules)}
    place = dict(zip(pairs[1].tolist(), pairs[0].tolist(), strict=True))
    target, source = new.held, old.held
    gone: list[tuple[int, int]] = []
    dropped: list[tuple[int, int]] = []
    for old_rule, row in np.argwhere(source.state != CLEARED).tolist():
        rule = old.rules[old_rule]
        number, to = numbers.get(rule.id), place.get(row)
        if number is None or to is None or not target.applies[number, to]:
            gone.append((old_rule, row))
        elif new.rules[number].hash == rule.hash and new.parameters_of(number, to) == old.parameters_of(old_rule, row):
            for name, array in target.arrays():
                array[number, to] = dict(source.arrays())[name][old_rule, row]
        elif source.state[old_rule, row] == PENDING:
            dropped.append((old_rule, row))
        else:
            target.open(number, to, int(source.onset[old_rule, row]))
    return old.withdraw(now_ns, only=gone + dropped)
