"""A COMMAND record's body -> a command: who wants what done to which target. Nothing a person sends can end the engine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from plantroom.clock import NS, to_ns

LONGEST_ID = 64
LATEST_NS = 2**62  # the year 2116: room to add to it, and what a row can hold
_LENGTH = re.compile(r"\s*(\d{1,6}(?:\.\d{1,3})?)\s*(s|m|min|h|d|)\s*")
_SECONDS = {"s": 1, "m": 60, "min": 60, "": 60, "h": 3600, "d": 86_400}

# What in args is no person's words and so may stand in the chronicle.
PLAIN_ARGS = frozenset({
    "eta", "trapped", "injured", "head", "until", "severity", "equipment", "second", "fault", "cause_code", "team", "from", "in", "out",
    "page", "one", "one_from", "one_until", "other", "other_from", "other_until", "goes", "how",
    "firm", "about", "hash", "kind", "before", "rest", "figures",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """who: a person's id. name: as they are called, "" unknown. roles: what they may do, as the sender found it. hidden: args as the
    chronicle has them, a person's words by their stand-ins. phone: as it was sent, of a deed entered without
    reception (plantroom/phone.py); entered_ns: the instant that counts where it is not the record's."""

    id: str
    does: str
    target: str
    who: str
    name: str
    roles: frozenset[str]
    args: Mapping[str, Any]
    hidden: Mapping[str, Any] = field(default_factory=dict)
    phone: object = None
    entered_ns: int | None = None

    def text(self, name: str) -> str:
        """An argument as words, "" where it is missing or no text."""
        value = self.args.get(name)
        return value.strip() if isinstance(value, str) else ""


def parse(body: bytes) -> Command | None:
    """None for a body that is no command: no JSON object, or without an id to answer to.

    `who` is {"id", "name", "roles"}, or a person's id with `name` and `roles` beside it.
    """
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict) or not _text(given.get("command_id")) or len(given["command_id"]) > LONGEST_ID:
        return None
    who = given.get("who")
    person = who if isinstance(who, dict) else {"id": who, "name": given.get("name"), "roles": given.get("roles")}
    roles, args = person.get("roles"), given.get("args")
    return Command(
        id=given["command_id"],
        does=_text(given.get("does")),
        target=_text(given.get("target")),
        who=_text(person.get("id")),
        name=_text(person.get("name")),
        roles=frozenset(role for role in roles if isinstance(role, str)) if isinstance(roles, list) else frozenset(),
        args=args if isinstance(args, dict) else {},
        phone=given.get("phone"),
    )


def instant(given: object, now_ns: int) -> int | None:
    """Epoch ns of `2026-11-21T14:20:00+08:00`, of a length from now (`20m`, `2h`) or of minutes from now (20). None for anything else."""
    if isinstance(given, int | float) and not isinstance(given, bool):
        given = f"{given:g}"
    if not isinstance(given, str):
        return None
    if match := _LENGTH.fullmatch(given):
        at_ns = now_ns + round(float(match[1]) * _SECONDS[match[2]] * NS)
    else:
        try:
            at_ns = to_ns(datetime.fromisoformat(given))
        except (ValueError, OverflowError):
            return None
    return at_ns if 0 <= at_ns < LATEST_NS else None


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
