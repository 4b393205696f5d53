"""What the console reads of the rules' texts is what the engine reads of them."""

from __future__ import annotations

from functools import cache

import pytest

from dashboards.console.rule_texts import rule_of, steps_of, title
from plantroom.site import Site
from plantroom.site_file import with_files
from rules.book import pack
from tests.kit.plant import tower

OWN = """\
id: low_fuel
applies_to: generator
replaces: true
parameters:
  limit: {unit: "%", range: [5, 50], source: ours}
  patience: {range: [5s, 50s], source: ours}
says: {zh: "自己的油位规则 {fuel_level:.0f} %", en: "Our own fuel rule, {fuel_level:.0f} %"}
tests: []
"""


@cache
def site(**more: str) -> Site:
    return with_files(tower(), {**tower().files, **pack().files, **{f"rules/site/{name}.yaml": text for name, text in more.items()}})


def test_every_shipped_rule_is_read_as_the_engine_reads_it() -> None:
    for rule in pack().rules:
        for kind in rule.applies_to:
            found = rule_of(site(), kind, rule.id)
            assert found is not None, rule.id
            assert dict(found.says) == dict(rule.says)
            assert {lang: steps_of(site(), kind, rule.id, lang) for lang in rule.steps} == dict(rule.steps)
            assert dict(found.units) == {name: parameter.unit for name, parameter in rule.parameters.items() if parameter.unit}


@pytest.mark.parametrize(
    ("rule", "zh", "en"),
    [
        ("device_offline", "失联", "No answer"),
        ("low_fuel", "发电机燃油不足", "Generator low on fuel"),
        ("gateway_offline", "线路中断 N/N 台失联", "Line down, N of N machines silent"),
        ("overspeed", "超速 / 发电机超速", "Overspeed / Generator runs too fast"),  # one id, two kinds of this site
        ("nobody_knows_it", "nobody_knows_it", "nobody_knows_it"),
    ],
)
def test_a_rule_in_words_without_the_values_of_a_moment(rule: str, zh: str, en: str) -> None:
    assert (title(site(), rule, "zh"), title(site(), rule, "en")) == (zh, en)


def test_a_sites_own_rule_comes_before_the_one_it_replaces() -> None:
    found = rule_of(site(fuel=OWN), "generator", "low_fuel")
    assert found is not None and found.units == {"limit": "%", "patience": "s"}
    assert title(site(fuel=OWN), "low_fuel", "en").startswith("Our own fuel rule")


def test_what_is_no_rule_and_no_site_hurts_nothing() -> None:
    assert title(site(odd="id: odd\n- 5"), "odd", "en") == "odd"
    assert steps_of(site(odd="id: odd\napplies_to: any\nsteps: {zh: 5, en: [[1], two]}"), "ahu", "odd", "en") == ("two",)
    assert steps_of(site(odd="id: odd\napplies_to: any\nsteps: 5"), "ahu", "odd", "zh") == () == steps_of(None, "ahu", "odd", "zh")
    assert title(site(odd="id: odd\nsays: 5\nparameters: [1]\n"), "odd", "zh") == "odd"
    assert (title(None, "low_fuel", "en"), rule_of(None, "generator", "low_fuel"), rule_of(site(), "generator", "no_such")) == ("low_fuel", None, None)
