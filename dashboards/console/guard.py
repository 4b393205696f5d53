"""Every route names what it needs; here it is asked for. No route without a permission: `unguarded` finds those."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.routing import BaseRoute

from dashboards.console.access import Access
from dashboards.console.forms import read_fields
from dashboards.console.pace import Buckets
from dashboards.console.roles import Permission, Person
from dashboards.console.uploads import is_upload, upload_of
from plantroom.screens import Screen, Screens

COOKIE = "plantroom_session"
SCREEN_COOKIE = "plantroom_screen"
SAFE = ("GET", "HEAD", "OPTIONS")


class NotLoggedIn(Exception):
    """Nobody, or a session that ended. Pages go to the login, the API answers 401."""


class Forbidden(Exception):
    """Somebody, but not allowed, or a request that another page made in their name. 403; the reason is a code."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class TooFast(Exception):
    """This account asks more often than anybody can read. 429; wait_s until the next request is answered."""

    def __init__(self, wait_s: int) -> None:
        self.wait_s = wait_s
        super().__init__(f"wait {wait_s} s")


class Needs:
    """A route's demand. As a dependency it yields the Person who asks."""

    def __init__(self, permission: Permission | None) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> Person | None:
        if self.permission is None:
            return None
        access: Access = request.app.state.access
        person = person_of(request, access)
        if person is None:
            raise NotLoggedIn
        accounts: Buckets = request.app.state.accounts
        if wait_s := accounts.take(person.name, request.app.state.clock.read().boot_ns):
            raise TooFast(wait_s)
        if person.unproven and self.permission is not Permission.OWN:
            raise Forbidden("second_factor")
        if not person.may(self.permission):
            raise Forbidden("not_permitted")
        if request.method not in SAFE and person.form_token is not None:
            await _own_form(request, person)
        return person.asking(self.permission)


class NeedsScreen(Needs):
    """A browser that is the screen of a duty room. As a dependency it yields the Screen."""

    def __init__(self) -> None:
        super().__init__(Permission.SCREEN)

    async def __call__(self, request: Request) -> Screen:  # type: ignore[override]
        screens: Screens = request.app.state.screens
        screen = screens.of(request.cookies.get(SCREEN_COOKIE, ""))
        if screen is None:
            raise Forbidden("not_a_screen") if person_of(request, request.app.state.access) is not None else NotLoggedIn
        if request.method not in SAFE and not same_origin(request):
            raise Forbidden("foreign_origin")
        return screen


def needs(permission: Permission) -> Any:
    return Depends(Needs(permission))


def needs_screen() -> Any:
    return Depends(NeedsScreen())


def open_to_all() -> Any:
    """For the login, /healthz, static files, and links that are a right of their own."""
    return Depends(Needs(None))


def person_of(request: Request, access: Access, touch: bool | None = None) -> Person | None:
    """By bearer token where one is given, else by the session cookie. touch: whether it is a deed of theirs,
    None = as the request says."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind:
        return access.bearer(token.strip()) if kind.lower() == "bearer" else None
    cookie = request.cookies.get(COOKIE)
    return access.person_of(cookie, touch=by_a_person(request) if touch is None else touch) if cookie else None


def by_a_person(request: Request) -> bool:
    """False for what a page fetches by itself: it must not keep an abandoned session alive."""
    return request.method not in SAFE or request.headers.get("sec-fetch-mode", "navigate") == "navigate"


def same_origin(request: Request) -> bool:
    """Whether our own page sent this. A browser says so by Origin or Sec-Fetch-Site, which no page can forge; who says neither is none."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() in (request.headers.get("host", "").lower(), *request.app.state.origins())


async def _own_form(request: Request, person: Person) -> None:
    if not same_origin(request):
        raise Forbidden("foreign_origin")
    given = request.headers.get("x-form-token", "")
    if not given:
        fields = (await upload_of(request)).fields if is_upload(request) else await read_fields(request)
        given = str(fields.get("form_token", ""))
    if not hmac.compare_digest(given.encode(), (person.form_token or "").encode()):
        raise Forbidden("form_token")


def demands(route: BaseRoute) -> list[Permission | None]:
    """What a route asks for, through all its dependencies."""
    if not isinstance(route, APIRoute):
        return []

    def walk(dependant: Dependant) -> Iterator[Permission | None]:
        if isinstance(dependant.call, Needs):
            yield dependant.call.permission
        for below in dependant.dependencies:
            yield from walk(below)

    return list(walk(route.dependant))


def unguarded(routes: Iterable[BaseRoute]) -> list[str]:
    """Paths of routes that name no permission, or several."""
    return [getattr(route, "path", repr(route)) for route in routes if len(demands(route)) != 1]
