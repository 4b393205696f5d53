"""What can go wrong in the simulated machines: one table of upsets by kind, with their numbers and the rules that must, or may, find them.

An upset acts on a machine's physics (no fire while cranking, a valve that stays open), never on the values it shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of an upset. default, low..high in `unit`."""

    default: float
    low: float
    high: float
    unit: str
    what: str


@dataclass(frozen=True, slots=True)
class Upset:
    """Something that goes wrong in a machine.

    name: usually the rule that must find it. rule: that rule where it is another; "-" = no rule, it is only the cause of others.
    leads_to: rules that may fire as well, because physics says so. settings: its numbers by name; all have defaults.
    """

    name: str
    says: str
    settings: Mapping[str, Setting] = field(default_factory=dict)
    rule: str = ""
    leads_to: tuple[str, ...] = ()

    @property
    def found_by(self) -> str | None:
        return None if self.rule == "-" else self.rule or self.name

    def filled(self, given: Mapping[str, float]) -> dict[str, float]:
        """All settings, defaults where none is given. Raises ValueError for an unknown one or one out of its range."""
        for key, value in given.items():
            if key not in self.settings:
                raise ValueError(f"{self.name} has no setting {key}; it has {', '.join(self.settings) or 'none'}")
            allowed = self.settings[key]
            if not allowed.low <= value <= allowed.high:
                raise ValueError(f"{self.name}: {key} {value:g} is outside {allowed.low:g}..{allowed.high:g} {allowed.unit}".rstrip())
        return {key: setting.default for key, setting in self.settings.items()} | dict(given)


def by_name(*upsets: Upset) -> Mapping[str, Upset]:
    return {upset.name: upset for upset in upsets}


# Anybody's device may fall silent; the wire does it, not the machine.
DEVICE_OFFLINE = Upset("device_offline", "its devices do not answer any more: cable, power, network")

_START = Setting(1.0, 0.0, 1.0, "", "1 = a start is asked for as well, as in a test")
_RUN = Setting(1.0, 0.0, 1.0, "", "1 = the unit is asked to run whatever the hour")
_DRAW = Setting(15.0, 0.5, 60.0, "L/s", "water taken out, so that the pump is called")
_DEMAND = ("unexpected_run", "pressure_decay_fast", "jockey_runs_continuously")  # what may rightly be said when water is drawn

ELEVATOR = by_name(
    Upset(
        "passenger_entrapment",
        "stops between floors with people inside; somebody presses the alarm",
        {
            "load": Setting(15.0, 5.1, 100.0, "%", "load of the car"),
            "alarm_after_s": Setting(40.0, 0.0, 600.0, "s", "until the alarm button is pressed"),
        },
        leads_to=(
            *("passenger_alarm_pressed", "stopped_outside_door_zone", "safety_chain_open"),
            *("lift_common_fault", "lift_fault_occupied"),
        ),
    ),
    Upset(
        "lift_common_fault",
        "the controller reports a fault and stays at the next landing, doors open",
        leads_to=("lift_fault_occupied",),
    ),
    Upset("mode_left_in_inspection", "the inspection switch is left on after a visit"),
    Upset(
        "door_fails_to_close",
        "something in the sill: the door reopens again and again",
        {"stroke": Setting(0.5, 0.1, 0.9, "", "how far it closes")},
    ),
    Upset("light_curtain_blocked", "a beam of the light curtain stays dark", leads_to=("door_fails_to_close",)),
    Upset(
        "machine_room_hot",
        "the machine room's air conditioner is off",
        {"rise": Setting(20.0, 5.0, 40.0, "K", "above outdoor air")},
    ),
    Upset("pit_water", "water in the pit"),
)

FIRE_PUMP = by_name(
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

AHU = by_name(
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

GENERATOR = by_name(
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

ATS = by_name(
    Upset("ats_not_in_auto", "the switch is left in manual", leads_to=("mains_lost_no_transfer",)),
    Upset("ats_fail_to_transfer", "the mechanism is stuck", leads_to=("mains_lost_no_transfer",)),
)

UPSETS: Mapping[str, Mapping[str, Upset]] = {
    "elevator": ELEVATOR,
    "fire_pump": FIRE_PUMP,
    "ahu": AHU,
    "generator": GENERATOR,
    "ats": ATS,
}
