"""A chiller by day, by night, in winter, and upset."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.devices.chiller import ANTI_RECYCLE_S, Chiller, r134a_bar
from tests.kit.plant import Bench

AFTERNOON = "2026-07-15T13:00:00+08:00"


def chiller(start: str = AFTERNOON, seed: int = 1, tick_s: float = 5.0) -> Bench:
    return Bench(Chiller, "chiller", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_summer_afternoon_it_holds_its_set_point(seed: int) -> None:
    course = chiller(seed=seed).record(2 * 3600.0, "chw_supply_temp", "load_percent", "approach_cond", "approach_evap", "cond_pressure")
    assert abs(course["chw_supply_temp"] - 7.0).max() < 0.8
    assert course["load_percent"].min() > 40 and course["load_percent"].max() < 105
    assert course["approach_cond"].min() > 0.2 and course["approach_cond"].max() < 2.0 and course["approach_evap"].max() < 2.0
    assert course["cond_pressure"].min() > 5.0 and course["cond_pressure"].max() < 9.5


def test_heat_is_flow_times_difference_and_the_condenser_carries_it_with_the_work() -> None:
    bench = chiller()
    bench.run(1800.0)
    p = bench.points
    cooling = p["chw_flow"] * 4.19 * (p["chw_return_temp"] - p["chw_supply_temp"])
    assert cooling == pytest.approx(10.0 * p["load_percent"], rel=0.08)
    rejected = p["cw_flow"] * 4.19 * (p["cw_out_temp"] - p["cw_in_temp"])
    assert rejected == pytest.approx(1.2 * cooling, rel=0.1)
    assert 4.0 < cooling / p["power"] < 9.0


@pytest.mark.parametrize("start", ["2026-07-15T23:00:00+08:00", "2026-01-14T11:00:00+08:00"])
def test_at_night_and_in_winter_it_stands_without_water(start: str) -> None:
    bench = chiller(start)
    course = bench.record(1800.0, "run_status", "chw_flow", "load_percent", "compressor_current_1", "alarm_code")
    assert not any(values.any() for values in course.values())
    assert bench.points["state"] == bench.code("state", "off")


def test_a_morning_start_pulls_the_building_down_in_one_run() -> None:
    bench = chiller("2026-07-15T06:25:00+08:00")
    starts = bench.points["compressor_starts_1"]
    assert bench.until(lambda p: p["run_status"] == 1, 1800.0) > 300.0
    bench.until(lambda p: p["chw_supply_temp"] < 7.5, 3600.0)
    bench.run(1800.0)
    assert bench.points["compressor_starts_1"] == starts + 1
    assert ANTI_RECYCLE_S >= 1200.0


@pytest.mark.parametrize("tick_s", [1.0, 60.0])
def test_a_minute_s_step_is_as_right_as_a_second_s(tick_s: float) -> None:
    bench = chiller(tick_s=tick_s)
    bench.plant.upset("chw_supply_high", limit=40.0)
    bench.run(3600.0)
    assert bench.points["chw_supply_temp"] == pytest.approx(16.27, abs=0.2)


def test_pressure_follows_temperature_along_the_refrigerant_s_curve() -> None:
    for temp, bar in ((0.0, 1.92), (40.0, 9.15), (50.0, 12.17)):
        assert r134a_bar(temp) == pytest.approx(bar, abs=0.1)


def test_less_water_makes_a_wider_difference_and_too_little_trips_it() -> None:
    bench = chiller()
    before = bench.points["chw_return_temp"] - bench.points["chw_supply_temp"]
    bench.plant.upset("chiller_low_flow", flow=60.0)
    bench.run(1800.0)
    assert bench.points["chw_return_temp"] - bench.points["chw_supply_temp"] > 1.3 * before
    bench.plant.upset("chiller_low_flow", flow=30.0)
    assert bench.until(lambda p: p["state"] == bench.code("state", "alarm"), 120.0) > 5.0
    assert bench.points["alarm_code"] == 21.0 and bench.points["flow_switch"] == 0.0


def test_hot_condenser_water_drives_the_pressure_to_its_cut_out() -> None:
    bench = chiller(tick_s=1.0)
    bench.plant.upset("chiller_high_pressure", water=55.0)
    course = bench.record(240.0, "cond_pressure")["cond_pressure"]
    assert np.diff(course[::20]).min() > 0.0
    bench.until(lambda p: p["state"] == bench.code("state", "alarm"), 900.0)
    assert bench.points["alarm_code"] == 11.0


def test_lost_refrigerant_lowers_suction_and_a_recharge_mends_it() -> None:
    bench = chiller()
    before = bench.points["evap_sat_temp"]
    bench.plant.upset("refrigerant_loss", lost=50.0)
    bench.run(600.0)
    assert bench.points["evap_sat_temp"] < before - 2.0 and bench.points["approach_evap"] > 3.0
    bench.plant.end_upset("refrigerant_loss")
    bench.run(600.0)
    assert bench.points["approach_evap"] < 1.6
