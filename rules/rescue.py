"""The rescue of people trapped in a lift (X-3, R-6): its time line beside the order's own steps, one row a round.

    trapped   somebody is inside: spoken with, the maintenance unit called, the unit on site, in whatever order it happens
    freed     a person said so: the order is `restored`; the lift stays out of service
    released  signed: it may carry people again; only then the order can be closed

known, staff arrived and freed are the order's own instants. The unit's limit is the clock `unit`, from `known` on; the unit on site stops
it, and so do people who are free.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from rules.desk import Desk
from rules.order import State as OrderState
from rules.rows import Order, Rescue

LIFT = "elevator"
RULE = "passenger_entrapment"  # the machine's own signals say it
REPORT = "entrapment_reported"  # a person says it
KIN = (RULE, REPORT)  # one matter: a lift has one open fault of these, and one order


class Phase(StrEnum):
    TRAPPED = "trapped"
    FREED = "freed"
    RELEASED = "released"


class Step(StrEnum):
    """What people say; each once a round."""

    ANSWERED = "answered"  # over the intercom (安抚)
    CALLED = "called"  # the maintenance unit
    UNIT = "unit"  # it is on site
    FREED = "freed"
    RELEASED = "released"


P, S = Phase, Step
# None: it may be said; else the code of the text that says why not, `refused.<code>`.
TABLE: Mapping[tuple[Phase, Step], str | None] = {
    (P.TRAPPED, S.ANSWERED): None,
    (P.TRAPPED, S.CALLED): None,
    (P.TRAPPED, S.UNIT): None,
    (P.TRAPPED, S.FREED): None,
    (P.TRAPPED, S.RELEASED): "not_freed",
    (P.FREED, S.ANSWERED): "already_freed",
    (P.FREED, S.CALLED): None,  # called after all, to look at the lift
    (P.FREED, S.UNIT): None,
    (P.FREED, S.FREED): "already_freed",
    (P.FREED, S.RELEASED): None,
    (P.RELEASED, S.ANSWERED): "already_released",
    (P.RELEASED, S.CALLED): "already_released",
    (P.RELEASED, S.UNIT): "already_released",
    (P.RELEASED, S.FREED): "already_released",
    (P.RELEASED, S.RELEASED): "already_released",
}


def phase(row: Rescue) -> Phase:
    if row.released_ns is not None:
        return Phase.RELEASED
    return Phase.TRAPPED if row.freed_ns is None else Phase.FREED


def refusal(row: Rescue, step: Step) -> str | None:
    """The code of why it cannot be said now; None where it can."""
    return "already_said" if said_by(row, step) is not None and TABLE[phase(row), step] is None else TABLE[phase(row), step]


def said_by(row: Rescue, step: Step) -> str | None:
    by: str | None = getattr(row, f"{step}_by")
    return by


def begin(desk: Desk, order: Order) -> None:
    """A round of an order about people trapped."""
    desk.matters.put_rescue(Rescue(order.id, order.round, order.equipment, desk.now_ns))


def mark(desk: Desk, row: Rescue, step: Step, who: str) -> None:
    """A step at the record's instant."""
    setattr(row, f"{step}_ns", desk.now_ns)
    setattr(row, f"{step}_by", who)
    desk.matters.put_rescue(row)
    desk.tell(f"rescue.{step}", {"order": row.work_order, "by": who, "round": row.round})


def follow(desk: Desk, order: Order, who: str, at_ns: int) -> None:
    """The order has come to another state: our people are there, or the people are free. at_ns: since when, also where it was told later
    than it happened."""
    row = desk.matters.rescue(order.id)
    if row is None or row.round != order.round:
        return
    if order.state is OrderState.ARRIVED and row.staff_ns is None:
        row.staff_ns, row.staff_by = at_ns, who
        desk.matters.put_rescue(row)
    elif order.state is OrderState.RESTORED and row.freed_ns is None:
        mark(desk, row, Step.FREED, who)


def withheld(desk: Desk, machine: str) -> bool:
    """Does this lift wait to be released by signature?"""
    return any(row.equipment == machine and row.released_ns is None for row in desk.matters.rescues())
