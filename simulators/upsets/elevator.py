"""What can go wrong in a lift."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

UPSETS = by_name(
    Upset(
        "passenger_entrapment",
        "stops between floors with people inside; somebody presses the alarm",
        {
            "load": Setting(15.0, 5.1, 100.0, "%", "load of the car"),
            "alarm_after_s": Setting(40.0, 0.0, 600.0, "s", "until the alarm button is pressed"),
        },
        leads_to=(
            *("passenger_alarm_pressed", "stopped_outside_door_zone", "safety_chain_open"),
            *("lift_common_fault", "lift_fault_occupied"),
        ),
    ),
    Upset(
        "lift_common_fault",
        "the controller reports a fault and stays at the next landing, doors open",
        leads_to=("lift_fault_occupied",),
    ),
    Upset("mode_left_in_inspection", "the inspection switch is left on after a visit"),
    Upset(
        "door_fails_to_close",
        "something in the sill: the door reopens again and again",
        {"stroke": Setting(0.5, 0.1, 0.9, "", "how far it closes")},
    ),
    Upset("light_curtain_blocked", "a beam of the light curtain stays dark", leads_to=("door_fails_to_close",)),
    Upset(
        "machine_room_hot",
        "the machine room's air conditioner is off",
        {"rise": Setting(20.0, 5.0, 40.0, "K", "above outdoor air")},
    ),
    Upset("pit_water", "water in the pit"),
)
