"""What the rules have to say to a site file, with the line it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.site import Site
from plantroom.site_file import load_site
from rules.book import PREFIX, pack, rulebook
from rules.check import check, line_of

SITE = """\
site: {id: lab, name: Lab, zone: UTC, language: en, practice: gb}
equipment:
  - id: ahu-1
    kind: ahu
    name: A1
    parameters:
      filter_final_dp: 250
    rules_off:
      supply_temp_high: "no cooling before May"
  - {id: gen-1, kind: generator, name: G1, parameters: {low_fuel.limit: 40, not_in_auto.after: 2m}}
rules:
  parameters:
    low_oil_pressure: {limit: 120}
  off:
    fan_fail_to_start: "fans are watched elsewhere"
"""


def site(tmp_path: Path, text: str = SITE) -> Site:
    (tmp_path / "site.yaml").write_text(text)
    return load_site(tmp_path / "site.yaml")


def test_a_good_site_takes_the_texts_of_its_rules_along(tmp_path: Path) -> None:
    checked = check(site(tmp_path))
    assert list(checked.problems) == []
    assert all(file.startswith(PREFIX) for file in checked.files)
    book = rulebook(checked.files)
    assert {rule.id for rule in book.for_kind("generator")} == {rule.id for rule in pack().for_kind("generator")}
    assert {rule.applies_to for rule in book.for_kind("elevator")} == {("any",)}, "no lift, so none of their rules"
    assert {rule.id for rule in book.rules if rule.when_faults} == {rule.id for rule in pack().rules if rule.when_faults}
    assert book.on_event("journal_gap") is not None


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("filter_final_dp: 250", "filter_final: 250", 7, "no rule of kind ahu has a parameter 'filter_final'; did you mean 'filter_final_dp'"),
        ("filter_final_dp: 250", "filter_final_dp: 2500", 7, "2500 Pa is outside 50..600 that filter_dirty allows"),
        ("filter_final_dp: 250", "filter_final_dp: 12s", 7, "for filter_dirty: "),
        ("low_fuel.limit: 40", "low_fuel.limt: 40", 10, "did you mean 'low_fuel.limit'"),
        ("not_in_auto.after: 2m", "not_in_auto.after: 2h", 10, "7200 s is outside 10..1800 that not_in_auto allows"),
        ("      supply_temp_high:", "      supply_temp_hi:", 9, "no rule 'supply_temp_hi' watches kind ahu; did you mean 'supply_temp_high'"),
        ("      supply_temp_high:", "      low_fuel:", 9, "no rule 'low_fuel' watches kind ahu"),
        ("low_oil_pressure: {limit", "low_oil_pres: {limit", 13, "there is no rule 'low_oil_pres'; did you mean 'low_oil_pressure'"),
        ("{limit: 120}", "{limits: 120}", 13, "'limits' is no parameter of low_oil_pressure; did you mean 'limit'"),
        ("{limit: 120}", "{limit: 1200}", 13, "1200 kPa is outside 50..400"),
        ("    fan_fail_to_start:", "    fan_fail:", 15, "there is no rule 'fan_fail'"),
    ],
)  # fmt: skip
def test_a_name_or_number_no_rule_knows_is_a_problem_with_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    assert old in SITE
    (problem,) = check(site(tmp_path, SITE.replace(old, new))).problems
    assert (problem.file, problem.line) == ("site.yaml", line)
    assert says in problem.text


def test_a_word_a_template_hides_has_the_nearest_line_there_is() -> None:
    files = {"s.yaml": "a:\n  each: 1\n  x-{n}: 5\n  limit: 3\n"}
    assert line_of(files, "s.yaml", ["x-1", "limit"]) == 0
    assert line_of(files, "s.yaml", ["each", "nothing"]) == 2
    assert line_of(files, "s.yaml", ["limit"]) == 4
