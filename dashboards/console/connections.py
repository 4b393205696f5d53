"""How the connections of the sites a person sees do: `/api/v1/connections`, and the same for the page of Plantroom itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request

from dashboards.console import shapes
from dashboards.console.api import ROOT, TROUBLES
from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from plantroom import link_counts
from plantroom.clock import NS, iso

STALE_S = 3 * link_counts.EVERY_S
SOUND = ("messages", "delivered again", "silent")  # what a broker's connection counts that is no message gone wrong
router = APIRouter(prefix=ROOT)


@router.get("/connections", responses=TROUBLES)
def connections(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> shapes.ConnectionList:
    """Every link of the collector with what it counted since the collector's start, and how each unit behind it answers."""
    desk = Desk(request, person)
    return {"connections": [found for view in desk.views for found in of_site(view, desk.now_ns)]}


def of_site(view: SiteView, now_ns: int) -> list[shapes.ConnectionShape]:
    """[] where the collector has said nothing yet. Only what the present configuration has is shown."""
    said = link_counts.read(view.folder)
    known = view.config.connections if view.config else {}
    if said is None:
        return []
    stale = now_ns - said["at_ns"] > STALE_S * NS
    return [
        {"site": view.id, "at": iso(said["at_ns"]), "stale": stale, **link} for link in said["connections"] if link["id"] in known
    ]


def passed_over(counts: Mapping[str, int]) -> int:
    """Messages of a broker that were dropped, or of which something could not be used."""
    return sum(count for name, count in counts.items() if name not in SOUND)
