"""The form that puts a file to an order or a machine: works without a script; then the page it came from."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console import evidence
from dashboards.console.commanding import Recorded
from dashboards.console.guard import needs
from dashboards.console.pages.frame import back, local_path
from dashboards.console.roles import DEEDS, Person
from dashboards.console.uploads import upload_of

router = APIRouter(include_in_schema=False)


@router.post("/evidence")
async def put(request: Request, person: Annotated[Person, needs(DEEDS["attach"])]) -> Response:
    _, command = await evidence.put(request, person)
    command_id = command.command_id if isinstance(command, Recorded) else command.id
    return back(local_path((await upload_of(request)).fields.get("back", "/")), command=command_id)
