"""What the samples of a machine say about their own truth: derived inputs beside `silence`, over every point it has.

    unchanged      s since any measured number of the machine last changed
    flat           s since the stillest of its lively sensors last changed (`lively: true` in the kind file: temperatures, humidity)
    implausible    points whose newest three samples all lay out of range
    decode_errors  steps in which some point could not be decoded or was answered by an exception, counted from the start
    clock_skews    steps in which the device's clock was wrong, counted from the start

Time runs on while a machine is silent: a rule asks `silence` as well. Counts only grow: ask delta(decode_errors, 10m).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind, PointType
from plantroom.model import Qualities, Quality
from rules.windows import NEVER, Bools, Floats, Ints, Pairs, Remembers, Rows, copy

NAMES: Mapping[str, str] = {"unchanged": "s", "flat": "s", "implausible": "", "decode_errors": "", "clock_skews": ""}
MEASURED = (PointType.FLOAT, PointType.INTEGER)
IN_A_ROW = 3
_UNDECODED = np.isin(np.arange(256), [Quality.DECODE, Quality.EXCEPTION])


class Vitals:
    """Arrays of [measured points, machines] and [machines]. has: by point name, which machines have it."""

    def __init__(self, kind: Kind, size: int, has: Sequence[Mapping[str, object]]) -> None:
        measured = [name for name, point in kind.points.items() if point.type in MEASURED]
        order = {name: column for column, name in enumerate(kind.points)}
        self._of_column = np.full(len(order), -1, np.intp)
        self._of_column[[order[name] for name in measured]] = np.arange(len(measured))
        self._asked: tuple[bytes | None, tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]
        self._asked = b"", (self._of_column[:0], self._of_column[:0])
        lively = np.array([[kind.points[name].lively and name in have for have in has] for name in measured], np.bool_)
        self.lively = lively.reshape(len(measured), size)
        shape = len(measured), size
        self.last = np.full(shape, np.nan)
        self.moved = np.full(shape, NEVER, np.int64)  # instant of the last change; NEVER: no good sample yet
        self.wild = np.zeros(shape, np.int8)  # out of range so many times in a row, at most IN_A_ROW
        self.any_moved = np.full(size, NEVER, np.int64)
        self.undecoded = np.zeros(size, np.int64)
        self.skewed = np.zeros(size, np.int64)

    def heard(self, where: Rows, at_ns: Ints, values: Floats, quality: Qualities, columns: npt.NDArray[np.intp] | None) -> None:
        """Takes a step's samples, [rows, columns] of the kind's points; columns None = all of them in order."""
        faultless = not quality.any()  # Quality.GOOD is 0
        if not faultless:
            self.undecoded[where] += _UNDECODED[quality].any(axis=1)
            self.skewed[where] += (quality == Quality.CLOCK_SKEW).any(axis=1)
        points, wanted = self._mapped(columns)
        if not points.size:
            return
        spot = (points, where) if isinstance(where, slice) else (points[:, None], where)
        v, last, instants = values.T[wanted], self.last[spot], self.moved[spot]
        if faultless:
            moved = v != last
            self.last[spot], self.wild[spot] = v, 0
        else:
            q = quality.T[wanted]
            good, wild = q == Quality.GOOD, q == Quality.OUT_OF_RANGE
            moved = good & (v != last)
            self.last[spot] = np.where(good, v, last)
            self.wild[spot] = np.where(wild, np.minimum(self.wild[spot] + 1, IN_A_ROW), np.where(good, 0, self.wild[spot]))
        self.moved[spot] = np.where(moved, np.maximum(at_ns, instants), instants)
        some, newest = moved.any(axis=0), self.any_moved[where]
        self.any_moved[where] = np.where(some, np.maximum(at_ns, newest), newest)

    def _mapped(self, columns: npt.NDArray[np.intp] | None) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """(measured points, which of a step's columns give them); those of the last step are at hand, the next has mostly the same."""
        key = None if columns is None else columns.tobytes()
        if key != self._asked[0]:
            points = self._of_column if columns is None else self._of_column[columns]
            self._asked = key, (points[points >= 0], np.flatnonzero(points >= 0))
        return self._asked[1]

    def of(self, name: str, where: Rows, now: Ints) -> Floats:
        """One of NAMES per row; NaN while nothing is known of it."""
        if name == "unchanged":
            return _since(self.any_moved[where], now)
        if name == "flat":
            seen = self.lively[:, where] & (self.moved[:, where] != NEVER)
            oldest = np.where(seen, self.moved[:, where], np.iinfo(np.int64).max).min(axis=0, initial=np.iinfo(np.int64).max)
            return _since(np.where(seen.any(axis=0), oldest, NEVER), now)
        if name == "implausible":
            found: Floats = (self.wild[:, where] >= IN_A_ROW).sum(axis=0).astype(np.float64)
            return found
        counted: Floats = (self.undecoded if name == "decode_errors" else self.skewed)[where].astype(np.float64)
        return counted

    def shift(self, ns: int) -> None:
        for instants in (self.moved, self.any_moved):
            instants[instants != NEVER] += ns

    def inherit(self, old: Vitals, pairs: Pairs) -> None:
        """Of the machines that both have; the kind's points must be the same."""
        if old.last.shape[0] == self.last.shape[0]:
            copy(_ByMachine(self), _ByMachine(old), pairs)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("last", self.last), ("moved", self.moved), ("wild", self.wild), ("any_moved", self.any_moved))
        yield from (("undecoded", self.undecoded), ("skewed", self.skewed))


class _ByMachine(Remembers):
    """The same arrays with the machines first."""

    def __init__(self, of: Vitals) -> None:
        self._of = of

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        for name, array in self._of.arrays():
            yield name, array.T


def _since(at: Ints, now: Ints) -> Floats:
    known: Bools = at != NEVER
    return np.where(known, np.maximum(now - np.where(known, at, now), 0) / NS, np.nan)
