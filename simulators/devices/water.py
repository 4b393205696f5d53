"""A fire main under pressure: the network's air cushion, its leak, the jockey pump's saw-tooth, the main pump against a draw."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf

from simulators.devices.curves import PumpCurve


@dataclass(frozen=True, slots=True)
class SetPoints:
    """bar at the discharge header. The jockey holds the network between start and stop (0.7 bar band); below main_start the pump starts.

    GB 50974 5.3: the main pump starts 0.35 bar under the jockey's start, well below its own pressure when it runs.
    """

    main_start: float = 7.0

    @property
    def jockey_start(self) -> float:
        return self.main_start + 0.35

    @property
    def jockey_stop(self) -> float:
        return self.main_start + 1.05


class Network:
    """Pipes and air cushion as one capacity. Flows in L/s, pressures in bar, capacity in L/bar.

    leak: what the pipes lose at rest; as it is here it empties the jockey's band in about 20 min, three starts an hour.
    rise_s: how fast a running pump lifts the network to its own pressure; air in the pipes makes it slow.
    """

    def __init__(self, curve: PumpCurve, points: SetPoints, pressure: float, capacity: float = 30.0, jockey_l_s: float = 1.0) -> None:
        self.curve, self.points, self.capacity, self.jockey_l_s = curve, points, capacity, jockey_l_s
        self.leak = 0.7 * capacity / 1200.0
        self.rise_s = 1.5
        self.pressure = pressure
        self.flow = 0.0  # through the main pump
        self.jockey_on = False
        self.jockey_starts = 0

    def step(self, dt_s: float, *, suction: float, speed: float, head_factor: float, draw: float, jockey_power: bool) -> None:
        """speed: of the main pump, 1 = rated; head_factor: what is left of its curve; draw: taken out beside the leak."""
        left = dt_s
        if not jockey_power:
            self.jockey_on = False
        while left > 1e-9:
            resting = speed < 0.05 and draw == 0.0
            length = min(left, self._until_jockey(jockey_power)) if resting else min(left, 0.5)
            self._advance(max(length, 1e-3), suction, speed, head_factor, draw)
            left -= max(length, 1e-3)
            self._switch_jockey(jockey_power)

    def _advance(self, dt: float, suction: float, speed: float, head_factor: float, draw: float) -> None:
        out = draw + self.leak - (self.jockey_l_s if self.jockey_on else 0.0)
        held = suction + self.curve.head(max(0.0, out), speed) * head_factor if speed >= 0.05 else max(0.0, suction)
        if self.pressure >= held:  # the check valve is shut: the network lives on its cushion
            self.pressure = max(held, self.pressure - out / self.capacity * dt)
            self.flow = 0.0 if self.pressure > held + 1e-6 or speed < 0.05 else max(0.0, out)
        else:
            self.pressure += (held - self.pressure) * (1.0 - exp(-dt / self.rise_s))
            self.flow = max(0.0, out) + (held - self.pressure) * self.capacity / self.rise_s * 0.2 if speed >= 0.05 else 0.0

    def _until_jockey(self, jockey_power: bool) -> float:
        """s until the jockey's pressure switch acts, at rest; the step must not jump over it."""
        if not jockey_power:
            return inf
        if self.jockey_on:
            rate = (self.jockey_l_s - self.leak) / self.capacity
            return (self.points.jockey_stop - self.pressure) / rate if rate > 0 else inf
        return (self.pressure - self.points.jockey_start) * self.capacity / self.leak if self.leak > 0 else inf

    def _switch_jockey(self, jockey_power: bool) -> None:
        if self.jockey_on and self.pressure >= self.points.jockey_stop - 1e-6:
            self.jockey_on = False
        elif not self.jockey_on and jockey_power and self.pressure <= self.points.jockey_start + 1e-6:
            self.jockey_on = True
            self.jockey_starts += 1
