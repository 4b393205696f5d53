"""Who asks, and what they may say with a deed. What each role may do stands in plantroom/roles.py, for the engine too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from plantroom.roles import DEEDS, MAY, NARROW, PLAN, ROLES, Permission, Role

__all__ = [
    "CHANGE_DEEDS", "DEEDS", "FAULT_DEEDS", "FIELDS", "HANDOVER_DEEDS", "MACHINE_DEEDS", "MAY", "NARROW", "ORDER_DEEDS", "ROLES",
    "TASK_DEEDS", "TEAM_DEEDS", "Permission", "Person", "Role",
]  # fmt: skip


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
    "sign_period": ("period", "reason"),
    "assign": ("firm", "reason"),
    "take_back": ("reason",),
    "shelve": ("until", "reason", "second"),
    "unshelve": ("reason",),
    "severity": ("severity", "reason", "second"),
    "relearn": ("reason",),
    "stand_in": ("team", "from", "until", "out", "in", "reason"),
    "swap": ("team", "one", "one_from", "one_until", "other", "other_from", "other_until", "reason"),
    "drop_change": ("reason",),
    "hand_over": ("team", "text"),
    "take_over": ("text",),
    "trapped": ("text",),
    "acknowledge": ("head",),
    "answered": ("text",),
    "unit_called": ("text",),
    "unit_arrived": ("text",),
    "freed": ("trapped", "injured", "text"),
    "release": ("text",),
    "start": (),
    "complete": ("items", "evidence", "rest", "text"),
    "move": ("until", "reason"),
    "excuse": ("reason",),
    "agree": (),
    "decline": (),
    "countersign": (),
}
RESCUE_DEEDS = ("answered", "unit_called", "unit_arrived", "freed", "release")
ORDER_DEEDS = ("accept", "arrive", "restore", "close", "hold", "reopen", "comment", "acknowledge", "assign", "take_back", *RESCUE_DEEDS)
FAULT_DEEDS = ("shelve", "unshelve", "severity")
MACHINE_DEEDS = ("relearn", "trapped")
TEAM_DEEDS = ("stand_in", "swap", "hand_over")  # the team is a field
CHANGE_DEEDS = ("drop_change",)
HANDOVER_DEEDS = ("take_over",)
TASK_DEEDS = PLAN


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks. sites: the ids they may see, None = all. form_token: what their forms carry; None for a bearer token, which needs none.

    there: sites where their role is another one. shown: what people call them, where that is not the name they are known by.
    """

    name: str
    role: Role
    sites: frozenset[str] | None = None
    form_token: str | None = None
    shown: str | None = None
    there: Mapping[str, Role] = field(default_factory=dict)
    unproven: bool = False  # an administrator who must have a second factor and has none yet: their own account, nothing else
    federated: bool = False  # comes in by the login service: has no password here
    asked: Permission = Permission.OWN  # what the route they came by needs: a site where they have it not is none of theirs there

    def role_at(self, site: str) -> Role:
        return self.there.get(site, self.role)

    def may(self, permission: Permission, site: str | None = None) -> bool:
        """At this site, or at one of theirs."""
        if site is not None:
            return permission in MAY[self.role_at(site)]
        everywhere = self.sites is None or bool(self.sites - self.there.keys())
        roles = {*self.there.values(), *((self.role,) if everywhere else ())}
        return any(permission in MAY[role] for role in roles)

    def asking(self, permission: Permission) -> Person:
        return replace(self, asked=permission)

    def roles_at(self, site: str) -> tuple[str, ...]:
        """As a COMMAND record names them."""
        return ROLES[self.role_at(site)]

    def sees(self, site: str) -> bool:
        return (self.sites is None or site in self.sites) and self.may(self.asked, site)

    def narrow_at(self, site: str) -> bool:
        """Whether they see no more of this site than what is theirs."""
        return self.role_at(site) in NARROW
