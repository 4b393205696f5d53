"""From a condition's transition to fault, order and page: what the evaluators and the monitor's events do to the records.

What a fault brings about beyond its own rows (its group's fault, the flood, how long items were usable) is the aftermath's: each live
fault that was raised or ended is left in `desk.moved` for it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from plantroom.model import Severity
from plantroom.words import LANGUAGES
from rules import chatter, heads, paging, parentage, reclass, rescue, work
from rules.book import pack
from rules.condition import State, Transition
from rules.desk import Desk
from rules.house import MONITOR, House, Machine
from rules.order import Event
from rules.order import State as OrderState
from rules.recent import AT_ONCE, CHILD, SETTLE_NS, WAITED
from rules.rows import Fault, Order, Pending, as_json
from rules.rule import Rule

MOST_MOMENTS = 24
MAINTENANCE = "maintenance"  # mode of a fault that work on its machine sets off
Values = Mapping[str, float | str]


@dataclass(frozen=True, slots=True)
class Raised:
    """What raises a fault. values: of the points (or the event's fields); parameters: of this machine.

    words: of the text, by language, beside the values. severity: where it is not the rule's. moved: the moments that led to it, see
    `_moment`. by_person: it counts in commissioning too.
    """

    equipment: str
    kind: str
    rule: Rule
    onset_ns: int
    no_data: bool
    values: Values
    parameters: Values
    severity: Severity | None = None
    moved: tuple[Mapping[str, object], ...] = ()
    by_person: bool = False
    words: Mapping[str, Values] = field(default_factory=dict)


def take(desk: Desk, house: House, t: Transition) -> None:
    """Applies one transition of a condition."""
    fault = desk.fault_of(t.equipment, t.rule)
    if fault is not None and fault.rule != t.rule:
        _beside(desk, house, t, fault)
    elif t.after is State.PENDING:
        trace = as_json([_moment(desk, t)])
        desk.put_condition(Pending(t.equipment, t.rule, "pending", t.onset_ns, t.at_ns, trace_json=trace))
    elif t.after is State.ACTIVE:
        _active(desk, house, t, fault)
    elif t.after is State.RECOVERING and fault is not None:
        _mark(desk, fault, "recovering", t)
    elif t.after in (State.CLEARED, State.WITHDRAWN):
        if fault is None:
            desk.drop_condition(t.equipment, t.rule)
        else:
            _remember(fault, _moment(desk, t))
            end(desk, house, fault, t.after.value, min(t.at_ns, desk.now_ns), "telemetry" if t.after is State.CLEARED else "config")
    told = {"equipment": t.equipment, "rule": t.rule, "before": t.before.value, "at_ns": t.at_ns, "onset_ns": t.onset_ns}
    desk.tell(f"condition.{t.after}", told)


def _active(desk: Desk, house: House, t: Transition, fault: Fault | None) -> None:
    if fault is not None:
        _mark(desk, fault, "active", t)
        return
    told = desk.fault_of(t.equipment, rescue.REPORT) if t.rule == rescue.RULE else None
    if told is not None and told.open:
        _beside(desk, house, t, told)
        return
    machine = house.machine(t.equipment)
    rule = house.rule(machine.kind, t.rule) if machine is not None else None
    if machine is None or rule is None:
        return  # a rule or machine the configuration no longer has: its condition is being withdrawn
    pending = desk.conditions.get((t.equipment, t.rule))
    began = orjson.loads(pending.trace_json) if pending is not None and pending.trace_json else []
    raised = Raised(t.equipment, machine.kind, rule, t.onset_ns, t.no_data, t.values, t.parameters, None, (*began, _moment(desk, t)))
    raise_fault(desk, house, raised, t.at_ns)


def _beside(desk: Desk, house: House, t: Transition, told: Fault) -> None:
    """The machine's signals say what a person reported: it stands in the trace of that fault, and they end it only once a person has said
    that it is over."""
    _remember(told, _moment(desk, t))
    desk.put_fault(told)
    if t.after not in (State.CLEARED, State.WITHDRAWN):
        desk.put_condition(Pending(t.equipment, t.rule, t.after.value, t.onset_ns, t.at_ns, told.id))
        return
    desk.drop_condition(t.equipment, t.rule)
    row = desk.matters.rescue(told.work_order or "")
    if told.open and row is not None and row.freed_ns is not None:
        end(desk, house, told, "cleared", min(t.at_ns, desk.now_ns), "telemetry")


def _mark(desk: Desk, fault: Fault, condition: str, t: Transition) -> None:
    fault.condition = condition
    _remember(fault, _moment(desk, t))
    desk.put_fault(fault)
    desk.put_condition(Pending(t.equipment, t.rule, condition, t.onset_ns, t.at_ns, fault.id))
    desk.tell(f"fault.{condition}", {"fault": fault.id})


def _moment(desk: Desk, t: Transition) -> dict[str, object]:
    """The samples that moved a condition: what the rule's points held, at which instant, in which record."""
    return {"seq": desk.seq, "at_ns": t.at_ns, "to": t.after.value, "values": _plain(t.values)}


def _remember(fault: Fault, moment: Mapping[str, object]) -> None:
    """Into the fault's trace. A fault that recovers and relapses for days keeps its beginning and its newest moments."""
    trace = orjson.loads(fault.trace_json)
    moved = [*trace.get("moved", ()), moment]
    trace["moved"] = moved if len(moved) <= MOST_MOMENTS else [*moved[: MOST_MOMENTS // 2], *moved[-MOST_MOMENTS // 2 :]]
    fault.trace_json = as_json(trace)


def raise_fault(desk: Desk, house: House, r: Raised, at_ns: int) -> Fault:
    """A new fault with its order and pages; or part of another one, which has them. What came back joins the order that stands."""
    words: Values = {**r.parameters, **r.values}
    machine = house.machine(r.equipment)
    mode = machine.mode if machine is not None and not r.by_person else "live"
    if mode == "live" and not r.by_person and desk.plan.suppressed(r.equipment, r.rule.id):
        mode = MAINTENANCE
    trace = {"seq": desk.seq, "values": _plain(r.values), "parameters": _plain(r.parameters), "expression": r.rule.when_text}
    fault = Fault(
        id=desk.new_id("F"),
        rule=r.rule.id,
        rule_hash=r.rule.hash,
        equipment=r.equipment,
        kind=r.kind,
        severity=r.severity or r.rule.severity_for(r.kind),
        condition="active",
        mode=mode,
        no_data=r.no_data,
        onset_ns=r.onset_ns,
        raised_ns=desk.now_ns,
        text_json=as_json({lang: r.rule.say(lang, {**words, **r.words.get(lang, {})}) for lang in LANGUAGES}),
        do_json=as_json({lang: r.rule.first_step(lang, words) for lang in LANGUAGES}),
        trace_json=as_json({**trace, "moved": list(r.moved)}),
    )
    order = _placed(desk, house, fault) if mode == "live" else None
    desk.put_fault(fault)
    desk.put_condition(Pending(r.equipment, r.rule.id, "active", r.onset_ns, at_ns, fault.id))
    desk.tell(
        "fault.raised",
        {"fault": fault.id, "rule": fault.rule, "rule_hash": fault.rule_hash, "equipment": fault.equipment,
         "severity": fault.severity.value, "mode": mode, "onset_ns": fault.onset_ns, "no_data": fault.no_data, "order": fault.work_order,
         "parent": fault.parent},
    )  # fmt: skip
    if mode == "live":
        _present(desk, house, fault, order)
    return fault


def _placed(desk: Desk, house: House, fault: Fault) -> Order | None:
    """Where a live fault belongs: to the order of its condition that stands, which is returned, or under the fault that explains it."""
    order = desk.order_of(fault.equipment, *(rescue.KIN if fault.rule in rescue.KIN else (fault.rule,)))
    if order is not None:
        fault.work_order = order.id
        if reclass.graver(order.severity, fault.severity) is not fault.severity:  # a person has raised it: it comes back as grave
            before, fault.severity = fault.severity, order.severity
            reclass.keep(desk, fault, before, order, work.SYSTEM)
    elif (parent := parentage.parent_of(desk, house, fault)) is not None:
        fault.parent, fault.presented = parent.id, CHILD
    else:
        fault.presented = WAITED if parentage.waits(house, fault) else AT_ONCE
    return order


def _present(desk: Desk, house: House, fault: Fault, order: Order | None) -> None:
    """Puts a live fault before people, as an order and pages of its own, unless it is part of another one."""
    if fault.presented and fault.kind != MONITOR:
        desk.show(fault)
        chatter.shelve(desk, fault)
    if order is not None:
        graver = reclass.graver(order.severity, fault.severity)
        targets = reclass.of_order(desk, house, order, graver, again=True)
        if targets is None:
            work.step(desk, house, order, Event.RETURNED)
        paging.page(desk, house, "returned", fault, order, targets=targets)
    elif fault.parent is None:
        give_order(desk, house, fault)
    parentage.gather(desk, house, fault)
    desk.moved.append(fault)


def reported(desk: Desk, house: House, machine: Machine) -> Raised:
    """People trapped, as a person reports them. A configuration of an older release may not have the rule: a report is never refused."""
    rule = house.rule(machine.kind, rescue.REPORT) or pack().get(rescue.LIFT, rescue.REPORT)
    assert rule is not None, "it ships"
    return Raised(machine.id, machine.kind, rule, desk.now_ns, False, {}, {}, by_person=True)


def insist(desk: Desk, house: House, fault: Fault) -> None:
    """A person says what an open fault says already: it has an order that somebody is wanted for, in commissioning too."""
    order = desk.standing(fault.work_order)
    if fault.mode != "live":
        fault.mode = "live"
        order = _placed(desk, house, fault)
        desk.put_fault(fault)
        _present(desk, house, fault, order)
    elif order is None:
        give_order(desk, house, fault)
    elif order.state is OrderState.RESTORED:
        work.step(desk, house, order, Event.RETURNED)
        paging.page(desk, house, "returned", fault, order)


def freed(desk: Desk, house: House, order: Order) -> None:
    """A person says that the people are free: what a person reported is over, unless the machine's own signals still say it."""
    for fault in desk.faults_of(order):
        if fault.rule == rescue.REPORT and fault.open and desk.fault_of(fault.equipment, rescue.RULE) is None:
            end(desk, house, fault, "cleared", desk.now_ns, "person")


def give_order(desk: Desk, house: House, fault: Fault) -> None:
    """Opens the order of a fault that has none, and tells people."""
    order = work.open_order(desk, house, fault.equipment, fault.severity, orjson.loads(fault.text_json), fault)
    fault.work_order = order.id
    desk.put_fault(fault)
    wait_ns = SETTLE_NS if parentage.waits(house, fault) else 0
    paging.page(desk, house, "no_data" if fault.no_data else "raised", fault, order, wait_ns=wait_ns)
    heads.begin(desk, house, order, fault)


def stand_alone(desk: Desk, house: House, fault: Fault) -> None:
    """A child whose parent is gone: it counts by itself now, and somebody has to come; but not to a machine that has been put into
    commissioning meanwhile. An order that was taken while it was one goes on."""
    machine = house.machine(fault.equipment)
    waits = machine is not None and machine.mode != "live"
    fault.parent = None
    if waits:
        fault.mode = "commissioning"
        desk.unshow(fault)
    desk.put_fault(fault)
    desk.tell("fault.alone", {"fault": fault.id})
    if not waits and desk.standing(fault.work_order) is None:
        give_order(desk, house, fault)


def into_service(desk: Desk, house: House) -> None:
    """Faults of machines that left commissioning count from now on, as if they were raised now: none may be open and idle."""
    for fault in desk.all_faults():
        machine = house.machine(fault.equipment)
        if fault.open and fault.mode == "commissioning" and machine is not None and machine.mode == "live":
            fault.mode = "live"
            order = _placed(desk, house, fault)
            desk.put_fault(fault)
            desk.tell("fault.in_service", {"fault": fault.id, "order": fault.work_order, "parent": fault.parent})
            _present(desk, house, fault, order)


def rearm(desk: Desk, house: House, equipment: str) -> list[Fault]:
    """Work on a machine is over: what it set off and is still there counts from now on, as if it were raised now. Those faults."""
    found = []
    for fault in desk.all_faults():
        there = fault.open and fault.mode == MAINTENANCE and fault.equipment == equipment
        if there and not desk.plan.suppressed(equipment, fault.rule):
            machine = house.machine(equipment)
            fault.mode = machine.mode if machine is not None else "live"
            order = _placed(desk, house, fault) if fault.mode == "live" else None
            desk.put_fault(fault)
            desk.tell("fault.rearmed", {"fault": fault.id, "order": fault.work_order, "parent": fault.parent})
            if fault.mode == "live":
                _present(desk, house, fault, order)
            found.append(fault)
    return found


def end(desk: Desk, house: House, fault: Fault, condition: str, at_ns: int, why: str) -> None:
    """A fault ended. An urgent one still wants a person; another one's order that nobody has taken is closed as self-cleared."""
    shelved, child = fault.shelved_until_ns is not None, fault.parent is not None
    fault.condition, fault.ended_ns, fault.ended_why = condition, at_ns, why
    fault.shelved_until_ns = fault.shelf_json = None
    desk.drop_condition(fault.equipment, fault.rule)
    desk.put_fault(fault)
    desk.tell(f"fault.{condition}", {"fault": fault.id, "at_ns": at_ns, "why": why})
    order = desk.standing(fault.work_order)
    if order is not None:
        urgent = fault.severity.urgent or order.worst.urgent
        work.step(desk, house, order, Event.FADED_URGENT if urgent else Event.FADED)
        work.agrees(desk, order)
    if fault.severity is not Severity.ADVISORY and not shelved and not child:
        paging.page(desk, house, "cleared", fault, order)
    if fault.mode == "live":
        desk.moved.append(fault)


def _plain(values: Values) -> dict[str, float | str | None]:
    """NaN is unknown; JSON says null."""
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in values.items()}
