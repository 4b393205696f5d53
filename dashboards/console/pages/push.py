"""Browser push: a person turns this browser on or off on the account page, and a browser reports what it has shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from dashboards.console.asking import NotFound
from dashboards.console.forms import read_fields
from dashboards.console.guard import needs, open_to_all
from dashboards.console.paged import commander_of
from dashboards.console.pages.frame import back
from dashboards.console.roles import Permission, Person
from plantroom.journal import Entry, Kind
from plantroom.push import Browsers, public_key, subscription
from plantroom.site import Channel

router = APIRouter(include_in_schema=False)
CHANNEL = "webpush"
Own = Annotated[Person, needs(Permission.OWN)]


@router.post("/account/push")
async def turn_on(request: Request, person: Own) -> Response:
    """A PushSubscription as JSON, `label` beside it. Raises Refused for a push service nobody knows."""
    fields = await read_fields(request)
    services = [service for _, channel in _channels(request, person) for service in _services(channel)]
    endpoint, p256dh, auth = subscription(fields, services)
    ident = _browsers(request).add(person.name, endpoint, p256dh, auth, str(fields.get("label", "")), _now(request))
    return JSONResponse({"id": ident})


@router.post("/account/push/{ident}/stop")
async def turn_off(request: Request, person: Own, ident: str) -> Response:
    _browsers(request).remove(person.name, ident)
    return back("/account")


@router.post("/push/shown/{token}", dependencies=[open_to_all()])
async def shown(request: Request, token: str) -> Response:
    """By the worker, which may have no session any more: the token is the right. A receipt of the page, as any provider's."""
    found = _browsers(request).sent_with(token)
    if found is None:
        raise NotFound("no such page")
    site, sent, known = found
    view = next((view for view in request.app.state.sites.all() if view.id == site), None)
    if view is not None and not known:
        await commander_of(request.app, view).note([Entry(Kind.RECEIPT, orjson.dumps({"outbox": sent, "state": "delivered", "text": ""}))])
        _browsers(request).shown(token, _now(request))  # behind the record: what could not be recorded may be reported again
    return Response(status_code=204)


def about(request: Request, person: Person) -> Mapping[str, Any]:
    """For the account page. push_key: None where no site of theirs pushes; push_named: a site file names them as an address."""
    channels = list(_channels(request, person))
    named = any(
        known.contacts.get(channel.id) == person.name
        for view, channel in channels if view.config is not None
        for known in view.config.people.values()
    )  # fmt: skip
    key = public_key(request.app.state.data) if channels else None
    return {"push_key": key, "push_named": named, "browsers": _browsers(request).of(person.name) if channels else []}


def _channels(request: Request, person: Person) -> Iterator[tuple[Any, Channel]]:
    """Of the sites this person sees."""
    for view in request.app.state.sites.seen_by(person, None):
        for channel in view.config.channels.values() if view.config is not None else ():
            if channel.type == CHANNEL:
                yield view, channel


def _services(channel: Channel) -> tuple[str, ...]:
    found = channel.settings.get("services")
    return found if isinstance(found, tuple) else ()


def _browsers(request: Request) -> Browsers:
    found: Browsers = request.app.state.browsers
    return found


def _now(request: Request) -> int:
    at_ns: int = request.app.state.clock.read().wall_ns
    return at_ns
