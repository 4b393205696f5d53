"""The service standard's figures of a period, and the orders behind each of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.kpi import missed_first, of_site, scope_of, scopes
from dashboards.console.pages.frame import page
from dashboards.console.roles import Permission, Person
from plantroom.clock import at_utc, to_ns
from plantroom.kpi.cases import Clause

router = APIRouter(include_in_schema=False)
SHOWN_CASES = 200


@router.get("/kpi")
def kpi(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    """`period`, `from` and `to`, `kind`, `system`, `firm` as in the API; `figure` = whose orders to list."""
    desk, asked = Desk(request, person), {key: value.strip() for key, value in request.query_params.items()}
    scope = scope_of(asked.get("kind"), asked.get("system"), asked.get("firm"))
    clause = Clause(asked["figure"]) if asked.get("figure") in set(Clause) else None
    rows = []
    for view in desk.views:
        read = of_site(desk, view, asked.get("period") or None, asked.get("from"), asked.get("to"), asked.get("as_of") or None, scope)
        own = missed_first(read.judged, clause) if clause is not None else []
        cases = [(case, read.judged.orders[case.order]) for case in own[:SHOWN_CASES]]
        rows.append((view, read.figures, cases, max(0, len(own) - SHOWN_CASES), scopes(view)))
    zone = desk.views[0].zone if desk.views else None
    today = at_utc(desk.now_ns).astimezone(zone).date()
    shown = {
        "rows": rows, "as_of_ns": lambda text: to_ns(datetime.fromisoformat(text)), "scope": scope, "clause": clause, "links": links(today),
        "chosen": asked.get("period") or ("" if asked.get("from") else f"{today:%Y-%m}"),
    }  # fmt: skip
    return page(request, "kpi.html", shown, person)


def links(today: date) -> list[str]:
    """Periods people look at: last month and this one, this quarter and the last, this year."""
    first = today.replace(day=1)
    before = first - timedelta(days=1)
    quarter = (today.year, (today.month + 2) // 3)
    last = (quarter[0], quarter[1] - 1) if quarter[1] > 1 else (quarter[0] - 1, 4)
    return [f"{first:%Y-%m}", f"{before:%Y-%m}", f"{quarter[0]}-Q{quarter[1]}", f"{last[0]}-Q{last[1]}", str(today.year)]
