"""What a fault brings about beyond its own rows, seen to once it is raised or ended: its group's fault, chatter and flood, items' time.

`settle` after each step of the engine, `look` at each tick. A group's fault that is raised here leaves its own aftermath, which is
settled in the same call.
"""

from __future__ import annotations

from collections.abc import Mapping

from plantroom.clock import NS
from rules import chatter, events, flood, groups, heads, incident, parentage, usable
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.rows import Fault

# by urgency: how long a child may outlive its parent before it stands for itself
ORPHAN_NS: Mapping[bool, int] = {True: 10 * NS, False: 60 * NS}


def settle(desk: Desk, house: House) -> None:
    while desk.moved:
        fault = desk.moved.pop(0)
        usable.look(desk, house, fault.equipment)
        groups.look(desk, house, fault.equipment)
        if fault.open and fault.presented and fault.kind != MONITOR:
            _alarm(desk, house, fault)


def switched(desk: Desk, house: House) -> None:
    """A new configuration: machines may have left commissioning, groups may be others. Who went into it is seen at the next tick."""
    incident.into_service(desk, house)
    groups.switched(desk, house)
    heads.switched(desk, house)


def look(desk: Desk, house: House) -> None:
    """At a tick, after everything else."""
    if flood.is_on(desk) and flood.is_over(desk):
        events.over(desk, house, flood.RULE)
    elif not flood.is_on(desk):
        _flood(desk, house)  # what waited to see whether it is part of another fault counts from now on
    _orphans(desk, house)
    usable.midnight(desk, house)
    settle(desk, house)


def _alarm(desk: Desk, house: House, fault: Fault) -> None:
    """The monitor's word about alarms themselves."""
    if chatter.is_chattering(desk, fault):
        machine = house.machine(fault.equipment)
        name = machine.names[house.site.language] if machine is not None else fault.equipment
        events.seen(desk, house, "alarm_chattering", {"machine": name})
    _flood(desk, house)


def _flood(desk: Desk, house: House) -> None:
    if flood.begins(desk):
        events.seen(desk, house, flood.RULE, {"count": desk.shown(flood.WINDOW_NS)})


def _orphans(desk: Desk, house: House) -> None:
    """Children whose parent ended a while ago, or calls nobody any more, stand for themselves: with an order, and a page."""
    for fault in desk.children():
        if fault.open and fault.parent is not None and _orphaned(desk, house, fault, desk.find_fault(fault.parent)):
            another = parentage.parent_of(desk, house, fault)
            if another is not None:
                parentage.join(desk, house, fault, another)
            else:
                incident.stand_alone(desk, house, fault)


def _orphaned(desk: Desk, house: House, child: Fault, parent: Fault | None) -> bool:
    if parent is None:
        return True
    if parent.open:
        return not parentage.calls(house, parent)
    return desk.now_ns - (parent.ended_ns or 0) >= ORPHAN_NS[child.severity.urgent]
