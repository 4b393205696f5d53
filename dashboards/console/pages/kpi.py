"""The service standard's figures of a period, and the orders behind each of them."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import Desk
from dashboards.console.commanding import Recorded
from dashboards.console.forms import read_fields
from dashboards.console.guard import needs
from dashboards.console.kpi import differing, missed_first, of_site, scope_of, scopes, sign
from dashboards.console.pages.frame import back, local_path, notice_of, page
from dashboards.console.roles import DEEDS, Permission, Person
from plantroom.clock import at_utc, to_ns
from plantroom.kpi.cases import Clause
from plantroom.kpi.reading import Scope

router = APIRouter(include_in_schema=False)
SHOWN_CASES = 200


@router.get("/kpi")
async def kpi(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    """`period`, `from` and `to`, `kind`, `system`, `firm` as in the API; `figure` = whose orders to list."""
    desk, asked = Desk(request, person), {key: value.strip() for key, value in request.query_params.items()}
    scope = scope_of(asked.get("kind"), asked.get("system"), asked.get("firm"))
    clause = Clause(asked["figure"]) if asked.get("figure") in set(Clause) else None
    rows = []
    for view in desk.views:
        read = await asyncio.to_thread(
            of_site, desk, view, asked.get("period") or None, asked.get("from"), asked.get("to"), asked.get("as_of") or None, scope
        )
        own = missed_first(read.judged, clause) if clause is not None else []
        cases = [(case, read.judged.orders[case.order]) for case in own[:SHOWN_CASES]]
        rows.append((view, read.figures, cases, max(0, len(own) - SHOWN_CASES), scopes(view)))
    signed = {view.id: [(row, differing(found, row)) for row in view.tables.signed_periods(found["period"])] for view, found, *_ in rows}
    zone = desk.views[0].zone if desk.views else None
    today = at_utc(desk.now_ns).astimezone(zone).date()
    shown = {
        "rows": rows,
        "signed": signed,
        "whole": scope == Scope(),
        "names": {view.id: view.names for view in desk.views},
        "as_of_ns": lambda text: to_ns(datetime.fromisoformat(text)),
        "scope": scope,
        "clause": clause,
        "links": links(today),
        "notice": await notice_of(request, desk),
        "chosen": asked.get("period") or ("" if asked.get("from") else f"{today:%Y-%m}"),
    }
    return page(request, "kpi.html", shown, person)


def links(today: date) -> list[str]:
    """Periods people look at: last month and this one, this quarter and the last, this year."""
    first = today.replace(day=1)
    before = first - timedelta(days=1)
    quarter = (today.year, (today.month + 2) // 3)
    last = (quarter[0], quarter[1] - 1) if quarter[1] > 1 else (quarter[0] - 1, 4)
    return [f"{first:%Y-%m}", f"{before:%Y-%m}", f"{quarter[0]}-Q{quarter[1]}", f"{last[0]}-Q{last[1]}", str(today.year)]


@router.post("/kpi/sign")
async def sign_form(request: Request, person: Annotated[Person, needs(DEEDS["sign_period"])]) -> Response:
    command = await sign(request, person)
    command_id = command.command_id if isinstance(command, Recorded) else command.id
    return back(local_path(str((await read_fields(request)).get("back", "/kpi"))), command=command_id)
