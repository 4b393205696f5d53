"""The last stretch of time of several expressions, each over all machines, in rings of buckets.

A value holds from one look to the next; a NaN is unknown time. A window of length W is a ring of 10 to 240 buckets of equal width
w = W / n, as many as the points' poll period asks for; it covers the last W - w .. W. A statistic is known while at least 0.9 W - w
of it was known and the present value is: what a window remembers speaks for no machine that is not heard now. `max`, `count`, `rises`,
`falls` and `on_time` of a window with unknown stretches are lower bounds ("at least"), `min` is an upper bound: a comparison that already
holds is true, one that could still turn out is unknown.

What a bucket keeps of one expression by one name is a slot. Slots stand by name, so that one call of numpy serves a name of all rings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from rules.sheet import Index, index_of, span_of
from rules.slots import EMPTY, HIGH, LOW, NAMES, NEEDS, Asked, Closing, Left, Moved, Some, Window
from rules.windows import Bools, Floats, Ints, Rows, Span, Truth, buckets

COVERAGE = 0.9
MOST_KNOWN = 30_000  # slots of machines, 100 bytes each
MANY = 200  # machines: from here on copying the buckets costs more than a call for each slot


class Rings:
    def __init__(self, size: int, windows: Sequence[Window]) -> None:
        self.windows = tuple(windows)
        count = len(windows)
        self.n = [buckets(window.window_s, window.period_s) for window in windows]
        self.width = np.array([max(1, round(w.window_s * NS) // n) for w, n in zip(windows, self.n, strict=True)], np.int64)
        self.window_s = np.array([n * width / NS for n, width in zip(self.n, self.width.tolist(), strict=True)])
        self._enough = COVERAGE * self.window_s - self.width / NS
        self.origin = np.zeros(count, np.int64)  # moves with the wall clock; buckets are aligned to it
        self.index = np.full((count, size), -1, np.int64)
        self.held = np.full((count, size), np.nan)
        self.last = np.full((count, size), np.nan)  # last known value
        self.reference = np.zeros((count, size))
        self.middle = np.full((count, size), np.nan)
        slots = [(name, ring) for name in NAMES for ring, window in enumerate(windows) if name in window.names]
        self.slot = {pair: number for number, pair in enumerate(slots)}
        self._owner = np.array([ring for _, ring in slots], np.intp)
        self._code = np.array([NAMES.index(name) for name, _ in slots], np.intp)
        self._blank = np.array([EMPTY[name] for name, _ in slots])
        self.open = np.repeat(self._blank[:, None], size, axis=1)
        self.closed = self.open.copy()
        # all closed buckets: slots of one length after those of another, in a slot machine after machine
        self._n = np.array([self.n[ring] for ring in self._owner.tolist()], np.intp)
        order = np.argsort(self._n, kind="stable")
        self._begin = np.empty_like(self._n)
        self._begin[order] = np.cumsum(self._n[order] * size) - self._n[order] * size
        self._past = np.repeat(self._blank[order], self._n[order] * size)
        self._lengths = [(n, int(self._begin[self._n == n].min()), int((self._n == n).sum()) * size) for n in sorted(set(self.n))]
        self._medians = [ring for ring, window in enumerate(windows) if "median" in window.functions]
        self._known: dict[tuple[object, ...], Moved] = {}
        self._known_size = 0
        self._all = self.some(0, count)

    def past(self, slot: int) -> Floats:
        """[machines, buckets] of one slot."""
        machines, n = self.held.shape[1], int(self._n[slot])
        return self._past[self._begin[slot] :][: machines * n].reshape(machines, n)

    def some(self, first: int, end: int) -> Some:
        found: dict[str, tuple[slice, Index]] = {}
        for name in NAMES:
            owners = [ring for ring in range(first, end) if (name, ring) in self.slot]
            if owners:
                found[name] = span_of([self.slot[name, ring] for ring in owners]), index_of([ring - first for ring in owners])
        windows = self.windows[first:end]
        counter, yes_no = np.array([[w.counter] for w in windows], np.bool_), np.array([[w.yes_no] for w in windows], np.bool_)
        slots = [number for (_, ring), number in self.slot.items() if first <= ring < end]
        return Some(slice(first, end), found, counter, yes_no, np.array(slots, np.intp), self._owner[slots] - first)

    def asked(self, function: str, rings: Sequence[int]) -> Asked:
        slots = {name: index_of([self.slot[name, ring] for ring in rings]) for name in ("known", *NEEDS[function])}
        return Asked(function, index_of(rings), slots, self._enough[list(rings), None], self.window_s[list(rings), None])

    # --- time

    def let_pass(self, span: Span, together: bool = True) -> None:
        """Lets the time since the last look pass with the values held; before the values of this look are taken."""
        for some in (self._all,) if together else self._each:
            self._pass(some, span)

    @cached_property
    def _each(self) -> tuple[Some, ...]:
        return tuple(self.some(ring, ring + 1) for ring in range(len(self.windows)))

    def _pass(self, some: Some, span: Span) -> None:
        rows, spot = span.rows, (some.rings, span.rows)
        held, origin, width = self.held[spot], self.origin[some.rings, None], self.width[some.rings, None]
        index = (span.now - origin) // width
        before = self.index[spot]
        before = np.where(before < 0, index, before)
        end = np.minimum(span.now, (before + 1) * width + origin)
        self._fill(some, rows, held, np.maximum(end - (span.now - span.passed), 0) / NS)
        moved = index > before
        if moved.any():
            self._roll(some, rows, moved, before, index, held, (span.now - origin - index * width) / NS)
            self.index[spot] = np.maximum(index, before)
        elif (before != self.index[spot]).any():
            self.index[spot] = before

    def _fill(self, some: Some, rows: Rows, held: Floats, seconds: Floats) -> None:
        """Adds a stretch of held values to the open buckets."""
        known = held == held
        seconds, held_or_0 = np.where(known, seconds, 0.0), np.where(known, held, 0.0)
        for name, (slots, rings) in some.slots.items():
            spot = slots, rows
            if name == "known":
                self.open[spot] += seconds
            elif name == "area":
                self.open[spot] += held_or_0[rings] * seconds[rings]
            elif name in ("square", "lean"):
                off = held_or_0[rings] - self.reference[some.rings, rows][rings]
                self.open[spot] += (off * off if name == "square" else off) * seconds[rings]
            elif name == "low":
                self.open[spot] = np.fmin(self.open[spot], held[rings])
            elif name == "high":
                self.open[spot] = np.fmax(self.open[spot], held[rings])

    def _roll(self, some: Some, rows: Rows, moved: Bools, before: Ints, index: Ints, held: Floats, rest: Floats) -> None:
        """Closes open buckets and starts those that now stand in; buckets in between hold the value held."""
        gone = self._moved(some, rows, moved)
        at, past = gone.at, self._past
        value, since, until, begun = held.ravel()[at], before.ravel()[at], index.ravel()[at], rest.ravel()[at]
        left = Left(gone, value, value - self.reference[gone.ring, gone.row])
        past[gone.begin + since % gone.n] = self.open.ravel()[gone.place]
        gap = np.minimum(until - since, gone.n)
        if (most := int(gap.max())) > 1:
            full = left.over(gone.width_s)
            for back in range(1, most):
                part = np.flatnonzero(gap > back)
                past[gone.begin[part] + (until[part] - back) % gone.n[part]] = full[part]
        past[gone.begin + until % gone.n] = gone.blank
        self.closed.reshape(-1)[gone.place] = self._over(gone) if gone.closing else self._over_whole(some.numbers.tolist())
        self.open.reshape(-1)[gone.place] = left.over(begun)
        for number in self._medians:
            self._middle(number, gone.row[gone.slot == self.slot["known", number]])

    def _moved(self, some: Some, rows: Rows, moved: Bools) -> Moved:
        """Machines that are polled together move together: what was worked out for them once serves again."""
        key = some.rings.start, moved.shape, b"" if isinstance(rows, slice) else rows.tobytes(), moved.tobytes()
        found = self._known.get(key)
        if found is None:
            found = self._work_out(some, rows, moved)
            if found.at.size <= MOST_KNOWN:
                self._known_size += found.at.size
                if self._known_size > MOST_KNOWN:
                    self._known, self._known_size = {}, found.at.size
                self._known[key] = found
        return found

    def _work_out(self, some: Some, rows: Rows, moved: Bools) -> Moved:
        of, each = some.spread(moved.sum(axis=1))
        slot, at = np.repeat(some.numbers, each), np.flatnonzero(moved)[of]
        row = at % moved.shape[1] if isinstance(rows, slice) else rows[at % moved.shape[1]]
        n, ring, code = self._n[slot], self._owner[slot], self._code[slot]
        begin, place = self._begin[slot] + row * n, slot * self.held.shape[1] + row
        whole = isinstance(rows, slice) and moved.shape[1] >= MANY and bool(moved.all())
        closing = () if whole else tuple(self._closing(n, begin, code))
        edges = tuple(np.searchsorted(code, (1, 2, 3, 4, LOW)).tolist())
        return Moved(at, slot, row, ring, n, begin, place, self._blank[slot], self.width[ring] / NS, edges, closing)

    def _closing(self, n: npt.NDArray[np.intp], begin: npt.NDArray[np.intp], code: npt.NDArray[np.intp]) -> Iterator[Closing]:
        for length, first, count in self._lengths:
            which = np.flatnonzero(n == length)
            if which.size:
                block = self._past[first : first + count * length].reshape(count, length)
                low, high = np.searchsorted(code[which], (LOW, HIGH)).tolist()
                yield Closing(which, block, (begin[which] - first) // length, low, high)

    def _over(self, gone: Moved) -> Floats:
        """What all but the open bucket hold together."""
        found = np.empty(gone.at.size)
        for closing in gone.closing:
            closing.over(found)
        return found

    def _over_whole(self, slots: Sequence[int]) -> Floats:
        """The same for every machine: no copy of the buckets."""
        pasts = [(NAMES[self._code[slot]], self.past(slot)) for slot in slots]
        return np.concatenate([p.min(axis=1) if name == "low" else p.max(axis=1) if name == "high" else p.sum(axis=1) for name, p in pasts])

    def _middle(self, ring: int, rows: npt.NDArray[np.intp]) -> None:
        if not rows.size:
            return
        known = self.past(self.slot["known", ring])[rows]
        means = np.where(known > 0, self.past(self.slot["area", ring])[rows] / np.where(known > 0, known, 1.0), np.nan)
        some = np.flatnonzero(np.isfinite(means).any(axis=1))
        self.middle[ring, rows] = np.nan
        if some.size:
            self.middle[ring, rows[some]] = np.nanmedian(means[some], axis=1)

    # --- values

    def take(self, some: Some, rows: Rows, x: Floats, fresh: Bools | None) -> None:
        """Takes the values x (NaN = unknown), [rings, rows]. fresh: where a sample came with this look; None = nowhere (a tick)."""
        spot = some.rings, rows
        known, last, now = x == x, self.last[spot], self.open
        both = known & (last == last)
        step = np.where(both, x - last, 0.0)
        for name, (slots, rings) in some.slots.items():
            at = slots, rows
            if name == "low":
                now[at] = np.fmin(now[at], x[rings])
            elif name == "high":
                now[at] = np.fmax(now[at], x[rings])
            elif name == "gain":
                now[at] += np.where(some.counter[rings], np.maximum(step[rings], 0.0), step[rings])
            elif name == "moves":
                now[at] += step[rings] != 0
            elif name == "rises":
                now[at] += step[rings] > 0
            elif name == "falls":
                now[at] += step[rings] < 0
            elif name == "hits" and fresh is not None:
                now[at] += (fresh & np.where(some.yes_no, x == 1.0, known))[rings]
        if "square" in some.slots:
            self.reference[spot] = np.where(known & (last != last), x, self.reference[spot])
        self.last[spot] = np.where(known, x, last)
        self.held[spot] = x

    def update(self, span: Span, x: Floats, fresh: Bools | None) -> None:
        """A look at all rings: time passes, then the values are taken."""
        self.let_pass(span)
        self.take(self._all, span.rows, x, fresh)

    # --- answers

    def total(self, slots: Index, rows: Rows) -> Floats:
        found: Floats = _of(self.closed, slots, rows) + _of(self.open, slots, rows)
        return found

    def complete(self, asked: Asked, rows: Rows) -> Bools:
        held = _of(self.held, asked.rings, rows)
        found: Bools = (held == held) & (self.total(asked.slots["known"], rows) >= asked.enough)
        return found

    def answer(self, asked: Asked, rows: Rows) -> tuple[Floats, Floats | None]:
        """(values, bounds): NaN while the window is not known well enough; the bounds hold all the same, None = there are none."""
        done, function = self.complete(asked, rows), asked.function
        seen, bound = self._seen(asked, done, rows)
        answer: Floats = np.where(done, seen, np.nan)
        if function == "rate":
            answer /= asked.length_s
        return answer, bound

    def _seen(self, asked: Asked, done: Bools, rows: Rows) -> tuple[Floats, Floats | None]:
        function, slots = asked.function, asked.slots
        if function in ("min", "max"):
            name, smaller = ("low", np.fmin) if function == "min" else ("high", np.fmax)
            found: Floats = smaller(_of(self.closed, slots[name], rows), _of(self.open, slots[name], rows))
            found[np.isinf(found)] = np.nan
            return found, found
        if function == "median":
            return _of(self.middle, asked.rings, rows), None
        if function == "avg":
            return self.total(slots["area"], rows) / np.where(done, self.total(slots["known"], rows), 1.0), None
        if function == "std":
            known = np.where(done, self.total(slots["known"], rows), 1.0)
            mean = self.total(slots["lean"], rows) / known
            return np.sqrt(np.maximum(self.total(slots["square"], rows) / known - mean * mean, 0.0)), None
        seen = self.total(slots[NEEDS[function][0]], rows)
        return seen, (seen if function in ("rises", "falls", "count", "on_time") else None)

    def changed(self, asked: Asked, rows: Rows) -> Truth:
        """changed(x): true as soon as two known values differed, false only over a window known well enough."""
        moved = self.total(asked.slots["moves"], rows) > 0
        return moved, ~moved & self.complete(asked, rows)


def _of(table: Any, index: Index, rows: Rows) -> Any:
    """Rows of a table [rows, machines] for some machines."""
    if isinstance(index, slice):
        return table[index, rows]
    return table[index] if isinstance(rows, slice) else table[index[:, None], rows]
