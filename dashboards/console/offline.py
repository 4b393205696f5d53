"""What a phone needs to go without reception and to come back: who is logged in, what they have, and the page for what it did not keep."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from dashboards.console import shapes
from dashboards.console.asking import Desk
from dashboards.console.guard import needs, open_to_all
from dashboards.console.pages.frame import page, url
from dashboards.console.roles import Permission, Person

router = APIRouter()
MOST_PAGES = 40


@router.get("/api/v1/session", response_model=shapes.SessionShape, responses={401: {"model": shapes.TroubleShape}}, tags=["api"])
def session(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    """Who asks; form_token: what X-Form-Token must say (null for a bearer token). pages: of the faults and orders they have now."""
    desk = Desk(request, person)
    held = [(view, order) for view in desk.views for order in view.tables.open_orders() if order.holder == person.name]
    paths = [url(request, path, view) for view, order in held for path in _of(order.fault, order.id)]
    body = {"person": person.name, "form_token": person.form_token, "now": desk.now_ns // 1_000_000, "pages": paths[:MOST_PAGES]}
    return JSONResponse(body)


@router.get("/offline", dependencies=[open_to_all()], include_in_schema=False)
def offline(request: Request) -> Response:
    """Kept by the worker, shown where there is no reception."""
    return page(request, "offline.html", {}, None)


def _of(fault: str | None, order: str) -> list[str]:
    return [*([f"/faults/{fault}"] if fault else []), f"/orders/{order}"]
