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


# what goes wrong, as the physics has it


def test_an_empty_lift_rides_home_and_parks_with_shut_doors() -> None:
    lift = Bench(Elevator, "elevator", start="2026-07-15T03:00:00+08:00", tick_s=1.0, seed=4)
    parking = lift.code("car_mode", "parking")
    lift.until(lambda p: p["car_mode"] == parking and abs(p["car_speed"]) > 0.5, 4 * 3600.0)
    lift.until(lambda p: p["car_position"] == 1 and p["car_speed"] == 0, 60.0)
    assert lift.points["car_door_status_1"] == lift.code("car_door_status_1", "closed") and lift.points["car_load"] < 5


def test_people_who_hold_the_door_send_it_back_and_it_closes_in_the_end(lift: Bench) -> None:
    course = lift.record(3600.0, "door_reopen_count", "door_cycle_count", "light_curtain_blocked")
    back, cycles = (course[name][-1] - course[name][0] for name in ("door_reopen_count", "door_cycle_count"))
    assert 0 < back < 0.3 * cycles and course["light_curtain_blocked"].any()


def test_a_stop_switch_keeps_a_standing_lift_where_it_is(lift: Bench) -> None:
    lift.plant.upset("safety_chain_open")
    lift.until(lambda p: p["safety_chain_closed"] == 0, 60.0)
    lift.run(60.0)
    before = lift.points["trip_count"]
    assert lift.points["car_door_zone"] == 1 and lift.points["common_fault"] == 1
    lift.run(600.0)
    assert lift.points["trip_count"] == before
    lift.plant.end_upset("safety_chain_open")
    lift.run(1200.0)
    assert lift.points["trip_count"] > before and lift.points["safety_chain_closed"] == 1


def test_a_rubbing_roller_opens_the_lock_for_its_time_at_rated_speed() -> None:
    lift = Bench(Elevator, "elevator", tick_s=0.05, shaft=Shaft(floors=12))
    lift.plant.upset("door_lock_break_while_moving", ms=400.0)
    course = lift.record(900.0, "door_lock_closed", "car_speed", "car_door_status_1")
    open_ = (course["door_lock_closed"] == 0) & (abs(course["car_speed"]) > 1.7)
    edges = np.flatnonzero(np.diff(open_.astype(int)))
    lengths = np.diff(edges.reshape(-1, 2)).ravel() * 0.05
    assert lengths.size and lengths.max() == pytest.approx(0.4, abs=0.06)


def test_a_slipping_brake_lets_the_car_drift_off_with_open_doors_until_it_is_held(lift: Bench) -> None:
    lift.plant.upset("unintended_movement", speed=0.1)
    opened = lift.code("car_door_status_1", "opened")
    lift.until(lambda p: not p["car_door_zone"] and p["car_door_status_1"] == opened, 120.0)
    start = lift.points["car_position_m"]
    lift.run(30.0)
    assert 0.5 < abs(lift.points["car_position_m"] - start) < 0.75 and lift.points["car_speed"] == 0  # held 0.9 m from its landing
    assert lift.points["brake_released"] == 0 and lift.points["safety_chain_closed"] == 0


def test_a_fast_drive_stays_within_its_acceleration(lift: Bench) -> None:
    lift.plant.upset("overspeed", factor=1.2)
    speed = lift.record(240.0, "car_speed")["car_speed"]
    assert abs(speed).max() == pytest.approx(2.1, abs=0.01) and abs(np.diff(speed)).max() < 0.1


def test_a_dead_door_says_so_after_its_tries_and_lets_nobody_out(lift: Bench) -> None:
    lift.plant.upset("door_fails_to_open_occupied")
    opening = 2.0 ** lift.plant.codes("fault_signals")["door_opening"]
    lift.until(lambda p: p["fault_signals"] == opening, 300.0)
    assert lift.points["car_load"] > 5 and lift.points["car_door_zone"] == 1 and lift.points["car_speed"] == 0
    assert lift.points["car_door_status_1"] == lift.code("car_door_status_1", "closed")
    lift.plant.end_upset("door_fails_to_open_occupied")
    lift.until(lambda p: p["car_door_status_1"] == lift.code("car_door_status_1", "opened"), 10.0)


