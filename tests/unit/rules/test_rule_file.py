"""A rule file: complete ones are read, every mistake is named with its line and what to write."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from plantroom.errors import BadInput
from plantroom.model import Quality, Severity
from rules.book import pack
from rules.quantities import quantity
from rules.rule import OnMissing, Rule
from rules.rule_file import parse_rule

GOOD = """\
id: low_oil_pressure
applies_to: generator
needs: [oil_pressure, engine_speed]
when: engine_speed > 300 and duration(engine_speed > 300) > safety_on and oil_pressure < limit
parameters:
  limit: {value: 103, unit: kPa, range: [50, 300], source: "SmartGen default; standards.md B"}
  safety_on: {value: 12s, range: [5s, 30s], source: DSE704}
for: 2s
clear_when: oil_pressure > limit + 20
clear_after: 10s
on_missing: hold
severity: readiness
disables: [standby_power]
says: {zh: "油压低 {oil_pressure:.0f} kPa", en: "Low oil pressure {oil_pressure:.0f} kPa"}
do: {zh: "停机检查油位、油压传感器", en: "Stop, check oil level and sender"}
tests:
  - {name: raised, every: 1s, engine_speed: "1500 x30", oil_pressure: "300 x20, 80 x10", expect: {19s: cleared, 20s: pending, 22s: active}}
