"""Alarm housekeeping of the sites a person sees: `/api/v1/alarms/housekeeping`, and the same for its page."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from typing_extensions import TypedDict

from dashboards.console.api import ROOT, TROUBLES
from dashboards.console.asking import Desk, instant
from dashboards.console.guard import needs
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from plantroom.clock import NS
from plantroom.errors import Refused
from plantroom.housekeeping import Housekeeping, housekeeping

LONGEST_NS = 400 * 86_400 * NS
router = APIRouter(prefix=ROOT)


class SiteHousekeeping(Housekeeping):
    site: str


class HousekeepingList(TypedDict):
    sites: list[SiteHousekeeping]


@router.get("/alarms/housekeeping", responses=TROUBLES)
def alarm_housekeeping(
    request: Request,
    person: Annotated[Person, needs(Permission.HOUSE)],
    from_: Annotated[str, Query(alias="from", description="ISO 8601 with zone, epoch seconds, or a length before now: -7d")] = "-7d",
    to: str = "now",
) -> HousekeepingList:
    """Rates, floods, chatter, fleeting and stale alarms, top ten and priorities, beside their targets. At most 400 days."""
    desk = Desk(request, person)
    start, end = span(from_, to, desk.now_ns)
    return {"sites": [{"site": view.id, **of_site(view, start, end)} for view in desk.views]}


def span(from_: str, to: str, now_ns: int) -> tuple[int, int]:
    """Raises Refused: not understood, backwards, or too long."""
    start, end = instant(from_, now_ns), instant(to, now_ns)
    if not 0 <= start < end:
        raise Refused("`to` must lie after `from`, and both after 1970")
    if end - start > LONGEST_NS:
        raise Refused("at most 400 days in one question; ask in pieces")
    return start, end


def of_site(view: SiteView, start_ns: int, end_ns: int) -> Housekeeping:
    return housekeeping(view.tables.alarms(start_ns, end_ns), start_ns, end_ns)
