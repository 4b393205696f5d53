"""The plan: what is to be done, by due date; one task with its check items as a form for a phone."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console import plan
from dashboards.console.asking import Desk, instant
from dashboards.console.guard import needs
from dashboards.console.pages.frame import notice_of, page
from dashboards.console.plan_rows import OPEN, STATES, TODO
from dashboards.console.roles import Permission, Person
from plantroom.clock import iso
from plantroom.evidence import Limits
from plantroom.evidence.store import MIB

PER_PAGE = 100
router = APIRouter(include_in_schema=False)


@router.get("/plan")
def plan_list(request: Request, person: Annotated[Person, needs(Permission.PLAN)]) -> Response:
    desk = Desk(request, person)
    asked = request.query_params
    state = asked.get("state") if asked.get("state") in (*STATES, "open", "all") else None
    states = TODO if state is None else OPEN if state == "open" else None if state == "all" else (state,)
    newest = states is None or not set(states) <= set(OPEN)
    before = instant(asked["before"], desk.now_ns) if asked.get("before") else None
    rows = [
        (view, task)
        for view in desk.views
        for task in view.tables.plan_tasks(states, asked.get("subject"), before, PER_PAGE + 1, newest=newest)
    ]
    rows.sort(key=lambda row: (row[1].due_ns, row[1].id), reverse=newest)
    more = iso(rows[PER_PAGE - 1][1].due_ns) if newest and len(rows) > PER_PAGE else None
    shown = []
    for view, task in rows[:PER_PAGE]:
        job = plan.job_of(desk.sites.whole(view), task)
        shown.append((view, task, plan.name_of(job, task)))
    names = {view.id: view.names for view in desk.views}
    return page(request, "plan.html", {"rows": shown, "state": state, "states": STATES, "names": names, "more": more}, person)


@router.get("/plan/tasks/{task_id}")
async def task_page(request: Request, person: Annotated[Person, needs(Permission.PLAN)], task_id: str) -> Response:
    desk = Desk(request, person)
    view, task = desk.only(lambda view: view.tables.plan_task(task_id), f"task {task_id}")
    job = plan.job_of(desk.sites.whole(view), task)
    shown = {
        "view": view, "task": task, "job": job, "name": plan.name_of(job, task), "items": list(job.items()) if job is not None else [],
        "results": view.tables.plan_results(task.id), "names": view.names, "limits_text": plan.limits_text,
        "asks": lambda lang: plan.asks(lang, task), "notice": await notice_of(request, desk),
        "evidence": view.tables.evidence("task", task.id), "evidence_about": "task", "evidence_target": task.id,
        "evidence_most": (view.config.evidence if view.config else Limits()).most // MIB,
    }  # fmt: skip
    return page(request, "plan_task.html", shown, person)
