"""The duty room: its screen, which sounds until somebody there says that they heard, and the browsers that are such screens.

A screen is nobody. It sees one site and says what it shows and that a page was heard; who accepts after a radio call gives name and PIN
(or password) with that one deed. A PIN counts with a form that this screen was given for that order, once (radio_entry.py).
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from dashboards.console import room
from dashboards.console.access import Access, Locked
from dashboards.console.asking import Desk, NotFound
from dashboards.console.commanding import Commander, Deed, Recorded, command_id_of
from dashboards.console.events import Client, Hub
from dashboards.console.forms import read_fields
from dashboards.console.guard import SCREEN_COOKIE, needs, needs_screen
from dashboards.console.pages.frame import back, language_of, page, secure
from dashboards.console.pages.login import door
from dashboards.console.radio_entry import RADIO_KEY, Entries, Entry
from dashboards.console.roles import DEEDS, Permission, Person, Role
from dashboards.console.rule_texts import steps_of
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom.errors import Refused
from plantroom.screens import Screen, Screens

router = APIRouter(include_in_schema=False)
PATH = "/duty-room"
COOKIE_S = 400 * 86_400
RADIO_STEP = {"open": "accept", "accepted": "arrive"}  # by the order's state
LONGEST_LABEL = 40
Asking = Annotated[Screen, needs_screen()]


@router.get(PATH)
async def room_page(request: Request, screen: Asking) -> Response:
    view = _view(request, screen)
    return await _shown(request, screen, view, request.query_params.get("order"))


@router.post(f"{PATH}/board")
async def say(request: Request, screen: Asking) -> Response:
    """The screen is before people's eyes, with or without sound, and shows these pages; the answer is the board as it is now."""
    view, fields = _view(request, screen), await read_fields(request)
    now_ns, sound = request.app.state.clock.read().wall_ns, fields.get("sound") == "1"
    screens: Screens = request.app.state.screens
    screens.seen(screen, sound, now_ns)
    board = room.board(view, now_ns)
    told = set(str(fields.get("shown", "")).split())
    screens.show(screen, [id_ for id_ in board.pages if id_ in told], sound, now_ns)
    return page(request, "duty_room_part.html", _values(view, screen, board), None)


@router.get(f"{PATH}/events")
async def events(request: Request, screen: Asking) -> Response:
    """As /api/v1/events of its site, without values."""
    hub: Hub = request.app.state.hub
    token = request.cookies.get(SCREEN_COOKIE, "")
    screens: Screens = request.app.state.screens
    client = Client(_as(screen), screen.site, frozenset())
    stream = hub.listen(client, request.headers.get("last-event-id"), lambda: screens.of(token) is not None)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.post(f"{PATH}/heard")
async def heard(request: Request, screen: Asking) -> Response:
    """field page: the newest one they saw; it and those before it about its order are heard."""
    view, fields = _view(request, screen), await read_fields(request)
    now_ns, target = request.app.state.clock.read().wall_ns, str(fields.get("page", ""))
    sent = view.tables.page(target)
    if sent is None or sent.channel not in room.channels_of(view):
        raise NotFound(f"no page {target} of this room")
    screens: Screens = request.app.state.screens
    screens.show(screen, [sent.id], False, now_ns)  # also where no script could say so
    command = await _commander(request, view).send(Deed("heard", sent.id, {}), _as(screen), command_id_of(fields.get("command_id")))
    return _back(command)


def _radio_route(does: str) -> None:
    async def route(request: Request, order_id: str, screen: Asking) -> Response:
        return await _radio(request, screen, order_id, does)

    router.add_api_route(f"{PATH}/orders/{{order_id}}/{does}", route, methods=["POST"], name=f"radio_{does}")


for _does in RADIO_STEP.values():
    _radio_route(_does)


async def _radio(request: Request, screen: Screen, order_id: str, does: str) -> Response:
    """Somebody radioed that they go, or are there: who goes, and who heard it and gives their name and PIN or password for it."""
    view, fields = _view(request, screen), await read_fields(request)
    if view.tables.order(order_id) is None:
        raise NotFound(f"no order {order_id}")
    goes, eta = str(fields.get("goes", "")), str(fields.get("eta", ""))
    pin, password = str(fields.get("pin", "")), str(fields.get("password", ""))
    if not (pin or password):
        return await _shown(request, screen, view, order_id, ("pin.none_given", {}), 400)
    entry = Entry(screen.id, order_id, does, str(fields.get("command_id", "")))
    if pin and not _entries(request).good(entry, str(fields.get("mark", ""))):
        return await _shown(request, screen, view, order_id, ("pin.old", {}), 409)
    try:
        who = await _vouched(request, screen, str(fields.get("name", "")), pin, password)
    except Locked as locked:
        return await _shown(request, screen, view, order_id, ("login.locked", {"seconds": locked.wait_s}), 429)
    if who is None:
        return await _shown(request, screen, view, order_id, ("pin.wrong", {}), 401)
    if not (who.may(DEEDS[does]) and who.sees(view.id)):
        return await _shown(request, screen, view, order_id, ("trouble.not_permitted", {}), 403)
    if view.config is None or goes not in view.config.people:
        return await _shown(request, screen, view, order_id, ("room.who_goes", {}), 400)
    args = {"goes": goes, **({"eta": eta} if eta and does == "accept" else {})}
    return _back(await _commander(request, view).send(Deed(does, order_id, args), who, command_id_of(fields.get("command_id"))))


