"""The rows of the plan that a later record may still touch: open tasks, those our side has to sign, of each job the newest that is over.

A part of the desk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from rules.ledger import Ledger
from rules.plan import OPEN, Instants, State, wakes_ns
from rules.rows import born, columns

COUNTED = (State.DONE.value, State.EXCUSED.value, State.MISSED.value)  # what the next date is counted from


@dataclass(slots=True)
class Task:
    """A row of plan_task, whose columns the migration explains."""

    id: str
    seq: int
    job: str
    subject: str
    entry: str
    role: str
    shape: str
    day: str
    due_day: str
    warn_ns: int
    due_ns: int
    overdue_ns: int
    next_ns: int | None
    state: str
    created_ns: int
    behind: int = 0
    moved_from: str | None = None
    asked_json: str | None = None
    agreed_by: str | None = None
    started_ns: int | None = None
    started_by: str | None = None
    busy_ns: int | None = None
    suppress_json: str | None = None
    ended_ns: int | None = None
    ended_by: str | None = None
    late: int | None = None
    note: str | None = None
    evidence_json: str | None = None
    satisfied_by: str | None = None
    counter_from: float | None = None
    counter_due_ns: int | None = None
    counter_ns: int | None = None
    counter_by: str | None = None
    counter_order: str | None = None

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def unsigned(self) -> bool:
        return self.counter_due_ns is not None and self.counter_ns is None

    @property
    def instants(self) -> Instants:
        return Instants(self.warn_ns, self.due_ns, self.overdue_ns, self.next_ns, self.busy_ns)

    @property
    def wakes_ns(self) -> int | None:
        """When time has something to say of it."""
        if self.unsigned and self.counter_order is None:
            return self.counter_due_ns
        return wakes_ns(State(self.state), self.instants)


@dataclass(frozen=True, slots=True)
class Result:
    """A row of plan_result."""

    task: str
    equipment: str
    item: str
    outcome: str
    value: str | None = None
    number: float | None = None
    measured: float | None = None
    photo: str | None = None
    work_order: str | None = None


class PlanRows:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tasks: dict[str, Task] = {}
        self._newest: dict[str, Task] = {}
        self._wakes_ns: int | None = None
        self._stale = True
        self._of_job: dict[str, str] = {}
        self._busy: set[str] = set()
        self._over: set[str] = set()  # maybe

    def load(self) -> None:
        self._tasks = {r["id"]: Task(**r) for r in self._ledger.rows("standing_tasks")}
        self._newest = {r["job"]: Task(**r) for r in self._ledger.rows("newest_tasks")}
        self._of_job = {task.job: task.id for task in self._tasks.values() if task.open}
        self._busy = {task.id for task in self._tasks.values() if task.busy_ns is not None}
        self._stale = True
        self._over.clear()

    def tasks(self) -> list[Task]:
        """The open ones, in the order they were made."""
        return [self._tasks[id_] for id_ in sorted(self._tasks, key=born) if self._tasks[id_].open]

    def unsigned(self) -> list[Task]:
        """Those done that our side has to sign, in the order they were made."""
        return [self._tasks[id_] for id_ in sorted(self._tasks, key=born) if self._tasks[id_].unsigned]

    def of_job(self, job: str) -> Task | None:
        """Its open one."""
        task = self._tasks.get(self._of_job.get(job, ""))
        return task if task is not None and task.open else None

    def of_subject(self, subject: str) -> list[Task]:
        """The open ones, in the order they were made."""
        return sorted((task for task in self._tasks.values() if task.subject == subject and task.open), key=lambda task: born(task.id))

    def newest(self, job: str) -> Task | None:
        """The last one of a job that was kept or missed."""
        return self._newest.get(job)

    def find(self, id_: str) -> Task | None:
        """Those that are over too."""
        return self._tasks.get(id_) or next((Task(**r) for r in self._ledger.rows("plan_task", {"id": id_})), None)

    def suppressed(self, machine: str, rule: str) -> bool:
        """Whether work on this machine sets the rule off just now."""
        at_it = (task for id_ in sorted(self._busy) if (task := self._tasks[id_]).subject == machine and task.open)
        return any(task.suppress_json is not None and rule in orjson.loads(task.suppress_json) for task in at_it)

    def wakes_ns(self) -> int | None:
        """When time has something to say of any of them."""
        if self._stale:
            self._wakes_ns = min((at for task in self._tasks.values() if (at := task.wakes_ns) is not None), default=None)
            self._stale = False
        return self._wakes_ns

    def put(self, task: Task) -> None:
        self._tasks[task.id] = task
        if task.open:
            self._of_job[task.job] = task.id
        if not task.open:
            self._over.add(task.id)
        if task.busy_ns is not None:
            self._busy.add(task.id)
        else:
            self._busy.discard(task.id)
        if task.state in COUNTED:
            self._newest[task.job] = task
        self._stale = True
        self._ledger.put("put_plan_task", task.id, columns(task))

    def put_result(self, row: Result) -> None:
        self._ledger.put("put_plan_result", f"{row.task}\n{row.equipment}\n{row.item}", columns(row))

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """As committed, by the statement that puts them."""
        found = {row["id"]: row for row in self._ledger.rows("standing_tasks") + self._ledger.rows("newest_tasks")}
        return {"put_plan_task": list(found.values())}

    def forget(self) -> None:
        """What is over, after a commit."""
        for id_ in self._over:  # at every commit: only what changed is looked at
            task = self._tasks.get(id_)
            if task is not None and not task.open and not task.unsigned:
                del self._tasks[id_]
        self._over.clear()
