"""A rule and its parameters in people's words."""

from __future__ import annotations

import re

import pytest

from plantroom.plain_words import parameter_name
from plantroom.words import LANGUAGES, catalogue
from rules.book import pack

SHIPPED = {(rule.id, name) for rule in pack().rules for name in rule.parameters}


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_parameter_of_every_shipped_rule_has_words(lang: str) -> None:
    assert len(SHIPPED) > 600
    bare = sorted({name for _, name in SHIPPED if f"parameter.{name}" not in catalogue()})
    assert not bare, "add them to plantroom/words/parameters.yaml"
    assert not [one for one in SHIPPED if "_" in parameter_name(*one, lang) or lang == "zh" and re.search("[a-z]{2}", parameter_name(*one, lang))]


def test_no_words_for_parameters_that_no_shipped_rule_has() -> None:
    names = {name for _, name in SHIPPED}
    general = {key.removeprefix("parameter.") for key in catalogue() if key.startswith("parameter.")}
    of_rules = {tuple(key.split(".")[1:]) for key in catalogue() if key.startswith("parameter_of.")}
    assert general == names
    assert of_rules <= SHIPPED


@pytest.mark.parametrize(
    ("rule", "name", "zh", "en"),
    [
        ("low_fuel", "limit", "报警限值", "alarm limit"),
        ("slow_start", "limit", "启动时限", "to start within"),
        ("our_own", "limit", "报警限值", "alarm limit"),
        ("our_own", "backwash_dp", "backwash_dp", "backwash_dp"),
    ],
)
def test_a_rules_own_words_come_before_the_general_ones_and_without_any_its_name_stands(rule: str, name: str, zh: str, en: str) -> None:
    assert (parameter_name(rule, name, "zh"), parameter_name(rule, name, "en")) == (zh, en)
