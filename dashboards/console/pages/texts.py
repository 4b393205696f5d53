"""What people would be told, rule by rule, before they are."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.alert_texts import matching
from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.pages.frame import page
from dashboards.console.roles import Permission, Person

router = APIRouter(include_in_schema=False)
PER_PAGE = 100
MOST_NAMED = 6


@router.get("/health/texts")
async def alert_texts(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    """`kind`, `q` = words of the text, the rule or a machine; `page` from 1."""
    desk, asked, kept = Desk(request, person), request.query_params, request.app.state.alert_texts
    kind, sought = asked.get("kind", ""), asked.get("q", "").strip()
    every = [(view, one) for view in desk.views for one in await asyncio.to_thread(kept.of, view)]
    kinds = list({one.kind: (one.kind, one.kind_name) for _, one in every}.values())
    found = [(view, one) for view, one in every if matching([one], kind, sought)]
    pages = max(1, -(-len(found) // PER_PAGE))
    number = min(max(int(asked["page"]), 1), pages) if asked.get("page", "").isdecimal() and len(asked["page"]) < 9 else 1
    values = {
        "rows": found[(number - 1) * PER_PAGE : number * PER_PAGE], "kinds": kinds, "kind": kind, "q": sought, "number": number,
        "pages": pages, "found": len(found), "most_named": MOST_NAMED,
    }  # fmt: skip
    return page(request, "texts.html", values, person)
