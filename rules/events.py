"""Plantroom's own faults: equipment `monitor`, raised by EVENT records through the rules that say `on_event`.

An event is a moment, so such a fault ends when it has not been seen again for the rule's `clear_after`, or when an event
`<name>_over` says that it is over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plantroom.clock import NS
from plantroom.errors import BadInput
from plantroom.journal.record import Record
from rules import incident
from rules.desk import Desk
from rules.house import MONITOR, House
from rules.incident import Raised
from rules.outbox import UNDELIVERED_NS
from rules.record_body import object_in, shown
from rules.rows import Pending
from rules.rule import Rule

QUIET_S = 600.0  # where the rule says nothing
OVER = "_over"
SEEN_APART_NS = 30 * NS  # a lasting trouble is noted again no more often


def take(desk: Desk, house: House | None, body: bytes) -> None:
    """One EVENT record. house: None before the first configuration, when it is only written down."""
    event = object_in(body)
    desk.tell("event", event if event is not None else {"unreadable": shown(body)})
    if house is None or event is None or not isinstance(event.get("event"), str):
        return
    name = event["event"]
    if name.endswith(OVER):
        over(desk, house, name.removesuffix(OVER))
    else:
        seen(desk, house, name, event)


def seen(desk: Desk, house: House, name: str, values: Mapping[str, Any]) -> None:
    """Something about Plantroom itself happened at the record's instant; no rule, no fault."""
    rule = house.book.on_event(name)
    if rule is None:
        return
    pending = desk.conditions.get((MONITOR, rule.id))
    if pending is None:
        words = {key: value for key, value in values.items() if isinstance(value, str | int | float) and key != "event"}
        incident.raise_fault(desk, house, Raised(MONITOR, MONITOR, rule, desk.now_ns, False, words, {}), desk.now_ns)
    elif desk.now_ns - pending.at_ns >= SEEN_APART_NS:
        desk.put_condition(Pending(MONITOR, rule.id, pending.state, pending.since_ns, desk.now_ns, pending.fault))


def over(desk: Desk, house: House, name: str) -> None:
    """The trouble of this event is said to be over."""
    rule = house.book.on_event(name)
    fault = desk.fault_of(MONITOR, rule.id) if rule is not None else None
    if fault is not None:
        incident.end(desk, house, fault, "cleared", desk.now_ns, "event")


def quiet(desk: Desk, house: House) -> None:
    """Ends the monitor's faults that were not seen again; one whose rule is gone is withdrawn."""
    for key in sorted(key for key in desk.conditions if key[0] == MONITOR):
        pending = desk.conditions[key]
        rule, fault = house.rule(MONITOR, pending.rule), desk.fault_of(MONITOR, pending.rule)
        if rule is not None and rule.on_report:
            continue  # the plan raises and ends it
        if fault is None:
            desk.drop_condition(MONITOR, pending.rule)
        elif rule is None:
            incident.end(desk, house, fault, "withdrawn", desk.now_ns, "config")
        elif desk.now_ns - pending.at_ns >= quiet_ns(rule):
            incident.end(desk, house, fault, "cleared", desk.now_ns, "quiet")


def undelivered(desk: Desk, house: House) -> None:
    """T3: an urgent page that no provider has taken for 100 s is a fault of its own, told on every channel there is."""
    page = desk.oldest_urgent()
    if page is not None and desk.now_ns - page.created_ns >= UNDELIVERED_NS:
        seen(desk, house, "delivery_failed", {"channel": page.channel, "answer": page.answer or ""})


def applied(desk: Desk, house: House) -> None:
    """A configuration was taken: an earlier one's refusal is over."""
    over(desk, house, "config_rejected")


def rejected(desk: Desk, house: House | None, record: Record, error: BadInput) -> None:
    """A CONFIG record this release cannot read; the engine goes on with the one it has."""
    desk.tell("config.unreadable", {"problems": [str(problem) for problem in error.problems][:20]})
    if house is not None:
        seen(desk, house, "config_rejected", {"problem": str(error.problems[0])})


def quiet_ns(rule: Rule) -> int:
    length = rule.parameters[rule.clear_after].value if isinstance(rule.clear_after, str) else rule.clear_after
    return round((length or QUIET_S) * NS)
