"""A rate with what it stands on, and how long things took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Rate:
    """good and unknown of all. coverage: share of the time with good data; None: there was none, and no figure may be printed."""

    good: float
    unknown: float
    all: float
    coverage: float | None

    @property
    def value(self) -> float | None:
        """Of what is known."""
        known = self.all - self.unknown
        return self.good / known if known > 0 and self.coverage is not None else None

    @property
    def lower(self) -> float | None:
        """What is unknown counted as bad."""
        return self.good / self.all if self.all > 0 and self.coverage is not None else None

    @property
    def upper(self) -> float | None:
        """What is unknown counted as good."""
        return (self.good + self.unknown) / self.all if self.all > 0 and self.coverage is not None else None


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long something took, in s: the median, what nine in ten kept, the longest. n: how many there are."""

    n: int
    p50_s: float | None
    p90_s: float | None
    max_s: float | None


def lengths(values: Sequence[float]) -> Lengths:
    """values: s. A percentile is the smallest value that so many are not above (nearest rank): a length that really was."""
    if not values:
        return Lengths(0, None, None, None)
    ranked = sorted(values)
    p50, p90 = (ranked[ceil(share * len(ranked)) - 1] for share in (0.5, 0.9))
    return Lengths(len(ranked), p50, p90, ranked[-1])