def test_slipping_ropes_run_the_motor_until_the_limiter_ends_it(lift: Bench) -> None:
    lift.plant.upset("run_time_exceeded")
    lift.until(lambda p: p["running"] == 1 and p["brake_released"] == 1 and p["car_speed"] == 0, 200.0)
    course = lift.record(60.0, "car_position_m", "brake_released", "motor_current")
    assert np.ptp(course["car_position_m"]) == 0 and 44 < 0.1 * course["brake_released"].sum() < 46
    assert lift.points["fault_signals"] == 2.0 ** lift.plant.codes("fault_signals")["run_time_limit"]


def test_a_lost_position_is_found_again_by_a_slow_run(lift: Bench) -> None:
    lift.plant.upset("position_lost")
    lift.until(lambda p: p["car_position"] == 0, 240.0)
    course = lift.record(240.0, "car_position", "car_speed")
    slow = course["car_speed"][course["car_position"] == 0]
    assert slow.min() == pytest.approx(-0.3, abs=0.01) and course["car_position"][-1] > 0


def test_a_late_brake_is_shut_while_the_car_moves(lift: Bench) -> None:
    lift.plant.upset("brake_fault", delay_s=2.0)
    course = lift.record(600.0, "car_speed", "brake_released", "car_moving_direction")
    moving = course["car_moving_direction"] > 2
    starts = np.flatnonzero(np.diff(moving.astype(int)) == 1)
    assert starts.size > 3
    for start in starts[:-1]:
        assert not course["brake_released"][start + 1 : start + 19].any() and course["brake_released"][start + 23]


@pytest.mark.parametrize("seed", range(3))
def test_a_recall_brings_the_car_to_the_main_landing_with_open_doors(seed: int) -> None:
    lift = Bench(Elevator, "elevator", seed=seed)
    lift.run(60.0)
    lift.around.fire = True
    assert lift.until(lambda p: p["fire_recall_arrived"] == 1, 120.0) < 90.0
    lift.run(120.0)
    assert lift.points["car_position"] == 1 and lift.points["car_mode"] == lift.code("car_mode", "fire_operation")
    lift.around.fire = False
    before = lift.points["trip_count"]
    lift.run(1200.0)
    assert lift.points["trip_count"] > before and lift.points["fire_recall_arrived"] == 0


def test_a_lift_that_does_not_follow_a_recall_never_arrives(lift: Bench) -> None:
    lift.plant.upset("lift_recall_failed")
    assert lift.around.fire and not lift.record(300.0, "fire_recall_arrived")["fire_recall_arrived"].any()
    lift.plant.end_upset("lift_recall_failed")
    assert not lift.around.fire


def test_without_its_rescue_device_a_car_stays_between_floors(lift: Bench) -> None:
    lift.plant.upset("mains_failure_between_floors")
    lift.until(lambda p: p["mains_ok"] == 0, 120.0)
    course = lift.record(300.0, "car_position_m", "car_door_zone", "mains_ok")
    assert np.ptp(course["car_position_m"]) == 0 and not course["car_door_zone"].any() and not course["mains_ok"].any()


def test_doors_and_heat_follow_their_wear_and_time() -> None:
    lift = Bench(Elevator, "elevator", tick_s=60.0)
    lift.plant.upset("door_slow", factor=1.5, over_s=86_400.0)
    lift.plant.upset("drive_overtemperature", rise=70.0)
    lift.run(600.0)
    assert 40 < lift.points["inverter_temp"] < 80
    lift.run(86_400.0)
    assert lift.points["door_close_time_s"] == pytest.approx(1.5 * 3.0, abs=0.3)
    assert lift.points["inverter_temp"] == pytest.approx(lift.points["machine_room_temp"] + 70.0, abs=0.5)
