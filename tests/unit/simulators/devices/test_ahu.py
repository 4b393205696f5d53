"""An air handler by day, by night, and upset."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.kinds import load_kind
from simulators.devices.ahu import Ahu
from tests.kit.plant import Bench

SEASONS = {"winter": "2026-01-21T10:00:00+08:00", "spring": "2026-04-15T10:00:00+08:00", "summer": "2026-07-15T14:00:00+08:00"}


def ahu(start: str = SEASONS["summer"], seed: int = 1, tick_s: float = 1.0) -> Bench:
    return Bench(Ahu, "ahu", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("seed", range(3))
def test_in_every_season_it_holds_its_set_point_and_the_room(season: str, seed: int) -> None:
    bench = ahu(SEASONS[season], seed)
    names = ("supply_temp", "supply_temp_sp", "room_temp", "fan_status", "filter_dp_supply", "heat_valve_pos", "cool_valve_pos")
    course = bench.record(3 * 3600.0, *names)
    assert course["fan_status"].all()
    late = slice(1800, None)
    assert abs(course["supply_temp"] - course["supply_temp_sp"])[late].max() < 1.5
    assert course["room_temp"][late].min() > 20.0 and course["room_temp"][late].max() < 27.0
    assert course["filter_dp_supply"].max() < 150
    assert (np.minimum(course["heat_valve_pos"], course["cool_valve_pos"])[late] < 2.0).all()  # never both


def test_it_does_not_hunt() -> None:
    bench = ahu()
    bench.run(1800.0)
    command = bench.record(3600.0, "cool_valve_cmd")["cool_valve_cmd"]
    smooth = command[::60]
    assert (np.diff(np.sign(np.diff(smooth))) != 0).sum() < 30 and np.ptp(command) < 25


def test_nights_are_off() -> None:
    bench = ahu("2026-07-15T23:30:00+08:00")
    course = bench.record(3600.0, "fan_cmd", "fan_status", "filter_dp_supply", "supply_flow")
    assert not any(course[name].any() for name in course)


def test_a_fan_that_does_not_start_is_commanded_and_stands() -> None:
    bench = ahu(tick_s=0.5)
    bench.plant.upset("fan_fail_to_start")
    assert bench.until(lambda p: p["fan_status"] == 0, 60.0) < 30.0
    course = bench.record(60.0, "fan_cmd", "fan_status")
    assert course["fan_cmd"].min() > 40 and not course["fan_status"].any()
    bench.plant.end_upset("fan_fail_to_start")
    assert bench.until(lambda p: p["fan_status"] == 1, 60.0) < 30.0


def test_even_at_night_the_upset_asks_the_fan_to_run() -> None:
    bench = ahu("2026-07-15T23:30:00+08:00")
    bench.plant.upset("fan_fail_to_start")
    bench.run(60.0)
    assert bench.points["fan_cmd"] > 40 and bench.points["fan_status"] == 0


@pytest.mark.parametrize("season", SEASONS)
def test_a_loaded_filter_shows_at_nominal_flow(season: str) -> None:
    bench = ahu(SEASONS[season])
    bench.plant.upset("filter_dirty", dp=340.0)
    bench.run(1800.0)
    flow = bench.points["supply_flow"] / 5000.0
    assert bench.points["filter_dp_supply"] / flow**2 == pytest.approx(340.0, rel=0.35)
    assert bench.points["filter_dp_supply"] / flow**2 > 250.0
    bench.plant.end_upset("filter_dirty")
    bench.run(60.0)
    assert bench.points["filter_dp_supply"] < 110.0


def test_a_filter_can_load_slowly() -> None:
    bench = ahu(tick_s=10.0)
    bench.plant.upset("filter_dirty", dp=300.0, over_s=4 * 3600.0)
    bench.run(1800.0)
    early = bench.points["filter_dp_supply"] / (bench.points["supply_flow"] / 5000.0) ** 2
    bench.run(2 * 3600.0)
    late = bench.points["filter_dp_supply"] / (bench.points["supply_flow"] / 5000.0) ** 2
    assert 90 < early < 150 < late < 280


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("heat", [60.0, 100.0])
def test_open_heating_and_shut_cooling_make_the_supply_air_too_warm_in_any_season(season: str, heat: float) -> None:
    bench = ahu(SEASONS[season])
    bench.plant.upset("supply_temp_high", heat=heat)
    bench.run(900.0)
    course = bench.record(1800.0, "supply_temp", "supply_temp_sp", "fan_status")
    assert (course["supply_temp"] - course["supply_temp_sp"]).min() > 2.8 and course["fan_status"].all()


def test_smoke_in_the_duct_stops_the_fan() -> None:
    bench = ahu()
    bench.plant.upset("smoke_alarm_duct")
    bench.run(60.0)
    assert bench.points["smoke_alarm"] == 1 and bench.points["fan_status"] == 0 and bench.points["fan_cmd"] == 0


def test_the_fan_holds_the_pressure_of_the_duct() -> None:
    course = ahu().record(1800.0, "supply_static_pressure", "fan_speed")
    assert abs(course["supply_static_pressure"].mean() - 250.0) < 3.0 and 40 < course["fan_speed"].min() < course["fan_speed"].max() < 95


def test_a_duct_that_came_apart_leaves_the_fan_at_full_speed_and_the_pressure_low() -> None:
    bench = ahu()
    bench.plant.upset("duct_static_low", leak=1.2)
    bench.run(300.0)
    assert bench.points["fan_speed"] > 99 and bench.points["supply_static_pressure"] < 215


def test_a_slipping_belt_lowers_the_current_at_the_same_speed() -> None:
    bench = ahu()
    usual = bench.points["fan_current"] / bench.points["fan_speed"]
    bench.plant.upset("belt_slip", speed=0.5)
    bench.run(300.0)
    assert bench.points["fan_current"] / bench.points["fan_speed"] < 0.7 * usual


def test_in_the_cold_it_opens_to_outdoor_air_before_it_asks_for_chilled_water() -> None:
    bench = ahu(SEASONS["winter"], tick_s=5.0)
    course = bench.record(3600.0, "oa_damper_cmd", "cool_valve_cmd", "mixed_temp", "supply_temp_sp")
    assert not course["cool_valve_cmd"].any() and course["oa_damper_cmd"].max() > 30


def test_a_leaking_heating_valve_shows_between_mixed_and_supply_air_though_its_spindle_is_down() -> None:
    bench = ahu(SEASONS["winter"], tick_s=5.0)
    bench.plant.upset("heating_valve_leak", least=30.0)
    bench.run(3600.0)
    p = bench.points
    assert p["heat_valve_cmd"] == p["heat_valve_pos"] == 0 and p["supply_temp"] - p["mixed_temp"] > 5.0


def test_out_of_hours_it_only_circulates() -> None:
    bench = ahu("2026-01-21T21:00:00+08:00", tick_s=5.0)
    bench.plant.upset("damper_leaking", leak=10.0)
    bench.run(3600.0)
    p = bench.points
    assert p["oa_damper_cmd"] == 0 and p["fan_status"] == 1 and 0.5 < p["return_temp"] - p["mixed_temp"] < 4.0


def test_steps_of_a_second_and_of_a_minute_come_to_the_same() -> None:
    ends = []
    for tick_s in (1.0, 60.0):
        bench = ahu(SEASONS["spring"], tick_s=tick_s)
        bench.run(3600.0)
        ends.append([bench.points[name] for name in ("supply_temp", "room_temp", "fan_speed", "co2")])
    assert ends[0] == pytest.approx(ends[1], rel=0.06)


def test_every_point_of_the_kind_is_there() -> None:
    assert set(ahu().points) == set(load_kind("ahu").points)
