"""How a lift car travels a distance: the quickest ride within rated speed, acceleration and jerk."""

from __future__ import annotations

from math import copysign, sqrt


class Ride:
    """One ride of `distance` metres (signed, up positive), symmetric S-curve. Limits: rated m/s, acceleration m/s2, jerk m/s3, all > 0.

    Where the way is too short for rated speed (or full acceleration) the peak is lowered until it fits.
    """

    __slots__ = ("duration_s", "_sign", "_pieces", "_distance")

    def __init__(self, distance: float, rated: float, acceleration: float, jerk: float) -> None:
        self._sign, self._distance = copysign(1.0, distance), abs(distance)
        peak = min(rated, _peak_for(self._distance, acceleration, jerk))
        ramp_jerk = min(acceleration / jerk, sqrt(peak / jerk))  # s at rising acceleration
        flat = max(0.0, peak / (jerk * ramp_jerk) - ramp_jerk) if ramp_jerk > 0 else 0.0  # s at constant acceleration
        ramp_length = peak * (2 * ramp_jerk + flat) / 2  # a symmetric ramp covers half of peak x time
        cruise = max(0.0, self._distance - 2 * ramp_length) / peak if peak > 0 else 0.0
        j = jerk
        times = (ramp_jerk, flat, ramp_jerk, cruise, ramp_jerk, flat, ramp_jerk)
        jerks = (j, 0.0, -j, 0.0, -j, 0.0, j)
        pieces, x, v, a, t = [], 0.0, 0.0, 0.0, 0.0
        for length, jk in zip(times, jerks, strict=True):
            pieces.append((t, x, v, a, jk))
            x += v * length + a * length**2 / 2 + jk * length**3 / 6
            v += a * length + jk * length**2 / 2
            a += jk * length
            t += length
        self._pieces, self.duration_s = pieces, t

    def at(self, t_s: float) -> tuple[float, float, float]:
        """(metres from the start, m/s, m/s2), all signed, `t_s` after the start; at rest before and after."""
        if t_s <= 0:
            return 0.0, 0.0, 0.0
        if t_s >= self.duration_s:
            return self._sign * self._distance, 0.0, 0.0
        start, x, v, a, j = next(p for p in reversed(self._pieces) if p[0] <= t_s)
        t = t_s - start
        s = self._sign
        return s * (x + v * t + a * t * t / 2 + j * t**3 / 6), s * (v + a * t + j * t * t / 2), s * (a + j * t)


def _peak_for(distance: float, acceleration: float, jerk: float) -> float:
    """The speed a ride of this length just reaches when it never cruises."""
    edge = acceleration * acceleration / jerk  # the speed whose ramp has no flat part
    if distance <= 2 * edge * (acceleration / jerk):
        return float((distance * distance * jerk / 4) ** (1 / 3))
    half = edge / 2
    return sqrt(half * half + acceleration * distance) - half
