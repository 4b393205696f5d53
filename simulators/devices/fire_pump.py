"""A fire pump with its jockey on a pressurised main: starts on falling pressure, and is stopped by a person only (GB 50974 11.0.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import ClassVar, Self

import numpy as np

from plantroom.kinds import Kind
from plantroom.site import Equipment
from simulators.devices.curves import PumpCurve
from simulators.devices.drivers import Crank, Diesel, Electric
from simulators.devices.lags import Lag, clip
from simulators.devices.plant import Neighbour, Plant
from simulators.devices.water import Network, SetPoints
from simulators.surroundings import NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.fire_pump import UPSETS

_SYSTEM_FAULTS = ("fail_to_start", "phase_loss", "phase_reversal", "motor_overload", "low_oil_pressure", "high_engine_temp")

# a fire pump of which any of these is read is a diesel
_OF_DIESELS = frozenset({"engine_speed", "crank_attempt", "cranking", "battery1_voltage", "battery1_ok", "engine_overspeed"})


class FirePump(Plant):
    kind: ClassVar[str] = "fire_pump"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(
        self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings, *, diesel: bool = False
    ) -> None:
        super().__init__(kind, parameters, rng, around)
        points = SetPoints(self.parameter("start_pressure", 7.0))
        self.network = Network(
            PumpCurve(rated_bar=self.parameter("rated_pressure", 10.0), rated_l_s=self.parameter("rated_flow", 30.0)),
            points,
            pressure=points.jockey_start + 0.7 * rng.random(),
        )
        self.electric = Electric()
        self.diesel = Diesel(rng, self.noise) if diesel else None
        self._mode = {m: self.code("control_mode", m) for m in ("auto", "manual", "off")}
        self._latched = False  # called: only a person lets go
        self._called_s = 0.0
        self._to_pressure = 4.0
        self._starts = float(rng.integers(40, 160))
        self._hours = self._starts * 0.4
        self._tank = 97.0 + 2.0 * float(rng.random())
        self._room, self._bearing = Lag(18.0, 7200.0), Lag(24.0, 1200.0)
        self._was_running = False
        self._test_left_s = 0.0
        self._last_test_s = around.now_s - 86_400.0 * float(rng.uniform(1.0, 6.0))
        self._no_phase_s = 0.0
        self._phase_alarms = [False, False, False]
        self.step(around.now_s, 0.0)

    @classmethod
    def built(
        cls,
        equipment: Equipment,
        parameters: Mapping[str, float | str],
        rng: np.random.Generator,
        around: Surroundings,
        others: Sequence[Neighbour],
    ) -> Self:
        bound = {binding.kind_point.name for binding in equipment.bindings}
        return cls(equipment.kind, parameters, rng, around, diesel=bool(bound & _OF_DIESELS))

    @property
    def driver(self) -> Electric | Diesel:
        return self.diesel or self.electric

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "weekly_test":
            self._test_left_s = settings["run_s"]

    def ended(self, name: str) -> None:
        if name == "weekly_test":
            self._test_left_s = 0.0
        if "draw" in self.UPSETS[name].settings:  # the person who repairs also stops it
            self._latched = False
            self.network.pressure = max(self.network.pressure, self.network.points.jockey_start)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        supply = self._supply()
        draw = max((u.get("draw", 0.0) for u in self.upsets.values()), default=0.0)
        mode = self._control_mode()
        if mode == "auto" and self.network.pressure < self.network.points.main_start:
            self._latched = True
        elif mode == "off":
            self._latched = False
        testing = self._test_left_s > 0.0 and mode == "auto"
        if testing:
            self._test_left_s -= dt_s
            if self._test_left_s <= 0.0:
                self._last_test_s = now_s
        wanted = (self._latched or testing) and mode == "auto"
        self._drive(dt_s, wanted, supply)
        suction = self._suction()
        head = self.upsets.get("running_no_pressure", {}).get("head", 1.0)
        if "suction_valve_closed" in self.upsets:
            head = min(head, 0.05)
        leak = self.upsets.get("jockey_short_cycling", {}).get("leak")
        self.network.leak = leak if leak is not None else 0.7 * self.network.capacity / 1200.0
        self.network.step(
            dt_s, suction=suction, speed=self.driver.speed, head_factor=head, draw=draw, jockey_power=min(supply) > 0.7 and mode != "off"
        )
        self._count(dt_s, wanted)
        self._show(now_s, supply, mode, suction)

    def _supply(self) -> list[float]:
        """Per phase at the controller's terminals, 1 = nominal."""
        mains = [v / NOMINAL_V for v in self.around.mains.volts]
        supply = mains if self.around.mains.ok or not self.around.standby_on_load else [1.0, 1.0, 1.0]
        if "power_lost" in self.upsets:
            return [0.0, 0.0, 0.0]
        if (lost := self.upsets.get("phase_loss")) is not None:
            supply = [f * (lost["left"] if i == round(lost["phase"]) - 1 else 1.0) for i, f in enumerate(supply)]
        return supply

    def _control_mode(self) -> str:
        upset = self.upsets.get("controller_not_in_auto")
        return "auto" if upset is None else "off" if upset["off"] >= 0.5 else "manual"

    def _drive(self, dt_s: float, wanted: bool, supply: list[float]) -> None:
        room = self._room.toward(clip(12.0 + 0.35 * self.around.outdoor_temp, 6.0, 38.0), dt_s)
        fails = "fail_to_start" in self.upsets
        if self.diesel is not None:
            oil = self.upsets.get("diesel_low_oil_pressure", {}).get("bar", 4.2)
            self.diesel.step(dt_s, wanted=wanted, fires=not fails, room=room, powered=min(supply) > 0.7, oil_bar=oil)
            if (low := self.upsets.get("diesel_fuel_low")) is not None:
                self.diesel.fuel = min(self.diesel.fuel, low["level"])
            elif self.diesel.fuel < 90.0:
                self.diesel.fuel = 96.0  # refilled
            if (weak := self.upsets.get("diesel_battery_low")) is not None:
                self.diesel.volts[round(weak["battery"]) - 1] = weak["volts"] + self.noise(0.02)
        else:
            load = self.network.flow / self.network.curve.rated_l_s
            self.electric.step(dt_s, wanted=wanted and not fails, supply=supply, load=load, room=room)
        self._bearing.toward(room + (28.0 if self.driver.running else 3.0), dt_s)

    def _suction(self) -> float:
        level = self.upsets.get("tank_level_low", {}).get("level", self._tank)
        if "suction_valve_closed" in self.upsets and self.driver.running:
            return -0.45
        return 0.35 * level / 100.0 - 0.0001 * self.network.flow**2

    def _count(self, dt_s: float, wanted: bool) -> None:
        running = self.driver.running
        self._called_s = self._called_s + dt_s if wanted else 0.0
        if running and not self._was_running:
            self._starts += 1
        self._was_running = running
        if running:
            self._hours += dt_s / 3600.0
            if self.network.pressure < 0.9 * self.network.curve.rated_bar:
                self._to_pressure = self._called_s
        lost = [f < 0.7 for f in self._supply()]
        self._no_phase_s = self._no_phase_s + dt_s if any(lost) else 0.0
        self._phase_alarms = lost if self._no_phase_s >= 0.5 else [False, False, False]

    # what its controller says

    def _show(self, now_s: float, supply: list[float], mode: str, suction: float) -> None:
        p, network, running = self.points, self.network, self.driver.running
        p["system_pressure"] = max(0.0, network.pressure + self.noise(0.012))
        p["suction_pressure"] = suction + self.noise(0.004)
        p["pump_running"], p["pump_demand"] = float(running), float(self._latched)
        p["test_running"] = float(self._test_left_s > 0.0 and mode == "auto")
        p["start_cause"] = self.code("start_cause", "weekly_test" if p["test_running"] and not self._latched else "pressure")
        p["control_mode"] = self._mode[mode]
        p["flow_rate"] = max(0.0, network.flow + self.noise(0.05)) if running else 0.0
        p["flow_switch"] = float(network.flow > 2.0)
        p["deluge_valve"] = 0.0
        volts = [NOMINAL_V * f for f in supply]
        p["voltage_l1l2"], p["voltage_l2l3"], p["voltage_l3l1"] = (_between(volts[i], volts[(i + 1) % 3]) for i in range(3))
        p["current_l1"], p["current_l2"], p["current_l3"] = (max(0.0, a + self.noise(0.4)) if a else 0.0 for a in self.electric.amperes)
        p["frequency"] = self.around.mains.hz if self.around.mains.ok else 50.0 if self.around.standby_on_load else 0.0
        p["phase_loss_l1"], p["phase_loss_l2"], p["phase_loss_l3"] = map(float, self._phase_alarms)
        p["phase_loss"] = float(any(self._phase_alarms))
        p["phase_reversal"] = float("phase_reversal" in self.upsets)
        p["power_available"] = float(max(supply) > 0.7)
        p["source"] = self.code("source", "normal" if self.around.mains.ok or not self.around.standby_on_load else "alternate")
        p["motor_temp"] = self.electric.winding.value
        p["bearing_temp_de"], p["bearing_temp_nde"] = self._bearing.value + 2.0, self._bearing.value
        p["vibration_rms"] = (1.8 + abs(self.noise(0.15))) if running else abs(self.noise(0.02))
        p["jockey_running"], p["jockey_starts"] = float(network.jockey_on), float(network.jockey_starts)
        p["tank_level"] = self.upsets.get("tank_level_low", {}).get("level", self._tank)
        p["tank_temp"], p["room_temp"] = clip(self._room.value - 2.0, 4.0, 30.0), self._room.value
        p["valve_suction_open"], p["valve_discharge_open"] = float("suction_valve_closed" not in self.upsets), 1.0
        p["relief_valve_flow"] = float(running and network.pressure > 1.19 * network.curve.rated_bar)
        p["start_count"], p["run_hours"], p["time_to_pressure_s"] = self._starts, self._hours, self._to_pressure
        p["last_weekly_test"] = self._last_test_s
        p["weekly_test_due"] = float(now_s - self._last_test_s > 7 * 86_400.0)
        p["test_result"], p["test_cut_in_pressure"] = self.code("test_result", "passed"), network.points.main_start
        p["pressure_switch"] = float(network.pressure < network.points.main_start)
        p["jockey_fault"] = p["stop_button"] = p["pressure_sensor_fault"] = 0.0
        p["motor_overload"] = float(max(self.electric.amperes) > 1.15 * self.electric.FULL_LOAD_A and self.electric.speed > 0.97)
        p["low_discharge_pressure"] = float(running and network.pressure < 0.6 * network.curve.rated_bar)
        p["high_discharge_pressure"] = float(network.pressure > 1.3 * network.curve.rated_bar)
        p["low_suction"] = float(running and suction < 0.0)
        if self.diesel is not None:
            self._show_diesel(self.diesel)
        p["system_fault"] = float(any(p.get(name, 0.0) for name in _SYSTEM_FAULTS))

    def _show_diesel(self, engine: Diesel) -> None:
        p = self.points
        p["engine_speed"] = max(0.0, engine.rpm.value + self.noise(2.0)) if engine.rpm.value > 5 else 0.0
        p["oil_pressure"] = max(0.0, engine.oil_bar.value + self.noise(0.02)) if engine.oil_bar.value > 0.05 else 0.0
        p["coolant_temp"] = engine.coolant.value
        p["battery1_voltage"], p["battery2_voltage"] = engine.volts
        p["charger1_ok"], p["charger2_ok"] = (float(ok and self.around.powered) for ok in engine.chargers)
        p["fuel_level"] = engine.fuel
        p["crank_attempt"], p["active_battery"] = float(engine.attempt), float(engine.battery)
        p["engine_overspeed"] = float(engine.rpm.value > 1.2 * engine.RATED_RPM)
        p["fail_to_start"] = float(engine.phase is Crank.FAILED)
        p["low_engine_temp"], p["high_engine_temp"] = float(engine.coolant.value < 21.0), float(engine.coolant.value > 95.0)
        p["low_oil_pressure"] = float(engine.running and engine.run_s > 15.0 and engine.oil_bar.value < 1.0)
        p["low_fuel_level"] = float(engine.fuel < 67.0)
        p["battery1_ok"], p["battery2_ok"] = (float(volts > 16.0) for volts in engine.volts)
        p["cranking"] = float(engine.phase is Crank.CRANKING)
        p["engine_quit"] = p["engine_lockout"] = p["fuel_in_interstitial"] = p["air_flap_closed"] = 0.0


def _between(a: float, b: float) -> float:
    """Phase-to-phase voltage of two phases 120 degrees apart."""
    return sqrt(a * a + b * b + a * b)
