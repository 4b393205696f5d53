"""What people do to orders and faults. Only here a command is judged; its outcome is a row, its instant the journal header's.

A command id is done once: a second record with the same id changes nothing, its outcome is the first one's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from plantroom.clock import NS, iso
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say
from rules import (
    drills,
    duty_room,
    entered,
    entrapment_deeds,
    evidence_deeds,
    firm_deeds,
    handover_deeds,
    heads,
    keeping,
    paging,
    plan_deeds,
    receipts,
    rescue,
    roster_deeds,
    severity_deeds,
    signing,
    standing,
    work,
)  # fmt: skip
from rules.command import LONGEST_ID, PLAIN_ARGS, Command, parse
from rules.denied import Denied, Done, instant_of, same, wanted, words_of
from rules.desk import Desk
from rules.entered import Entered
from rules.house import House
from rules.order import Event, No, State
from rules.receipts import Told
from rules.rows import Fault, Note, Order, Outcome, as_json

LONGEST_SHELF_NS = {Severity.READINESS: 8 * 3600 * NS, Severity.NORMAL: 72 * 3600 * NS, Severity.ADVISORY: 72 * 3600 * NS}
ORDER_STEPS = {"accept": Event.ACCEPT, "arrive": Event.ARRIVE, "restore": Event.RESTORE, "close": Event.CLOSE, "reopen": Event.REOPEN}
RELEARN = "relearn"
RELEASING = ("restore", "freed")  # what says that a person has dealt with it: a latched fault ends
NEEDED = {"close": ("cause",), "reopen": ("reason",)}
KEPT_ELSEWHERE = ("severity", "assign", "take_back")  # their words stand in rows of their own
NOTED = ("text", "reason", "remedy", "cause", "told")  # the argument whose words become the order's note, the first there is

Release = Callable[[str, str], None]
Relearn = Callable[[str], None]


def apply(desk: Desk, house: House, body: bytes, release: Release, relearn: Relearn) -> None:
    """Judges one COMMAND record. release: ends a latched fault's condition once a person has dealt with it; relearn: forgets what is
    usual for a machine."""
    command = parse(body)
    if command is None:
        desk.tell("command.unreadable", {"text": desk.hide("body", body[:4000].decode("utf-8", "replace"))})
        return
    if desk.outcome(command.id) is not None:
        desk.tell("command.repeated", {"command_id": command.id})
        return
    if command.who and command.name:
        desk.put_person(command.who, command.name)
    hidden = {name: _hide(desk, name, value) for name, value in sorted(command.args.items())}
    entry = entered.entered(desk, command) if command.phone is not None else None
    command = replace(command, hidden=hidden, entered_ns=entry.judged.at_ns if entry is not None and entry.judged.counts else None)
    told = {
        "command_id": command.id, "does": command.does, "target": command.target, "who": command.who, "roles": sorted(command.roles),
        "args": hidden, **({} if entry is None else {"phone": entry.whole()}),
    }  # fmt: skip
    try:
        done = _judge(desk, house, command)
    except Denied as denied:
        desk.tell("command", {**told, "outcome": "refused", "reason": denied.code})
        values = {lang: {name: texts[lang] for name, texts in denied.values.items()} for lang in LANGUAGES}
        says = {lang: say(f"refused.{denied.code}", lang, **values[lang]) for lang in LANGUAGES}
        _answer(desk, command, "refused", denied.code, says, Done(desk.find_order(command.target), desk.find_fault(command.target)), entry)
        _by_page(desk, command, Told.READ)
        return
    if command.does == RELEARN:
        relearn(command.target)
    if command.does in RELEASING and done.order is not None:
        for fault in desk.faults_of(done.order):
            release(fault.equipment, fault.rule)
    if done.order is not None:
        _note(desk, command, done.order, entry)
        if command.does in ORDER_STEPS and (entry is not None or done.order.phone_json):
            entered.keep(done.order, done.order.state.value, entry)
            desk.put_order(done.order)
    desk.tell("command", {**told, "outcome": "applied", "reason": "ok"})
    _by_page(desk, command, Told.ACKNOWLEDGED)
    _answer(desk, command, "applied", "ok", {lang: say("command.ok", lang) for lang in LANGUAGES}, done, entry)


def _by_page(desk: Desk, command: Command, state: Told) -> None:
    """A deed done by the link, button or key of a page says of it that its person had it. The web process has proved that it was they."""
    if page := command.text("page")[:LONGEST_ID]:
        receipts.note(desk, page, state)


def _judge(desk: Desk, house: House, command: Command) -> Done:
    if not command.who:
        raise Denied("who_missing")
    standing.judge(desk, house, command)
    if command.does in ORDER_STEPS:
        return _step(desk, house, command)
    handler = _OTHERS.get(command.does)
    if handler is None:
        raise Denied("unknown_deed", {"does": same(command.does)})
    return handler(desk, house, command)


def _step(desk: Desk, house: House, command: Command) -> Done:
    order = _order(desk, command)
    for name in NEEDED.get(command.does, ()):
        words_of(command, name)
    at_ns = desk.now_ns if command.entered_ns is None else command.entered_ns
    eta_ns = instant_of(command, "eta", at_ns) if command.does == "accept" and command.args.get("eta") not in (None, "") else None
    row = desk.matters.rescue(order.id)
    if command.does == "restore" and row is not None and rescue.phase(row) is rescue.Phase.TRAPPED:
        raise Denied("say_freed")
    event = ORDER_STEPS[command.does]
    goes = duty_room.goer(house, command, event)  # before the order is touched: what is refused changes nothing
    if command.entered_ns is not None and command.does in entered.COMES and entered.not_hollow(order, command.who, at_ns):
        desk.tell("order.not_hollow", {"order": order.id, "by": command.who, "accepted_ns": order.accepted_ns})
    before = order.holder
    refusal = work.step(desk, house, order, event, goes, command.roles, at_ns)
    if isinstance(refusal, No):
        raise Denied(refusal.code, {"by": same(desk.persons.get(before, before) if before else "")})
    duty_room.sign(order, command, event, goes)
    if command.does == "accept":
        order.eta_ns = eta_ns
    elif command.does == "close":
        order.cause, order.remedy = command.text("cause"), command.text("remedy") or None
    elif command.does == "reopen":
        paging.page(desk, house, "returned", _newest(desk, order), order)
    desk.put_order(order)
    return Done(order, _newest(desk, order))


def _hold(desk: Desk, house: House, command: Command) -> Done:
    order = _order(desk, command)
    if order.state is State.CLOSED:
        raise Denied("already_closed")
    reason, told = words_of(command, "reason"), words_of(command, "told")
    order.hold_json = as_json({"reason": reason, "told": told, "since_ns": command.entered_ns or desk.now_ns, "by": command.who})
    desk.put_order(order)
    desk.tell("order.held", {"order": order.id, "by": command.who})
    return Done(order)


def _comment(desk: Desk, house: House, command: Command) -> Done:
    words_of(command, "text")
    return Done(_order(desk, command))


def _open(desk: Desk, house: House, command: Command) -> Done:
    """An order by hand: the machine is the target, or args.equipment."""
    equipment = command.text("equipment") or command.target
    machine = house.machine(equipment)
    if machine is None:
        raise Denied("unknown_equipment", {"target": same(equipment)})
    text = words_of(command, "text")
    try:
        severity = Severity(command.text("severity") or Severity.NORMAL)
    except ValueError:
        raise Denied("argument", {"name": same("severity"), "wanted": wanted("severity")}) from None
    order = work.open_order(desk, house, equipment, severity, dict.fromkeys(LANGUAGES, text), None, command.who)
    if machine.mode == "live":
        paging.page(desk, house, "raised", None, order)
    return Done(order)


def _relearn(desk: Desk, house: House, command: Command) -> Done:
    """After a repair the machine is another one: what was usual for it is learned anew."""
    if house.machine(command.target) is None:
        raise Denied("unknown_equipment", {"target": same(command.target)})
    words_of(command, "reason")
    desk.tell("machine.relearn", {"equipment": command.target, "by": command.who})
    return Done()


def _shelve(desk: Desk, house: House, command: Command) -> Done:
    fault = _fault(desk, command)
    if not fault.open:
        raise Denied("fault_is_over")
    longest = LONGEST_SHELF_NS.get(fault.severity)
    if longest is None:
        raise Denied("danger_never_shelved")
    reason, until_ns = words_of(command, "reason"), instant_of(command, "until", desk.now_ns)
    second = command.text("second")
    if fault.severity.urgent and (not second or second == command.who):
        raise Denied("urgent_needs_second")
    if until_ns <= desk.now_ns:
        raise Denied("argument", {"name": same("until"), "wanted": wanted("future")})
    if until_ns - desk.now_ns > longest:
        raise Denied("shelved_too_long", {"hours": same(str(longest // (3600 * NS)))})
    fault.shelved_until_ns = until_ns
    fault.shelf_json = as_json({"by": command.who, "second": second or None, "reason": reason, "at_ns": desk.now_ns})
    desk.put_fault(fault)
    paging.drop(desk, "shelved", fault=fault)
    desk.tell("fault.shelved", {"fault": fault.id, "until_ns": until_ns, "by": command.who, "second": second or None})
    return Done(desk.standing(fault.work_order), fault)


def _unshelve(desk: Desk, house: House, command: Command) -> Done:
    fault = _fault(desk, command)
    if fault.shelved_until_ns is None:
        raise Denied("not_shelved")
    unshelve(desk, house, fault, command.who)
    return Done(desk.standing(fault.work_order), fault)


def unshelve(desk: Desk, house: House, fault: Fault, by: str) -> None:
    """A shelf ends, by a person or because its time is over: a fault that is still there is told again."""
    fault.shelved_until_ns = fault.shelf_json = None
    desk.put_fault(fault)
    desk.tell("fault.unshelved", {"fault": fault.id, "by": by})
    if fault.open:
        paging.page(desk, house, "returned", fault, desk.standing(fault.work_order))


def end_shelves(desk: Desk, house: House) -> None:
    """Shelves whose time is over."""
    for fault in desk.shelved():
        if fault.shelved_until_ns is not None and fault.shelved_until_ns <= desk.now_ns:
            unshelve(desk, house, fault, work.SYSTEM)


def released_by(desk: Desk, command: Command, seq: int) -> list[Fault]:
    """The faults whose conditions a command released when it was applied at `seq`; a replay releases them again."""
    outcome = desk.outcome(command.id)
    if command.does not in RELEASING or outcome is None or outcome.seq != seq or outcome.outcome != "applied":
        return []
    return desk.faults_by_order(command.target)


def relearned_by(desk: Desk, command: Command, seq: int) -> str | None:
    """The machine that a command made learn anew when it was applied at `seq`; a replay does so again."""
    outcome = desk.outcome(command.id)
    applied = command.does == RELEARN and outcome is not None and outcome.seq == seq and outcome.outcome == "applied"
    return command.target if applied else None


def _test_page(desk: Desk, house: House, command: Command) -> Done:
    """To every address of one person; they are to answer by the link in it."""
    if command.target not in house.site.people:
        raise Denied("unknown_person", {"target": same(command.target)})
    if not drills.send(desk, house, command.target):
        raise Denied("no_contact", {"target": same(command.target)})
    return Done()


def _acknowledge(desk: Desk, house: House, command: Command) -> Done:
    """target: an order; args.head: whose task it is. It neither accepts the order nor stops its calls."""
    order, head = _order(desk, command), words_of(command, "head")
    row = desk.matters.head(order.id, head)
    if row is None:
        raise Denied("no_head", {"target": same(head)})
    if row.state == heads.State.ACKNOWLEDGED:
        raise Denied("already_acknowledged", {"by": same(desk.persons.get(row.acked_by or "", row.acked_by or ""))})
    if row.state == heads.State.OVER:
        raise Denied("head_over")
    if not heads.may_acknowledge(house, row, command.who, command.roles):
        raise Denied("not_your_task")
    heads.acknowledge(desk, row, command.who)
    return Done(order, _newest(desk, order))


def _received(desk: Desk, house: House, command: Command) -> Done:
    """The person a test page went to has it before them."""
    if not drills.received(desk, command.target, command.who):
        raise Denied("unknown_page", {"target": same(command.target)})
    return Done()


_OTHERS: Mapping[str, Callable[[Desk, House, Command], Done]] = {
    "hold": _hold, "comment": _comment, "open": _open, "shelve": _shelve, "unshelve": _unshelve, RELEARN: _relearn,
    "test_page": _test_page, "received": _received, **roster_deeds.DEEDS, **handover_deeds.DEEDS,
    "acknowledge": _acknowledge, **entrapment_deeds.DEEDS,
    **duty_room.DEEDS, **severity_deeds.DEEDS, **firm_deeds.DEEDS, **evidence_deeds.DEEDS, **keeping.DEEDS, **plan_deeds.DEEDS,
    **signing.DEEDS,
}  # fmt: skip


def state_of(order: Order | None, fault: Fault | None) -> dict[str, Any]:
    """The target as it stands, for the person who waits for the answer."""
    told: dict[str, Any] = {}
    if order is not None:
        told["order"] = {"id": order.id, "state": order.state.value, "accepted_by": order.accepted_by, "arrived_by": order.arrived_by,
                         "restored_by": order.restored_by, "restored_agrees": order.restored_agrees, "round": order.round}  # fmt: skip
    if fault is not None:
        until = fault.shelved_until_ns
        shown = {"id": fault.id, "condition": fault.condition, "severity": fault.severity.value}
        told["fault"] = {**shown, "shelved_until": iso(until) if until is not None else None}
    return told


def _answer(
    desk: Desk, command: Command, outcome: str, reason: str, says: Mapping[str, str], done: Done, entry: Entered | None
) -> None:
    state = as_json({**state_of(done.order, done.fault), **done.state})
    phone = as_json(entry.whole()) if entry is not None else None
    desk.put_outcome(
        Outcome(command.id, desk.seq, desk.now_ns, command.who, command.does, command.target, outcome, reason, as_json(says), state, phone)
    )


def _note(desk: Desk, command: Command, order: Order, entry: Entered | None) -> None:
    name = next((name for name in NOTED if command.text(name)), None)
    if name is not None and command.does not in KEPT_ELSEWHERE:
        at_ns = desk.now_ns if command.entered_ns is None else command.entered_ns
        phone = as_json(entry.short()) if entry is not None else None
        desk.put_note(Note(order.id, desk.seq, at_ns, command.who, command.does, str(command.hidden[name]), phone))


def _hide(desk: Desk, name: str, value: object) -> object:
    """Words of a person leave; numbers, instants and ids stay."""
    if value is None or isinstance(value, bool | int | float) or (name in PLAIN_ARGS and isinstance(value, str)):
        return value
    return desk.hide(f"args.{name}", value if isinstance(value, str) else as_json(value))


def _order(desk: Desk, command: Command) -> Order:
    order = desk.recall(command.target)
    if order is None:
        raise Denied("unknown_order", {"target": same(command.target)})
    return order


def _fault(desk: Desk, command: Command) -> Fault:
    fault = desk.find_fault(command.target)
    if fault is None:
        raise Denied("unknown_fault", {"target": same(command.target)})
    return fault


def _newest(desk: Desk, order: Order) -> Fault | None:
    faults = desk.faults_of(order)
    return faults[-1] if faults else None
