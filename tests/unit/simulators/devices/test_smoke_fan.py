"""A smoke fan: standing, called, in its band, upset."""

from __future__ import annotations

import pytest

from simulators.devices.smoke_fan import SmokeFan
from tests.kit.plant import Bench

THURSDAY = "2026-07-16T10:00:00+08:00"  # no weekly start


def fan(tick_s: float = 1.0) -> Bench:
    return Bench(SmokeFan, "smoke_fan", start=THURSDAY, tick_s=tick_s)


def test_it_stands_and_draws_nothing() -> None:
    course = fan().record(300.0, "fan_running", "current", "airflow_proof")
    assert not any(course[name].any() for name in course)


@pytest.mark.parametrize("tick_s", [0.1, 1.0, 5.0])
def test_a_fire_starts_it_within_fifteen_seconds_and_fills_the_stair(tick_s: float) -> None:
    bench = fan(tick_s)
    bench.around.fire = True
    assert bench.until(lambda p: p["fan_running"] == 1 and p["airflow_proof"] == 1, 60.0) <= 15.0
    bench.run(30.0)
    course = bench.record(300.0, "stair_pressure", "lobby_pressure")
    in_band = (course["stair_pressure"] > 40) & (course["stair_pressure"] < 50) & (course["lobby_pressure"] > 25)
    assert in_band.mean() > 0.6  # but for doors that are opened


def test_once_a_week_it_is_tried() -> None:
    bench = Bench(SmokeFan, "smoke_fan", start="2026-07-15T08:00:00+08:00", tick_s=10.0)
    course = bench.record(10 * 3600.0, "run_command", "fan_running")
    assert 200.0 <= course["run_command"].sum() * 10.0 <= 280.0 and course["fan_running"].any()


def test_without_its_belt_it_turns_and_moves_no_air() -> None:
    bench = fan()
    bench.plant.upset("smoke_fan_no_airflow")
    bench.run(60.0)
    assert bench.points["fan_running"] == 1 and bench.points["airflow_proof"] == 0 and bench.points["stair_pressure"] < 3


def test_behind_a_shut_damper_it_is_locked_out() -> None:
    bench = fan()
    bench.plant.upset("smoke_damper_shut")
    bench.around.fire = True
    bench.run(60.0)
    assert bench.points["fan_running"] == 0 and bench.points["fire_signal"] == 1
