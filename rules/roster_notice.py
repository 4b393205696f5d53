"""Whom somebody else's change of the roster puts on duty or takes off it is told: when, by whom, on the first of their channels.

A notice and no call: no order, no link, nothing gathered, no next level. At night it waits for the morning where the turn begins well after
that. Who entered the change is not told of it. Calendar time: a set clock moves no notice that waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from plantroom.clock import NS, at_utc
from plantroom.messages import COLUMNS, cut, one_line
from plantroom.model import Severity
from plantroom.words import LANGUAGES, say
from plantroom.working_time import DAYS
from rules.desk import Desk
from rules.house import House
from rules.reach import own
from rules.rows import Page, RosterChange, as_json

ROSTER = "roster"  # outbox.reason
CLASS = Severity.NORMAL  # a channel that takes such pages; the notice itself is an advisory and no page that anybody has to answer
LEAD_NS = 2 * 3600 * NS  # whose turn begins within this after the night is told in the night: at seven it is late to hear of eight


@dataclass(frozen=True, slots=True)
class Touched:
    """One person and the turns that come to them and go from them by one command; of a swap one of each."""

    person: str
    on: RosterChange | None
    off: RosterChange | None

    @property
    def rows(self) -> list[RosterChange]:
        return [row for row in (self.on, self.off) if row is not None]

    @property
    def kind(self) -> str:
        if self.on is not None and self.off is not None:
            return "swap"
        if self.on is None:
            return "off"
        return "on" if self.on.out_person is not None else "added"


def entered(desk: Desk, house: House, rows: Sequence[RosterChange], by: str) -> list[str]:
    """Tells them; returns those who have no channel for it, so that whoever entered the change tells them."""
    return [each.person for each in _touched(rows) if each.person != by and not _send(desk, house, each, by, "entered")]


def dropped(desk: Desk, house: House, rows: Sequence[RosterChange], by: str) -> list[str]:
    """As `entered`. Who has not been told yet is not told at all."""
    unsent = {row.person for row in _about(desk, rows) if row.due_ns > desk.now_ns and row.attempts == 0}
    for row in _about(desk, rows):
        _drop(desk, row, "taken back")
    touched = [each for each in _touched(rows) if each.person not in {by, *unsent}]
    return [each.person for each in touched if not _send(desk, house, each, by, "dropped")]


def look(desk: Desk, house: House) -> None:
    """At a tick: what nobody has taken by the end of the turn is no longer wanted."""
    for row in desk.queued_alone(ROSTER):
        if _told(row)["until_ns"] <= desk.now_ns:
            _drop(desk, row, "over")


def _touched(rows: Sequence[RosterChange]) -> list[Touched]:
    people = dict.fromkeys(who for row in rows for who in (row.in_person, row.out_person) if who is not None)
    return [
        Touched(
            who,
            next((row for row in rows if row.in_person == who), None),
            next((row for row in rows if row.out_person == who), None),
        )
        for who in people
    ]


def _about(desk: Desk, rows: Sequence[RosterChange]) -> list[Page]:
    ids = {row.id for row in rows}
    return [page for page in desk.queued_alone(ROSTER) if ids & set(_told(page)["changes"])]


def _told(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(page.message_json)["roster"]
    return found


def _send(desk: Desk, house: House, touched: Touched, by: str, what: str) -> bool:
    target = next(own(house, CLASS, touched.person), None)
    if target is None:
        return False
    turns = {"changes": [row.id for row in touched.rows], "until_ns": max(row.to_ns for row in touched.rows)}
    words = {lang: _words(desk, house, touched, by, what, lang) for lang in LANGUAGES}
    message = as_json({**words, "fault": None, "order": None, "roster": turns})
    times = desk.now_ns, _leaves_ns(desk, house, touched)
    page = Page(desk.new_id("P"), None, None, target.channel, ROSTER, Severity.ADVISORY, message, *times, person=touched.person)
    desk.put_page(page)
    told = {"page": page.id, "channel": page.channel, "reason": ROSTER, "fault": None, "order": None, "person": page.person}
    desk.tell("page.queued", told)
    return True


def _leaves_ns(desk: Desk, house: House, touched: Touched) -> int:
    morning_ns = house.site.night.until_ns(desk.now_ns, house.zone)
    begins_ns = min(row.from_ns for row in touched.rows)
    return morning_ns if morning_ns is not None and begins_ns >= morning_ns + LEAD_NS else desk.now_ns


def _drop(desk: Desk, page: Page, why: str) -> None:
    page.state = "dropped"
    desk.put_page(page)
    desk.tell("page.dropped", {"page": page.id, "why": why})


def _words(desk: Desk, house: House, touched: Touched, by: str, what: str, lang: str) -> list[str]:
    def name(person: str | None) -> str:
        known = house.site.people.get(person or "")
        return one_line(known.name if known is not None else desk.persons.get(person or "") or person or "")

    row, other = touched.rows[0], touched.on.out_person if touched.on is not None else touched.rows[0].in_person
    team = house.site.roster.teams.get(row.team)
    head = say(f"notice.{what}.{touched.kind}.head", lang, team=one_line(team.name if team is not None else row.team), other=name(other))
    spans = {side: _span(house, turn, lang) for side, turn in (("on", touched.on), ("off", touched.off)) if turn is not None}
    return [cut(head, COLUMNS[lang]), say(f"notice.{what}.{touched.kind}.line", lang, by=name(by), **spans)]


def _span(house: House, row: RosterChange, lang: str) -> str:
    start, end = (at_utc(ns).astimezone(house.zone) for ns in (row.from_ns, row.to_ns))

    def day(at: datetime) -> str:
        return f"{at:%m-%d} {say(f'oncall.day.{DAYS[at.weekday()]}', lang)} "

    return f"{day(start)}{start:%H:%M}–{day(end) if end.date() != start.date() else ''}{end:%H:%M}"
