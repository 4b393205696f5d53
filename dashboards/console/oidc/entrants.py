"""Whom verified claims make somebody here, and their account in access.db. An account made so has no password."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboards.console.oidc.settings import Settings
from plantroom.roles import Role

MOST_GROUPS = 1_000
LONGEST_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Entrant:
    """subject: who they are to the provider, for ever. shown: None where it says nothing."""

    issuer: str
    subject: str
    name: str
    shown: str | None
    role: Role | None  # None: no group of theirs has one
    sites: tuple[str, ...] | None


class NoEntry(Exception):
    """Known to the provider, not to be let in here; reason: no_role, name, taken."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def entrant_of(claims: Mapping[str, Any], settings: Settings) -> Entrant:
    """By the first of the roles in the file whose group is among theirs."""
    groups = _claim(claims, settings.groups_claim)
    listed = [groups] if isinstance(groups, str) else groups[:MOST_GROUPS] if isinstance(groups, list) else []
    theirs = {one for one in listed if isinstance(one, str)}
    given = next((one for one in settings.roles if one.group in theirs), None)
    name, shown = _claim(claims, settings.name_claim), _claim(claims, settings.shown_claim)
    tidy = "".join(c for c in shown if c.isprintable()).strip()[:LONGEST_SHOWN] if isinstance(shown, str) else ""
    return Entrant(
        settings.issuer, claims["sub"], name if isinstance(name, str) else "", tidy or None,
        given.role if given is not None else None, given.sites if given is not None else None,
    )  # fmt: skip


def _claim(claims: Mapping[str, Any], path: str) -> object:
    """By its whole name, which may have points in it (https://example.com/groups), else one inside another."""
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


class Federated:
    """rows, change, now: as of Access, which owns the connection."""

    def __init__(
        self, rows: Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]], change: Callable[[str, tuple[Any, ...]], int],
        now: Callable[[], int],
    ) -> None:  # fmt: skip
        self._rows, self._change, self._now = rows, change, now

    def known(self, entrant: Entrant) -> str | None:
        rows = self._rows("SELECT person FROM federated WHERE issuer = ? AND subject = ?", (entrant.issuer, entrant.subject))
        return rows[0][0] if rows else None

    def enter(self, entrant: Entrant, sites: str) -> str:
        """The name of their account, made or brought up to date; it stays what it was at first, whatever the provider calls them later.
        sites: as the table has them. Raises NoEntry: the name is another account's, with a password or another subject's."""
        assert entrant.role is not None
        name, now = self.known(entrant) or entrant.name, self._now()
        if self.known(entrant) is None:
            self._change("INSERT OR IGNORE INTO person VALUES (?, ?, ?, '', ?, ?)", (name, entrant.role.value, sites, now, now))
            mine = (
                "INSERT OR IGNORE INTO federated SELECT name, ?, ?, ? FROM person WHERE name = ? AND password = '' "
                "AND name NOT IN (SELECT person FROM federated)"
            )
            if not self._change(mine, (entrant.issuer, entrant.subject, entrant.shown, name)):
                raise NoEntry("taken")
        self._change("UPDATE federated SET shown = ? WHERE person = ?", (entrant.shown, name))
        changed = "UPDATE person SET role = ?, sites = ?, changed_ns = ? WHERE name = ? AND (role <> ? OR sites <> ?)"
        self._change(changed, (entrant.role.value, sites, now, name, entrant.role.value, sites))
        return name
