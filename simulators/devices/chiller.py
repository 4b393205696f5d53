"""A water-cooled chiller of 1 MW with two compressors: chilled water loop, condenser, charge, its controller and its cut-outs."""

from __future__ import annotations

from collections.abc import Mapping
from math import exp
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.cooling import chilled_water_wanted, cooling_demand, wet_bulb
from simulators.devices.lags import Lag, Wander, clip, parts
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.chiller import UPSETS

RATED_KW, FLOW_L_S, COND_FLOW_L_S = 1000.0, 48.0, 58.0
WATER = 4.19  # kJ/(L K)
SETPOINT = 7.0
EVAP_K, COND_K = 1.1, 1.3  # approaches at full load, clean and full of refrigerant
CUT_OUT_BAR = 11.9  # gauge, R134a
LEAST_LOAD = 0.2  # below it the compressor stops
FREEZE_CUT_OUT = -4.0  # degC of evaporation, two minutes long
ANTI_RECYCLE_S = 1200.0  # from start to start
STARTING_S, STOPPING_S = 60.0, 45.0
TRIP_PRESSURE, TRIP_FLOW, TRIP_FREEZE = 11.0, 21.0, 31.0


def r134a_bar(temp: float) -> float:
    """Saturation pressure, bar gauge: 1.9 at 0 degC, 9.2 at 40."""
    return exp(10.82 - 2662.0 / (temp + 273.15)) - 1.013


