"""Work orders: the list and one order's page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.api import STATES
from dashboards.console.asking import Desk, instant
from dashboards.console.guard import needs
from dashboards.console.pages.faults import PER_PAGE, about
from dashboards.console.pages.frame import notice_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.tables import OPEN_STATES
from plantroom.clock import iso

router = APIRouter(include_in_schema=False)


@router.get("/orders")
def order_list(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    desk = Desk(request, person)
    asked = request.query_params
    state = asked.get("state") if asked.get("state") in (*STATES, "all") else None
    states = {None: OPEN_STATES, "all": None}.get(state, (state or "",))
    before = instant(asked["before"], desk.now_ns) if asked.get("before") else None
    rows = [(view, order) for view in desk.views for order in view.tables.orders(states, None, before, PER_PAGE + 1)]
    rows.sort(key=lambda row: (row[1].opened_ns, row[1].id), reverse=True)
    names = {view.id: view.tables.people() for view in desk.views}
    more = iso(rows[PER_PAGE - 1][1].opened_ns) if len(rows) > PER_PAGE else None
    return page(request, "orders.html", {"rows": rows[:PER_PAGE], "state": state, "states": STATES, "names": names, "more": more}, person)


@router.get("/orders/{order_id}")
async def order_page(request: Request, person: Annotated[Person, needs(Permission.SEE)], order_id: str) -> Response:
    desk = Desk(request, person)
    view, order = desk.only(lambda view: view.tables.order(order_id), f"order {order_id}")
    fault = view.tables.fault(order.fault) if order.fault else None
    return page(request, "order.html", {**about(view, fault, order), "notice": await notice_of(request, desk)}, person)
