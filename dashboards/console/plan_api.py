"""`plan/tasks` of the HTTP API: the tasks of the plan, one with its check items, and what is done to them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from dashboards.console import plan, shapes
from dashboards.console.api import COMMANDS, ROOT, TROUBLES, _words, answer, fields_of
from dashboards.console.asking import Desk, instant
from dashboards.console.deeds import deed
from dashboards.console.forms import LONGEST_TEXT
from dashboards.console.guard import needs
from dashboards.console.plan_fields import COMPLETE
from dashboards.console.plan_rows import OPEN, STATES, TODO
from dashboards.console.roles import DEEDS, FIELDS, TASK_DEEDS, Permission, Person
from dashboards.console.tables import MOST
from plantroom.clock import iso

router = APIRouter(prefix=ROOT)
See = Annotated[Person, needs(Permission.PLAN)]
FILES = {"type": "array", "maxItems": 40, "items": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}
ITEM = {"type": ["string", "number", "object"], "maxLength": LONGEST_TEXT}


@router.get("/plan/tasks", responses=TROUBLES)
def plan_tasks(
    request: Request,
    person: See,
    state: Annotated[str | None, Query(description="todo (default: due soon, due, overdue) | open | all | names of states")] = None,
    subject: Annotated[str | None, Query(description="a machine, or @ and the name of a round")] = None,
    before: Annotated[str | None, Query(description="with state=all or an ended one: `next` of the previous answer")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> shapes.PlanTaskList:
    """What is to be done, the next due first; what is over, the newest first."""
    desk = Desk(request, person)
    states = _words(state or "todo", {"todo": TODO, "open": OPEN, "all": None}, STATES, "state")
    newest = states is None or not set(states) <= set(OPEN)
    earlier = instant(before, desk.now_ns) if before else None
    rows = [(view, task) for view in desk.views for task in view.tables.plan_tasks(states, subject, earlier, limit + 1, newest=newest)]
    rows.sort(key=lambda row: (row[1].due_ns, row[1].id), reverse=newest)
    more = iso(rows[limit - 1][1].due_ns) if newest and len(rows) > limit else None
    listed = [plan.task_shape(view, plan.job_of(desk.sites.whole(view), task), task, desk.now_ns) for view, task in rows[:limit]]
    return {"tasks": listed, "next": more}  # type: ignore[typeddict-item]


@router.get("/plan/tasks/{task_id}", responses=TROUBLES)
def plan_task(request: Request, person: See, task_id: str) -> shapes.PlanTaskDetail:
    """With its check items and, once it is done, what they gave."""
    desk = Desk(request, person)
    view, task = desk.only(lambda view: view.tables.plan_task(task_id), f"task {task_id}")
    return plan.task_detail(view, plan.job_of(desk.sites.whole(view), task), task, desk.now_ns)  # type: ignore[return-value]


def _body(does: str) -> dict[str, Any]:
    found = fields_of(*(name for name in FIELDS[does] if name not in ("items", "evidence")))
    if does == COMPLETE:
        schema = found["requestBody"]["content"]["application/json"]["schema"]
        schema["properties"] |= {
            "items": {"type": "object", "additionalProperties": ITEM},
            "evidence": {"type": "object", "additionalProperties": FILES},
        }  # fmt: skip
    return found


def _route(does: str) -> None:
    needed = needs(DEEDS[does])

    async def route(request: Request, target: str, person: Person = needed) -> Response:
        return answer(await deed(request, person, does, target))

    router.add_api_route(
        f"/plan/tasks/{{target}}/{does}", route, methods=["POST"], name=f"{does}_task",
        response_model=shapes.CommandShape, responses=COMMANDS,
        summary=f"{does} ({', '.join(FIELDS[does]) or 'no fields'}, command_id)", openapi_extra=_body(does),
    )  # fmt: skip


for _does in TASK_DEEDS:
    _route(_does)
