"""An urgent fault raised and idle is the worst outcome, so at every tick the rows are read as a stranger would: is somebody called, or
coming, and is the next step near enough? What is found idle is called for again at once, and is a fault of its own: it means a
defect of ours.

It shares nothing with what it audits but the rows (Grafana OnCall's escalations could get stuck: oncall 1206, 1266).
"""

from __future__ import annotations

from plantroom.clock import NS
from plantroom.limits import ClockName
from rules import calling, events, heads, incident, work
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.order import State
from rules.rows import Fault, HeadCall, Order, born

SLACK_NS = 10 * NS  # either way; what is due is called before the audit, at the same tick, also after the engine was away
IDLE = "escalation_idle"


def look(desk: Desk, house: House) -> None:
    """At a tick, after the calls."""
    for fault in sorted((fault for fault in desk.faults.values() if _lost(desk, fault)), key=lambda fault: born(fault.id)):
        incident.give_order(desk, house, fault)
        _tell(desk, house, fault.equipment)
    shelved: dict[str | None, int] = {}
    for fault in desk.faults.values():
        shelved[fault.work_order] = max(shelved.get(fault.work_order, 0), fault.shelved_until_ns or 0)
    urgent = (order for order in desk.orders.values() if order.severity.urgent and order.severity in house.site.chains)
    for order in sorted(urgent, key=lambda order: born(order.id)):
        if why := _idle(desk, order, shelved.get(order.id) or 0):
            desk.tell("call.idle", {"order": order.id, "why": why})
            if order.state is State.OPEN:
                calling.restart(desk, house, order)
            else:
                work.expect_arrival(desk, house, order)
            _tell(desk, house, order.equipment)
    _look_at_heads(desk, house)


def _look_at_heads(desk: Desk, house: House) -> None:
    """R-3: each head of a matter of weight has confirmed, or is called again soon enough, and no limit went by unnoticed."""
    if house.site.major is not None and house.majors:
        of_weight = (f for f in desk.faults.values() if f.rule in house.majors and f.open and f.mode == "live" and heads.is_major(house, f))
        lost = {f.work_order for f in of_weight if f.work_order and not desk.matters.heads(f.work_order)}
        for untold in sorted((found for id_ in lost if (found := desk.standing(id_)) is not None), key=lambda order: born(order.id)):
            desk.tell("head.idle", {"order": untold.id, "head": None, "why": "no head was told"})
            heads.begin(desk, house, untold)
            _tell(desk, house, untold.equipment)
    for row in desk.matters.all_heads():
        order = desk.standing(row.work_order)
        if order is not None and (why := _head_idle(desk, row)):
            desk.tell("head.idle", {"order": order.id, "head": row.head, "why": why})
            heads.restart(desk, row)
            _tell(desk, house, order.equipment)


def _head_idle(desk: Desk, row: HeadCall) -> str:
    """Why nobody would hear of it any more; '' where all is well."""
    if row.state != heads.State.CALLING:
        return ""
    if row.next_ns is None:
        return "nobody is called"
    if row.next_ns < desk.now_ns - SLACK_NS:
        return "a call that was due was not made"
    if row.next_ns > desk.now_ns + row.repeat_ns + SLACK_NS:
        return "the next call is too far away"
    return "the limit went by unnoticed" if row.missed_ns is None and row.due_ns < desk.now_ns - SLACK_NS else ""


def _lost(desk: Desk, fault: Fault) -> bool:
    """Open, live, urgent, nobody's child, and no order stands for it."""
    wanted = fault.open and fault.severity.urgent and fault.mode == "live" and fault.parent is None
    return wanted and desk.standing(fault.work_order) is None


def _idle(desk: Desk, order: Order, shelved_ns: int) -> str:
    """Why nothing would happen any more about an order that somebody is wanted for; '' where something will. shelved_ns: until when."""
    if order.state is State.OPEN:
        call = desk.calls.get(order.id)
        if call is None or call.next_ns is None:
            return "nobody is called"
        if call.next_ns < desk.now_ns - SLACK_NS:
            return "a call that was due was not made"
        latest_ns = max(desk.now_ns + calling.longest_ns(call), shelved_ns)
        return "" if call.next_ns <= latest_ns + SLACK_NS else "the next call is too far away"
    if order.state is State.ACCEPTED:
        coming = any(clock.name is ClockName.ARRIVAL and clock.breached_ns is None for clock in desk.clocks_of(order))
        return "" if coming else "nobody looks whether anybody came"
    return ""


def _tell(desk: Desk, house: House, equipment: str) -> None:
    if equipment != MONITOR:  # its own fault would be looked at again, for ever
        machine = house.machine(equipment)
        events.seen(desk, house, IDLE, {"machine": machine.names[house.site.language] if machine is not None else equipment})
