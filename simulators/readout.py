"""What a device would report now: values taken from plants' points, in the device's own names and units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from simulators.devices.plant import Plant

Shown = Callable[[float], float]


class Measurement(NamedTuple):
    """source: the device's point. shown: how the device says the value; None: as it is."""

    source: str
    plant: Plant
    point: str
    shown: Shown | None


class Readout:
    """fillers: values of the points no equipment takes. Compiled once: it is asked for at every tick of every device."""

    def __init__(self, fillers: Mapping[str, float], measured: Sequence[Measurement]) -> None:
        self._filled = list(fillers.values())
        self.names = (*fillers, *(each.source for each in measured))  # as `values` has them; of one that stands twice the later counts
        self._groups = [_Group(list(own)) for _, own in groupby(measured, lambda each: id(each.plant))]
        self._shown = [(n, each.shown) for n, each in enumerate(measured, len(fillers)) if each.shown is not None]

    def __call__(self) -> dict[str, float]:
        return dict(zip(self.names, self.values(), strict=True))

    def values(self) -> list[float]:
        values = self._filled.copy()
        for group in self._groups:
            values += group.values()
        for n, shown in self._shown:
            values[n] = shown(values[n])
        return values


class _Group:
    """What is measured of one plant."""

    def __init__(self, measured: Sequence[Measurement]) -> None:
        self._plant = measured[0].plant
        self._points = [each.point for each in measured]
        self._all = itemgetter(*self._points, self._points[0])  # one more, so that it is a tuple even of one

    def values(self) -> list[float]:
        points = self._plant.points
        try:
            return list(map(float, self._all(points)[:-1]))
        except KeyError:  # a machine of this build has no such sensor
            return [float(points.get(point, 0.0)) for point in self._points]
