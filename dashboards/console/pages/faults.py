"""Faults: the list with what is over, and one fault's page: what, why, what to do, who was told, who came."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from dashboards.console import handings, rescues, severities
from dashboards.console.api import CONDITIONS
from dashboards.console.asking import Desk, instant
from dashboards.console.calls import named, next_ns, told
from dashboards.console.described import first_out
from dashboards.console.guard import needs
from dashboards.console.pages.frame import language_of, notice_of, page
from dashboards.console.roles import Permission, Person
from dashboards.console.rule_texts import rule_of, steps_of
from dashboards.console.sites import SiteView
from dashboards.console.tables import SEVERITIES, Entered, Fault, Note, Order, Page, Rescue
from plantroom.clock import NS, iso
from plantroom.firms import firms
from plantroom.site import Binding, Equipment

router = APIRouter(include_in_schema=False)
PER_PAGE = 50
SYSTEM = "system"  # who closes an order that wants nobody any more


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """One line of the time line. key: a text `moment.<key>`; values: what it takes; tone: how it is shown; phone: it was
    entered without reception."""

    at_ns: int
    key: str = field(compare=False)
    values: dict[str, object] = field(compare=False, default_factory=dict)
    tone: str = field(compare=False, default="")
    phone: Entered | None = field(compare=False, default=None)


def timeline(
    fault: Fault | None, order: Order | None, notes: list[Note], pages: list[Page], names: dict[str, str], rescue: Rescue | None = None
) -> list[Moment]:
    """Everything that is known to have happened, oldest first."""
    found: list[Moment] = []

    def add(at_ns: int | None, key: str, tone: str = "", phone: Entered | None = None, /, **values: object) -> None:
        if at_ns is not None:
            found.append(Moment(at_ns, f"moment.{key}", values, tone, phone))

    if fault is not None:
        add(fault.onset_ns, "onset")
        add(fault.raised_ns, "raised", "bad")
        add(fault.ended_ns, fault.condition if fault.condition in ("cleared", "withdrawn") else "ended", "good")
    if order is not None:
        for done, by, key in (
            (order.accepted_ns, order.accepted_by, "accepted"), (order.arrived_ns, order.arrived_by, "arrived"),
            (None if rescue else order.restored_ns, order.restored_by, "restored"), (order.closed_ns, order.closed_by, "closed"),
        ):  # fmt: skip
            if (key, by) == ("closed", SYSTEM):
                add(done, "closed_by_itself", "good")
            else:
                add(done, key, "good", order.phone.get(key), who=names.get(by or "", by or ""))
        for hollow in order.hollow or ():
            who, minutes = names.get(hollow.by, hollow.by), round((hollow.due_ns - hollow.accepted_ns) / (60 * NS))
            add(hollow.accepted_ns, "accepted", who=who)
            add(hollow.due_ns, "hollow", "bad", who=who, minutes=minutes)
        for limit in (*order.earlier, *order.limits):
            add(limit.breached_ns, f"breached_{limit.name}", "bad")
    if rescue is not None:
        for at_ns, by, key in (
            (rescue.reported_ns, rescue.reported_by, "reported"), (rescue.answered_ns, rescue.answered_by, "answered"),
            (rescue.called_ns, rescue.called_by, "unit_called"), (rescue.unit_ns, rescue.unit_by, "unit_arrived"),
            (rescue.freed_ns, rescue.freed_by, "freed"), (rescue.released_ns, rescue.released_by, "released"),
        ):  # fmt: skip
            add(at_ns, key, "good", who=names.get(by or "", by or ""))
    for note in notes:
        add(note.at_ns, "note", "", note.phone, who=names.get(note.who, note.who), text=note.text or "")
    for sent in pages:
        for attempt in sent.attempts:
            key = {"accepted": "told" if attempt.confirmed else "unconfirmed", "retry": "not_told", "refused": "refused"}[attempt.verdict]
            to = f"{attempt.channel} → {names.get(sent.person, sent.person)}" if sent.person else attempt.channel
            add(attempt.ended_ns, key, "" if attempt.verdict == "accepted" else "bad", channel=to, answer=attempt.answer)
        for after in sent.receipts:
            to = f"{sent.channel} → {names.get(sent.person, sent.person)}" if sent.person else sent.channel
            tone = {"held": "bad", "undelivered": "bad", "acknowledged": "good"}.get(after.state, "")
            add(after.at_ns, f"page_{after.state}", tone, channel=to, answer=after.text)
    return sorted(found)


@router.get("/faults")
def fault_list(request: Request, person: Annotated[Person, needs(Permission.SEE)]) -> Response:
    desk = Desk(request, person)
    asked = request.query_params
    severity = asked.get("severity") if asked.get("severity") in SEVERITIES else None
    condition = asked.get("condition") if asked.get("condition") in CONDITIONS else None
    before = instant(asked["before"], desk.now_ns) if asked.get("before") else None
    conditions, severities = [condition] if condition else None, [severity] if severity else None
    equipment = asked.get("equipment") or None
    rows = [(v, fault) for v in desk.views for fault in v.tables.faults(conditions, severities, equipment, before, PER_PAGE + 1)]
    rows.sort(key=lambda row: (row[1].raised_ns, row[1].id), reverse=True)
    values = {
        "rows": rows[:PER_PAGE], "severity": severity, "condition": condition, "conditions": CONDITIONS, "severities": SEVERITIES,
        "equipment": equipment, "more": iso(rows[PER_PAGE - 1][1].raised_ns) if len(rows) > PER_PAGE else None,
    }  # fmt: skip
    return page(request, "faults.html", values, person)


@router.get("/faults/{fault_id}")
async def fault_page(request: Request, person: Annotated[Person, needs(Permission.SEE)], fault_id: str) -> Response:
    desk = Desk(request, person)
    view, fault = desk.only(lambda view: view.tables.fault(fault_id), f"fault {fault_id}")
    order = view.tables.order(fault.work_order) if fault.work_order else None
    lang, plots = language_of(request), request.app.state.plots
    shown = about(view, fault, order, person, lang)
    drawn = await plots.of(view, fault, bound_of(shown["equipment"]), shown["units"], lang, desk.now_ns)
    return page(request, "fault.html", {**shown, "plots": drawn, "notice": await notice_of(request, desk)}, person)


def bound_of(equipment: Equipment | None) -> dict[str, Binding]:
    """Its points by name."""
    return {b.kind_point.name: b for b in equipment.bindings} if equipment else {}


def about(view: SiteView, fault: Fault | None, order: Order | None, person: Person, lang: str) -> dict[str, Any]:
    """What the pages of a fault and of an order share."""
    notes = view.tables.notes(order.id) if order else []
    pages = view.tables.pages(fault.id if fault else None, order.id if order else None)
    call = view.tables.call(order.id) if order else None
    rescue = view.tables.rescue(order.id) if order else None
    names = view.names
    equipment_id = fault.equipment if fault else order.equipment if order else ""
    equipment = view.config.equipment.get(equipment_id) if view.config else None
    bound = bound_of(equipment)
    rule = rule_of(view.config, fault.kind, fault.rule) if fault else None
    moments = timeline(fault, order, notes, pages, names, rescue)
    changes = view.tables.severity_changes(fault.id) if fault else []
    moments += [Moment(*line) for line in severities.lines(changes, names, view.zone, lang)]
    moments += [Moment(*line) for line in handings.lines(view.tables.handings(order.id) if order else [], names, lang)]
    return {
        "view": view, "fault": fault, "order": order, "pages": pages, "names": names, "equipment": equipment,
        "firms": firms(view.config) if view.config else [],
        "moments": sorted(moments), **severities.choices(fault, order), "traced": traced(fault, bound) if fault else [],
        "moved": moved(fault, bound) if fault else [], "units": rule.units if rule else {},
        "steps": steps_of(view.config, fault.kind, fault.rule, lang) if fault else (), **family(view, fault),
        "cannot_close": cannot_close(person, view.id, fault, order, rescue) if order else None,
        "call": call, "called": told(call) if call else {},
        "next_call_ns": next_ns(call, fault) if call else None,
        "rescue": rescue, "rescue_lines": rescues.lines(rescue, order) if rescue and order else [],
        "rescue_buttons": rescues.buttons(rescue, order) if rescue and order else [],
        "rescue_facts": rescues.facts(equipment) if rescue else [],
        "heads": view.tables.heads(order.id) if order else [], "head_name": named,
        "next_call_names": [named(view, name, lang) for name in (call and call.next_tell) or ()],
    }  # fmt: skip


def family(view: SiteView, fault: Fault | None) -> dict[str, object]:
    """What it is part of, what is part of it, and which of them came first."""
    if fault is None:
        return {"parent": None, "children": [], "first": None}
    children = view.tables.children(fault.id)
    first = first_out(fault, children)
    return {
        "parent": view.tables.fault(fault.parent) if fault.parent else None, "children": children,
        "first": first if children and first.id != fault.id else None,
    }  # fmt: skip


def moved(fault: Fault, bound: dict[str, Binding]) -> list[tuple[int, str, list[tuple[Binding | None, str, object]]]]:
    """The samples that moved it, oldest first: (instant, what it became, [(the point, its name, the value)])."""
    found = []
    for moment in fault.trace.get("moved", ()):
        values = [(bound.get(name), name, value) for name, value in moment["values"].items() if value is not None or name in bound]
        found.append((int(moment["at_ns"]), str(moment["to"]), values))
    return found


def cannot_close(person: Person, site: str, fault: Fault | None, order: Order, rescue: Rescue | None = None) -> str | None:
    """Why the engine would refuse this person's closing, as its code: said before anybody has typed a cause. None where it would not."""
    if person.name in (order.accepted_by, order.arrived_by, order.restored_by):
        return "performer_cannot_close"
    if "danger" in (order.severity, order.gravest) and "supervisor" not in person.roles_at(site):
        return "danger_needs_supervisor"
    if rescue is not None and rescue.released_ns is None:
        return "release_first"
    return "fault_still_active" if fault is not None and fault.open else None


def traced(fault: Fault, bound: dict[str, Binding]) -> list[tuple[str, object, Binding | None]]:
    """The values that moved the fault: name, as recorded, the point it came from where it is one. Not what the machine never had."""
    values = fault.trace.get("values")
    if not isinstance(values, dict):
        return []
    return [(name, value, bound.get(name)) for name, value in values.items() if value is not None or name in bound]
