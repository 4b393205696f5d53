"""The service standard's figures of the sites a person sees: `/api/v1/kpi`, the cases behind each, and the same for its page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from typing_extensions import TypedDict

from dashboards.console import shapes
from dashboards.console.api import COMMANDS, ROOT, TROUBLES, answer, fields_of
from dashboards.console.asking import Desk, instant
from dashboards.console.commanding import Deed, Recorded, command_id_of
from dashboards.console.deeds import arguments
from dashboards.console.forms import read_fields
from dashboards.console.guard import needs
from dashboards.console.roles import DEEDS, FIELDS, Permission, Person
from dashboards.console.rows import SignedPeriod
from dashboards.console.sites import SiteView
from dashboards.console.tables import CommandRow
from plantroom.clock import iso
from plantroom.errors import Refused
from plantroom.firms import firms_of
from plantroom.kinds import System
from plantroom.kpi import reading
from plantroom.kpi.cases import Case, Clause, Judged
from plantroom.kpi.figures import Figures
from plantroom.kpi.period import Period, period
from plantroom.kpi.reading import Read, Scope, judged_at
from plantroom.local_time import instant_ns, local_date

router = APIRouter(prefix=ROOT)
MOST_CASES = 1_000


class SiteFigures(Figures):
    site: str


class FiguresList(TypedDict):
    sites: list[SiteFigures]


class CaseShape(TypedDict):
    """One limit of one order. verdict: kept, missed, unknown, no_answer. length_s: from its start to the step."""

    clause: str
    order: str
    equipment: str
    rule: str | None
    fault: str | None
    verdict: str
    why: str
    due: str
    length_s: float | None


class SiteCases(TypedDict):
    site: str
    cases: list[CaseShape]
    more: int


class CasesList(TypedDict):
    sites: list[SiteCases]


class SignedShape(TypedDict):
    """figures: the answer of `GET kpi` as it was signed. changed: [figure, system, before, now] against the revision before it; before and
    now are [numerator, denominator, value]. hash: SHA-256 of the figures' JSON with sorted keys."""

    site: str
    revision: int
    at: str
    who: str
    hash: str
    figures: dict[str, Any]
    changed: list[Any]
    reason: str | None


class SignedList(TypedDict):
    signed: list[SignedShape]


House = Annotated[Person, needs(Permission.HOUSE)]
Name = Annotated[str | None, Query(description="2026-11, 2026-Q4, 2026, 2026-11-21, 2026-W48, 2026-11-01..2026-11-30")]
From = Annotated[str | None, Query(alias="from", description="first local day, or an instant that is a local midnight")]
To = Annotated[str | None, Query(description="the first local day that no longer counts")]
AsOf = Annotated[str | None, Query(description="what happened later is not counted; default: 72 h after the period, at most now")]


@router.get("/kpi", responses=TROUBLES)
def kpi(
    request: Request, person: House, period: Name = None, from_: From = None, to: To = None, as_of: AsOf = None,
    kind: str | None = None, system: str | None = None, firm: str | None = None,
) -> FiguresList:  # fmt: skip
    """K-1 to K-4 of a period, each rate with numerator, denominator, coverage and bounds; default: this month."""
    desk, scope = Desk(request, person), scope_of(kind, system, firm)
    return {"sites": [{"site": view.id, **of_site(desk, view, period, from_, to, as_of, scope).figures} for view in desk.views]}


@router.get("/kpi/cases", responses=TROUBLES)
def kpi_cases(
    request: Request, person: House, period: Name = None, from_: From = None, to: To = None, as_of: AsOf = None,
    kind: str | None = None, system: str | None = None, firm: str | None = None, figure: Clause | None = None,
) -> CasesList:  # fmt: skip
    """The orders a rate counts: what was missed first, then by the instant of the limit. At most 1,000 a site."""
    desk, scope = Desk(request, person), scope_of(kind, system, firm)
    found: list[SiteCases] = []
    for view in desk.views:
        judged = of_site(desk, view, period, from_, to, as_of, scope).judged
        own = missed_first(judged, figure)
        found.append(
            {"site": view.id, "cases": [case_shape(judged, case) for case in own[:MOST_CASES]], "more": max(0, len(own) - MOST_CASES)}
        )
    return {"sites": found}


@router.get("/kpi/signed", responses=TROUBLES)
def kpi_signed(
    request: Request,
    person: House,
    period: Annotated[str | None, Query(description="as it was signed: 2026-11; default: every one")] = None,
) -> SignedList:
    """The revisions of a period's figures, or of all, oldest first."""
    desk = Desk(request, person)
    return {"signed": [signed_shape(view.id, row) for view in desk.views for row in view.tables.signed_periods(period)]}


@router.post("/kpi/sign", response_model=shapes.CommandShape, responses=COMMANDS, openapi_extra=fields_of(*FIELDS["sign_period"]))
async def kpi_sign(request: Request, person: Annotated[Person, needs(DEEDS["sign_period"])]) -> Response:
    """Freezes a period's figures as they are computed now, for the whole site (K-5). reason: where it was signed before."""
    return answer(await sign(request, person))


