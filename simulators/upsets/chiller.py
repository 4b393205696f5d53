"""What can go wrong in a chiller."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_CODE = Setting(41.0, 1.0, 999.0, "", "its code")
_SUMMER = "2026-07-13T06:00:00+08:00"
_AFTERNOON = "2026-07-15T13:00:00+08:00"

UPSETS = by_name(
    Upset(
        "chiller_trip",
        "a protection opens, the machine stops and waits to be reset",
        {"code": _CODE},
        leads_to=("chiller_trip_critical",),
        sizes=({"code": 1.0}, {"code": 41.0}, {"code": 999.0}),
        shows_s=10.0,
    ),
    Upset(
        "chiller_trip_critical",
        "the same on the machine that cools the data hall",
        {"code": _CODE},
        leads_to=("chiller_trip",),
        sizes=({"code": 1.0}, {"code": 41.0}, {"code": 999.0}),
        shows_s=10.0,
    ),
    Upset(
        "chiller_high_pressure",
        "the tower does not cool: condenser water comes hot",
        {"water": Setting(41.5, 36.0, 55.0, "degC", "temperature of the water that comes")},
        leads_to=("chiller_trip", "chiller_trip_critical", "chw_supply_high"),
        sizes=({"water": 40.5}, {"water": 42.0}, {"water": 46.0}),
        shows_s=1800.0,
        after_s=600.0,
        at=_AFTERNOON,
    ),
    Upset(
        "condenser_approach_high",
        "the condenser tubes are scaled",
        {"fouling": Setting(5.0, 1.0, 15.0, "", "times the clean approach")},
        leads_to=("chiller_high_pressure",),
        sizes=({"fouling": 4.0}, {"fouling": 6.0}, {"fouling": 9.0}),
        shows_s=2 * 86_400.0,
        after_s=6 * 86_400.0,
        at=_SUMMER,
        tick_s=60.0,
    ),
    Upset(
        "refrigerant_loss",
        "a slow leak: part of the charge is gone",
        {
            "lost": Setting(45.0, 0.0, 80.0, "%", "of the charge"),
            "over_s": Setting(0.0, 0.0, 8e6, "s", "lost in this time"),
        },
        leads_to=("evaporator_freezing", "chw_supply_high", "chiller_trip", "chiller_trip_critical"),
        sizes=({"lost": 45.0, "over_s": 259_200.0}, {"lost": 52.0, "over_s": 259_200.0}, {"lost": 58.0, "over_s": 172_800.0}),
        shows_s=7 * 86_400.0,
        after_s=6 * 86_400.0,
        at=_SUMMER,
        tick_s=60.0,
    ),
    Upset(
        "chiller_low_flow",
        "a strainer or a valve: chilled water flow falls",
        {"flow": Setting(60.0, 10.0, 100.0, "%", "of the design flow")},
        leads_to=("chiller_trip", "chiller_trip_critical", "evaporator_freezing", "chw_supply_high"),
        sizes=({"flow": 66.0}, {"flow": 55.0}, {"flow": 30.0}),
        shows_s=90.0,
        after_s=300.0,
    ),
    Upset(
        "chw_supply_high",
        "a limit is left on: less output than the load asks for",
        {"limit": Setting(50.0, 10.0, 100.0, "%", "of the rated output")},
        sizes=({"limit": 55.0}, {"limit": 45.0}, {"limit": 30.0}),
        shows_s=1800.0,
        after_s=1500.0,
        at=_AFTERNOON,
    ),
    Upset(
        "low_delta_t",
        "coils on three-way valves and an open bypass: twice the water for the same load",
        {
            "flow": Setting(200.0, 100.0, 400.0, "%", "of the design flow"),
            "load": Setting(75.0, 20.0, 100.0, "%", "of the rated output, at the least"),
        },
        sizes=({"flow": 200.0, "load": 75.0}, {"flow": 240.0, "load": 80.0}, {"flow": 300.0, "load": 90.0}),
        leads_to=("chw_supply_high",),
        shows_s=2700.0,
        after_s=600.0,
        at=_AFTERNOON,
    ),
    Upset(
        "chiller_short_cycling",
        "a set-point band too narrow for a small load: it starts and stops",
        {"period": Setting(400.0, 120.0, 540.0, "s", "from start to start")},
        sizes=({"period": 520.0}, {"period": 400.0}, {"period": 200.0}),
        leads_to=("chw_supply_high",),
        shows_s=1800.0,
        after_s=1500.0,
    ),
    Upset(
        "evaporator_freezing",
        "most of the charge is lost at once: suction falls",
        {"lost": Setting(74.0, 50.0, 90.0, "%", "of the charge")},
        leads_to=("chiller_trip", "chiller_trip_critical", "chw_supply_high", "refrigerant_loss"),
        sizes=({"lost": 72.0}, {"lost": 74.0}, {"lost": 76.0}),
        shows_s=900.0,
        after_s=1500.0,
        at=_AFTERNOON,
    ),
)