async def _vouched(request: Request, screen: Screen, name: str, pin: str, password: str) -> Person | None:
    access: Access = request.app.state.access
    async with door:
        if pin:
            return await asyncio.to_thread(access.vouch_by_pin, name, pin, screen.id)
        return await asyncio.to_thread(access.vouch, name, password)


def _entries(request: Request) -> Entries:
    access: Access = request.app.state.access
    return Entries(access.key(RADIO_KEY), request.app.state.clock.read().wall_ns)


@router.get(f"{PATH}/screens")
async def screens_page(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    desk = Desk(request, person)
    screens: Screens = request.app.state.screens
    own = screens.of(request.cookies.get(SCREEN_COOKIE, ""))
    sites = [(view, screens.at(view.id), room.channels_of(view)) for view in desk.views]
    return page(request, "duty_room_screens.html", {"sites": sites, "own": own}, person)


@router.post(f"{PATH}/screens")
async def make_screen(request: Request, person: Annotated[Person, needs(Permission.OPERATE)]) -> Response:
    """This browser becomes a screen of a site's duty room; the session of who made it goes on until they log out."""
    desk, fields = Desk(request, person), await read_fields(request)
    label = str(fields.get("label", ""))
    if not 0 < len(label) <= LONGEST_LABEL:
        raise Refused(f"label: name the screen in 1 to {LONGEST_LABEL} characters")
    view, _ = desk.only(lambda view: view.id == fields.get("of") or None, f"site {fields.get('of')}")
    screens: Screens = request.app.state.screens
    token = screens.make(view.id, label, person.name, desk.now_ns)
    response = back(PATH)
    response.set_cookie(SCREEN_COOKIE, token, max_age=COOKIE_S, httponly=True, samesite="strict", secure=secure(request), path=PATH)
    return response


@router.post(f"{PATH}/screens/{{screen_id}}/remove")
async def remove_screen(request: Request, screen_id: str, person: Annotated[Person, needs(Permission.OPERATE)]) -> Response:
    screens: Screens = request.app.state.screens
    if not any([screens.remove(view.id, screen_id) for view in Desk(request, person).views]):
        raise NotFound(f"no screen {screen_id}")
    return back(f"{PATH}/screens")


def _view(request: Request, screen: Screen) -> SiteView:
    found = next((view for view in request.app.state.sites.all() if view.id == screen.site), None)
    if found is None:
        raise NotFound(f"no site {screen.site}")
    return found  # type: ignore[no-any-return]


def _as(screen: Screen) -> Person:
    return Person(f"screen:{screen.id}", Role.VIEWER, frozenset({screen.site}), shown=screen.label)


def _commander(request: Request, view: SiteView) -> Commander:
    found: dict[str, Commander] = request.app.state.commanders
    return found.setdefault(view.id, Commander(view))


def _back(command: CommandRow | Recorded) -> Response:
    command_id = command.command_id if isinstance(command, Recorded) else command.id
    return back(f"{PATH}?{urlencode({'command': command_id})}")


def _values(view: SiteView, screen: Screen, board: room.Board) -> dict[str, Any]:
    return {"view": view, "screen": screen, "board": board, "names": view.names}


async def _shown(
    request: Request, screen: Screen, view: SiteView, order_id: str | None, trouble: tuple[str, dict[str, object]] | None = None,
    status: int = 200,
) -> Response:  # fmt: skip
    """order_id: the one whose radio call is being entered."""
    board = room.board(view, request.app.state.clock.read().wall_ns)
    order = view.tables.order(order_id) if order_id else None
    fault = view.tables.fault(order.fault) if order is not None and order.fault else None
    given = request.query_params.get("command")
    command = await _commander(request, view).find(given) if given else None
    does = RADIO_STEP.get(order.state) if order is not None else None
    entry = Entry(screen.id, order.id, does, str(uuid.uuid4())) if order is not None and does is not None else None
    values = {
        **_values(view, screen, board), "order": order, "trouble": trouble, "does": does,
        "entry": {"command_id": entry.command_id, "mark": _entries(request).mark(entry)} if entry is not None else None,
        "fault": fault, "steps": steps_of(view.config, fault.kind, fault.rule, language_of(request)) if fault is not None else (),
        "people": list(view.config.people.values()) if view.config is not None else [],
        "notice": {"command": command, "view": view} if command is not None else None,
    }  # fmt: skip
    template = "duty_room_form.html" if request.query_params.get("part") == "form" else "duty_room.html"
    return page(request, template, values, None, status)
