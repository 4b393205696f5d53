"""How Plantroom itself does, site by site."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import Desk
from dashboards.console.connections import of_site, passed_over
from dashboards.console.described import site_shape
from dashboards.console.events import MOST_CLIENTS
from dashboards.console.guard import needs
from dashboards.console.pages.frame import page
from dashboards.console.pages.now import pulse
from dashboards.console.roles import Permission, Person
from plantroom.clock import NS

router = APIRouter(include_in_schema=False)


@router.get("/health")
def health(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    desk = Desk(request, person)
    rows = []
    for view in desk.views:
        newest = view.latest.newest_ns()
        age = max(0.0, (desk.now_ns - newest) / NS) if newest else None
        monitor = [fault for fault in view.tables.open_faults() if fault.kind == "monitor"]
        rows.append((view, site_shape(view, desk.now_ns), age, pulse(view, desk.now_ns), monitor))
    built = "vendor/uplot.js" in request.app.state.assets
    streams = (len(request.app.state.hub), MOST_CLIENTS)
    links = {view.id: of_site(view, desk.now_ns) for view in desk.views}
    shown = {"rows": rows, "links": links, "passed_over": passed_over, "streams": streams, "assets_built": built}
    return page(request, "health.html", shown, person)
