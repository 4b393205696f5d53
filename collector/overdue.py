"""Which jobs of a line had no sample for too long. Pure.

A line may be too slow for what is wanted of it, or hang up again and again before a job's turn comes. Then nobody has asked, and nothing
says so: the job's last good value would stand. So its points become `stale`, once, until its next turn brings a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

MOST_S = 5.0  # so much longer than its grid asks for no job waits for a sample
GRID = 1.5  # periods: after a turn off its grid a job's next slot is at most so far away


class Overdue:
    """periods_s: of the jobs. look_s: nothing is overdue before that instant."""

    def __init__(self, periods_s: Sequence[float], now_s: float) -> None:
        self._most_s = [GRID * period_s + MOST_S for period_s in periods_s]
        self._until_s = [now_s + most_s for most_s in self._most_s]
        self.look_s = min(self._until_s, default=inf)

    def good(self, job: int, now_s: float) -> None:
        """It has a sample that something good may stand in."""
        until_s = self._until_s[job] = now_s + self._most_s[job]
        if until_s < self.look_s:
            self.look_s = until_s

    def bad(self, job: int) -> None:
        """All its points are bad: they may stand so."""
        self._until_s[job] = inf

    def taken(self, now_s: float) -> list[int]:
        """The jobs that are overdue now; they count as bad from here on."""
        if now_s < self.look_s:
            return []
        found = [job for job, until_s in enumerate(self._until_s) if until_s <= now_s]
        for job in found:
            self._until_s[job] = inf
        self.look_s = min(self._until_s)
        return found
