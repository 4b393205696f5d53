"""The fire main: the jockey's saw-tooth, the main pump against a draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.devices.curves import PumpCurve
from simulators.devices.water import Network, SetPoints

POINTS = SetPoints(7.0)


def network(pressure: float = 8.0) -> Network:
    return Network(PumpCurve(10.0, 30.0), POINTS, pressure)


def rest(net: Network, seconds: float, step_s: float = 1.0) -> np.ndarray:
    course = []
    for _ in range(round(seconds / step_s)):
        net.step(step_s, suction=0.3, speed=0.0, head_factor=1.0, draw=0.0, jockey_power=True)
        course.append(net.pressure)
    return np.array(course)


def test_the_jockey_holds_a_band_of_0_7_bar_three_times_an_hour() -> None:
    net = network()
    course = rest(net, 4 * 3600.0)
    assert course.min() >= POINTS.jockey_start - 0.01 and course.max() <= POINTS.jockey_stop + 0.01
    assert course.max() - course.min() == pytest.approx(0.7, abs=0.03)
    assert net.jockey_starts == pytest.approx(12, abs=1)  # well under 15 an hour


@settings(deadline=None, max_examples=30)
@given(st.floats(0.5, 120.0))
def test_the_saw_tooth_does_not_depend_on_the_step(step_s: float) -> None:
    """A step longer than the jockey's run must not jump over it."""
    net = network()
    rest(net, 2 * 3600.0, step_s)
    assert net.jockey_starts == pytest.approx(6, abs=1)
    assert POINTS.jockey_start - 0.02 <= net.pressure <= POINTS.jockey_stop + 0.02


def test_a_bigger_leak_starts_it_more_often() -> None:
    net = network()
    net.leak = 0.12
    rest(net, 3600.0)
    assert net.jockey_starts > 15


def test_a_draw_empties_the_network_and_the_main_pump_brings_it_back() -> None:
    net = network()
    for _ in range(100):
        net.step(0.1, suction=0.3, speed=0.0, head_factor=1.0, draw=15.0, jockey_power=True)
    low = net.pressure
    assert low < POINTS.main_start
    for _ in range(300):
        net.step(0.1, suction=0.3, speed=1.0, head_factor=1.0, draw=15.0, jockey_power=True)
    assert net.pressure == pytest.approx(0.3 + net.curve.head(14.0), abs=0.2)
    assert net.flow == pytest.approx(14.0, abs=1.5)


def test_without_head_the_pump_turns_and_the_pressure_stays_down() -> None:
    net = network()
    for _ in range(600):
        net.step(0.1, suction=0.3, speed=1.0, head_factor=0.05, draw=15.0, jockey_power=True)
    assert net.pressure < 1.5


def test_the_check_valve_keeps_the_pressure_when_the_pump_stops() -> None:
    net = network(12.0)
    net.step(60.0, suction=0.3, speed=0.0, head_factor=1.0, draw=0.0, jockey_power=True)
    assert 11.5 < net.pressure < 12.0
