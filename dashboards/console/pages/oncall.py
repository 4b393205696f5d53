"""Who is on duty: now and next, the week, what is missing, changes of the roster, handing the shift over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request, Response

from dashboards.console import duty
from dashboards.console.asking import Desk
from dashboards.console.guard import needs
from dashboards.console.oncall import SHOWN
from dashboards.console.pages.frame import language_of, notice_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.sites import SiteView
from plantroom.oncall import local
from plantroom.site import Site
from plantroom.words import say
from plantroom.working_time import DAYS

router = APIRouter(include_in_schema=False)


@router.get("/oncall")
async def oncall_page(request: Request, person: Annotated[Person, needs(Permission.HOUSE)]) -> Response:
    desk, lang = Desk(request, person), language_of(request)
    sites = [shown(view, view.config, desk.now_ns, lang) for view in desk.views if view.config is not None]
    return page(request, "oncall.html", {"sites": sites, "days": DAYS, "notice": await notice_of(request, desk)}, person)


def shown(view: SiteView, site: Site, at_ns: int, lang: str) -> dict[str, object]:
    changes, names = duty.changes_of(view, at_ns), view.names

    def named(people: tuple[str, ...]) -> str:
        return say("oncall.and", lang).join(names.get(person, person) for person in people)

    def when(ns: int) -> str:
        return local(site, ns, lang)

    kinds = {machine.kind.name: machine.kind.says[lang] for machine in site.equipment.values()}
    return {
        "view": view, "site": site, "names": names, "named": named, "when": when, "kinds": kinds, "teams": duty.now(view, at_ns),
        "week": duty.week(site, at_ns, changes), "lacking": duty.lacking(site, at_ns), "unreachable": duty.unreachable(site),
        "changes": view.tables.changes(), "planned": duty.planned(site, at_ns), "open": duty.open_now(view, at_ns),
        "handovers": view.tables.handovers(SHOWN),
    }  # fmt: skip
