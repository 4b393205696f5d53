"""Fire water: tanks on their float valves, mains on their jockeys, cold and leaks."""

from __future__ import annotations

import pytest

from simulators.devices.fire_water import FireWater
from tests.kit.plant import Bench


def water(tick_s: float = 5.0, start: str = "2026-07-16T10:00:00+08:00") -> Bench:
    return Bench(FireWater, "fire_water", tick_s=tick_s, start=start, parameters=dict(FireWater.PARAMETERS))


def test_full_tanks_held_mains_open_valves() -> None:
    course = water().record(6 * 3600.0, "tank_level", "roof_tank_level", "hydrant_pressure", "worst_point_pressure", "signal_valve_open_9")
    assert course["tank_level"].min() > 98.5 and course["roof_tank_level"].max() < 100.5
    assert course["hydrant_pressure"].min() > 10.2 and course["hydrant_pressure"].max() < 11.2
    assert course["worst_point_pressure"].min() > 1.5 and course["signal_valve_open_9"].all()


@pytest.mark.parametrize("tick_s", [1.0, 60.0])
def test_a_leak_is_made_up_for_by_an_open_float_valve(tick_s: float) -> None:
    bench = water(tick_s)
    bench.plant.upset("fire_water_makeup_long", leak=8.0)
    bench.run(4 * 3600.0)
    assert bench.points["fill_valve_open"] == 1 and bench.points["makeup_flow"] == pytest.approx(8.0, abs=0.3)
    assert bench.points["tank_level"] > 98.0


def test_an_open_drain_empties_to_where_it_is_shut() -> None:
    bench = water()
    bench.plant.upset("fire_water_level", level=80.0)
    bench.run(1800.0)
    assert bench.points["tank_level"] == pytest.approx(80.0, abs=0.5) and bench.points["tank_low"] == 1
    assert bench.points["tank_level_m"] == pytest.approx(2.4, abs=0.03)


def test_a_float_valve_that_does_not_shut_runs_over_the_lip_and_no_higher() -> None:
    bench = water()
    bench.plant.upset("fire_water_overflow")
    bench.until(lambda p: p["tank_overflow"] == 1, 7200.0)
    bench.run(3600.0)
    assert 101.4 < bench.points["tank_level"] < 103.0


def test_a_broken_head_lifts_the_vane_and_takes_the_pressure_to_the_roof_tanks() -> None:
    bench = water(1.0)
    bench.plant.upset("sprinkler_flow", zone=3, flow=10.0)
    bench.run(120.0)
    assert bench.points["flow_indicator_3"] == 1 and bench.points["flow_indicator_4"] == 0
    assert bench.points["sprinkler_pressure"] == pytest.approx(9.0, abs=0.1)


def test_a_pipe_in_a_frost_follows_the_air() -> None:
    bench = water(60.0, "2026-01-21T02:00:00+08:00")
    assert bench.points["water_temp"] > 8.0
    bench.plant.upset("fire_water_freezing", air=-4.0)
    bench.run(4 * 3600.0)
    assert -4.1 < bench.points["water_temp"] < -2.0
