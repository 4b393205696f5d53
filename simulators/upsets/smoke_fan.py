"""What can go wrong in a smoke or pressurisation fan."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_BY = Setting(0.0, 0.0, 2.0, "", "what calls it: 0 = the fire signal, 1 = an open vent, 2 = a command")
_FACTOR = Setting(0.7, 0.1, 2.5, "", "what is left of the pressure, or too much of it")
_BAND = ("stair_pressure_test_failed",)

UPSETS = by_name(
    Upset(
        "smoke_fan_not_in_auto",
        "the selector is left in manual or off",
        {"off": Setting(0.0, 0.0, 1.0, "", "1 = off, 0 = manual")},
        sizes=({"off": 0.0}, {"off": 1.0}, {"off": 0.0}),
        shows_s=2.0,
    ),
    Upset("smoke_fan_power_lost", "the breaker of its box has tripped", shows_s=2.0),
    Upset(
        "smoke_fan_fail_to_start",
        "called by a fire or a vent, the contactor does not pull in",
        {"by": Setting(0.0, 0.0, 1.0, "", "what calls it: 0 = the fire signal, 1 = an open vent")},
        sizes=({"by": 1.0}, {"by": 0.0}, {"by": 0.0}),
        shows_s=2.0,
    ),
    Upset("smoke_fan_test_failed", "tried by a command, the contactor does not pull in", shows_s=2.0),
    Upset("smoke_fan_no_airflow", "run from its box, the belt is gone", leads_to=_BAND, shows_s=38.0),
    Upset("smoke_fan_fault", "its overload relay has tripped", shows_s=2.0),
    Upset("smoke_damper_shut", "the fusible link of its 280 degree damper has let go", shows_s=2.0),
    Upset(
        "stair_pressure_out_of_band",
        "in a fire the relief damper hangs: too little pressure, or too much",
        {"by": _BY, "factor": _FACTOR},
        leads_to=_BAND,
        sizes=({"by": 0.0, "factor": 0.82}, {"by": 0.0, "factor": 1.3}, {"by": 0.0, "factor": 0.4}),
        shows_s=100.0,
    ),
    Upset(
        "stair_pressure_test_failed",
        "in a test the relief damper hangs",
        {"factor": _FACTOR},
        sizes=({"factor": 0.82}, {"factor": 1.3}, {"factor": 0.4}),
        shows_s=100.0,
    ),
)
