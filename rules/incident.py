"""From a condition's transition to fault, order and page: what the evaluators and the monitor's events do to the records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from plantroom.model import Severity
from plantroom.words import LANGUAGES
from rules import paging, work
from rules.condition import State, Transition
from rules.desk import Desk
from rules.house import House
from rules.order import Event
from rules.rows import Fault, Pending, as_json
from rules.rule import Rule

Values = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Raised:
    """What raises a fault. values: of the points (or the event's fields); parameters: of this machine."""

    equipment: str
    kind: str
    rule: Rule
    onset_ns: int
    no_data: bool
    values: Values
    parameters: Values


def take(desk: Desk, house: House, t: Transition) -> None:
    """Applies one transition of a condition."""
    fault = desk.fault_of(t.equipment, t.rule)
    if t.after is State.PENDING:
        desk.put_condition(Pending(t.equipment, t.rule, "pending", t.onset_ns, t.at_ns))
    elif t.after is State.ACTIVE:
        _active(desk, house, t, fault)
    elif t.after is State.RECOVERING and fault is not None:
        _mark(desk, fault, "recovering", t)
    elif t.after in (State.CLEARED, State.WITHDRAWN):
        desk.drop_condition(t.equipment, t.rule)
        if fault is not None:
            end(desk, house, fault, t.after.value, min(t.at_ns, desk.now_ns), "telemetry" if t.after is State.CLEARED else "config")
    told = {"equipment": t.equipment, "rule": t.rule, "before": t.before.value, "at_ns": t.at_ns, "onset_ns": t.onset_ns}
    desk.tell(f"condition.{t.after}", told)


def _active(desk: Desk, house: House, t: Transition, fault: Fault | None) -> None:
    if fault is not None:
        _mark(desk, fault, "active", t)
        return
    machine = house.machine(t.equipment)
    rule = house.rule(machine.kind, t.rule) if machine is not None else None
    if machine is None or rule is None:
        return  # a rule or machine the configuration no longer has: its condition is being withdrawn
    raise_fault(desk, house, Raised(t.equipment, machine.kind, rule, t.onset_ns, t.no_data, t.values, t.parameters), t.at_ns)


def _mark(desk: Desk, fault: Fault, condition: str, t: Transition) -> None:
    fault.condition = condition
    desk.put_fault(fault)
    desk.put_condition(Pending(t.equipment, t.rule, condition, t.onset_ns, t.at_ns, fault.id))
    desk.tell(f"fault.{condition}", {"fault": fault.id})


def raise_fault(desk: Desk, house: House, r: Raised, at_ns: int) -> Fault:
    """A new fault with its order and its pages. One that came back while its order stands joins that order."""
    words: Values = {**r.parameters, **r.values}
    machine = house.machine(r.equipment)
    mode = machine.mode if machine is not None else "live"
    severity = r.rule.severity_for(r.kind)
    fault = Fault(
        id=desk.new_id("F"),
        rule=r.rule.id,
        rule_hash=r.rule.hash,
        equipment=r.equipment,
        kind=r.kind,
        severity=severity,
        condition="active",
        mode=mode,
        no_data=r.no_data,
        onset_ns=r.onset_ns,
        raised_ns=desk.now_ns,
        text_json=as_json({lang: r.rule.say(lang, words) for lang in LANGUAGES}),
        do_json=as_json({lang: r.rule.first_step(lang, words) for lang in LANGUAGES}),
        trace_json=as_json(
            {"seq": desk.seq, "values": _plain(r.values), "parameters": _plain(r.parameters), "expression": r.rule.when_text}
        ),
    )
    order = desk.order_of(r.equipment, r.rule.id) if mode == "live" else None
    if order is not None:
        fault.work_order = order.id
    desk.put_fault(fault)
    desk.put_condition(Pending(r.equipment, r.rule.id, "active", r.onset_ns, at_ns, fault.id))
    desk.tell(
        "fault.raised",
        {"fault": fault.id, "rule": fault.rule, "rule_hash": fault.rule_hash, "equipment": fault.equipment, "severity": severity.value,
         "mode": mode, "onset_ns": fault.onset_ns, "no_data": fault.no_data, "order": fault.work_order},
    )  # fmt: skip
    if mode != "live":
        return fault
    if order is not None:
        work.step(desk, house, order, Event.RETURNED)
        paging.page(desk, house, "returned", fault, order)
    else:
        give_order(desk, house, fault)
    return fault


def give_order(desk: Desk, house: House, fault: Fault) -> None:
    """Opens the order of a fault that has none, and tells people."""
    order = work.open_order(desk, house, fault.equipment, fault.severity, orjson.loads(fault.text_json), fault)
    fault.work_order = order.id
    desk.put_fault(fault)
    paging.page(desk, house, "no_data" if fault.no_data else "raised", fault, order)


def into_service(desk: Desk, house: House) -> None:
    """Faults of machines that left commissioning count from now on: none may be open and idle."""
    for fault in desk.all_faults():
        machine = house.machine(fault.equipment)
        if fault.open and fault.mode == "commissioning" and machine is not None and machine.mode == "live":
            fault.mode = "live"
            give_order(desk, house, fault)


def end(desk: Desk, house: House, fault: Fault, condition: str, at_ns: int, why: str) -> None:
    """A fault ended. An urgent one still wants a person; another one's order that nobody has taken is closed as self-cleared."""
    shelved = fault.shelved_until_ns is not None
    fault.condition, fault.ended_ns, fault.ended_why = condition, at_ns, why
    fault.shelved_until_ns = fault.shelf_json = None
    desk.drop_condition(fault.equipment, fault.rule)
    desk.put_fault(fault)
    desk.tell(f"fault.{condition}", {"fault": fault.id, "at_ns": at_ns, "why": why})
    order = desk.orders.get(fault.work_order or "")
    if order is not None:
        work.step(desk, house, order, Event.FADED_URGENT if fault.severity.urgent else Event.FADED)
        work.agrees(desk, order)
    if fault.severity is not Severity.ADVISORY and not shelved:
        paging.page(desk, house, "cleared", fault, order)


def _plain(values: Values) -> dict[str, float | str | None]:
    """NaN is unknown; JSON says null."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
