"""The newest sample of every point a kind's rules read, for all machines: good, bad, or older than three poll periods and so unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from plantroom.clock import NS
from plantroom.kinds import Kind
from plantroom.model import Batch, Qualities, Quality
from plantroom.site import Binding
from rules.windows import Bools, Floats, Ints, Pairs, Rows

STALE_PERIODS = 3
STALE_AT_LEAST_S = 5.0
LARGEST = 1e100  # anything beyond is no measurement
BEFORE_ALL = np.iinfo(np.int64).min // 2
FOREVER = np.iinfo(np.int64).max

Indexes = npt.NDArray[np.intp]


class Samples:
    """names: the points read, in rows of every array here. late: samples older than what their point had shown; never judged.

    value: NaN where bad. until: instant of the newest sample + its limit; from then on the value is unknown.
    """

    def __init__(self, kind: Kind, names: Sequence[str], bound: Sequence[Mapping[str, Binding]], *, keep_good: bool) -> None:
        self.names = tuple(names)
        self.position = {name: at for at, name in enumerate(self.names)}
        shape = len(self.names), len(bound)
        usual = kind.points
        limits = [[_limit_ns(have[n].period_s if n in have else usual[n].period_s) for have in bound] for n in self.names]
        self.limit = np.array(limits, np.int64).reshape(shape)
        self.value = np.full(shape, np.nan)
        self.until = np.full(shape, BEFORE_ALL, np.int64)
        self.good = np.full(shape, BEFORE_ALL, np.int64)  # newest good sample; kept where age() or stale() ask
        self.late = np.zeros(1, np.int64)
        self._keep_good = keep_good
        order = {name: column for column, name in enumerate(kind.points)}
        self._take = np.array([order[name] for name in self.names], np.intp)
        self._of_column = np.full(len(order), -1, np.intp)
        self._of_column[self._take] = np.arange(len(self.names))
        self._all = np.arange(len(self.names))
        self._asked: tuple[bytes | None, tuple[Indexes, Indexes]] = None, (self._all, self._take)

    def take(self, where: Rows, at_ns: Ints, values: Floats, quality: Qualities, columns: Indexes | None) -> tuple[Indexes, Bools]:
        """Takes a step's samples, [rows, columns] of the kind's points; (which of `names` came, [those][rows] = a sample was there).

        A sample that is not fresh (retained) tells nothing about now and changes nothing; any other bad one makes its point unknown.
        """
        faultless = not quality.any()  # Quality.GOOD is 0
        points, wanted = self._mapped(columns)
        v = values.T[wanted]
        whole = isinstance(where, slice) and columns is None
        spot = (slice(None), slice(None)) if whole else (points, where) if isinstance(where, slice) else (points[:, None], where)
        until = at_ns + self.limit[spot]
        newest = until >= self.until[spot]
        if faultless and newest.all():
            self.value[spot], self.until[spot] = np.where(np.abs(v) < LARGEST, v, np.nan), until
            if self._keep_good:
                self.good[spot] = np.where(np.abs(v) < LARGEST, at_ns, self.good[spot])
            return points, np.ones(v.shape, np.bool_)
        q = quality.T[wanted]
        present = (q != Batch.ABSENT) & (q != Quality.NOT_FRESH)
        if not newest.all():
            self.late += int((present & ~newest).sum())
            present &= newest
        good = (q == Quality.GOOD) & (np.abs(v) < LARGEST)
        taken = np.where(good, v, np.nan)
        if present.all():
            self.value[spot], self.until[spot] = taken, until
        else:
            self.value[spot] = np.where(present, taken, self.value[spot])
            self.until[spot] = np.where(present, until, self.until[spot])
        if self._keep_good:
            self.good[spot] = np.where(present & good, at_ns, self.good[spot])
        return points, present

    def _mapped(self, columns: Indexes | None) -> tuple[Indexes, Indexes]:
        """(points read, which of a step's columns give them); those of the last step are at hand, the next has mostly the same."""
        if columns is None:
            return self._all, self._take
        key = columns.tobytes()
        if key != self._asked[0]:
            points = self._of_column[columns]
            self._asked = key, (points[points >= 0], np.flatnonzero(points >= 0))
        return self._asked[1]

    def known(self, where: Rows, now: Ints) -> Floats:
        """[names, rows]; NaN where bad, stale or never seen."""
        return np.where(self.until[:, where] > now, self.value[:, where], np.nan)

    def one(self, name: str, row: int, at_ns: int) -> float:
        at = self.position[name]
        return float(self.value[at, row]) if self.until[at, row] > at_ns else float("nan")

    def goes_stale(self, clock: Ints) -> int:
        """The first instant after `clock` at which a known value becomes unknown by age alone; FOREVER when none will."""
        fresh = (self.until > clock) & (self.value == self.value)
        return int(np.where(fresh, self.until, FOREVER).min(initial=FOREVER))

    def stale_before(self, where: Rows, clock: Ints, now: Ints) -> Ints:
        """Per row the first instant after clock and before now at which a known value went stale; now where none did."""
        until, value = self.until[:, where], self.value[:, where]
        going = (until > clock) & (until < now) & (value == value)
        return np.where(going, until, now).min(axis=0) if going.any() else now

    def shift(self, ns: int) -> None:
        for instants in (self.until, self.good):
            instants[instants != BEFORE_ALL] += ns

    def inherit(self, old: Samples, pairs: Pairs) -> None:
        here, there = pairs
        for name in self.position.keys() & old.position.keys():
            at, before = self.position[name], old.position[name]
            self.value[at, here], self.good[at, here] = old.value[before, there], old.good[before, there]
            longer = self.limit[at, here] - old.limit[before, there]
            self.until[at, here] = np.where(old.until[before, there] == BEFORE_ALL, BEFORE_ALL, old.until[before, there] + longer)

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[np.generic]]]:
        yield from (("value", self.value), ("until", self.until), ("good", self.good), ("late", self.late))


def _limit_ns(period_s: float) -> int:
    return round(max(STALE_AT_LEAST_S, STALE_PERIODS * period_s) * NS)
