"""Commands about the roster: somebody stands in, two swap, a change is dropped. The plan itself is the site file's.

Times are the site's where they name no zone. No change may leave hours without anybody that had somebody before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from plantroom.clock import NS, at_utc
from plantroom.local_time import wall_ns
from plantroom.roster import Change
from rules import roster_change, roster_notice
from rules.command import Command, instant
from rules.denied import Denied, Done, same, wanted, words_of
from rules.desk import Desk
from rules.house import House
from rules.roster_change import Event, as_change, standing
from rules.rows import RosterChange

LONGEST_DAYS = 92
DAY_NS = 86_400 * NS
YEARS = range(2000, 2100)


def _stand_in(desk: Desk, house: House, command: Command) -> Done:
    """target: the team."""
    team = _team(house, command)
    words_of(command, "reason")
    out = _person(house, command, "out") if command.text("out") else None
    coming = _person(house, command, "in")
    span = _span(desk, house, command, "from", "until")
    return _enter(desk, house, command, "stand_in", [Change(team, *span, out, coming)])


def _swap(desk: Desk, house: House, command: Command) -> Done:
    """target: the team. `other` comes in the span of `one`, and `one` in the span of `other`."""
    team = _team(house, command)
    one, other = _person(house, command, "one"), _person(house, command, "other")
    first, second = _span(desk, house, command, "one_from", "one_until"), _span(desk, house, command, "other_from", "other_until")
    if first[0] < second[1] and second[0] < first[1]:
        raise Denied("spans_overlap")
    return _enter(desk, house, command, "swap", [Change(team, *first, one, other), Change(team, *second, other, one)])


def _drop(desk: Desk, house: House, command: Command) -> Done:
    """target: a change; of a swap both halves go, or one of the two would have no turn."""
    changes = desk.roster.changes()
    found = [change for change in changes if change.id == command.target and change.to_ns > desk.now_ns]
    if not found:
        raise Denied("unknown_change", {"target": same(command.target)})
    gone = [change for change in changes if change.seq == found[0].seq]
    left = [as_change(change) for change in changes if change not in gone]
    _keeps_somebody(desk, house, [as_change(change) for change in gone], standing(desk), left)
    for change in gone:
        roster_change.move(desk, change, Event.DROP, command.who)
    return _done(gone, roster_notice.dropped(desk, house, gone, command.who))


def _enter(desk: Desk, house: House, command: Command, kind: str, new: Sequence[Change]) -> Done:
    stand, entered = standing(desk), list[RosterChange]()
    for change in new:
        if change.out == change.in_:
            raise Denied("same_person", {"who": same(_name(house, change.in_))})
        turns = house.site.roster.turns(change.team, change.from_ns, change.to_ns, stand)
        if change.out is not None and not any(change.out in people for _, _, people in turns):
            raise Denied("not_on_duty", {"who": same(_name(house, change.out))})
    _keeps_somebody(desk, house, new, stand, [*stand, *new])
    reason = str(command.hidden["reason"]) if command.text("reason") else None
    for change in new:
        who = (change.out, change.in_)
        row = RosterChange(
            desk.new_id("R"), desk.seq, desk.now_ns, command.who, kind, change.team, change.from_ns, change.to_ns, *who, reason
        )  # fmt: skip
        desk.roster.put_change(row)
        entered.append(row)
        told = {"change": row.id, "team": row.team, "from_ns": row.from_ns, "to_ns": row.to_ns, "out": row.out_person, "in": row.in_person}
        desk.tell(f"roster.{kind}", {**told, "by": command.who})
    return _done(entered, roster_notice.entered(desk, house, entered, command.who))


def _done(rows: Sequence[RosterChange], untold: Sequence[str]) -> Done:
    """untold: people it touches whom no channel tells."""
    return Done(state={"changes": [row.id for row in rows], **({"untold": list(untold)} if untold else {})})


def _keeps_somebody(desk: Desk, house: House, about: Sequence[Change], before: Sequence[Change], after: Sequence[Change]) -> None:
    """Raises Denied where nobody would be on from now on in the time of these changes, and somebody was."""
    roster = house.site.roster
    for change in about:
        span = (max(change.from_ns, desk.now_ns), change.to_ns)
        gaps = roster.gaps(change.team, *span, before)
        for start, end in roster.gaps(change.team, *span, after):
            if not any(a <= start and end <= b for a, b in gaps):
                at = at_utc(start).astimezone(house.zone)
                raise Denied("leaves_nobody", {"team": same(roster.teams[change.team].name), "at": same(f"{at:%Y-%m-%d %H:%M}")})


def _team(house: House, command: Command) -> str:
    if command.target not in house.site.roster.teams:
        raise Denied("unknown_team", {"target": same(command.target)})
    return command.target


def _person(house: House, command: Command, name: str) -> str:
    id_ = words_of(command, name)
    if id_ not in house.site.people:
        raise Denied("unknown_person", {"target": same(id_)})
    return id_


def _span(desk: Desk, house: House, command: Command, from_: str, until: str) -> tuple[int, int]:
    start, end = _when(desk, house, command, from_), _when(desk, house, command, until)
    if end <= start:
        raise Denied("span_empty")
    if end <= desk.now_ns:
        raise Denied("span_is_over")
    if end - start > LONGEST_DAYS * DAY_NS:
        raise Denied("span_too_long", {"days": same(str(LONGEST_DAYS))})
    return start, end


def _when(desk: Desk, house: House, command: Command, name: str) -> int:
    at_ns = instant(command.args.get(name), desk.now_ns)
    if at_ns is None:
        try:
            wall = datetime.fromisoformat(command.text(name))
        except ValueError:
            wall = None
        if wall is not None and wall.tzinfo is None and wall.year in YEARS:
            return wall_ns(wall, house.zone)
    if at_ns is None:
        raise Denied("argument", {"name": same(name), "wanted": wanted("local")})
    return at_ns


def _name(house: House, person: str) -> str:
    return house.site.people[person].name


DEEDS: Mapping[str, Callable[[Desk, House, Command], Done]] = {"stand_in": _stand_in, "swap": _swap, "drop_change": _drop}
