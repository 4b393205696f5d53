"""A set of fire pumps: who starts when water is drawn, and who takes over."""

from __future__ import annotations

import pytest

from plantroom.kinds import load_kind
from simulators.devices.fire_pump_set import FirePumpSet
from tests.kit.plant import Bench


@pytest.fixture
def pumps() -> Bench:
    return Bench(FirePumpSet, "fire_pump_set")


def test_at_rest_the_jockey_alone_keeps_the_pressure_and_every_point_has_a_value() -> None:
    bench = Bench(FirePumpSet, "fire_pump_set", tick_s=1.0)
    assert set(bench.points) == set(load_kind("fire_pump_set").points)
    course = bench.record(8 * 3600.0, "header_pressure", "demand", "duty_running", "standby_running", "jockey_running")
    assert not course["demand"].any() and not course["duty_running"].any() and not course["standby_running"].any()
    assert course["header_pressure"].min() > 7.2 and 0 < course["jockey_running"].mean() < 0.01


def test_water_drawn_closes_the_roof_tanks_switch_first_and_the_alarm_valves_after_its_chamber_has_filled(pumps: Bench) -> None:
    pumps.plant.upset("fire_start_chain_broken", draw=3.0)
    pumps.tick()
    assert pumps.points["roof_tank_flow_switch"] == 1 and pumps.points["alarm_valve_switch"] == 0
    assert pumps.until(lambda p: p["alarm_valve_switch"] == 1, 30.0) == pytest.approx(15.0, abs=0.5)
    pumps.until(lambda p: p["pressure_switch"] == 1, 60.0)
    assert pumps.points["demand"] == pumps.points["duty_running"] == 0  # the line to the cabinet is cut


def test_the_duty_pump_starts_on_a_signal_and_its_pressure_shuts_the_roof_tank_off(pumps: Bench) -> None:
    pumps.plant.upset("set_no_pressure", head=0.4, draw=15.0)
    assert pumps.until(lambda p: p["duty_running"] == 1, 30.0) < 5.0
    pumps.tick()
    assert pumps.points["roof_tank_flow_switch"] == 0 and pumps.points["standby_running"] == 0
    pumps.run(60.0)
    assert pumps.points["header_pressure"] < 5.5
    pumps.plant.end_upset("set_no_pressure")
    pumps.run(30.0)
    assert pumps.points["duty_running"] == 0 and pumps.points["header_pressure"] > 7.0


def test_the_standby_takes_over_ten_seconds_after_a_duty_pump_that_does_not_come(pumps: Bench) -> None:
    pumps.plant.upset("standby_took_over", draw=15.0)
    assert pumps.until(lambda p: p["standby_running"] == 1, 60.0) == pytest.approx(11.0, abs=2.0)
    pumps.run(30.0)
    assert pumps.points["duty_running"] == 0 and pumps.points["header_pressure"] > 9.0


def test_where_neither_comes_the_main_is_empty_and_the_demand_stands(pumps: Bench) -> None:
    pumps.plant.upset("standby_pump_no_takeover", draw=30.0)
    pumps.run(90.0)
    assert pumps.points["demand"] == 1 and pumps.points["duty_running"] == pumps.points["standby_running"] == 0
    assert pumps.points["header_pressure"] < 1.0


@pytest.mark.parametrize("tick_s", [0.1, 5.0, 30.0])
def test_its_weekly_run_is_no_demand_whatever_the_step(tick_s: float) -> None:
    bench = Bench(FirePumpSet, "fire_pump_set", tick_s=tick_s)
    assert isinstance(bench.plant, FirePumpSet)
    bench.plant.runs.begin(180.0)
    course = bench.record(300.0, "duty_running", "demand", "header_pressure")
    assert course["duty_running"].mean() == pytest.approx(0.6, abs=0.15) and not course["demand"].any()
    assert course["header_pressure"].max() > 11.5
