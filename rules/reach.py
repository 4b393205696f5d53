"""Whom a step of a chain reaches: people on duty, on the channels they have, and channels that everybody sees. """

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from plantroom.escalation import EVERYONE, Step
from plantroom.model import Severity
from plantroom.roster import Change
from plantroom.site_channels import tells_group
from rules.desk import Desk
from rules.house import House
from rules.rows import Call, Order


class Target(NamedTuple):
    """Where one page goes. person: whom it is for; None: everybody who sees the channel."""

    channel: str
    person: str | None = None


def reached(house: House, severity: Severity, kind: str, step: Step, at_ns: int, changes: Sequence[Change] = ()) -> list[Target]:
    """In the order of the step's names, each once. kind: of the equipment, for whom its certificates put first."""
    found = dict.fromkeys(target for name in step.tell for target in _named(house, severity, kind, name, at_ns, changes))
    return [target for target in found if step.by is None or target.channel in step.by]


def falls_short(house: House, step: Step, now: Sequence[Target]) -> bool:
    """Nobody at all is reached, or a step that names people reaches none of them: a notice on a group's channel calls nobody."""
    wanted = any(name in house.site.roster.teams or name in house.site.people for name in step.tell)
    return not now or (wanted and all(target.person is None for target in now))


def everyone(house: House, severity: Severity) -> list[Target]:
    """The channels that take this severity and tell a group."""
    own = {channel for person in house.site.people.values() for channel in person.contacts}
    return [Target(c.id) for c in house.channels(severity) if c.id not in own and tells_group(c)]


def told(desk: Desk, house: House, order: Order | None, severity: Severity) -> list[Target]:
    """Who knows of it and is to hear what becomes of it: those called so far; where nobody was, everybody."""
    call = desk.calls.get(order.id) if order is not None else None
    return (told_so_far(house, call) if call is not None else []) or everyone(house, severity)


def told_so_far(house: House, call: Call) -> list[Target]:
    """Who was called and still can be: channels and people may have left the configuration since."""
    return [target for target in (Target(*each) for each in orjson.loads(call.called_json)) if _there(house, target)]


def _there(house: House, target: Target) -> bool:
    person = house.site.people.get(target.person or "")
    return target.channel in house.site.channels and (target.person is None or (person is not None and target.channel in person.contacts))


def _named(
    house: House, severity: Severity, kind: str, name: str, at_ns: int, changes: Sequence[Change]
) -> Iterator[Target]:
    site = house.site
    if name == EVERYONE:
        yield from everyone(house, severity)
    elif name in site.channels:
        yield Target(name)
    elif name in site.roster.teams:
        for person in site.roster.on_duty(name, at_ns, kind, changes):
            yield from own(house, severity, person)
    else:
        yield from own(house, severity, name)


def own(house: House, severity: Severity, person: str) -> Iterator[Target]:
    """The addresses of one person that this severity goes to."""
    known = house.site.people.get(person)
    for channel in known.contacts if known is not None else ():
        if channel in house.site.channels and severity in house.site.channels[channel].severities:
            yield Target(channel, person)
