"""Runs the tests inside rule files on the engine's own evaluator and a virtual second hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from plantroom.clock import NS
from plantroom.kinds import Kind, load_kind
from plantroom.model import Batch, Quality
from rules.condition import State
from rules.evaluate import KindEvaluator
from rules.rule import Rule, RuleTest
from rules.types import FACTS
from rules.virtual import machine

START_NS = 1_800_000_000 * NS


@dataclass(frozen=True, slots=True)
class Miss:
    """An expectation that did not hold."""

    file: str
    line: int
    test: str
    at_s: float
    expected: str
    was: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.test}: at {self.at_s:g}s expected {self.expected}, was {self.was}"


def run(rule: Rule) -> list[Miss]:
    """Every expectation of every test of a rule that does not hold."""
    return list(chain.from_iterable(run_test(rule, test, load_kind(test.kind)) for test in rule.tests))


def run_test(rule: Rule, test: RuleTest, kind: Kind) -> list[Miss]:
    """Samples at 0, every, 2 every ...; looks in between wherever time alone can change something, and one for each expectation."""
    needed = [name for entry in rule.needs for name in entry if len(entry) == 1 or name in test.series]
    given = {f"{rule.id}.{name}": value for name, value in test.parameters.items()}
    unit = machine(kind, dict.fromkeys(name for name in [*needed, *test.series] if name not in FACTS), test.every_s, given)
    evaluator = KindEvaluator(kind, [unit], [rule], polled=())
    samples = max(map(len, test.series.values()))
    instants = [(START_NS + round(n * test.every_s * NS), n) for n in range(samples)]
    asked = [(START_NS + round(at_s * NS), at_s) for at_s in test.expect]
    misses: list[Miss] = []
    for now, number, at_s in sorted([(at, n, -1.0) for at, n in instants] + [(at, samples, at_s) for at, at_s in asked]):
        _advance(evaluator, now)
        if at_s < 0:
            _sample(evaluator, test, number, now)
            continue
        evaluator.tick(now)
        state = evaluator.state(unit.id, rule.id)
        expected, line = test.expect[at_s]
        if state is not State(expected):
            misses.append(Miss(rule.file, line, test.name, at_s, expected, state.value))
    return misses


def _advance(evaluator: KindEvaluator, now_ns: int) -> None:
    """Ticks at whatever instants before now matter."""
    while (due := evaluator.due()) < now_ns:
        evaluator.tick(due)


def _sample(evaluator: KindEvaluator, test: RuleTest, number: int, now_ns: int) -> None:
    count = len(evaluator.columns)
    values = np.full((1, count), np.nan)
    quality = np.full((1, count), Batch.ABSENT, np.uint8)
    for name, series in test.series.items():
        sample = series[number]
        if name in FACTS:
            evaluator.tell({name: bool(sample.value) if sample.quality is Quality.GOOD else None})
        elif sample.quality is not None:
            values[0, evaluator.columns[name]] = sample.value if sample.quality is Quality.GOOD else np.nan
            quality[0, evaluator.columns[name]] = sample.quality
    if (quality == Batch.ABSENT).all():
        evaluator.tick(now_ns)
    else:
        evaluator.step(np.array([0]), np.array([now_ns], np.int64), values, quality)
