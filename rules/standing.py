"""Whether who gives a command may give it at all: by role, and a firm's people only about the machines their firm looks after and the
orders handed to it.

The console asked the same before it recorded the command (plantroom/roles.py, plantroom/firms.py); here it is judged by the
configuration that holds at the record's place in the order.
"""

from __future__ import annotations

from collections.abc import Mapping

from plantroom.firms import firm_of, own_machines
from plantroom.roles import DEEDS, PLAN, Permission, allowed, narrow
from rules.command import Command
from rules.denied import Denied, same
from rules.desk import Desk
from rules.house import House

CODES: Mapping[Permission, str] = {
    Permission.AGREE: "agree_needs_engineer",
    Permission.ASSIGN: "assign_needs_engineer",
    Permission.RELEASE: "release_needs_engineer",
    Permission.ROSTER: "roster_needs_engineer",
    Permission.SHELVE: "shelf_needs_engineer",
}


def judge(desk: Desk, house: House, command: Command) -> None:
    """Raises Denied. A command without roles may nothing of what needs one. What is no deed of these is its own handler's to judge."""
    needed = DEEDS.get(command.does)
    if needed is None:
        return
    if not allowed(command.roles, needed):
        raise Denied(CODES.get(needed, "role_may_not"))
    if command.does in PLAN:
        return  # whose task it is stands in the plan: rules/plan_deeds.py
    if narrow(command.roles):
        order = desk.find_order(command.target)
        about = order or desk.find_fault(command.target)
        machine = about.equipment if about is not None else command.target
        handed = order is not None and order.firm is not None and order.firm == firm_of(house.site, command.who)
        if not handed and machine not in own_machines(house.site, command.who):
            raise Denied("not_of_your_firm", {"target": same(command.target)})
