"""What can go wrong on a feeder, as its meter sees it."""

from __future__ import annotations

from simulators.upset import Setting, Upset, by_name

_NEAR = ("load_near_limit", "demand_high")
_HEAT = ("cable_hot", "cable_overheated")


def _load(default: float) -> dict[str, Setting]:
    return {"load": Setting(default, 0.3, 3.0, "", "of the rated current")}


def _one(name: str, *values: float) -> tuple[dict[str, float], ...]:
    return tuple({name: value} for value in values)


UPSETS = by_name(
    Upset("supply_lost", "the feeder's breaker is open", shows_s=2.0),
    Upset(
        "phase_lost",
        "a fuse of one phase is gone; motors feed it back a little",
        {"phase": Setting(2, 1, 3, "", "which"), "left": Setting(0.4, 0.0, 0.6, "", "share of its voltage that is left")},
        leads_to=("current_unbalance",),
        sizes=({"phase": 1, "left": 0.6}, {"phase": 2, "left": 0.4}, {"phase": 3, "left": 0.0}),
        shows_s=2.0,
    ),
    Upset(
        "voltage_low",
        "a long feeder under a fault upstream",
        {"factor": Setting(0.8, 0.68, 0.84, "", "of nominal")},
        leads_to=("voltage_out_of_band",),
        sizes=_one("factor", 0.82, 0.78, 0.7),
        shows_s=2.0,
    ),
    Upset(
        "voltage_high",
        "the transformer's tap is wrong, or the neutral is broken",
        {"factor": Setting(1.2, 1.14, 1.8, "", "of nominal")},
        leads_to=("voltage_out_of_band", "demand_high"),
        sizes=_one("factor", 1.17, 1.25, 1.6),
        shows_s=2.0,
    ),
    Upset(
        "voltage_out_of_band",
        "a tap too high or too low",
        {"factor": Setting(1.11, 0.87, 1.115, "", "of nominal")},
        leads_to=("voltage_high", "voltage_low"),
        sizes=_one("factor", 1.11, 0.883, 1.115),
        shows_s=2.0,
        tick_s=5.0,
    ),
    Upset(
        "voltage_unbalance",
        "a joint of one phase has gone bad",
        {"phase": Setting(3, 1, 3, "", "which"), "left": Setting(0.9, 0.7, 0.935, "", "share of its voltage that is left")},
        leads_to=("voltage_out_of_band", "voltage_low"),
        sizes=({"left": 0.93}, {"left": 0.9}, {"left": 0.8}),
        shows_s=2.0,
        tick_s=5.0,
    ),
    Upset(
        "frequency_out_of_band",
        "the feeder runs on an island whose governor is off",
        {"off": Setting(1.0, -3.0, 3.0, "Hz", "from nominal")},
        sizes=_one("off", 0.7, -1.0, 3.0),
        shows_s=2.0,
    ),
    Upset(
        "overload",
        "more hangs on the circuit than it was built for",
        _load(1.2),
        leads_to=(*_NEAR, *_HEAT, "neutral_overload"),
        sizes=_one("load", 1.15, 1.25, 1.6),
        shows_s=2.0,
        tick_s=5.0,
    ),
    Upset("load_near_limit", "a hot day: everything runs", _load(0.97), leads_to=_NEAR, sizes=_one("load", 0.95, 0.97, 1.0), tick_s=5.0),
    Upset(
        "current_unbalance",
        "new sockets all hang on one phase",
        {"share": Setting(1.8, 1.6, 3.0, "", "of the other phases' current")},
        leads_to=(*_NEAR, "overload", "neutral_overload"),
        sizes=_one("share", 1.65, 1.75, 2.2),
        tick_s=5.0,
    ),
    Upset(
        "neutral_overload",
        "lamps and computers: third harmonics add up in the neutral",
        {"thd": Setting(75.0, 60.0, 120.0, "%", "third harmonic of the current")},
        leads_to=("current_distorted",),
        sizes=_one("thd", 68.0, 75.0, 100.0),
        tick_s=5.0,
    ),
    Upset(
        "leakage_high",
        "an insulation gives way",
        {"leakage": Setting(500.0, 310.0, 20_000.0, "mA", "to earth")},
        leads_to=("leakage_rising",),
        sizes=_one("leakage", 320.0, 500.0, 5000.0),
        shows_s=120.0,
    ),
    Upset(
        "leakage_rising",
        "damp creeps into a cable",
        {"leakage": Setting(200.0, 150.0, 290.0, "mA", "to earth")},
        sizes=_one("leakage", 160.0, 200.0, 270.0),
        shows_s=300.0,
        after_s=30 * 3600.0,
        tick_s=60.0,
    ),
    Upset(
        "cable_hot",
        "a joint has worked loose",
        {"rise": Setting(45.0, 30.0, 64.0, "K", "of the joint at an office's usual load")},
        sizes=_one("rise", 38.0, 45.0, 55.0),
        leads_to=("cable_overheated",),
        shows_s=3600.0,
        tick_s=5.0,
    ),
    Upset(
        "cable_overheated",
        "a joint burns",
        {"rise": Setting(100.0, 80.0, 300.0, "K", "of the joint at an office's usual load")},
        leads_to=("cable_hot",),
        sizes=_one("rise", 85.0, 100.0, 120.0),
        shows_s=3600.0,
        tick_s=5.0,
    ),
    Upset(
        "power_factor_low",
        "the capacitor bank is off",
        {"factor": Setting(0.8, 0.3, 0.89, "", "what is left")},
        sizes=_one("factor", 0.88, 0.8, 0.6),
        tick_s=5.0,
    ),
    Upset(
        "voltage_distorted",
        "a drive without a choke, a capacitor in resonance",
        {"thd": Setting(8.0, 5.3, 40.0, "%", "of the voltage")},
        sizes=_one("thd", 5.5, 8.0, 20.0),
        tick_s=5.0,
    ),
    Upset(
        "current_distorted",
        "rectifiers take over the circuit",
        {"thd": Setting(50.0, 42.0, 59.0, "%", "third harmonic of the current")},
        leads_to=("neutral_overload",),
        sizes=_one("thd", 43.0, 48.0, 55.0),
        tick_s=5.0,
    ),
    Upset(
        "demand_high",
        "chillers and heaters run at the same time",
        _load(0.87),
        leads_to=("load_near_limit", "overload", *_HEAT),
        sizes=_one("load", 0.82, 0.87, 1.1),
        shows_s=1000.0,
        tick_s=5.0,
    ),
    Upset("energy_not_counting", "the register hangs", shows_s=6.5 * 3600.0, after_s=7 * 3600.0, tick_s=60.0),
    Upset("power_reversed", "a transformer is put on the wrong way round", leads_to=("energy_not_counting",), tick_s=5.0),
)
