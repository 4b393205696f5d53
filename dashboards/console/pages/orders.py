"""Work orders: the list and one order's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.api import STATES
from dashboards.console.asking import Desk, instant
from dashboards.console.guard import needs
from dashboards.console.pages.faults import PER_PAGE, about
from dashboards.console.pages.frame import language_of, notice_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from dashboards.console.tables import SEVERITIES, Order
from plantroom.clock import iso
from plantroom.evidence import Limits
from plantroom.evidence.store import MIB

router = APIRouter(include_in_schema=False)
Row = tuple[SiteView, Order]


@router.get("/orders")
def order_list(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    desk = Desk(request, person)
    asked = request.query_params
    state = asked.get("state") if asked.get("state") in (*STATES, "all") else None
    if state is None:
        rows, more = to_be_done(desk), None
    else:
        before = instant(asked["before"], desk.now_ns) if asked.get("before") else None
        rows, more = newest_first(desk, None if state == "all" else (state,), before)
    names = {view.id: view.names for view in desk.views}
    return page(request, "orders.html", {"rows": rows, "state": state, "states": STATES, "names": names, "more": more}, person)


def to_be_done(desk: Desk) -> list[Row]:
    """All orders that are not closed, as they should be worked on: by class, then what is due first."""

    def place(row: Row) -> tuple[int, bool, int]:
        running = row[1].running
        return SEVERITIES.index(row[1].severity), running is None, running.due_ns if running else row[1].opened_ns

    return sorted(((view, order) for view in desk.views for order in view.tables.open_orders()), key=place)


def newest_first(desk: Desk, states: Sequence[str] | None, before_ns: int | None) -> tuple[list[Row], str | None]:
    """A page of orders, and the instant to ask before for the next one."""
    rows = [(view, order) for view in desk.views for order in view.tables.orders(states, None, before_ns, PER_PAGE + 1)]
    rows.sort(key=lambda row: (row[1].opened_ns, row[1].id), reverse=True)
    return rows[:PER_PAGE], iso(rows[PER_PAGE - 1][1].opened_ns) if len(rows) > PER_PAGE else None


@router.get("/orders/{order_id}")
async def order_page(request: Request, person: Annotated[Person, needs(Permission.SEE)], order_id: str) -> Response:
    desk = Desk(request, person)
    view, order = desk.only(lambda view: view.tables.order(order_id), f"order {order_id}")
    fault = view.tables.fault(order.fault) if order.fault else None
    shown = about(view, fault, order, person, language_of(request))
    kept = {"evidence": view.tables.evidence("order", order.id), "evidence_about": "order", "evidence_target": order.id}
    most = (view.config.evidence if view.config else Limits()).most // MIB
    return page(request, "order.html", {**shown, **kept, "evidence_most": most, "notice": await notice_of(request, desk)}, person)
