"""One value of a read: its source, its binding, and how a value of several cells is put together. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from collector.cells import Cell, Number, Range, Scale, final_scale
from plantroom.model import Quality
from plantroom.profiles import Dependent, OneHot, Register, Sum, Wired

Numbers = npt.NDArray[np.float64]
Reasons = npt.NDArray[np.uint8]  # a Quality code per cell
Composite = Callable[[Numbers, Reasons | None], tuple[float, int]]


@dataclass(frozen=True, slots=True)
class Column:
    """One value to decode and what its binding makes of it: device value, then 1 - value where inverted, then * gain + bias.

    device_range, final_range: plausible values before the inversion and after the bias; outside is out_of_range.
    codes: the only values that mean something (enums), None = any number; another is bad (decode).
    """

    source: Wired
    invert: bool = False
    gain: Number = 1.0
    bias: Number = 0.0
    device_range: Range | None = None
    final_range: Range | None = None
    codes: frozenset[int] | None = None

    def scale(self, factor: float = 1.0, offset: float = 0.0) -> Scale:
        """From a raw number worth raw * factor + offset to the final value."""
        return final_scale(factor, offset, self.invert, self.gain, self.bias)


MOST_KNOWN = 64  # answers of one composite that are kept


def composite(column: Column, places: Sequence[int], cells: Sequence[Cell]) -> Composite:
    """How the value of several cells comes from its cells (`places` among all). The first bad cell makes it bad for its reason."""
    source = column.source
    assert not isinstance(source, Register), "a single register is no composite"
    in_order = sorted(places, key=lambda i: cells[i].part)
    index = np.array(in_order, np.intp)
    device, final = Scale(), column.scale()
    combine = _combine(source)
    known: dict[bytes, tuple[float, int]] = {}  # by the cells' numbers: flags stand for hours

    def value(numbers: Numbers, reasons: Reasons | None) -> tuple[float, int]:
        if reasons is not None:
            reason = next((r for r in reasons.take(index).tolist() if r), None)
            if reason is not None:
                return math.nan, reason
        parts = numbers.take(index)
        found = known.get(key := parts.tobytes())
        if found is None:
            if len(known) >= MOST_KNOWN:
                known.clear()
            found = known[key] = judged(parts)
        return found

    def judged(parts: Numbers) -> tuple[float, int]:
        number = combine(parts)
        if number is None or (column.codes is not None and final(number) not in column.codes):
            return math.nan, Quality.DECODE
        if not _within(device(number), column.device_range) or not _within(final(number), column.final_range):
            return math.nan, Quality.OUT_OF_RANGE
        return final(number), Quality.GOOD

    return value


def _combine(source: OneHot | Sum | Dependent) -> Callable[[Numbers], float | None]:
    if isinstance(source, Sum):
        return _sum(source)
    return _one_hot(source) if isinstance(source, OneHot) else _dependent(source)


def _dependent(source: Dependent) -> Callable[[Numbers], float | None]:
    cases = [(case.lowest, case.highest, Scale.of(case.factor, case.offset)) for case in source.cases]

    def scaled(parts: Numbers) -> float | None:
        value, by = parts.tolist()
        if not cases:
            return float(value)
        return next((scale(value) for lowest, highest, scale in cases if lowest <= by <= highest), None)

    return scaled


def _sum(source: Sum) -> Callable[[Numbers], float | None]:
    factors = np.array([factor for _, factor in source.parts])
    if source.union:
        distinct = np.unique(factors)
        groups = [np.flatnonzero(factors == factor) for factor in distinct]
        return lambda parts: float(np.array([parts[group].any() for group in groups]) @ distinct)
    return lambda parts: float(parts @ factors)


def _one_hot(source: OneHot) -> Callable[[Numbers], float | None]:
    codes, none, first_wins = list(source.registers), source.none, source.first_wins

    def one(parts: Numbers) -> float | None:
        hot = np.flatnonzero(parts)
        if len(hot) == 0:
            return none
        return float(codes[hot[0]]) if len(hot) == 1 or first_wins else None

    return one


def _within(value: float, limits: Range | None) -> bool:
    return limits is None or limits[0] <= value <= limits[1]
