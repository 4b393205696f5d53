"""A fan coil or indoor unit by season, and upset."""

from __future__ import annotations

import pytest

from simulators.devices.fan_coil import BUS_LOST, FanCoil
from tests.kit.plant import Bench

SEASONS = {"winter": "2026-01-14T10:00:00+08:00", "spring": "2026-04-15T10:00:00+08:00", "summer": "2026-07-15T14:00:00+08:00"}


def unit(start: str = SEASONS["summer"], seed: int = 1, tick_s: float = 10.0) -> Bench:
    return Bench(FanCoil, "fcu", start=start, seed=seed, tick_s=tick_s)


@pytest.mark.parametrize("season", SEASONS)
@pytest.mark.parametrize("seed", range(3))
def test_in_every_season_the_room_is_comfortable(season: str, seed: int) -> None:
    course = unit(SEASONS[season], seed).record(3 * 3600.0, "room_temp", "on_off", "condensate_high", "error_code")
    assert course["room_temp"].min() > 19.0 and course["room_temp"].max() < 27.5
    assert course["on_off"].all() and not course["condensate_high"].any() and not course["error_code"].any()


def test_nights_are_off() -> None:
    course = unit("2026-07-15T23:00:00+08:00").record(1800.0, "on_off", "fan_speed")
    assert not course["on_off"].any() and not course["fan_speed"].any()


def test_a_cut_bus_freezes_everything_and_shows_the_gateway_s_code() -> None:
    bench = unit()
    bench.plant.upset("indoor_unit_comms_lost")
    course = bench.record(1800.0, "room_temp", "valve", "error_code")
    assert course["room_temp"].std() < 1e-9 and course["valve"].std() < 1e-9 and (course["error_code"] == BUS_LOST).all()
    bench.plant.end_upset("indoor_unit_comms_lost")
    bench.run(20.0)
    assert bench.points["error_code"] == 0.0


def test_a_clogged_drain_fills_the_pan_and_stops_the_unit() -> None:
    bench = unit()
    bench.plant.upset("condensate_overflow")
    assert 60.0 < bench.until(lambda p: p["condensate_high"] == 1, 400.0) < 300.0
    bench.run(300.0)
    assert bench.points["fan_speed"] == 0.0


def test_more_heat_than_it_was_chosen_for_warms_the_room() -> None:
    bench = unit()
    bench.plant.upset("room_temp_out_of_band", heat=4.0)
    bench.run(3600.0)
    assert bench.points["room_temp"] > 28.5 and bench.points["valve"] > 95.0 and bench.points["fan_speed"] == 3.0


def test_the_filter_sign_comes_with_its_hours_and_goes_with_a_new_filter() -> None:
    bench = unit()
    bench.plant.upset("filter_due")
    bench.run(10.0)
    assert bench.points["filter_sign"] == 1.0
    bench.plant.end_upset("filter_due")
    bench.run(10.0)
    assert bench.points["filter_sign"] == 0.0
