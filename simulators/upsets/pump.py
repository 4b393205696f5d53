"""What can go wrong in a circulation pump."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_RUN = Setting(1.0, 0.0, 1.0, "", "1 = it is asked to run whatever the hour")
_WEEK = "2026-07-13T06:00:00+08:00"
_JULY = "2026-07-15T13:00:00+08:00"
_OVER = Setting(0.0, 0.0, 8e6, "s", "reached in this time")

UPSETS = by_name(
    Upset("pump_fail_to_start", "asked to run, it stands: contactor, overload, local switch", {"run": _RUN}, shows_s=30.0, at=_JULY),
    Upset(
        "pump_fault",
        "its drive trips",
        {"code": Setting(14.0, 1.0, 999.0, "", "its code"), "run": _RUN},
        leads_to=("pump_fail_to_start",),
        sizes=({"code": 1.0}, {"code": 14.0}, {"code": 999.0}),
        shows_s=10.0,
        at=_JULY,
    ),
    Upset("pump_running_when_off", "left in hand", shows_s=10.0, at=_JULY),
    Upset(
        "pump_dry_run",
        "air in the casing: it turns and moves no water",
        {"head": Setting(3.0, 0.0, 20.0, "%", "of its head that is left"), "run": _RUN},
        leads_to=("system_dp_low",),
        sizes=({"head": 15.0}, {"head": 6.0}, {"head": 0.0}),
        shows_s=120.0,
        after_s=3 * 86_400.0,
        at=_WEEK,
        tick_s=20.0,
    ),
    Upset(
        "pump_dead_head",
        "a valve behind it is shut",
        {"opening": Setting(0.0, 0.0, 100.0, "%", "of the way that is left"), "run": _RUN},
        leads_to=("system_dp_low",),
        sizes=({"opening": 3.0}, {"opening": 1.5}, {"opening": 0.0}),
        shows_s=120.0,
        after_s=3 * 86_400.0,
        at=_WEEK,
        tick_s=20.0,
    ),
    Upset(
        "pump_high_vibration",
        "the coupling has shifted, or a bearing is going",
        {"level": Setting(11.0, 0.5, 60.0, "mm/s", "at full speed"), "over_s": _OVER, "run": _RUN},
        leads_to=("pump_vibration_raised",),
        sizes=({"level": 10.5}, {"level": 13.0}, {"level": 25.0}),
        shows_s=150.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "pump_vibration_raised",
        "a bearing wears",
        {"level": Setting(6.5, 0.5, 60.0, "mm/s", "at full speed"), "over_s": _OVER, "run": _RUN},
        sizes=({"level": 6.5}, {"level": 6.7}, {"level": 6.9}),
        shows_s=150.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "pump_bearing_hot",
        "a bearing without grease",
        {"rise": Setting(50.0, 5.0, 200.0, "K", "above the healthy one, at full speed"), "run": _RUN},
        sizes=({"rise": 42.0}, {"rise": 60.0}, {"rise": 150.0}),
        shows_s=2400.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "pump_overcurrent",
        "something rubs: the motor works harder than its plate says",
        {"torque": Setting(70.0, 5.0, 200.0, "%", "of rated torque on top"), "run": _RUN},
        sizes=({"torque": 45.0}, {"torque": 70.0}, {"torque": 110.0}),
        shows_s=60.0,
        at=_JULY,
    ),
    Upset(
        "system_dp_low",
        "a bypass stands open: full speed is not enough",
        {"draw": Setting(80.0, 10.0, 300.0, "%", "of the rated flow on top"), "run": _RUN},
        leads_to=("pump_overcurrent",),
        sizes=({"draw": 75.0}, {"draw": 100.0}, {"draw": 150.0}),
        shows_s=120.0,
        at=_JULY,
    ),
)
