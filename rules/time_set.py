"""The wall clock was set: every instant of the open rows that lies ahead, and every condition's age, moves with it.

Changes of the roster do not: they are times of the calendar, like the shifts they change. Nor does what has happened (a step of an order,
the receipt of one entered without reception): only what is still to come of it.
"""

from __future__ import annotations

from rules import clocks, drills, entered, planning, roster_notice, usable
from rules.desk import Desk
from rules.order import State


def shift(desk: Desk, step_ns: int) -> None:
    for clock in list(desk.clocks.values()):
        desk.put_clock(clocks.shift(clock, step_ns))
    for page in desk.queued():
        if page.reason == roster_notice.ROSTER and not page.attempts:
            continue  # it waits for a morning, which is the calendar's
        page.due_ns += step_ns
        if page.reason != drills.TEST:  # a round of test pages is known by its instant
            page.created_ns += step_ns
        desk.put_page(page)
    for call in [call for call in desk.calls.values() if call.next_ns is not None]:
        call.began_ns += step_ns
        call.next_ns = (call.next_ns or 0) + step_ns
        call.asked_ns = call.asked_ns + step_ns if call.asked_ns is not None else None
        call.taken_ns = call.taken_ns + step_ns if call.taken_ns is not None else None
        desk.put_call(call)
    for head in [row for row in desk.matters.all_heads() if row.next_ns is not None]:
        head.began_ns += step_ns
        head.due_ns += step_ns
        head.next_ns = (head.next_ns or 0) + step_ns
        if head.missed_ns is not None:
            head.missed_ns = head.due_ns
        desk.matters.put_head(head)
    for pending in list(desk.conditions.values()):
        pending.since_ns += step_ns
        pending.at_ns += step_ns
        desk.put_condition(pending)
    for fault in list(desk.faults.values()):
        if fault.shelved_until_ns is not None:
            fault.shelved_until_ns += step_ns
            desk.put_fault(fault)
    usable.shift(desk, step_ns)
    planning.shift(desk, step_ns)
    for order in list(desk.orders.values()):
        moved = entered.shift(order, desk.now_ns, step_ns)
        if order.eta_ns is not None and order.state is State.ACCEPTED:
            order.eta_ns += step_ns
            moved = True
        if moved:
            desk.put_order(order)
