"""The standby set: its sequence on a mains failure, its upsets, its transfer switch."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from plantroom.kinds import load_kind
from simulators.devices.ats import Ats
from simulators.devices.generator import Generator
from tests.kit.plant import Bench


@pytest.fixture
def gen() -> Bench:
    return Bench(Generator, "generator")


def states(bench: Bench, seconds: float) -> list[str]:
    """The engine states in the order they came."""
    words = {float(code): word for word, code in load_kind("generator").points["engine_state"].codes.items()}
    course = bench.record(seconds, "engine_state")["engine_state"]
    return [words[course[0]], *(words[b] for a, b in pairwise(course) if a != b)]


def test_standing_by_it_is_warm_charged_and_quiet(gen: Bench) -> None:
    course = gen.record(600.0, "engine_speed", "battery_voltage", "coolant_temp", "common_alarm", "mains_breaker_closed")
    assert not course["engine_speed"].any() and not course["common_alarm"].any() and course["mains_breaker_closed"].all()
    assert course["battery_voltage"].min() > 26.9 and course["battery_voltage"].max() < 27.5
    assert course["coolant_temp"].min() > 35


def test_a_mains_failure_is_answered_within_15_seconds_and_returns_in_order(gen: Bench) -> None:
    gen.run(5.0)
    gen.plant.upset("mains_lost")
    seen = states(gen, 30.0)
    assert seen[-6:] == ["stopped", "prestart", "cranking", "starting", "running", "loaded"]
    assert gen.points["gen_breaker_closed"] == 1 and gen.points["mains_breaker_closed"] == 0 and gen.points["mains_ok"] == 0
    assert 6.0 < gen.points["transfer_time_s"] < 15.0 and gen.points["gen_load_percent"] > 30
    assert gen.around.powered
    gen.plant.end_upset("mains_lost")
    assert gen.until(lambda p: p["mains_breaker_closed"] == 1) == pytest.approx(61.0, abs=2.0)
    assert states(gen, 260.0) == ["cooling", "stopping", "stopped"]
    assert gen.points["gen_voltage_l1n"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_the_load_step_dips_frequency_by_two_to_eight_percent_and_recovers_in_five_seconds(seed: int) -> None:
    bench = Bench(Generator, "generator", seed=seed)
    bench.plant.upset("mains_lost")
    bench.until(lambda p: p["gen_load_percent"] > 0, 30.0)
    course = bench.record(8.0, "gen_frequency", "gen_voltage_l1n")
    assert 0.02 < 1 - course["gen_frequency"].min() / 50.0 < 0.08
    assert abs(course["gen_frequency"][50:] - 50.0).max() < 0.015 * 50
    assert course["gen_voltage_l1n"].min() > 0.8 * 230


def test_the_battery_dips_while_cranking(gen: Bench) -> None:
    gen.plant.upset("mains_lost")
    course = gen.record(20.0, "battery_voltage", "engine_state")
    cranking = course["engine_state"] == gen.code("engine_state", "cranking")
    assert 17.0 < course["battery_voltage"][cranking].min() < 22.0
    assert course["battery_voltage"][~cranking].min() > 25.0


def test_it_cranks_three_times_without_firing_and_reports_crank_failure(gen: Bench) -> None:
    gen.plant.upset("fail_to_start")
    course = gen.record(70.0, "engine_speed", "engine_state", "crank_failure")
    cranking = course["engine_state"] == gen.code("engine_state", "cranking")
    assert (np.diff(cranking.astype(int)) == 1).sum() == 3
    assert course["engine_speed"].max() < 300
    assert course["crank_failure"][-1] == 1 and 50 < np.argmax(course["crank_failure"]) * 0.1 < 56
    gen.plant.end_upset("fail_to_start")
    gen.run(1.0)
    assert gen.points["crank_failure"] == 0 and gen.points["engine_state"] == gen.code("engine_state", "stopped")


def test_not_in_auto_it_lets_the_building_go_dark(gen: Bench) -> None:
    gen.plant.upset("not_in_auto", manual=1.0)
    gen.tick()
    assert gen.points["control_mode"] == gen.code("control_mode", "manual") and gen.points["not_in_auto"] == 1
    gen.plant.upset("mains_lost")
    gen.run(60.0)
    assert gen.points["engine_speed"] == 0 and not gen.around.powered


def test_fuel_falls_at_once_or_in_time(gen: Bench) -> None:
    gen.plant.upset("low_fuel", level=18.0, over_s=100.0)
    gen.run(50.0)
    assert 40 < gen.points["fuel_level"] < 70
    gen.run(60.0)
    assert gen.points["fuel_level"] == pytest.approx(18.0, abs=0.3)
    gen.plant.end_upset("low_fuel")
    gen.tick()
    assert gen.points["fuel_level"] > 90


def test_oil_pressure_falls_at_speed_and_the_controller_stops_the_engine(gen: Bench) -> None:
    gen.plant.upset("low_oil_pressure", kpa=80.0)
    course = gen.record(70.0, "engine_speed", "oil_pressure", "shutdown_alarms", "engine_state")
    low = (course["oil_pressure"] < 103) & (course["engine_speed"] > 300) & (course["engine_state"] != gen.code("engine_state", "starting"))
    assert low.sum() * 0.1 > 3.0  # longer than the rule's 2 s and a poll
    assert round(course["shutdown_alarms"][-1]) >> round(gen.code("shutdown_alarms", "low_oil_pressure")) & 1
    assert course["engine_speed"][-1] == 0
    assert course["oil_pressure"].max() > 300


def test_overspeed_trips_the_engine(gen: Bench) -> None:
    gen.plant.upset("overspeed", speed=1.2)
    course = gen.record(60.0, "engine_speed", "shutdown_alarms")
    assert course["engine_speed"].max() > 1.1 * 1500 and course["engine_speed"][-1] == 0
    assert round(course["shutdown_alarms"][-1]) >> round(gen.code("shutdown_alarms", "overspeed")) & 1


def test_every_point_of_the_kind_is_there(gen: Bench) -> None:
    assert set(gen.points) == set(load_kind("generator").points)


def test_a_switch_of_its_own_shows_what_its_generator_does(gen: Bench) -> None:
    switch = Ats(load_kind("ats"), {}, np.random.default_rng(9), gen.around, gen.plant)  # type: ignore[arg-type]
    assert set(switch.points) == set(load_kind("ats").points)
    gen.plant.upset("mains_lost")
    for _ in range(300):
        gen.tick()
        switch.step(gen.around.now_s, 0.1)
    assert switch.points["position"] == switch.code("position", "emergency")
    assert switch.points["emergency_ok"] == 1 and switch.points["normal_ok"] == 0
    assert switch.points["emergency_voltage_l1n"] == pytest.approx(230, rel=0.05)


def test_a_stuck_switch_leaves_the_load_dead(gen: Bench) -> None:
    switch = Ats(load_kind("ats"), {}, np.random.default_rng(9), gen.around, gen.plant)  # type: ignore[arg-type]
    switch.upset("ats_fail_to_transfer")
    gen.plant.upset("mains_lost")
    for _ in range(600):
        gen.tick()
        switch.step(gen.around.now_s, 0.1)
    assert switch.points["emergency_ok"] == 1 and switch.points["position"] == switch.code("position", "normal")
    assert switch.points["fail_to_transfer"] == 1 and not gen.around.powered


def test_oil_pressure_goes_with_speed_and_a_cold_engine_has_more(gen: Bench) -> None:
    gen.plant.upset("fail_to_stop")
    gen.run(40.0)
    cold = gen.points["oil_pressure"]
    gen.run(900.0)  # told to stop and runs on: warm by now
    assert gen.points["coolant_temp"] > 75 and cold > gen.points["oil_pressure"] + 20 > 350
    assert gen.points["engine_state"] == gen.code("engine_state", "stopping") and gen.points["engine_speed"] > 1400
    gen.plant.end_upset("fail_to_stop")
    course = gen.record(15.0, "engine_speed", "oil_pressure")
    slow = (course["engine_speed"] > 300) & (course["engine_speed"] < 900)
    assert slow.any() and course["oil_pressure"][slow].max() < 350


def test_the_set_exercises_itself_without_load_on_one_saturday_in_four() -> None:
    runs = []
    for day in (4, 11, 18, 25):
        bench = Bench(Generator, "generator", start=f"2026-07-{day:02}T08:58:00+08:00", tick_s=5.0)
        course = bench.record(1200.0, "engine_speed", "gen_load_percent", "control_mode")
        runs.append((course["engine_speed"] > 1400).sum() * 5.0)
        assert not course["gen_load_percent"].any() and (course["control_mode"] == bench.code("control_mode", "auto")).all()
    assert sorted(runs)[:3] == [0, 0, 0] and 840 < sum(runs) < 1130


def test_a_weak_battery_collapses_under_the_starter_and_a_slow_engine_fires_later(gen: Bench) -> None:
    gen.plant.upset("battery_weak", ohm=0.034)
    course = gen.record(20.0, "battery_voltage", "engine_state", "engine_speed")
    cranking = course["engine_state"] == gen.code("engine_state", "cranking")
    assert 13.0 < course["battery_voltage"][cranking].min() < 16.0 and cranking.sum() * 0.1 > 2.0
    assert course["engine_speed"][cranking].max() < 180


def test_without_its_charger_the_battery_goes_to_its_rest_and_then_runs_down() -> None:
    bench = Bench(Generator, "generator", tick_s=60.0)
    bench.plant.upset("charger_failed")
    bench.run(2 * 3600.0)
    assert bench.points["battery_voltage"] == pytest.approx(25.6, abs=0.15) and bench.points["charger_ok"] == 0
    bench.run(6 * 86_400.0)
    assert 24.0 < bench.points["battery_voltage"] < 24.9


def test_an_overload_takes_speed_down_and_trips_the_breaker_not_the_engine(gen: Bench) -> None:
    gen.plant.upset("overload_in_outage", load=1.15)
    course = gen.record(70.0, "gen_frequency", "gen_breaker_closed", "trip_alarms", "engine_speed")
    loaded = course["gen_breaker_closed"] == 1
    assert 46.5 < np.median(course["gen_frequency"][loaded]) < 48.5
    assert not loaded[-1] and round(course["trip_alarms"][-1]) >> round(gen.code("trip_alarms", "overpower")) & 1


def test_a_loose_neutral_drives_the_phases_apart(gen: Bench) -> None:
    gen.plant.upset("voltage_unbalance_severe", left=0.87)
    gen.run(60.0)
    volts = [gen.points[f"gen_voltage_l{i}n"] for i in (1, 2, 3)]
    mean = sum(volts) / 3
    assert max(abs(v - mean) for v in volts) / mean > 0.1


def test_long_steps_see_the_same_set_as_short_ones() -> None:
    ends = []
    for tick_s in (0.1, 5.0, 60.0):
        bench = Bench(Generator, "generator", tick_s=tick_s)
        bench.plant.upset("mains_lost")
        bench.run(1800.0)
        ends.append([bench.points[name] for name in ("coolant_temp", "oil_pressure", "gen_load_percent", "engine_speed", "fuel_level")])
    for a, b in pairwise(ends):
        assert a == pytest.approx(b, rel=0.02, abs=1.5)


def test_two_feeders_and_their_switch() -> None:
    switch = Bench(Ats, "ats", standby=None)
    switch.plant.upset("dual_source_lost", feed=0.0)
    switch.run(3.0)
    assert switch.points["position"] == switch.code("position", "emergency") and switch.points["load_current_l1"] > 100
    switch.plant.end_upset("dual_source_lost")
    assert switch.until(lambda p: p["normal_breaker_closed"] == 1) == pytest.approx(61.0, abs=2.0)
    switch.plant.upset("ats_both_open")
    switch.run(1.0)
    assert switch.points["position"] == switch.code("position", "both_open") and switch.points["load_current_l1"] == 0
    switch.plant.end_upset("ats_both_open")
    switch.plant.upset("left_on_standby")
    switch.run(400.0)
    assert switch.points["normal_ok"] == 1 and switch.points["emergency_breaker_closed"] == 1
