"""The water a building keeps against fire: reservoir and roof tank on float valves, two mains held by jockeys, valves and flow vanes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind
from simulators.devices.curves import PumpCurve
from simulators.devices.lags import Lag, Noise, clip
from simulators.devices.plant import Plant
from simulators.devices.water import Network, SetPoints
from simulators.surroundings import Surroundings
from simulators.upset import Upset
from simulators.upsets.fire_water import UPSETS

NUMBERED = 32
HIGH_BAR = 9.0  # static head of the roof tank over the pump room
FLOAT_SHUT, FLOAT_BAND, LIP = 99.5, 2.0, 101.5  # % of the tank: float valve shut, its travel, the overflow's lip
WEIR_M3_H = 90.0  # over the lip, for each % the water stands above it

_DRAINED = {  # upsets that let water out of the reservoir, and of the roof tank
    "": ("fire_water_level", "fire_water_reserve_short", "fire_water_depth", "fire_water_depth_short", "fire_water_fill_fails"),
    "roof_": ("roof_tank_level", "roof_tank_reserve_short", "roof_tank_depth", "roof_tank_depth_short"),
}


class Tank:
    """A tank under a float valve that opens as the level falls. volume m3, inflow and outflow m3/h, level %."""

    def __init__(self, volume: float, inflow: float, depth: float, level: float) -> None:
        self.volume, self.inflow, self.depth, self.level = volume, inflow, depth, level
        self.opening = 0.0

    def step(self, dt_s: float, *, out: float, town: bool = True, stuck: float | None = None) -> None:
        """out: what leaves it, m3/h; town: is there water to fill with; stuck: where a broken float valve stands, 0 = shut."""
        left = dt_s
        while left > 1e-9:
            length = min(left, 30.0)
            self.opening = clip((FLOAT_SHUT - self.level) / FLOAT_BAND, 0.0, 1.0) if stuck is None else stuck
            over = max(0.0, self.level - LIP) * WEIR_M3_H
            net = self.flow(town) - out - over
            self.level = clip(self.level + 100.0 * net / self.volume * length / 3600.0, 0.0, 109.0)
            left -= length

    def flow(self, town: bool = True) -> float:
        return self.inflow * self.opening if town else 0.0

    @property
    def full_m(self) -> float:
        return self.depth * self.level / 100.0


class FireWater(Plant):
    """A healthy year: a little evaporates, a test a week takes water, the jockeys start a few times an hour."""

    kind: ClassVar[str] = "fire_water"
    UPSETS: ClassVar[Mapping[str, Upset]] = UPSETS
    PARAMETERS: ClassVar[Mapping[str, float | str]] = {"full_depth": 3.0, "roof_full_depth": 2.0}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self.tank = Tank(432.0, 25.0, self.parameter("full_depth", 3.0), 99.4)
        self.roof = Tank(36.0, 6.0, self.parameter("roof_full_depth", 2.0), 99.4)
        curve, points = PumpCurve(12.0, 30.0), SetPoints(10.0)
        self.hydrants, self.sprinklers = (Network(curve, points, points.jockey_start + 0.7 * rng.random()) for _ in range(2))
        self._water = Lag(12.0 + 0.3 * around.outdoor_temp, 1.0)
        self._top = 0.0  # bar lost behind a shut riser valve
        self._vane_s = 0.0
        self._test_hour = float(rng.uniform(9.0, 16.0))
        self._drained = False
        for n in range(1, NUMBERED + 1):
            self.points[f"signal_valve_open_{n}"], self.points[f"flow_indicator_{n}"] = 1.0, 0.0
        self.step(around.now_s, 0.0)

    def begun(self, name: str, settings: Mapping[str, float]) -> None:
        if name == "signal_valve_closed":
            self.points[f"signal_valve_open_{round(settings['valve'])}"] = 0.0
        self._vane_s = self._top = 0.0

    def ended(self, name: str) -> None:
        for n in range(1, NUMBERED + 1):
            self.points[f"signal_valve_open_{n}"], self.points[f"flow_indicator_{n}"] = 1.0, 0.0
        self.tank.level, self.roof.level, self._top = min(self.tank.level, FLOAT_SHUT), min(self.roof.level, FLOAT_SHUT), 0.0

    def step(self, now_s: float, dt_s: float) -> None:
        self._tanks(dt_s)
        self._mains(dt_s)
        cold = next((self.upsets[name]["air"] for name in ("fire_water_cold", "fire_water_freezing") if name in self.upsets), None)
        if cold is not None:
            self._water.toward(cold, dt_s, 3600.0)  # a pipe and its sensor, not the whole tank
        else:
            self._water.toward(12.0 + 0.3 * self.around.outdoor_temp, dt_s, 86_400.0)
        self._show(self.noise)

    def _tanks(self, dt: float) -> None:
        u = self.upsets
        testing = self.around.weekday == 2 and 0.0 <= self.around.hour - self._test_hour < 0.1
        town = "fire_water_fill_fails" not in u
        out = 0.01 + (15.0 if testing else 0.0) + u.get("fire_water_makeup_long", {}).get("leak", 0.0)
        draining, stuck = self._drain("", self.tank)
        self.tank.step(dt, out=out + draining, town=town, stuck=stuck)
        draining, stuck = self._drain("roof_", self.roof)
        self.roof.step(dt, out=0.002 + draining, stuck=stuck)
        self._town = town

    def _drain(self, prefix: str, tank: Tank) -> tuple[float, float | None]:
        """(m3/h through an open drain, where a float valve hangs). A drain empties to the level of the upset while the fill is shut."""
        u = self.upsets
        for name in _DRAINED[prefix]:
            if name in u:
                to_go = max(0.0, tank.level - u[name]["level"]) / 100.0 * tank.volume
                return min(tank.volume, to_go * 60.0), None if name == "fire_water_fill_fails" else 0.0  # a tankful an hour at most
        return 0.0, u.get("roof_tank_overflow" if prefix else "fire_water_overflow", {}).get("opening")

    def _mains(self, dt: float) -> None:
        u = self.upsets
        loss = u.get("hydrant_pressure_low", {}).get("leak"), u.get("sprinkler_pressure_low", {}).get("leak")
        for network, leak in zip((self.hydrants, self.sprinklers), loss, strict=True):
            head = u.get("sprinkler_flow", {}).get("flow", 0.0) if network is self.sprinklers else 0.0
            network.leak = 0.7 * network.capacity / 1200.0 + (leak or 0.0)
            held = 0.0 if leak is not None else HIGH_BAR  # the roof tank's outlet valve is shut as well
            network.step(dt, suction=held, speed=0.0, head_factor=1.0, draw=head, jockey_power=leak is None and self.around.powered)
        riser = u.get("worst_point_pressure_low")
        self._top = self._top + riser["rate"] * dt / 3600.0 if riser is not None else 0.0
        if (head_open := u.get("sprinkler_flow")) is not None:
            self._vane_s += dt
            self.points[f"flow_indicator_{round(head_open['zone'])}"] = float(self._vane_s >= 5.0)

    def _show(self, noise: Noise) -> None:
        p, tank, roof = self.points, self.tank, self.roof
        p["tank_level"], p["roof_tank_level"] = max(0.0, tank.level + noise(0.05)), max(0.0, roof.level + noise(0.05))
        p["tank_level_m"], p["roof_tank_level_m"] = tank.full_m + noise(0.002), roof.full_m + noise(0.002)
        p["tank_low"], p["roof_tank_low"] = float(tank.level < 88.0), float(roof.level < 88.0)
        p["tank_overflow"], p["roof_tank_overflow"] = float(tank.level > LIP), float(roof.level > LIP)
        p["fill_valve_open"], p["makeup_flow"] = float(tank.opening > 0.05), tank.flow(self._town)
        p["hydrant_pressure"] = self.hydrants.pressure + noise(0.01)
        p["sprinkler_pressure"] = self.sprinklers.pressure + noise(0.01)
        p["worst_point_pressure"] = max(0.0, self.hydrants.pressure - HIGH_BAR + 0.8 - self._top) + noise(0.005)
        p["water_temp"] = self._water.value + noise(0.03)
