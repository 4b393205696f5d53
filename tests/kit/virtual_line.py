"""A schedule on a virtual line: units that answer after some time or never, perhaps behind a gateway that queues."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from collector.patience import Task
from collector.schedule import Schedule, Turn


@dataclass
class VirtualLine:
    """Units that answer after latency_s, or never (None), on a line that carries one request at a time. An answer after our patience
    comes all the same, and late.

    queue_s: a gateway works on a silent unit for so long before it takes the next request.
    """

    schedule: Schedule
    tasks: list[Task]
    latency_s: dict[int, float | None]
    queue_s: float = 0.0
    now_s: float = 0.0
    busy_until_s: float = 0.0
    reads: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))  # task -> when its answers came
    silent_s: float = 0.0
    missed: int = 0
    missed_of: dict[int, int] = field(default_factory=lambda: defaultdict(int))  # task -> slots
    late: list[tuple[float, int, float]] = field(default_factory=list)  # when, unit, latency

    def run(self, until_s: float) -> None:
        while self.now_s < until_s:
            for came_s, unit, latency_s in [late for late in self.late if late[0] <= self.now_s]:
                self.schedule.late(unit, latency_s, self.now_s)
                self.late.remove((came_s, unit, latency_s))
            turn = self.schedule.next(self.now_s)
            if isinstance(turn, Turn):
                self.missed += turn.missed
                self.missed_of[turn.task] += turn.missed
                self._ask(turn)
            else:
                assert turn > self.now_s, "a schedule that asks to be asked at once would spin"
                self.now_s = min(turn, until_s)

    def _ask(self, turn: Turn) -> None:
        asked_s = self.now_s
        latency_s = self.latency_s[self.tasks[turn.task].unit]
        begins_s = max(asked_s, self.busy_until_s)
        if latency_s is None and self.queue_s:
            self.busy_until_s = begins_s + self.queue_s
        answer_s = None if latency_s is None else begins_s + latency_s - asked_s
        if answer_s is None or answer_s > turn.patience_s:
            self.now_s += turn.patience_s
            self.silent_s += turn.patience_s
            self.schedule.failed(turn.task, self.now_s)
            if answer_s is not None:
                self.busy_until_s = begins_s + (latency_s or 0.0)
                self.late.append((asked_s + answer_s, self.tasks[turn.task].unit, answer_s))
        else:
            self.now_s += answer_s
            self.reads[turn.task].append(self.now_s)
            self.schedule.answered(turn.task, self.now_s, answer_s)
