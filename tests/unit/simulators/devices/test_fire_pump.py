"""Electric and diesel fire pumps at rest, called, and upset."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.kinds import load_kind
from simulators.devices.fire_pump import FirePump
from tests.kit.plant import Bench


@pytest.fixture
def pump() -> Bench:
    return Bench(FirePump, "fire_pump")


@pytest.fixture
def diesel() -> Bench:
    return Bench(FirePump, "fire_pump", diesel=True)


def test_at_rest_only_the_jockey_works() -> None:
    bench = Bench(FirePump, "fire_pump", tick_s=1.0)
    course = bench.record(8 * 3600.0, "system_pressure", "pump_running", "pump_demand", "jockey_running", "phase_loss", "power_available")
    assert not course["pump_running"].any() and not course["pump_demand"].any() and not course["phase_loss"].any()
    assert course["power_available"].all() and 0 < course["jockey_running"].mean() < 0.01
    assert course["system_pressure"].min() > 7.2 and course["system_pressure"].max() < 8.2


def test_three_healthy_phases_are_400_volts_and_no_current(pump: Bench) -> None:
    volts = [pump.points[name] for name in ("voltage_l1l2", "voltage_l2l3", "voltage_l3l1")]
    assert volts == pytest.approx([398.4] * 3, rel=0.05)
    assert [pump.points[f"current_l{i}"] for i in (1, 2, 3)] == [0.0, 0.0, 0.0]


def test_falling_pressure_starts_the_pump_which_holds_and_is_stopped_by_a_person(pump: Bench) -> None:
    pump.plant.upset("unexpected_run", draw=5.0)
    called = pump.until(lambda p: p["pump_demand"] == 1, 60.0)
    assert pump.points["system_pressure"] < 7.1
    course = pump.record(60.0, "system_pressure", "pump_running", "current_l1")
    assert called < 20 and course["pump_running"][-1] == 1
    assert course["system_pressure"][-1] > 11.0  # near shut-off: little is drawn
    assert course["current_l1"].max() > 4 * course["current_l1"][-1]  # started direct on line
    assert course["current_l1"][-1] > 40
    pump.plant.end_upset("unexpected_run")
    pump.run(30.0)
    assert pump.points["pump_running"] == 0


def test_not_in_auto_shows_the_selector_and_the_pump_does_not_start(pump: Bench) -> None:
    pump.plant.upset("controller_not_in_auto")
    pump.tick()
    assert pump.points["control_mode"] == pump.code("control_mode", "manual")
    pump.plant.upset("unexpected_run", draw=30.0)
    pump.run(60.0)
    assert pump.points["system_pressure"] < 7.0 and pump.points["pump_running"] == 0
    pump.plant.end_upset("controller_not_in_auto")
    pump.plant.upset("controller_not_in_auto", off=1.0)
    pump.tick()
    assert pump.points["control_mode"] == pump.code("control_mode", "off")


@pytest.mark.parametrize("phase", [1, 2, 3])
def test_a_lost_phase_pulls_two_line_voltages_down_and_sets_its_alarm(pump: Bench, phase: int) -> None:
    pump.plant.upset("phase_loss", phase=float(phase), left=0.6)
    assert pump.until(lambda p: p["phase_loss"] == 1, 5.0) == pytest.approx(0.5, abs=0.2)
    volts = np.array([pump.points[name] for name in ("voltage_l1l2", "voltage_l2l3", "voltage_l3l1")])
    assert (volts < 0.85 * volts.max()).sum() == 2  # what the rule's 85 % of the mean rests on
    assert [pump.points[f"phase_loss_l{i}"] for i in (1, 2, 3)] == [float(i == phase) for i in (1, 2, 3)]
    pump.plant.end_upset("phase_loss")
    pump.run(1.0)
    assert pump.points["phase_loss"] == 0


def test_a_pump_without_head_runs_and_the_pressure_stays_under_its_start_point(pump: Bench) -> None:
    pump.plant.upset("running_no_pressure")
    pump.until(lambda p: p["pump_running"] == 1, 60.0)
    pump.run(15.0)
    course = pump.record(60.0, "system_pressure", "pump_running")
    assert course["pump_running"].all() and course["system_pressure"].max() < 4.5  # the rule's default start point + margin
    pump.plant.end_upset("running_no_pressure")
    pump.run(60.0)
    assert pump.points["pump_running"] == 0 and pump.points["system_pressure"] > 7.0


def test_a_pump_that_does_not_start_is_demanded_and_stands(pump: Bench) -> None:
    pump.plant.upset("fail_to_start")
    pump.until(lambda p: p["pump_demand"] == 1, 60.0)
    pump.run(60.0)
    assert pump.points["pump_running"] == 0 and pump.points["system_pressure"] < 2.0


def test_set_points_come_from_the_site_file() -> None:
    bench = Bench(FirePump, "fire_pump", parameters={"start_pressure": 5.0, "rated_pressure": 8.0})
    assert 5.3 < bench.points["system_pressure"] < 6.1


def test_a_diesel_starts_within_seconds_and_makes_pressure(diesel: Bench) -> None:
    diesel.plant.upset("unexpected_run", draw=5.0)
    diesel.until(lambda p: p["cranking"] == 1, 60.0)
    assert min(diesel.points["battery1_voltage"], diesel.points["battery2_voltage"]) < 22.5
    assert diesel.until(lambda p: p["pump_running"] == 1, 30.0) < 8.0
    diesel.run(30.0)
    assert diesel.points["engine_speed"] == pytest.approx(2100, abs=20) and diesel.points["oil_pressure"] > 3.5
    assert diesel.points["system_pressure"] > 11.0


def test_a_dead_diesel_cranks_six_times_on_alternate_batteries_then_gives_up(diesel: Bench) -> None:
    diesel.plant.upset("fail_to_start")
    diesel.until(lambda p: p["pump_demand"] == 1, 60.0)
    course = diesel.record(200.0, "cranking", "crank_attempt", "active_battery", "engine_speed", "fail_to_start")
    assert (np.diff(course["cranking"]) == 1).sum() in (5, 6) and course["crank_attempt"].max() == 6
    assert course["engine_speed"].max() < 300
    assert {round(b) for b in course["active_battery"]} == {1, 2}
    failed = int(np.argmax(course["fail_to_start"]))
    assert 160 < failed * 0.1 < 185  # 6 x 15 s and 5 rests: 165 s
    diesel.plant.end_upset("fail_to_start")
    diesel.tick()
    assert diesel.points["fail_to_start"] == 0


def test_each_has_the_points_of_its_driver_and_together_they_have_all(pump: Bench, diesel: Bench) -> None:
    assert set(pump.points) | set(diesel.points) == set(load_kind("fire_pump").points)
    assert {"engine_speed", "cranking", "fuel_level"} <= set(diesel.points) - set(pump.points)
    assert {"current_l1", "motor_temp"} <= set(pump.points) - set(diesel.points)


def test_the_weekly_test_starts_it_for_its_time_and_says_why(pump: Bench) -> None:
    assert pump.points["weekly_test_due"] == 0
    pump.plant.upset("weekly_test", run_s=120.0)
    pump.until(lambda p: p["pump_running"] == 1, 10.0)
    assert pump.points["test_running"] == 1 and pump.points["start_cause"] == pump.code("start_cause", "weekly_test")
    course = pump.record(90.0, "system_pressure", "pump_running", "pump_demand")
    assert course["pump_running"].all() and course["system_pressure"][-1] > 11.5 and not course["pump_demand"].any()
    pump.run(60.0)
    assert pump.points["pump_running"] == 0 and pump.points["test_running"] == 0
    assert pump.around.now_s - pump.points["last_weekly_test"] < 120.0


def test_a_start_by_hand_says_so_and_ends_with_the_stop_button() -> None:
    bench = Bench(FirePump, "fire_pump", tick_s=1.0)
    bench.plant.runs._by_hand_at_s = bench.around.now_s + 5.0
    bench.until(lambda p: p["pump_running"] == 1, 20.0)
    assert bench.points["start_cause"] == bench.code("start_cause", "manual") and bench.points["pump_demand"] == 0
    pressed = bench.until(lambda p: p["stop_button"] == 1, 200.0)
    assert pressed == pytest.approx(119.0, abs=3.0)
    bench.run(10.0)
    assert bench.points["pump_running"] == 0 and bench.points["stop_button"] == 0


def test_a_held_rotor_draws_six_times_its_current_until_the_breaker_opens(pump: Bench) -> None:
    pump.plant.upset("locked_rotor")
    pump.until(lambda p: p["current_l1"] > 100.0, 30.0)
    course = pump.record(30.0, "current_l1", "pump_running")
    assert course["current_l1"].max() == pytest.approx(624.0, abs=3.0) and not course["pump_running"].any()
    assert (course["current_l1"] > 500.0).sum() * 0.1 == pytest.approx(15.0, abs=0.3)


def test_a_worn_impeller_shows_at_no_flow(pump: Bench) -> None:
    heads = []
    for left in (1.0, 0.9):
        if left < 1.0:
            pump.plant.upset("churn_pressure_low", left=left)
        pump.plant.upset("weekly_test", run_s=60.0)
        course = pump.record(40.0, "system_pressure", "suction_pressure")
        heads.append(course["system_pressure"][-50:].mean() - course["suction_pressure"][-50:].mean())
        pump.plant.end_upset("weekly_test")
        pump.plant.network.pressure = 7.5
    assert heads[1] / heads[0] == pytest.approx(0.9, abs=0.01)


def test_a_clogged_strainer_takes_pressure_with_the_flow_squared(pump: Bench) -> None:
    pump.plant.upset("suction_below_zero", loss=0.8, draw=15.0)
    pump.run(60.0)
    half = pump.points["suction_pressure"]
    pump.plant.end_upset("suction_below_zero")
    pump.plant.upset("suction_below_zero", loss=0.8, draw=30.0)
    pump.run(60.0)
    assert 0.34 - pump.points["suction_pressure"] == pytest.approx(4 * (0.34 - half), rel=0.15)


def test_a_plugged_sensing_line_shows_the_pressure_of_some_day(pump: Bench) -> None:
    pump.plant.upset("pressure_sensor_frozen")
    course = pump.record(30.0, "system_pressure")
    assert course["system_pressure"].std() == 0.0
    pump.plant.end_upset("pressure_sensor_frozen")
    assert pump.record(30.0, "system_pressure")["system_pressure"].std() > 0.0


def test_a_weak_battery_does_not_fire_it_and_the_other_does(diesel: Bench) -> None:
    diesel.plant.upset("diesel_battery_weak", draw=15.0)
    diesel.until(lambda p: p["cranking"] == 1, 60.0)
    assert diesel.points["battery1_voltage"] < 16.0
    assert 25.0 < diesel.until(lambda p: p["pump_running"] == 1, 60.0) < 40.0 and diesel.points["active_battery"] == 2


def test_an_engine_that_runs_away_trips_and_stays_so_until_it_is_reset(diesel: Bench) -> None:
    diesel.plant.upset("diesel_overspeed_trip")
    diesel.until(lambda p: p["engine_overspeed"] == 1, 60.0)
    diesel.run(30.0)
    assert diesel.points["pump_running"] == 0 and diesel.points["engine_lockout"] == 1 and diesel.points["pump_demand"] == 1
    diesel.plant.end_upset("diesel_overspeed_trip")
    diesel.run(1.0)
    assert diesel.points["engine_overspeed"] == 0


def test_an_unheated_block_cools_to_its_room_in_hours() -> None:
    bench = Bench(FirePump, "fire_pump", diesel=True, tick_s=60.0, start="2026-01-14T03:00:00+08:00")
    bench.plant.upset("diesel_cold")
    course = bench.record(4 * 3600.0, "coolant_temp", "room_temp")
    assert course["coolant_temp"][0] > 45.0 and course["coolant_temp"][-1] == pytest.approx(course["room_temp"][-1], abs=2.0)