"""


def problems(text: str) -> list[str]:
    with pytest.raises(BadInput) as caught:
        parse_rule(text, "r.yaml")
    return [str(problem) for problem in caught.value.problems]


def test_the_complete_example_is_read() -> None:
    rule = parse_rule(GOOD, "r.yaml")
    assert (rule.id, rule.applies_to, rule.needs) == ("low_oil_pressure", ("generator",), (("oil_pressure",), ("engine_speed",)))
    assert (rule.for_, rule.clear_after, rule.on_missing) == (2.0, 10.0, OnMissing.HOLD)
    assert rule.severity_for("generator") is Severity.READINESS
    assert {name: (p.value, p.unit, p.range) for name, p in rule.parameters.items()} == {
        "limit": (103.0, "kPa", (50.0, 300.0)), "safety_on": (12.0, "s", (5.0, 30.0))
    }  # fmt: skip
    assert rule.say("zh", {"oil_pressure": 80.4}) == "油压低 80 kPa"
    assert rule.say("en", {"oil_pressure": float("nan")}) == "Low oil pressure unknown kPa"
    assert rule.first_step("en", {}) == "Stop, check oil level and sender"
    (test,) = rule.tests
    assert [len(series) for series in test.series.values()] == [30, 30]
    assert test.expect == {19.0: ("cleared", 17), 20.0: ("pending", 17), 22.0: ("active", 17)}
    assert len(rule.hash) == 16
    assert parse_rule(GOOD.replace("103", "104"), "r.yaml").hash != rule.hash


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("id: low_oil_pressure", "id: Low", r"r\.yaml:1: id: 'Low' is no name"),
        ("applies_to: generator", "applies_to: genrator", r":2: applies_to: 'genrator' is no kind; did you mean 'generator'"),
        ("applies_to: generator", "applies_to: [generator, ahu]", r":3: needs: 'oil_pressure' is no point of ahu"),
        ("[oil_pressure, engine_speed]", "[oil_presure, engine_speed]", r":3: needs: 'oil_presure' is no point of generator; did you mean 'oil_pressure'"),
        ("[oil_pressure, engine_speed]", "[engine_speed]", r":4: when: reads oil_pressure, which is neither in `needs` nor asked for with has"),
        ("[oil_pressure, engine_speed]", "[oil_pressure, engine_speed, coolant_temp]", r":3: needs: coolant_temp is needed but never read"),
        ("[oil_pressure, engine_speed]", "oil_pressure", r":3: needs: must be a list"),
        ("< limit\n", "< coolant_temp\n", r":4: when: at character 82 near '< coolant_temp': puts pressure together with temperature"),
        ("> limit + 20", "> limt + 20", r":9: clear_when: at character 16 near 'limt \+ 20': 'limt' is no point .*did you mean 'limit'"),
        ("when: engine_speed > 300 and", "when: engine_speed > 300 und", r":4: when: at character 20"),
        ("clear_when: oil_pressure > limit + 20", "clear_when: limit > 5 kPa", r":9: clear_when: never changes"),
        ("limit: {value: 103", "limit: {value: 400", r":6: parameters\.limit\.value: 400 is outside its own range \[50, 300\]"),
        ("unit: kPa", "unit: kpa", r":6: parameters\.limit\.unit: 'kpa' is no unit; did you mean 'kPa'"),
        ("range: [50, 300]", "range: [300, 50]", r":6: parameters\.limit\.range: runs backwards"),
        ("range: [50, 300], ", "", r":6: parameters\.limit\.range: is missing"),
        (', source: "SmartGen default; standards.md B"', "", r":6: parameters\.limit\.source: is missing"),
        ("  limit: {value: 103", "  oil_temp: {value: 103", r"parameters: 'oil_temp' is also a point of generator"),
        ("  limit: {value: 103", "  avg: {value: 103", r"'avg' cannot name a parameter"),
        ("> safety_on", "> 12s", r":5: parameters: 'safety_on' is used nowhere"),
        ("for: 2s", "for: 2", r":8: for: must be a length of time with its unit"),
        ("for: 2s", "for: patience", r":8: for: 'patience' is no length of time"),
        ("for: 2s", "for: limit", r":8: for: 'limit' is no length of time"),
        ("for: 2s", "for: 90d", r":8: for: is longer than 35d"),
        ("on_missing: hold", "on_missing: clear", r":11: on_missing: `clear` does not exist: lost data never ends a fault"),
        ("on_missing: hold\n", "", r"on_missing: is missing"),
        ("severity: readiness", "severity: urgent", r":12: severity: 'urgent' is not a severity"),
        ("severity: readiness", "severity: {ahu: normal}", r":12: severity: says nothing for generator"),
        ("[standby_power]", "[standby]", r":13: disables: 'standby' is no functional item of generator"),
        ("{oil_pressure:.0f} kPa\", en", "{oil:.0f} kPa\", en", r":14: says: \{oil\} is nothing this rule reads"),
        ("{oil_pressure:.0f} kPa\", en", "{oil_pressure:.999999f} kPa\", en", r":14: says: .*cannot be formatted"),
        ("{oil_pressure:.0f} kPa\", en", "{oil_pressure:x} kPa\", en", r":14: says: .*cannot be formatted"),
        ("{oil_pressure:.0f} kPa\", en", "{oil_pressure!r} kPa\", en", r":14: says: .*cannot be formatted"),
        ("{oil_pressure:.0f} kPa\", en", "{oil_pressure.real} kPa\", en", r":14: says: .*is nothing this rule reads"),
        ("{oil_pressure:.0f} kPa\", en", "{oil_pressure kPa\", en", r":14: says: "),
        (', en: "Stop, check oil level and sender"', "", r":15: do: must have exactly zh and en"),
        ("severity: readiness", "severity: readiness\nwen: 5", r":13: wen: is not a key here; did you mean 'when'"),
        ("for: 2s", "for: 2s\nfields: [a]", r"fields: has no meaning without on_event"),
        ("oil_pressure: \"300 x20, 80 x10\"", "oil_pressure: \"300 x20, 80 x9\"", r":17: tests\[1\]\.oil_pressure: has 29 samples where another has 30"),
        ("oil_pressure: \"300 x20, 80 x10\"", "oil_pressure: \"300 x20; 80 x10\"", r":17: .*is no part of a series"),
        ("oil_pressure: \"300 x20, 80 x10\"", "oil_pressure: \"300 x20, low x10\"", r":17: .*'low' is no value of oil_pressure"),
        ("oil_pressure: \"300 x20, 80 x10\"", "oil_presure: \"300 x20, 80 x10\"", r":17: .*is no point of generator; did you mean 'oil_pressure'"),
        ("oil_pressure: \"300 x20, 80 x10\"", "oil_pressure: \"300 x99999\"", r":17: .*1 to 20000 samples"),
        ("20s: pending, 22s: active", "20s: pending, 39.5s: active", r":17: tests\[1\]\.expect: 39\.5s is 10\.5s after the last sample.*within 10s of it"),
        ("engine_speed: \"1500 x30\", oil_pressure: \"300 x20, 80 x10\"", "engine_speed: 1500, oil_pressure: 80", r":17: tests: no series ever changes"),
        ("22s: active", "22s: raised", r":17: .*'raised' is not a state"),
        ("22s: active", "22: active", r":17: .*'22' is no duration"),
        (", expect: {19s: cleared, 20s: pending, 22s: active}", "", r":17: tests\[1\]\.expect: must say what is seen when"),
        ("every: 1s, ", "", r":17: tests\[1\]\.every: is missing"),
        ("name: raised,", "name: raised, parameters: {limt: 5},", r":17: .*'limt' is no parameter of this rule; did you mean 'limit'"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line_and_its_remedy(old: str, new: str, said: str) -> None:
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert any(re.search(said, problem) for problem in found), found


def test_every_mistake_is_found_in_one_pass() -> None:
    text = GOOD.replace("on_missing: hold", "on_missing: clear").replace("for: 2s", "for: 2").replace("unit: kPa", "unit: kpa")
    assert [int(problem.split(":")[1]) for problem in problems(text)] == [6, 8, 11]


def test_a_rule_without_tests_is_no_rule() -> None:
    assert "is missing; show that the rule raises" in problems(GOOD[: GOOD.index("tests:")])[0]


@pytest.mark.parametrize("text", ["", "- a list", "id: [", "just words", "id: x\nid: y\n"])
def test_what_is_no_rule_at_all_is_said_so(text: str) -> None:
    assert problems(text)


def test_an_alternative_need_is_read_where_it_is_asked_for() -> None:
    text = GOOD.replace("[oil_pressure, engine_speed]", "[oil_pressure, engine_speed | gen_frequency]").replace(
        "engine_speed > 300 and duration(engine_speed > 300) > safety_on",
        "(has(engine_speed) and engine_speed > 300 or has(gen_frequency) and gen_frequency > 20) and duration(oil_pressure > 0) > safety_on",
    )
    assert parse_rule(text, "r.yaml").needs == (("oil_pressure",), ("engine_speed", "gen_frequency"))


def test_series_hold_bad_samples_gaps_ramps_names_and_go_on() -> None:
    text = GOOD.replace('"300 x20, 80 x10"', '"300, bad x2, - x3, sentinel x1, 10..40 x4, 7"').replace(
        "engine_speed: \"1500 x30\"", "engine_speed: \"1500 x12\", control_mode: \"auto x2, manual\", mains_ok: true, warning_alarms: overspeed+aux_sensor"
    ).replace(", 22s: active", "")
    (test,) = parse_rule(text, "r.yaml").tests
    oil = test.series["oil_pressure"]
    assert [sample.value for sample in oil if sample.quality is Quality.GOOD] == [300, 10, 20, 30, 40, 7]
    assert [sample.quality for sample in oil[1:7]] == [Quality.NO_ANSWER] * 2 + [None] * 3 + [Quality.SENTINEL]
    assert [sample.value for sample in test.series["control_mode"]] == [1, 1] + [2] * 10
    assert test.series["mains_ok"][5].value == 1
    assert test.series["warning_alarms"][0].value == 2**2 + 2**28


@pytest.mark.parametrize(("times", "last"), [("for: 2s", "39s"), ("for: safety_on", "41s"), ("for: safety_on", "34s")])
def test_a_test_may_look_as_far_behind_its_samples_as_the_rules_own_times_reach(times: str, last: str) -> None:
    """29 s is the last sample, 10 s the time to clear; 5 s what the test sets for safety_on, 12 s what it is without."""
    text = GOOD.replace("for: 2s", times).replace("22s: active", f"{last}: active")
    assert parse_rule(text, "r.yaml").tests[0].expect[float(last[:-1])] == ("active", 17)
    late = text.replace(f"{last}: active", f"{float(last[:-1]) + 8:g}s: active")
    assert "after the last sample" in problems(late)[0]
    assert parse_rule(late.replace("80 x10", "80 x21").replace("1500 x30", "1500"), "r.yaml").tests, "with samples to there it may"


def test_a_monitor_rule_is_raised_by_an_event() -> None:
    rule = parse_rule(
        "id: gone\napplies_to: monitor\non_event: gone\nfields: [service]\nseverity: normal\nclear_after: 5m\n"
        "says: {zh: '{service} 停了', en: '{service} is gone'}\ndo: {zh: 看, en: look}\n",
        "r.yaml",
    )
    assert (rule.on_event, rule.clear_after, rule.tests, rule.when) == ("gone", 300.0, (), None)
    assert rule.say("en", {"service": "collect"}) == "collect is gone"
    bad = rule.text.replace("applies_to: monitor", "applies_to: ahu").replace("clear_after: 5m", "when: 'true'").replace("{service} 停了", "{x}")
    said = " ".join(problems(bad))
    assert "applies to monitor" in said and "has no meaning with on_event" in said and "{x} is nothing" in said


@pytest.mark.parametrize(
    ("written", "unit", "expected"), [(5, "kPa", 5), ("12s", "s", 12), ("2m", "s", 120), ("1 h", "s", 3600), ("1.5 bar", "kPa", 150), ("7", "kPa", 7)]
)  # fmt: skip
def test_a_quantity_is_read_in_its_unit(written: float | str, unit: str, expected: float) -> None:
    assert quantity(written, unit) == pytest.approx(expected)


@pytest.mark.parametrize(("written", "unit"), [("12s", "kPa"), ("5 moons", "kPa"), ("five", "kPa"), (True, "kPa"), (1e200, "kPa"), ("nan", "kPa")])
def test_what_is_no_quantity_is_refused(written: float | str, unit: str) -> None:
    with pytest.raises(ValueError):
        quantity(written, unit)


def bare(rule: Rule) -> Rule:
    return replace(rule, tests=(), lines={key: line for key, line in rule.lines.items() if key != "tests"})


def test_what_was_applied_is_the_same_rule_without_its_tests() -> None:
    assert all(parse_rule(rule.text, rule.file, proven=True).tests == () for rule in pack().rules)
    assert [rule.file for rule in pack().rules if bare(parse_rule(rule.text, rule.file, proven=True)) != bare(rule)] == []


def test_tests_in_the_middle_of_a_file_hide_nothing_behind_them() -> None:
    head, tests = GOOD.split("\ntests:")
    other = f"tests:{tests}\n{head}\n"
    assert bare(parse_rule(other, "r.yaml", proven=True)) == bare(parse_rule(other, "r.yaml"))
