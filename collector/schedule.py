"""Whose turn it is on one line, which carries one request at a time. Pure: asked with the time, told what came of it.

Every task has its own grid of slots, start + k * period, so nothing drifts; the grids are staggered. Ready tasks go safety first, then
by deadline (the end of their slot). A slot that passed before its turn came is missed: counted, and said with the turn that comes after.
A dead unit leaves the schedule; it is probed between the others' turns from an allowance of a tenth of the line's time, so that live
units keep their periods. What a probe costs is what the line lost: its own wait and the delay of the answer after it (a gateway that
queues behind its dead unit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import ceil, floor, inf

from collector.health import Health, Unit

PROBE_SHARE = 0.1  # of the line's time, while any unit on it lives
LEAST_SAVED_S = 1.0  # the allowance saves up to this, or to one probe's patience where that is longer
FIRST_CONTACT_S = 5.0  # a unit not heard yet lets those that live go first, but not for longer
BEAT_S = 0.05  # grids of all lines begin on multiples of it: waking up costs more than a request, so lines wake together
LOOK_AGAIN_S = 0.01  # least pause before a probe that cannot be afforded yet is looked at again


@dataclass(frozen=True, slots=True)
class Task:
    """timeout_s: the profile's longest wait for this unit."""

    unit: int
    period_s: float
    safety: bool = False
    timeout_s: float = 1.0


@dataclass(slots=True)  # one for every request: a frozen one would cost a microsecond more
class Turn:
    """task: its index. missed: slots of it that passed unread before this one. probe: the unit is dead as far as we know."""

    task: int
    patience_s: float
    probe: bool = False
    missed: int = 0


