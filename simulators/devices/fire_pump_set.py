"""A set of fire pumps on one main: duty and standby, a jockey, and the three switches that call them (GB 50974 11.0.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.curves import PumpCurve
from simulators.devices.drivers import Electric
from simulators.devices.plant import Plant
from simulators.devices.pump_runs import Runs
from simulators.devices.water import Network, SetPoints
from simulators.surroundings import NOMINAL_V, Surroundings
from simulators.upset import Upset
from simulators.upsets.fire_pump_set import UPSETS

TAKEOVER_S = 10.0  # a pump that does not run so long after it was called is taken for failed
RETARD_S = 15.0  # an alarm valve's chamber fills before its switch closes
SEEN_L_S = 0.8  # a flow switch closes


class FirePumpSet(Plant):
    kind: ClassVar[str] = "fire_pump_set"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"start_pressure": 7.0, "keep_pressure": 6.5}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        points = SetPoints(self.parameter("start_pressure", 7.0))
        curve = PumpCurve(rated_bar=self.parameter("rated_pressure", 10.0), rated_l_s=self.parameter("rated_flow", 30.0))
        self.network = Network(curve, points, pressure=points.jockey_start + 0.7 * rng.random())
        self.network.leak = float(rng.uniform(0.15, 0.3)) * self.network.capacity / 3600.0
        self._tight = self.network.leak
        self.duty, self.standby = Electric(), Electric()
        self.runs = Runs(rng, around.now_s, every_s=7 * 86_400.0)
        self.latched = False  # called: only a person lets go
        self._missing_s = self._alarm_s = 0.0
        self._took_over = False
        self._changed_s = around.now_s - 86_400.0 * float(rng.uniform(5.0, 25.0))
        self.step(around.now_s, 0.0)

    def ended(self, name: str) -> None:
        if "draw" in self.UPSETS[name].settings:  # the person who repairs also stops them
            self.latched = self._took_over = False
            self.network.pressure = max(self.network.pressure, self.network.points.jockey_start)

    def step(self, now_s: float, dt_s: float) -> None:
        upsets, network = self.upsets, self.network
        mode, powered = self._control_mode(), self.around.powered
        draw = max((u.get("draw", 0.0) for u in upsets.values()), default=0.0)
        running = self.duty.running or self.standby.running
        at_pressure = network.pressure > 0.9 * network.curve.rated_bar
        self.runs.step(now_s, dt_s, able=mode == "auto", running=running, at_pressure=at_pressure)
        signals = self._signals(dt_s, draw, running)
        if mode == "auto" and any(signals) and "fire_start_chain_broken" not in upsets:
            self.latched = True
        elif mode != "auto":
            self.latched = self._took_over = False
        self._drive(dt_s, mode, powered)
        speed = max(self.duty.speed, self.standby.speed)
        network.leak = max((u.get("leak", 0.0) for u in upsets.values()), default=0.0) or self._tight
        head = upsets.get("set_no_pressure", {}).get("head", 1.0)
        jockey = powered and mode != "off" and "header_pressure_lost" not in upsets
        network.step(dt_s, suction=0.34, speed=speed, head_factor=head, draw=draw, jockey_power=jockey)
        self._show(mode, draw, signals)

    def _control_mode(self) -> str:
        upset = self.upsets.get("set_not_in_auto")
        kept = "off" if "header_pressure_lost" in self.upsets and self.upsets["header_pressure_lost"]["off"] >= 0.5 else "auto"
        return kept if upset is None else "off" if upset["off"] >= 0.5 else "manual"

    def _signals(self, dt_s: float, draw: float, running: bool) -> tuple[bool, bool, bool]:
        """Pressure switch, flow switch of the roof tank (its check valve shuts when a pump runs), alarm valve."""
        self._alarm_s = self._alarm_s + dt_s if draw > SEEN_L_S else 0.0
        low = self.network.pressure < self.network.points.main_start
        return low, draw > SEEN_L_S and not running, self._alarm_s >= RETARD_S

    def _drive(self, dt_s: float, mode: str, powered: bool) -> None:
        """The duty pump; the standby where that one does not come, or does not stay."""
        upsets = self.upsets
        both_dead = "standby_pump_no_takeover" in upsets
        duty_dead = both_dead or "standby_took_over" in upsets or "duty_pump_unavailable" in upsets
        supply = [v / NOMINAL_V for v in self.around.mains.volts] if self.around.mains.ok else [1.0 if powered else 0.0] * 3
        called = mode == "auto" and (self.latched or self.runs.testing or self.runs.by_hand)
        self._missing_s = self._missing_s + dt_s if called and not self.duty.running else 0.0
        self._took_over |= self._missing_s >= TAKEOVER_S
        self._took_over &= called
        load = self.network.flow / self.network.curve.rated_l_s
        self.duty.step(dt_s, wanted=called and not duty_dead, supply=supply, load=load, room=20.0)
        takes_over = called and self._took_over and not both_dead and "standby_pump_unavailable" not in upsets
        self.standby.step(dt_s, wanted=takes_over, supply=supply, load=load, room=20.0)

    def _show(self, mode: str, draw: float, signals: tuple[bool, bool, bool]) -> None:
        p, network, upsets = self.points, self.network, self.upsets
        p["header_pressure"] = max(0.0, network.pressure + self.noise(0.012))
        p["demand"] = float(self.latched)
        p["duty_running"], p["standby_running"] = float(self.duty.running), float(self.standby.running)
        p["jockey_running"], p["jockey_starts"] = float(network.jockey_on), float(network.jockey_starts)
        p["duty_available"] = float("duty_pump_unavailable" not in upsets)
        p["standby_available"] = float("standby_pump_unavailable" not in upsets)
        p["control_mode"], p["duty_selected"] = self.code("control_mode", mode), self.code("duty_selected", "pump_1")
        p["pressure_switch"], p["roof_tank_flow_switch"], p["alarm_valve_switch"] = map(float, signals)
        p["remote_start"] = 0.0
        p["common_fault"] = float("set_common_fault" in upsets)
        p["test_line_flow"] = max(0.0, (draw if "test_line_open" in upsets else 0.0) + abs(self.noise(0.02)))
        p["last_changeover"] = self._changed_s
