"""A standby generator with its controller: mains fail, start, transfer, load, return, cool-down; shut-downs as a controller has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.battery import ALTERNATOR_V, FLOAT_V, Battery
from simulators.devices.curves import Daily
from simulators.devices.engine import RATED_RPM, Condition, Engine, State
from simulators.devices.fuel import Tank
from simulators.devices.genset_panel import POWER_FACTOR, RATED_KW, show
from simulators.devices.genset_protection import Electrical, Protection
from simulators.devices.lags import Lag, Swing, clip
from simulators.devices.plant import Plant
from simulators.devices.switching import TransferSwitch
from simulators.surroundings import NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.generator import UPSETS

ESSENTIAL_LOAD = Daily(((0, 0.28), (6, 0.3), (9, 0.58), (17, 0.55), (20, 0.4)))  # share of rated, by hour
SETTLED_S = 15.0  # of a run, until what goes wrong with a running set goes wrong
OUTAGES = frozenset({"mains_lost", "mains_lost_no_transfer", "overload", "gen_room_ventilation_on_load"})
_SWITCH = frozenset({"ats_fail_to_transfer", "mains_lost_no_transfer"})
_LOCKED_OUT = frozenset({"emergency_stop_active", "controller_alarm", "controller_alarm_in_outage"})
_EXERCISE = (9.0, 9.25)  # on one Saturday in four, without load (GB practice: 10-15 min a month)


class Generator(Plant):
    """tank_volume: L of the day tank."""

    kind: ClassVar[str] = "generator"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"tank_volume": 1500.0, "rated_consumption": 97.0, "load_too_low.unburnt": "14d"}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self.engine = Engine(rng)
        self.switch = TransferSwitch()
        self.battery = Battery(self.noise)
        self.tank = Tank(rng, self.parameter("tank_volume", 1500.0))
        self.protection = Protection()
        self.avr = Swing(0.0, 4.0, 0.6)  # mean phase voltage
        self.phases = (1.0, 1.0, 1.0)  # of it
        self.room = Lag(_room_at_rest(around), 1800.0)
        self.energy = float(rng.integers(8_000, 60_000))
        self.load = 0.0  # share of rated
        self._saturday = int(rng.integers(0, 4))
        self._upset_s = 0.0
        self.step(around.now_s, 0.0)

    # what a switch sees of it

    @property
    def live(self) -> bool:
        return self.engine.ready and min(self.phase_volts) > 0.85 * NOMINAL_V and not self.protection.trips

    @property
    def volts(self) -> float:
        return max(0.0, self.avr.value)

    @property
    def phase_volts(self) -> tuple[float, float, float]:
        a, b, c = self.phases
        return self.volts * a, self.volts * b, self.volts * c

    @property
    def hertz(self) -> float:
        turning = self.engine.turning or self.engine.rpm.value > 600.0
        return max(0.0, self.engine.rpm.value) / RATED_RPM * 50.0 if turning else 0.0

    @property
    def load_amperes(self) -> float:
        return self._building_load() * RATED_KW * 1000.0 / (3 * NOMINAL_V * POWER_FACTOR)

    @property
    def in_parallel(self) -> bool:
        """Both breakers closed: a test with the load shared."""
        return "reverse_power" in self.upsets and self.live

    def _building_load(self) -> float:
        for name in ("overload", "overload_in_outage", "load_too_low"):
            if name in self.upsets:
                return self.upsets[name]["load"]
        return ESSENTIAL_LOAD(self.around.hour)

    # upsets

    def _outages(self) -> bool:
        return any(name in OUTAGES or name.endswith("_in_outage") for name in self.upsets)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        self._upset_s = 0.0
        if name in OUTAGES or name.endswith("_in_outage"):
            self.around.mains.factors = [0.0, 0.0, 0.0]
        if name in _LOCKED_OUT:
            self.engine.trip("emergency_stop" if name == "emergency_stop_active" else "external_input")
        elif name == "low_coolant_temp":
            self.engine.coolant.value = self.room.value + max(0.0, 41.0 - self.room.value) * settings["heater"]
        self.switch.stuck = self.switch.stuck or name in _SWITCH

    def ended(self, name: str) -> None:
        if (name in OUTAGES or name.endswith("_in_outage") or name == "excessive_starts") and not self._outages():
            self.around.mains.factors = [1.0, 1.0, 1.0]
        self.tank.repaired(name)
        self.switch.stuck = any(left in _SWITCH for left in self.upsets)
        self.switch.exercise = False
        if not _LOCKED_OUT & self.upsets.keys():
            self.engine.reset()
            self.protection.reset()
        show(self)

    def mode(self) -> str:
        if (left := self.upsets.get("not_in_auto")) is not None:
            return "manual" if left["manual"] >= 0.5 else "stop"
        return "test" if "test_run" in self.upsets else "auto"

    def asked(self) -> bool:
        """A start is asked for: by an upset's own test, by the controller's schedule."""
        if any(u.get("start", 0.0) >= 0.5 for u in self.upsets.values()) or self.switch.exercise:
            return True
        if "fail_to_stop" in self.upsets:
            return self._upset_s < 60.0
        if "slow_start_repeated" in self.upsets:
            return not 240.0 < self._upset_s < 600.0
        now = self.around
        week = int(now.day_of_year) // 7 % 4
        return now.weekday == 5 and week == self._saturday and _EXERCISE[0] <= now.hour < _EXERCISE[1]

    def _condition(self) -> Condition:
        c, u, warm = Condition(), self.upsets, self.engine.run_s > SETTLED_S
        c.crank = clip(self.battery.crank_volts / 20.2, 0.05, 1.0)
        c.fires = "fail_to_start" not in u and self.tank.level > 0.5 and c.crank > 0.45
        for name in ("low_oil_pressure", "low_oil_pressure_in_outage"):
            if name in u and self.engine.run_s > 20.0:  # shows once the engine is warm enough to be judged
                c.oil_kpa, c.oil_lag_s = u[name]["kpa"], 4.0
        for name in ("high_coolant_temp", "high_coolant_temp_in_outage"):
            c.cooling = u[name]["cooling"] if name in u else c.cooling
        for name in ("overspeed", "frequency_low", "frequency_high"):
            for found in (name, f"{name}_in_outage"):
                c.governor = u[found]["speed"] if found in u and warm else c.governor
        for name in ("slow_start", "slow_start_repeated"):
            c.run_up_s = u[name]["run_up_s"] if name in u else c.run_up_s
        c.heater = u["low_coolant_temp"]["heater"] if "low_coolant_temp" in u else 1.0
        c.stops = "fail_to_stop" not in u
        return c

    def _electrics(self) -> float:
        """What the regulator holds, share of nominal; sets the phases' shares of it."""
        u, held = self.upsets, 1.0
        self.phases = (1.0, 1.0, 1.0)
        if self.engine.run_s <= SETTLED_S:
            return held
        for name in ("voltage_out_of_range", "voltage_out_of_range_in_outage"):
            held = u[name]["share"] if name in u else held
        for name in ("voltage_unbalance", "voltage_unbalance_severe"):
            if name in u:  # the neutral point shifts toward the phase that is loaded
                left = u[name]["left"]
                rise = 1.0 + (1.0 - left) / 4.0
                self.phases = (rise, left, rise)
        return held

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        self._upset_s += dt_s
        self._sequences()
        mains, engine = self.around.mains, self.engine
        wanted = self.mode() == "test" or (self.mode() == "auto" and (self.switch.standby_wanted or self.asked()))
        mains_ok = self.mains_ok
        engine.step(dt_s, wanted=wanted, load=self.load, condition=self._condition(), room=self.room.value, mains_ok=mains_ok)
        self._charge(dt_s)
        held = self._electrics()
        excited = engine.turning and engine.rpm.value > 0.7 * RATED_RPM
        self.avr.toward((NOMINAL_V + 1.0) * held if excited else 0.0, dt_s)
        volts = self.phase_volts
        seen = Electrical(min(volts), max(volts), self.hertz, self.load)
        self.protection.step(dt_s, engine, seen, earth_fault="earth_fault" in self.upsets and engine.run_s > SETTLED_S)
        self.switch.step(now_s, dt_s, mains_ok=mains.ok, standby_ready=self.live)
        self._carry()
        if engine.turning:
            self.tank.burn(self.load, dt_s)
            self.energy += max(0.0, self.load) * RATED_KW * dt_s / 3600.0
        self.tank.upset(self.upsets, dt_s)
        self.room.toward(self._room_rest(), dt_s)
        show(self)

    @property
    def mains_ok(self) -> bool:
        """At the switch, where its controller looks."""
        return self.around.mains.ok and not self.switch.feed_lost

    def _sequences(self) -> None:
        """Upsets that are a course of events."""
        if (flicker := self.upsets.get("excessive_starts")) is not None:
            share = 0.0 if self._upset_s % flicker["period_s"] < 25.0 else 1.0
            self.around.mains.factors = [share] * 3
        self.switch.exercise = "load_too_low" in self.upsets and self._upset_s % (7 * 86_400.0) < 2700.0

    def _charge(self, dt_s: float) -> None:
        u, battery = self.upsets, self.battery
        weak = [u[name]["volts"] for name in ("battery_low", "battery_very_low") if name in u]
        battery.rest_volts = min(weak) if weak else None
        battery.ohm = u["battery_weak"]["ohm"] if "battery_weak" in u else battery.HEALTHY_OHM
        held = ALTERNATOR_V if self.alternator_charges else FLOAT_V if self.charger_works else None
        if "battery_over_voltage" in u and held is not None:
            held = u["battery_over_voltage"]["volts"]
        battery.step(dt_s, held_at=held, cranking=self.engine.state is State.CRANKING)

    @property
    def charger_works(self) -> bool:
        return self.mains_ok and "charger_failed" not in self.upsets

    @property
    def alternator_charges(self) -> bool:
        return self.engine.rpm.value > 600.0 and "charge_alternator_failure" not in self.upsets

    def _carry(self) -> None:
        """The load it has now; a step of it takes speed and voltage down."""
        load = self._building_load() if self.switch.on_standby and self.live else 0.0
        if self.in_parallel:
            load = -self.upsets["reverse_power"]["share"]
        if abs(load - self.load) > 0.1:
            self.engine.kick(load - self.load)
            self.avr.rate -= 120.0 * (load - self.load)
        self.load = load
        (self.around.standby.add if load > 0 and self.switch.on_standby else self.around.standby.discard)(id(self))

    @property
    def air(self) -> Mapping[str, bool]:
        """Does each part of the room's ventilation work?"""
        faults = {u["part"] for name, u in self.upsets.items() if name.startswith("gen_room_ventilation")}
        return {"louvre": 0.0 not in faults, "fan": 1.0 not in faults, "duct": 2.0 not in faults}

    def _room_rest(self) -> float:
        """degC the room goes to: the radiator's heat leaves with the air, or it does not."""
        return _room_at_rest(self.around) + ((9.0 if all(self.air.values()) else 45.0) if self.engine.turning else 0.0)


def _room_at_rest(around: Surroundings) -> float:
    return clip(16.0 + 0.3 * around.outdoor_temp, 8.0, 35.0)
