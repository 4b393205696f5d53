"""What can go wrong in a drainage sump."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_HIGH = ("sump_high", "fire_lift_sump_high", "sump_overflow")
_BOTH = ("sump_both_pumps", "sump_pump_runs_long")
_PUMP = Setting(1, 1, 2, "", "which")


def _inflow(default: float) -> Setting:
    return Setting(default, 0.1, 300.0, "m3/h", "water that comes")


def _delivers(default: float) -> Setting:
    return Setting(default, 0.0, 1.0, "", "what a pump still delivers, of its rated flow")


def _without(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)


UPSETS = by_name(
    Upset(
        "sump_high",
        "the riser is clogged: the pumps run and deliver little",
        {"inflow": _inflow(12.0), "delivers": _delivers(0.15)},
        leads_to=(*_without("sump_high", _HIGH), *_BOTH),
        sizes=({"delivers": 0.2}, {"delivers": 0.1}, {"delivers": 0.0, "inflow": 20.0}),
        shows_s=1200.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_overflow",
        "a pipe bursts: more water than two pumps take",
        {"inflow": _inflow(60.0)},
        leads_to=(*_without("sump_overflow", _HIGH), *_BOTH),
        sizes=({"inflow": 38.0}, {"inflow": 60.0}, {"inflow": 200.0}),
        shows_s=1200.0,
        tick_s=5.0,
    ),
    Upset(
        "fire_lift_sump_high",
        "water from hoses runs into the fire lift's pit, the pumps are worn",
        {"inflow": _inflow(12.0), "delivers": _delivers(0.15)},
        leads_to=(*_without("fire_lift_sump_high", _HIGH), *_BOTH),
        sizes=({"delivers": 0.2}, {"delivers": 0.1}, {"delivers": 0.0, "inflow": 20.0}),
        shows_s=1200.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_both_pumps",
        "nearly as much water comes as two pumps take",
        {"inflow": _inflow(28.5)},
        leads_to=(*_HIGH, "sump_pump_runs_long"),
        sizes=({"inflow": 27.5}, {"inflow": 28.5}, {"inflow": 29.5}),
        shows_s=600.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pump_fail_to_start",
        "the contactor of a pump does not pull in",
        {"pump": _PUMP, "inflow": _inflow(6.0)},
        sizes=({"pump": 1}, {"pump": 2}, {"pump": 1, "inflow": 9.0}),
        shows_s=900.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pumps_stand",
        "the start floats hang in their own fat",
        {"inflow": _inflow(8.0)},
        leads_to=_HIGH,
        sizes=({"inflow": 6.0}, {"inflow": 8.0}, {"inflow": 25.0}),
        shows_s=1200.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pump_fault",
        "the overload relay of a pump has tripped",
        {"pump": _PUMP},
        leads_to=("sump_pump_fail_to_start",),
        sizes=({"pump": 1}, {"pump": 2}, {"pump": 1}),
        shows_s=2.0,
    ),
    Upset(
        "sump_not_in_auto",
        "the selector is left off or in manual",
        {"off": Setting(0.0, 0.0, 1.0, "", "1 = off, 0 = manual")},
        leads_to=(*_HIGH, "sump_pumps_stand", "sump_pump_fail_to_start"),
        sizes=({"off": 0.0}, {"off": 1.0}, {"off": 0.0}),
        shows_s=2.0,
    ),
    Upset(
        "sump_pump_dry",
        "the stop float hangs, the pump runs on",
        leads_to=("sump_pump_runs_long",),
        shows_s=600.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pump_runs_long",
        "an impeller is worn: the pump holds the water, no more",
        {"inflow": _inflow(3.0), "delivers": _delivers(0.22)},
        leads_to=("sump_both_pumps", "sump_high"),
        sizes=({"delivers": 0.25}, {"delivers": 0.22}, {"delivers": 0.15}),
        shows_s=5400.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pump_cycles",
        "the floats hang too close in a wet week",
        {"inflow": _inflow(5.0), "band": Setting(2.0, 0.5, 10.0, "%", "between start and stop")},
        sizes=({"band": 2.8}, {"band": 2.0}, {"band": 1.0}),
        shows_s=4800.0,
        tick_s=5.0,
    ),
    Upset(
        "sump_pump_idle",
        "the alternation is stuck: one pump has all the turns",
        {"pump": _PUMP},
        sizes=({"pump": 1}, {"pump": 2}, {"pump": 1}),
        shows_s=15 * 86_400.0,
        tick_s=60.0,
    ),
)
