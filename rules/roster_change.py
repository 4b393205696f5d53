"""A change of the roster that people entered: ahead until its end has passed at a tick or somebody dropped it.

Over is a state of its own and not a comparison with the clock: a clock set back would make one count again in memory that a restart has
forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from plantroom.roster import Change
from rules.desk import Desk
from rules.house import House
from rules.rows import RosterChange


class State(StrEnum):
    AHEAD = "ahead"
    OVER = "over"
    DROPPED = "dropped"


class Event(StrEnum):
    PASS = "pass"  # its end
    DROP = "drop"


S, E = State, Event
TABLE: Mapping[tuple[State, Event], State] = {
    (S.AHEAD, E.PASS): S.OVER,
    (S.AHEAD, E.DROP): S.DROPPED,
    (S.OVER, E.PASS): S.OVER,
    (S.OVER, E.DROP): S.OVER,
    (S.DROPPED, E.PASS): S.DROPPED,
    (S.DROPPED, E.DROP): S.DROPPED,
}


def standing(desk: Desk) -> list[Change]:
    """As the roster takes them, after those of the site file."""
    return [as_change(change) for change in desk.roster.changes()]


def as_change(change: RosterChange) -> Change:
    return Change(change.team, change.from_ns, change.to_ns, change.out_person, change.in_person)


def move(desk: Desk, change: RosterChange, event: Event, by: str | None = None) -> None:
    before, after = State(change.state), TABLE[State(change.state), event]
    if before is after:
        return
    change.state, change.ended_ns, change.ended_by = after.value, desk.now_ns, by
    desk.roster.put_change(change)
    desk.tell(f"roster.{after}", {"change": change.id, "by": by})


def look(desk: Desk, house: House) -> None:
    """At a tick: those whose time is over."""
    for change in desk.roster.changes():
        if change.to_ns <= desk.now_ns:
            move(desk, change, Event.PASS)
