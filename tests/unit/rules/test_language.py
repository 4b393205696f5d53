"""The expression language: what it means, and what it says to those who miswrite it."""

from __future__ import annotations

import pytest

from plantroom.kinds import load_kind
from plantroom.model import Quality
from rules.graph import Graph
from rules.language import DEEPEST, parse
from rules.lexer import ExpressionError
from rules.types import Given, condition
from tests.kit.rules import truth

BAD = Quality.NO_ANSWER


def wrong(text: str, kind: str = "generator", **parameters: str) -> tuple[int, str]:
    """Where and what an expression's error says."""
    with pytest.raises(ExpressionError) as caught:
        condition(parse(text), Given(load_kind(kind), "r", parameters), Graph())
    return caught.value.at, str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oil_pressure < 100", True),
        ("oil_pressure <= 90 and coolant_temp > 80", True),
        ("oil_pressure < 90 or not coolant_temp > 80", False),
        ("oil_pressure * 2 - 10 == 170", True),
        ("oil_pressure - 10 - 20 == 60", True),  # from left to right
        ("oil_pressure + 10 * 2 == 110", True),
        ("(oil_pressure + 10) * 2 == 200", True),
        ("-oil_pressure < 0 kPa", True),
        ("oil_pressure < 1 bar", True),
        ("oil_pressure > 0.08 MPa", True),
        ("oil_pressure / 3 kPa == 30", True),
        ("coolant_temp - 80 degC > 4 K", True),
        ("coolant_temp + 5 K > 89 degC", True),
        ("coolant_temp > 185 degF", False),
        ("control_mode == auto", True),
        ("manual != control_mode", True),
        ("control_mode in (auto, test)", True),
        ("control_mode not in (auto, test)", False),
        ("mains_ok", True),
        ("mains_ok == false", False),
        ("not mains_ok != true", True),
        ("contains(warning_alarms, low_fuel_level)", True),
        ("contains(warning_alarms, crank_failure)", False),
        ("abs(oil_pressure - 100) > 5", True),
        ("sqrt(oil_pressure * oil_pressure) == 90", True),
        ("least(oil_pressure, 0.5 bar) == 50", True),
        ("greatest(oil_pressure, 0.5 bar, 95) == 95", True),
        ("true and oil_pressure > 0", True),
        ("oil_pressure > 5 or oil_pressure > 5 and oil_pressure < 0", True),  # and binds closer than or
    ],
)  # fmt: skip
def test_an_expression_means_what_it_says(text: str, expected: bool) -> None:
    values = {"oil_pressure": 90.0, "coolant_temp": 85.0, "control_mode": 1.0, "mains_ok": 1.0, "warning_alarms": float(2**18 + 2**3)}
    assert truth(text, **{name: value for name, value in values.items() if name in text}) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("oil_pressure < 100", None),
        ("oil_pressure < 100 and coolant_temp > 200", False),  # false whatever the pressure is
        ("oil_pressure < 100 and coolant_temp > 80", None),
        ("oil_pressure < 100 or coolant_temp > 80", True),
        ("oil_pressure < 100 or coolant_temp > 200", None),
        ("not (oil_pressure < 100)", None),
        ("(oil_pressure < 100) == (coolant_temp > 80)", None),
        ("oil_pressure == oil_pressure", None),
        ("oil_pressure != 5", None),
        ("oil_pressure * 0 == 0", None),  # nothing is known of nothing
        ("control_mode != auto", None),
        ("control_mode not in (auto)", None),
        ("contains(warning_alarms, overspeed)", None),
        ("mains_ok or coolant_temp > 80", True),
        ("stale(oil_pressure)", False),  # it has only just begun
    ],
)  # fmt: skip
def test_unknown_stays_unknown_unless_the_rest_decides(text: str, expected: bool | None) -> None:
    values = {"oil_pressure": BAD, "coolant_temp": 85.0, "control_mode": BAD, "mains_ok": BAD, "warning_alarms": BAD}
    assert truth(text, **{name: value for name, value in values.items() if name in text}) is expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e200])
def test_a_good_sample_that_is_no_number_is_unknown(value: float) -> None:
    assert truth("oil_pressure > 5", oil_pressure=value) is None


@pytest.mark.parametrize(
    "text",
    [
        "oil_pressure / (oil_pressure - oil_pressure) > 1",
        "oil_pressure * 1e90 * 1e90 * 1e90 * 1e90 > 1",
        "(oil_pressure - oil_pressure) / (oil_pressure - oil_pressure) == 1",
        "sqrt(5 - oil_pressure / 1 kPa) > 0",
        "oil_pressure * 1e90 * 1e90 * 1e90 * 1e90 - oil_pressure * 1e90 * 1e90 * 1e90 * 1e90 == 0",
    ],
)  # fmt: skip
def test_division_by_zero_and_overflow_are_unknown(text: str) -> None:
    assert truth(text, oil_pressure=90.0) is None


def test_a_parameter_in_another_unit_is_converted_to_the_points() -> None:
    assert truth("oil_pressure < limit", parameters="{limit: {value: 1, unit: bar, range: [0, 9], source: x}}", oil_pressure=99.0) is True
    assert truth("oil_pressure < limit", parameters="{limit: {value: 1, unit: bar, range: [0, 9], source: x}}", oil_pressure=101.0) is False


