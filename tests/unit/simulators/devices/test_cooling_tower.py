"""A cooling tower in summer, in frost, and upset; the wet bulb."""

from __future__ import annotations

import pytest

from simulators.devices.cooling import wet_bulb
from simulators.devices.cooling_tower import CoolingTower
from tests.kit.plant import Bench

AFTERNOON = "2026-07-15T13:00:00+08:00"
FROST = "2026-01-14T01:00:00+08:00"


def tower(start: str = AFTERNOON, seed: int = 1, tick_s: float = 5.0) -> Bench:
    return Bench(CoolingTower, "tower", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize(("temp", "humidity", "wet"), [(20.0, 50.0, 13.7), (30.0, 70.0, 25.6), (35.0, 40.0, 24.0), (5.0, 80.0, 3.5)])
def test_the_wet_bulb_is_that_of_the_tables(temp: float, humidity: float, wet: float) -> None:
    assert wet_bulb(temp, humidity) == pytest.approx(wet, abs=0.65)


@pytest.mark.parametrize("seed", range(3))
def test_it_holds_its_water_a_few_kelvin_above_the_wet_bulb(seed: int) -> None:
    course = tower(seed=seed).record(2 * 3600.0, "leaving_temp", "wet_bulb_temp", "entering_temp", "fan_speed")
    approach = course["leaving_temp"] - course["wet_bulb_temp"]
    assert approach.min() > 2.0 and approach.max() < 5.2
    assert 2.0 < (course["entering_temp"] - course["leaving_temp"]).mean() < 5.5
    assert course["fan_speed"].min() >= 25.0


def test_less_fill_means_more_fan_then_warmer_water() -> None:
    bench = tower()
    before = bench.points["fan_speed"], bench.points["leaving_temp"]
    bench.plant.upset("cooling_tower_approach_high", fill=0.4)
    bench.run(3600.0)
    assert bench.points["fan_speed"] > max(99.0, before[0]) and bench.points["leaving_temp"] > before[1] + 1.5


def test_make_up_keeps_the_level_and_without_it_the_basin_empties() -> None:
    bench = tower()
    assert bench.record(3600.0, "basin_level")["basin_level"].min() > 64.0
    bench.plant.upset("tower_basin_low", loss=2.0)
    assert 1100.0 < bench.until(lambda p: p["basin_level"] < 30.0, 3000.0) < 1400.0


def test_blow_down_keeps_the_salts_and_without_it_they_concentrate() -> None:
    bench = tower("2026-07-13T06:00:00+08:00", tick_s=60.0)
    bench.plant.upset("tower_conductivity_high", bleed=0.0)
    before = bench.points["conductivity"]
    bench.run(12 * 3600.0)
    assert bench.points["conductivity"] > before + 100.0


def test_the_heater_keeps_ice_away_and_without_it_frost_comes() -> None:
    bench = tower(FROST, tick_s=30.0)
    assert bench.record(6 * 3600.0, "basin_temp")["basin_temp"].min() > 3.3
    bench.plant.upset("tower_basin_freezing", colder=8.0)
    bench.until(lambda p: p["basin_temp"] < 1.0, 6 * 3600.0)
    assert not bench.points["basin_heater_on"]


def test_a_commanded_fan_that_does_not_turn() -> None:
    bench = tower(tick_s=1.0)
    bench.plant.upset("fan_fail_to_start")
    assert bench.until(lambda p: p["fan_status"] == 0, 60.0) < 50.0
    assert bench.points["fan_cmd"] >= 70.0 and bench.points["fan_current"] == 0.0
