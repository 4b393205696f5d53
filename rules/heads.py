"""Matters of weight reach the departments within 15 minutes (R-3): the duty heads of engineering, security and customer service each have
a task and confirm it; where one is missing at the time the project manager is called too.

It runs beside the order's own chain and touches it nowhere: a head who never answers stops no call, and who accepts the order confirms
for no head. Each head's row has absolute instants: by when, and the next call.

    calling       told again every third of the limit, until the head confirms or the order is closed; `missed_ns` once the limit is over
    acknowledged  a person has it
    over          the order was closed first, or, of the manager, every head has confirmed meanwhile
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import orjson

from plantroom.clock import NS
from plantroom.escalation import HEADS, Step
from rules import paging, roster_change
from rules.desk import Desk
from rules.house import House
from rules.reach import Target, everyone, falls_short, reached
from rules.rows import Fault, HeadCall, Order, as_json

MAJOR = "major"  # outbox.reason
MANAGER = "manager"
CALLS_WITHIN = 3  # so often a head is called before the limit is over
SHORTEST_REPEAT_NS = 60 * NS
ON_BEHALF = frozenset({"engineer", "supervisor", "manager", "admin"})  # may confirm for a head who said so by radio


class State(StrEnum):
    CALLING = "calling"
    ACKNOWLEDGED = "acknowledged"
    OVER = "over"


class Event(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    END = "end"


S, E = State, Event
TABLE: Mapping[tuple[State, Event], State] = {
    (S.CALLING, E.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.CALLING, E.END): S.OVER,
    (S.ACKNOWLEDGED, E.ACKNOWLEDGE): S.ACKNOWLEDGED,
    (S.ACKNOWLEDGED, E.END): S.ACKNOWLEDGED,
    (S.OVER, E.ACKNOWLEDGE): S.OVER,
    (S.OVER, E.END): S.OVER,
}


def is_major(house: House, fault: Fault) -> bool:
    rule = house.rule(fault.kind, fault.rule) if fault.rule in house.majors else None
    return rule is not None and rule.major


def begin(desk: Desk, house: House, order: Order, fault: Fault | None = None) -> None:
    """A round of an order about a matter of weight: each head is told now. fault: None = the newest of the order."""
    faults = desk.faults_of(order)
    fault = fault or (faults[-1] if faults else None)
    major = house.site.major
    end(desk, order)  # the round before, whether there are heads for this one or not: a restart would not know them any more
    desk.matters.renew_heads(order.id)
    if major is None or fault is None or not is_major(house, fault):
        return
    for head in HEADS:
        if head in major.heads:
            _open(desk, house, order, fault, head, major.heads[head])


def take(desk: Desk, house: House, work_order: str, head: str) -> None:
    """The call of a head that is due."""
    row, order = desk.matters.head(work_order, head), desk.standing(work_order)
    if row is None or order is None or row.state != State.CALLING:
        return
    faults = desk.faults_of(order)
    _call(desk, house, row, order, faults[-1] if faults else None)


def acknowledge(desk: Desk, row: HeadCall, who: str) -> None:
    """A person has it. The manager is called no more once nobody is missing."""
    _move(desk, row, Event.ACKNOWLEDGE, who)
    rows = desk.matters.heads(row.work_order)
    manager = desk.matters.head(row.work_order, MANAGER)
    if manager is not None and not any(other.state == State.CALLING for other in rows if other.head != MANAGER):
        _move(desk, manager, Event.END, who)


def restart(desk: Desk, row: HeadCall) -> None:
    """Whatever the row says: the next call at the next tick."""
    row.next_ns = desk.now_ns
    desk.matters.put_head(row)


def end(desk: Desk, order: Order) -> None:
    """The order is closed: nobody is called any more."""
    for row in desk.matters.heads(order.id):
        _move(desk, row, Event.END, "system")


def may_acknowledge(house: House, row: HeadCall, who: str, roles: frozenset[str]) -> bool:
    """The one who was told, somebody of the team, or who speaks for them."""
    told = {person for _, person in orjson.loads(row.called_json)}
    team = house.site.roster.teams.get(row.tell)
    return who in told or who == row.tell or (team is not None and who in team.people) or bool(roles & ON_BEHALF)


def switched(desk: Desk, house: House) -> None:
    """A new configuration: what stands open and is of weight now has its heads."""
    for order in desk.all_orders():
        rows = desk.matters.heads(order.id)
        if desk.standing(order.id) is None:
            continue
        if not rows:
            begin(desk, house, order)
        elif any(row.state == State.CALLING and row.missed_ns is not None for row in rows if row.head != MANAGER):
            faults = desk.faults_of(order)
            _escalate(desk, house, order, faults[-1] if faults else None)


def _open(desk: Desk, house: House, order: Order, fault: Fault | None, head: str, tell: str) -> None:
    major = house.site.major
    assert major is not None
    within_ns = round(major.within_s * NS)
    repeat_ns = max(within_ns // CALLS_WITHIN, SHORTEST_REPEAT_NS)
    now_ns = desk.now_ns
    row = HeadCall(order.id, order.round, head, tell, State.CALLING.value, now_ns, now_ns + within_ns, repeat_ns, now_ns)
    desk.tell("head.called", {"order": order.id, "round": order.round, "head": head, "tell": tell, "due_ns": row.due_ns})
    _call(desk, house, row, order, fault)


def _call(desk: Desk, house: House, row: HeadCall, order: Order, fault: Fault | None) -> None:
    """Tells them, and sets the next call: a third of the limit on, or the limit itself."""
    targets, short = _targets(desk, house, row, order)
    row.count += 1
    told = [Target(*each) for each in orjson.loads(row.called_json)]
    row.called_json = as_json([list(target) for target in dict.fromkeys([*told, *targets])])
    if row.missed_ns is None and desk.now_ns >= row.due_ns:
        row.missed_ns = row.due_ns
        desk.tell("head.missed", {"order": order.id, "round": row.round, "head": row.head, "due_ns": row.due_ns})
    ahead = desk.now_ns + row.repeat_ns
    row.next_ns = row.due_ns if desk.now_ns < row.due_ns < ahead else ahead
    desk.matters.put_head(row)
    paging.drop(desk, "called again", order=order, reason=MAJOR, head=row.head)  # what a dead channel has not sent yet
    paging.page(desk, house, MAJOR, fault, order, targets=targets, task=row)
    if (row.missed_ns is not None or short) and row.head != MANAGER:
        _escalate(desk, house, order, fault)


def _escalate(desk: Desk, house: House, order: Order, fault: Fault | None) -> None:
    """A head is missing, or nobody of them can be reached: the project manager is called, from now on and again."""
    major, row = house.site.major, desk.matters.head(order.id, MANAGER)
    if row is None and major is not None and major.manager is not None:
        _open(desk, house, order, fault, MANAGER, major.manager)


def _targets(desk: Desk, house: House, row: HeadCall, order: Order) -> tuple[list[Target], bool]:
    """(whom this call reaches, whether it reaches none of those it names). Then every group's channel is told in their place."""
    machine = house.machine(order.equipment)
    step = Step(0.0, (row.tell,))
    found: Sequence[Target] = ()
    if row.tell in house.site.roster.teams or row.tell in house.site.people:
        found = reached(house, order.severity, machine.kind if machine is not None else "", step, desk.now_ns, roster_change.standing(desk))
    short = falls_short(house, step, found)
    return list(found) or everyone(house, order.severity), short


def _move(desk: Desk, row: HeadCall, event: Event, who: str) -> None:
    before, after = State(row.state), TABLE[State(row.state), event]
    if before is after:
        return
    row.state, row.next_ns = after.value, None
    if after is State.ACKNOWLEDGED:
        row.acked_ns, row.acked_by = desk.now_ns, who
        if desk.now_ns > row.due_ns and row.missed_ns is None:
            row.missed_ns = row.due_ns
    desk.matters.put_head(row)
    desk.tell(f"head.{after}", {"order": row.work_order, "round": row.round, "head": row.head, "by": who})
