"""What can go wrong in a set of fire pumps."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_DRAW = Setting(15.0, 1.5, 40.0, "L/s", "water taken out, so that the pumps are called")
_OFF = Setting(0.0, 0.0, 1.0, "", "1 = off, 0 = manual")

UPSETS = by_name(
    Upset(
        "standby_pump_no_takeover",
        "called, the duty pump does not start and the standby does not take over",
        {"draw": _DRAW},
        sizes=({"draw": 3.0}, {"draw": 15.0}, {"draw": 40.0}),
        leads_to=("header_pressure_lost",),
        shows_s=30.0,
    ),
    Upset(
        "standby_took_over",
        "called, the duty pump does not start; the standby does",
        {"draw": _DRAW},
        sizes=({"draw": 3.0}, {"draw": 15.0}, {"draw": 40.0}),
        shows_s=45.0,
    ),
    Upset(
        "fire_start_chain_broken",
        "water is drawn, the switches close, and their line to the controller is cut",
        {"draw": _DRAW},
        sizes=({"draw": 3.0}, {"draw": 15.0}, {"draw": 40.0}),
        leads_to=("header_pressure_lost",),
        shows_s=20.0,
    ),
    Upset(
        "set_no_pressure",
        "called, a pump runs and makes no head: the suction is shut, no prime",
        {"head": Setting(0.05, 0.0, 0.4, "", "share of its curve that is left"), "draw": _DRAW},
        sizes=({"head": 0.35}, {"head": 0.05}, {"head": 0.0}),
        shows_s=40.0,
    ),
    Upset(
        "set_not_in_auto",
        "the selector is left in manual or off after a service",
        {"off": _OFF},
        sizes=({"off": 0.0}, {"off": 0.0}, {"off": 1.0}),
        shows_s=1.0,
    ),
    Upset("duty_pump_unavailable", "the duty pump is isolated, or its overload has tripped", shows_s=1.0),
    Upset("standby_pump_unavailable", "the standby pump is isolated, or its overload has tripped", shows_s=1.0),
    Upset("set_common_fault", "the cabinet says it has a fault and does not say which", shows_s=1.0),
    Upset(
        "header_pressure_lost",
        "the jockey stands, a leak empties the main, and the pumps are off",
        {"leak": Setting(0.3, 0.1, 5.0, "L/s", "leak"), "off": Setting(1.0, 1.0, 1.0, "", "the selector is off")},
        sizes=({"leak": 0.15}, {"leak": 0.3}, {"leak": 2.0}),
        leads_to=("set_not_in_auto", "fire_start_chain_broken"),
        shows_s=320.0,
    ),
    Upset(
        "test_line_open",
        "the valve of the test line is left open: the pumps run round and round",
        {"draw": Setting(15.0, 3.0, 40.0, "L/s", "what flows through it")},
        sizes=({"draw": 3.0}, {"draw": 10.0}, {"draw": 30.0}),
        shows_s=3.0,
    ),
    Upset(
        "jockey_short_cycling",
        "a leak, the jockey starts often",
        {"leak": Setting(0.12, 0.03, 0.9, "L/s", "leak")},
        sizes=({"leak": 0.105}, {"leak": 0.12}, {"leak": 0.3}),
        shows_s=4000.0,
        tick_s=5.0,
    ),
    Upset(
        "jockey_starts_doubled",
        "a leak grows: the jockey starts far more often than it used to, still below fifteen an hour",
        {"leak": Setting(0.02, 0.011, 0.1, "L/s", "leak")},
        sizes=({"leak": 0.012}, {"leak": 0.02}, {"leak": 0.04}),
        after_s=8.5 * 86_400.0,
        shows_s=7 * 3600.0,
        tick_s=60.0,
    ),
    Upset(
        "jockey_runs_continuously",
        "a leak as big as what the jockey gives",
        {"leak": Setting(1.0, 0.97, 1.0, "L/s", "leak")},
        sizes=({"leak": 0.975}, {"leak": 0.99}, {"leak": 1.0}),
        after_s=4200.0,
        shows_s=60.0,
        tick_s=5.0,
    ),
)