def test_a_bare_number_takes_the_unit_of_what_it_is_added_to() -> None:
    one_bar_and_one = "{limit: {value: 1, unit: bar, range: [0, 9], source: x}}"
    assert truth("oil_pressure < limit + 1", parameters=one_bar_and_one, oil_pressure=199.0) is True


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 0, "is empty"),
        ("   ", 0, "is empty"),
        ("oil_pressure <", 14, "ends too early"),
        ("oil_pressure < 5 5", 17, "cannot stand here"),
        ("oil_pressure coolant_temp", 13, "`and`, `or` or a comparison missing"),
        ("(oil_pressure < 5", 17, "')' is missing"),
        ("oil_pressure = 5", 13, "write == to compare"),
        ("oil_pressure < 5 && mains_ok", 17, "write `and`"),
        ("gen-1.oil_pressure < 5", 5, "without their equipment"),
        ("0 < oil_pressure < 5", 17, "do not chain"),
        ("oil_pressure < 5x", 16, "is no unit"),
        ("oil_pressure < 5 bar/moon", 21, "is no point of generator"),
        ("Oil_pressure < 5", 0, "'Oil_pressure' cannot stand here: names are small letters"),
        ("oil_pressure < 5 AND mains_ok", 17, "write `and`"),
        ("engine_speed > 5 RPM", 17, "the unit is written rpm"),
        ("oil_pressure < 5 kpa", 17, "'kpa' is no unit: the unit is written kPa"),
        ("fuel_level < 5 percent", 15, "the unit is written %"),
        ("duration(mains_ok) > 5 s", 23, "without a space and short: 12s"),
        ("duration(mains_ok) > 5 minutes", 23, "without a space and short: 12s"),
        ("oil_pressure < 0,5", 16, "a fraction is written with a point"),
        ("oil_pressure == nan", 16, "what is not known is unknown by itself"),
        ("__import__('os')", 11, "without quotes"),
        ("oil_pressur < 5", 0, "did you mean 'oil_pressure'?"),
        ("oil_pressure", 0, "is pressure where a yes/no is wanted"),
        ("oil_pressure < mains_ok", 15, "a yes/no where a number is wanted"),
        ("oil_pressure < coolant_temp", 13, "puts pressure together with temperature"),
        ("coolant_temp < 5 K", 13, "puts temperature together with temperature difference"),
        ("coolant_temp + coolant_temp > 5", 13, "puts temperature together with temperature"),
        ("coolant_temp * 2 > 5", 13, "take a difference first"),
        ("-coolant_temp > 5", 0, "no negative"),
        ("5 - coolant_temp > 5", 2, "with its unit, 20 degC"),
        ("abs(coolant_temp) > 5", 4, "takes a difference"),
        ("gen_power_total < 5 kVA", 16, "puts power together with apparent power"),
        ("duration(engine_speed) > 5", 9, "a yes/no is wanted"),
        ("duration(engine_speed > 5) > 5 kPa", 27, "puts time together with pressure"),
        ("avg(oil_pressure) > 5", 0, "takes 2"),
        ("avg(oil_pressure, 5) > 5", 18, "length of time written out"),
        ("avg(oil_pressure, 5 kPa) > 5", 18, "length of time written out"),
        ("avg(oil_pressure, 300d) > 5", 18, "1s to 35d"),
        ("avg(mains_ok, 5m) > 5", 4, "on_time"),
        ("rises(oil_pressure, 5m) > 5", 6, "a yes/no is wanted"),
        ("sum(coolant_temp, 5m) > 5", 0, "cannot be summed"),
        ("sqrt(oil_pressure) > 5", 5, "has no unit"),
        ("age(5) > 3", 4, "one point"),
        ("has(oil) and mains_ok", 4, "one point"),
        ("contains(mains_ok, overspeed)", 9, "a set of named values"),
        ("contains(warning_alarms, lowfuel)", 25, "did you mean 'low_fuel_level'?"),
        ("control_mode == automatic", 16, "did you mean 'auto'?"),
        ("control_mode > auto", 13, "has names, not sizes"),
        ("control_mode == 1", 0, "one of its names"),
        ("oil_pressure in (auto)", 13, "named values"),
        ("control_mode == engine_state", 13, "different names"),
        ("eval(oil_pressure)", 0, "is no function"),
        ("oil_pressure < 1e200", 15, "too large"),
        ("(" * (DEEPEST + 1) + "mains_ok" + ")" * (DEEPEST + 1), DEEPEST, "nested deeper"),
        ("-" * 40 + "oil_pressure > 0", 32, "minus signs"),
        ("5>4" + " or 5>4" * 150, 527, "more than 300 parts"),
        ("mains_ok" + " " * 2000, 2000, "characters long"),
    ],
)  # fmt: skip
def test_a_mistake_is_placed_and_says_what_to_write(text: str, at: int, says: str) -> None:
    where, said = wrong(text)
    assert says in said
    assert where == at


def test_a_parameter_hides_no_function_and_is_typed_by_its_unit() -> None:
    assert wrong("oil_pressure < limit", limit="degC")[1] == "puts pressure together with temperature; they cannot be compared or added"


def test_equal_expressions_stand_once() -> None:
    graph, given = Graph(), Given(load_kind("generator"), "r", {})
    first = condition(parse("duration(engine_speed > 300) > 12s"), given, graph)
    count = len(graph.nodes)
    assert condition(parse("duration( engine_speed>300 )  > 12 "), given, graph) != first  # a bare 12 is another literal
    assert condition(parse("duration(engine_speed > 300) > 12s"), given, graph) == first
    assert sum(node.op == "duration" for node in graph.nodes) == 1
    assert len(graph.nodes) == count + 2
