"""Pump curve and daily curves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.curves import Daily, PumpCurve, outdoor_temp

CURVE = PumpCurve(rated_bar=10.0, rated_l_s=30.0)


def test_a_fire_pump_has_120_percent_at_no_flow_and_65_at_150_percent_flow() -> None:
    assert CURVE.head(0.0) == pytest.approx(12.0)
    assert CURVE.head(45.0) == pytest.approx(6.5)
    assert CURVE.head(30.0) >= 0.95 * 10.0


@given(st.floats(0.0, 60.0), st.floats(0.3, 1.1))
def test_flow_is_the_inverse_of_head(flow: float, speed: float) -> None:
    head = CURVE.head(flow, speed)
    if head > 0.01:
        assert CURVE.flow(head, speed) == pytest.approx(flow, abs=1e-6)


def test_beyond_shut_off_nothing_flows() -> None:
    assert CURVE.flow(12.1) == 0.0
    assert CURVE.head(0.0, 0.5) == pytest.approx(3.0)  # head goes with the square of speed


def test_a_day_is_a_circle() -> None:
    day = Daily(((6.0, 0.0), (12.0, 6.0), (18.0, 0.0)))
    assert day(9.0) == pytest.approx(3.0)
    assert day(0.0) == day(3.0) == pytest.approx(0.0)
    assert Daily(((1.0, 1.0), (23.0, 3.0)))(0.0) == pytest.approx(2.0)


def test_july_afternoons_are_warmer_than_january_mornings() -> None:
    assert outdoor_temp(200, 15.0) > 27.0
    assert outdoor_temp(25, 5.0) < 5.0
