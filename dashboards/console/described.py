"""Rows and samples of a site -> the shapes of the API."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from dashboards.console import handings, severities, shapes
from dashboards.console.calls import call_shape, head_shapes
from dashboards.console.commanding import Recorded
from dashboards.console.live import Sample, silent
from dashboards.console.remaining import Limit
from dashboards.console.rescues import rescue_shape
from dashboards.console.rule_texts import steps_of
from dashboards.console.shown import unit_text, value_text
from dashboards.console.sites import SiteView
from dashboards.console.tables import Call, CommandRow, Entered, Fault, ItemDay, Note, Order, Page
from plantroom.clock import NS, iso
from plantroom.history import Series
from plantroom.kinds import KindPoint
from plantroom.model import Quality, Severity, Values
from plantroom.site import Binding, Equipment
from plantroom.words import LANGUAGES, say

GROUP = "@"  # a fault of a line or a bank is one of the equipment @<its name>


def equipment_name(view: SiteView, equipment: str, lang: str | None = None) -> str:
    found = view.config.equipment.get(equipment) if view.config else None
    return found.name if found else group_name(view, equipment, lang) or equipment


def group_name(view: SiteView, equipment: str, lang: str | None = None) -> str | None:
    """`@bus-1` in words: a line, or a bank of machines; in the site's language where none is given. None for anything else."""
    if view.config is None or not equipment.startswith(GROUP):
        return None
    name = equipment.removeprefix(GROUP)
    return say(f"alert.group.{'connection' if name in view.config.connections else 'bank'}", lang or view.config.language, name=name)


def item_shapes(equipment: Equipment, days: Sequence[ItemDay]) -> list[shapes.ItemShape]:
    """Functional items with what they are now and their days, newest last."""
    return [
        {
            "item": item.name, "text": dict(item.says),
            "state": next((day.state for day in reversed(days) if day.item == item.name and day.state), None),
            "days": [
                {"day": d.day, "usable_s": d.usable_s, "faulted_s": d.faulted_s, "unknown_s": d.unknown_s}
                for d in days if d.item == item.name
            ],
        }
        for item in equipment.kind.items.values()
    ]  # fmt: skip


def clock_shape(limit: Limit, now_ns: int) -> shapes.ClockShape:
    phase: Literal["running", "warning", "breached", "kept"] = limit.phase(now_ns)
    return {
        "name": limit.name, "started_at": iso(limit.started_ns), "warn_at": iso(limit.warn_ns), "due_at": iso(limit.due_ns),
        "stopped_at": _iso(limit.stopped_ns), "breached_at": _iso(limit.breached_ns), "left_s": limit.left_s(now_ns), "phase": phase,
    }  # fmt: skip


def fault_shape(view: SiteView, fault: Fault, order: Order | None, now_ns: int) -> shapes.FaultShape:
    return {
        "site": view.id, "id": fault.id, "rule": fault.rule, "equipment": fault.equipment,
        "equipment_name": equipment_name(view, fault.equipment), "kind": fault.kind, "severity": fault.severity,
        "urgent": Severity(fault.severity).urgent, "condition": fault.condition, "mode": fault.mode, "no_data": fault.no_data,
        "onset_at": iso(fault.onset_ns), "raised_at": iso(fault.raised_ns), "ended_at": _iso(fault.ended_ns), "ended_why": fault.ended_why,
        "text": dict(fault.text), "do": dict(fault.do), "order": fault.work_order, "parent": fault.parent,
        "shelved": _shelf(view, fault, now_ns),
        "clocks": [clock_shape(limit, now_ns) for limit in (order.limits if order else ())],
    }  # fmt: skip


