"""What can go wrong in a cooling tower."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_RUN = Setting(1.0, 0.0, 1.0, "", "1 = water and heat come whatever the hour and the weather")
_JULY = "2026-07-15T13:00:00+08:00"
_FROST = "2026-01-14T01:00:00+08:00"

UPSETS = by_name(
    Upset(
        "cooling_tower_approach_high",
        "the fill is scaled: less of it cools",
        {"fill": Setting(0.45, 0.05, 1.0, "", "share of the fill that still works"), "run": _RUN},
        sizes=({"fill": 0.5}, {"fill": 0.4}, {"fill": 0.25}),
        shows_s=3600.0,
        after_s=600.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "tower_basin_low",
        "the make-up valve is shut and the drain leaks",
        {"loss": Setting(2.0, 0.01, 30.0, "%/min", "of the basin"), "run": _RUN},
        leads_to=("cooling_tower_approach_high",),
        sizes=({"loss": 1.0}, {"loss": 3.0}, {"loss": 10.0}),
        shows_s=3000.0,
        after_s=600.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "tower_basin_freezing",
        "a cold night and no heater",
        {"colder": Setting(6.0, 0.0, 25.0, "K", "than usual")},
        sizes=({"colder": 5.0}, {"colder": 8.0}, {"colder": 14.0}),
        shows_s=3 * 3600.0,
        at=_FROST,
        tick_s=5.0,
    ),
    Upset(
        "fan_fail_to_start",
        "the fan is commanded and does not turn: belt, overload, drive off",
        {"run": _RUN},
        leads_to=("cooling_tower_approach_high",),
        at=_JULY,
    ),
    Upset(
        "fan_drive_fault",
        "the fan's drive trips",
        {"run": _RUN},
        leads_to=("fan_fail_to_start", "cooling_tower_approach_high"),
        at=_JULY,
    ),
    Upset(
        "tower_high_vibration",
        "a blade has lost its balance",
        {"level": Setting(13.0, 0.5, 60.0, "mm/s", "at full speed"), "run": _RUN},
        sizes=({"level": 11.5}, {"level": 14.0}, {"level": 25.0}),
        shows_s=240.0,
        after_s=300.0,
        at=_JULY,
        tick_s=5.0,
    ),
    Upset(
        "tower_conductivity_high",
        "the blow-down valve is stuck: salts concentrate",
        {"bleed": Setting(0.0, 0.0, 1.0, "", "share of the blow-down that is left"), "run": _RUN},
        sizes=({"bleed": 0.1}, {"bleed": 0.05}, {"bleed": 0.0}),
        shows_s=4 * 86_400.0,
        after_s=3600.0,
        at="2026-07-13T06:00:00+08:00",
        tick_s=60.0,
    ),
)
