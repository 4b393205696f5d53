"""The HTTP API, /api/v1. Lists span the sites a person may see; `?site=` names one. docs/api.md is for its users."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from dashboards.console import described, shapes
from dashboards.console.asking import Desk, NotFound, instant, length_ns
from dashboards.console.axis import LONGEST_S, MOST_BUCKETS, step_ns
from dashboards.console.commanding import Recorded
from dashboards.console.deeds import deed
from dashboards.console.events import MOST_CLIENTS, Client, Hub
from dashboards.console.forms import LONGEST_TEXT
from dashboards.console.guard import needs, open_to_all, person_of
from dashboards.console.metrics import exposition
from dashboards.console.roles import (
    CHANGE_DEEDS,
    DEEDS,
    FAULT_DEEDS,
    FIELDS,
    HANDOVER_DEEDS,
    MACHINE_DEEDS,
    ORDER_DEEDS,
    TEAM_DEEDS,
    Permission,
    Person,
)
from dashboards.console.sites import SiteView
from dashboards.console.tables import MOST, OPEN_CONDITIONS, OPEN_STATES, SEVERITIES, CommandRow
from plantroom.clock import NS, at_utc, iso
from plantroom.errors import Refused

ROOT = "/api/v1"
MOST_RAW = 50_000
CONDITIONS = ("active", "recovering", "cleared", "withdrawn")
STATES = ("open", "accepted", "arrived", "restored", "closed")
router = APIRouter(prefix=ROOT)
See = Annotated[Person, needs(Permission.SEE)]
TROUBLES: dict[int | str, dict[str, Any]] = {code: {"model": shapes.TroubleShape} for code in (400, 401, 403, 404, 409, 429)}
COMMANDS: dict[int | str, dict[str, Any]] = {
    **TROUBLES,
    202: {"model": shapes.CommandShape, "description": "Recorded; the outcome is not known yet, ask at Location."},
    409: {"model": shapes.CommandShape, "description": "Refused; reason, words and the present state."},
    503: {"model": shapes.TroubleShape, "description": "Not recorded; nothing happened."},
}


@router.get("/sites", responses=TROUBLES)
def sites(request: Request, person: See) -> shapes.SiteList:
    desk = Desk(request, person)
    return {"sites": [described.site_shape(view, desk.now_ns) for view in desk.views]}


@router.get("/equipment", responses=TROUBLES)
def equipment_list(request: Request, person: See, kind: str | None = None, equipment: str | None = None) -> shapes.EquipmentList:
    """Every machine with its newest values, their quality, and its open faults."""
    desk, found = Desk(request, person), []
    for view in desk.views:
        faults = _open_by_equipment(view)
        for one in view.config.equipment.values() if view.config else ():
            if kind in (None, one.kind.name) and equipment in (None, one.id):
                found.append(described.equipment_shape(view, one, faults.get(one.id, []), desk.now_ns))
    return {"equipment": found}


@router.get("/equipment/{equipment_id}", responses=TROUBLES)
def equipment_one(request: Request, person: See, equipment_id: str) -> shapes.EquipmentShape:
    desk = Desk(request, person)
    view, one = desk.equipment(equipment_id)
    return described.equipment_shape(view, one, _open_by_equipment(view).get(one.id, []), desk.now_ns)


@router.get("/equipment/{equipment_id}/items", responses=TROUBLES)
def equipment_items(request: Request, person: See, equipment_id: str, days: Annotated[int, Query(ge=1, le=366)] = 30) -> shapes.ItemsShape:
    """Its functional items: how long each was usable, faulted and unknown on each of the last local days, today included."""
    desk = Desk(request, person)
    view, one = desk.equipment(equipment_id)
    return {"equipment": one.id, "items": described.item_shapes(one, view.tables.item_days(one.id, first_day(view, days, desk.now_ns)))}


def first_day(view: SiteView, days: int, now_ns: int) -> str:
    """The first of so many local days of the site, the last of which is today."""
    return (at_utc(now_ns).astimezone(view.zone).date() - timedelta(days=days - 1)).isoformat()


@router.get("/points/{point_id}", responses=TROUBLES)
def point(request: Request, person: See, point_id: str) -> shapes.SampleShape:
    """The newest sample of `equipment.point`."""
    desk = Desk(request, person)
    view, _, binding = desk.point(point_id)
    return described.sample_shape(binding, view.latest.sample(point_id), desk.now_ns)


@router.get("/points/{point_id}/history", responses=TROUBLES)
async def point_history(
    request: Request,
    person: See,
    point_id: str,
    from_: Annotated[str, Query(alias="from", description="ISO 8601 with zone, epoch seconds, or a length before now: -6h")] = "-1h",
    to: str = "now",
    step: Annotated[str | None, Query(description="bucket: 10m, 1h; `raw` = every sample; left out = fitting the range")] = None,
) -> shapes.SeriesShape:
    """Half-open range [from, to). At most 400 days, 720 buckets unless `step` says more, 50,000 samples raw."""
    desk = Desk(request, person)
    view, _, binding = desk.point(point_id)
    start, end = instant(from_, desk.now_ns), instant(to, desk.now_ns)
    width = step_ns(start, end) if not step else None if step == "raw" else length_ns(step)
    check_range(start, end, width)
    series = (await desk.sites.query(view, [point_id], start, end, width))[point_id]
    return described.series_shape(view, binding, series, start, end, width)


def check_range(start_ns: int, end_ns: int, width_ns: int | None) -> None:
    """Raises Refused: backwards, too long, or more rows than one answer should have."""
    if start_ns < 0:
        raise Refused("nothing was recorded before 1970")
    if end_ns <= start_ns:
        raise Refused("`to` must lie after `from`")
    if end_ns - start_ns > LONGEST_S * NS:
        raise Refused(f"at most {LONGEST_S // 86_400} days in one question; ask in pieces")
    if width_ns is None and end_ns - start_ns > MOST_RAW * NS:
        raise Refused(f"`raw` is for ranges up to {MOST_RAW} s; give a step")
    if width_ns is not None and (end_ns - start_ns) // width_ns > 20 * MOST_BUCKETS:
        raise Refused(f"more than {20 * MOST_BUCKETS} buckets; give a longer step")


@router.get("/faults", responses=TROUBLES)
def faults(
    request: Request,
    person: See,
    condition: Annotated[str | None, Query(description="open (default) | all | active,recovering,cleared,withdrawn")] = None,
    severity: Annotated[str | None, Query(description="danger,readiness,normal,advisory or urgent")] = None,
    equipment: str | None = None,
    before: Annotated[str | None, Query(description="`next` of the previous answer")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> shapes.FaultList:
    """Newest first, over all sites seen."""
    desk = Desk(request, person)
    conditions = _words(condition or "open", {"open": OPEN_CONDITIONS, "all": None}, CONDITIONS, "condition")
    severities = _words(severity or "all", {"all": None, "urgent": SEVERITIES[:2]}, SEVERITIES, "severity")
    earlier = instant(before, desk.now_ns) if before else None
    rows = [(view, fault) for view in desk.views for fault in view.tables.faults(conditions, severities, equipment, earlier, limit + 1)]
    rows.sort(key=lambda row: (row[1].raised_ns, row[1].id), reverse=True)
    shown = rows[:limit]
    more = iso(shown[-1][1].raised_ns) if len(rows) > limit else None
    orders = {view.id: {o.id: o for o in view.tables.open_orders()} for view in desk.views}
    listed = [described.fault_shape(view, fault, orders[view.id].get(fault.work_order or ""), desk.now_ns) for view, fault in shown]
    return {"faults": listed, "next": more}


@router.get("/faults/{fault_id}", responses=TROUBLES)
def fault_one(request: Request, person: See, fault_id: str) -> shapes.FaultDetail:
    """With its trace, and every page: who was told when, and what the provider answered."""
    desk = Desk(request, person)
    view, fault = desk.only(lambda view: view.tables.fault(fault_id), f"fault {fault_id}")
    order = view.tables.order(fault.work_order) if fault.work_order else None
    pages, children = view.tables.pages(fault.id, fault.work_order), view.tables.children(fault.id)
    return described.fault_detail(view, fault, order, pages, children, view.tables.call(fault.work_order), desk.now_ns)


@router.get("/orders", responses=TROUBLES)
def orders(
    request: Request,
    person: See,
    state: Annotated[str | None, Query(description="unclosed (default) | all | open,accepted,arrived,restored,closed")] = None,
    equipment: str | None = None,
    before: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
) -> shapes.OrderList:
    desk = Desk(request, person)
    states = _words(state or "unclosed", {"unclosed": OPEN_STATES, "all": None}, STATES, "state")
    earlier = instant(before, desk.now_ns) if before else None
    rows = [(view, order) for view in desk.views for order in view.tables.orders(states, equipment, earlier, limit + 1)]
    rows.sort(key=lambda row: (row[1].opened_ns, row[1].id), reverse=True)
    more = iso(rows[limit - 1][1].opened_ns) if len(rows) > limit else None
    return {"orders": [described.order_shape(view, order, desk.now_ns) for view, order in rows[:limit]], "next": more}


@router.get("/orders/{order_id}", responses=TROUBLES)
def order_one(request: Request, person: See, order_id: str) -> shapes.OrderDetail:
    desk = Desk(request, person)
    view, order = desk.only(lambda view: view.tables.order(order_id), f"order {order_id}")
    pages, call = view.tables.pages(order.fault, order.id), view.tables.call(order.id)
    return described.order_detail(view, order, view.tables.notes(order.id), pages, call, desk.now_ns)


@router.get("/commands/{command_id}", responses=TROUBLES)
async def command_one(request: Request, person: See, command_id: str) -> shapes.CommandShape:
    desk = Desk(request, person)
    for view in desk.views:
        found = await desk.command(view, command_id)
        if found is not None:
            return described.command_shape(found)
    raise NotFound(f"no command {command_id}")


def answer(command: CommandRow | Recorded) -> Response:
    body = described.command_shape(command)
    status = {"recorded": 202, "applied": 200, "refused": 409}[body["outcome"]]
    return JSONResponse(body, status, headers={"location": f"{ROOT}/commands/{body['command_id']}"} if status == 202 else None)


def fields_of(*names: str) -> dict[str, Any]:
    """A deed's body for the OpenAPI document: its own fields and the command's id, each a text; what else stands in it is refused."""
    texts: dict[str, Any] = {name: {"type": "string", "maxLength": LONGEST_TEXT} for name in names}
    about = "your own id of this command; the same id is the same command"
    command_id = {"type": "string", "pattern": "^[0-9A-Za-z._-]{8,64}$", "description": about}
    schema = {"type": "object", "properties": {**texts, "command_id": command_id}, "additionalProperties": False}
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


@router.post("/orders", response_model=shapes.CommandShape, responses=COMMANDS, openapi_extra=fields_of(*FIELDS["open"]))
async def open_order(request: Request, person: Annotated[Person, needs(DEEDS["open"])]) -> Response:
    """An order by hand: equipment, text, severity (normal when left out), command_id. The new order's id stands in `state`."""
    return answer(await deed(request, person, "open"))


