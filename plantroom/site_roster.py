"""`roster:` of a site file -> Roster: teams of shifts, changes, and which kind of equipment needs which certificate."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from plantroom import ical
from plantroom import yaml_file as y
from plantroom.clock import to_ns
from plantroom.errors import BadInput
from plantroom.local_time import wall_ns
from plantroom.people import Person
from plantroom.roster import Change, Roster, Team
from plantroom.shifts import ALL_DAYS, DAY_MINUTES, Rule, Shift
from plantroom.site_calendar import weekdays
from plantroom.site_people import IsKind, day, each
from plantroom.working_time import WorkingTime

T = TypeVar("T")
CalendarOf = Callable[[str], tuple[str, str]]
WORKDAYS, FREEDAYS = "workdays", "freedays"
LONGEST_TURN_D = 366
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")
_TURN = re.compile(r"([1-9]\d{0,2}) ?d")


class RosterReader:
    """One `roster:` section.

    calendar_of: what problems call an iCalendar file beside the site file, and its text; KeyError or BadInput where there is none.
    lines: where findings look up `roster.teams.<team>` and `roster.needs.<kind>`.
    """

    def __init__(
        self,
        paper: y.Paper,
        zone: ZoneInfo,
        people: Mapping[str, Person],
        is_kind: IsKind,
        calendar_of: CalendarOf,
        lines: dict[str, int],
    ) -> None:
        self._paper, self._zone, self._people, self._lines = paper, zone, people, lines
        self._is_kind, self._calendar_of = is_kind, calendar_of

    def read(self, node: y.Node | None, calendar: WorkingTime) -> Roster:
        f = y.Fields(node or y.Map(0, {}, {}), "roster", self._paper)
        needed: dict[str, str] = {}
        for kind, item in y.mapping(f.child("needs"), "roster.needs", self._paper).items.items():
            where = f"roster.needs.{kind}"
            self._lines[where] = item.line
            try:
                name = y.text(item)
            except y.Wrong as error:
                self._paper.wrong(item.line, where, str(error))
                continue
            if self._is_kind(kind, item.line, where):
                needed[kind] = name
        section = y.mapping(f.child("teams"), "roster.teams", self._paper)
        teams = {name: self._team(name, item, section.lines[name]) for name, item in section.items.items()}
        f.done()
        return Roster(teams, self._zone, calendar, self._people, needed)

    def _team(self, ident: str, node: y.Node, line: int) -> Team:
        where = f"roster.teams.{ident}"
        self._lines[where] = line
        try:
            y.identifier(y.Scalar(line, ident))
        except y.Wrong as error:
            self._paper.wrong(line, where, str(error))
        f = y.Fields(node, where, self._paper)
        name = f.may("name", y.text, ident)
        shifts = self._all(f, "shifts", self._shift)
        changes = self._all(f, "changes", lambda inner: self._change(inner, ident))
        given = f.child("shifts")
        if (given is None or (isinstance(given, y.Sequence) and not given.items)) and "*" not in f.asked:
            f.wrong("shifts", "are missing: a team without shifts is never there")
        f.done()
        return Team(name, tuple(shifts), tuple(changes))

    def _all(self, f: y.Fields, key: str, read: Callable[[y.Fields], T | None]) -> list[T]:
        nodes = y.entries(f.child(key), f.path(key), self._paper)
        made = [read(y.Fields(node, f"{f.path(key)}[{n}]", self._paper)) for n, node in enumerate(nodes)]
        return [thing for thing in made if thing is not None]

    def _shift(self, f: y.Fields) -> Shift | None:
        return self._imported(f) if "calendar" in f.node.items else self._rule(f)

    def _imported(self, f: y.Fields) -> Shift | None:
        name, kinds = f.need("calendar", y.text), self._kinds(f)
        f.done()
        if name is None:
            return None
        try:
            shown, text = self._calendar_of(name)
        except KeyError:
            f.wrong("calendar", f"{name} is not there; name an iCalendar file beside the site file")
            return None
        except BadInput as error:
            for problem in error.problems:
                f.wrong("calendar", f"{name} {problem.text}")
            return None
        paper = y.Paper(shown)
        made = ical.read_calendar(text, shown, self._people, self._zone, paper)
        self._paper.problems += paper.problems
        return replace(made, kinds=kinds)

    def _rule(self, f: y.Fields) -> Shift | None:
        named = each(f, "people", y.text)
        people = [person for person in named if self._known(f, "people", person)]
        if not named and "*" not in f.asked:
            f.wrong("people", "are missing: name who is on")
        span = f.need("hours", hours)
        days, workdays = f.opt("days", _days) or (ALL_DAYS, None)
        turn, by_shift = f.may("turn", _turn, (0, False))
        since, until = f.opt("since", day), f.opt("until", day)
        kinds = self._kinds(f)
        f.done()
        if turn and "since" not in f.node.items:
            f.wrong("turn", "needs since: the day on which the first of them begins")
        if since and until and until < since:
            f.wrong("until", "lies before since")
        if span is None or not people:
            return None
        return Rule(tuple(people), *span, days, workdays, turn, by_shift, since, until, kinds)

    def _kinds(self, f: y.Fields) -> frozenset[str]:
        return frozenset(kind for kind in each(f, "kinds", y.text) if self._is_kind(kind, f.line("kinds"), f.path("kinds")))

    def _change(self, f: y.Fields, team: str) -> Change | None:
        start, end = f.need("from", self._instant), f.need("to", self._instant)
        comes, goes = f.need("in", y.text), f.opt("out", y.text)
        for key, person in (("in", comes), ("out", goes)):
            if person is not None:
                self._known(f, key, person)
        f.done()
        if start is None or end is None or comes is None:
            return None
        if end <= start:
            f.wrong("to", "is not after from")
        return Change(team, start, end, goes, comes)

    def _known(self, f: y.Fields, key: str, person: str) -> bool:
        if person not in self._people:
            f.wrong(key, f"{person!r} is nobody under people{y.nearest(person, self._people)}")
        return person in self._people

    def _instant(self, node: y.Node) -> int:
        """A local time of the site, or an instant with its offset."""
        word = y.text(node)
        try:
            at = datetime.fromisoformat(word) if "T" in word else None
        except ValueError:
            at = None
        if at is None or not 2000 <= at.year < 2200:
            raise y.Wrong(f"{word!r} is no time of a day; write 2026-12-24T08:00", node)
        return wall_ns(at, self._zone) if at.tzinfo is None else to_ns(at)


def hours(node: y.Node) -> tuple[int, int]:
    """Over midnight where the end is not after the start; 08:00-08:00 are 24 hours."""
    match = _HOURS.fullmatch(y.text(node))
    if match is None:
        raise y.Wrong(f"{y.text(node)!r} are no hours; write \"08:00-20:00\", over midnight \"20:00-08:00\"", node)
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if start >= DAY_MINUTES or end > DAY_MINUTES:
        raise y.Wrong("a day begins at 00:00 and ends at 24:00", node)
    return start, end


def _days(node: y.Node) -> tuple[frozenset[int], bool | None]:
    """mon-fri, or a list of days and such spans; workdays and freedays are the calendar's."""
    items = node.items if isinstance(node, y.Sequence) else (node,)
    words = [y.text(item) for item in items]
    if words in ([WORKDAYS], [FREEDAYS]):
        return ALL_DAYS, words == [WORKDAYS]
    found: set[int] = set()
    for word, item in zip(words, items, strict=True):
        if word in (WORKDAYS, FREEDAYS):
            raise y.Wrong(f"{word} stands alone; a second shift says the other days", item)
        try:
            found.update(weekdays(word))
        except y.Wrong as error:
            raise y.Wrong(f"{error}, {WORKDAYS} or {FREEDAYS}", item) from None
    if not found:
        raise y.Wrong("names no day", node)
    return frozenset(found), None


def _turn(node: y.Node) -> tuple[int, bool]:
    """(days, whether only days with this shift are counted)."""
    word = y.text(node)
    if word in ("day", "week"):
        return (1, True) if word == "day" else (7, False)
    match = _TURN.fullmatch(word)
    if match is None or int(match[1]) > LONGEST_TURN_D:
        raise y.Wrong(f"{word!r} is no turn; write day, week, or a number of days such as 3d", node)
    return int(match[1]), False
