"""When each task of a line is due: its own grid of slots, start + k * period, so nothing drifts. Pure; part of a schedule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from collector.patience import Task

BEAT_S = 0.125  # grids of all lines begin on multiples of it: waking up costs more than a request, so lines wake together


class Slots:
    """offset: 0..1, shifts the grids, for lines to differ."""

    def __init__(self, tasks: Sequence[Task], start_s: float, offset: float) -> None:
        self._period_s = [task.period_s for task in tasks]
        self._phase_s = _phases(self._period_s, start_s, offset)
        self._slot = [0] * len(tasks)  # the number of the slot a task waits for
        self._fresh = [True] * len(tasks)  # its next turn is no slot: the first, a first one again, or the repetition of one
        self._owed: set[int] = set()  # of these a slot that passed while there was no connection is missed too

    def relinked(self, owed: Iterable[int], *, owing: bool) -> None:
        """A new connection: every task begins anew. owing: nothing was said of those owed when the last one ended."""
        self._owed = self._owed.union(owed) if owing else set()
        self._fresh = [True] * len(self._fresh)

    def renew(self, i: int) -> None:
        """Its next turn is no slot."""
        self._fresh[i] = True

    def forgive(self, gone: Iterable[int]) -> None:
        """Bad samples have been said for them."""
        self._owed.difference_update(gone)

    def missed(self, i: int, now_s: float) -> int:
        """Slots that passed unread before this turn; they are not told twice."""
        if self._fresh[i] and i not in self._owed:
            return 0
        passed = int((now_s - self._phase_s[i]) / self._period_s[i] - self._slot[i])
        if passed <= 0:
            return 0
        self._slot[i] += passed
        return passed

    @property
    def on_grid(self) -> bool:
        """Every task waits for a slot, and none is owed."""
        return not self._owed and not any(self._fresh)

    def skip(self, i: int, now_s: float) -> float:
        """Its slots before now were read by other means: when the next one is due. Only of a task that waits for a slot."""
        self._slot[i] = max(self._slot[i], ceil((now_s - self._phase_s[i]) / self._period_s[i]))
        return self._phase_s[i] + self._slot[i] * self._period_s[i]

    def next_s(self, i: int, now_s: float) -> float:
        """Its turn has ended: when the next slot is due. After a turn off the grid that is at least half a period away."""
        period_s = self._period_s[i]
        if self._owed:
            self._owed.discard(i)  # not before its turn has ended: the connection may end first
        if self._fresh[i]:
            self._fresh[i] = False
            self._slot[i] = ceil((now_s + period_s / 2 - self._phase_s[i]) / period_s)
        else:
            self._slot[i] += 1
        return self._phase_s[i] + self._slot[i] * period_s


def _phases(periods_s: Sequence[float], start_s: float, offset: float) -> list[float]:
    """Where each task's grid begins: those of one period spread evenly over it, on whole beats, so that lines wake together."""
    phases = [start_s] * len(periods_s)
    for period_s in set(periods_s):
        alike = [i for i, own_s in enumerate(periods_s) if own_s == period_s]
        for rank, i in enumerate(alike):
            phase_s = start_s + period_s * ((rank / len(alike) + offset) % 1.0)
            phases[i] = ceil(phase_s / BEAT_S) * BEAT_S if period_s >= 2 * BEAT_S else phase_s
    return phases
