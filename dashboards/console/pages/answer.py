"""The page behind a link in an alert: what it is about, and one button. GET shows, only POST accepts, in the name of the person paged; of a
test page it says that they have it, of a duty head's task that they see to it.

Nobody logs in here: the link is the right, for one order, for an hour, once (plantroom.tickets). It shows no more than the alert said,
what to do and who has it now.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import NotFound
from dashboards.console.commanding import Recorded
from dashboards.console.forms import read_fields
from dashboards.console.guard import open_to_all
from dashboards.console.paged import head_of, person_of, use
from dashboards.console.pages.frame import language_of, page
from dashboards.console.rule_texts import steps_of
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom import words
from plantroom.tickets import Ticket, Tickets

router = APIRouter(include_in_schema=False)
STANDING: Mapping[str, str] = {"open": "nobody", "accepted": "accepted", "arrived": "arrived", "restored": "restored", "closed": "closed"}

AT_WORK = ("open", "accepted", "arrived")  # the states in which the steps are still to be done


@router.get("/a/{nonce}", dependencies=[open_to_all()])
def show(request: Request, nonce: str) -> Response:
    ticket, view = _known(request, nonce)
    return _shown(request, ticket, view, None)


@router.post("/a/{nonce}", dependencies=[open_to_all()])
async def accept(request: Request, nonce: str) -> Response:
    ticket, view = _known(request, nonce)
    now_ns = request.app.state.clock.read().wall_ns
    who = person_of(view, ticket)
    if not ticket.good(now_ns) or who is None or (await read_fields(request)).get("accept") != "1":
        return _shown(request, ticket, view, None)
    return _shown(request, ticket, view, await use(request.app, view, ticket, who, now_ns))


def _known(request: Request, nonce: str) -> tuple[Ticket, SiteView]:
    tickets: Tickets = request.app.state.tickets
    ticket = tickets.find(nonce)
    view = next((view for view in request.app.state.sites.all() if ticket is not None and view.id == ticket.site), None)
    if ticket is None or view is None:
        raise NotFound("this link is none of ours, or older than a week")
    return ticket, view


def _shown(request: Request, ticket: Ticket, view: SiteView, outcome: CommandRow | Recorded | None) -> Response:
    who = person_of(view, ticket)
    sent = view.tables.page(ticket.page)
    order = view.tables.order(ticket.work_order) if ticket.work_order else None
    head = head_of(sent)
    task = next((row for row in view.tables.heads(order.id) if row.head == head), None) if order is not None else None
    fault = view.tables.fault(order.fault) if order is not None and order.fault and order.state in AT_WORK else None
    names = view.names
    holder = order.holder if order is not None else None
    own = who is not None and who.language is not None and request.query_params.get("lang") is None
    lang = words.language(who.language) if own and who is not None else language_of(request)
    now_ns = request.app.state.clock.read().wall_ns
    values = {
        "lang": lang, "lines": sent.message.get(lang, ()) if sent is not None else (), "order": order, "view": view, "outcome": outcome,
        "severity": order.severity if order is not None else "normal", "holder": names.get(holder or "", holder or ""),
        "mine": order is not None and holder == ticket.person, "standing": STANDING[order.state] if order is not None else "",
        "test": not ticket.work_order, "task": task, "asks": head is not None, "names": names,
        "useable": ticket.good(now_ns) and outcome is None and who is not None, "spent": ticket.spent_ns is not None,
        "steps": steps_of(view.config, fault.kind, fault.rule, lang) if fault is not None else (),
        "name": who.name if who is not None else ticket.person,
    }  # fmt: skip
    answer = page(request, "answer.html", values, None)
    answer.headers["x-robots-tag"] = "noindex, nofollow"
    answer.headers["referrer-policy"] = "no-referrer"  # the link is the right
    return answer
