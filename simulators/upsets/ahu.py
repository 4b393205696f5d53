"""What can go wrong in an air handler."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_RUN = Setting(1.0, 0.0, 1.0, "", "1 = the unit is asked to run whatever the hour")

UPSETS = by_name(
    Upset(
        "fan_fail_to_start",
        "the fan is commanded and does not turn: belt, overload, drive off",
        {"run": _RUN},
        leads_to=("supply_temp_high", "duct_static_low", "co2_high", "room_temp_out_of_band"),
    ),
    Upset(
        "filter_dirty",
        "the supply filter is loaded",
        {
            "dp": Setting(340.0, 150.0, 700.0, "Pa", "at nominal flow"),
            "over_s": Setting(0.0, 0.0, 8e6, "s", "reached in this time"),
            "run": _RUN,
        },
        leads_to=("duct_static_low",),
    ),
    Upset(
        "supply_temp_high",
        "the valve actuators lost their supply: the heating valve stays open, the cooling valve is shut",
        {"heat": Setting(70.0, 60.0, 100.0, "%", "opening of the heating valve"), "run": _RUN},
        leads_to=("room_temp_out_of_band", "heating_valve_leak", "control_hunting"),
    ),
    Upset("fan_running_when_off", "the drive is left in hand"),
    Upset(
        "fan_drive_fault",
        "the drive trips",
        {"code": Setting(7, 1, 999, "", "its code")},
        leads_to=("fan_fail_to_start", "duct_static_low"),
    ),
    Upset("freeze_stat_trip", "the freeze stat opens, the fan is stopped"),
    Upset("smoke_alarm_duct", "smoke in the duct, the fan is stopped"),
    Upset(
        "damper_stuck",
        "the outdoor damper does not follow",
        {"opening": Setting(100.0, 0.0, 100.0, "%", "where it stands"), "run": _RUN},
    ),
    Upset(
        "cooling_valve_stuck_open",
        "the cooling valve leaks",
        {"least": Setting(30.0, 5.0, 100.0, "%", "opening it never goes under"), "run": _RUN},
    ),
    Upset("filter_missing", "no filter is fitted", {"run": _RUN}),
)
