"""What can go wrong in a fire pump with its jockey."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_DRAW = Setting(15.0, 0.5, 60.0, "L/s", "water taken out, so that the pump is called")
_DEMAND = ("unexpected_run", "pressure_decay_fast", "jockey_runs_continuously")  # what may rightly be said when water is drawn

UPSETS = by_name(
    Upset(
        "controller_not_in_auto",
        "the selector is left in manual or off after a service",
        {"off": Setting(0.0, 0.0, 1.0, "", "1 = off, 0 = manual")},
    ),
    Upset(
        "phase_loss",
        "a fuse of one phase is gone; the motor feeds it back a little",
        {
            "phase": Setting(2, 1, 3, "", "which"),
            "left": Setting(0.6, 0.0, 0.7, "", "share of its voltage that is left"),
        },
    ),
    Upset(
        "running_no_pressure",
        "the pump is called, runs, and makes no head: prime lost, coupling broken",
        {"head": Setting(0.05, 0.0, 0.4, "", "share of its curve that is left"), "draw": _DRAW},
        leads_to=(*_DEMAND, "slow_start_to_pressure", "undercurrent"),
    ),
    Upset("fail_to_start", "called and does not start: contactor, breaker, engine", {"draw": _DRAW}, leads_to=_DEMAND),
    Upset("power_lost", "the pump room's feeder is dead", leads_to=("phase_loss",)),
    Upset("phase_reversal", "two phases changed after work on the cable"),
    Upset(
        "unexpected_run",
        "a pipe leaks, the pump starts",
        {"draw": Setting(5.0, 0.5, 60.0, "L/s", "leak")},
        leads_to=_DEMAND,
    ),
    Upset("jockey_short_cycling", "a leak, the jockey starts often", {"leak": Setting(0.12, 0.03, 0.9, "L/s", "leak")}),
    Upset("suction_valve_closed", "the suction valve is shut", leads_to=("running_no_pressure", "low_suction_pressure")),
    Upset(
        "weekly_test",
        "the controller's own weekly start: no fault, an event that explains a run",
        {"run_s": Setting(180.0, 10.0, 3600.0, "s", "how long it runs")},
        rule="-",
        leads_to=("unexpected_run",),
    ),
    Upset("tank_level_low", "the reservoir is low", {"level": Setting(40.0, 0.0, 89.0, "%", "level")}),
    Upset("diesel_fuel_low", "the day tank is low", {"level": Setting(45.0, 0.0, 66.0, "%", "level")}),
    Upset(
        "diesel_battery_low",
        "a starting battery is old",
        {"battery": Setting(1, 1, 2, "", "which"), "volts": Setting(15.0, 0.0, 24.0, "V", "at rest")},
    ),
    Upset(
        "diesel_low_oil_pressure",
        "called, runs, and the oil pump gives little",
        {"bar": Setting(0.6, 0.0, 0.95, "bar", "oil"), "draw": _DRAW},
        leads_to=_DEMAND,
    ),
)
