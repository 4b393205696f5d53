"""Commands about people trapped in a lift: the report by one tap, the steps of the rescue, the signature that releases the lift."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plantroom.limits import ClockName
from rules import incident, rescue, usable, work
from rules.command import Command
from rules.denied import Denied, Done, same, wanted, words_of
from rules.desk import Desk
from rules.house import House
from rules.order import Event, No, State
from rules.rescue import Step
from rules.rows import Fault, Order, Rescue


def _trapped(desk: Desk, house: House, command: Command) -> Done:
    """target: the lift. Whatever its mode and state, also in commissioning; where it is known already the report joins what stands."""
    machine = house.machine(command.target)
    if machine is None:
        raise Denied("unknown_equipment", {"target": same(command.target)})
    if machine.kind != rescue.LIFT:
        raise Denied("not_a_lift", {"machine": machine.names})
    fault = next((f for rule in rescue.KIN if (f := desk.fault_of(machine.id, rule)) is not None and f.open), None)
    if fault is None:
        fault = incident.raise_fault(desk, house, incident.reported(desk, house, machine), desk.now_ns)
    else:
        incident.insist(desk, house, fault)
    order = desk.standing(fault.work_order)
    assert order is not None, "what a person reports has an order"
    row = desk.matters.rescue(order.id)
    assert row is not None, "an order about people trapped has its rescue"
    if row.reported_ns is None:
        row.reported_ns, row.reported_by = desk.now_ns, command.who
        desk.matters.put_rescue(row)
    desk.tell("rescue.reported", {"order": order.id, "fault": fault.id, "equipment": machine.id, "by": command.who})
    return Done(order, fault)


def _said(step: Step) -> Callable[[Desk, House, Command], Done]:
    def deed(desk: Desk, house: House, command: Command) -> Done:
        order, row = _rescue(desk, command, step)
        rescue.mark(desk, row, step, command.who)
        if step is Step.UNIT:
            work.stop(desk, order, ClockName.UNIT)
        return Done(order, _newest(desk, order))

    return deed


def _freed(desk: Desk, house: House, command: Command) -> Done:
    """args: trapped, injured: how many, both asked. Who frees them was there, whether they had said so or not."""
    order, row = _rescue(desk, command, Step.FREED)
    trapped, injured = _people(command, "trapped"), _people(command, "injured")
    if injured > trapped:
        raise Denied("more_injured_than_trapped")
    if order.state is State.OPEN:
        work.step(desk, house, order, Event.ARRIVE, command.who, command.roles)
    refused = work.step(desk, house, order, Event.RESTORE, command.who, command.roles)
    if isinstance(refused, No):
        raise Denied(refused.code, {"by": same(order.holder or "")})
    row.trapped, row.injured = trapped, injured
    desk.matters.put_rescue(row)
    desk.tell("rescue.people", {"order": order.id, "trapped": trapped, "injured": injured})
    incident.freed(desk, house, order)
    return Done(order, _newest(desk, order))


def _release(desk: Desk, house: House, command: Command) -> Done:
    """args: text, what was found and done: it is signed with it. Never by who worked on it."""
    order, row = _rescue(desk, command, Step.RELEASED)
    words_of(command, "text")
    if command.who in order.performers | {row.staff_by, row.freed_by}:
        raise Denied("performer_cannot_release")
    if any(fault.open for fault in desk.faults_of(order)):
        raise Denied("fault_still_active")
    rescue.mark(desk, row, Step.RELEASED, command.who)
    usable.look(desk, house, row.equipment)
    return Done(order, _newest(desk, order))


def _rescue(desk: Desk, command: Command, step: Step) -> tuple[Order, Rescue]:
    """The order and its rescue, where this step may be said now."""
    order = desk.recall(command.target)
    if order is None:
        raise Denied("unknown_order", {"target": same(command.target)})
    row = desk.matters.rescue(order.id)
    if row is None:
        raise Denied("no_entrapment")
    code = rescue.refusal(row, step)
    if code is not None:
        by = rescue.said_by(row, step) or ""
        raise Denied(code, {"by": same(desk.persons.get(by, by))})
    return order, row


def _people(command: Command, name: str) -> int:
    given = command.args.get(name)
    text = str(given) if isinstance(given, int) and not isinstance(given, bool) else command.text(name)
    if not text.isdecimal() or not text.isascii() or len(text) > 2:
        raise Denied("argument", {"name": same(name), "wanted": wanted("people")})
    return int(text)


def _newest(desk: Desk, order: Order) -> Fault | None:
    faults = desk.faults_of(order)
    return faults[-1] if faults else None


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {
    "trapped": _trapped, "answered": _said(Step.ANSWERED), "unit_called": _said(Step.CALLED), "unit_arrived": _said(Step.UNIT),
    "freed": _freed, "release": _release,
}  # fmt: skip
