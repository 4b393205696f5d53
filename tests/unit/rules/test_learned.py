"""learned(): the median of sixty stretches of counted time; unknown before, fixed after, anew when a person says so."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.kinds import load_kind
from rules.evaluate import KindEvaluator
from rules.learned import STRETCHES, Learned
from rules.rule_file import parse_rule
from rules.types import FACTS
from rules.virtual import machine
from rules.windows import Span

EVERYONE = slice(None)


def fed(state: Learned, values: list[float], each_s: float, counts: list[bool] | None = None) -> Learned:
    for n, value in enumerate(values):
        passed = np.array([0 if n == 0 else round(each_s * NS)])
        truth = None if counts is None else (np.array([counts[n]]), np.array([not counts[n]]))
        state.update(Span(EVERYONE, np.array([n * round(each_s * NS)]), passed), np.array([value]), truth)
    return state


def test_it_is_unknown_until_the_warm_up_is_full_and_then_the_median() -> None:
    state = fed(Learned(1, 60.0), [10.0] * 60, 1.0)
    assert np.isnan(state.middle[0]) and state.progress(0) == pytest.approx(59 / 60)
    fed2 = fed(Learned(1, 60.0), [10.0] * 61, 1.0)
    assert (fed2.middle[0], fed2.spread[0], fed2.progress(0)) == (10.0, 0.0, 1.0)


def test_a_wild_quarter_of_it_changes_nothing() -> None:
    values = [10.0 if n % 4 else 500.0 for n in range(STRETCHES + 1)]
    state = fed(Learned(1, 60.0), values, 1.0)
    assert state.middle[0] == 10.0


def test_it_does_not_follow_what_comes_after() -> None:
    state = fed(Learned(1, 60.0), [10.0] * 61 + [99.0] * 500, 1.0)
    assert state.middle[0] == 10.0


def test_only_time_that_is_known_and_counts_warms_it() -> None:
    running = [n % 2 == 0 for n in range(121)]
    values = [10.0 if on else 77.0 for on in running]
    assert fed(Learned(1, 60.0), values, 1.0, running).middle[0] == 10.0
    assert np.isnan(fed(Learned(1, 60.0), [10.0] * 61, 1.0, running[:61]).middle[0])
    assert np.isnan(fed(Learned(1, 60.0), [10.0, float("nan")] * 31, 1.0).middle[0])


def test_relearn_begins_anew() -> None:
    state = fed(Learned(1, 60.0), [10.0] * 61, 1.0)
    state.relearn(0)
    assert np.isnan(state.middle[0]) and state.progress(0) == 0.0
    assert fed(state, [20.0] * 62, 1.0).middle[0] == 20.0


def test_the_spread_of_normal_noise_is_its_standard_deviation() -> None:
    noise = np.random.default_rng(1).normal(50.0, 2.0, STRETCHES + 1).tolist()
    state = fed(Learned(1, 60.0), noise, 1.0)
    assert state.middle[0] == pytest.approx(50.0, abs=1.0) and state.spread[0] == pytest.approx(2.0, rel=0.4)


RULE = """
id: draws_more
applies_to: pump
needs: [current, running]
when: running and current > 1.3 * learned(current, running, 1m) + 3 * learned_spread(current, running, 1m)
on_missing: hold
severity: advisory
says: {zh: 电流偏大, en: draws more than usual}
do: {zh: 查轴承, en: check the bearings}
tests:
  - {name: raised, every: 1s, running: true, current: "10 x70, 14 x10", expect: {69s: cleared, 70s: active}}
  - {name: quiet before it knows, every: 1s, running: true, current: "10 x30, 14 x10", expect: {39s: cleared}}
  - {name: quiet just below, every: 1s, running: true, current: "10 x70, 12.9 x10", expect: {79s: cleared}}
  - {name: the standing pump teaches nothing, every: 1s, running: "false x100, true x70", current: "0 x100, 10 x65, 14 x5", expect: {164s: cleared, 165s: active}}
"""


def test_a_rule_with_it_keeps_its_tests_and_its_memory_over_a_snapshot() -> None:
    from rules import rule_test

    rule = parse_rule(RULE, "x.yaml")
    assert [str(miss) for miss in rule_test.run(rule)] == []
    kind = load_kind("pump")

    def evaluator() -> KindEvaluator:
        return KindEvaluator(kind, [machine(kind, ["current", "running"], 1.0)], [rule])

    def look(of: KindEvaluator, second: int, current: float) -> list[object]:
        columns = np.array([of.columns["current"], of.columns["running"]])
        return list(of.step(np.array([0]), np.array([second * NS]), np.array([[current, 1.0]]), np.zeros((1, 2), np.uint8), columns))

    first = evaluator()
    for second in range(1, 70):
        look(first, second, 10.0)
    again = evaluator()
    again.restore(first.snapshot())
    assert look(again, 70, 14.0) and look(first, 70, 14.0)
    fresh = evaluator()
    assert not look(fresh, 70, 14.0)


def test_the_value_and_its_spread_share_what_they_learn() -> None:
    kind = load_kind("pump")
    of = KindEvaluator(kind, [machine(kind, ["current", "running"], 1.0)], [parse_rule(RULE, "x.yaml")])
    assert sum(isinstance(state, Learned) for state in of.program.states.values()) == 1


FACTUAL = """
id: runs_in_fire
applies_to: pump
needs: [running]
when: site_fire and running and not working_hours
on_missing: hold
severity: normal
says: {zh: 火灾中运行, en: runs in a fire}
do: {zh: 查, en: look}
tests:
  - {name: raised, every: 1s, running: true, site_fire: "false x5, true x5", working_hours: false, expect: {4s: cleared, 5s: active}}
  - {name: unknown raises nothing, every: 1s, running: "true x10", site_fire: bad, working_hours: false, expect: {9s: cleared}}
"""


def test_facts_of_the_site_are_told_in_tests_and_are_no_points() -> None:
    from rules import rule_test

    assert FACTS == ("site_fire", "working_hours")
    assert [str(miss) for miss in rule_test.run(parse_rule(FACTUAL, "x.yaml"))] == []
