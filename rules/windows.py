"""What all that remembers has in common: the span of a look, the arrays it keeps, how many buckets a stretch of time gets."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Truth = tuple[Bools, Bools]  # (known true, known false); neither = unknown
Rows = slice | npt.NDArray[np.intp]

MOST_BUCKETS = 240
FEWEST_BUCKETS = 10
NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Span:
    """One look at some machines. now: ns per row; passed: ns since the previous look at that row, 0 at the first."""

    rows: Rows
    now: Ints
    passed: Ints


class Remembers(Protocol):
    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]: ...


Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # (rows here, rows there)


def copy(new: Remembers, old: Remembers, pairs: Pairs) -> None:
    """What was remembered of the machines that both have."""
    here, there = pairs
    before = dict(old.arrays())
    for name, array in new.arrays():
        if name == "origin":
            array[...] = before[name]
        else:
            array[here] = before[name][there]


def buckets(window_s: float, period_s: float) -> int:
    """How many buckets a window gets: one per poll, within limits."""
    return max(FEWEST_BUCKETS, min(MOST_BUCKETS, math.ceil(window_s / max(period_s, 1e-3))))
