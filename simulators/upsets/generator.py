"""What can go wrong in a standby generator."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_START = Setting(1.0, 0.0, 1.0, "", "1 = a start is asked for as well, as in a test")

UPSETS = by_name(
    Upset(
        "fail_to_start",
        "cranks three times and does not fire: fuel, air flap, starter",
        {"start": _START},
        leads_to=("slow_start", "mains_lost_no_transfer"),
    ),
    Upset(
        "not_in_auto",
        "left in stop or manual after a test",
        {"manual": Setting(0.0, 0.0, 1.0, "", "1 = manual, 0 = stop")},
    ),
    Upset(
        "low_fuel",
        "the tank runs low",
        {
            "level": Setting(8.0, 0.0, 24.0, "%", "level reached"),
            "over_s": Setting(0.0, 0.0, 86_400.0, "s", "reached in this time"),
        },
        leads_to=("fuel_drop_at_rest", "fuel_nearly_empty"),
    ),
    Upset(
        "low_oil_pressure",
        "oil pressure falls while it runs; the controller stops it",
        {"kpa": Setting(80.0, 0.0, 102.0, "kPa", "what is left"), "start": _START},
        leads_to=("slow_start", "fail_to_start"),  # asked to run on, it stands
    ),
    Upset("high_coolant_temp", "coolant is lost, it overheats", {"start": _START}, leads_to=("low_coolant_level", "fail_to_start")),
    Upset(
        "overspeed",
        "the governor lets go",
        {"speed": Setting(1.18, 1.05, 1.3, "", "of rated"), "start": _START},
        leads_to=("frequency_high", "fail_to_start"),
    ),
    Upset("emergency_stop_active", "the emergency stop is pressed"),
    Upset(
        "battery_low",
        "the starting battery is old",
        {"volts": Setting(22.5, 8.0, 24.4, "V", "at rest")},
        leads_to=("charger_failed",),
    ),
    Upset("charger_failed", "the charger's breaker has tripped", leads_to=("battery_low",)),
    Upset("ats_fail_to_transfer", "the transfer switch is stuck", leads_to=("mains_lost_no_transfer", "slow_start")),
    Upset("mains_lost", "the utility fails for the whole building", rule="-"),
    Upset("test_run", "a person's test start, without load", rule="-"),
)
