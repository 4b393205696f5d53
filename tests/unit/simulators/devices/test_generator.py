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