def _command_route(does: str, things: str) -> None:
    needed = needs(DEEDS[does])

    async def route(request: Request, target: str, person: Person = needed) -> Response:
        return answer(await deed(request, person, does, target))

    router.add_api_route(
        f"/{things}/{{target}}/{does}", route, methods=["POST"], name=f"{does}_{things.removesuffix('s')}",
        response_model=shapes.CommandShape, responses=COMMANDS, summary=f"{does} ({', '.join(FIELDS[does]) or 'no fields'}, command_id)",
        openapi_extra=fields_of(*FIELDS[does]),
    )  # fmt: skip


for _does in ORDER_DEEDS:
    _command_route(_does, "orders")
for _does in FAULT_DEEDS:
    _command_route(_does, "faults")
for _does in MACHINE_DEEDS:
    _command_route(_does, "equipment")
for _does in CHANGE_DEEDS:
    _command_route(_does, "changes")
for _does in HANDOVER_DEEDS:
    _command_route(_does, "handovers")


def _team_route(does: str) -> None:
    needed = needs(DEEDS[does])

    async def route(request: Request, person: Person = needed) -> Response:
        return answer(await deed(request, person, does))

    router.add_api_route(
        f"/oncall/{does}", route, methods=["POST"], name=f"{does}_oncall", response_model=shapes.CommandShape, responses=COMMANDS,
        summary=f"{does} ({', '.join(FIELDS[does])}, command_id)", openapi_extra=fields_of(*FIELDS[does]),
    )  # fmt: skip


