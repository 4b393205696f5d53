"""How many requests one address and one account may make: a bucket each that fills up with time. Pure; the clock is handed in.

Generous: a person with several pages open is far below it, a program that asks in a loop is told when to come back.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from plantroom.clock import NS


@dataclass(frozen=True, slots=True)
class Pace:
    """burst: at once. per_s: from then on."""

    burst: float
    per_s: float


ADDRESS = Pace(1_200.0, 120.0)  # a whole duty room may sit behind one
ACCOUNT = Pace(600.0, 60.0)
MOST_KEPT = 10_000  # who came longest ago is forgotten first: their bucket is nearly always full again


class Buckets:
    def __init__(self, pace: Pace, most: int = MOST_KEPT) -> None:
        self._pace, self._most = pace, most
        self._left: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, who: str, now_ns: int) -> int:
        """0 where there is one left, else the seconds until there is. now_ns: a clock that nobody sets."""
        left, at_ns = self._left.pop(who, (self._pace.burst, now_ns))
        left = min(self._pace.burst, left + max(0, now_ns - at_ns) / NS * self._pace.per_s)
        wait_s = 0 if left >= 1 else max(1, round((1 - left) / self._pace.per_s + 0.5))
        self._left[who] = (left if wait_s else left - 1, now_ns)
        if len(self._left) > self._most:
            self._left.popitem(last=False)
        return wait_s
