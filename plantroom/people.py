"""People who keep the plant: what they are, how they are reached, what they are certified for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from plantroom.roles import Role

ROLES = tuple(role.value for role in Role)
HANDS_ON = frozenset((Role.TECHNICIAN.value, Role.ENGINEER.value))


@dataclass(frozen=True, slots=True)
class Certificate:
    """kinds: of equipment it is for, none = whatever it is asked for. until: its last day."""

    name: str
    kinds: frozenset[str]
    until: date

    def covers(self, name: str, kind: str) -> bool:
        return self.name == name and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Person:
    """contacts: channel id -> address on it. language: where it is not the channel's or the site's. firm: whom they come from, as the
    ledger of the machines it looks after names it."""

    id: str
    name: str
    roles: frozenset[str]
    contacts: Mapping[str, str] = field(default_factory=dict, repr=False)
    certificates: tuple[Certificate, ...] = ()
    language: str | None = None
    firm: str = ""

    @property
    def hands_on(self) -> bool:
        """Whether they work on machines: of whom certificates are asked. A manager on a team takes the call, not the wrench."""
        return bool(self.roles & HANDS_ON)

    def certified(self, name: str, kind: str) -> date | None:
        """The last day of this certificate for this kind, of the newest where there are several; None without one."""
        return max((held.until for held in self.certificates if held.covers(name, kind)), default=None)
