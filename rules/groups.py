"""Faults of groups: a connection over which most machines are silent, a bank of lifts of which half are out.

Raised by the faults of their members, never by samples, and the parent of those that count. Judged whenever a member's fault is raised
or ends; its severity is its gravest member's where the rule's own is milder (a danger counts as readiness: it pages by itself).
"""

from __future__ import annotations

from plantroom.model import Severity
from rules import incident
from rules.desk import Desk
from rules.house import Group, House
from rules.incident import Raised
from rules.parentage import GRAVITY, needed, out_of
from rules.rows import Fault
from rules.rule import Rule
from rules.rule_check import GROUPS


def switched(desk: Desk, house: House) -> None:
    """A new configuration: the fault of a group or rule that is no more is withdrawn; the others may have other members."""
    for fault in desk.all_faults():
        gone = fault.equipment not in house.groups or house.rule(fault.kind, fault.rule) is None
        if fault.open and fault.kind in GROUPS and gone:
            incident.end(desk, house, fault, "withdrawn", desk.now_ns, "config")
    for group in house.groups.values():
        for rule in house.group_rules(group.kind):
            _judge(desk, house, group, rule)


def look(desk: Desk, house: House, member: str) -> None:
    """Something was raised or ended on this machine."""
    for group in house.groups_of(member):
        for rule in house.group_rules(group.kind):
            _judge(desk, house, group, rule)


def _judge(desk: Desk, house: House, group: Group, rule: Rule) -> None:
    among = rule.when_faults
    assert among is not None
    out = out_of(desk, house, group, among)
    enough = len(out) >= needed(among, len(group.members))
    fault = desk.fault_of(group.id, rule.id)
    if fault is not None and not enough:
        incident.end(desk, house, fault, "cleared", desk.now_ns, "members")
    elif fault is None and enough and (among.during is None or desk.facts.get(among.during, False)):
        values = {"count": float(len(out)), "of": float(len(group.members))}
        onset_ns = min(found.onset_ns for found in out)
        raised = Raised(group.id, group.kind, rule, onset_ns, False, values, {}, _severity(rule, out))
        incident.raise_fault(desk, house, raised, desk.now_ns)


def _severity(rule: Rule, out: list[Fault]) -> Severity:
    own = rule.severity_for(rule.applies_to[0])
    gravest = max((found.severity for found in out), key=GRAVITY.__getitem__)
    return max(own, Severity.READINESS if gravest is Severity.DANGER else gravest, key=GRAVITY.__getitem__)
