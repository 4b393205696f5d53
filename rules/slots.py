"""What a window keeps in each bucket, by name, and what its functions need of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rules.sheet import Index
from rules.windows import Bools, Floats

# What a bucket keeps, by name: the value of an empty one. First what grows with time, then what is counted, then the extremes.
EMPTY: Mapping[str, float] = {
    "known": 0.0,  # seconds known
    "area": 0.0,  # value x seconds
    "square": 0.0,  # (value - reference)^2 x seconds
    "lean": 0.0,  # (value - reference) x seconds
    "gain": 0.0,  # sum of increments
    "rises": 0.0,
    "falls": 0.0,
    "moves": 0.0,
    "hits": 0.0,  # samples
    "low": math.inf,
    "high": -math.inf,
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "avg": ("area",), "sum": ("area",), "on_time": ("area",), "median": ("area",), "std": ("square", "lean"),
    "min": ("low",), "max": ("high",), "delta": ("gain",), "rate": ("gain",),
    "rises": ("rises",), "falls": ("falls",), "changed": ("moves",), "count": ("hits",),
}  # fmt: skip
NAMES = tuple(EMPTY)
LOW, HIGH = NAMES.index("low"), NAMES.index("high")


@dataclass(frozen=True, slots=True)
class Window:
    """One expression over a length. functions: which statistics it must answer.

    counter: increments below zero are resets of a counter and count nothing. yes_no: the expression is a yes/no, given as 1 and 0;
    count() then counts the samples that say yes.
    """

    window_s: float
    period_s: float
    functions: frozenset[str]
    counter: bool = False
    yes_no: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return ("known", *dict.fromkeys(need for function in sorted(self.functions) for need in NEEDS[function]))


@dataclass(frozen=True, slots=True)
class Some:
    """Rings that follow each other. slots: by name, its slots and which of these rings they belong to; numbers, owners: the same of all."""

    rings: slice
    slots: Mapping[str, tuple[slice, Index]]
    counter: Bools
    yes_no: Bools
    numbers: npt.NDArray[np.intp]
    owners: npt.NDArray[np.intp]

    def spread(self, counts: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Things given ring by ring, so many of each, as often as the ring has slots: (their positions slot by slot, how many of each)."""
        each = counts[self.owners]
        shift = (np.cumsum(counts) - counts)[self.owners] - (np.cumsum(each) - each)
        return np.arange(each.sum()) + np.repeat(shift, each), each


@dataclass(frozen=True, slots=True)
class Asked:
    """One function of some rings. slots: of what it needs, by name."""

    function: str
    rings: Index
    slots: Mapping[str, Index]
    enough: Floats
    length_s: Floats


class Left:
    """What held values leave in empty buckets, slot by slot in the order of their names. off: value - reference."""

    def __init__(self, code: npt.NDArray[np.intp], value: Floats, off: Floats, blank: Floats) -> None:
        area, square, lean, self._timed, low = np.searchsorted(code, (1, 2, 3, 4, LOW)).tolist()
        self.blank, self._known = blank, value == value
        self._rate = np.ones(self._timed)
        self._rate[area:square] = value[area:square]
        self._rate[square:lean] = off[square:lean] * off[square:lean]
        self._rate[lean:] = off[lean : self._timed]
        self._whatever = blank.copy()
        self._whatever[low:] = value[low:]

    def over(self, seconds: Floats) -> Floats:
        self._whatever[: self._timed] = self._rate * seconds[: self._timed] + 0.0  # no zero below zero
        return np.where(self._known, self._whatever, self.blank)