async def sign(request: Request, person: Person) -> CommandRow | Recorded:
    """The figures go with the command: what is signed is what its person saw. Raises Refused, NotFound."""
    desk, fields = Desk(request, person), await read_fields(request)
    args = arguments("sign_period", fields)
    if len(desk.views) > 1:
        raise Refused("figures are signed site by site; add ?site=")
    view, _ = desk.only(lambda view: view.config, "site that is applied")
    span = span_of(view, args.pop("period", None), None, None, desk.now_ns)
    read = await asyncio.to_thread(of_site, desk, view, span.name, None, None, None, Scope())
    args["figures"] = orjson.dumps(read.figures, option=orjson.OPT_SORT_KEYS).decode()
    return await desk.commander(view).send(Deed("sign_period", span.name, args), person, command_id_of(fields.get("command_id")))


def signed_shape(site: str, row: SignedPeriod) -> SignedShape:
    return {
        "site": site, "revision": row.revision, "at": iso(row.at_ns), "who": row.who, "hash": row.hash, "figures": dict(row.figures),
        "changed": list(row.changed), "reason": row.reason,
    }  # fmt: skip


def differing(now: Figures, signed: SignedPeriod) -> int:
    """How many figures are others than those that were signed."""
    told = ("numerator", "denominator", "value")
    one = {(f["id"], f["system"]): [f["numerator"], f["denominator"], f["value"]] for f in now["figures"]}
    other = {(f["id"], f["system"]): [f[key] for key in told] for f in signed.figures["figures"]}
    return sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())


def of_site(desk: Desk, view: SiteView, name: str | None, from_: str | None, to: str | None, as_of: str | None, scope: Scope) -> Read:
    """As of no later than what the engine has judged. Raises Refused."""
    span = span_of(view, name, from_, to, desk.now_ns)
    _, stands_ns = view.tables.position()
    wanted = judged_at(span, desk.now_ns) if as_of is None else instant(as_of, desk.now_ns)
    return view.tables.figures(view.config, span, min(wanted, stands_ns), scope)


def span_of(view: SiteView, name: str | None, from_: str | None, to: str | None, now_ns: int) -> Period:
    """By name, by both ends, or this month. Raises Refused."""
    if name is not None and (from_ or to):
        raise Refused("give `period`, or `from` and `to`")
    if bool(from_) != bool(to):
        raise Refused("`from` and `to` belong together")
    try:
        if from_ and to:
            first, end = _day(from_, view), _day(to, view)
            if not first < end:
                raise ValueError("`to` must lie after `from`")
            return Period(f"{first}..{end - timedelta(days=1)}", first, end, view.zone)
        return period(name or f"{local_date(now_ns, view.zone):%Y-%m}", view.zone)
    except ValueError as wrong:
        raise Refused(str(wrong)) from None


def _day(text: str, view: SiteView) -> date:
    """The local day that a date, or the instant of a local midnight, names."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        at_ns = instant(text, 0)
    day = local_date(at_ns, view.zone)
    if instant_ns(day, 0, view.zone) != at_ns:
        raise ValueError(f"{text!r} is no midnight at {view.id}: figures are told by local days")
    return day


def scope_of(kind: str | None, system: str | None, firm: str | None) -> Scope:
    """Raises Refused for a kind or a system nobody knows."""
    try:
        return reading.scope_of(kind, system, firm)
    except ValueError as wrong:
        raise Refused(str(wrong)) from None


def missed_first(judged: Judged, clause: Clause | None) -> list[Case]:
    own = [case for case in judged.cases if clause in (None, case.clause)]
    return sorted(own, key=lambda case: (case.verdict == "kept", case.due_ns, case.order))


def case_shape(judged: Judged, case: Case) -> CaseShape:
    order = judged.orders[case.order]
    return {
        "clause": case.clause.value, "order": case.order, "equipment": order.equipment, "rule": order.rule, "fault": order.fault,
        "verdict": case.verdict.value, "why": case.why, "due": iso(case.due_ns), "length_s": case.length_s,
    }  # fmt: skip


class Scopes(TypedDict):
    """What a site's figures can be asked for: its kinds with their words, its systems, its firms."""

    kind: Mapping[str, Mapping[str, str]]
    system: list[str]
    firm: list[str]


def scopes(view: SiteView) -> Scopes:
    machines = list(view.config.equipment.values()) if view.config else []
    plant = [machine for machine in machines if machine.kind.system is not System.NONE]
    return {
        "kind": {machine.kind.name: machine.kind.says for machine in sorted(plant, key=lambda machine: machine.kind.name)},
        "system": [system.value for system in System if any(machine.kind.system is system for machine in plant)],
        "firm": sorted({firm for machine in plant for firm in firms_of(machine.ledger)}),
    }
