"""Which fault explains which: a dead gateway or a lost feeder is one incident, with one order and one page; what it brings about are its
children. They are shown under it, have no order and page nobody, and stand for themselves again when it ends before they do.

    candidates: a rule's `inhibited_by` on the same machine, or on one that feeds it (`@fed_by`);  a group's rule (`when_faults`)
    never:      a danger (people are never a footnote); a fault under a lesser one, or under one that counts for nobody (commissioning):
                those page fewer people, or none

Of an incident the first-out is the one whose onset is earliest; it is read off the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from plantroom.model import Severity
from rules import paging, work
from rules.desk import Desk
from rules.house import Group, House
from rules.order import Event
from rules.recent import CHILD, SETTLE_NS, WAITED
from rules.rows import Fault
from rules.rule import Among, Parent, Rule

GRAVITY = {severity: rank for rank, severity in enumerate(reversed(Severity))}  # danger is the gravest

Key = tuple[str, str]  # (equipment, rule)


def parent_of(desk: Desk, house: House, child: Fault) -> Fault | None:
    """The open fault that explains this one; of a chain its head."""
    for key in candidates(house, child):
        found = desk.fault_of(*key)
        if found is not None and found.open and found.id != child.id and _may(house, found, child):
            head = desk.find_fault(found.parent) if found.parent is not None else found
            return head if head is not None and head.open and head.id != child.id and _may(house, head, child) else found
    return None


def gather(desk: Desk, house: House, parent: Fault) -> None:
    """A fault was raised: what it explains of what stands open becomes its child, or its head's."""
    found = [fault for key in explained_by(house, parent) if (fault := desk.fault_of(*key)) is not None]
    if not found:
        return
    head = desk.find_fault(parent.parent) if parent.parent is not None else None
    head = head or parent
    for fault in sorted(found, key=lambda fault: fault.id):
        alone = fault.open and fault.mode == "live" and fault.parent is None and fault.id not in (parent.id, head.id)
        if alone and _may(house, parent, fault):
            join(desk, house, fault, head)


def join(desk: Desk, house: House, child: Fault, parent: Fault) -> None:
    """A fault becomes part of another, its own children with it; its order is closed where nobody has taken it yet."""
    child.parent = parent.id
    if child.presented == WAITED and desk.now_ns < child.raised_ns + SETTLE_NS:  # its page never left: it was put before nobody
        child.presented = CHILD
        desk.unshow(child)
    desk.put_fault(child)
    desk.tell("fault.joined", {"fault": child.id, "parent": parent.id})
    paging.drop(desk, "part of an incident", fault=child)
    order = desk.standing(child.work_order)
    if order is not None:
        work.step(desk, house, order, Event.JOINED)
    for other in desk.children(child.id):
        other.parent = parent.id
        desk.put_fault(other)


def waits(house: House, fault: Fault) -> bool:
    """Could it become a child soon? Its page waits a moment for that, unless it is urgent."""
    return not fault.severity.urgent and next(iter(candidates(house, fault)), None) is not None


def candidates(house: House, fault: Fault) -> Iterator[Key]:
    """Conditions whose fault would explain this one, nearest first."""
    rule = house.rule(fault.kind, fault.rule)
    if rule is None or fault.severity is Severity.DANGER:
        return
    for parent in rule.inhibited_by:
        if not parent.of_feeder:
            yield fault.equipment, parent.rule
    for feeder in house.feeders(fault.equipment):
        for parent in rule.inhibited_by:
            if parent.of_feeder:
                yield feeder, parent.rule
    for group in house.groups_of(fault.equipment):
        for group_rule in house.group_rules(group.kind):
            if group_rule.when_faults is not None and counts(group_rule.when_faults, rule):
                yield group.id, group_rule.id


def explained_by(house: House, parent: Fault) -> Iterator[Key]:
    """The other way round: conditions whose fault this one would explain. Where thousands stand open, a new one must not look at each."""
    for rule in house.explained(parent.kind, Parent(parent.rule, of_feeder=False)):
        yield parent.equipment, rule
    for machine in house.fed(parent.equipment):
        for rule in house.explained(house.site.equipment[machine].kind.name, Parent(parent.rule, of_feeder=True)):
            yield machine, rule
    group, own = house.groups.get(parent.equipment), house.rule(parent.kind, parent.rule)
    if group is not None and own is not None and own.when_faults is not None:
        for member in group.members:
            for rule in house.counted(own.when_faults, member):
                yield member, rule


def calls(house: House, parent: Fault) -> bool:
    """Does anybody come for a fault of this machine: was it raised in service, and is the machine still there and not in commissioning?"""
    machine = house.machine(parent.equipment)
    return parent.mode == "live" and machine is not None and machine.mode == "live"


def _may(house: House, parent: Fault, child: Fault) -> bool:
    grave_enough = child.severity is not Severity.DANGER and GRAVITY[parent.severity] >= GRAVITY[child.severity]
    return grave_enough and calls(house, parent)


# --- groups: machines over one connection, of one bank


def counts(among: Among, rule: Rule) -> bool:
    """Is a fault of this rule one of those a group's rule counts?"""
    return rule.id == among.rule if among.rule is not None else among.disables in rule.disables


def out_of(desk: Desk, house: House, group: Group, among: Among) -> list[Fault]:
    """For each member that is out its gravest fault that counts, in the order of the members."""
    found = []
    for member in group.members:
        faults = [fault for rule in house.counted(among, member) if (fault := desk.fault_of(member, rule)) is not None and fault.open]
        if faults:
            found.append(max(faults, key=lambda fault: (GRAVITY[fault.severity], fault.id)))
    return found


def needed(among: Among, members: int) -> int:
    return max(among.least, ceil(among.share * members - 1e-9))
