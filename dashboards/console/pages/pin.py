"""One's PIN for the duty room's screen: set, taken away."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.access import Access, Locked
from dashboards.console.forms import read_fields
from dashboards.console.guard import needs
from dashboards.console.pages.frame import back, page
from dashboards.console.pages.login import door
from dashboards.console.roles import Permission, Person
from plantroom.errors import Refused

router = APIRouter(include_in_schema=False)
PATH = "/account/pin"
Own = Annotated[Person, needs(Permission.OWN)]


@router.get(PATH)
def pin_page(request: Request, person: Own) -> Response:
    return _shown(request, person, None)


@router.post(PATH)
async def put(request: Request, person: Own) -> Response:
    if person.form_token is None:
        return _shown(request, person, ("factor.session", {}), 400)
    fields = await read_fields(request)
    pin, again, password, code = (str(fields.get(name, "")) for name in ("pin", "again", "password", "code"))
    if pin != again:
        return _shown(request, person, ("pin.differ", {}), 400)
    access: Access = request.app.state.access
    try:
        async with door:
            done = await asyncio.to_thread(access.change_pin, person.name, password, code, pin)
    except Locked as locked:
        return _shown(request, person, ("login.locked", {"seconds": locked.wait_s}), 429)
    except Refused:
        return _shown(request, person, ("pin.weak", {}), 400)
    return back(PATH) if done else _shown(request, person, ("factor.either", {}), 400)


@router.post(PATH + "/off")
async def drop(request: Request, person: Own) -> Response:
    access: Access = request.app.state.access
    await asyncio.to_thread(access.pins.drop, person.name)
    return back(PATH)


def _shown(request: Request, person: Person, trouble: tuple[str, dict[str, object]] | None, status: int = 200) -> Response:
    access: Access = request.app.state.access
    values = {"trouble": trouble, "state": access.pins.state(person.name).value, "factor_on": access.factors.on(person.name)}
    return page(request, "pin.html", values, person, status)