def fault_detail(
    view: SiteView, fault: Fault, order: Order | None, pages: Sequence[Page], children: Sequence[Fault], call: Call | None, now_ns: int
) -> shapes.FaultDetail:
    return {
        **fault_shape(view, fault, order, now_ns), "trace": dict(fault.trace), "call": call_shape(call, fault),
        "pages": [page_shape(page) for page in pages],
        "children": [child.id for child in children], "first_out": first_out(fault, children).id,
        "steps": {lang: list(steps_of(view.config, fault.kind, fault.rule, lang)) for lang in LANGUAGES},
        "severity_changes": [severities.shape(change) for change in view.tables.severity_changes(fault.id)],
    }  # fmt: skip


def first_out(fault: Fault, children: Sequence[Fault]) -> Fault:
    """Of an incident the fault whose condition began first."""
    return min((fault, *children), key=lambda found: (found.onset_ns, found.id))


def order_shape(view: SiteView, order: Order, now_ns: int) -> shapes.OrderShape:
    return {
        "site": view.id, "id": order.id, "fault": order.fault, "equipment": order.equipment,
        "equipment_name": equipment_name(view, order.equipment), "severity": order.severity, "state": order.state, "text": dict(order.text),
        "round": order.round, "opened_at": iso(order.opened_ns), "opened_by": order.opened_by, "accepted_at": _iso(order.accepted_ns),
        "accepted_by": order.accepted_by, "eta_at": _iso(order.eta_ns), "arrived_at": _iso(order.arrived_ns),
        "arrived_by": order.arrived_by,
        "restored_at": _iso(order.restored_ns), "restored_by": order.restored_by, "restored_agrees": order.restored_agrees,
        "closed_at": _iso(order.closed_ns), "closed_by": order.closed_by, "cause": order.cause, "remedy": order.remedy,
        "hold": dict(order.hold) if order.hold else None, "firm": order.firm,
        "entered": {state: entered_shape(entry) for state, entry in order.phone.items()},
        "clocks": [clock_shape(limit, now_ns) for limit in order.limits],
    }  # fmt: skip


def order_detail(
    view: SiteView, order: Order, notes: Sequence[Note], pages: Sequence[Page], call: Call | None, now_ns: int
) -> shapes.OrderDetail:
    said: list[shapes.NoteShape] = [{"at": iso(note.at_ns), "who": note.who, "does": note.does, "text": note.text} for note in notes]
    fault = view.tables.fault(order.fault) if order.fault else None
    hollow: list[shapes.HollowShape] = [
        {"by": each.by, "accepted_at": iso(each.accepted_ns), "due_at": iso(each.due_ns)} for each in order.hollow
    ]
    return {
        **order_shape(view, order, now_ns), "notes": said, "call": call_shape(call, fault), "hollow": hollow,
        "rescue": rescue_shape(view.tables.rescue(order.id)), "heads": head_shapes(view.tables.heads(order.id)),
        "handings": [handings.shape(one) for one in view.tables.handings(order.id)], "pages": [page_shape(page) for page in pages],
    }  # fmt: skip


def page_shape(page: Page) -> shapes.PageShape:
    tried: list[shapes.AttemptShape] = [
        {
            "n": a.n, "channel": a.channel, "verdict": a.verdict, "confirmed": a.confirmed, "answer": a.answer,
            "started_at": iso(a.started_ns), "ended_at": iso(a.ended_ns),
        }
        for a in page.attempts
    ]  # fmt: skip
    return {
        "id": page.id, "channel": page.channel, "person": page.person, "reason": page.reason, "state": page.state,
        "message": dict(page.message),
        "created_at": iso(page.created_ns), "attempts": tried,
        "into": {"id": page.into.id, "state": page.into.state, "left_at": iso(page.into.left_ns)} if page.into else None,
        "receipts": [{"at": iso(told.at_ns), "state": told.state, "text": told.text} for told in page.receipts],
    }  # fmt: skip


def equipment_shape(view: SiteView, equipment: Equipment, open_faults: Sequence[str], now_ns: int) -> shapes.EquipmentShape:
    return {
        "site": view.id, "id": equipment.id, "kind": equipment.kind.name, "kind_name": dict(equipment.kind.says), "name": equipment.name,
        "state": equipment.state.value, "location": equipment.location, "monitored": equipment.monitored, "open_faults": list(open_faults),
        "values": [sample_shape(binding, view.latest.sample(binding.point), now_ns) for binding in equipment.bindings],
    }  # fmt: skip


