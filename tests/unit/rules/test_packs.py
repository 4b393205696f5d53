"""The rules that ship: each proves itself, says itself in few words, and together they cover what was promised."""

from __future__ import annotations

import re
from dataclasses import replace
from random import Random

import pytest

from plantroom.errors import BadInput
from plantroom.messages import width
from plantroom.model import Severity
from rules import rule_test
from rules.book import PACKS, pack, parentless, rulebook
from rules.condition import State
from rules.lexer import LARGEST_NUMBER
from rules.rule import ANY, Parent, Rule

RULES = pack().rules
WATCHING = [rule for rule in RULES if rule.when is not None]
PROMISED = {
    "generator": {"fail_to_start", "not_in_auto", "low_fuel", "low_oil_pressure"},
    "fire_pump": {"controller_not_in_auto", "phase_loss", "running_no_pressure"},
    "elevator": {"passenger_entrapment", "lift_common_fault", "mode_left_in_inspection"},
    "ahu": {"fan_fail_to_start", "filter_dirty", "supply_temp_high"},
}
EVENTS = {"service_restarted", "clock_step", "journal_gap", "config_rejected", "journal_failed", "dead_letter", "delivery_failed", "record_skipped"}


def named(rule: Rule) -> str:
    return f"{rule.applies_to[0]}-{rule.id}"


def test_the_promised_rules_are_there() -> None:
    for kind, wanted in PROMISED.items():
        assert wanted | {"device_offline"} <= {rule.id for rule in pack().for_kind(kind)}
    assert {rule.on_event for rule in RULES if rule.on_event} >= EVENTS


@pytest.mark.parametrize("rule", WATCHING, ids=named)
def test_a_rule_shows_that_it_raises_stays_quiet_holds_through_a_gap_and_clears(rule: Rule) -> None:
    told = [[state for state, _ in test.expect.values()] for test in rule.tests]
    assert any("active" in states for states in told)
    assert any(set(states) <= {"cleared", "pending"} and states[-1] == "cleared" for states in told), "no test stays quiet"
    gaps = [
        states[-1]
        for test, states in zip(rule.tests, told, strict=True)
        if any(sample.quality != 0 for series in test.series.values() for sample in series)
    ]
    assert gaps, "no test with a gap of bad data"
    assert any("active" in states and states[-1] == "cleared" for states in told), "no test clears"


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_words_fit_an_alert_and_hold_no_tag_link_or_percentage(rule: Rule) -> None:
    values = {name: 1888.0 for name in _fields(rule)}
    for language, columns in (("zh", 30), ("en", 48)):
        said, do = rule.say(language, values), rule.first_step(language, values)
        assert width(said) <= columns, said
        assert width(do) <= (48 if language == "zh" else 64), do
        assert not re.search(r"%|https?:|_|\{", said + do)
    assert rule.id not in rule.say("en", values)


def _fields(rule: Rule) -> set[str]:
    return {name for text in (*rule.says.values(), *rule.do.values()) for name in re.findall(r"\{(\w+)", text)}


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_parameter_says_where_its_number_comes_from_and_what_a_site_may_set(rule: Rule) -> None:
    for parameter in rule.parameters.values():
        assert len(parameter.source) >= 8
        low, high = parameter.range
        assert -LARGEST_NUMBER < low < high < LARGEST_NUMBER


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_the_file_is_named_by_kind_and_rule(rule: Rule) -> None:
    assert rule.file == f"rules/packs/{rule.applies_to[0]}/{rule.id}.yaml"
    assert (PACKS / rule.applies_to[0] / f"{rule.id}.yaml").read_text("utf-8") == rule.text


def test_severities_are_those_of_the_catalogue() -> None:
    def of(kind: str, rule: str) -> Severity:
        found = pack().get(kind, rule)
        assert found is not None
        return found.severity_for(kind)

    assert of("elevator", "passenger_entrapment") is of("fire_pump", "running_no_pressure") is Severity.DANGER
    assert of("fire_pump", "device_offline") is of("generator", "not_in_auto") is Severity.READINESS
    assert of("elevator", "device_offline") is of("ahu", "filter_dirty") is Severity.NORMAL


def test_what_inhibits_a_rule_is_a_rule() -> None:
    assert [str(problem) for problem in parentless(RULES, RULES)] == []
    astray = replace(next(rule for rule in RULES if rule.id == "low_fuel"), inhibited_by=(Parent("fuel_nearly_emty", False),))
    assert "did you mean 'fuel_nearly_empty'" in str(next(parentless([astray], RULES)))


def test_a_broken_rule_fails_its_own_tests() -> None:
    """The control: a rule file whose number is wrong does not pass."""
    good = next(rule for rule in RULES if rule.id == "low_oil_pressure")
    broken = rulebook({good.file: good.text.replace("value: 124", "value: 60")}).rules[0]
    assert {miss.test for miss in rule_test.run(broken)} >= {"raised after two seconds", "holds through a gap"}
    assert str(rule_test.run(broken)[0]).startswith(f"{good.file}:23: raised after two seconds: at 20s expected pending, was cleared")
    impatient = replace(good, for_=5.0)
    assert rule_test.run_test(impatient, good.tests[0])


@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.soak) for n in range(2, 40))])
def test_tests_side_by_side_say_what_each_says_alone(seed: int) -> None:
    """Asked at any instant, and with most expectations wrong, so that what it was is compared."""
    random = Random(seed)
    said = 0
    for rule in random.sample(RULES, 6):
        asked = []
        for test in rule.tests:
            end_s = max(map(len, test.series.values())) * test.every_s
            expect = {at_s: (random.choice(list(State)).value, line) for at_s, (_, line) in test.expect.items()}
            asked.append(replace(test, expect=dict(sorted({**expect, **{random.uniform(0, end_s): ("active", 0) for _ in range(2)}}.items()))))
        several = replace(rule, tests=tuple(asked))
        together = rule_test.run(several)
        assert together == [miss for test in asked for miss in rule_test.run_test(several, test)]
        said += len(together)
    assert said > 30


def test_a_rule_id_is_unique_for_its_kind() -> None:
    good = next(rule for rule in RULES if rule.id == "low_fuel")
    with pytest.raises(BadInput, match="'low_fuel' for generator stands in rules/packs/a.yaml already"):
        rulebook({"rules/packs/a.yaml": good.text, "rules/packs/b.yaml": good.text})


def test_the_book_of_a_config_record_passes_other_texts_over() -> None:
    book = rulebook({"site.yaml": "no rule", **pack().files})
    assert book.ids == pack().ids
    assert {rule.id for rule in book.for_kind("fcu")} >= {"device_offline"}
    assert book.for_kind("monitor") == ()
    assert book.get("monitor", "clock_step") is book.on_event("clock_step") is not None
    assert book.on_event("no_such_thing") is None
    assert all(rule.covers(kind) is False for rule in RULES if rule.applies_to == (ANY,) for kind in ("monitor",))
