"""Followers of a target: right whatever the step."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.lags import Lag, Noise, Swing, Wander

LENGTHS = st.lists(st.floats(0.01, 20.0), min_size=1, max_size=30)


def test_a_lag_has_done_63_percent_after_its_time_constant() -> None:
    lag = Lag(0.0, 100.0)
    assert lag.toward(1.0, 100.0) == pytest.approx(1 - exp(-1))


@given(LENGTHS)
def test_many_short_steps_of_a_lag_are_one_long_one(lengths: list[float]) -> None:
    short, long = Lag(3.0, 30.0), Lag(3.0, 30.0)
    for length in lengths:
        short.toward(11.0, length)
    assert short.value == pytest.approx(long.toward(11.0, sum(lengths)))


@given(LENGTHS)
def test_many_short_steps_of_a_swing_are_one_long_one(lengths: list[float]) -> None:
    short, long = Swing(0.0, 1.2, 0.5), Swing(0.0, 1.2, 0.5)
    for length in lengths:
        short.toward(1.0, length)
    assert short.value == pytest.approx(long.toward(1.0, sum(lengths)), abs=1e-6)
    assert short.rate == pytest.approx(long.rate, abs=1e-6)


def test_a_governor_overshoots_by_five_percent_and_settles() -> None:
    swing = Swing(0.0, 1.16, 0.69)
    course = [swing.toward(1500.0, 0.1) for _ in range(120)]
    assert max(course) == pytest.approx(1.05 * 1500.0, rel=0.01)
    assert course[-1] == pytest.approx(1500.0, rel=0.002)


@pytest.mark.parametrize("step_s", [0.1, 1.0, 30.0])
def test_a_wandering_quantity_spreads_the_same_whatever_the_step(step_s: float) -> None:
    noise = Noise(np.random.default_rng(3))
    values = [wander.value for wander in (Wander(noise, 2.0, 10.0) for _ in range(3000)) if wander.step(step_s) is not None]
    assert np.std(values) == pytest.approx(2.0, rel=0.06)
    assert np.mean(values) == pytest.approx(0.0, abs=0.15)


def test_noise_is_the_generators_own_stream() -> None:
    mine, theirs = Noise(np.random.default_rng(5)), np.random.default_rng(5).standard_normal(512)
    assert [mine() for _ in range(512)] == theirs.tolist()
