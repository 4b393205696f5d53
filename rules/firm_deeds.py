"""Commands that hand one order to a firm and take it back. The firm's people see it from then on, and until then.

The order stays the house's: its clocks and calls run on until somebody accepts. Those of the firm who are called are called beside the
others, with every further level, until it is taken back; then what only they were told for is forgotten, and an acceptance of theirs too:
the level that would have come is called at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson

from plantroom.firms import firm_of, vendors
from plantroom.model import Severity
from rules import paging, roster_change, work
from rules.calling import State as CallState
from rules.command import Command
from rules.denied import Denied, Done, same
from rules.desk import Desk
from rules.house import House
from rules.order import Event, State
from rules.reach import Target, own, told_so_far
from rules.rows import Fault, Handing, Order, as_json

HANDED, TAKEN_BACK = "handed", "taken_back"  # outbox.reason, handing.does


def _assign(desk: Desk, house: House, command: Command) -> Done:
    """target: the order. args: firm, as the site file's people name it; reason. A firm that has it loses it."""
    order, firm = _open(desk, command), command.text("firm")
    if not vendors(house.site, firm):
        raise Denied("unknown_firm", {"firm": same(firm)})
    if order.firm == firm:
        raise Denied("already_assigned", {"firm": same(firm)})
    if order.firm is not None:
        _end(desk, house, order, command, None)
    targets = whom(desk, house, order, firm)
    call = desk.calls.get(order.id)
    told: Sequence[Target] = ()
    if call is not None and call.state != CallState.OVER:
        known = told_so_far(house, call)
        told = [target for target in targets if target not in known]
        call.called_json = as_json([list(target) for target in (*known, *told)])
        desk.put_call(call)
    order.firm, order.firm_told = firm, _targets(told)
    desk.put_order(order)
    fault = _newest(desk, order)
    paging.page(desk, house, HANDED, fault, order, targets=targets, firm=firm)
    _keep(desk, order, command, firm, HANDED, targets, _reason(command))
    return Done(order, fault, {"told": sorted({target.person for target in targets if target.person})})


def _take_back(desk: Desk, house: House, command: Command) -> Done:
    """target: the order. args: reason."""
    order = _open(desk, command)
    if order.firm is None:
        raise Denied("not_assigned")
    _end(desk, house, order, command, _reason(command))
    return Done(order, _newest(desk, order))


def _end(desk: Desk, house: House, order: Order, command: Command, reason: str | None) -> None:
    firm, fault = str(order.firm), _newest(desk, order)
    told = [Target(*each) for each in orjson.loads(order.firm_told or "[]")]
    order.firm = order.firm_told = None
    desk.put_order(order)
    call = desk.calls.get(order.id)
    if call is not None and call.state != CallState.OVER:
        call.called_json = as_json([list(target) for target in told_so_far(house, call) if target not in told])
        desk.put_call(call)
    targets = told or whom(desk, house, order, firm)
    paging.drop(desk, TAKEN_BACK, order=order, targets=targets)
    paging.page(desk, house, TAKEN_BACK, fault, order, targets=targets, firm=firm)
    _keep(desk, order, command, firm, TAKEN_BACK, targets, reason)
    if order.state is State.ACCEPTED and firm_of(house.site, order.accepted_by or "") == firm:
        work.step(desk, house, order, Event.TAKEN_BACK, command.who, command.roles)


def whom(desk: Desk, house: House, order: Order, firm: str) -> list[Target]:
    """The addresses of those of the firm who are on duty on any team; where none is, of all of them. As an advisory pages nobody, those of
    the normal class then: a person has sent for them."""
    people, changes = vendors(house.site, firm), roster_change.standing(desk)
    teams = house.site.roster.teams
    on = {person for team in teams for person in house.site.roster.on_duty(team, desk.now_ns, None, changes)}
    severity = Severity.NORMAL if order.severity is Severity.ADVISORY else order.severity
    called = [person for person in people if person in on] or people
    found = [target for person in called for target in own(house, severity, person)]
    return found or [target for person in people for target in own(house, severity, person)]


def _keep(
    desk: Desk, order: Order, command: Command, firm: str, does: str, targets: Iterable[Target], reason: str | None
) -> None:
    """reason: private.id."""
    row = Handing(order.id, desk.seq, desk.now_ns, command.who, firm, does, reason, str(_targets(targets)))
    desk.put_handing(row)
    told = orjson.loads(row.told_json)
    desk.tell(f"order.{does}", {"order": order.id, "firm": firm, "by": command.who, "reason": reason, "told": told})


def _targets(targets: Iterable[Target]) -> str:
    return as_json([list(target) for target in targets])


def _reason(command: Command) -> str | None:
    return str(command.hidden["reason"]) if command.text("reason") else None


def _open(desk: Desk, command: Command) -> Order:
    order = desk.recall(command.target)
    if order is None:
        raise Denied("unknown_order", {"target": same(command.target)})
    if order.state is State.CLOSED:
        raise Denied("already_closed")
    return order


def _newest(desk: Desk, order: Order) -> Fault | None:
    faults = desk.faults_of(order)
    return faults[-1] if faults else None


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"assign": _assign, "take_back": _take_back}
