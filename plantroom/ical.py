"""iCalendar text -> the events of a roster: RRULE, RDATE, EXDATE, moved and cancelled repetitions, time zones, by icalendar (RFC 5545).

Whom an event puts on duty: its attendees, else what its summary names.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any

from plantroom import yaml_file as y
from plantroom.clock import to_ns
from plantroom.local_time import wall_ns
from plantroom.people import Person
from plantroom.shift_events import Event, Imported, Repeat

Component = Any  # icalendar's: its types allow every value for every property
USED = frozenset(("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"))
REPEATS = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
PARTS = frozenset(
    ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "WKST")
)  # dateutil knows more, and trips over some of it
LONGEST = timedelta(days=366)
_BETWEEN = re.compile(r"[,，、;；/&\n]+")
_YEARS = range(1990, 2200)
_ONE = re.compile(r"^BEGIN:VEVENT[ \t\r]*$", re.MULTILINE | re.IGNORECASE)


def read_calendar(text: str, path: str, people: Mapping[str, Person], site_zone: tzinfo, paper: y.Paper) -> Imported:
    """Problems are on the paper, with the line of their event."""
    from icalendar import Calendar  # half a second, only for those who have one

    try:
        calendars = Calendar.from_ical(text, multiple=True)
    except (ValueError, KeyError, IndexError) as error:
        paper.wrong(0, "", f"is no iCalendar file: {error}")
        return Imported(path, text, ())
    lines = [text.count("\n", 0, match.start()) + 1 for match in _ONE.finditer(text)]
    found = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if not found and not paper.problems:
        paper.wrong(0, "", "holds no event")
    read = _Reader(_named(people), site_zone)
    for event, line in zip(found, lines + [0] * (len(found) - len(lines)), strict=False):
        try:
            read.event(event, line)
        except y.Wrong as error:
            paper.wrong(line, _shown(event), str(error))
    return Imported(path, text, tuple(read.events()), tuple(read.unknown))


class _Reader:
    def __init__(self, who: Callable[[str], str | None], site_zone: tzinfo) -> None:
        self._who, self._site_zone = who, site_zone
        self._events: list[tuple[str, bool, Event]] = []  # uid, whether it replaces a repetition
        self._replaced: dict[str, set[int]] = defaultdict(set)
        self.unknown: list[tuple[int, str, Event]] = []

    def event(self, event: Component, line: int) -> None:
        """Raises Wrong."""
        for name, said in event.errors:
            if name in USED:
                raise y.Wrong(f"{name}: {said}")
        uid = str(event.get("UID", f"line {line}"))
        moved = _one(event, "RECURRENCE-ID")
        if moved is not None:
            if "RANGE" in moved.params:
                raise y.Wrong("changes this and all later repetitions (RANGE); end the first event, and begin another")
            self._replaced[uid].add(self._instant(_time(moved.dt, "RECURRENCE-ID")))
        first = _one(event, "DTSTART")
        if first is None:
            raise y.Wrong("has no DTSTART")
        start, zone = self._wall(_time(first.dt, "DTSTART"), first.params.get("TZID"))
        length = self._length(event, start, zone, whole_day=not isinstance(first.dt, datetime))
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            return
        people, unknown = _people(event, self._who)
        repeats = tuple(_rule(rule, start, zone or self._site_zone) for rule in _many(event, "RRULE"))
        left_out = [_time(at.dt, "EXDATE") for dates in _many(event, "EXDATE") for at in dates.dts]
        added = [at.dt[0] if isinstance(at.dt, tuple) else at.dt for dates in _many(event, "RDATE") for at in dates.dts]
        more = [self._in(_time(at, "RDATE"), zone) for at in added]
        made = Event(
            people, start, length, zone, repeats, tuple(more),
            frozenset(self._instant(at) for at in left_out), frozenset(at for at in left_out if not isinstance(at, datetime)),
        )  # fmt: skip
        self._events.append((uid, moved is not None, made))
        self.unknown += [(line, word, made) for word in unknown]

    def events(self) -> Iterator[Event]:
        """Those with people; a repetition that stands by itself is left out of its series."""
        for uid, alone, event in self._events:
            away = frozenset() if alone else frozenset(self._replaced[uid])
            if event.people:
                yield Event(
                    event.people, event.start, event.length, event.zone, event.repeats, event.more, event.not_at | away, event.not_on
                )

    def _length(self, event: Component, start: datetime, zone: tzinfo | None, *, whole_day: bool) -> timedelta:
        end, lasts = _one(event, "DTEND"), _one(event, "DURATION")
        if end is not None:
            length = self._in(_time(end.dt, "DTEND"), zone) - start
        elif lasts is not None and isinstance(lasts.dt, timedelta):
            length = lasts.dt
        else:
            length = timedelta(days=1) if whole_day else timedelta(0)
        if not timedelta(0) < length <= LONGEST:
            raise y.Wrong("has no end after its start within a year: write DTEND or DURATION")
        return length

    def _wall(self, at: date, named: object) -> tuple[datetime, tzinfo | None]:
        """The start by the wall of its zone. A day, and a time without zone, are the site's."""
        wall = at if isinstance(at, datetime) else datetime.combine(at, time())
        if wall.tzinfo is None and named is not None:
            raise y.Wrong(f"{named!r} is no time zone, and the file does not say what it is")
        return wall.replace(tzinfo=None), wall.tzinfo

    def _in(self, at: date, zone: tzinfo | None) -> datetime:
        """An instant of the event by the wall of its zone."""
        wall = at if isinstance(at, datetime) else datetime.combine(at, time())
        return wall if wall.tzinfo is None else wall.astimezone(zone or self._site_zone).replace(tzinfo=None)

    def _instant(self, at: date) -> int:
        if isinstance(at, datetime) and at.tzinfo is not None:
            return to_ns(at)
        return wall_ns(at if isinstance(at, datetime) else datetime.combine(at, time()), self._site_zone)