def sample_shape(binding: Binding, sample: Sample | None, now_ns: int) -> shapes.SampleShape:
    point = binding.kind_point
    return {
        "point": binding.point, "value": _number(sample.value) if sample else None, "unit": unit_text(point.unit),
        "text": {lang: sample_text(point, sample, lang) for lang in LANGUAGES}, "quality": sample.quality.word if sample else "absent",
        "at": iso(sample.at_ns) if sample else None, "silent": silent(sample, binding.period_s, now_ns),
        "last_good": _number(sample.good) if sample else None,
        "last_good_at": iso(sample.good_at_ns) if sample and sample.good_at_ns else None,
    }  # fmt: skip


def sample_text(point: KindPoint, sample: Sample | None, lang: str) -> str:
    """What stands on the screen: the value, or why there is none."""
    if sample is None:
        return say("quality.absent", lang)
    return value_text(sample.value, point, lang) if sample.is_good else say(f"quality.{sample.quality.word}", lang)


def series_shape(
    view: SiteView, binding: Binding, series: Series, start_ns: int, end_ns: int, step_ns: int | None
) -> shapes.SeriesShape:
    return {
        "site": view.id, "point": binding.point, "unit": unit_text(binding.kind_point.unit), "from_at": iso(start_ns), "to_at": iso(end_ns),
        "step_s": None if step_ns is None else step_ns / NS, "at": [int(at) / NS for at in series.at_ns],
        "mean": _column(series.mean), "min": _column(series.min), "max": _column(series.max), "last": _column(series.last),
        "quality": [Quality(int(q)).word for q in series.quality], "count": [int(n) for n in series.count],
    }  # fmt: skip


def entered_shape(entry: Entered) -> shapes.EnteredShape:
    return {"entered_at": iso(entry.entered_ns), "received_at": iso(entry.received_ns), "counts": entry.counts}


def command_shape(command: CommandRow | Recorded) -> shapes.CommandShape:
    if isinstance(command, Recorded):
        return {
            "command_id": command.command_id, "outcome": "recorded", "recorded_at": iso(command.at_ns), "does": None, "target": None,
            "reason": None, "says": None, "state": None, "phone": None,
        }  # fmt: skip
    return {
        "command_id": command.id, "outcome": "applied" if command.applied else "refused", "recorded_at": iso(command.at_ns),
        "does": command.does, "target": command.target, "reason": command.reason, "says": dict(command.says), "state": dict(command.state),
        "phone": entered_shape(command.phone) if command.phone else None,
    }  # fmt: skip


def site_shape(view: SiteView, now_ns: int) -> shapes.SiteShape:
    seq, at_ns = view.tables.position()
    newest = view.latest.newest_ns()
    return {
        "id": view.id, "name": view.name, "zone": str(view.zone), "newest_sample_at": iso(newest) if newest else None,
        "journal_seq": view.read_seq, "engine_seq": seq, "engine_at": iso(at_ns) if at_ns else None,
        "engine_lag_s": max(0.0, (now_ns - at_ns) / NS) if at_ns else None, "trouble": view.trouble, "pages": view.tables.outbox_counts(),
    }  # fmt: skip


def _shelf(view: SiteView, fault: Fault, now_ns: int) -> shapes.ShelfShape | None:
    if fault.shelved_until_ns is None or fault.shelved_until_ns <= now_ns:
        return None
    shelf = fault.shelf or {}
    reason = shelf.get("reason")
    return {
        "until": iso(fault.shelved_until_ns), "by": shelf.get("by"), "second": shelf.get("second"),
        "reason": view.tables.private(reason) or reason,
    }  # fmt: skip


def _iso(ns: int | None) -> str | None:
    return None if ns is None else iso(ns)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _column(values: Values) -> list[float | None]:
    return [_number(float(value)) for value in values]
