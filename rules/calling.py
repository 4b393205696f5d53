"""Who is called about an order, when, and who after them: until somebody has it, without an end.

The chain is copied when the order is opened, so that no later configuration takes it away; each next step has an absolute instant in
the records. Behind the last step everybody told so far is told again. A step that reaches none of the people it names is passed over at
once.

    calling   the next step is due at next_ns
    answered  somebody has it; comes nobody, the chain goes on where it stood (the acceptance was hollow)
    over      the order is closed, or an advisory now
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from functools import lru_cache

import orjson

from plantroom.clock import NS
from plantroom.escalation import Chain, Step
from plantroom.model import Severity
from rules import paging, roster_change
from rules.desk import Desk
from rules.house import House
from rules.nights import morning_ns
from rules.order import State as OrderState
from rules.reach import Target, everyone, falls_short, reached, told_so_far
from rules.rows import Call, Order, as_json

ESCALATED = "escalated"  # outbox.reason of every page after the first
SUPERSEDED = ("raised", "no_data", "returned", ESCALATED, "warning", "breach", "severity")  # what says a class that no longer holds


class State(StrEnum):
    CALLING = "calling"
    ANSWERED = "answered"
    OVER = "over"


class Event(StrEnum):
    ANSWER = "answer"  # accepted, arrived, or restored from afar
    HOLLOW = "hollow"  # accepted, and nobody came in time
    AGAIN = "again"  # opened again: a new round
    END = "end"  # closed


S, E = State, Event
TABLE: Mapping[tuple[State, Event], State] = {
    (S.CALLING, E.ANSWER): S.ANSWERED,
    (S.CALLING, E.HOLLOW): S.CALLING,
    (S.CALLING, E.AGAIN): S.CALLING,
    (S.CALLING, E.END): S.OVER,
    (S.ANSWERED, E.ANSWER): S.ANSWERED,
    (S.ANSWERED, E.HOLLOW): S.CALLING,
    (S.ANSWERED, E.AGAIN): S.CALLING,
    (S.ANSWERED, E.END): S.OVER,
    (S.OVER, E.ANSWER): S.OVER,
    (S.OVER, E.HOLLOW): S.OVER,
    (S.OVER, E.AGAIN): S.CALLING,
    (S.OVER, E.END): S.OVER,
}


def begin(desk: Desk, house: House, order: Order) -> None:
    """An order's chain, its first step taken: whoever pages now pages those. None for a severity nobody is called for."""
    chain = house.site.chains.get(order.severity)
    if chain is None:
        return
    call = Call(order.id, State.CALLING.value, as_json(_plain(chain)), desk.now_ns, 0, None, 0, "[]")
    _take_step(desk, house, call, chain, order)
    desk.put_call(call)


def move(desk: Desk, house: House, order: Order, event: Event) -> None:
    """What a step of the order means for its calls."""
    call = desk.calls.get(order.id)
    if call is None or order.severity is Severity.ADVISORY:  # one that was lowered to it calls nobody any more
        return
    before, after = State(call.state), TABLE[State(call.state), event]
    call.state = after.value
    if after is not State.CALLING:
        call.next_ns = None
    elif event is Event.AGAIN:
        call.began_ns, call.step, call.called_json = desk.now_ns, 0, order.firm_told or "[]"
        call.asked_ns = None
        _take_step(desk, house, call, chain_of(call), order)
    elif event is Event.HOLLOW:
        call.asked_ns = None  # what was sent before the answer counts no more
        resume(desk, call)
    if before is not after:
        desk.tell(f"call.{after}", {"order": order.id, "event": event.value, "step": call.step})
    if before is State.CALLING and after is not State.CALLING:
        paging.drop(desk, event.value, order=order, reason=ESCALATED)
    desk.put_call(call)


def retune(desk: Desk, house: House, order: Order) -> list[Target]:
    """The order has another class: its calls go by the chain of that, from the first step. Whom to tell now: those of the step, and who was
    told so far. Nobody where nobody is called for the class."""
    stands, chain = desk.calls.get(order.id), house.site.chains.get(order.severity)
    stands = stands if stands is not None and stands.state != State.OVER else None
    for reason in SUPERSEDED:
        paging.drop(desk, "severity changed", order=order, reason=reason)
    if chain is None:
        if stands is not None:
            stands.state, stands.next_ns, stands.asked_ns = State.OVER.value, None, None
            desk.put_call(stands)
            desk.tell("call.over", {"order": order.id, "event": "severity", "step": stands.step})
        return []
    called, count = (stands.called_json, stands.count) if stands is not None else ("[]", 0)
    call = Call(order.id, State.CALLING.value, as_json(_plain(chain)), desk.now_ns, 0, None, count, called)
    now = _take_step(desk, house, call, chain, order)
    if order.state is not OrderState.OPEN:
        call.state, call.next_ns = State.ANSWERED.value, None
    desk.put_call(call)
    desk.tell("call.severity", {"order": order.id, "severity": order.severity.value, "state": call.state})
    return list(dict.fromkeys([*now, *told_so_far(house, call)]))


