"""Labels to print and stick on the machines: a QR code, the name people use, the place, the id."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console import labels
from dashboards.console.access import Access
from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.pages.frame import page
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from plantroom.kinds import Kind
from plantroom.site import Equipment

router = APIRouter(include_in_schema=False)
ON_A_SHEET = 12
SHEETS = 10  # on one page of ours
MONITOR = "monitor"


@dataclass(frozen=True, slots=True)
class Label:
    equipment: Equipment
    code: str  # SVG


@router.get("/qr")
def sheet(request: Request, person: Annotated[Person, needs(Permission.SEE)], kind: str | None = None, sheet: int = 1) -> Response:
    """Without a kind: what there is to choose from. sheet: the number of ten A4 sheets, from 1."""
    desk = Desk(request, person)
    chosen = [(view, [e for e in _machines(view) if e.kind.name == kind]) for view in desk.views] if kind else []
    several = ON_A_SHEET * SHEETS
    first = (max(sheet, 1) - 1) * several
    values = {
        "choices": [(view, _kinds(view)) for view in desk.views], "kind": kind, "site": desk.site,
        "addressless": [view for view in desk.views if _public_url(view) is None],
        "sites": [(view, _labels(request, view, machines[first : first + several])) for view, machines in chosen if machines],
        "pages": max((-(-len(machines) // several) for _, machines in chosen), default=0), "sheet": max(sheet, 1),
    }  # fmt: skip
    return page(request, "labels.html", values, person)


def _machines(view: SiteView) -> list[Equipment]:
    return [e for e in view.config.equipment.values() if e.kind.name != MONITOR] if view.config is not None else []


def _kinds(view: SiteView) -> list[tuple[Kind, int]]:
    machines = _machines(view)
    kinds = {e.kind.name: e.kind for e in machines}
    return [(kinds[name], count) for name, count in Counter(e.kind.name for e in machines).items()]


def _public_url(view: SiteView) -> str | None:
    return view.config.web.public_url if view.config is not None else None


def _labels(request: Request, view: SiteView, machines: list[Equipment]) -> list[Label]:
    public_url = _public_url(view)
    if public_url is None:
        return []
    access: Access = request.app.state.access
    key = access.key(labels.KEY)
    return [Label(e, labels.svg(labels.address(public_url, view.id, e.id, labels.mark(key, view.id, e.id)))) for e in machines]