for _does in TEAM_DEEDS:
    _team_route(_does)


@router.get("/events", responses={503: {"model": shapes.TroubleShape}})
async def events(request: Request, person: See, equipment: str | None = None, site: str | None = None) -> Response:
    """Server-sent events `fault order values heartbeat reset ended`. equipment: only these machines' values, `none` for none."""
    hub: Hub = request.app.state.hub
    Desk(request, person)
    if len(hub) >= MOST_CLIENTS:
        trouble = {"reason": "too_many_clients", "text": f"{MOST_CLIENTS} streams are open; try later"}
        return JSONResponse(trouble, 503, {"retry-after": "30"})
    machines = None if equipment is None else frozenset(equipment.split(",")) - {"none"}
    client = Client(person, site, machines)

    def still_allowed() -> bool:
        now = person_of(request, request.app.state.access, touch=False)
        return now is not None and now.asking(person.asked) == person

    stream = hub.listen(client, request.headers.get("last-event-id"), still_allowed)
    return StreamingResponse(stream, media_type="text/event-stream", headers={"x-accel-buffering": "no"})


@router.get("/metrics", response_class=Response)
def metrics(request: Request, person: Annotated[Person, needs(Permission.OPERATE)]) -> Response:
    """Prometheus text."""
    desk = Desk(request, person)
    return Response(exposition(desk.views, request.app.state.hub, desk.now_ns), media_type="text/plain; version=0.0.4")


@router.get("/healthz", dependencies=[open_to_all()])
def healthz_v1(request: Request) -> JSONResponse:
    return healthz(request)


def healthz(request: Request) -> JSONResponse:
    """Whether this process answers and its loop turns; nothing about the plant, for nobody is asked who they are."""
    return JSONResponse({"status": "ok"})


def _open_by_equipment(view: SiteView) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fault in view.tables.open_faults():
        found.setdefault(fault.equipment, []).append(fault.id)
    return found


def _words(text: str, groups: dict[str, tuple[str, ...] | None], known: tuple[str, ...], name: str) -> tuple[str, ...] | None:
    """A comma-separated choice; None for all. Raises Refused."""
    if text in groups:
        return groups[text]
    wanted = tuple(word.strip() for word in text.split(","))
    wrong = [word for word in wanted if word not in known]
    if wrong:
        raise Refused(f"{name}={','.join(wrong)}; known are {', '.join((*groups, *known))}")
    return wanted
