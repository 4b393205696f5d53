"""A sump: floats, turns, and what happens when they fail."""

from __future__ import annotations

import pytest

from simulators.devices.sump import Sump
from tests.kit.plant import Bench


def sump(tick_s: float = 1.0, seed: int = 1) -> Bench:
    return Bench(Sump, "sump", tick_s=tick_s, seed=seed)


def starts(bench: Bench, hours: float) -> tuple[int, int]:
    course = bench.record(hours * 3600.0, "pump_1_running", "pump_2_running")
    first, second = (int((course[f"pump_{n}_running"][1:] > course[f"pump_{n}_running"][:-1]).sum()) for n in (1, 2))
    return first, second


def test_it_stays_between_its_floats_and_the_pumps_take_turns() -> None:
    bench = sump(10.0)
    first, second = starts(bench, 48.0)
    assert first + second >= 2 and abs(first - second) <= 1
    assert 15.0 < bench.points["level"] < 66.0


@pytest.mark.parametrize("tick_s", [0.5, 5.0, 60.0])
def test_a_step_of_any_length_does_not_jump_over_a_float(tick_s: float) -> None:
    bench = sump(tick_s)
    bench.plant.upset("sump_pump_runs_long", inflow=6.0, delivers=1.0)
    course = bench.record(2 * 3600.0, "level", "high_level")
    assert course["level"].min() > 16.0 and course["level"].max() < 54.0 and not course["high_level"].any()


def test_more_water_than_two_pumps_take_goes_over_the_rim() -> None:
    bench = sump()
    bench.plant.upset("sump_overflow", inflow=60.0)
    high = bench.until(lambda p: p["high_level"] == 1, 1200.0)
    assert bench.points["pump_1_running"] == bench.points["pump_2_running"] == 1
    assert high < 600.0 and bench.until(lambda p: p["overflow_level"] == 1, 1200.0) < 300.0


def test_a_dead_contactor_is_called_and_does_not_run() -> None:
    bench = sump()
    bench.plant.upset("sump_pump_fail_to_start", pump=2)
    bench.until(lambda p: p["pump_2_command"] == 1, 1200.0)
    bench.run(5.0)
    assert bench.points["pump_2_running"] == 0


def test_a_hanging_stop_float_lets_the_pump_run_dry() -> None:
    bench = sump()
    bench.plant.upset("sump_pump_dry")
    bench.until(lambda p: p["low_level"] == 1, 900.0)
    bench.run(300.0)
    assert bench.points["pump_1_running"] + bench.points["pump_2_running"] >= 1 and bench.points["level"] < 8.0