class Schedule:
    """All times in seconds of one clock that only goes forward. offset: 0..1, shifts the grids, for lines to differ."""

    def __init__(self, tasks: Sequence[Task], start_s: float, offset: float = 0.0) -> None:
        self._tasks = tasks
        self._start_s = start_s
        self.units = {t.unit: Unit(max(o.timeout_s for o in tasks if o.unit == t.unit)) for t in tasks}
        self._alone = len(self.units) == 1
        self._of_unit = {unit: [i for i, t in enumerate(tasks) if t.unit == unit] for unit in self.units}
        self._phase = _phases(tasks, start_s, offset)
        self._slot = [0] * len(tasks)  # the number of the slot a task waits for
        self._fresh = [True] * len(tasks)  # its next turn is no slot: the first, a first one again, or the repetition of one
        self._waiting: list[tuple[float, int]] = []  # (due, task)
        self._ready: list[tuple[bool, float, int]] = []  # (not safety, deadline, task)
        self._asked_s = start_s
        self._allowance_s, self._allowed_s = 0.0, start_s
        self._doubt_until_s = -inf  # until then a gateway may still be waiting for a unit that was silent
        self._tolerance: dict[int, float] = {}
        self._probing: int | None = None
        self._running: int | None = None  # the task whose turn it is
        self.relinked(start_s)

    def relinked(self, now_s: float) -> None:
        """A new connection: every unit is asked anew, at once."""
        for unit in self.units.values():
            unit.relinked()
        self._changed()
        self._ready.clear()
        self._probing = self._running = None
        self._doubt_until_s = -inf
        self._fresh = [True] * len(self._tasks)
        self._waiting = [(now_s, i) for i in range(len(self._tasks))]
        heapify(self._waiting)

    def next(self, now_s: float) -> Turn | float:
        """The turn to take now, or when to ask again (inf: never, there are no tasks)."""
        waiting, ready, tasks = self._waiting, self._ready, self._tasks
        while waiting and waiting[0][0] <= now_s:
            due, i = heappop(waiting)
            deadline = due + tasks[i].period_s
            if self.units[tasks[i].unit].health is Health.UNKNOWN:
                deadline += FIRST_CONTACT_S
            heappush(ready, (not tasks[i].safety, deadline, i))
        if self._dead and not (ready and not ready[0][0]):
            probe = self._probe(now_s)
            if isinstance(probe, Turn):
                self._asked_s, self._running = now_s, probe.task
                return probe
        else:
            probe = inf
        if not ready:
            return min(probe, waiting[0][0]) if waiting else probe
        i = heappop(ready)[2]
        self._asked_s, self._running = now_s, i
        unit = self.units[tasks[i].unit]
        patience_s = unit.patience_s(self._tolerance_s(tasks[i].unit), self._alone)
        if self._doubt_until_s > now_s:
            patience_s += self._doubt_until_s - now_s
        return Turn(i, patience_s, False, self._missed(i, now_s))

    def answered(self, i: int, now_s: float, latency_s: float) -> None:
        """Its unit is alive. latency_s: from the request to the end of the answer."""
        self._heard(i, now_s, latency_s)
        self._to_next_slot(i, now_s)

    def busy(self, i: int, now_s: float, latency_s: float, pause_s: float) -> None:
        """Its unit is alive and asks for patience: the same slot once more after the pause."""
        self._heard(i, now_s, latency_s)
        self._fresh[i] = True
        heappush(self._waiting, (now_s + pause_s, i))

    def _heard(self, i: int, now_s: float, latency_s: float) -> None:
        number = self._tasks[i].unit
        unit = self.units[number]
        self._running = None
        if self._doubt_until_s > -inf:
            if self._probing is None:
                self._allowance_s -= max(0.0, latency_s - (unit.slowest_s or 0.0))
            self._doubt_until_s = -inf
        if self._probing == i:
            self._allowance_s -= now_s - self._asked_s
            self._probing = None
        was = unit.health
        unit.answered(latency_s)
        if was is not Health.ALIVE:
            self._changed()
            if was is Health.DEAD:
                self._enlist(number, now_s, i)

    def failed(self, i: int, now_s: float, *, line_free: bool = False) -> bool:
        """No usable answer. Whether its unit is dead now: then none of its tasks gets a turn until a probe is answered.

        line_free: a gateway said that it gave up, so it waits no longer.
        """
        unit = self.units[self._tasks[i].unit]
        if self._probing == i:
            self._allowance_s -= now_s - self._asked_s
            self._probing = None
        self._doubt_until_s = -inf if line_free else now_s + unit.timeout_s
        self._running = None
        was = unit.health
        dead = unit.failed(now_s)
        if unit.health is not was:
            self._changed()
        if not dead:
            self._to_next_slot(i, now_s)
        elif was is not Health.DEAD:
            gone = set(self.tasks_of(i))
            self._waiting = [entry for entry in self._waiting if entry[1] not in gone]
            self._ready = [entry for entry in self._ready if entry[2] not in gone]
            heapify(self._waiting)
            heapify(self._ready)
        return dead

    def late(self, number: int, latency_s: float, now_s: float) -> None:
        """An answer of this unit that came after its patience. It lives, so it is asked again; the answer itself is not taken."""
        unit = self.units[number]
        was = unit.health
        unit.late(latency_s, now_s)
        if unit.health is not was:
            self._changed()
            self._enlist(number, now_s, self._running)

    @property
    def any_alive(self) -> bool:
        return any(unit.health is Health.ALIVE for unit in self.units.values())

    def tasks_of(self, i: int) -> Sequence[int]:
        """All tasks of the unit of task i."""
        return self._of_unit[self._tasks[i].unit]

    def _probe(self, now_s: float) -> Turn | float:
        """The probe that is due and affordable, or when to look again."""
        self._allowance_s += PROBE_SHARE * (now_s - self._allowed_s)
        self._allowed_s = now_s
        number = min(self._dead, key=lambda u: self.units[u].probe_at_s)
        unit = self.units[number]
        if unit.probe_at_s > now_s:
            return unit.probe_at_s
        patience_s = unit.patience_s(self._tolerance_s(number), self._alone)
        self._allowance_s = min(self._allowance_s, max(LEAST_SAVED_S, patience_s))
        if self._living:
            if self._doubt_until_s > now_s:
                return self._doubt_until_s
            if self._allowance_s < patience_s:
                return now_s + max(LOOK_AGAIN_S, (patience_s - self._allowance_s) / PROBE_SHARE)
        self._probing = self._of_unit[number][0]
        return Turn(self._probing, patience_s, True)

    def _missed(self, i: int, now_s: float) -> int:
        if self._fresh[i]:
            return 0
        slot = floor((now_s - self._phase[i]) / self._tasks[i].period_s)
        missed = max(0, slot - self._slot[i])
        self._slot[i] += missed
        return missed

    def _to_next_slot(self, i: int, now_s: float) -> None:
        """After a turn off the grid the next slot is at least half a period away."""
        period_s, phase_s = self._tasks[i].period_s, self._phase[i]
        if self._fresh[i]:
            self._fresh[i] = False
            self._slot[i] = ceil((now_s + period_s / 2 - phase_s) / period_s)
        else:
            self._slot[i] += 1
        heappush(self._waiting, (phase_s + self._slot[i] * period_s, i))

    def _enlist(self, number: int, at_s: float, but: int | None) -> None:
        """The unit is back: its tasks are due, but the one in hand."""
        for i in self._of_unit[number]:
            self._fresh[i] = True
            if i != but:
                heappush(self._waiting, (at_s, i))

    def _changed(self) -> None:
        """A unit's health changed: what the line can bear is worked out anew when asked."""
        self._tolerance.clear()
        self._dead = [u for u, unit in self.units.items() if unit.health is Health.DEAD]
        self._living = len(self._dead) < len(self.units)

    def _tolerance_s(self, number: int) -> float:
        if number not in self._tolerance:
            live = {u for u, unit in self.units.items() if unit.health in (Health.ALIVE, Health.SUSPECT)} - {number}
            self._tolerance[number] = min((t.period_s / 2 for t in self._tasks if t.unit in live), default=inf)
        return self._tolerance[number]


def _phases(tasks: Sequence[Task], start_s: float, offset: float) -> list[float]:
    """Where each task's grid begins: those of one period spread evenly over it, on whole beats, so that lines wake together."""
    phases = [start_s] * len(tasks)
    for period_s in {t.period_s for t in tasks}:
        alike = [i for i, t in enumerate(tasks) if t.period_s == period_s]
        for rank, i in enumerate(alike):
            phase_s = start_s + period_s * ((rank / len(alike) + offset) % 1.0)
            phases[i] = ceil(phase_s / BEAT_S) * BEAT_S if period_s >= 5 * BEAT_S else phase_s
    return phases
