"""Deeds entered without reception: which instant a command's deed has, and what of it the rows keep.

Nothing that was done on the strength of what was not known is undone: pages that left have left. But an order shows when things happened,
so a clock that was stopped in time was kept, and one who was there in time has not accepted hollowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from plantroom.clock import NS
from plantroom.errors import Refused
from plantroom.limits import ClockName
from plantroom.phone import DEEDS, Judged, Phone, judge, read
from rules.command import Command
from rules.desk import Desk
from rules.order import State
from rules.rows import Order, as_json

STEPS = ("accept", "arrive", "restore")
COMES = ("arrive", "restore")  # says that somebody was there
FOLLOW_NS = 120 * NS  # after an acceptance that was entered without reception: what else that phone holds follows it


@dataclass(frozen=True, slots=True)
class Entered:
    """phone: what it said. received_ns: the record's instant."""

    phone: Phone
    judged: Judged
    received_ns: int

    def short(self) -> dict[str, Any]:
        """Beside a step or a note."""
        return {"entered_ns": self.phone.entered_ns, "received_ns": self.received_ns, "counts": self.judged.counts}

    def whole(self) -> dict[str, Any]:
        """Beside the command's outcome and in the chronicle."""
        phone = self.phone
        return {
            **self.short(), "why": self.judged.why, "contact_ns": phone.contact_ns, "contact_phone_ns": phone.contact_phone_ns,
            "sent_ns": phone.sent_ns, "age_ns": phone.age_ns, "waited_ns": phone.waited_ns, "set_back_ns": phone.set_back_ns,
        }  # fmt: skip


def entered(desk: Desk, command: Command) -> Entered | None:
    """None for a deed like any other; what cannot be read is none either, and the record's own instant counts."""
    does, order = command.does, desk.recall(command.target)
    if does not in DEEDS:
        return None
    try:
        phone = read(command.phone)
    except Refused:
        return None
    if order is None:
        return Entered(phone, judge(phone, desk.now_ns), desk.now_ns)
    judged = judge(phone, desk.now_ns, _last_step_ns(desk, order) if does in STEPS else order.opened_ns)
    if not judged.counts and does in COMES and (came := _in_time(order, command.who)) is not None:
        again = judge(phone, desk.now_ns, came["accepted_ns"])
        judged = again if again.counts and again.at_ns <= came["due_ns"] else judged
    return Entered(phone, judged, desk.now_ns)


def not_hollow(order: Order, who: str, at_ns: int) -> bool:
    """Whoever was at the machine before their arrival clock ran out, and could not say so, has it again."""
    came = _in_time(order, who)
    if came is None or not came["accepted_ns"] <= at_ns <= came["due_ns"]:
        return False
    rest = orjson.loads(order.hollow_json or "[]")[:-1]
    order.hollow_json = as_json(rest) if rest else None
    order.state, order.accepted_ns, order.accepted_by = State.ACCEPTED, came["accepted_ns"], who
    return True


def keep(order: Order, step: str, entry: Entered | None) -> None:
    """Beside a step of the order: how it was entered."""
    found = orjson.loads(order.phone_json) if order.phone_json else {}
    found.pop(step, None)
    if entry is not None:
        found[step] = entry.short()
    order.phone_json = as_json(found) if found else None


def following(order: Order, now_ns: int) -> bool:
    """An acceptance has just come from a phone without reception, and what it holds besides may be on its way."""
    entry = _accepted(order)
    return entry is not None and now_ns < _until_ns(entry)


def shift(order: Order, now_ns: int, step_ns: int) -> bool:
    """The clock was set, to now_ns: what may still follow has as long as it had, and what no more may not again. The receipt itself has
    happened and keeps its instant. Whether the row changed."""
    entry = _accepted(order)
    if entry is None:
        return False
    until_ns = _until_ns(entry)
    moved = {**entry, "follow_until_ns": until_ns + step_ns if now_ns - step_ns < until_ns else 0}
    order.phone_json = as_json({**orjson.loads(order.phone_json or "{}"), State.ACCEPTED.value: moved})
    return True


def _accepted(order: Order) -> Mapping[str, Any] | None:
    """How the acceptance that stands was entered, where it was without reception."""
    if order.state is not State.ACCEPTED or not order.phone_json:
        return None
    found: Mapping[str, Any] | None = orjson.loads(order.phone_json).get(State.ACCEPTED.value)
    return found


def _until_ns(entry: Mapping[str, Any]) -> int:
    until_ns: int = entry.get("follow_until_ns", entry["received_ns"] + FOLLOW_NS)
    return until_ns


def _in_time(order: Order, who: str) -> Mapping[str, Any] | None:
    """The newest hollow acceptance, where it is this person's and nobody has the order since."""
    hollow: list[Mapping[str, Any]] = orjson.loads(order.hollow_json) if order.hollow_json else []
    return hollow[-1] if order.state is State.OPEN and hollow and hollow[-1]["by"] == who else None


def _last_step_ns(desk: Desk, order: Order) -> int:
    """The newest thing known to have happened to it."""
    hollow: list[Mapping[str, int]] = orjson.loads(order.hollow_json) if order.hollow_json else []
    round_ = [clock.started_ns for clock in desk.clocks_of(order) if clock.name is not ClockName.ARRIVAL]
    steps = (order.opened_ns, order.accepted_ns, order.arrived_ns, order.restored_ns, order.closed_ns)
    return max(at_ns for at_ns in (*steps, *(each["due_ns"] for each in hollow[-1:]), *round_) if at_ns is not None)
