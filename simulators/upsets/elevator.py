"""What can go wrong in a lift."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

# Whoever is inside a car that stands, and the contact of the controller, may speak up as well.
_FAULT = ("lift_common_fault", "lift_fault_occupied")
_STUCK = (*_FAULT, "passenger_entrapment", "stopped_outside_door_zone")
_MORNING, _MONDAY, _WINTER = "2026-07-15T08:20:00+08:00", "2026-07-13T00:00:00+08:00", "2026-01-13T23:00:00+08:00"


def _held(high: float, default: float) -> Setting:
    return Setting(default, 0.5, high, "s", "how long the button is held")


UPSETS = by_name(
    Upset(
        "passenger_entrapment",
        "stops between floors with people inside; somebody presses the alarm",
        {
            "load": Setting(15.0, 5.1, 100.0, "%", "load of the car"),
            "alarm_after_s": Setting(40.0, 0.0, 600.0, "s", "until the alarm button is pressed"),
        },
        leads_to=(
            *(*_FAULT, "stopped_outside_door_zone", "safety_chain_open", "safety_chain_broke_moving", "passenger_alarm_pressed"),
            "passenger_alarm_unanswered",  # where the lift does not tell that somebody speaks
        ),
        sizes=({"load": 7.5, "alarm_after_s": 300.0}, {"load": 15.0}, {"load": 80.0, "alarm_after_s": 5.0}),
    ),
    Upset(
        "passenger_alarm_pressed",
        "somebody in the car presses the alarm button and is answered",
        {"hold_s": _held(30.0, 5.0), "answer_s": Setting(20.0, 3.0, 50.0, "s", "until the intercom is answered")},
        sizes=({"hold_s": 3.5}, {"hold_s": 5.0}, {"hold_s": 20.0, "answer_s": 40.0}),
        shows_s=15.0,
    ),
    Upset(
        "passenger_alarm_unanswered",
        "somebody in the car presses the alarm button and nobody answers",
        {"hold_s": _held(600.0, 5.0)},
        leads_to=("passenger_alarm_pressed",),
        sizes=({"hold_s": 3.5}, {"hold_s": 10.0}, {"hold_s": 300.0}),
        shows_s=15.0,
    ),
    Upset(
        "stopped_outside_door_zone",
        "the drive trips on the way, the car is empty",
        leads_to=("lift_common_fault",),
        shows_s=240.0,
    ),
    Upset("safety_chain_open", "a stop switch is pressed in the pit while the lift stands", leads_to=_FAULT, shows_s=60.0),
    Upset(
        "safety_chain_broke_moving",
        "a contact of the safety chain opens on the way: governor, limit, wiring",
        leads_to=(*_STUCK, "safety_chain_open"),
        shows_s=120.0,
    ),
    Upset(
        "door_lock_break_while_moving",
        "a roller of a landing door stands out; the coupler rubs it and the lock's contact opens as the car passes",
        {"ms": Setting(400.0, 50.0, 900.0, "ms", "how long, at rated speed")},
        sizes=({"ms": 350.0}, {"ms": 450.0}, {"ms": 700.0}),
        shows_s=1100.0,
        at=_MORNING,
    ),
    Upset(
        "unintended_movement",
        "the brake slips while people walk in and out; the rope brake holds the car after 0.9 m",
        {"speed": Setting(0.1, 0.02, 1.0, "m/s", "how fast it drifts off")},
        leads_to=(*_STUCK, "safety_chain_open", "safety_chain_broke_moving"),
        sizes=({"speed": 0.03}, {"speed": 0.1}, {"speed": 0.5}),
        shows_s=180.0,
    ),
    Upset(
        "overspeed",
        "the drive lets the car run too fast, not yet fast enough for the governor",
        {"factor": Setting(1.2, 1.15, 1.35, "", "of rated speed")},
        leads_to=("overspeed_warning",),
        sizes=({"factor": 1.16}, {"factor": 1.2}, {"factor": 1.3}),
        shows_s=240.0,
    ),
    Upset(
        "overspeed_warning",
        "the drive's speed is set too high",
        {"factor": Setting(1.12, 1.05, 1.14, "", "of rated speed")},
        sizes=({"factor": 1.105}, {"factor": 1.12}, {"factor": 1.14}),
        shows_s=240.0,
    ),
    Upset(
        "door_fails_to_close",
        "something in the sill: the door reopens again and again",
        {"stroke": Setting(0.5, 0.1, 0.9, "", "how far it closes")},
        shows_s=240.0,
        sizes=({"stroke": 0.8}, {"stroke": 0.5}, {"stroke": 0.3}),
    ),
    Upset(
        "door_fails_to_open",
        "the car comes empty to a landing and its door stays shut",
        leads_to=("lift_common_fault",),
        shows_s=180.0,
    ),
    Upset(
        "door_fails_to_open_occupied",
        "the car comes to a landing with people inside and its door stays shut",
        leads_to=("door_fails_to_open", *_FAULT),
        shows_s=240.0,
    ),
    Upset(
        "door_slow",
        "rollers and belt wear, doors become slow",
        {
            "factor": Setting(1.4, 1.0, 3.0, "", "of their usual time"),
            "over_s": Setting(2 * 86_400.0, 0.0, 200 * 86_400.0, "s", "reached in this time"),
        },
        sizes=({"factor": 1.38}, {"factor": 1.5}, {"factor": 2.0}),
        after_s=4 * 86_400.0,
        shows_s=6 * 86_400.0,
        tick_s=60.0,
    ),
    Upset("light_curtain_blocked", "a beam of the light curtain stays dark", leads_to=("door_fails_to_close",), shows_s=5.0),
    Upset(
        "levelling_out_of_tolerance",
        "it stops off level: a magnet has moved, the brake is worn",
        {"mm": Setting(13.0, 0.0, 18.0, "mm", "too high at every landing")},
        leads_to=("levelling_trip_hazard",),
        sizes=({"mm": 10.5}, {"mm": 13.0}, {"mm": 16.0}),
        shows_s=1100.0,
        at=_MORNING,
    ),
    Upset(
        "levelling_trip_hazard",
        "it stops with a step at the sill: ropes slip, the brake is worn",
        {"mm": Setting(28.0, 18.0, 80.0, "mm", "too high at every landing")},
        leads_to=("levelling_out_of_tolerance",),
        sizes=({"mm": 25.0}, {"mm": 30.0}, {"mm": 50.0}),
        shows_s=1100.0,
        at=_MORNING,
    ),
    Upset(
        "run_time_exceeded",
        "the ropes slip: the motor turns, the car stays, the controller's limiter ends it after 45 s",
        leads_to=_FAULT,
        shows_s=180.0,
    ),
    Upset("position_lost", "it loses count of the floors and makes a slow run to the lowest one", shows_s=300.0),
    Upset(
        "drive_overtemperature",
        "the inverter's fan stands",
        {"rise": Setting(70.0, 20.0, 100.0, "K", "above the machine room")},
        leads_to=("drive_temperature_high",),
        sizes=({"rise": 63.0}, {"rise": 70.0}, {"rise": 90.0}),
        shows_s=3000.0,
        tick_s=5.0,
    ),
    Upset(
        "drive_temperature_high",
        "the inverter's filter is full",
        {"rise": Setting(55.0, 20.0, 58.0, "K", "above the machine room")},
        sizes=({"rise": 53.0}, {"rise": 55.0}, {"rise": 57.0}),
        shows_s=3000.0,
        tick_s=5.0,
    ),
    Upset(
        "brake_fault",
        "the brake opens late: coil, gap, lining",
        {
            "delay_s": Setting(2.2, 0.2, 6.0, "s", "from the command until it is open"),
            "over_s": Setting(0.0, 0.0, 60 * 86_400.0, "s", "reached in this time"),
        },
        sizes=({"delay_s": 1.8}, {"delay_s": 2.4, "over_s": 900.0}, {"delay_s": 4.0}),
        shows_s=1100.0,
        at=_MORNING,
    ),
    Upset(
        "machine_room_hot",
        "the machine room's air conditioner is off",
        {"rise": Setting(20.0, 5.0, 40.0, "K", "above outdoor air")},
        leads_to=("machine_room_overheated", "drive_temperature_high", "drive_overtemperature"),
        sizes=({"rise": 15.0}, {"rise": 18.0}, {"rise": 25.0}),
        shows_s=2900.0,
        tick_s=5.0,
    ),
    Upset(
        "machine_room_overheated",
        "the machine room's air conditioner is off on a hot day, windows shut",
        {"rise": Setting(30.0, 5.0, 50.0, "K", "above outdoor air")},
        leads_to=("machine_room_hot", "drive_temperature_high", "drive_overtemperature"),
        sizes=({"rise": 20.0}, {"rise": 25.0}, {"rise": 30.0}),
        shows_s=2900.0,
        tick_s=5.0,
    ),
    Upset(
        "machine_room_cold",
        "a window of the machine room is left open in winter",
        {"temp": Setting(0.0, -15.0, 10.0, "degC", "falls to, or to the air outside where that is colder")},
        at=_WINTER,
        sizes=({"temp": 3.0}, {"temp": 0.0}, {"temp": -5.0}),
        shows_s=2900.0,
        tick_s=5.0,
    ),
    Upset("mains_failure_elevator", "its breaker trips; the rescue device brings the car to a landing", shows_s=2.0),
    Upset(
        "mains_failure_between_floors",
        "its breaker trips on the way and the rescue device does nothing",
        leads_to=("mains_failure_elevator", "passenger_entrapment", "stopped_outside_door_zone"),
        shows_s=120.0,
    ),
    Upset(
        "ard_battery_low",
        "the rescue battery loses its cells",
        {
            "share": Setting(0.8, 0.1, 1.0, "", "of the usual voltage is left"),
            "over_s": Setting(6 * 3600.0, 0.0, 400 * 86_400.0, "s", "reached in this time"),
        },
        sizes=({"share": 0.83}, {"share": 0.75}, {"share": 0.5}),
        after_s=24 * 3600.0,
        shows_s=8 * 3600.0,
        tick_s=60.0,
    ),
    Upset("intercom_line_lost", "the intercom's line is cut", shows_s=0.0),
    Upset(
        "intercom_line_dead",
        "the intercom's line is cut and nobody sees to it",
        leads_to=("intercom_line_lost",),
        shows_s=120.0,
        tick_s=60.0,
    ),
    Upset("car_camera_lost", "the car's camera has no picture", shows_s=0.0),
    Upset("pit_water", "water in the pit", leads_to=("pit_water_fire_lift",), shows_s=2.0),
    Upset("pit_water_fire_lift", "water in the pit of a fire lift", leads_to=("pit_water",), shows_s=2.0),
    Upset("mode_left_in_inspection", "the inspection switch is left on after a visit", shows_s=60.0, tick_s=60.0),
    Upset(
        "ride_vibration_high",
        "a guide shoe is worn: rough past the middle of the shaft",
        {"factor": Setting(2.5, 1.0, 10.0, "", "of the usual vibration")},
        sizes=({"factor": 2.2}, {"factor": 2.5}, {"factor": 4.0}),
        shows_s=1100.0,
        at=_MORNING,
    ),
    Upset(
        "trip_count_stall",
        "its calls go lost; nothing is reported",
        at=_MONDAY,
        after_s=2.5 * 86_400.0,
        shows_s=2 * 3600.0,
        tick_s=60.0,
    ),
    Upset(
        "lift_recall_failed",
        "a fire: the lifts are recalled, this one does not come",
        at="2026-07-15T10:20:00+08:00",
        shows_s=100.0,
    ),
    Upset("lift_recall_test_failed", "recalled in a test it does not come", leads_to=("lift_recall_without_fire",), shows_s=100.0),
    Upset("lift_recall_without_fire", "somebody leaves the fire switch on", shows_s=0.0),
    Upset(
        "lift_common_fault",
        "the controller reports a fault and stays at the next landing, doors open",
        leads_to=("lift_fault_occupied",),
    ),
    Upset(
        "lift_fault_occupied",
        "the controller reports a fault and somebody stays in the car",
        {"load": Setting(15.0, 5.1, 100.0, "%", "load of the car")},
        leads_to=("lift_common_fault",),
        shows_s=60.0,
    ),
)
