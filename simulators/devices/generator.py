"""A standby generator with its controller: mains fail, start, transfer, load, return, cool-down; shut-downs as a controller has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import sqrt
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.ats import Position, TransferSwitch
from simulators.devices.curves import Daily
from simulators.devices.engine import RATED_RPM, Condition, Engine, State
from simulators.devices.lags import Lag, Swing, clip
from simulators.devices.plant import Plant
from simulators.surroundings import NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.generator import UPSETS

RATED_KW, POWER_FACTOR, TANK_L = 400.0, 0.86, 1000.0
ESSENTIAL_LOAD = Daily(((0, 0.28), (6, 0.3), (9, 0.58), (17, 0.55), (20, 0.4)))  # share of rated, by hour
_LOW_OIL_KPA, _SAFETY_ON_S, _HOT_DEGC = 103.0, 12.0, 98.0


class Generator(Plant):
    kind: ClassVar[str] = "generator"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self.engine = Engine(rng, self.noise)
        self.switch = TransferSwitch()
        self._volts = Swing(0.0, 4.0, 0.6)
        self._states = {s: self.code("engine_state", s) for s in State}
        self._positions = {s: self.code("ats_position", s) for s in Position}
        self._fuel = 78.0 + 15.0 * float(rng.random())
        self._fuel_used = float(rng.integers(2_000, 9_000))
        self._energy = float(rng.integers(8_000, 60_000))
        self._room = Lag(22.0, 1800.0)
        self._load = 0.0
        self._low_oil_s = self._hot_s = 0.0
        self.step(around.now_s, 0.0)

    # what a switch sees of it

    @property
    def live(self) -> bool:
        return self.engine.ready and self._volts.value > 0.85 * NOMINAL_V

    @property
    def volts(self) -> float:
        return max(0.0, self._volts.value)

    @property
    def hertz(self) -> float:
        return max(0.0, self.engine.rpm.value) / RATED_RPM * 50.0 if self.engine.turning else 0.0

    @property
    def load_amperes(self) -> float:
        return self._building_load() * RATED_KW * 1000.0 / (3 * NOMINAL_V * POWER_FACTOR)

    def _building_load(self) -> float:
        return ESSENTIAL_LOAD(self.around.hour)

    # upsets

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "mains_lost":
            self.around.mains.factors = [0.0, 0.0, 0.0]
        elif name == "emergency_stop_active":
            self.engine.trip("emergency_stop")
        elif name == "ats_fail_to_transfer":
            self.switch.stuck = True

    def ended(self, name: str) -> None:
        if name == "mains_lost":
            self.around.mains.factors = [1.0, 1.0, 1.0]
        elif name == "low_fuel":
            self._fuel = 92.0  # the tanker came
        elif name == "ats_fail_to_transfer":
            self.switch.stuck = False
        elif name in ("fail_to_start", "low_oil_pressure", "high_coolant_temp", "overspeed", "emergency_stop_active"):
            self.engine.reset()

    def _mode(self) -> str:
        if (left := self.upsets.get("not_in_auto")) is not None:
            return "manual" if left["manual"] >= 0.5 else "stop"
        return "test" if "test_run" in self.upsets else "auto"

    def _asked(self) -> bool:
        return any(u.get("start", 0.0) >= 0.5 for u in self.upsets.values())

    def _condition(self) -> Condition:
        c, u = Condition(), self.upsets
        c.fires = "fail_to_start" not in u and self._fuel > 0.5
        if "low_oil_pressure" in u and self.engine.run_s > 20.0:  # shows once the engine is warm enough to be judged
            c.oil_kpa, c.oil_lag_s = u["low_oil_pressure"]["kpa"], 4.0
        c.cooling = 0.3 if "high_coolant_temp" in u else 1.0
        c.governor = u["overspeed"]["speed"] if "overspeed" in u and self.engine.run_s > 15.0 else 1.0
        c.battery_volts = u.get("battery_low", {}).get("volts")
        c.charger = "charger_failed" not in u
        return c

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        mains, engine, mode = self.around.mains, self.engine, self._mode()
        wanted = (mode == "auto" and (self.switch.generator_wanted or self._asked())) or mode == "test"
        condition = self._condition()
        engine.step(dt_s, wanted=wanted, load=self._load, condition=condition, room=self._room.value, mains_ok=mains.ok)
        self._protect(dt_s)
        excited = engine.turning and engine.rpm.value > 0.85 * RATED_RPM
        self._volts.toward(NOMINAL_V + 1.0 if excited else 0.0, dt_s)
        self.switch.step(now_s, dt_s, mains_ok=mains.ok, generator_ready=self.live)
        load = self._building_load() if self.switch.on_generator and self.live else 0.0
        if abs(load - self._load) > 0.1:
            engine.kick(load - self._load)
            self._volts.rate -= 120.0 * (load - self._load)
        self._load = load
        (self.around.standby.add if load > 0 else self.around.standby.discard)(id(self))
        self._burn(dt_s)
        self._show(mode, condition)

    def _protect(self, dt_s: float) -> None:
        """The controller's own shut-downs; oil counts from 12 s after firing."""
        engine = self.engine
        low = engine.turning and engine.run_s > _SAFETY_ON_S and engine.oil.value < _LOW_OIL_KPA
        self._low_oil_s = self._low_oil_s + dt_s if low else 0.0
        self._hot_s = self._hot_s + dt_s if engine.turning and engine.coolant.value > _HOT_DEGC else 0.0
        if self._low_oil_s >= 2.0:
            engine.trip("low_oil_pressure")
        elif self._hot_s >= 2.0:
            engine.trip("high_coolant_temp")
        elif engine.turning and engine.rpm.value > 1.14 * RATED_RPM:
            engine.trip("overspeed")

    def _burn(self, dt_s: float) -> None:
        if self.engine.turning:
            litres = self._fuel_rate() * dt_s / 3600.0
            self._fuel = max(0.0, self._fuel - 100.0 * litres / TANK_L)
            self._fuel_used += litres
            self._energy += self._load * RATED_KW * dt_s / 3600.0
        if (low := self.upsets.get("low_fuel")) is not None and self._fuel > low["level"]:
            fall = (92.0 - low["level"]) * dt_s / low["over_s"] if low["over_s"] > 0 else 100.0
            self._fuel = max(low["level"], self._fuel - fall)
        self._room.toward(clip(16.0 + 0.3 * self.around.outdoor_temp, 8.0, 35.0) + (9.0 if self.engine.turning else 0.0), dt_s)

    def _fuel_rate(self) -> float:
        return 9.0 + 88.0 * self._load if self.engine.turning else 0.0

    # what its controller says

    def _show(self, mode: str, condition: Condition) -> None:
        p, engine, mains, noise = self.points, self.engine, self.around.mains, self.noise
        turning = engine.turning
        p["control_mode"] = self.code("control_mode", mode)
        p["engine_state"] = self._states[engine.state]
        p["engine_speed"] = max(0.0, engine.rpm.value + noise(1.0)) if engine.rpm.value > 5.0 else 0.0
        p["oil_pressure"] = max(0.0, engine.oil.value + noise(1.5)) if engine.oil.value > 2.0 else 0.0
        p["coolant_temp"], p["oil_temp"] = engine.coolant.value + noise(0.05), engine.oil_temp.value
        p["fuel_level"], p["fuel_rate"], p["fuel_used"] = clip(self._fuel + noise(0.03), 0.0, 100.0), self._fuel_rate(), self._fuel_used
        p["coolant_level"] = 20.0 if "high_coolant_temp" in self.upsets else 96.0
        p["battery_voltage"] = engine.volts
        p["charge_alt_voltage"] = 27.9 + noise(0.05) if turning else 0.0
        p["charger_ok"] = float(mains.ok and condition.charger)
        p["charger_current"] = 0.6 if mains.ok and condition.charger else 0.0
        p["gen_frequency"] = self.hertz
        volts = [max(0.0, self._volts.value + noise(0.15)) if self._volts.value > 3.0 else 0.0 for _ in range(3)]
        _three_phases(p, "gen_voltage", volts)
        _three_phases(p, "mains_voltage", mains.volts)
        p["mains_frequency"], p["mains_ok"] = mains.hz, float(mains.ok)
        kw = self._load * RATED_KW
        amperes = kw * 1000.0 / (3 * NOMINAL_V * POWER_FACTOR)
        for i, share in enumerate((0.98, 1.01, 1.01)):
            p[f"gen_current_l{i + 1}"] = max(0.0, amperes * share + noise(0.5)) if kw else 0.0
            p[f"gen_power_l{i + 1}"] = kw * share / 3
        p["gen_power_total"], p["gen_load_percent"] = kw, 100.0 * self._load
        p["gen_power_factor"] = POWER_FACTOR if kw else 1.0
        p["gen_apparent_power"] = kw / POWER_FACTOR
        p["gen_reactive_power"] = sqrt(max(0.0, (kw / POWER_FACTOR) ** 2 - kw * kw))
        p["gen_breaker_closed"] = float(self.switch.position is Position.EMERGENCY)
        p["mains_breaker_closed"] = float(self.switch.position is Position.NORMAL)
        p["ats_position"] = self._positions[self.switch.position]
        self._show_alarms(mode)
        p["number_of_starts"], p["engine_run_time"], p["energy"] = engine.starts, engine.hours, self._energy
        p["maintenance_hours_left"] = 250.0 - engine.hours % 250.0
        p["start_time_s"], p["transfer_time_s"] = engine.start_s, self.switch.lost_s
        p["exhaust_temp"], p["ambient_temp"], p["room_temp"] = engine.exhaust.value, self.around.outdoor_temp, self._room.value
        p["controller_temp"] = self._room.value + 8.0
        p["louvre_open"] = p["room_fan_running"] = float(turning)
        p["fuel_leak"] = 0.0

    def _show_alarms(self, mode: str) -> None:
        p, engine = self.points, self.engine
        shutdown = [engine.shutdown] if engine.shutdown else []
        warning = [
            name
            for name, on in (
                ("low_fuel_level", self._fuel < 10.0),
                ("charger_failure", not p["charger_ok"]),  # without mains too: the charger does not ask why
                ("battery_undervoltage", engine.volts < 23.0 and engine.state is not State.CRANKING),
                ("low_coolant_level", "high_coolant_temp" in self.upsets),
                ("not_in_auto", mode != "auto"),
            )
            if on
        ]
        p["shutdown_alarms"], p["warning_alarms"] = self._mask("shutdown_alarms", shutdown), self._mask("warning_alarms", warning)
        p["trip_alarms"] = 0.0
        p["crank_failure"] = float(engine.shutdown == "crank_failure")
        p["common_shutdown"], p["common_warning"] = float(bool(shutdown)), float(bool(warning))
        p["common_alarm"] = float(bool(shutdown or warning))
        p["emergency_stop"] = float("emergency_stop_active" in self.upsets)
        p["remote_start_input"] = float(self._asked())
        p["not_in_auto"] = float(mode != "auto")
        p["gen_normal"] = float(self.live)

    def _mask(self, point: str, names: Iterable[str]) -> float:
        return float(sum(1 << round(self.code(point, name)) for name in names))


def _three_phases(points: dict[str, float], stem: str, volts: list[float]) -> None:
    for i in range(3):
        a, b = volts[i], volts[(i + 1) % 3]
        points[f"{stem}_l{i + 1}n"] = a
        points[f"{stem}_l{i + 1}l{(i + 1) % 3 + 1}"] = sqrt(a * a + b * b + a * b)
