"""The rescue of people trapped in a lift as people read it: its time line, what may be said next, what one needs to know of the lift."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.console import shapes
from dashboards.console.rows import Order, Rescue
from plantroom.clock import iso
from plantroom.site import Equipment
from plantroom.site_rescue import FACTS, LIFT

DIALLED = ("phone", "hotline")
LINKED = "camera"


@dataclass(frozen=True, slots=True)
class Line:
    """One step. key: `rescue.step.<key>`. at_ns: None while it waits. does: the deed that says it, "" where it comes by itself."""

    key: str
    at_ns: int | None
    by: str | None
    does: str = ""


def lines(rescue: Rescue, order: Order) -> list[Line]:
    """In the order in which they are to come; a report only where there was one."""
    told = [Line("reported", rescue.reported_ns, rescue.reported_by)] if rescue.reported_ns is not None else []
    return [
        Line("known", rescue.known_ns, None),
        *told,
        Line("accepted", order.accepted_ns, order.accepted_by, "accept"),
        Line("answered", rescue.answered_ns, rescue.answered_by, "answered"),
        Line("called", rescue.called_ns, rescue.called_by, "unit_called"),
        Line("staff", rescue.staff_ns, rescue.staff_by, "arrive"),
        Line("unit", rescue.unit_ns, rescue.unit_by, "unit_arrived"),
        Line("freed", rescue.freed_ns, rescue.freed_by, "freed"),
        Line("released", rescue.released_ns, rescue.released_by, "release"),
    ]


def buttons(rescue: Rescue, order: Order) -> list[str]:
    """The deeds that can be done now, in the order of the time line; freeing and releasing have forms of their own."""
    if rescue.released_ns is not None:
        return []
    trapped = rescue.freed_ns is None
    possible = {
        "accept": order.state == "open" and trapped, "answered": rescue.answered_ns is None and trapped,
        "unit_called": rescue.called_ns is None, "arrive": order.state in ("open", "accepted") and trapped,
        "unit_arrived": rescue.unit_ns is None,
    }  # fmt: skip
    return [does for does, now in possible.items() if now]


def facts(equipment: Equipment | None) -> list[tuple[str, str | None, str | None]]:
    """(name, what the site file says, where a tap leads) of what rescuers need; a camera only where there is one."""
    if equipment is None or equipment.kind.name != LIFT:
        return []
    found = []
    for name in FACTS:
        fact = equipment.rescue.get(name)
        if fact is not None or name != LINKED:
            found.append((name, fact, _leads_to(name, fact)))
    return found


def rescue_shape(rescue: Rescue | None) -> shapes.RescueShape | None:
    if rescue is None:
        return None
    steps: Sequence[tuple[str, int | None, str | None]] = (
        ("reported", rescue.reported_ns, rescue.reported_by), ("answered", rescue.answered_ns, rescue.answered_by),
        ("staff", rescue.staff_ns, rescue.staff_by), ("called", rescue.called_ns, rescue.called_by),
        ("unit", rescue.unit_ns, rescue.unit_by),
        ("freed", rescue.freed_ns, rescue.freed_by), ("released", rescue.released_ns, rescue.released_by),
    )  # fmt: skip
    return {
        "known_at": iso(rescue.known_ns), "trapped": rescue.trapped, "injured": rescue.injured,
        "steps": {name: {"at": iso(at), "by": by} for name, at, by in steps if at is not None},
    }  # fmt: skip


def _leads_to(name: str, fact: str | None) -> str | None:
    if fact is None:
        return None
    if name in DIALLED:
        number = "".join(c for c in fact if c.isdigit() or c in "+*#")
        return f"tel:{number}" if number else None
    return fact if name == LINKED else None
