"""Who may do what. The engine judges a deed once more (never by the performer, danger by the supervisor); here stands who may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    VIEWER = "viewer"
    TECHNICIAN = "technician"
    ENGINEER = "engineer"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a route needs. OWN: one's own password and session; every logged-in person has it."""

    OWN = "own"
    SEE = "see"
    WORK = "work"  # accept arrive restore hold comment, hand over and take over
    CLOSE = "close"
    ORDER = "order"  # open and reopen orders
    SHELVE = "shelve"
    ROSTER = "roster"  # who stands in, who swaps
    OPERATE = "operate"  # the service's own state: metrics, screens of duty rooms
    SCREEN = "screen"  # what the screen of a duty room may: see its site, say that a page was heard. No person has it


_VIEWER = frozenset({Permission.OWN, Permission.SEE})
_TECHNICIAN = _VIEWER | {Permission.WORK, Permission.CLOSE, Permission.ORDER}
_ENGINEER = _TECHNICIAN | {Permission.SHELVE, Permission.ROSTER, Permission.OPERATE}

MAY: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.TECHNICIAN: _TECHNICIAN,
    Role.ENGINEER: _ENGINEER,
    Role.SUPERVISOR: _ENGINEER,
    Role.ADMIN: frozenset(Permission) - {Permission.SCREEN},
}

# Which permission each deed needs; the deeds are those of COMMAND records.
DEEDS: dict[str, Permission] = {
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
    "stand_in": Permission.ROSTER,
    "swap": Permission.ROSTER,
    "drop_change": Permission.ROSTER,
    "hand_over": Permission.WORK,
    "take_over": Permission.WORK,
    "heard": Permission.SCREEN,
}
# What a person may say with a deed; the engine asks for what is missing.
FIELDS: dict[str, tuple[str, ...]] = {
    "accept": ("eta",),
    "arrive": ("at",),
    "restore": ("cause", "remedy"),
    "close": ("cause", "remedy"),
    "hold": ("reason", "told"),
    "reopen": ("reason",),
    "open": ("equipment", "text", "severity"),
    "comment": ("text",),
    "shelve": ("until", "reason", "second"),
    "unshelve": ("reason",),
    "relearn": ("reason",),
    "stand_in": ("team", "from", "until", "out", "in", "reason"),
    "swap": ("team", "one", "one_from", "one_until", "other", "other_from", "other_until", "reason"),
    "drop_change": ("reason",),
    "hand_over": ("team", "text"),
    "take_over": ("text",),
}
ORDER_DEEDS = ("accept", "arrive", "restore", "close", "hold", "reopen", "comment")
FAULT_DEEDS = ("shelve", "unshelve")
MACHINE_DEEDS = ("relearn",)
TEAM_DEEDS = ("stand_in", "swap", "hand_over")  # the team is a field
CHANGE_DEEDS = ("drop_change",)
HANDOVER_DEEDS = ("take_over",)


# What a COMMAND record says for the engine's guards: a role includes those below it.
ROLES: Mapping[Role, tuple[str, ...]] = {
    Role.VIEWER: ("viewer",),
    Role.TECHNICIAN: ("technician",),
    Role.ENGINEER: ("technician", "engineer"),
    Role.SUPERVISOR: ("technician", "engineer", "supervisor"),
    Role.ADMIN: ("technician", "engineer", "supervisor", "admin"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. sites: the ids they may see, None = all. form_token: what their forms carry; None for a bearer token, which needs none.

    shown: what people call them, where that is not the name they are known by.
    """

    name: str
    role: Role
    sites: frozenset[str] | None = None
    form_token: str | None = None
    shown: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in MAY[self.role]

    @property
    def roles(self) -> tuple[str, ...]:
        """As a COMMAND record names them."""
        return ROLES[self.role]

    def sees(self, site: str) -> bool:
        return self.sites is None or site in self.sites
