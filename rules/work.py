"""Orders on the desk: opens them, moves them through the order's table and does the effects: clocks, holds, pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from plantroom.limits import ClockName
from plantroom.model import Severity
from rules import calling, clocks, entered, heads, paging, rescue
from rules.clocks import OrderClock
from rules.desk import Desk
from rules.house import House
from rules.order import Effect, Event, Move, No, State, decide
from rules.rows import Fault, Order, as_json

SYSTEM = "system"
CALLS: Mapping[State, calling.Event] = {  # what an order's new state means for its calls
    State.OPEN: calling.Event.AGAIN,
    State.ACCEPTED: calling.Event.ANSWER,
    State.ARRIVED: calling.Event.ANSWER,
    State.RESTORED: calling.Event.ANSWER,
    State.CLOSED: calling.Event.END,
}

NOBODY = (Event.HOLLOW, Event.TAKEN_BACK)  # who had it has it no more: the calls go on where they stood
BEGUN: Mapping[State, tuple[ClockName, ...]] = {  # by the order's state the limits that count from its opening and still run
    State.OPEN: (ClockName.RESPONSE, ClockName.RESTORE),
    State.ACCEPTED: (ClockName.RESTORE,),
    State.ARRIVED: (ClockName.RESTORE,),
}


def open_order(
    desk: Desk, house: House, equipment: str, severity: Severity, text: Mapping[str, str], fault: Fault | None, by: str = SYSTEM
) -> Order:
    """A new order with its clocks running from the record's instant."""
    order = Order(desk.new_id("O"), fault.id if fault else None, equipment, severity, State.OPEN, as_json(text), desk.now_ns, by)
    desk.put_order(order)
    desk.tell("order.open", {"order": order.id, "fault": order.fault, "equipment": equipment, "severity": severity.value, "by": by})
    _start_round(desk, house, order, entrapment=fault is not None and fault.rule in rescue.KIN)
    calling.begin(desk, house, order)
    return order


def step(
    desk: Desk, house: House, order: Order, event: Event, who: str = SYSTEM, roles: Iterable[str] = (), at_ns: int | None = None
) -> No | None:
    """One event on an order. None when it was taken, else why it was refused; nothing has changed then. at_ns: where it is not now."""
    at_ns = desk.now_ns if at_ns is None else at_ns
    fault_open = any(fault.open for fault in desk.faults_of(order))
    row = desk.matters.rescue(order.id)
    withheld = row is not None and row.released_ns is None
    answer = decide(order.facts(fault_open=fault_open, withheld=withheld), event, desk.now_ns, who, roles)
    if isinstance(answer, No):
        return answer
    if answer.to is order.state and not answer.effects:
        return None
    before, order.state = order.state, answer.to
    if before is not answer.to:
        _sign(order, answer, event, who, at_ns, fault_open)
    for effect in answer.effects:
        _do(desk, house, order, effect, event.value, at_ns)
    desk.put_order(order)
    rescue.follow(desk, order, who, at_ns)
    if order.state is State.CLOSED:
        heads.end(desk, order)
    if row is not None and order.state is State.RESTORED:
        stop(desk, order, ClockName.UNIT)
    if before is not answer.to:
        calling.move(desk, house, order, calling.Event.HOLLOW if event in NOBODY else CALLS[answer.to])
    told = {"order": order.id, "event": event.value, "before": before.value, "by": who, "round": order.round, **_late(desk, at_ns)}
    desk.tell(f"order.{order.state}", told)
    return None


def agrees(desk: Desk, order: Order) -> None:
    """Telemetry has come round after somebody said that it works."""
    if order.state is State.RESTORED and order.restored_agrees != 1:
        order.restored_agrees = 1
        desk.put_order(order)


def _sign(order: Order, move: Move, event: Event, who: str, now_ns: int, fault_open: bool) -> None:
    if move.to is State.ACCEPTED:
        order.accepted_ns, order.accepted_by = now_ns, who
    elif move.to is State.ARRIVED:
        order.arrived_ns, order.arrived_by = now_ns, who
        if order.accepted_ns is None:
            order.accepted_ns, order.accepted_by = now_ns, who
    elif move.to is State.RESTORED:
        order.restored_ns, order.restored_by = now_ns, who
        order.restored_agrees = None if order.fault is None else int(not fault_open)
    elif move.to is State.CLOSED:
        order.closed_ns, order.closed_by = now_ns, who
        if event in (Event.FADED, Event.FADED_URGENT):
            order.cause = order.cause or "self_cleared"
        elif event is Event.JOINED:
            order.cause = "part_of_incident"


