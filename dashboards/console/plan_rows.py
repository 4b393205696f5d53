"""A task of the plan and its results, as rows of the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

TODO = ("due_soon", "due", "overdue")
OPEN = ("scheduled", *TODO)
STATES = (*OPEN, "done", "moved", "excused", "missed", "withdrawn")


@dataclass(frozen=True, slots=True)
class PlanTask:
    """A row of plan_task, whose columns the migration explains."""

    id: str
    job: str
    subject: str
    entry: str
    role: str
    day: str
    due_day: str
    warn_ns: int
    due_ns: int
    overdue_ns: int
    next_ns: int | None
    state: str
    created_ns: int
    behind: int
    moved_from: str | None
    asked: Mapping[str, Any] | None
    agreed_by: str | None
    started_ns: int | None
    started_by: str | None
    busy_ns: int | None
    ended_ns: int | None
    ended_by: str | None
    late: int | None
    note: str | None
    evidence: Mapping[str, Any] | None
    satisfied_by: str | None
    counter_due_ns: int | None
    counter_ns: int | None
    counter_by: str | None
    counter_order: str | None

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def unsigned(self) -> bool:
        return self.counter_due_ns is not None and self.counter_ns is None


@dataclass(frozen=True, slots=True)
class PlanResult:
    equipment: str
    item: str
    outcome: str
    value: str | None
    number: float | None
    measured: float | None
    photo: str | None
    work_order: str | None


def plan_task(row: tuple[Any, ...]) -> PlanTask:
    values = list(row)
    for at in (15, 24):
        values[at] = orjson.loads(values[at]) if values[at] else None
    return PlanTask(*values)
