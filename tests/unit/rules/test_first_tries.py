"""What somebody who writes his first rule gets wrong, and what he is told."""

from __future__ import annotations

import pytest

from plantroom.errors import BadInput
from rules.quantities import quantity
from rules.rule_file import parse_rule

RULE = """id: oil_low
applies_to: generator
needs: [oil_pressure]
when: oil_pressure < limit
parameters:
  limit: {value: 124, unit: kPa, range: [50, 400], source: ours}
for: 2s
on_missing: hold
severity: normal
says: {zh: "机油压力低", en: "Low oil pressure"}
do: {zh: "停机", en: "Stop it"}
"""


@pytest.mark.parametrize(
    ("tests", "says"),
    [
        ("", r"oil_low.yaml: tests: is missing; show that the rule raises"),
        ("tests: []\n", r"oil_low.yaml:12: tests: is empty; show that the rule raises"),
    ],
)
def test_a_rule_that_proves_nothing_is_not_loaded(tests: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_rule(RULE + tests, "oil_low.yaml")


@pytest.mark.parametrize(
    ("written", "unit", "example"), [(".nan", "%", "20 %"), ("much", "kPa", "20 kPa"), ("a while", "s", "12s"), ("a few", "", "20")]
)
def test_what_is_no_quantity_is_answered_with_an_example(written: str, unit: str, example: str) -> None:
    with pytest.raises(ValueError, match=rf"is no quantity; write a number, as in {example}$"):
        quantity(written, unit)


ONE_TEST = 'tests: [{name: low, every: EVERY, oil_pressure: "300 x5, 80 x9", expect: {4s: cleared, 8s: active}}]\n'


def test_a_misspelt_kind_is_the_only_problem_it_makes() -> None:
    text = RULE.replace("generator", "generators").replace("Low oil pressure", "Low oil pressure {oil_pressure:.0f}")
    with pytest.raises(BadInput) as error:
        parse_rule(text + ONE_TEST.replace("EVERY", "1s"), "oil_low.yaml")
    assert [problem.where for problem in error.value.problems] == ["applies_to"]


def test_samples_that_take_no_time_are_refused() -> None:
    with pytest.raises(BadInput, match=r":12: tests\[1\]\.every: is 0; write how far apart the samples are"):
        parse_rule(RULE + ONE_TEST.replace("EVERY", "0s"), "oil_low.yaml")
