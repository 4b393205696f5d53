"""Where the ticks of a chart stand, and how finely a range is asked for. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from plantroom.clock import NS, at_utc, to_ns

RAW_UP_TO_S = 20 * 60
MOST_BUCKETS = 720
LONGEST_S = 400 * 86_400
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
_TICKS_S = (*_STEPS_S, *(days * 86_400 for days in (2, 7, 14, 30, 90)))


def step_ns(start_ns: int, end_ns: int) -> int | None:
    """The bucket in which a range is asked for: at most 720 of them; None = every sample, up to 20 minutes."""
    span = (end_ns - start_ns) / NS
    if span <= RAW_UP_TO_S:
        return None
    return next((s for s in _STEPS_S if span / s <= MOST_BUCKETS), _STEPS_S[-1]) * NS


@dataclass(frozen=True, slots=True)
class Tick:
    """at: 0..1 along the axis. text: what stands there."""

    at: float
    text: str


def value_ticks(low: float, high: float, most: int = 5) -> tuple[float, float, list[Tick]]:
    """A rounded range around low..high and its ticks in steps of 1, 2 or 5 times a power of ten. low <= high, both finite."""
    if high - low < 1e-9 * max(1.0, abs(high)):
        low, high = low - max(0.5, abs(low) * 0.05), high + max(0.5, abs(high) * 0.05)
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    bottom, top = first * step, last * step
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return bottom, top, [Tick((i - first) / (last - first), f"{i * step:.{digits}f}") for i in range(first, last + 1)]


def time_ticks(start_ns: int, end_ns: int, zone: ZoneInfo, most: int = 6) -> list[Tick]:
    """Ticks on round local times. Steps of days stand on local midnights, so a day of 23 or 25 hours keeps its tick."""
    span = (end_ns - start_ns) / NS
    step = next((s for s in _TICKS_S if span / s <= most), _TICKS_S[-1])
    ticks = []
    for at_ns in _rounded(start_ns, end_ns, step, zone):
        local = at_utc(at_ns).astimezone(zone)
        midnight = step >= 86_400 or (local.hour, local.minute, local.second) == (0, 0, 0)
        form = "%m-%d" if midnight else "%H:%M:%S" if step < 60 else "%H:%M"
        ticks.append(Tick((at_ns - start_ns) / (end_ns - start_ns), local.strftime(form)))
    return ticks


def _rounded(start_ns: int, end_ns: int, step_s: int, zone: ZoneInfo) -> Sequence[int]:
    midnight = at_utc(start_ns).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found: list[int] = []
    if step_s >= 86_400:
        day = midnight
        while (at := to_ns(day)) <= end_ns:
            if at >= start_ns:
                found.append(at)
            day = day + timedelta(days=step_s // 86_400)  # wall-clock arithmetic inside a zone: the next local midnight
        return found
    at = to_ns(midnight)
    at += max(0, -(-(start_ns - at) // (step_s * NS))) * step_s * NS
    return range(at, end_ns + 1, step_s * NS)
