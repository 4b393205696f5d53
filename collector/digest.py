"""How long answers took of late, in little room: counts by size, from which any quantile is told within 5 %. Pure."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable
from itertools import accumulate
from typing import Self

FINEST_S, STEP = 0.0001, 1.1
EDGES_S = [FINEST_S * STEP**n for n in range(140)]  # up to a minute
MOST = 4096  # answers; then each counts half, so that what was long ago fades


class Digest:
    """Of one unit; `of` puts several together."""

    __slots__ = ("_counts", "_room")

    def __init__(self) -> None:
        self._counts = [0] * (len(EDGES_S) + 1)
        self._room = MOST

    def add(self, seconds: float) -> None:
        self._counts[bisect(EDGES_S, seconds)] += 1
        self._room -= 1
        if not self._room:
            self._counts = [count // 2 for count in self._counts]
            self._room = MOST - sum(self._counts)

    @classmethod
    def of(cls, digests: Iterable[Self]) -> Self:
        whole = cls()
        whole._counts = [sum(counts) for counts in zip(whole._counts, *(digest._counts for digest in digests), strict=True)]
        return whole

    def quantile_s(self, share: float) -> float | None:
        """What this share of the answers took at most; None where there were none."""
        total = sum(self._counts)
        if not total:
            return None
        found = next(n for n, reached in enumerate(accumulate(self._counts)) if reached >= share * total)
        return float(FINEST_S * STEP ** (found - 0.5))
