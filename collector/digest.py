"""How long answers took of late, in little room: counts by size, from which any quantile is told within 5 %. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate
from math import log
from typing import Self

FINEST_S, STEP, STEPS = 0.0001, 1.1, 140  # up to a minute
COARSEST_S = FINEST_S * STEP**STEPS
_A_STEP = 1 / log(STEP)
MOST = 4096  # answers; then each counts half, so that what was long ago fades


class Digest:
    """Of one unit; `of` puts several together."""

    __slots__ = ("_counts", "_room")

    def __init__(self) -> None:
        self._counts = [0] * (STEPS + 2)  # too small to tell, the steps, and room for a rounding
        self._room = MOST

    def add(self, seconds: float) -> None:
        if FINEST_S < seconds < COARSEST_S:
            self._counts[1 + int(log(seconds / FINEST_S) * _A_STEP)] += 1
        else:
            self._counts[STEPS if seconds > FINEST_S else 0] += 1
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
