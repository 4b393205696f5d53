"""Curves a plant is known by: pump head over flow, a day's traffic, a day's weather."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi, sqrt


@dataclass(frozen=True, slots=True)
class PumpCurve:
    """A centrifugal pump's head at full speed: H = H0 - k Q^2, pressures in bar, flows in L/s.

    H0 = 1.2 x rated pressure at no flow, 0.65 x rated at 150 % flow (domain/faults.md 6).
    """

    rated_bar: float
    rated_l_s: float

    @property
    def shut_off_bar(self) -> float:
        return 1.2 * self.rated_bar

    @property
    def k(self) -> float:
        return (1.2 - 0.65) * self.rated_bar / (1.5 * self.rated_l_s) ** 2

    def head(self, flow_l_s: float, speed: float = 1.0) -> float:
        """bar at a flow; speed relative to rated: head goes with its square (affinity laws). Never below 0."""
        return max(0.0, self.shut_off_bar * speed * speed - self.k * flow_l_s * flow_l_s)

    def flow(self, head_bar: float, speed: float = 1.0) -> float:
        """L/s the pump gives against a head; 0 where the head is beyond shut-off (the check valve holds)."""
        spare = self.shut_off_bar * speed * speed - head_bar
        return sqrt(spare / self.k) if spare > 0 else 0.0


class Daily:
    """A quantity by local hour, straight lines between corners, the same every day. corners: (hour, value) ascending, 0 <= hour < 24."""

    __slots__ = ("_hours", "_values")

    def __init__(self, corners: Sequence[tuple[float, float]]) -> None:
        first, last = corners[0], corners[-1]
        around = ((last[0] - 24.0, last[1]), *corners, (first[0] + 24.0, first[1]))
        self._hours, self._values = [h for h, _ in around], [v for _, v in around]

    def __call__(self, hour: float) -> float:
        i = bisect_right(self._hours, hour)
        h0, h1, v0, v1 = self._hours[i - 1], self._hours[i], self._values[i - 1], self._values[i]
        return v0 + (v1 - v0) * (hour - h0) / (h1 - h0)


def outdoor_temp(day_of_year: float, hour: float, *, mean: float = 17.0, yearly: float = 12.0, daily: float = 4.0) -> float:
    """degC of a mild climate (Shanghai's yearly mean and swing): coldest late in January and at five in the morning."""
    return mean - yearly * cos(2 * pi * (day_of_year - 25.0) / 365.25) - daily * cos(2 * pi * (hour - 5.0) / 24.0)
