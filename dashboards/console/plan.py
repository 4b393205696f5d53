"""The plan's jobs as screens and the API show them: names, check items, what a task waits for. From the configuration in force."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from dashboards.console.plan_rows import PlanTask
from dashboards.console.sites import SiteView
from plantroom.clock import NS, iso
from plantroom.plan import ROUND, Job, Machine, jobs
from plantroom.plan_file import plans_in
from plantroom.site import Site
from plantroom.words import LANGUAGES, say


class _Key:
    """A site by its texts: the jobs of one configuration are made once."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def __hash__(self) -> int:
        return hash(self.site.hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.site.hash == self.site.hash


@lru_cache(maxsize=32)
def _jobs(key: _Key) -> Mapping[str, Job]:
    site = key.site
    if site.plan is None:
        return {}
    machines = [Machine(machine.id, machine.kind.name, machine.state) for machine in site.equipment.values()]
    return {job.key: job for job in jobs(site.plan, plans_in(site.files), machines, site.practice)[0]}


def job_of(whole: SiteView, task: PlanTask) -> Job | None:
    """None for a task of a job that the configuration no longer has. whole: the site itself, not narrowed to anybody."""
    return _jobs(_Key(whole.config)).get(task.job) if whole.config is not None else None


def name_of(job: Job | None, task: PlanTask) -> Mapping[str, str]:
    return job.name if job is not None else dict.fromkeys(LANGUAGES, task.entry)


def task_shape(view: SiteView, job: Job | None, task: PlanTask, now_ns: int) -> dict[str, Any]:
    def at(ns: int | None) -> str | None:
        return iso(ns) if ns is not None else None

    asked = task.asked
    return {
        "site": view.id, "id": task.id, "job": task.job, "subject": task.subject, "round": task.subject.startswith(ROUND),
        "entry": task.entry,
        "text": dict(name_of(job, task)), "role": task.role, "state": task.state, "day": task.day, "due_day": task.due_day,
        "warn_at": iso(task.warn_ns), "due_at": iso(task.due_ns), "overdue_at": iso(task.overdue_ns),
        "left_s": (task.overdue_ns - now_ns) // NS,
        "behind": bool(task.behind), "late": None if task.late is None else bool(task.late), "moved_from": task.moved_from,
        "asked": None if asked is None else {"does": asked["does"], "by": asked["by"], "until": asked["until"], "at": at(asked["at_ns"])},
        "agreed_by": task.agreed_by, "started_at": at(task.started_ns), "started_by": task.started_by, "busy_until": at(task.busy_ns),
        "ended_at": at(task.ended_ns), "ended_by": task.ended_by, "satisfied_by": task.satisfied_by,
        "countersign_due_at": at(task.counter_due_ns), "countersigned_at": at(task.counter_ns), "countersigned_by": task.counter_by,
    }  # fmt: skip


def task_detail(view: SiteView, job: Job | None, task: PlanTask, now_ns: int) -> dict[str, Any]:
    """With its check items, or what they gave."""
    items = [] if job is None else [
        {
            "key": key, "equipment": stop.machine, "text": dict(item.says), "type": item.type.value, "unit": item.unit,
            "limits": list(item.limits), "choices": {word: dict(says) for word, says in item.choices.items()}, "photo": item.photo,
        }
        for key, stop, item in job.items()
    ]  # fmt: skip
    results = [
        {
            "equipment": row.equipment, "item": row.item, "outcome": row.outcome, "number": row.number, "measured": row.measured,
            "value": view.tables.private(row.value) if row.outcome == "noted" else row.value, "photo": row.photo, "order": row.work_order,
        }
        for row in view.tables.plan_results(task.id)
    ]  # fmt: skip
    wants = [] if job is None else list(job.evidence)
    return {**task_shape(view, job, task, now_ns), "items": items, "results": results, "wants": wants, "evidence": task.evidence or {}}


def limits_text(limits: tuple[float | None, float | None], unit: str) -> str:
    """`0 .. 0.7 mm`, `>= 7 mm`."""
    low, high = limits
    if low is None and high is None:
        return unit
    text = f"≤ {high:g}" if low is None else f"≥ {low:g}" if high is None else f"{low:g} … {high:g}"
    return f"{text} {unit}".strip()


def asks(lang: str, task: PlanTask) -> str:
    """What somebody asks for, in words."""
    return say(f"plan.asks.{task.asked['does']}", lang, until=task.asked["until"] or "") if task.asked is not None else ""
