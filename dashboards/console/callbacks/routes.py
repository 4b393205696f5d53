"""Where providers call back: a press of a card's button or a call's key accepts, a receipt is written down. Set-up: docs/channels.md.

Nobody logs in here: each provider proves itself in its own way, and the right to accept is the one that went out with the page, for its
fault, its person and its level, for an hour, once. What does not fit does nothing, and is told so in the log alone.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque

import orjson
import structlog
from fastapi import APIRouter, FastAPI, Request, Response

from dashboards.console.callbacks import aliyun, telegram, tencent, wecom
from dashboards.console.callbacks.told import Foreign, Heard, Told, What
from dashboards.console.guard import open_to_all
from dashboards.console.paged import commander_of, person_of, use
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom.clock import NS
from plantroom.journal import Entry, Kind
from plantroom.site import Channel
from plantroom.tickets import Ticket, Tickets
from plantroom.words import language, say

MOST_TOLD = 1_000  # of one request
MOST_A_SECOND = 50  # requests of one channel's provider
FORGET_AFTER = 4_096  # requests of which it is known that they came before

log = structlog.get_logger()
router = APIRouter(include_in_schema=False)


class Seen:
    """What came lately: by channel for its rate, by name where a request may be sent again."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], deque[int]] = {}
        self._once: dict[str, None] = {}

    def too_many(self, channel: tuple[str, str], now_ns: int) -> bool:
        came = self._at.setdefault(channel, deque(maxlen=MOST_A_SECOND))
        if len(came) == MOST_A_SECOND and 0 <= now_ns - came[0] < NS:
            return True
        came.append(now_ns)
        return False

    def again(self, once: str | None) -> bool:
        return once in self._once

    def done(self, once: str | None) -> None:
        """Behind the deed: what broke may be sent again."""
        if once is None:
            return
        self._once[once] = None
        while len(self._once) > FORGET_AFTER:
            del self._once[next(iter(self._once))]


@router.get("/callback/{site}/{channel}", dependencies=[open_to_all()])
def echo(request: Request, site: str, channel: str) -> Response:
    """WeCom asks once whether the address is ours."""
    view, known = _channel(request.app, site, channel)
    if view is None or known is None or known.type != "wecom_app":
        return Response(status_code=404)
    try:
        said = wecom.echo(known.settings, request.query_params, request.app.state.clock.read().wall_ns)
    except Foreign as why:
        return _refused(site, channel, str(why))
    return Response(said, media_type="text/plain")


@router.post("/callback/{site}/{channel}", dependencies=[open_to_all()])
async def signed(request: Request, site: str, channel: str) -> Response:
    """Of a provider that signs, or repeats a secret in a header."""
    view, known = _channel(request.app, site, channel)
    if view is None or known is None or known.type not in ("wecom_app", "telegram"):
        return Response(status_code=404)
    body, now_ns = await request.body(), request.app.state.clock.read().wall_ns
    try:
        if known.type == "wecom_app":
            heard = wecom.read(known.settings, request.query_params, body, now_ns)
        else:
            heard = telegram.read(known.settings, request.headers, body)
    except Foreign as why:
        return _refused(site, channel, str(why))
    answer = await _take(request, view, known, heard)
    if isinstance(answer, Response):
        return answer
    if heard.asks is not None:
        return Response(telegram.answer(heard.asks, answer), media_type="application/json")
    return Response(status_code=200)


@router.post("/callback/{site}/{channel}/{token}", dependencies=[open_to_all()])
async def addressed(request: Request, site: str, channel: str, token: str) -> Response:
    """Of a provider that signs nothing: the end of the address is what it knows."""
    view, known = _channel(request.app, site, channel)
    wanted = known.settings.get("callback_token") if known is not None and known.type in ("sms", "voice") else None
    if view is None or known is None or not wanted or not hmac.compare_digest(str(wanted).encode(), token.encode()):
        return Response(status_code=404)
    provider = tencent if known.settings.get("provider") == "tencent" else aliyun
    try:
        heard = provider.read(known.type, await request.body())
    except Foreign as why:
        return _refused(site, channel, str(why))
    answer = await _take(request, view, known, heard)
    return answer if isinstance(answer, Response) else Response(provider.TAKEN, media_type="application/json")


