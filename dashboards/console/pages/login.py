"""Coming in, going out, one's own password."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from dashboards.console.access import Access, HalfGone, HalfWay, Locked
from dashboards.console.address import address_of
from dashboards.console.factors import HALF_S
from dashboards.console.forms import read_fields
from dashboards.console.guard import COOKIE, Forbidden, needs, open_to_all, same_origin
from dashboards.console.pages import push
from dashboards.console.pages.frame import back, local_path, page, secure, url
from dashboards.console.roles import Permission, Person
from plantroom.errors import Refused

router = APIRouter(include_in_schema=False)
HALF_COOKIE = "plantroom_half"
MOST_AT_THE_DOOR = 20
door = asyncio.Semaphore(1)  # one password at a time: guessing in parallel gains nothing and costs no second core
_waiting = 0


@router.get("/login", dependencies=[open_to_all()])
def login_page(request: Request) -> Response:
    return login_form(request, None, request.query_params.get("back", "/"))


@router.post("/login", dependencies=[open_to_all()])
async def log_in(request: Request) -> Response:
    fields = await _at_the_door(request)
    name, password, back_to = (str(fields.get(key, "")) for key in ("name", "password", "back"))
    access: Access = request.app.state.access
    try:
        token = await _in_turn(access.log_in, name, password, address_of(request))
    except HalfWay as half_way:
        response = back("/login/code", back=local_path(back_to))
        response.set_cookie(
            HALF_COOKIE, half_way.half, max_age=HALF_S, httponly=True, samesite="strict", secure=secure(request), path="/login"
        )
        return response
    except (Locked, Busy) as held:
        return _again(request, "login.html", back_to, held)
    return come_in(request, token, back_to) if token is not None else _again(request, "login.html", back_to, None)


@router.get("/login/code", dependencies=[open_to_all()])
def code_page(request: Request) -> Response:
    return page(request, "login_code.html", {"trouble": None, "back_to": local_path(request.query_params.get("back", "/"))}, None)


@router.post("/login/code", dependencies=[open_to_all()])
async def log_in_code(request: Request) -> Response:
    fields = await _at_the_door(request)
    code, back_to = (str(fields.get(key, "")) for key in ("code", "back"))
    access: Access = request.app.state.access
    try:
        token = await _in_turn(access.log_in_code, request.cookies.get(HALF_COOKIE, ""), code, address_of(request))
    except HalfGone:
        return login_form(request, ("factor.gone", {}), back_to, 401)
    except (Locked, Busy) as held:
        return _again(request, "login_code.html", back_to, held)
    if token is None:
        return _again(request, "login_code.html", back_to, None)
    response = come_in(request, token, back_to)
    response.delete_cookie(HALF_COOKIE, httponly=True, samesite="strict", secure=secure(request), path="/login")
    return response


def come_in(request: Request, token: str, back_to: str, response: Response | None = None) -> Response:
    """Their session begins in this browser, by this answer, else one that leads back to where they wanted to go."""
    access: Access = request.app.state.access
    if before := request.cookies.get(COOKIE):
        access.log_out(before)  # whoever planted it in this browser has nothing of what comes
    response = response or back(local_path(back_to))
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=secure(request), path="/")
    return response


class Busy(Exception):
    """Too many wait at the door already."""


async def _at_the_door(request: Request) -> dict[str, Any]:
    if not same_origin(request):
        raise Forbidden("foreign_origin")
    return await read_fields(request)


async def _in_turn(asked: Callable[..., str | None], *given: str | None) -> str | None:
    global _waiting
    if _waiting >= MOST_AT_THE_DOOR:
        raise Busy
    _waiting += 1
    try:
        async with door:
            return await asyncio.to_thread(asked, *given)
    finally:
        _waiting -= 1


def _again(request: Request, template: str, back_to: str, held: Exception | None) -> Response:
    """held: None for what was wrong."""
    trouble: tuple[str, dict[str, object]]
    if isinstance(held, Locked):
        trouble, status = ("login.locked", {"seconds": held.wait_s}), 429
    elif held is not None:
        trouble, status = ("login.busy", {}), 503
    else:
        trouble, status = ("login.wrong" if template == "login.html" else "factor.wrong", {}), 401
    if template == "login.html":
        return login_form(request, trouble, back_to, status)
    return page(request, template, {"trouble": trouble, "back_to": local_path(back_to)}, None, status)


def login_form(request: Request, trouble: tuple[str, dict[str, object]] | None, back_to: str, status: int = 200) -> Response:
    service = request.app.state.oidc
    names = service.provider.settings.names if service is not None else None
    here = url(request, "/login", back=local_path(back_to))  # not the address of a provider's answer, with what stands in it
    values = {"trouble": trouble, "back_to": local_path(back_to), "service": names, "here": here}
    return page(request, "login.html", values, None, status)


@router.post("/logout")
def log_out(request: Request, person: Annotated[Person, needs(Permission.OWN)]) -> Response:
    request.app.state.access.log_out(request.cookies.get(COOKIE, ""))
    # Not straight to the service: a form may lead nowhere else (form-action 'self'), and browsers hold its redirects to that, too.
    response = back("/oidc/out" if person.federated and request.app.state.oidc is not None else "/login")
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
    return _account(request, person, None, "done" in request.query_params)


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
        return _account(request, person, trouble, False)
    return back("/account", done=1)


def _account(request: Request, person: Person, trouble: str | None, done: bool) -> Response:
    access: Access = request.app.state.access
    offered = access.factors.offered_to(person)
    values = {"trouble": trouble, "done": done, "factor_offered": offered, **push.about(request, person)}
    return page(request, "account.html", values, person, 400 if trouble else 200)
