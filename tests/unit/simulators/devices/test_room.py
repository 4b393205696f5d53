"""A plant room: cooled, hot, cold, wet, and with gas in it."""

from __future__ import annotations

import pytest

from simulators.devices.room import Room
from tests.kit.plant import Bench


def room(tick_s: float = 10.0, start: str = "2026-07-15T10:00:00+08:00") -> Bench:
    return Bench(Room, "room", tick_s=tick_s, start=start)


@pytest.mark.parametrize("start", ["2026-01-21T02:00:00+08:00", "2026-07-15T14:00:00+08:00"])
def test_in_every_season_it_is_neither_hot_nor_cold(start: str) -> None:
    course = room(start=start).record(6 * 3600.0, "temp", "humidity")
    assert course["temp"].min() > 10.0 and course["temp"].max() < 30.0 and course["humidity"].max() < 85.0


@pytest.mark.parametrize("tick_s", [1.0, 60.0])
def test_without_cooling_the_fan_comes_on_and_the_room_still_gets_hot(tick_s: float) -> None:
    bench = room(tick_s)
    bench.plant.upset("room_overheated", gain=50.0)
    assert bench.points["temp"] > 31.5 or bench.until(lambda p: p["ventilation_running"] == 1, 7200.0) > 60.0
    assert bench.until(lambda p: p["temp"] > 45.0, 4 * 3600.0) > 600.0


def test_a_fan_that_does_not_start_leaves_the_heat_inside() -> None:
    bench = room()
    bench.plant.upset("gen_room_ventilation", gain=30.0)
    bench.run(4 * 3600.0)
    assert bench.points["ventilation_running"] == 0 and bench.points["temp"] > 45.0


def test_water_gas_and_smoke_take_their_time_to_the_sensor() -> None:
    bench = room(1.0)
    bench.plant.upset("room_water", flow=0.1)
    assert 15.0 < bench.until(lambda p: p["water_leak"] == 1) < 25.0
    bench.plant.upset("gas_alarm", gas=50.0)
    assert 60.0 < bench.until(lambda p: p["gas_alarm"] == 1) < 130.0
    bench.plant.upset("room_smoke", grows=6.0)
    assert 25.0 < bench.until(lambda p: p["smoke"] == 1) < 35.0