def _channel(app: FastAPI, site: str, channel: str) -> tuple[SiteView | None, Channel | None]:
    view = next((view for view in app.state.sites.all() if view.id == site), None)
    known = view.config.channels.get(channel) if view is not None and view.config is not None else None
    return view, known


def _refused(site: str, channel: str, why: str) -> Response:
    log.warning("callback.refused", site=site, channel=channel, why=why)
    return Response(status_code=404)


async def _take(request: Request, view: SiteView, channel: Channel, heard: Heard) -> Response | str:
    """All that was heard, done; the word for whoever pressed. A response where it has to be sent again later."""
    app, now_ns = request.app, request.app.state.clock.read().wall_ns
    seen: Seen = app.state.callbacks
    if seen.again(heard.once):
        log.info("callback.again", site=view.id, channel=channel.id)
        return Response(status_code=200)
    if seen.too_many((view.id, channel.id), now_ns):
        return Response(status_code=429, headers={"retry-after": "1"})
    receipts: list[Entry] = []
    presses: dict[bytes, Ticket] = {}  # one call is told of several times
    for told in heard.told[:MOST_TOLD]:
        page, person, ticket = _known(app, view, channel, told)
        if page is None or person is None or not _theirs(view, channel, person, told.address):
            log.warning("callback.foreign", site=view.id, channel=channel.id, what=told.what.value)
        elif told.what is not What.PRESSED:
            receipts.append(_receipt(page, person, ticket, channel, told))
        elif ticket is not None:
            presses[ticket.hash] = ticket
    if receipts:
        await commander_of(app, view).note(receipts)
    said = await asyncio.gather(*(_press(app, view, ticket, now_ns) for ticket in presses.values()))
    seen.done(heard.once)
    return said[0] if said else ""


def _known(app: FastAPI, view: SiteView, channel: Channel, told: Told) -> tuple[str | None, str | None, Ticket | None]:
    """(page, person, right) it is about; None for what never went out, or by another site, channel or card."""
    tickets: Tickets = app.state.tickets
    if told.reference is not None:
        sent = tickets.by_reference(view.id, channel.id, told.reference)
        return (sent.page, sent.person, sent.ticket) if sent is not None else (None, None, None)
    ticket = tickets.find(told.nonce or "")
    page = view.tables.page(ticket.page) if ticket is not None and ticket.site == view.id else None
    if ticket is None or page is None or page.channel != channel.id or told.task not in (None, ticket.page):
        return None, None, None
    return ticket.page, ticket.person, ticket


def _theirs(view: SiteView, channel: Channel, person: str, address: str | None) -> bool:
    """Whether the address that pressed or was called is this person's on this channel."""
    known = view.config.people.get(person) if view.config is not None else None
    own = known.contacts.get(channel.id) if known is not None else None
    if own is None:
        return False
    if address is None:
        return True
    return _digits(own) == _digits(address) if channel.type in ("sms", "voice") else own.lower() == address.lower()


def _digits(number: str) -> str:
    """A telephone number without what people and providers write around it."""
    digits = "".join(filter(str.isdigit, number))
    return digits.removeprefix("86") if len(digits) > 11 else digits


def _receipt(page: str, person: str, ticket: Ticket | None, channel: Channel, told: Told) -> Entry:
    text = told.text
    if told.address:
        text = text.replace(told.address, "***")
    order = ticket.work_order if ticket is not None else ""
    body = {"outbox": page, "channel": channel.id, "state": told.what.value, "text": text, "work_order": order or None, "person": person}
    return Entry(Kind.RECEIPT, orjson.dumps(body))


async def _press(app: FastAPI, view: SiteView, ticket: Ticket, now_ns: int) -> str:
    """The word for whoever pressed."""
    who = person_of(view, ticket)
    lang = language(who.language if who is not None and who.language else view.language)
    if who is None or not ticket.good(now_ns):
        log.warning("callback.late", site=view.id, page=ticket.page, spent=ticket.spent_ns is not None)
        return say("callback.spent" if ticket.spent_ns is not None else "callback.late", lang)
    outcome = await use(app, view, ticket, who, now_ns)
    return str(outcome.says[lang]) if isinstance(outcome, CommandRow) else say("callback.recorded", lang)
