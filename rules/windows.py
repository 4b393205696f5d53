"""What an expression remembers: how long, since when, and the last stretch in a ring of buckets. Bounded, vectorised over equipment.

A value holds from one look to the next; a NaN is unknown time. A window of length W is a ring of 10 to 240 buckets of equal width
w = W / n, as many as the points' poll period asks for; it covers the last W - w .. W. A statistic is known while at least 0.9 W - w
of it was known and the present value is: what a window remembers speaks for no machine that is not heard now. `max`, `count`, `rises`,
`falls` and `on_time` of a window with unknown stretches are lower bounds ("at least"), `min` is an upper bound: a comparison that already
holds is true, one that could still turn out is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Truth = tuple[Bools, Bools]  # (known true, known false); neither = unknown
Rows = slice | npt.NDArray[np.intp]

MOST_BUCKETS = 240
FEWEST_BUCKETS = 10
COVERAGE = 0.9
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


class Lasting:
    """duration(c): seconds c has been known true without a known false in between; unknown stretches count nothing and end nothing."""

    def __init__(self, size: int) -> None:
        self.counted = np.zeros(size, np.int64)
        self.was = np.zeros(size, np.bool_)

    def update(self, span: Span, truth: Truth) -> Floats:
        true, false = truth
        counted = self.counted[span.rows] + np.where(self.was[span.rows], span.passed, 0)
        counted[false] = 0
        self.counted[span.rows] = counted
        self.was[span.rows] = true
        return np.where(true | false, counted / NS, np.nan)

    def shift(self, ns: int) -> None:
        """Lengths do not move with the wall clock."""

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("counted", self.counted), ("was", self.was))


class Since:
    """since(c): seconds since c was last seen true; 0 while it is, unknown while c is unknown or was never seen true."""

    def __init__(self, size: int) -> None:
        self.seen = np.full(size, NEVER, np.int64)
        self.was = np.zeros(size, np.bool_)

    def update(self, span: Span, truth: Truth) -> Floats:
        true, false = truth
        seen = np.where(self.was[span.rows] | true, span.now, self.seen[span.rows])
        self.seen[span.rows] = seen
        self.was[span.rows] = true
        return np.where(true, 0.0, np.where(false & (seen != NEVER), (span.now - np.maximum(seen, 0)) / NS, np.nan))

    def shift(self, ns: int) -> None:
        self.seen[self.seen != NEVER] += ns

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("seen", self.seen), ("was", self.was))


# What a bucket keeps, by name: the value of an empty one.
_EMPTY = {
    "known": 0.0,  # seconds known
    "area": 0.0,  # value x seconds
    "square": 0.0,  # (value - reference)^2 x seconds
    "lean": 0.0,  # (value - reference) x seconds
    "low": math.inf,
    "high": -math.inf,
    "gain": 0.0,  # sum of increments
    "rises": 0.0,
    "falls": 0.0,
    "moves": 0.0,
    "hits": 0.0,  # samples
}
_NEEDS = {
    "avg": ("area",), "sum": ("area",), "on_time": ("area",), "median": ("area",), "std": ("square", "lean"),
    "min": ("low",), "max": ("high",), "delta": ("gain",), "rate": ("gain",),
    "rises": ("rises",), "falls": ("falls",), "changed": ("moves",), "count": ("hits",),
}  # fmt: skip


def buckets(window_s: float, period_s: float) -> int:
    """How many buckets a window gets: one per poll, within limits."""
    return max(FEWEST_BUCKETS, min(MOST_BUCKETS, math.ceil(window_s / max(period_s, 1e-3))))


class Ring:
    """The last stretch of one expression for `size` machines. functions: which statistics it must answer.

    counter: increments below zero are resets of a counter and count nothing. yes_no: the expression is a yes/no, given as 1 and 0;
    count() then counts the samples that say yes.
    """

    def __init__(
        self, size: int, window_s: float, period_s: float, functions: frozenset[str], *, counter: bool = False, yes_no: bool = False
    ) -> None:
        self.n = buckets(window_s, period_s)
        self.width = max(1, round(window_s * NS) // self.n)
        self.window_s = self.n * self.width / NS
        self._enough = COVERAGE * self.window_s - self.width / NS
        self._counter, self._yes_no = counter, yes_no
        self._names = ("known", *dict.fromkeys(need for function in sorted(functions) for need in _NEEDS[function]))
        self._median = "median" in functions
        self.origin = np.zeros(1, np.int64)  # moves with the wall clock; buckets are aligned to it
        self.index = np.full(size, -1, np.int64)
        self.held = np.full(size, np.nan)
        self.last = np.full(size, np.nan)  # last known value
        self.reference = np.zeros(size)
        self.middle = np.full(size, np.nan)
        self._past = {name: np.full((size, self.n), _EMPTY[name]) for name in self._names}
        self._closed = {name: np.full(size, _EMPTY[name]) for name in self._names}
        self._open = {name: np.full(size, _EMPTY[name]) for name in self._names}

    # --- time

    def update(self, span: Span, x: Floats, fresh: Bools | None) -> None:
        """Lets the time since the last look pass with the value held, then takes the value x (NaN = unknown) at now.

        fresh: rows where a sample came with this look; None = nowhere (a tick).
        """
        self._pass(span)
        self._take(span.rows, x, fresh)

    def _pass(self, span: Span) -> None:
        rows, held = span.rows, self.held[span.rows]
        index = (span.now - self.origin) // self.width
        before = self.index[rows]
        before = np.where(before < 0, index, before)
        end = np.minimum(span.now, (before + 1) * self.width + self.origin)
        self._fill(rows, held, np.maximum(end - (span.now - span.passed), 0) / NS)
        moved = np.flatnonzero(index > before)
        if moved.size:
            at = moved if isinstance(rows, slice) else rows[moved]
            self._roll(at, before[moved], index[moved], held[moved])
            self._fill(at, held[moved], (span.now[moved] - self.origin - index[moved] * self.width) / NS)
        self.index[rows] = np.maximum(index, before)

    def _fill(self, rows: Rows, held: Floats, seconds: Floats) -> None:
        """Adds a stretch of a held value to the open bucket."""
        known = held == held
        for name, amount in self._amounts(rows, held, np.where(known, seconds, 0.0)):
            if name == "low":
                self._open[name][rows] = np.fmin(self._open[name][rows], amount)
            elif name == "high":
                self._open[name][rows] = np.fmax(self._open[name][rows], amount)
            else:
                self._open[name][rows] += np.where(known, amount, 0.0)

    def _amounts(self, rows: Rows, held: Floats, seconds: Floats) -> Iterator[tuple[str, Floats]]:
        """What a held value leaves in a bucket over some seconds, by name; NaN where it was unknown."""
        for name in self._names:
            if name == "known":
                yield name, seconds
            elif name == "area":
                yield name, held * seconds
            elif name in ("square", "lean"):
                off = held - self.reference[rows]
                yield name, (off * off if name == "square" else off) * seconds
            elif name in ("low", "high"):
                yield name, held

    def _roll(self, rows: npt.NDArray[np.intp], before: Ints, index: Ints, held: Floats) -> None:
        """Closes the open bucket of these rows and starts the one that now stands in; buckets in between hold the value held."""
        for name in self._names:
            self._past[name][rows, before % self.n] = self._open[name][rows]
        gap = index - before
        width_s = self.width / NS
        for back in range(1, min(int(gap.max()), self.n)):
            part = np.flatnonzero(gap > back)
            if not part.size:
                break
            self._whole(rows[part], (index[part] - back) % self.n, held[part], width_s)
        for name in self._names:
            past, empty = self._past[name], _EMPTY[name]
            past[rows, index % self.n] = empty
            self._open[name][rows] = empty
            whole = rows.size == past.shape[0]  # every machine, in whatever order: no copy of the ring
            chosen = past if whole else past[rows]
            over = chosen.min(axis=1) if name == "low" else chosen.max(axis=1) if name == "high" else chosen.sum(axis=1)
            self._closed[name][rows] = over[rows] if whole else over
        if self._median:
            self._medians(rows)

    def _whole(self, rows: npt.NDArray[np.intp], position: Ints, held: Floats, width_s: float) -> None:
        known = held == held
        filled = dict(self._amounts(rows, held, np.where(known, width_s, 0.0)))
        for name in self._names:
            empty = _EMPTY[name]
            self._past[name][rows, position] = np.where(known, filled[name], empty) if name in filled else empty

    def _medians(self, rows: npt.NDArray[np.intp]) -> None:
        known = self._past["known"][rows]
        means = np.where(known > 0, self._past["area"][rows] / np.where(known > 0, known, 1.0), np.nan)
        some = np.flatnonzero(np.isfinite(means).any(axis=1))
        self.middle[rows] = np.nan
        if some.size:
            self.middle[rows[some]] = np.nanmedian(means[some], axis=1)

    # --- values

    def _take(self, rows: Rows, x: Floats, fresh: Bools | None) -> None:
        known = x == x
        last = self.last[rows]
        both = known & (last == last)
        now = self._open
        for name in self._names:
            if name == "low":
                now[name][rows] = np.fmin(now[name][rows], x)
            elif name == "high":
                now[name][rows] = np.fmax(now[name][rows], x)
            elif name == "gain":
                step = np.where(both, x - last, 0.0)
                now[name][rows] += np.maximum(step, 0.0) if self._counter else step
            elif name == "moves":
                now[name][rows] += both & (x != last)
            elif name == "rises":
                now[name][rows] += both & (x > last)
            elif name == "falls":
                now[name][rows] += both & (x < last)
            elif name == "square":
                self.reference[rows] = np.where(known & ~(last == last), x, self.reference[rows])
            elif name == "hits" and fresh is not None:
                now[name][rows] += fresh & ((x == 1.0) if self._yes_no else known)
        self.last[rows] = np.where(known, x, last)
        self.held[rows] = x

    # --- answers

    def _of(self, name: str, rows: Rows) -> Floats:
        total: Floats = self._closed[name][rows] + self._open[name][rows]
        return total

    def complete(self, rows: Rows) -> Bools:
        held: Floats = self.held[rows]
        heard: Bools = held == held
        return heard & (self._of("known", rows) >= self._enough)

    def answer(self, function: str, rows: Rows) -> tuple[Floats, Floats | None]:
        """(value, bound): the value, NaN while the window is not known well enough; the bound that holds all the same, or None."""
        done = self.complete(rows)
        if function == "min":
            low = np.fmin(self._closed["low"][rows], self._open["low"][rows])
            low = np.where(low == math.inf, np.nan, low)
            return np.where(done, low, np.nan), low
        if function == "max":
            high = np.fmax(self._closed["high"][rows], self._open["high"][rows])
            high = np.where(high == -math.inf, np.nan, high)
            return np.where(done, high, np.nan), high
        if function in ("rises", "falls", "count", "on_time"):
            seen = self._of({"count": "hits", "on_time": "area"}.get(function, function), rows)
            return np.where(done, seen, np.nan), seen
        if function == "avg":
            known = self._of("known", rows)
            return np.where(done, self._of("area", rows) / np.where(done, known, 1.0), np.nan), None
        if function == "sum":
            return np.where(done, self._of("area", rows), np.nan), None
        if function == "std":
            known = np.where(done, self._of("known", rows), 1.0)
            mean = self._of("lean", rows) / known
            spread = np.sqrt(np.maximum(self._of("square", rows) / known - mean * mean, 0.0))
            return np.where(done, spread, np.nan), None
        if function == "median":
            return np.where(done, self.middle[rows], np.nan), None
        gain = np.where(done, self._of("gain", rows), np.nan)
        return (gain / self.window_s if function == "rate" else gain), None

    def changed(self, rows: Rows) -> Truth:
        """changed(x): true as soon as two known values differed, false only over a window known well enough."""
        moved = self._of("moves", rows) > 0
        return moved, ~moved & self.complete(rows)

    def shift(self, ns: int) -> None:
        self.origin += ns

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        """The old ring of the same width; its origin is taken over with it."""
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("origin", self.origin), ("index", self.index), ("held", self.held), ("last", self.last))
        yield from (("reference", self.reference), ("middle", self.middle))
        for group, columns in (("past", self._past), ("closed", self._closed), ("open", self._open)):
            for name in self._names:
                yield f"{group}.{name}", columns[name]
