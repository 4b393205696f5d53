"""How long a yes/no has held, and since when it has not: several expressions at once, each over all machines.

Shapes are [machines] of one expression or [expressions, machines]. A value holds from one look to the next.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from rules.windows import NEVER, Bools, Floats, Ints, Pairs, Remembers, Span, Truth, copy


class Lasting:
    """duration(c): seconds c has been known true without a known false in between; unknown stretches count nothing and end nothing."""

    def __init__(self, counted: Ints, was: Bools) -> None:
        self.counted, self.was = counted, was

    @classmethod
    def of(cls, *shape: int) -> Lasting:
        return cls(np.zeros(shape, np.int64), np.zeros(shape, np.bool_))

    def part(self, which: int | slice) -> Lasting:
        """Some of the expressions: the same memory."""
        return Lasting(self.counted[which], self.was[which])

    def update(self, span: Span, truth: Truth) -> Floats:
        true, false = truth
        spot = (..., span.rows)
        counted = self.counted[spot] + self.was[spot] * span.passed
        counted *= ~false
        self.counted[spot] = counted
        self.was[spot] = true
        lasted = counted / NS
        lasted[~(true | false)] = np.nan
        return lasted

    def shift(self, ns: int) -> None:
        """Lengths do not move with the wall clock."""

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("counted", self.counted), ("was", self.was))


class Since:
    """since(c): seconds since c was last seen true; 0 while it is, unknown while c is unknown or was never seen true."""

    def __init__(self, seen: Ints, was: Bools) -> None:
        self.seen, self.was = seen, was

    @classmethod
    def of(cls, *shape: int) -> Since:
        return cls(np.full(shape, NEVER, np.int64), np.zeros(shape, np.bool_))

    def part(self, which: int | slice) -> Since:
        """Some of the expressions: the same memory."""
        return Since(self.seen[which], self.was[which])

    def update(self, span: Span, truth: Truth) -> Floats:
        true, false = truth
        spot = (..., span.rows)
        seen = np.where(self.was[spot] | true, span.now, self.seen[spot])
        self.seen[spot] = seen
        self.was[spot] = true
        return np.where(true, 0.0, np.where(false & (seen != NEVER), (span.now - np.maximum(seen, 0)) / NS, np.nan))

    def shift(self, ns: int) -> None:
        self.seen[self.seen != NEVER] += ns

    def inherit(self, old: Remembers, pairs: Pairs) -> None:
        copy(self, old, pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("seen", self.seen), ("was", self.was))
