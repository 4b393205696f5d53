"""The ledger's open ends (L-1, L-4): certificates that end, entries that lack something, spares below their minimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.pages.frame import language_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from plantroom.certificates import MachineCertificate
from plantroom.ledger import review
from plantroom.local_time import local_date
from plantroom.site import Equipment, Spare
from plantroom.words import has, say

router = APIRouter(include_in_schema=False)
MOST = 300  # rows of one list; the count is told of all


@dataclass(frozen=True, slots=True)
class Ending:
    view: SiteView
    machine: Equipment
    held: MachineCertificate
    days_left: int


@dataclass(frozen=True, slots=True)
class Gap:
    view: SiteView
    machine: Equipment
    lacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Short:
    view: SiteView
    spare: Spare
    used_by: tuple[Equipment, ...]


@router.get("/ledger")
def ledger(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    """`kind` narrows the entries that lack something."""
    desk, lang = Desk(request, person), language_of(request)
    endings, gaps, shorts, whole = [], [], [], 0
    for view in desk.views:
        if view.config is None:
            continue
        today = local_date(desk.now_ns, view.zone)
        endings += [Ending(view, *each) for each in review.running_out(view.config, today)]
        worked_on = view.tables.worked_on()
        for machine in review.machines(view.config):
            lacks = tuple(missing(name, lang) for name in review.lacks(machine, machine.id in worked_on))
            if lacks:
                gaps.append(Gap(view, machine, lacks))
            else:
                whole += 1
        if person.may(Permission.HOUSE, view.id):
            known = view.config.equipment
            for spare in review.short(view.config):
                shorts.append(Short(view, spare, tuple(known[id_] for id_ in spare.used_by if id_ in known)))
    kinds = {gap.machine.kind.name: gap.machine.kind for gap in gaps}
    kind = request.query_params.get("kind", "")
    shown = [gap for gap in gaps if kind in ("", gap.machine.kind.name)]
    values = {
        "endings": sorted(endings, key=lambda each: each.days_left)[:MOST], "endings_count": len(endings),
        "gaps": shown[:MOST], "gaps_count": len(shown), "whole": whole, "all_gaps": len(gaps), "kinds": list(kinds.values()), "kind": kind,
        "shorts": shorts[:MOST], "desk": desk,
    }  # fmt: skip
    return page(request, "ledger.html", values, person)


def missing(name: str, lang: str) -> str:
    """A field that an entry lacks, in words."""
    return next((say(key, lang) for key in (f"ledger_lacks.{name}", f"ledger.{name}", f"certificate.{name}") if has(key)), name)
