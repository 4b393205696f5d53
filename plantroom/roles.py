"""Who may do what: one list of roles for accounts, the people of a site file and COMMAND records.

The console asks here before it records a deed, the engine once more before it does one. What depends on the case (never by the
performer, danger by the supervisor, an urgent shelf by two) is the engine's alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    TECHNICIAN = "technician"
    VENDOR = "vendor"  # the orders of the machines their firm looks after, and those handed to it
    THIRD_PARTY = "third_party"  # their own tasks: of orders and machines nothing
    ENGINEER = "engineer"
    SUPERVISOR = "supervisor"
    MANAGER = "manager"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route needs. OWN: one's own password and session; every logged-in person has it."""

    OWN = "own"
    SEE = "see"  # faults, orders, machines, points
    HOUSE = "house"  # who is on duty, how the service itself and its alarms do
    REPORT = "report"  # people trapped in a lift, a task of one's department confirmed: whoever sees it
    WORK = "work"  # accept arrive restore hold comment
    HANDOVER = "handover"  # hand a shift over and take it over
    CLOSE = "close"
    ORDER = "order"  # open and reopen orders
    SHELVE = "shelve"
    ASSIGN = "assign"  # hand one order to a firm, take it back
    RELEASE = "release"  # a lift people were trapped in, by signature
    ROSTER = "roster"  # who stands in, who swaps
    OPERATE = "operate"  # the service's own state: metrics, screens of duty rooms
    PLAN = "plan"  # see the tasks of the plan; who sees only what is theirs, those they may do
    TASK = "task"  # start and complete them, ask to move them
    AGREE = "agree"  # to a task that somebody asks to move or excuse
    SIGN = "sign"  # the figures of a period
    SCREEN = "screen"  # what the screen of a duty room may: see its site, say that a page was heard. No person has it


_OWN = frozenset({Permission.OWN})
_THIRD_PARTY = _OWN | {Permission.PLAN, Permission.TASK}
_VENDOR = _THIRD_PARTY | {Permission.SEE, Permission.REPORT, Permission.WORK}
_VIEWER = _OWN | {Permission.PLAN, Permission.SEE, Permission.HOUSE, Permission.REPORT}
_TECHNICIAN = _VIEWER | {Permission.TASK, Permission.WORK, Permission.HANDOVER, Permission.CLOSE, Permission.ORDER}
_MANAGER = _TECHNICIAN | {Permission.SIGN, Permission.AGREE, Permission.RELEASE, Permission.ROSTER, Permission.OPERATE}
_ENGINEER = (_MANAGER - {Permission.SIGN}) | {Permission.SHELVE, Permission.ASSIGN}

MAY: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.TECHNICIAN: _TECHNICIAN,
    Role.VENDOR: _VENDOR,
    Role.THIRD_PARTY: _THIRD_PARTY,
    Role.ENGINEER: _ENGINEER,
    Role.SUPERVISOR: _ENGINEER | {Permission.SIGN},
    Role.MANAGER: _MANAGER,
    Role.ADMIN: frozenset(Permission) - {Permission.SCREEN},
}
NARROW = frozenset({Role.VENDOR, Role.THIRD_PARTY})  # see what is theirs of a site, not the site

# Which permission each deed of a COMMAND record needs.
DEEDS: Mapping[str, Permission] = {
    "accept": Permission.WORK,
    "arrive": Permission.WORK,
    "restore": Permission.WORK,
    "hold": Permission.WORK,
    "comment": Permission.WORK,
    "close": Permission.CLOSE,
    "reopen": Permission.ORDER,
    "open": Permission.ORDER,
    "shelve": Permission.SHELVE,
    "unshelve": Permission.SHELVE,
    "relearn": Permission.SHELVE,
    "severity": Permission.ORDER,  # to a graver class; to a milder one who may shelve (rules/severity_deeds.py)
    "attach": Permission.TASK,  # a file to a task; to an order or a machine it takes WORK (rules/standing.py)
    "assign": Permission.ASSIGN,
    "take_back": Permission.ASSIGN,
    "stand_in": Permission.ROSTER,
    "swap": Permission.ROSTER,
    "drop_change": Permission.ROSTER,
    "hand_over": Permission.HANDOVER,
    "take_over": Permission.HANDOVER,
    "trapped": Permission.REPORT,
    "acknowledge": Permission.REPORT,
    "answered": Permission.WORK,
    "unit_called": Permission.WORK,
    "unit_arrived": Permission.WORK,
    "freed": Permission.WORK,
    "release": Permission.RELEASE,
    "erase": Permission.OPERATE,  # `plantroom privacy erase`
    "purge": Permission.OPERATE,  # `plantroom audit purge`
    "sign_period": Permission.SIGN,
    "start": Permission.TASK,
    "complete": Permission.TASK,
    "move": Permission.TASK,
    "excuse": Permission.TASK,
    "agree": Permission.AGREE,
    "decline": Permission.AGREE,
    "countersign": Permission.TASK,
    "test_page": Permission.OPERATE,  # `plantroom page --test`, whose COMMAND bears an administrator's roles
    # `received` is none of these: who answers a test page has its link and maybe no role at all, and the engine asks whose page it is
    "heard": Permission.SEE,  # a screen of the duty room is nobody and has a viewer's roles; its route asks for more
}

PLAN = ("start", "complete", "move", "excuse", "agree", "decline", "countersign")  # whose target is a task of the plan

# What a COMMAND record says for the engine's guards: a role includes those below it.
ROLES: Mapping[Role, tuple[str, ...]] = {
    Role.VIEWER: ("viewer",),
    Role.TECHNICIAN: ("technician",),
    Role.VENDOR: ("vendor",),
    Role.THIRD_PARTY: ("third_party",),
    Role.ENGINEER: ("technician", "engineer"),
    Role.SUPERVISOR: ("technician", "engineer", "supervisor"),
    Role.MANAGER: ("technician", "manager"),
    Role.ADMIN: ("technician", "engineer", "supervisor", "admin"),
}


def allowed(roles: Iterable[str], permission: Permission) -> bool:
    """Whether one of these roles has it. A word that is no role has nothing."""
    return any(permission in MAY[Role(role)] for role in roles if role in _WORDS)


def narrow(roles: Iterable[str]) -> bool:
    """Whether these roles see no more of a site than what is theirs: each of them is such a role, or there is none."""
    return all(role in NARROW for role in roles)


_WORDS = frozenset(role.value for role in Role)
