"""The faults that were put before people in the last ten minutes, for alarm rates: counted, never looked through. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable

from plantroom.clock import NS

RECENT_NS = 600 * NS

Key = tuple[str, str]  # (equipment, rule)


class Recent:
    """shown: (raised_ns, key). An instant ahead of now, where the clock was set back, counts for nothing."""

    def __init__(self, shown: Iterable[tuple[int, Key]] = ()) -> None:
        self._all = sorted(shown)
        self._of: dict[Key, list[int]] = {}
        for at_ns, key in self._all:
            self._of.setdefault(key, []).append(at_ns)

    def add(self, at_ns: int, key: Key, now_ns: int) -> None:
        self._forget(now_ns)
        insort(self._all, (at_ns, key))
        insort(self._of.setdefault(key, []), at_ns)

    def remove(self, at_ns: int, key: Key) -> None:
        place = bisect_left(self._all, (at_ns, key))
        while place < len(self._all) and self._all[place] == (at_ns, key):
            self._drop(place)

    def count(self, now_ns: int, within_ns: int, key: Key | None = None) -> int:
        """How many within this time, all of them or those of one condition."""
        if key is not None:
            times = self._of.get(key, [])
            return bisect_right(times, now_ns) - bisect_right(times, now_ns - within_ns)
        return bisect_left(self._all, (now_ns + 1,)) - bisect_left(self._all, (now_ns - within_ns + 1,))

    def _forget(self, now_ns: int) -> None:
        while self._all and self._all[0][0] <= now_ns - RECENT_NS:
            self._drop(0)
        while self._all and self._all[-1][0] > now_ns:
            self._drop(len(self._all) - 1)

    def _drop(self, place: int) -> None:
        at_ns, key = self._all.pop(place)
        times = self._of[key]
        times.remove(at_ns)
        if not times:
            del self._of[key]
