"""A VAV box in its seasons and upset; the room behind it."""

from __future__ import annotations

import pytest

from simulators.devices.rooms import Room
from simulators.devices.vav import Vav
from tests.kit.plant import Bench

SEASONS = {"winter": "2026-01-14T10:00:00+08:00", "spring": "2026-04-15T10:00:00+08:00", "summer": "2026-07-15T14:00:00+08:00"}


def vav(start: str = SEASONS["summer"], seed: int = 1, tick_s: float = 10.0) -> Bench:
    return Bench(Vav, "vav", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("seed", range(3))
def test_in_every_season_the_zone_is_held_and_gets_its_air(season: str, seed: int) -> None:
    course = vav(SEASONS[season], seed).record(3 * 3600.0, "room_temp", "air_flow", "air_flow_sp", "co2")
    assert course["room_temp"].min() > 21.0 and course["room_temp"].max() < 26.0
    assert (course["air_flow"] / course["air_flow_sp"]).min() > 0.75
    assert course["co2"].max() < 1150.0


def test_nights_are_without_air() -> None:
    course = vav("2026-07-15T23:00:00+08:00").record(3600.0, "air_flow", "air_flow_sp", "damper", "ahu_running", "reheat_valve")
    assert course["air_flow"].max() < 15.0
    assert not any(course[name].any() for name in ("air_flow_sp", "damper", "ahu_running", "reheat_valve"))


def test_cold_mornings_are_reheated_at_least_flow() -> None:
    bench = vav("2026-01-14T06:00:00+08:00")
    bench.run(3600.0)
    assert bench.points["reheat_valve"] > 30.0 and bench.points["discharge_temp"] > bench.points["ahu_supply_temp"] + 5.0
    assert bench.points["air_flow"] == pytest.approx(200.0, abs=25.0)


def test_a_squeezed_duct_opens_the_damper_and_still_starves_the_room() -> None:
    bench = vav()
    before = bench.points["damper"]
    bench.plant.upset("vav_very_low_flow", left=30.0)
    bench.run(1800.0)
    assert bench.points["damper"] > before and bench.points["air_flow"] < 0.4 * bench.points["air_flow_sp"]


def test_a_leaking_damper_passes_air_when_shut() -> None:
    bench = vav()
    bench.plant.upset("vav_damper_leak", leak=20.0)
    bench.run(900.0)
    assert bench.points["damper"] == 0.0 and bench.points["air_flow_sp"] == 0.0 and 200.0 < bench.points["air_flow"] < 350.0


def test_a_leaking_reheat_warms_air_that_nobody_asked_to_warm() -> None:
    bench = vav(SEASONS["spring"])
    bench.plant.upset("vav_reheat_leak", leak=90.0)
    bench.run(1800.0)
    assert bench.points["reheat_valve"] == 0.0 and bench.points["discharge_temp"] > bench.points["ahu_supply_temp"] + 3.0


@pytest.mark.parametrize("step_s", [1.0, 60.0])
def test_a_room_warms_alike_in_any_step(step_s: float) -> None:
    room = Room(22.0, 0.25, 0.06)
    for _ in range(round(3600.0 / step_s)):
        room.step(step_s, 30.0, 1.5, 14.0, 0.0)
    assert room.temp == pytest.approx(28.8, abs=0.6)
