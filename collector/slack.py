"""How long a line may be lost at a stretch without a live safety point missing its period. Pure arithmetic.

A line carries one request at a time and none is broken off, so a probe that nobody answers delays whatever becomes due behind it. Served by
nearest deadline, tasks that need C seconds in every period T all keep their periods behind a delay B exactly when

    B + sum(floor(t / T) * C) <= t        for every t > 0

Source: Jeffay, Stanat, Martel, On Non-Preemptive Scheduling of Periodic and Sporadic Tasks, RTSS 1991 (theorem 4.1, deadlines = periods).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import floor, inf

MOST_POINTS = 1000  # instants looked at; beyond them the plain bound t * (1 - load) is taken, which is never too long


def bearable_s(load: Mapping[float, float]) -> float:
    """The longest B. load: period -> seconds of the line that the tasks of this period need in each. inf without tasks, 0 when overfull."""
    periods = sorted(load)
    if not periods:
        return inf
    free = 1.0 - sum(cost / period for period, cost in load.items())
    if free <= 0:
        return 0.0
    best = inf
    for t in _multiples(tuple(periods)):
        if t * free >= best:
            return max(0.0, best)  # t - demand(t) is at least t * free from here on
        best = min(best, t - sum(floor(t / period + 1e-9) * load[period] for period in periods))
    return max(0.0, min(best, MOST_POINTS * periods[0] * free))


@lru_cache(maxsize=64)  # asked every few seconds with the same ones
def _multiples(periods: tuple[float, ...]) -> tuple[float, ...]:
    """Every multiple of a period within MOST_POINTS of the shortest, in order."""
    until = MOST_POINTS * periods[0]
    return tuple(sorted({k * period for period in periods for k in range(1, floor(until / period + 1e-9) + 1)}))
