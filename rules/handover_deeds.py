"""Commands of a shift's handover: given by who leaves, taken over by who comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rules.command import Command
from rules.denied import Denied, Done, same
from rules.desk import Desk
from rules.handover import Event, move, open_now
from rules.house import House
from rules.rows import Handover, as_json


def _hand_over(desk: Desk, house: House, command: Command) -> Done:
    """target: the team; nothing at a site without teams."""
    teams = house.site.roster.teams
    if command.target not in teams and (teams or command.target):
        raise Denied("unknown_team", {"target": same(command.target)})
    for before in desk.roster.handovers():
        if before.team == command.target:
            move(desk, before, Event.REPLACE, command.who)
    found = open_now(desk, house)
    row = Handover(desk.new_id("H"), desk.seq, command.target, as_json(found), desk.now_ns, command.who, _note(command))
    desk.roster.put_handover(row)
    desk.tell("handover.given", {"handover": row.id, "team": row.team, "by": row.given_by, "note": row.given_note, "open": found})
    return Done(state={"handover": row.id})


def _take_over(desk: Desk, house: House, command: Command) -> Done:
    """target: a handover that waits."""
    row = next((row for row in desk.roster.handovers() if row.id == command.target), None)
    if row is None:
        raise Denied("unknown_handover", {"target": same(command.target)})
    if row.given_by == command.who:
        raise Denied("takes_over_from_themselves")
    row.taken_ns, row.taken_by, row.taken_note = desk.now_ns, command.who, _note(command)
    move(desk, row, Event.TAKE, command.who)
    return Done(state={"handover": row.id})


def _note(command: Command) -> str | None:
    return str(command.hidden["text"]) if command.text("text") else None


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"hand_over": _hand_over, "take_over": _take_over}
