"""An order's calls as people read them: who was told on which channels, whom the next call is for, and when."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.console import shapes
from dashboards.console.rows import Call, Fault, HeadCall
from dashboards.console.sites import SiteView
from plantroom.clock import iso
from plantroom.escalation import EVERYONE
from plantroom.words import say


def told(call: Call) -> dict[str | None, list[str]]:
    """Channels by person, in the order they were told; under None those that a group sees."""
    found: dict[str | None, list[str]] = {}
    for channel, person in sorted(call.told, key=lambda each: each[1] is None):
        found.setdefault(person, []).append(channel)
    return found


def next_ns(call: Call, fault: Fault | None) -> int | None:
    """A shelved fault calls nobody before its shelf ends."""
    shelved = fault.shelved_until_ns if fault is not None else None
    return max(call.next_ns, shelved or 0) if call.next_ns is not None else None


def named(view: SiteView, name: str, lang: str) -> str:
    """What a step tells: a team, a person, a channel, or everyone."""
    if name == EVERYONE:
        return say("call.everyone", lang)
    team = view.config.roster.teams.get(name) if view.config else None
    return team.name if team is not None else view.names.get(name, name)


def head_shapes(heads: Sequence[HeadCall]) -> list[shapes.HeadShape]:
    return [
        {
            "head": h.head, "tell": h.tell, "state": h.state, "due_at": iso(h.due_ns), "next_at": iso(h.next_ns) if h.next_ns else None,
            "missed": h.missed_ns is not None, "acked_at": iso(h.acked_ns) if h.acked_ns else None, "acked_by": h.acked_by,
        }
        for h in heads
    ]  # fmt: skip


def call_shape(call: Call | None, fault: Fault | None) -> shapes.CallShape | None:
    if call is None:
        return None
    at_ns, tell = next_ns(call, fault), call.next_tell
    return {
        "state": call.state, "count": call.count, "told": [{"channel": channel, "person": person} for channel, person in call.told],
        "next_at": iso(at_ns) if at_ns is not None else None, "next_tell": list(tell) if tell is not None and at_ns is not None else None,
    }  # fmt: skip
