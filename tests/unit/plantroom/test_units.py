"""Units: conversions against figures from outside, the algebra rules need, and durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.units import UNITS, Dimension, compatible, convert, dimension, duration_s, known, scaling, unit


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (1.6, "MPa", "bar", 16.0),
        (250, "kPa", "bar", 2.5),
        (1, "bar", "psi", 14.5037738),
        (10, "mH2O", "kPa", 98.0665),
        (-40, "degC", "degF", -40.0),
        (212, "degF", "degC", 100.0),
        (3.6, "m3/h", "L/s", 1.0),
        (1, "kWh", "kJ", 3600.0),
        (45_296_100, "s", "h", 12_582.25),
        (4000, "uA", "mA", 4.0),
        (1, "bar/h", "Pa/s", 100_000 / 3600),
        (5, "K/min", "K/h", 300.0),
        (2, "m/s2", "mm/s/s", None),
        (12.5, "%", "ppm", 125_000.0),
        (1, "hp", "kW", 0.745699872),
        (20, "Nm", "kW/rpm", 0.00209439510),
    ],
)
def test_known_figures(value: float, source: str, target: str, result: float | None) -> None:
    if result is None:
        assert not known(target)
    else:
        assert convert(value, source, target) == pytest.approx(result)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("degC", "K"),
        ("kW", "kVA"),
        ("kVA", "kvar"),
        ("kWh", "kW"),
        ("rpm", "Hz"),
        ("%", "%RH"),
        ("bar", "degC"),
        ("floor", "m"),
        ("", "s"),
        ("A", "V"),
    ],
)
def test_what_must_never_be_taken_for_each_other(one: str, other: str) -> None:
    assert not compatible(one, other)
    with pytest.raises(ValueError, match="cannot become"):
        convert(1.0, one, other)


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)), st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same(one: str, other: str, value: float) -> None:
    if compatible(one, other):
        assert convert(convert(value, one, other), other, one) == pytest.approx(value, abs=1e-6)
    else:
        with pytest.raises(ValueError):
            scaling(one, other)


def test_a_difference_of_temperatures_is_kelvin_and_nothing_else_makes_sense() -> None:
    celsius, kelvin = dimension("degC"), dimension("K")
    assert celsius.minus(celsius) == kelvin
    assert celsius.plus(kelvin) == kelvin.plus(celsius) == celsius.minus(kelvin) == celsius
    assert celsius.plus(celsius) is None and kelvin.minus(celsius) is None
    assert kelvin.minus(dimension("bar")) is None
    with pytest.raises(ValueError):
        celsius * kelvin


def test_products_and_quotients_find_their_names() -> None:
    assert dimension("V") * dimension("A") == dimension("kW")
    assert (dimension("L") / dimension("s")).name == "flow"
    assert (dimension("K") / dimension("s")).name == "K s^-1"
    assert dimension("bar") / dimension("kPa") == Dimension() and Dimension().name == "number"


@pytest.mark.parametrize("name", ["bars", "degc", "degC/h", "bar/", "/h", "bar/degC", "furlong", "kw"])
def test_unknown_units_are_unknown(name: str) -> None:
    assert not known(name)
    with pytest.raises(KeyError):
        unit(name)


LENGTHS = {"200ms": 0.2, "90s": 90, "10m": 600, "24h": 86_400, "7d": 604_800, "2h11m": 7860, "1.5h": 5400}


@pytest.mark.parametrize(("text", "seconds"), LENGTHS.items())
def test_durations(text: str, seconds: float) -> None:
    assert duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-5s", "5 s", "5min", "1h ", "1e3s", "5s5"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        duration_s(text)
