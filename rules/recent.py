"""The faults that were put before people in the last ten minutes, for alarm rates: counted, never looked through. Pure.

Of a condition (chatter) each counts from the instant it was raised. Of all (floods) it counts from the instant its page leaves: one that
may turn out to be part of another fault waits a moment for that, and where it does it was never put before anybody. Advisories are no
alarms.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from plantroom.clock import NS

RECENT_NS = 600 * NS
SETTLE_NS = 10 * NS  # where a fault may turn out to be part of another one its page waits so long; never an urgent one
NEVER = -1

CHILD, AT_ONCE, WAITED = 0, 1, 2  # fault.presented

Key = tuple[str, str]  # (equipment, rule)


def shown_ns(raised_ns: int, presented: int, severity: str) -> int:
    """From when a fault counts for floods."""
    if presented == CHILD or severity == "advisory":
        return NEVER
    return raised_ns + (SETTLE_NS if presented == WAITED else 0)


class Recent:
    """Of (raised_ns, key, shown_ns). An instant ahead of now counts for nothing yet."""

    def __init__(self, faults: Iterable[tuple[int, Key, int]] = ()) -> None:
        self._all: list[tuple[int, Key, int]] = []
        self._shown: list[int] = []
        self._of: dict[Key, list[int]] = {}
        for one in sorted(faults):
            self._put(one)

    def add(self, raised_ns: int, key: Key, shown_ns: int, now_ns: int) -> None:
        self._forget(now_ns)
        self._put((raised_ns, key, shown_ns))

    def remove(self, raised_ns: int, key: Key) -> None:
        place = bisect_left(self._all, (raised_ns, key))
        while place < len(self._all) and self._all[place][:2] == (raised_ns, key):
            self._drop(place)

    def count(self, now_ns: int, within_ns: int, key: Key | None = None) -> int:
        """How many within this time, all of them or those of one condition."""
        times = self._shown if key is None else self._of.get(key, [])
        return bisect_right(times, now_ns) - bisect_right(times, now_ns - within_ns)

    def _put(self, one: tuple[int, Key, int]) -> None:
        raised_ns, key, shown_ns = one
        insort(self._all, one)
        insort(self._of.setdefault(key, []), raised_ns)
        if shown_ns != NEVER:
            insort(self._shown, shown_ns)

    def _forget(self, now_ns: int) -> None:
        """What is too long ago, and what was raised ahead of now, where the clock was set back."""
        while self._all and self._all[0][0] <= now_ns - RECENT_NS - SETTLE_NS:
            self._drop(0)
        while self._all and self._all[-1][0] > now_ns:
            self._drop(len(self._all) - 1)

    def _drop(self, place: int) -> None:
        raised_ns, key, shown_ns = self._all.pop(place)
        times = self._of[key]
        times.remove(raised_ns)
        if not times:
            del self._of[key]
        if shown_ns != NEVER:
            del self._shown[bisect_left(self._shown, shown_ns)]
