"""A circulation pump: curve, affinity laws, pressure control, and what fails."""

from __future__ import annotations

import pytest

from simulators.devices.pump import RATED_A, Pump
from tests.kit.plant import Bench

AFTERNOON = "2026-07-15T13:00:00+08:00"


def pump(start: str = AFTERNOON, seed: int = 1, tick_s: float = 2.0) -> Bench:
    return Bench(Pump, "pump", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize("seed", range(3))
def test_it_holds_the_system_s_pressure_by_its_speed(seed: int) -> None:
    course = pump(seed=seed).record(3600.0, "system_dp", "speed", "flow", "current", "vibration_rms", "bearing_temp")
    assert abs(course["system_dp"] - 140.0).max() < 8.0
    assert course["speed"].min() > 60.0 and course["speed"].max() < 100.0
    assert course["current"].max() < RATED_A and course["vibration_rms"].max() < 2.5 and course["bearing_temp"].max() < 60.0


def test_head_goes_with_the_square_of_speed_and_power_with_its_cube() -> None:
    low, high = pump("2026-07-15T06:30:00+08:00"), pump("2026-07-15T14:30:00+08:00")
    for bench in (low, high):
        bench.plant.upset("pump_dead_head", opening=0.0)
    low.run(2.0)  # the speed has not followed yet
    high.run(120.0)
    square = (high.points["speed"] / low.points["speed"]) ** 2
    assert square > 1.4
    assert high.points["dp"] / low.points["dp"] == pytest.approx(square, rel=0.02)
    assert high.points["power"] / low.points["power"] == pytest.approx(square**1.5, rel=0.1)


def test_a_dry_pump_moves_nothing_and_idles() -> None:
    bench = pump()
    before = bench.points["current"]
    bench.plant.upset("pump_dry_run", head=3.0)
    bench.run(60.0)
    p = bench.points
    assert p["running"] and p["flow"] < 1.0 and p["dp"] < 30.0 and p["current"] < 0.5 * before and p["suction_pressure"] < 0.5


def test_an_open_bypass_takes_the_pressure_at_full_speed() -> None:
    bench = pump()
    bench.plant.upset("system_dp_low", draw=100.0)
    bench.run(120.0)
    assert bench.points["speed"] > 99.0 and bench.points["system_dp"] < 110.0


def test_nights_are_off_and_hand_is_without_command() -> None:
    bench = pump("2026-07-15T23:00:00+08:00")
    course = bench.record(600.0, "running", "flow", "dp", "current", "power")
    assert not any(values.any() for values in course.values())
    bench.plant.upset("pump_running_when_off")
    bench.run(60.0)
    assert bench.points["running"] and not bench.points["run_command"]


@pytest.mark.parametrize("tick_s", [1.0, 60.0])
def test_a_bearing_without_grease_warms_alike_in_any_step(tick_s: float) -> None:
    bench = pump(tick_s=tick_s)
    bench.plant.upset("pump_bearing_hot", rise=60.0)
    bench.run(1800.0)
    assert bench.points["bearing_temp"] == pytest.approx(96.0, abs=6.0)
