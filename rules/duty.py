"""Is somebody on duty? A team of the roster with nobody on is a fault of the monitor, for as long as it lasts (O-1)."""

from __future__ import annotations

from rules import events, roster_change
from rules.desk import Desk
from rules.house import House

GAP = "roster_gap"


def look(desk: Desk, house: House) -> None:
    """At a tick."""
    roster = house.site.roster
    changes = roster_change.standing(desk)
    empty = [team for team in roster.teams if not roster.on_duty(team, desk.now_ns, changes=changes)]
    if empty:
        events.seen(desk, house, GAP, {"team": ", ".join(empty)})
    else:
        events.over(desk, house, GAP)
