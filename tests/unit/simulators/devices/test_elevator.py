"""A lift in service, and what its upsets do to it."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.devices.elevator import DOOR_ZONE_M, Elevator, Shaft
from tests.kit.plant import Bench


@pytest.fixture
def lift() -> Bench:
    return Bench(Elevator, "elevator", shaft=Shaft(floors=12))


def test_a_busy_hour_moves_people_within_the_limits_of_the_drive(lift: Bench) -> None:
    names = ("car_position_m", "car_speed", "car_door_zone", "car_door_status_1", "car_load", "brake_released", "trip_count")
    course = lift.record(3600.0, *names)
    assert 30 < course["trip_count"][-1] - course["trip_count"][0] < 200
    assert abs(course["car_speed"]).max() == pytest.approx(1.75, abs=0.01)
    assert course["car_position_m"].min() >= -0.01 and course["car_position_m"].max() <= 11 * 3.6 + 0.01
    moving = abs(course["car_speed"]) > 0.01
    shut = course["car_door_status_1"] == lift.code("car_door_status_1", "closed")
    assert shut[moving].all() and course["brake_released"][abs(course["car_speed"]) > 0.1].all()
    assert course["car_load"].max() > 5 and course["car_load"].max() <= 60
    off = abs(course["car_position_m"] / 3.6 - np.round(course["car_position_m"] / 3.6)) * 3.6
    assert ((off <= DOOR_ZONE_M) == (course["car_door_zone"] == 1)).all()


def test_the_position_is_the_integral_of_the_speed(lift: Bench) -> None:
    course = lift.record(600.0, "car_position_m", "car_speed")
    travelled = np.diff(course["car_position_m"])
    assert abs(travelled - 0.05 * (course["car_speed"][1:] + course["car_speed"][:-1])).max() < 0.02


def test_nights_are_quiet_and_weekends_too() -> None:
    trips = {}
    for name, start in {"morning": "2026-07-15T08:30", "night": "2026-07-15T02:00", "sunday": "2026-07-19T08:30"}.items():
        bench = Bench(Elevator, "elevator", start=f"{start}:00+08:00", tick_s=1.0)
        before = bench.points["trip_count"]
        bench.run(3600.0)
        trips[name] = bench.points["trip_count"] - before
    assert trips["morning"] > 5 * trips["night"] and trips["morning"] > 3 * trips["sunday"]


def test_the_same_people_ride_whatever_the_step() -> None:
    trips = []
    for tick_s in (0.1, 1.0, 10.0):
        bench = Bench(Elevator, "elevator", tick_s=tick_s)
        before = bench.points["trip_count"]
        bench.run(2 * 3600.0)
        trips.append(bench.points["trip_count"] - before)
    assert min(trips) > 0.8 * max(trips) > 60


def test_trapped_passengers_stand_between_floors_and_press_the_alarm(lift: Bench) -> None:
    lift.run(30.0)
    lift.plant.upset("passenger_entrapment", alarm_after_s=20.0)
    stopped = lift.until(lambda p: p["car_speed"] == 0 and not p["car_door_zone"] and not p["safety_chain_closed"], 30.0)
    assert stopped < 20.0
    assert lift.points["occupancy_detected"] == 1 and lift.points["car_load"] > 5 and lift.points["passenger_alarm"] == 0
    assert lift.points["brake_released"] == 0 and lift.points["common_fault"] == 1
    assert lift.until(lambda p: p["passenger_alarm"] == 1) == pytest.approx(20.0, abs=0.3)
    course = lift.record(120.0, "car_position_m", "car_speed", "car_door_zone", "occupancy_detected")
    assert np.ptp(course["car_position_m"]) == 0 and not course["car_speed"].any() and not course["car_door_zone"].any()
    assert course["occupancy_detected"].all()


def test_freed_passengers_leave_at_a_landing_with_open_doors(lift: Bench) -> None:
    lift.plant.upset("passenger_entrapment")
    lift.run(60.0)
    lift.plant.end_upset("passenger_entrapment")
    assert lift.points["passenger_alarm"] in (0.0, 1.0)
    lift.until(lambda p: p["car_door_zone"] == 1 and p["car_door_status_1"] == lift.code("car_door_status_1", "opened"), 30.0)
    assert lift.points["car_load"] < 5 and lift.points["passenger_alarm"] == 0 and lift.points["safety_chain_closed"] == 1
    before = lift.points["trip_count"]
    lift.run(1200.0)
    assert lift.points["trip_count"] > before + 3  # back in service


@pytest.mark.parametrize("seed", range(8))
def test_an_entrapment_shows_within_seconds_whatever_the_car_was_doing(seed: int) -> None:
    bench = Bench(Elevator, "elevator", seed=seed)
    bench.run(60.0 + 7 * seed)
    bench.plant.upset("passenger_entrapment")
    assert bench.until(lambda p: not p["car_door_zone"] and p["car_speed"] == 0 and p["occupancy_detected"] == 1, 60.0) < 30.0


def test_a_common_fault_keeps_the_car_at_a_landing_with_open_doors(lift: Bench) -> None:
    lift.run(30.0)
    lift.plant.upset("lift_common_fault")
    lift.run(120.0)
    assert lift.points["common_fault"] == 1 and lift.points["available"] == 0 and lift.points["car_door_zone"] == 1
    before = lift.points["trip_count"]
    lift.run(600.0)
    assert lift.points["trip_count"] == before and lift.points["running"] == 0
    lift.plant.end_upset("lift_common_fault")
    lift.run(1200.0)
    assert lift.points["trip_count"] > before and lift.points["common_fault"] == 0


def test_inspection_takes_the_lift_out_of_service(lift: Bench) -> None:
    lift.plant.upset("mode_left_in_inspection")
    lift.run(120.0)
    before = lift.points["trip_count"]
    lift.run(900.0)
    assert lift.points["car_mode"] == lift.code("car_mode", "inspection") and lift.points["inspection_switch"] == 1
    assert lift.points["trip_count"] == before


def test_a_blocked_door_reopens_and_the_car_stays(lift: Bench) -> None:
    lift.plant.upset("door_fails_to_close", stroke=0.4)
    lift.until(lambda p: p["door_reopen_count"] >= 3, 1200.0)
    before = lift.points["trip_count"]
    lift.run(60.0)
    assert lift.points["trip_count"] == before
    lift.plant.end_upset("door_fails_to_close")
    lift.run(1200.0)
    assert lift.points["trip_count"] > before


@pytest.mark.parametrize("seed", range(5))
def test_a_mains_failure_stops_the_ride_and_the_rescue_device_brings_the_car_to_a_landing(seed: int) -> None:
    lift = Bench(Elevator, "elevator", seed=seed)
    lift.until(lambda p: abs(p["car_speed"]) > 1.0 and not p["car_door_zone"], 900.0)
    lift.around.mains.factors = [0.0, 0.0, 0.0]
    lift.run(2.0)
    assert lift.points["mains_ok"] == 0 and lift.points["car_speed"] == 0 and not lift.points["car_door_zone"]
    assert lift.points["car_mode"] == lift.code("car_mode", "emergency_power")
    opened = lift.code("car_door_status_1", "opened")
    assert lift.until(lambda p: p["car_door_zone"] == 1 and p["car_door_status_1"] == opened, 60.0) > 5.0
    lift.run(30.0)
    assert lift.points["car_load"] < 5 and lift.points["car_door_status_1"] == opened and lift.points["ard_battery_voltage"] < 53.8
    before = lift.points["trip_count"]
    lift.run(300.0)
    assert lift.points["trip_count"] == before
    lift.around.mains.factors = [1.0, 1.0, 1.0]
    lift.run(1200.0)
    assert lift.points["trip_count"] > before and lift.points["car_mode"] == lift.code("car_mode", "normal")
