"""Runs the tests inside rule files on the engine's own evaluator and a virtual second hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from plantroom.clock import NS
from plantroom.kinds import Kind, load_kind
from plantroom.model import Batch, Qualities, Quality, Values
from plantroom.site import Equipment
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
    """Every expectation of every test of a rule that does not hold, test by test."""
    misses = {test.name: list[Miss]() for test in rule.tests}
    for together in _groups(rule):
        for miss in _run(rule, together):
            misses[miss.test].append(miss)
    return list(chain.from_iterable(misses.values()))


def run_test(rule: Rule, test: RuleTest) -> list[Miss]:
    """One by itself."""
    return _run(rule, [test])


def _groups(rule: Rule) -> Iterator[Sequence[RuleTest]]:
    """Tests that can stand side by side, each a machine of its own: of one kind, with one second hand. What a test says of the whole site
    would hold for the others too, so such a test stands alone."""
    side_by_side: dict[tuple[str, float], list[RuleTest]] = {}
    for test in rule.tests:
        if any(name in FACTS for name in test.series):
            yield [test]
        else:
            side_by_side.setdefault((test.kind, test.every_s), []).append(test)
    yield from side_by_side.values()


def _run(rule: Rule, tests: Sequence[RuleTest]) -> list[Miss]:
    """Samples at 0, every, 2 every ...; looks in between wherever time alone can change something, and one for each expectation."""
    kind = load_kind(tests[0].kind)
    units = [_unit(rule, test, kind, f"{kind.name}-{row}") for row, test in enumerate(tests)]
    evaluator = KindEvaluator(kind, units, [rule], polled=())
    sampled: dict[int, list[tuple[int, int]]] = {}  # instant -> (row of the machine, number of the sample)
    asked: dict[int, list[tuple[int, float]]] = {}
    for row, test in enumerate(tests):
        for number in range(max(map(len, test.series.values()))):
            sampled.setdefault(START_NS + round(number * test.every_s * NS), []).append((row, number))
        for at_s in test.expect:
            asked.setdefault(START_NS + round(at_s * NS), []).append((row, at_s))
    misses: list[Miss] = []
    for now in sorted(sampled.keys() | asked.keys()):
        _advance(evaluator, now)
        looked = _sample(evaluator, tests, sampled.get(now, ()), now)
        if now in asked or not looked:
            evaluator.tick(now)
        for row, at_s in asked.get(now, ()):
            state = evaluator.state(units[row].id, rule.id)
            expected, line = tests[row].expect[at_s]
            if state is not State(expected):
                misses.append(Miss(rule.file, line, tests[row].name, at_s, expected, state.value))
    return misses


def _unit(rule: Rule, test: RuleTest, kind: Kind, name: str) -> Equipment:
    needed = [name for entry in rule.needs for name in entry if len(entry) == 1 or name in test.series]
    given = {f"{rule.id}.{name}": value for name, value in test.parameters.items()}
    return machine(kind, dict.fromkeys(point for point in [*needed, *test.series] if point not in FACTS), test.every_s, given, name)


def _advance(evaluator: KindEvaluator, now_ns: int) -> None:
    """Ticks at whatever instants before now matter."""
    while (due := evaluator.due()) < now_ns:
        evaluator.tick(due)


def _sample(evaluator: KindEvaluator, tests: Sequence[RuleTest], samples: Iterable[tuple[int, int]], now_ns: int) -> bool:
    """Whether every machine was looked at."""
    rows: list[int] = []
    lines: list[tuple[Values, Qualities]] = []
    for row, number in samples:
        values = np.full(len(evaluator.columns), np.nan)
        quality = np.full(len(evaluator.columns), Batch.ABSENT, np.uint8)
        for name, series in tests[row].series.items():
            sample = series[number]
            if name in FACTS:
                evaluator.tell({name: bool(sample.value) if sample.quality is Quality.GOOD else None})
            elif sample.quality is not None:
                values[evaluator.columns[name]] = sample.value if sample.quality is Quality.GOOD else np.nan
                quality[evaluator.columns[name]] = sample.quality
        if not (quality == Batch.ABSENT).all():
            rows.append(row)
            lines.append((values, quality))
    if rows:
        at = np.full(len(rows), now_ns, np.int64)
        evaluator.step(np.array(rows), at, np.stack([values for values, _ in lines]), np.stack([quality for _, quality in lines]))
    return len(rows) == len(tests)
