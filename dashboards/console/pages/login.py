"""Coming in, going out, one's own password."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.access import Access, Locked
from dashboards.console.address import address_of
from dashboards.console.forms import read_fields
from dashboards.console.guard import COOKIE, Forbidden, needs, open_to_all, same_origin
from dashboards.console.pages import push
from dashboards.console.pages.frame import back, local_path, page, secure
from dashboards.console.roles import Permission, Person
from plantroom.errors import Refused

router = APIRouter(include_in_schema=False)
MOST_AT_THE_DOOR = 20
door = asyncio.Semaphore(1)  # one password at a time: guessing in parallel gains nothing and costs no second core
_waiting = 0


@router.get("/login", dependencies=[open_to_all()])
def login_page(request: Request) -> Response:
    return page(request, "login.html", {"trouble": None, "back_to": local_path(request.query_params.get("back", "/"))}, None)


@router.post("/login", dependencies=[open_to_all()])
async def log_in(request: Request) -> Response:
    global _waiting
    if not same_origin(request):
        raise Forbidden("foreign_origin")
    fields = await read_fields(request)
    name, password, back_to = (str(fields.get(key, "")) for key in ("name", "password", "back"))
    access: Access = request.app.state.access
    trouble: tuple[str, dict[str, object]]
    if _waiting >= MOST_AT_THE_DOOR:
        return page(request, "login.html", {"trouble": ("login.busy", {}), "back_to": local_path(back_to)}, None, 503)
    _waiting += 1
    try:
        async with door:
            token = await asyncio.to_thread(access.log_in, name, password, address_of(request))
        trouble, status = ("login.wrong", {}), 401
    except Locked as locked:
        token, trouble, status = None, ("login.locked", {"seconds": locked.wait_s}), 429
    finally:
        _waiting -= 1
    if token is None:
        return page(request, "login.html", {"trouble": trouble, "back_to": local_path(back_to)}, None, status)
    if before := request.cookies.get(COOKIE):
        access.log_out(before)  # whoever planted it in this browser has nothing of what comes
    response = back(local_path(back_to))
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure(request), path="/")
    return response


@router.post("/logout")
def log_out(request: Request, person: Annotated[Person, needs(Permission.OWN)]) -> Response:
    request.app.state.access.log_out(request.cookies.get(COOKIE, ""))
    response = back("/login")
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure(request), path="/")
    return response


@router.post("/account/sessions")
def log_out_everywhere(request: Request, person: Annotated[Person, needs(Permission.OWN)]) -> Response:
    """Every session of this person ends, this one too. A bearer token ends by `plantroom user logout`."""
    request.app.state.access.log_out_everywhere(person.name)
    response = back("/login")
    response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=secure(request), path="/")
    return response


@router.get("/account")
async def account(request: Request, person: Annotated[Person, needs(Permission.OWN)]) -> Response:
    values = {"trouble": None, "done": "done" in request.query_params, **push.about(request, person)}
    return page(request, "account.html", values, person)


@router.post("/account")
async def change_password(request: Request, person: Annotated[Person, needs(Permission.OWN)]) -> Response:
    fields = await read_fields(request)
    access: Access = request.app.state.access
    old, new = str(fields.get("old", "")), str(fields.get("new", ""))
    trouble: str | None = None
    async with door:
        if new != str(fields.get("again", "")):
            trouble = "account.differ"
        elif not await asyncio.to_thread(access.password_is, person.name, old):
            trouble = "account.wrong"
        else:
            try:
                await asyncio.to_thread(access.set_password, person.name, new, request.cookies.get(COOKIE))
            except Refused:
                trouble = "account.weak"
    if trouble:
        return page(request, "account.html", {"trouble": trouble, "done": False, **push.about(request, person)}, person, 400)
    return back("/account", done=1)
