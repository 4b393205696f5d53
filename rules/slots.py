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


@dataclass(frozen=True, slots=True)
class Closing:
    """Slots of one length among those that moved. which: their positions there; place: theirs in the block; low, high: begin of those."""

    which: npt.NDArray[np.intp]
    block: npt.NDArray[np.float64]
    place: npt.NDArray[np.intp]
    low: int
    high: int

    def over(self, found: Floats) -> None:
        """What all buckets hold together."""
        past, which, low, high = self.block.take(self.place, 0), self.which, self.low, self.high
        found[which[:low]] = past[:low].sum(axis=1)
        if low < which.size:
            found[which[low:high]], found[which[high:]] = past[low:high].min(axis=1), past[high:].max(axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Moved:
    """Rings of machines that go to another bucket, slot by slot in the order of their names: everything but what they hold.

    at: which of the rings and rows of the look; begin: of its buckets, n of them, width_s long; place: in the table of open buckets.
    """

    at: npt.NDArray[np.intp]
    slot: npt.NDArray[np.intp]
    row: npt.NDArray[np.intp]
    ring: npt.NDArray[np.intp]
    n: npt.NDArray[np.intp]
    begin: npt.NDArray[np.intp]
    place: npt.NDArray[np.intp]
    blank: Floats
    width_s: Floats
    edges: tuple[int, ...]  # where area, square, lean, gain and low begin
    closing: tuple[Closing, ...]


class Left:
    """What held values leave in empty buckets. off: value - reference."""

    def __init__(self, moved: Moved, value: Floats, off: Floats) -> None:
        area, square, lean, self._timed, low = moved.edges
        self._blank, self._known = moved.blank, value == value
        self._rate = np.ones(self._timed)
        self._rate[area:square] = value[area:square]
        self._rate[square:lean] = off[square:lean] * off[square:lean]
        self._rate[lean:] = off[lean : self._timed]
        self._whatever = self._blank.copy()
        self._whatever[low:] = value[low:]

    def over(self, seconds: Floats) -> Floats:
        self._whatever[: self._timed] = self._rate * seconds[: self._timed] + 0.0  # no zero below zero
        return np.where(self._known, self._whatever, self._blank)
