"""Whether who gives a command may give it at all: by role, and a firm's people only about the machines their firm looks after and the
orders handed to it.

The console asked the same before it recorded the command (plantroom/roles.py, plantroom/firms.py); here it is judged by the
configuration that holds at the record's place in the order.
"""

from __future__ import annotations

from collections.abc import Mapping

from plantroom.firms import firm_of, own_machines
from plantroom.roles import DEEDS, PLAN, Permission, Role, allowed, narrow
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
    about_task = command.does == "attach" and command.text("about") == "task"
    if command.does == "attach" and not about_task:
        needed = Permission.WORK
    if not allowed(command.roles, needed):
        raise Denied(CODES.get(needed, "role_may_not"))
    if command.does in PLAN or about_task:
        _of_plan(desk, house, command)
    elif narrow(command.roles):
        order = desk.find_order(command.target)
        about = order or desk.find_fault(command.target)
        machine = about.equipment if about is not None else command.target
        handed = order is not None and order.firm is not None and order.firm == firm_of(house.site, command.who)
        if not handed and machine not in own_machines(house.site, command.who):
            raise Denied("not_of_your_firm", {"target": same(command.target)})


def _of_plan(desk: Desk, house: House, command: Command) -> None:
    """Who sees only what is theirs learns of no other task, not even whether there is one. Whose task it is to do: rules/plan_deeds.py."""
    if not narrow(command.roles):
        return
    task = desk.plan.find(command.target)
    theirs = task is not None and Role.VENDOR in command.roles and task.subject in own_machines(house.site, command.who)
    assess = task is not None and Role.THIRD_PARTY in command.roles and task.role == Role.THIRD_PARTY
    if not theirs and not assess:
        raise Denied("not_of_your_firm", {"target": same(command.target)})
