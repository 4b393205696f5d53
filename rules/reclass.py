"""The class of an order changes while it stands: a person changed its fault's, or the fault came back as a graver one.

What runs is never lengthened, stopped or begun anew: graver limits count from the change where that is sooner, milder ones not at all.
The calls begin anew with the chain of the new class; who was told so far hears of it with those of its first step.
"""

from __future__ import annotations

from plantroom.model import Severity
from rules import calling, work
from rules.desk import Desk
from rules.house import House
from rules.order import Event
from rules.parentage import GRAVITY
from rules.reach import Target
from rules.rows import Fault, Order, SeverityChange


def graver(a: Severity, b: Severity) -> Severity:
    return max(a, b, key=GRAVITY.__getitem__)


def of_order(desk: Desk, house: House, order: Order, to: Severity, *, again: bool = False) -> list[Target] | None:
    """Whom the chain of the new class tells now; None where it is the class the order has already. again: the fault is there, so a restored
    order is open again."""
    if to is order.severity:
        return None
    before, worst = order.severity, graver(order.worst, to)
    order.severity, order.gravest = to, worst if worst is not to else None
    desk.put_order(order)
    desk.tell("order.severity", {"order": order.id, "before": before.value, "after": to.value, "gravest": worst.value})
    if again:
        work.step(desk, house, order, Event.RETURNED)
    if GRAVITY[to] > GRAVITY[before]:
        work.tighten(desk, house, order)
    return calling.retune(desk, house, order)


def keep(
    desk: Desk, fault: Fault, before: Severity, order: Order | None, who: str, second: str | None = None, reason: str | None = None
) -> None:
    """The fault's class was another one. reason: private.id."""
    running = sorted((clock.due_ns, clock.name) for clock in desk.clocks_of(order)) if order is not None else []
    due_ns = running[0][0] if running else None
    row = SeverityChange(fault.id, desk.seq, desk.now_ns, who, second, before.value, fault.severity.value, reason, due_ns)
    desk.put_severity_change(row)
    told = {"fault": fault.id, "before": row.before, "after": row.after, "by": who, "second": second, "reason": reason, "due_ns": due_ns}
    desk.tell("fault.severity", told)
