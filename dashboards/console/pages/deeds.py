"""The buttons: each form is one command, then the page it came from with a line that says what became of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.commanding import Recorded
from dashboards.console.deeds import deed
from dashboards.console.forms import read_fields
from dashboards.console.guard import needs
from dashboards.console.pages.frame import back, local_path
from dashboards.console.roles import (
    CHANGE_DEEDS,
    DEEDS,
    FAULT_DEEDS,
    HANDOVER_DEEDS,
    MACHINE_DEEDS,
    ORDER_DEEDS,
    TASK_DEEDS,
    TEAM_DEEDS,
    Person,
)
from dashboards.console.tables import CommandRow

router = APIRouter(include_in_schema=False)


async def _and_back(request: Request, command: CommandRow | Recorded) -> Response:
    command_id = command.command_id if isinstance(command, Recorded) else command.id
    return back(local_path(str((await read_fields(request)).get("back", "/"))), command=command_id)


@router.post("/orders")
async def open_order(request: Request, person: Annotated[Person, needs(DEEDS["open"])]) -> Response:
    return await _and_back(request, await deed(request, person, "open"))


def _route(does: str, things: str) -> None:
    needed = needs(DEEDS[does])

    async def route(request: Request, target: str, person: Person = needed) -> Response:
        return await _and_back(request, await deed(request, person, does, target))

    router.add_api_route(f"/{things}/{{target}}/{does}", route, methods=["POST"], name=f"form_{does}")


for _does in ORDER_DEEDS:
    _route(_does, "orders")
for _does in FAULT_DEEDS:
    _route(_does, "faults")
for _does in MACHINE_DEEDS:
    _route(_does, "equipment")
for _does in CHANGE_DEEDS:
    _route(_does, "changes")
for _does in HANDOVER_DEEDS:
    _route(_does, "handovers")
for _does in TASK_DEEDS:
    _route(_does, "plan/tasks")


def _team_route(does: str) -> None:
    needed = needs(DEEDS[does])

    async def route(request: Request, person: Person = needed) -> Response:
        return await _and_back(request, await deed(request, person, does))

    router.add_api_route(f"/oncall/{does}", route, methods=["POST"], name=f"form_{does}")


for _does in TEAM_DEEDS:
    _team_route(_does)
