"""Whose turn it is on one line, which carries one request at a time, or one to each of a few units where its gateway can. Pure: asked with
the time, told what came of it.

Every task has its own grid of slots, start + k * period, so nothing drifts; the grids are staggered. Ready tasks go by rank, then by
deadline (the end of their slot): safety points of units that live, then those of units that are silent or not heard yet, then the rest. A
slot that passed before its turn came is missed: counted, and said with the turn that comes after.

A dead unit leaves the schedule; it is probed between the others' turns, as collector.probes allows. No probe begins that could take longer
than the live safety points bear (collector.slack), but one in 10 s where they bear none at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from math import inf
from random import Random

from collector.health import FIRST_S, FLOOR_S, MARGIN, Health, Unit
from collector.patience import Patience, Task
from collector.probes import Probes
from collector.slots import Slots

FIRST_CONTACT_S = 5.0  # a unit not heard yet lets those that live go first, but not for longer
LOOK_AGAIN_S = 0.01  # least pause before a probe that cannot be afforded yet is looked at again
SAFE, DOUBTFUL, PLAIN = 0, 1, 2  # ranks


@dataclass(slots=True)  # one for every request: a frozen one would cost a microsecond more
class Turn:
    """task: its index. missed: slots of it that passed unread before this one. probe: the unit is dead as far as we know."""

    task: int
    patience_s: float
    probe: bool = False
    missed: int = 0


class Schedule:
    """All times in seconds of one clock that only goes forward. offset: 0..1, shifts the grids, for lines to differ.

    waits_out: a serial line, which after a silence must stay quiet as long as the unit may take. So each answer is waited for that long.
    """

    def __init__(self, tasks: Sequence[Task], start_s: float, offset: float = 0.0, *, waits_out: bool = False) -> None:
        self._tasks = tasks
        self._waits_out = waits_out
        self.units = {t.unit: Unit(max(o.timeout_s for o in tasks if o.unit == t.unit), Random(f"{offset}/{t.unit}")) for t in tasks}
        self._of_unit = {unit: [i for i, t in enumerate(tasks) if t.unit == unit] for unit in self.units}
        self._unit = [self.units[task.unit] for task in tasks]
        self._slots = Slots(tasks, start_s, offset)
        self._rank = [PLAIN] * len(tasks)
        self._within_s = [task.period_s for task in tasks]  # from due to deadline
        self._deadline = [inf] * len(tasks)  # of the slot in hand
        self._waiting: list[tuple[float, int]] = []  # (due, task)
        self._ready: list[tuple[int, float, int]] = []  # (rank, deadline, task)
        self._running: dict[int, tuple[int, float]] = {}  # unit -> (its task in hand, since when)
        self._capped = any(task.spacing_s for task in tasks)
        self._free_at_s = dict.fromkeys(self.units, start_s)  # when a unit with a cap may be asked again
        self._probes = Probes(start_s)
        self._patience = Patience(tasks, self.units, self._probes, waits_out=waits_out)
        self.relinked(start_s)

    def relinked(self, now_s: float, *, owing: bool = False) -> None:
        """A new connection: every unit is asked anew, at once. owing: nothing was said of the units when the last one ended."""
        self._slots.relinked([i for i, unit in enumerate(self._unit) if unit.health is Health.ALIVE], owing=owing)
        for unit in self.units.values():
            unit.relinked()
        self._ready.clear()
        self._running.clear()
        self._probes.relinked()
        self._changed()
        self._waiting = [(now_s, i) for i in range(len(self._tasks))]
        heapify(self._waiting)

    def next(self, now_s: float) -> Turn | float:
        """The turn to take now, or when to ask again (inf: when something was answered; there is nothing else to do)."""
        waiting, ready = self._waiting, self._ready
        if waiting and waiting[0][0] <= now_s:
            self._wake(now_s)
        probe = self._probe(now_s, ready[0][0] if ready else PLAIN) if self._dead else inf
        if isinstance(probe, Turn):
            return probe
        i = self._first(now_s) if ready else None
        if i is None:
            return min(probe, waiting[0][0]) if waiting else probe
        number = self._tasks[i].unit
        doubt_s = 0.0 if self._probes.calm else self._probes.doubt_s(now_s)
        if doubt_s and self._probes.holds and self.units[number].health is not Health.ALIVE and self.any_alive:
            heappush(ready, (self._rank[i], self._deadline[i], i))  # a gateway that holds a request for a silent unit gets no second one
            return min(now_s + doubt_s, waiting[0][0]) if waiting else now_s + doubt_s
        self._begin(i, now_s)
        patience_s = self._patience.of(number, now_s)
        if doubt_s:  # it may still be waiting; a line on which many fail has no time for that
            patience_s += min(doubt_s, max(0.0, 2 * self._patience.tolerance_s(number) - self._probes.recent_s(now_s)))
        return Turn(i, patience_s, False, self._slots.missed(i, now_s))

    def answered(self, i: int, now_s: float, latency_s: float) -> None:
        """Its unit is alive. latency_s: from the request to the end of the answer."""
        unit = self._unit[i]
        if unit.health is Health.ALIVE and self._probes.calm:
            self._running.pop(self._tasks[i].unit, None)
            unit.answered(latency_s)
        else:
            self._heard(i, now_s, latency_s)
        heappush(self._waiting, (self._slots.next_s(i, now_s), i))

    def busy(self, i: int, now_s: float, latency_s: float, pause_s: float) -> None:
        """Its unit is alive and asks for patience: the same slot once more after the pause."""
        self._heard(i, now_s, latency_s)
        self._slots.renew(i)
        heappush(self._waiting, (now_s + pause_s, i))

    def again(self, i: int, now_s: float, latency_s: float) -> float | None:
        """Answered, and wanted once more in the same slot: how long to wait for the repetition, at once. None: it has a turn of its own,
        behind the live safety points that are due, because one of them would else miss its slot."""
        self._heard(i, now_s, latency_s)
        self._wake(now_s)
        number = self._tasks[i].unit
        due = [entry for entry in self._ready if entry[0] == SAFE]
        slack_s, least_s = self._patience.slack_s(now_s, due), self.units[number].patience_s(0.0, alone=False)
        if slack_s < least_s or self._free_at_s[number] > now_s:
            last_s = max((deadline for _, deadline, _ in due), default=now_s)
            heappush(self._ready, (SAFE, max(self._deadline[i], last_s), i))
            return None
        self._begin(i, now_s)
        return min(self._patience.of(number, now_s), slack_s)

    def failed(self, i: int, now_s: float, *, line_free: bool = False) -> bool:
        """No usable answer. Whether its unit is dead now: then none of its tasks gets a turn until a probe is answered.

        line_free: a gateway said that it gave up, so it waits no longer.
        """
        number = self._tasks[i].unit
        unit = self.units[number]
        _, asked_s = self._running.pop(number, (i, now_s))
        self._probes.silent(number, asked_s, now_s, unit.timeout_s, line_free=line_free or self._waits_out)
        was = unit.health
        dead = unit.failed(now_s)
        if unit.health is not was:
            self._changed()
        if not dead:
            heappush(self._waiting, (self._slots.next_s(i, now_s), i))
        elif was is not Health.DEAD:
            gone = set(self.tasks_of(i))
            self._slots.forgive(gone)
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
            self._enlist(number, now_s, self._running.get(number, (None, 0.0))[0])

    def passed(self, i: int, now_s: float) -> int:
        """Slots of this task that passed unread and were not said before; nothing waits for its turn to say them."""
        return self._slots.missed(i, now_s)

    def steady(self, now_s: float) -> bool:
        """All units are alive and prompt, nothing is due or under way, no silence is held against the line: slots say what comes."""
        quiet = not (self._dead or self._hesitant or self._ready or self._running or self._capped or self._waits_out)
        prompt = all(unit.slowest_s is not None and MARGIN * unit.slowest_s <= FLOOR_S for unit in self.units.values())
        return quiet and prompt and self._probes.calm and not self._probes.recent_s(now_s) and self._slots.on_grid

    def slots_s(self) -> list[float]:
        """When each task is due next, where the schedule is steady."""
        due = [inf] * len(self._tasks)
        for due_s, i in self._waiting:
            due[i] = due_s
        return due

    def skip(self, now_s: float) -> None:
        """What was due before now has been read in time, by other means. Only of a steady schedule."""
        self._waiting = [(self._slots.skip(i, now_s), i) for i in range(len(self._tasks))]
        heapify(self._waiting)

    @property
    def any_alive(self) -> bool:
        return any(unit.health is Health.ALIVE for unit in self.units.values())

    def tasks_of(self, i: int) -> Sequence[int]:
        """All tasks of the unit of task i."""
        return self._of_unit[self._tasks[i].unit]

    def _heard(self, i: int, now_s: float, latency_s: float) -> None:
        unit, number = self._unit[i], self._tasks[i].unit
        _, asked_s = self._running.pop(number, (i, now_s - latency_s))
        own_s: float | None = latency_s
        if not self._probes.calm:
            own_s = self._probes.answered(number, asked_s, now_s, latency_s, unit.usual_s)
        was = unit.health
        unit.answered(own_s)
        if was is not Health.ALIVE:
            self._changed()
            if was is Health.DEAD:
                self._enlist(number, now_s, i)

    def _wake(self, now_s: float) -> None:
        """What is due is ready."""
        waiting = self._waiting
        while waiting and waiting[0][0] <= now_s:
            due_s, i = heappop(waiting)
            heappush(self._ready, (self._rank[i], due_s + self._within_s[i], i))

    def _first(self, now_s: float) -> int | None:
        """The ready task whose turn it is, taken out; None where there is none."""
        ready = self._ready
        if self._hesitant and ready and ready[0][0] == SAFE:
            for entry in ready:  # one that waits too long behind a line full of safety points
                if entry[0] == DOUBTFUL and self._put_off_s(entry) <= now_s and self._tasks[entry[2]].unit not in self._running:
                    self._probes.force(now_s)
                    ready.remove(entry)
                    heapify(ready)
                    self._deadline[entry[2]] = entry[1]
                    return entry[2]
        if self._running or self._capped:
            return self._first_free(now_s)
        _, deadline, i = heappop(ready)
        self._deadline[i] = deadline
        return i

    def _put_off_s(self, entry: tuple[int, float, int]) -> float:
        """Until when a unit of which nobody knows whether it lives waits behind live safety points that are always due.

        Where these miss slots anyway, one not heard yet has a tenth of the line's time: it may be as alive as they are.
        """
        _, deadline, i = entry
        number = self._tasks[i].unit
        unit = self._unit[i]
        if unit.health is Health.UNKNOWN and self._patience.tolerance_s(number) == 0.0:
            return self._probes.shared_s(deadline, unit.timeout_s if self._waits_out else FIRST_S)
        return self._probes.overdue_s(deadline)

    def _first_free(self, now_s: float) -> int | None:
        """The same among the units that are not being asked and not resting for their cap."""
        found, kept = None, []
        while self._ready and found is None:
            entry = heappop(self._ready)
            i, number = entry[2], self._tasks[entry[2]].unit
            if number in self._running:
                kept.append(entry)
            elif self._free_at_s[number] > now_s:
                heappush(self._waiting, (self._free_at_s[number], i))
            else:
                found, self._deadline[i] = i, entry[1]
        for entry in kept:
            heappush(self._ready, entry)
        return found

    def _begin(self, i: int, now_s: float) -> None:
        task = self._tasks[i]
        self._running[task.unit] = (i, now_s)
        if self._capped:
            self._free_at_s[task.unit] = max(self._free_at_s[task.unit], now_s) + task.reads * task.spacing_s

    def _probe(self, now_s: float, rank: int) -> Turn | float:
        """The probe that is due and affordable, or when to look again. rank: of what else is ready."""
        if self._probes.probing is not None:
            return inf
        number = min(self._dead, key=lambda u: self.units[u].probe_at_s)
        due_s = max(self.units[number].probe_at_s, self._free_at_s[number])
        overdue_s = self._probes.overdue_s(due_s)
        if due_s > now_s:
            return due_s
        if rank == SAFE and overdue_s > now_s:
            return inf  # looked at again after that turn
        patience_s = self._patience.of(number, now_s)
        if (self._living or self._probes.holds) and self._probes.doubt_s(now_s):
            return now_s + self._probes.doubt_s(now_s)
        if not self._living and not self._probes.holds:
            patience_s = self.units[number].timeout_s  # nobody is kept waiting; short probes would queue in a gateway
        if self._living:
            if wait_s := self._probes.wait_s(now_s, patience_s):
                return now_s + max(LOOK_AGAIN_S, wait_s)
            if self._probes.loss_s(patience_s) > self._patience.bearable_s(number):
                if overdue_s > now_s:
                    return overdue_s
                self._probes.force(now_s)
        i = self._of_unit[number][0]
        self._begin(i, now_s)
        self._probes.probing = number
        return Turn(i, patience_s, True)

    def _enlist(self, number: int, at_s: float, but: int | None) -> None:
        """The unit is back: its tasks are due, but the one in hand."""
        for i in self._of_unit[number]:
            self._slots.renew(i)
            if i != but:
                heappush(self._waiting, (at_s, i))

    def _changed(self) -> None:
        """A unit's health changed: ranks, and what the line can bear, are worked out anew."""
        self._patience.changed()
        self._dead = [u for u, unit in self.units.items() if unit.health is Health.DEAD]
        self._living = len(self._dead) < len(self.units)
        self._hesitant = any(unit.health in (Health.UNKNOWN, Health.SUSPECT) for unit in self.units.values())
        for i, (task, unit) in enumerate(zip(self._tasks, self._unit, strict=True)):
            if task.safety:
                self._rank[i] = SAFE if unit.health is Health.ALIVE else DOUBTFUL
            self._within_s[i] = task.period_s + (FIRST_CONTACT_S if unit.health is Health.UNKNOWN else 0.0)
        self._ready = [(self._rank[i], deadline, i) for _, deadline, i in self._ready]
        heapify(self._ready)
