"""Who is on duty at the sites a person sees: `/api/v1/oncall`. How people are reached is said by channel, never by address."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from dashboards.console import duty, shapes
from dashboards.console.api import ROOT, TROUBLES
from dashboards.console.asking import Desk, instant
from dashboards.console.guard import needs
from dashboards.console.roles import Permission, Person
from dashboards.console.rows import Handover, RosterChange
from dashboards.console.sites import SiteView
from plantroom import oncall
from plantroom.clock import NS, iso
from plantroom.errors import Refused
from plantroom.oncall import OnDuty
from plantroom.site import Site

EARLIEST_NS, LATEST_NS = 946_684_800 * NS, 7_258_118_400 * NS
SHOWN = 10  # handovers
router = APIRouter(prefix=ROOT)


@router.get("/oncall", responses=TROUBLES)
def on_call(
    request: Request,
    person: Annotated[Person, needs(Permission.HOUSE)],
    at: Annotated[str, Query(description="ISO 8601 with zone, epoch seconds, or a length before now: -6h")] = "now",
) -> shapes.OnCallList:
    """Who is on in each team, until when, who comes next, changes of the roster that are not over, the last ten handovers."""
    desk = Desk(request, person)
    at_ns = instant(at, desk.now_ns)
    if not EARLIEST_NS <= at_ns < LATEST_NS:
        raise Refused("at: between the years 2000 and 2199")
    return {"sites": [of_site(view, view.config, at_ns) for view in desk.views if view.config is not None]}


def of_site(view: SiteView, site: Site, at_ns: int) -> shapes.OnCallShape:
    return {
        "site": view.id, "at": iso(at_ns), "teams": [_team(site, duty_, at_ns) for duty_ in duty.now(view, at_ns)],
        "changes": [_change(row) for row in view.tables.changes()],
        "handovers": [handover_shape(row) for row in view.tables.handovers(SHOWN)],
    }  # fmt: skip


def handover_shape(row: Handover) -> shapes.HandoverShape:
    return {
        "id": row.id, "team": row.team, "state": row.state, "given_at": iso(row.given_ns), "given_by": row.given_by,
        "given_note": row.given_note, "taken_at": iso(row.taken_ns) if row.taken_ns is not None else None, "taken_by": row.taken_by,
        "taken_note": row.taken_note, "open": {name: [_iso_values(each) for each in found] for name, found in row.opened.items()},
    }  # fmt: skip


def _iso_values(found: object) -> object:
    """Instants as everywhere in the API: `next_ns` -> `next_at`."""
    if not isinstance(found, dict):
        return found
    return {
        (f"{name.removesuffix('_ns')}_at" if name.endswith("_ns") else name): iso(value) if name.endswith("_ns") and value else value
        for name, value in found.items()
    }


def _team(site: Site, on: OnDuty, at_ns: int) -> shapes.TeamShape:
    next_: shapes.NextShape | None = {"from_at": iso(on.next_ns), "people": list(on.next)} if on.next_ns is not None else None
    return {
        "team": on.team, "name": on.name, "on": [_person(site, person, at_ns) for person in on.people],
        "until_at": iso(on.until_ns) if on.until_ns is not None else None, "next": next_,
    }  # fmt: skip


def _person(site: Site, ident: str, at_ns: int) -> shapes.OnDutyShape:
    who = site.people[ident]
    missing: list[shapes.LackShape] = [
        {"kind": lack.kind, "certificate": lack.certificate, "until": lack.until.isoformat() if lack.until else None}
        for lack in oncall.lacks(site, ident, at_ns)
    ]
    return {"id": ident, "name": who.name, "roles": sorted(who.roles), "channels": list(who.contacts), "missing": missing}


def _change(row: RosterChange) -> shapes.RosterChangeShape:
    return {
        "id": row.id, "kind": row.kind, "team": row.team, "from_at": iso(row.from_ns), "until_at": iso(row.to_ns), "out": row.out_person,
        "in": row.in_person, "reason": row.reason, "entered_at": iso(row.at_ns), "entered_by": row.who,
    }  # fmt: skip
