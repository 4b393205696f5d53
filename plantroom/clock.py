"""The only clock. Wall time says when, BOOTTIME says how long; a wall that moves against BOOTTIME has been set."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

NS = 1_000_000_000
STEP_LIMIT_NS = 2 * NS


@dataclass(slots=True, unsafe_hash=True)  # never changed; three for every polled read, and a frozen one costs a microsecond more
class Reading:
    """One look at the clock. wall_ns: epoch ns, UTC. boot_ns: ns since boot, suspend included. boot: which boot."""

    wall_ns: int
    boot_ns: int
    boot: str


class Clock(Protocol):
    def read(self) -> Reading: ...


class SystemClock:
    def __init__(self) -> None:
        self._boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]

    def read(self) -> Reading:
        return Reading(time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME), self._boot)


class VirtualClock:
    """A clock that moves only when told; `step_wall` sets the wall as an operator or NTP would."""

    def __init__(self, wall_ns: int, boot_ns: int = 1_000 * NS, boot: str = "virtual0") -> None:
        self._wall, self._since_boot, self._boot = wall_ns, boot_ns, boot

    def read(self) -> Reading:
        return Reading(self._wall, self._since_boot, self._boot)

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("time only advances; use step_wall to set the wall clock")
        self._wall += round(seconds * NS)
        self._since_boot += round(seconds * NS)

    def step_wall(self, seconds: float) -> None:
        self._wall += round(seconds * NS)


def whole_ms(ns: int) -> int:
    """The millisecond an instant lies in: how polls are stamped. Never later than the instant; stored in a third of the room."""
    return ns - ns % 1_000_000


def wall_step_ns(before: Reading, after: Reading, limit_ns: int = STEP_LIMIT_NS) -> int:
    """How far the wall was set between two readings, in ns; 0 where it drifted less than the limit or the machine was restarted.

    Across a restart BOOTTIME begins anew, so nothing can be said and the wall is believed.
    """
    if before.boot != after.boot:
        return 0
    step = (after.wall_ns - before.wall_ns) - (after.boot_ns - before.boot_ns)
    return step if abs(step) > limit_ns else 0


def at_utc(ns: int) -> datetime:
    """Epoch ns as an aware UTC instant (microseconds; the rest is cut)."""
    return datetime.fromtimestamp(ns // NS, UTC).replace(microsecond=ns % NS // 1000)


def to_ns(at: datetime) -> int:
    """An aware instant as epoch ns. Raises ValueError for a naive one: it names no instant."""
    if at.tzinfo is None:
        raise ValueError("a time without zone names no instant")
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * NS + delta.microseconds * 1000


@lru_cache(maxsize=1024)  # of thousands of points that are shown most have one instant
def iso(ns: int) -> str:
    """`2026-11-21T03:12:07.120Z`, the form every API, log and report uses."""
    return at_utc(ns).isoformat(timespec="milliseconds").replace("+00:00", "Z")
