"""How long to wait for each unit of a line, and how long the line may be lost to it. Pure; part of a schedule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from collector.health import FLOOR_S, Health, Unit
from collector.probes import Probes
from collector.slack import bearable_s

LEARN_S = 10.0  # what the line bears is worked out anew at least so often


@dataclass(frozen=True, slots=True)
class Task:
    """timeout_s: the profile's longest wait for this unit. reads, gap_s: requests of one turn, and the pause the unit wants after each.

    spacing_s: least time from one request to the next of this unit, on average; 0 = none.
    """

    unit: int
    period_s: float
    safety: bool = False
    timeout_s: float = 1.0
    reads: int = 1
    gap_s: float = 0.0
    spacing_s: float = 0.0


class Patience:
    """waits_out: a serial line, on which each answer is waited for as long as the unit may take."""

    def __init__(self, tasks: Sequence[Task], units: Mapping[int, Unit], probes: Probes, *, waits_out: bool) -> None:
        self._tasks, self._units, self._probes, self._waits_out = tasks, units, probes, waits_out
        self._alone = len(units) == 1
        self._tolerance: dict[int, float] = {}
        self._given: dict[int, tuple[float, float]] = {}  # unit -> (its slowest answer, how long to wait then), for an undisturbed line
        self._learnt_s = -inf

    def changed(self) -> None:
        """A unit's health changed: what the line bears is worked out anew when asked."""
        self._tolerance.clear()
        self._given.clear()

    def of(self, number: int, now_s: float) -> float:
        """For this unit, now."""
        unit = self._units[number]
        if self._waits_out:
            return unit.timeout_s
        if now_s - self._learnt_s > LEARN_S:
            self._learnt_s = now_s
            self.changed()
        slowest_s, patience_s = self._given.get(number, (-1.0, 0.0))
        if unit.slowest_s is not None and unit.slowest_s <= slowest_s and not self._probes.recent_s(now_s):
            return patience_s  # a slowest answer fades slowly: what it was worth is worked out anew now and then
        tolerance_s = self.tolerance_s(number)
        if tolerance_s == inf:
            return unit.patience_s(inf, self._alone)
        recent_s = self._probes.recent_s(now_s)
        patience_s = unit.patience_s(max(0.0, tolerance_s - recent_s), self._alone)
        if unit.health is Health.ALIVE:
            if not recent_s and unit.slowest_s is not None:
                self._given[number] = unit.slowest_s, patience_s
            return patience_s
        known_s = 2 * (unit.slowest_s or 0.0) if unit.expected else 0.0  # a slow unit that is dead comes back with a late answer
        return min(patience_s, max(tolerance_s, FLOOR_S, known_s))

    def tolerance_s(self, number: int) -> float:
        """What the other live units bear: half their shortest period, and what their safety points do."""
        if number not in self._tolerance:
            live = {u for u, other in self._units.items() if other.health in (Health.ALIVE, Health.SUSPECT)} - {number}
            half_s = min((t.period_s / 2 for t in self._tasks if t.unit in live), default=inf)
            self._tolerance[number] = min(half_s, self.bearable_s(number))
        return self._tolerance[number]

    def bearable_s(self, but: int) -> float:
        """How long the live safety points of the other units bear the line to be lost."""
        load: dict[float, float] = defaultdict(float)
        for task in self._tasks:
            if task.safety and task.unit != but and self._units[task.unit].health in (Health.ALIVE, Health.SUSPECT):
                load[task.period_s] += self._cost_s(task)
        return bearable_s(load)

    def slack_s(self, now_s: float, due: Sequence[tuple[int, float, int]]) -> float:
        """How long these (rank, deadline, task) can wait."""
        at_s, slack_s = now_s, inf
        for _, deadline, i in sorted(due):
            at_s += self._cost_s(self._tasks[i])
            slack_s = min(slack_s, deadline - at_s)
        return slack_s

    def _cost_s(self, task: Task) -> float:
        return task.reads * ((self._units[task.unit].slowest_s or 0.0) + task.gap_s)