def _rule(rule: Component, start: datetime, zone: tzinfo) -> Repeat:
    """Raises Wrong, also for what would make thousands of shifts a day."""
    from dateutil.rrule import rrulestr

    often = str(rule.get("FREQ", [""])[0])
    steps = [int(number) for number in rule.get("INTERVAL", [1])]
    counts = [int(number) for number in rule.get("COUNT", [1])]
    if often not in REPEATS or not all(1 <= step <= 1000 for step in steps + counts):
        raise y.Wrong("RRULE: a shift repeats every 1 to 1000 days, weeks, months or years, at most 1000 times; leave COUNT out for ever")
    if strange := sorted(set(rule) - PARTS):
        raise y.Wrong(f"RRULE: {', '.join(strange)} is not read here; two shifts in a day are two events")
    if far := [str(day) for day in rule.get("BYDAY", []) if abs(int(str(day)[:-2] or 1)) not in range(1, 6)]:
        raise y.Wrong(f"RRULE: {', '.join(far)} is no weekday of a month; write 1MO to 5MO, -1MO")
    text = ";".join(part for part in rule.to_ical().decode().split(";") if not part.startswith(("UNTIL=", "COUNT=")))
    if "COUNT" in rule and "UNTIL" in rule:
        raise y.Wrong("RRULE: has both COUNT and UNTIL; keep one")
    try:
        first = next(iter(rrulestr(text, dtstart=start)), None)
    except ValueError as error:
        raise y.Wrong(f"RRULE: {error}") from None
    if first is None:  # it would be looked for until the year 9999, at every page
        raise y.Wrong("RRULE: never comes true")
    last: datetime | None = None
    for until in rule.get("UNTIL", []):
        if isinstance(until, date) and until.year >= _YEARS.stop:
            continue  # how some programs write that there is no end
        _time(until, "UNTIL")
        last = until if isinstance(until, datetime) else datetime.combine(until, time(23, 59, 59))
        if last.tzinfo is not None:
            last = last.astimezone(zone).replace(tzinfo=None)
    return Repeat(text, next(iter(rule.get("COUNT", [])), None), last)


def _time(at: object, key: str) -> date:
    if not isinstance(at, date):
        raise y.Wrong(f"{key} is no day and no time of one")
    if at.year not in _YEARS:
        raise y.Wrong(f"{key} lies outside the years {_YEARS.start} to {_YEARS.stop - 1}")
    return at


def _one(event: Component, key: str) -> Component | None:
    found = event.get(key)
    if isinstance(found, list):
        raise y.Wrong(f"{key} stands twice")
    return found


def _many(event: Component, key: str) -> list[Any]:
    """A property that may stand several times."""
    found = event.get(key, [])
    return found if isinstance(found, list) else [found]


def _people(event: Component, who: Callable[[str], str | None]) -> tuple[tuple[str, ...], list[str]]:
    """(ids, what names nobody). Rooms and those who declined are not on."""
    invited = [one for one in _many(event, "ATTENDEE") if str(one.params.get("CUTYPE", "INDIVIDUAL")).upper() == "INDIVIDUAL"]
    coming = [one for one in invited if str(one.params.get("PARTSTAT", "")).upper() != "DECLINED"]
    named = [(str(one).partition(":")[2] or str(one), str(one.params.get("CN", ""))) for one in coming]
    if invited:
        matched = [(next(filter(None, map(who, names)), None), " ".join(filter(None, names))) for names in named]
    else:
        matched = _in_summary(str(event.get("SUMMARY", "")), who)
    return tuple(dict.fromkeys(person for person, _ in matched if person)), [word for person, word in matched if not person]


def _in_summary(text: str, who: Callable[[str], str | None]) -> list[tuple[str | None, str]]:
    """Names with commas and the like between them, or a word of the text that is one: 夜班 李伟."""
    found: list[tuple[str | None, str]] = []
    for part in filter(None, map(str.strip, _BETWEEN.split(text))):
        words = [person for word in part.split() if (person := who(word))]
        whole = who(part)
        found += [(whole, part)] if whole or not words else [(person, part) for person in words]
    return found or [(None, text or "an event without attendees and summary")]


def _named(people: Mapping[str, Person]) -> Callable[[str], str | None]:
    """Whom a word means: an id, a name, an address on a channel, or the id before the @ of one. A name that two have means nobody."""
    known: dict[str, str | None] = {}
    for person in people.values():
        for word in {person.name.casefold(), *map(str.casefold, person.contacts.values())}:
            known[word] = None if word in known else person.id
    known |= {ident.casefold(): ident for ident in people}

    def who(word: str) -> str | None:
        word = word.strip().casefold()
        return known.get(word) or known.get(word.partition("@")[0])

    return who


def _shown(event: Component) -> str:
    return str(event.get("SUMMARY", "")) or str(event.get("UID", "")) or "event"
