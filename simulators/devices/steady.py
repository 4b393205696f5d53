"""A machine of a kind nobody has modelled: every point stands somewhere plausible and wanders a little, so that its device answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from plantroom.kinds import Kind, KindPoint, PointType
from simulators.devices.lags import Wander
from simulators.devices.plant import Plant
from simulators.surroundings import Surroundings
from simulators.upset import Upset


class Steady(Plant):
    kind: ClassVar[str] = "*"
    UPSETS: ClassVar[Mapping[str, Upset]] = {}

    def __init__(self, kind: Kind, parameters: Mapping[str, float | str], rng: np.random.Generator, around: Surroundings) -> None:
        super().__init__(kind, parameters, rng, around)
        self._centres = {name: resting_value(point, rng) for name, point in kind.points.items()}
        self._wander = {
            name: Wander(self.noise, 0.01 * abs(self._centres[name]) + 0.01, 300.0)
            for name, point in kind.points.items()
            if point.type is PointType.FLOAT
        }
        self.step(around.now_s, 0.0)

    def step(self, now_s: float, dt_s: float) -> None:
        for name, centre in self._centres.items():
            wander = self._wander.get(name)
            self.points[name] = centre if wander is None else centre + wander.step(dt_s)


def resting_value(point: KindPoint, rng: np.random.Generator) -> float:
    """A plausible value, not 0 where the type allows it: low in the range, the first code above 0, a bit that is off."""
    if point.type is PointType.BOOL or point.type is PointType.SET:
        return 0.0
    if point.type is PointType.ENUM:
        return float(min((code for code in point.codes.values() if code > 0), default=0))
    return plausible(point.range, rng)


def plausible(span: tuple[float, float] | None, rng: np.random.Generator) -> float:
    """A number other than 0 in the lower part of a range, or 1..100 where there is none."""
    low, high = span if span is not None else (1.0, 100.0)
    return low + (high - low) * float(rng.uniform(0.12, 0.3)) if high > low else low