def restart(desk: Desk, house: House, order: Order) -> None:
    """From the beginning, whatever the rows say: the first step at the next tick."""
    begin(desk, house, order)
    call = desk.calls.get(order.id)
    if call is not None:
        call.step, call.next_ns = 0, desk.now_ns
        desk.put_call(call)


def take(desk: Desk, house: House, work_order: str) -> None:
    """The step of an order's call that is due."""
    call, order = desk.calls.get(work_order), desk.standing(work_order)
    if call is not None and order is not None:
        _go_on(desk, house, call, order)


def longest_ns(call: Call) -> int:
    """No step is farther away than this while somebody is called."""
    chain = chain_of(call)
    times = [step.after_s for step in chain.steps]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    return round(max([chain.repeat_s, *gaps]) * NS)


def chain_of(call: Call) -> Chain:
    return _read(call.chain_json)


@lru_cache(maxsize=256)
def _read(chain_json: str) -> Chain:
    said = orjson.loads(chain_json)
    by = [None if step["by"] is None else frozenset(step["by"]) for step in said["steps"]]
    steps = (Step(step["after_s"], tuple(step["tell"]), on) for step, on in zip(said["steps"], by, strict=True))
    return Chain(tuple(steps), said["repeat_s"])


def _go_on(desk: Desk, house: House, call: Call, order: Order) -> None:
    faults = desk.faults_of(order)
    fault = faults[-1] if faults else None
    if fault is not None and fault.shelved_until_ns is not None:
        call.next_ns = max(fault.shelved_until_ns, desk.now_ns)  # somebody has seen it, and said until when nobody is wanted
        desk.put_call(call)
        return
    if (until_ns := morning_ns(house, order.severity, desk.now_ns)) is not None:
        call.next_ns = until_ns
        desk.put_call(call)
        return
    chain, now = chain_of(call), list[Target]()
    while call.next_ns is not None and call.next_ns <= desk.now_ns:  # the engine may have been away for several
        now += _take_step(desk, house, call, chain, order)
    call.count += 1
    targets = list(dict.fromkeys(now))
    told = [list(target) for target in targets]
    desk.tell("call.step", {"order": order.id, "step": call.step, "count": call.count, "told": told})
    desk.put_call(call)
    paging.drop(desk, "called again", order=order, reason=ESCALATED, targets=targets)  # what a dead channel has not sent yet
    paging.page(desk, house, ESCALATED, fault, order, targets=targets)


def _take_step(desk: Desk, house: House, call: Call, chain: Chain, order: Order) -> list[Target]:
    """The step in hand; those it reaches are told from now on, and the one after it has its instant: at once where this one fell short."""
    known, short = told_so_far(house, call), False
    if call.step < len(chain.steps):
        step = chain.steps[call.step]
        now = reached(house, order.severity, _kind(house, order.equipment), step, desk.now_ns, roster_change.standing(desk))
        short = falls_short(house, step, now)
        call.step += 1
    else:
        now = known or everyone(house, order.severity)
    call.called_json = as_json([list(target) for target in dict.fromkeys([*known, *now])])
    if short:
        call.next_ns = desk.now_ns
    elif call.step < len(chain.steps):
        call.next_ns = call.began_ns + round(chain.steps[call.step].after_s * NS)
    else:
        call.next_ns = desk.now_ns + round(chain.repeat_s * NS)
    return now


def resume(desk: Desk, call: Call) -> None:
    """At once with the step that would have come: the times of those after it count from now."""
    chain = chain_of(call)
    call.next_ns = desk.now_ns
    if call.step < len(chain.steps):
        call.began_ns = desk.now_ns - round(chain.steps[call.step].after_s * NS)


def _kind(house: House, equipment: str) -> str:
    machine = house.machine(equipment)
    return machine.kind if machine is not None else ""


def _plain(chain: Chain) -> dict[str, object]:
    steps = [{**asdict(step), "tell": list(step.tell), "by": sorted(step.by) if step.by is not None else None} for step in chain.steps]
    return {"steps": steps, "repeat_s": chain.repeat_s}
