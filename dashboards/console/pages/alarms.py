"""How many alarms people got and how good they were, site by site."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.alarms import of_site, span
from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.pages.frame import page
from dashboards.console.roles import Permission, Person
from plantroom.housekeeping import value_text

router = APIRouter(include_in_schema=False)
DAYS = (1, 7, 30)


@router.get("/health/alarms")
def alarms(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    """`days` = so many until now, or `from` and `to` as in the API."""
    desk, asked = Desk(request, person), request.query_params
    days = int(asked["days"]) if asked.get("days", "") in map(str, DAYS) else None
    from_, to = (asked.get("from") or "").strip(), (asked.get("to") or "").strip()
    if not from_ and not to:
        days = days or 7
    start, end = span(from_ or f"-{days or 7}d", to or "now", desk.now_ns)
    rows = [(view, of_site(view, start, end)) for view in desk.views]
    shown = {"rows": rows, "days": DAYS, "chosen": None if from_ or to else days, "from": from_, "to": to, "value_text": value_text}
    return page(request, "alarms.html", shown, person)
