"""Who is told what: composes the words of a page and puts one row for each channel into the outbox, in the fault's own transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import orjson

from plantroom.clock import NS, iso
from plantroom.limits import ClockName
from plantroom.messages import Alert, compose, compose_task
from plantroom.model import Severity
from plantroom.words import LANGUAGES
from rules import flood, nights, reach
from rules.clocks import OrderClock
from rules.desk import Desk
from rules.gathered import Why, gather
from rules.house import House, Machine
from rules.order import State
from rules.reach import Target
from rules.rows import Fault, HeadCall, Order, Page, as_json
from rules.tasks import task_of

UNTOLD = ("commissioning", "maintenance")  # modes of a fault nobody is told of
CALLS_NOBODY = ("major", "taken_back")  # whoever gets one of these is not who comes: whether it was taken says nothing of the order's calls


def page(
    desk: Desk,
    house: House,
    reason: str,
    fault: Fault | None,
    order: Order | None,
    clock: OrderClock | None = None,
    *,
    wait_ns: int = 0,
    targets: Sequence[Target] | None = None,
    task: HeadCall | None = None,
    before: Severity | None = None,
    firm: str = "",
) -> list[Page]:
    """Queues a page; the rows queued. None for advisories, in commissioning, during maintenance, while shelved, for a part of another
    fault, or where no channel takes the severity. In a flood, and at night, what is not urgent is gathered into one; what
    the plan says waits for the day.

    reason: as in outbox.reason. clock: the limit a warning or breach is about; else the order's next running one is named. wait_ns: it may
    leave so much later. targets: whom it is for; None: all who were told of it so far. task: of a duty head, whose page it is.
    before: the class it had, where a page says that it is another one. firm: whom the order is handed to, or taken back from: a
    person sends that page, so nothing holds it back.
    """
    severity = fault.severity if fault is not None else order.severity if order is not None else Severity.NORMAL
    quiet = fault is not None and (fault.mode in UNTOLD or fault.shelved_until_ns is not None or fault.parent is not None)
    if (severity is Severity.ADVISORY or quiet) and not firm:
        return []
    targets = reach.told(desk, house, order, severity) if targets is None else targets
    for why, until_ns in (
        (Why.FLOOD, flood.holds_until(desk, fault, severity)), (Why.DAY, nights.day_ns(house, fault, desk.now_ns)),
        (Why.NIGHT, nights.holds_until(house, severity, desk.now_ns)),
    ):  # fmt: skip
        if until_ns is not None and not firm:
            return gather(desk, house, why, until_ns, reason, fault, order, severity, targets)
    message = as_json(_message(desk, house, reason, fault, order, clock or next_clock(desk, order), severity, task, before, firm))
    rows = []
    for channel, person in targets:
        about = (fault.id if fault else None, order.id if order else None)
        row = Page(desk.new_id("P"), *about, channel, reason, severity, message, desk.now_ns, desk.now_ns + wait_ns, person=person)
        _wake_elders(desk, row)
        desk.put_page(row)
        told = {"page": row.id, "channel": channel, "reason": reason, "fault": row.fault, "order": row.work_order}
        desk.tell("page.queued", told if person is None else {**told, "person": person})
        rows.append(row)
    call = desk.calls.get(order.id) if order is not None and reason not in CALLS_NOBODY else None
    if rows and call is not None and (call.asked_ns is None or (call.taken_ns or 0) >= call.asked_ns):
        call.asked_ns, call.widened = desk.now_ns + wait_ns, 0
        desk.put_call(call)
    return rows


def drop(
    desk: Desk,
    why: str,
    *,
    fault: Fault | None = None,
    order: Order | None = None,
    reason: str | None = None,
    targets: Collection[Target] | None = None,
    head: str | None = None,
) -> None:
    """What still waits to be sent about a fault or an order (for this reason, to these, for this head) is no longer wanted."""
    for row in desk.queued_about(fault.id if fault is not None else None, order.id if order is not None else None):
        if head is not None and orjson.loads(row.message_json).get("head") != head:
            continue
        if reason in (None, row.reason) and (targets is None or (row.channel, row.person) in targets):
            row.state = "dropped"
            desk.put_page(row)
            desk.tell("page.dropped", {"page": row.id, "why": why})
    order_id = order.id if order is not None else fault.work_order if fault is not None else None
    call = desk.calls.get(order_id or "")
    if (reason, targets, head) == (None, None, None) and call is not None and call.asked_ns is not None:
        call.asked_ns, call.widened = None, 0  # whatever is sent next is waited for from then on
        desk.put_call(call)


def drop_unknown(desk: Desk, house: House) -> None:
    """Pages to channels the configuration no longer has: nobody will send them."""
    for row in desk.queued():
        if row.channel not in house.site.channels:
            row.state = "dropped"
            desk.put_page(row)
            desk.tell("page.dropped", {"page": row.id, "why": "channel removed"})


def next_clock(desk: Desk, order: Order | None) -> OrderClock | None:
    """The limit people have to keep next: response, then arrival, then repair."""
    running = {clock.name: clock for clock in desk.clocks_of(order)} if order is not None else {}
    return next((running[name] for name in ClockName if name in running), None)


def _wake_elders(desk: Desk, young: Page) -> None:
    """Pages about one thing leave in their order, so an elder that waits for its next try is tried before the young one now."""
    for row in desk.queued_about(young.fault, young.work_order):
        same = (row.channel, row.person, row.fault, row.work_order) == (young.channel, young.person, young.fault, young.work_order)
        if same and row.due_ns > desk.now_ns:
            row.due_ns = desk.now_ns
            desk.put_page(row)


def _message(
    desk: Desk, house: House, reason: str, fault: Fault | None, order: Order | None, clock: OrderClock | None, severity: Severity,
    task: HeadCall | None, before: Severity | None, firm: str,
) -> dict[str, object]:  # fmt: skip
    subject = fault or order
    assert subject is not None, "a page is about a fault or an order"
    machine = house.machine(subject.equipment) or Machine(subject.equipment, "", dict.fromkeys(LANGUAGES, subject.equipment), "", "live")
    holder = order.holder if order is not None else None
    call = desk.calls.get(order.id) if order is not None else None
    alert = Alert(
        severity=severity,
        reason=reason,
        what=orjson.loads(subject.text_json),
        machine=machine.names,
        place=machine.place,
        step=orjson.loads(fault.do_json) if fault is not None else dict.fromkeys(LANGUAGES, ""),
        since_ns=fault.onset_ns if fault is not None else order.opened_ns if order is not None else desk.now_ns,
        now_ns=desk.now_ns,
        mode=fault.mode if fault is not None else machine.mode,
        no_data=fault.no_data if fault is not None else False,
        state=(order.state if order is not None else State.OPEN).value,
        holder=desk.persons.get(holder, holder) if holder else "",
        call=1 + call.count if call is not None else 1,
        hollow=_hollow(desk, order),
        clock=clock.name.value if clock is not None else None,
        due_ns=clock.due_ns if clock is not None else None,
        ended_ns=fault.ended_ns if fault is not None else None,
        ended=fault.condition if fault is not None else "cleared",
        before=before,
        firm=firm,
        wanted=order is not None and order.worst.urgent,
        zone=house.zone,
    )
    if task is not None:
        heads = desk.matters.heads(task.work_order)
        asked = task_of(task, fault, [row.head for row in heads if row.acked_ns is None and row.head != task.head])
        said = compose_task(alert, asked, task.due_ns, late=task.missed_ns is not None)
        words: dict[str, object] = {**said, "head": task.head, "task": dict(asked)}
    else:
        words = {**compose(alert)}
    return {**words, "fault": fault and _told_fault(fault, machine), "order": order and _told_order(order)}


def _hollow(desk: Desk, order: Order | None) -> str:
    """Who accepted last and did not come."""
    if order is None or not order.hollow_json:
        return ""
    who = str(orjson.loads(order.hollow_json)[-1]["by"])
    return desk.persons.get(who) or who


def _told_fault(fault: Fault, machine: Machine) -> dict[str, object]:
    return {
        "id": fault.id,
        "rule": fault.rule,
        "equipment": fault.equipment,
        "name": machine.names["zh"],
        "place": machine.place,
        "kind": fault.kind,
        "severity": fault.severity.value,
        "condition": fault.condition,
        "mode": fault.mode,
        "no_data": fault.no_data,
        "onset_at": iso(fault.onset_ns),
        "raised_at": iso(fault.raised_ns),
        "detection_s": round((fault.raised_ns - fault.onset_ns) / NS, 3),
        "ended_at": iso(fault.ended_ns) if fault.ended_ns is not None else None,
    }


def _told_order(order: Order) -> dict[str, object]:
    opened = iso(order.opened_ns)
    return {"id": order.id, "equipment": order.equipment, "state": order.state.value, "opened_at": opened, "round": order.round}
