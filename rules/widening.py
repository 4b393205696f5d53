"""T3: a page that no provider takes, that its provider holds back or that reached nobody: the next channels are taken, and it is a fault.

    30 s   no provider has taken anything about an order: those who were told are told on their other channels too; 30 s later every group
           is, then the next level, and so on
    at once   a provider's limit holds a person's page, or its receipt says that they were not reached: their other channels
    100 s  still nothing: `monitor: delivery_failed` (rules/events.py does so for urgent pages), and the local hook (docs/watch.md)

What was gathered into one page (rules/gathered.py) is about many orders: where nobody takes it it is the fault at once, and chains go on.

It holds for normal faults as for urgent ones. What was accepted by one provider needs no second one: chains go on anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from plantroom.clock import NS
from rules import events, paging
from rules.calling import ESCALATED, State, chain_of, resume
from rules.desk import Desk
from rules.gathered import GATHERED
from rules.house import House
from rules.outbox import UNDELIVERED_NS, waited_ns
from rules.reach import Target, everyone, own, told_so_far
from rules.rows import Call, Order, as_json

NEXT_NS = 30 * NS


def look(desk: Desk, house: House) -> None:
    """At a tick, after the calls."""
    for call, order in _unheard(desk, NEXT_NS):
        if desk.now_ns - (call.asked_ns or 0) >= (call.widened + 1) * NEXT_NS:
            call.widened += 1
            desk.put_call(call)
            _widen(desk, house, call, order)
    for _, order in _unheard(desk, UNDELIVERED_NS):
        if not order.severity.urgent:
            page = next(iter(desk.queued_about(None, order.id)), None)
            told = {"channel": page.channel, "answer": page.answer or ""} if page is not None else {"channel": "", "answer": "refused"}
            events.seen(desk, house, "delivery_failed", told)
            return
    for page in desk.queued_alone(GATHERED):
        if waited_ns(page.attempts, page.severity, page.due_ns, desk.now_ns) >= UNDELIVERED_NS:
            events.seen(desk, house, "delivery_failed", {"channel": page.channel, "answer": page.answer or ""})
            return


def not_reached(desk: Desk, house: House, work_order: str, person: str) -> None:
    """One person's page is held, or did not reach them: their other channels, where somebody is still called for."""
    call, order = desk.calls.get(work_order), desk.standing(work_order)
    if call is not None and order is not None and call.state == State.CALLING and not _shelved(desk, order):
        _tell(desk, house, call, order, own(house, order.severity, person))


def _widen(desk: Desk, house: House, call: Call, order: Order) -> None:
    people = dict.fromkeys(target.person for target in told_so_far(house, call) if target.person is not None)
    ways = [target for person in people for target in own(house, order.severity, person)]
    if _tell(desk, house, call, order, ways) or _tell(desk, house, call, order, everyone(house, order.severity)):
        return
    if call.step < len(chain_of(call).steps) and call.next_ns is not None:
        resume(desk, call)
        desk.put_call(call)


def _tell(desk: Desk, house: House, call: Call, order: Order, ways: Iterable[Target]) -> bool:
    """Those of these ways that were not taken yet; False where there is none."""
    known = told_so_far(house, call)
    new = [way for way in dict.fromkeys(ways) if way not in known]
    if not new:
        return False
    call.called_json = as_json([list(target) for target in (*known, *new)])
    desk.put_call(call)
    desk.tell("call.widened", {"order": order.id, "told": [list(target) for target in new]})
    faults = desk.faults_of(order)
    paging.page(desk, house, ESCALATED, faults[-1] if faults else None, order, targets=new)
    return True


def _unheard(desk: Desk, after_ns: int) -> Iterator[tuple[Call, Order]]:
    """Calls about which something was sent so long ago and no provider has taken anything since, by order."""
    for call in desk.calls_where(lambda call: _waits(call, desk.now_ns - after_ns)):
        order = desk.standing(call.work_order)
        if order is not None and not _shelved(desk, order):
            yield call, order


def _waits(call: Call, since_ns: int) -> bool:
    return call.asked_ns is not None and call.asked_ns <= since_ns and call.state == State.CALLING and (call.taken_ns or 0) < call.asked_ns


def _shelved(desk: Desk, order: Order) -> bool:
    return any(fault.shelved_until_ns is not None for fault in desk.faults_of(order))
