"""An administrator's second factor: shown as a QR code, turned on with a code of it, turned off with another."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console import labels
from dashboards.console.access import Access, Locked
from dashboards.console.forms import read_fields
from dashboards.console.guard import COOKIE, needs
from dashboards.console.pages.frame import back, page
from dashboards.console.pages.login import door
from dashboards.console.roles import Permission, Person

router = APIRouter(include_in_schema=False)
PATH = "/account/second-factor"
Own = Annotated[Person, needs(Permission.OWN)]


@router.get(PATH)
def factor_page(request: Request, person: Own) -> Response:
    return _shown(request, person, None)


@router.post(PATH)
def offer(request: Request, person: Own) -> Response:
    """Shows a new secret; nothing changes until a code of it is entered."""
    access: Access = request.app.state.access
    if access.factors.offered_to(person):
        access.factors.offer(person.name)
    return back(PATH)


@router.post(PATH + "/on")
async def turn_on(request: Request, person: Own) -> Response:
    return await _change(request, person, on=True)


@router.post(PATH + "/off")
async def turn_off(request: Request, person: Own) -> Response:
    return await _change(request, person, on=False)


async def _change(request: Request, person: Person, on: bool) -> Response:
    if person.form_token is None:
        return _shown(request, person, ("factor.session", {}), 400)
    fields = await read_fields(request)
    access: Access = request.app.state.access
    password, code = str(fields.get("password", "")), str(fields.get("code", ""))
    try:
        async with door:
            done = await asyncio.to_thread(access.change_factor, person.name, password, code, on, request.cookies.get(COOKIE, ""))
    except Locked as locked:
        return _shown(request, person, ("login.locked", {"seconds": locked.wait_s}), 429)
    return back(PATH) if done else _shown(request, person, ("factor.either", {}), 400)


def _shown(request: Request, person: Person, trouble: tuple[str, dict[str, object]] | None, status: int = 200) -> Response:
    access: Access = request.app.state.access
    there, fine = access.factors.offered(person.name), access.factors.offered_to(person)
    values = {
        "trouble": trouble, "on": access.factors.on(person.name), "offered": fine, "demanded": person.unproven,
        "secret": there[0] if there and fine else None, "code": labels.svg(there[1]) if there and fine else None,
    }  # fmt: skip
    return page(request, "factor.html", values, person, status)
