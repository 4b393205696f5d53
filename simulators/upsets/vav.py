"""What can go wrong in a VAV box and its zone."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_RUN = Setting(1.0, 0.0, 1.0, "", "1 = the air handler runs whatever the hour")
_JULY = "2026-07-15T13:30:00+08:00"
_WARM = ("room_temp_out_of_band", "co2_high", "co2_very_high")

UPSETS = by_name(
    Upset(
        "vav_low_flow",
        "a flexible duct is squeezed: the air does not get through",
        {"left": Setting(60.0, 0.0, 100.0, "%", "of the flow that the damper asks for"), "run": _RUN},
        leads_to=_WARM,
        sizes=({"left": 64.0}, {"left": 60.0}, {"left": 55.0}),
        shows_s=600.0,
        after_s=1200.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "vav_very_low_flow",
        "the duct is off, or the blade has slipped on its shaft",
        {"left": Setting(30.0, 0.0, 100.0, "%", "of the flow that the damper asks for"), "run": _RUN},
        leads_to=("vav_low_flow", *_WARM),
        sizes=({"left": 42.0}, {"left": 25.0}, {"left": 3.0}),
        shows_s=600.0,
        after_s=1200.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "vav_flow_fan_off",
        "the flow transducer has lost its zero; the air handler stands",
        {"zero": Setting(3.0, 0.0, 40.0, "", "its drift, in hundredths of full velocity pressure")},
        leads_to=_WARM,
        sizes=({"zero": 1.7}, {"zero": 3.0}, {"zero": 9.0}),
        shows_s=180.0,
        after_s=1200.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "vav_damper_leak",
        "the damper does not shut; the zone is set to unoccupied beside others",
        {"leak": Setting(18.0, 1.0, 80.0, "%", "of full flow through the shut damper"), "run": _RUN},
        leads_to=_WARM,
        sizes=({"leak": 9.0}, {"leak": 18.0}, {"leak": 40.0}),
        shows_s=400.0,
        after_s=1200.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "vav_reheat_leak",
        "the reheat valve does not shut",
        {"leak": Setting(60.0, 5.0, 100.0, "%", "of the coil's output"), "run": _RUN},
        leads_to=_WARM,
        sizes=({"leak": 75.0}, {"leak": 85.0}, {"leak": 100.0}),
        shows_s=1500.0,
        after_s=1200.0,
        at="2026-04-15T08:00:00+08:00",
        tick_s=5.0,
    ),
    Upset(
        "room_temp_out_of_band",
        "a room full of machines it was not built for",
        {"heat": Setting(6.0, 0.0, 15.0, "kW", "on top")},
        leads_to=("co2_high",),
        sizes=({"heat": 4.0}, {"heat": 6.0}, {"heat": 15.0}),
        shows_s=5400.0,
        after_s=1200.0,
        at="2026-07-15T09:00:00+08:00",
        tick_s=5.0,
    ),
    Upset(
        "co2_high",
        "more people than the room was built for",
        {"crowd": Setting(4.0, 0.0, 20.0, "", "times its seats"), "run": _RUN},
        leads_to=("room_temp_out_of_band",),
        sizes=({"crowd": 3.6}, {"crowd": 3.9}, {"crowd": 4.3}),
        shows_s=5400.0,
        after_s=1200.0,
        at="2026-07-15T09:00:00+08:00",
        tick_s=5.0,
    ),
    Upset(
        "co2_very_high",
        "a meeting in a room with the outdoor air shut",
        {"crowd": Setting(9.0, 0.0, 20.0, "", "times its seats"), "run": _RUN},
        leads_to=("co2_high", "room_temp_out_of_band"),
        sizes=({"crowd": 7.5}, {"crowd": 10.0}, {"crowd": 14.0}),
        shows_s=5400.0,
        after_s=1200.0,
        at="2026-07-15T09:00:00+08:00",
        tick_s=5.0,
    ),
)