class Chiller(Plant):
    kind: ClassVar[str] = "chiller"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"cut_out": CUT_OUT_BAR, "design_flow": FLOW_L_S, "serves_critical_room": 1.0}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._size = float(rng.uniform(0.72, 0.9))  # of the rated cooling that the building takes on its hottest day
        self._state, self._in_state_s = "off", 3600.0
        self._since_start_s = 2 * ANTI_RECYCLE_S
        self._output = Lag(0.0, 40.0)  # kW
        self._flow = Lag(0.0, 8.0)
        self._return = Lag(16.0, 240.0)
        self._condenser_in = Lag(24.0, 600.0)
        self._condensing, self._evaporating = Lag(24.0, 30.0), Lag(14.0, 30.0)
        self._discharge, self._oil = Lag(30.0, 300.0), Lag(40.0, 900.0)
        self._sway = Wander(self.noise, 0.02, 900.0)
        self._supply = 14.0
        self._charge_lost = 0.0
        self._code = self._cold_s = 0.0
        self._starts = [float(rng.integers(300, 3000)) for _ in range(2)]
        self._hours = [float(rng.uniform(2000, 20000)) for _ in range(2)]
        self._running_pair = [False, False]
        self._energy = float(rng.uniform(1e5, 1e6))
        for _ in range(720):  # a plant that has been there for two hours
            self.step(around.now_s, 10.0)

    # the passage of time

    def step(self, now_s: float, dt_s: float) -> None:
        for length in parts(dt_s, 10.0):
            self._advance(length)
        self._show()

    def ended(self, name: str) -> None:
        if name == "refrigerant_loss":
            self._charge_lost = 0.0
        if self._state == "alarm":
            self._enter("off")
            self._code = 0.0

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name in ("chiller_trip", "chiller_trip_critical"):
            self._trip(settings["code"])

    def _enter(self, state: str) -> None:
        self._state, self._in_state_s = state, 0.0

    def _trip(self, code: float) -> None:
        self._code = code
        self._enter("alarm")

    def _advance(self, dt: float) -> None:
        self._in_state_s += dt
        self._since_start_s += dt
        around, u = self.around, self.upsets
        self._sway.step(dt)
        self.enabled = chilled_water_wanted(around) and around.powered
        low = u.get("chiller_low_flow", {}).get("flow", 100.0) / 100.0
        wide = u.get("low_delta_t", {}).get("flow", 100.0) / 100.0  # all pumps on, the bypass open
        pumping = self.enabled or self._state in ("running", "stopping")
        self._flow.toward(FLOW_L_S * low * wide if pumping and around.powered else 0.0, dt)
        self._control()
        self._water(dt)
        self._refrigerant(dt)
        self._compressors(dt)
        self._protect(dt)

    def _control(self) -> None:
        """off -> standby -> starting -> running -> stopping -> standby."""
        state, warm = self._state, self._supply - SETPOINT
        cycling = "chiller_short_cycling" in self.upsets
        quick = 0.4 if cycling else 1.0
        recycle = self.upsets["chiller_short_cycling"]["period"] - quick * STARTING_S if cycling else ANTI_RECYCLE_S
        if state == "alarm":
            return
        if not self.enabled and state in ("standby", "starting"):
            self._enter("off")
        elif not self.enabled and state == "running":
            self._enter("stopping")
        elif state == "off" and self.enabled:
            self._enter("standby")
        elif state == "standby" and self._since_start_s > recycle and (cycling or warm > 1.5 and self._in_state_s > 60.0):
            self._enter("starting")
        elif state == "starting" and self._in_state_s > quick * STARTING_S:
            self._enter("running")
            self._since_start_s = 0.0
        elif state == "running" and (warm < -2.0 and self._in_state_s > 300.0 or cycling and self._in_state_s > 0.3 * recycle):
            self._enter("stopping")
        elif state == "stopping" and self._in_state_s > quick * STOPPING_S:
            self._enter("standby" if self.enabled else "off")

    @property
    def charge(self) -> float:
        """Share of the refrigerant that is left."""
        return 1.0 - self._charge_lost

    @property
    def capacity(self) -> float:
        """kW it can give now: less with hot condenser water, with refrigerant lost, behind a current limit."""
        hot = 1.0 - 0.012 * (self._condensing.value - 39.0)
        limit = self.upsets.get("chw_supply_high", {}).get("limit", 100.0) / 100.0
        return RATED_KW * limit * clip(hot, 0.5, 1.15) * clip(1.0 - 0.3 * max(0.0, self._charge_lost - 0.1), 0.3, 1.0)

    @property
    def load(self) -> float:
        return self._output.value / RATED_KW

    def _water(self, dt: float) -> None:
        flow = max(self._flow.value, 0.5) * WATER  # kW/K
        wanted = flow * (self._return.value - SETPOINT) if self._state == "running" else 0.0
        self._output.toward(clip(wanted, LEAST_LOAD * RATED_KW, self.capacity) if self._state == "running" else 0.0, dt)
        moving = self._flow.value > 2.0
        self._supply = self._return.value - self._output.value / flow if moving else self._supply
        demand = RATED_KW * self._size * cooling_demand(self.around) * (1.0 + self._sway.value)
        if (surge := self.upsets.get("low_delta_t")) is not None:
            demand = max(demand, RATED_KW * surge["load"] / 100.0)
        if "chw_supply_high" in self.upsets:
            demand = max(demand, 0.8 * RATED_KW)
        taken = demand * clip((24.0 - self._supply) / 14.0, 0.0, 1.0)
        if moving:  # through coils and pipes and back
            self._return.toward(self._supply + taken / flow, dt)
        else:
            self._return.toward(22.0, dt, 14400.0)
            self._supply += (self._return.value - self._supply) * (1.0 - exp(-dt / 3600.0))

    def _refrigerant(self, dt: float) -> None:
        u = self.upsets
        if (leak := u.get("refrigerant_loss")) is not None:
            gone = leak["lost"] / 100.0
            self._charge_lost = min(gone, self._charge_lost + gone * dt / leak["over_s"]) if leak["over_s"] > 0 else gone
        if (leak := u.get("evaporator_freezing")) is not None:
            self._charge_lost = leak["lost"] / 100.0
        tower = u.get("chiller_high_pressure", {}).get("water", max(20.0, wet_bulb(self.around.outdoor_temp, self.around.humidity) + 4.0))
        self._condenser_in.toward(tower, dt, 240.0 if "chiller_high_pressure" in u else 600.0)
        self.condenser_out = self._condenser_in.value + 1.2 * self._output.value / (COND_FLOW_L_S * WATER)
        fouled = u.get("condenser_approach_high", {}).get("fouling", 1.0)
        load = self.load
        running = self._state == "running"
        starved = 1.0 + 9.0 * self._charge_lost + 40.0 * max(0.0, self._charge_lost - 0.6)  # tubes fall dry, then all of them
        self._condensing.toward(self.condenser_out + COND_K * fouled * load if running else self._condenser_in.value, dt)
        poor = FLOW_L_S / max(self._flow.value, 0.4 * FLOW_L_S)
        self._evaporating.toward(self._supply - EVAP_K * starved * poor**0.5 * load if running else min(self._supply, 20.0), dt)
        self._discharge.toward(self._condensing.value + 12.0 + 20.0 * self._charge_lost if running else 30.0, dt)
        self._oil.toward(52.0 if running else 42.0, dt)

    def _compressors(self, dt: float) -> None:
        """The second one joins above 55 % and leaves below 35 %."""
        on = self._state == "running"
        second = on and self.load > (0.35 if self._running_pair[1] else 0.55)
        for n, now in enumerate((on, second)):
            self._starts[n] += float(now and not self._running_pair[n])
            self._hours[n] += dt / 3600.0 if now else 0.0
        self._running_pair = [on, second]
        lift = self._condensing.value - self._evaporating.value
        self.power = self._output.value / clip(11.0 - 0.16 * lift, 2.5, 9.0) + 6.0 if on else 0.4
        self._energy += self.power * dt / 3600.0

    def _protect(self, dt: float) -> None:
        self._cold_s = self._cold_s + dt if self._evaporating.value < FREEZE_CUT_OUT else 0.0
        if self._state != "running":
            return
        if r134a_bar(self._condensing.value) > CUT_OUT_BAR:
            self._trip(TRIP_PRESSURE)
        elif self._flow.value < 0.45 * FLOW_L_S and self._in_state_s > 20.0:
            self._trip(TRIP_FLOW)
        elif self._cold_s > 120.0 and self._in_state_s > 300.0:
            self._trip(TRIP_FREEZE)

    # what its controller says

    def _show(self) -> None:
        p, noise = self.points, self.noise
        on = self._state == "running"
        p["chw_supply_temp"], p["chw_return_temp"] = self._supply + noise(0.04), self._return.value + noise(0.04)
        p["chw_sp"] = SETPOINT
        p["cw_in_temp"], p["cw_out_temp"] = self._condenser_in.value + noise(0.04), self.condenser_out + noise(0.04)
        p["evap_sat_temp"], p["cond_sat_temp"] = self._evaporating.value + noise(0.05), self._condensing.value + noise(0.05)
        p["evap_pressure"], p["cond_pressure"] = r134a_bar(self._evaporating.value), r134a_bar(self._condensing.value)
        p["approach_evap"] = p["chw_supply_temp"] - p["evap_sat_temp"] if on else 0.0
        p["approach_cond"] = p["cond_sat_temp"] - p["cw_out_temp"] if on else 0.0
        share = 1.0 / max(1, sum(self._running_pair))
        for n in range(4):
            turning = n < 2 and self._running_pair[n]
            p[f"compressor_current_{n + 1}"] = max(0.0, self.power * share / 0.59 + noise(0.5)) if turning else 0.0
            p[f"compressor_hours_{n + 1}"] = self._hours[n] if n < 2 else 0.0
            p[f"compressor_starts_{n + 1}"] = self._starts[n] if n < 2 else 0.0
        p["oil_pressure_diff"], p["oil_temp"] = 2.1 + noise(0.02) if on else 0.0, self._oil.value
        p["discharge_gas_temp"] = self._discharge.value
        p["chw_flow"] = max(0.0, self._flow.value + noise(0.1)) if self._flow.value > 0.5 else 0.0
        p["chw_dp"] = 60.0 * (self._flow.value / FLOW_L_S) ** 2
        p["cw_flow"] = COND_FLOW_L_S + noise(0.2) if on else 0.0
        p["load_percent"] = clip(100.0 * self.load + noise(0.3), 0.0, 125.0) if on else 0.0
        p["power"], p["energy"] = self.power, self._energy
        p["state"] = self.code("state", self._state)
        p["alarm_code"] = self._code if self._state == "alarm" else 0.0
        p["enable"], p["run_status"] = float(self.enabled), float(on)
        p["common_alarm"] = float(self._state == "alarm")
        p["flow_switch"] = float(self._flow.value > 0.5 * FLOW_L_S)
