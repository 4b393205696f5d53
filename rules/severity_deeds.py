"""The command by which a person changes the class of an open fault (docs/decisions/0010-who-changes-a-class.md).

    graver    whoever may open an order by hand, at once; a reason may be left out: nothing stands in the way of calling for help
    milder    engineers and supervisors, with a reason; by two people where it is or once was urgent; danger never while it is there
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plantroom.model import Severity
from plantroom.roles import Permission, allowed
from rules import incident, paging, reclass
from rules.command import Command
from rules.denied import Denied, Done, same, wanted, words_of
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.parentage import GRAVITY
from rules.rows import Fault, Order


def _severity(desk: Desk, house: House, command: Command) -> Done:
    """target: the fault. args: severity, reason, second."""
    fault = desk.find_fault(command.target)
    if fault is None:
        raise Denied("unknown_fault", {"target": same(command.target)})
    order = desk.standing(fault.work_order)
    if not fault.open and not _waits(desk, order, fault):
        raise Denied("severity_is_over")
    try:
        to = Severity(command.text("severity"))
    except ValueError:
        raise Denied("argument", {"name": same("severity"), "wanted": wanted("severity")}) from None
    if to is fault.severity:
        raise Denied("severity_same")
    if GRAVITY[to] < GRAVITY[fault.severity]:
        _may_lower(desk, fault, order, command)
    reason = str(command.hidden["reason"]) if command.text("reason") else None
    change(desk, house, fault, to, command.who, command.text("second") or None, reason)
    return Done(desk.standing(fault.work_order), fault)


def change(desk: Desk, house: House, fault: Fault, to: Severity, who: str, second: str | None, reason: str | None) -> None:
    """Fault, order, clocks, calls and the fault's family; told at once to those of the new class and to who knew of it."""
    before, order = fault.severity, desk.standing(fault.work_order)
    if GRAVITY[to] > GRAVITY[before] and fault.shelved_until_ns is not None:
        fault.shelved_until_ns = fault.shelf_json = None  # who shelved it did not know how grave it is
        desk.tell("fault.unshelved", {"fault": fault.id, "by": who})
    fault.severity = to
    desk.put_fault(fault)
    if fault.mode == "live" and fault.presented and fault.kind != MONITOR:
        desk.reshow(fault)
    targets = None
    if order is not None:
        standing = (other.severity for other in desk.faults_of(order) if other.open and other is not fault)
        of_all = max([to, *standing], key=GRAVITY.__getitem__)
        targets = reclass.of_order(desk, house, order, of_all, again=fault.open and GRAVITY[to] > GRAVITY[before])
    reclass.keep(desk, fault, before, order, who, second, reason)
    if targets is not None:
        paging.page(desk, house, "severity", fault, order, targets=targets, before=before)
    _family(desk, house, fault)


def _waits(desk: Desk, order: Order | None, fault: Fault) -> bool:
    """It is over, and its order still wants a person."""
    return order is not None and not any(other.open for other in desk.faults_of(order)) and desk.faults_of(order)[-1] is fault


def _may_lower(desk: Desk, fault: Fault, order: Order | None, command: Command) -> None:
    """Raises Denied."""
    if not allowed(command.roles, Permission.SHELVE):
        raise Denied("lowering_needs_engineer")
    words_of(command, "reason")
    if fault.severity is Severity.DANGER:
        if fault.open:
            raise Denied("danger_still_there")
        row = desk.matters.rescue(order.id) if order is not None else None
        if row is not None and row.released_ns is None:
            raise Denied("release_first")
    second = command.text("second")
    if (fault.severity.urgent or (order is not None and order.worst.urgent)) and (not second or second == command.who):
        raise Denied("lowering_needs_second")


def _family(desk: Desk, house: House, fault: Fault) -> None:
    """None is part of a lesser fault, and a danger of none: what is graver now stands for itself, with an order and calls of its own."""
    parent = desk.find_fault(fault.parent) if fault.parent is not None else None
    if parent is not None and (fault.severity is Severity.DANGER or GRAVITY[fault.severity] > GRAVITY[parent.severity]):
        incident.stand_alone(desk, house, fault)
    for child in desk.all_faults():
        if child.open and child.parent == fault.id and GRAVITY[child.severity] > GRAVITY[fault.severity]:
            incident.stand_alone(desk, house, child)


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"severity": _severity}