def _do(desk: Desk, house: House, order: Order, effect: Effect, why: str, at_ns: int) -> None:
    match effect:
        case Effect.STOP_RESPONSE:
            _stop(desk, order, (ClockName.RESPONSE,), at_ns)
        case Effect.STOP_ARRIVAL:
            _stop(desk, order, (ClockName.ARRIVAL,), at_ns)
        case Effect.STOP_RESTORE:
            _stop(desk, order, (ClockName.RESTORE,), at_ns)
        case Effect.STOP_ALL:
            _stop(desk, order, tuple(ClockName), at_ns)
        case Effect.START_ARRIVAL:
            _start(desk, house, order, ClockName.ARRIVAL, at_ns)
        case Effect.NEW_ROUND:
            _stop(desk, order, tuple(ClockName), at_ns)
            order.round += 1
            order.accepted_ns = order.arrived_ns = order.restored_ns = order.closed_ns = order.eta_ns = order.restored_agrees = None
            order.accepted_by = order.arrived_by = order.restored_by = order.closed_by = None
            order.cause = order.remedy = order.phone_json = order.radio_by = order.arrived_how = None
            # by its faults: an order that an older release closed has no rescue to go on from
            _start_round(desk, house, order, entrapment=any(fault.rule in rescue.KIN for fault in desk.faults_of(order)))
            heads.begin(desk, house, order)
        case Effect.FORGET:
            _forget(desk, order)
        case Effect.LET_GO:
            _let_go(order)
        case Effect.END_HOLD:
            order.hold_json = None
        case Effect.DROP_PAGES:
            paging.drop(desk, why, order=order)


def expect_arrival(desk: Desk, house: House, order: Order) -> None:
    """Somebody accepted, and from now on it is noticed where they do not come."""
    _start(desk, house, order, ClockName.ARRIVAL, desk.now_ns)


def tighten(desk: Desk, house: House, order: Order) -> None:
    """It became graver: what runs is due by the new limits from now, where that is sooner; what a milder class had not begins now."""
    running = {clock.name: clock for clock in desk.clocks_of(order)}
    for clock in running.values():
        sooner = clocks.tighten(clock, order.severity, desk.now_ns, house.times)
        if sooner is not clock:
            desk.put_clock(sooner)
            _tell(desk, sooner, "tighten")
    for name in BEGUN.get(order.state, ()):
        if not desk.clock_began(order, name):
            _start(desk, house, order, name, desk.now_ns)
    if order.state is State.ACCEPTED and (ClockName.ARRIVAL not in running or running[ClockName.ARRIVAL].breached_ns is not None):
        expect_arrival(desk, house, order)


def _forget(desk: Desk, order: Order) -> None:
    """Who accepted and did not come. Their arrival clock keeps its breach until another one starts it anew."""
    [due_ns] = [clock.due_ns for clock in desk.clocks_of(order) if clock.name is ClockName.ARRIVAL]
    hollow = orjson.loads(order.hollow_json) if order.hollow_json else []
    order.hollow_json = as_json([*hollow, {"by": order.accepted_by, "accepted_ns": order.accepted_ns, "due_ns": due_ns}])
    _let_go(order)


def _let_go(order: Order) -> None:
    order.accepted_ns = order.accepted_by = order.eta_ns = order.phone_json = order.radio_by = None


def stop(desk: Desk, order: Order, name: ClockName) -> None:
    """A step that only some orders have was made."""
    _stop(desk, order, (name,), desk.now_ns)


def _start_round(desk: Desk, house: House, order: Order, *, entrapment: bool) -> None:
    _start(desk, house, order, ClockName.RESPONSE, desk.now_ns)
    _start(desk, house, order, ClockName.RESTORE, desk.now_ns)
    if entrapment:
        rescue.begin(desk, order)
        _start(desk, house, order, ClockName.UNIT, desk.now_ns)


def _start(desk: Desk, house: House, order: Order, name: ClockName, at_ns: int) -> None:
    clock = clocks.start(order.id, name, order.round, order.severity, at_ns, house.times)
    if clock is not None:
        desk.put_clock(clock)
        _tell(desk, clock, "start")


def _stop(desk: Desk, order: Order, names: tuple[ClockName, ...], at_ns: int) -> None:
    for clock in desk.clocks_of(order):
        if clock.name in names:
            stopped = clocks.stop(clock, at_ns)
            if (stopped.breached_ns is None) != (clock.breached_ns is None):
                _tell(desk, stopped, "kept" if stopped.breached_ns is None else "breach")
            desk.put_clock(stopped)
            _tell(desk, stopped, "stop")


def notice(desk: Desk, house: House, clock: OrderClock) -> None:
    """What a running clock has to say now: a warning or a breach, each recorded and paged once."""
    if clock.name is ClockName.ARRIVAL and entered.following(desk.orders[clock.work_order], desk.now_ns):
        return
    after, word = clocks.notice(clock, desk.now_ns)
    if word is None:
        return
    desk.put_clock(after)
    _tell(desk, after, word.value)
    order = desk.orders[after.work_order]
    faults = desk.faults_of(order)
    paging.page(desk, house, word.value, faults[-1] if faults else None, order, after)
    if (after.name, word) == (ClockName.ARRIVAL, clocks.Word.BREACH):
        step(desk, house, order, Event.HOLLOW)


def _late(desk: Desk, at_ns: int) -> dict[str, int]:
    """What happened before it was known says when."""
    return {} if at_ns == desk.now_ns else {"at_ns": at_ns}


def _tell(desk: Desk, clock: OrderClock, what: str) -> None:
    body = {"order": clock.work_order, "clock": clock.name.value, "round": clock.round, "due_ns": clock.due_ns}
    desk.tell(f"clock.{what}", body)
