"""Shifts that come from a calendar: events with their repetitions -> spans of time with people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from itertools import islice
from typing import cast
from zoneinfo import ZoneInfo

from plantroom.clock import NS, at_utc
from plantroom.local_time import wall_ns
from plantroom.shifts import Span
from plantroom.working_time import WorkingTime

WINDOW_NS = 32 * 86_400 * NS
MOST_WINDOWS = 64


@dataclass(frozen=True, slots=True)
class Repeat:
    """rule: an RRULE without its COUNT and UNTIL. until: by the event's wall."""

    rule: str
    count: int | None = None
    until: datetime | None = None

    def starts(self, start: datetime, last: datetime) -> Iterator[datetime]:
        """Up to `last`."""
        from dateutil.rrule import rrule, rrulestr  # only who imports a calendar waits for it

        until = min(last, self.until or last)
        return islice(cast(rrule, rrulestr(self.rule, dtstart=start)).replace(until=until), self.count)


@dataclass(frozen=True, slots=True)
class Event:
    """start: by the wall of `zone` (None = the site's); length too, so that a night ends at its hour on days of clock changes.

    more: starts of single repetitions. not_at, not_on: instants and local days without one.
    """

    people: tuple[str, ...]
    start: datetime
    length: timedelta
    zone: tzinfo | None = None
    repeats: tuple[Repeat, ...] = ()
    more: tuple[datetime, ...] = ()
    not_at: frozenset[int] = frozenset()
    not_on: frozenset[date] = frozenset()

    def spans(self, from_ns: int, to_ns: int, site_zone: ZoneInfo) -> Iterator[Span]:
        zone = self.zone or site_zone
        day = timedelta(days=1)  # a wall may be set back or forward, never by more
        first = at_utc(from_ns).astimezone(zone).replace(tzinfo=None) - self.length - day
        last = at_utc(to_ns).astimezone(zone).replace(tzinfo=None) + day
        for wall in sorted({at for at in self._walls(last) if first <= at <= last}):
            start, end = wall_ns(wall, zone), wall_ns(wall + self.length, zone)
            left_out = start in self.not_at or wall.date() in self.not_on
            if start < end and start < to_ns and end > from_ns and not left_out:
                yield Span(start, end, self.people)

    def _walls(self, last: datetime) -> Iterator[datetime]:
        yield self.start  # RFC 5545: the start is the first of the set, even where it does not fit the rule
        yield from self.more
        for repeat in self.repeats:
            yield from repeat.starts(self.start, last)


@dataclass(frozen=True, slots=True)
class Imported:
    """A calendar file's shifts. Two are the same where their texts are.

    unknown: (line, word, event): a word of an event that names nobody; `check` says so.
    """

    path: str = field(compare=False)
    text: str = field(repr=False)
    events: tuple[Event, ...] = field(compare=False, repr=False)
    unknown: tuple[tuple[int, str, Event], ...] = field(default=(), compare=False)
    kinds: frozenset[str] = frozenset()
    _windows: dict[tuple[int, str], tuple[tuple[int, Span], ...]] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(person for event in self.events for person in event.people))

    def spans(self, from_ns: int, to_ns: int, zone: ZoneInfo, calendar: WorkingTime) -> Iterator[Span]:
        """In the order of the file: the same at an instant, however long the time that was asked for."""
        found = {pair for n in range(from_ns // WINDOW_NS, (to_ns - 1) // WINDOW_NS + 1) for pair in self._window(n, zone)}
        touching = (pair for pair in found if pair[1].from_ns < to_ns and pair[1].to_ns > from_ns)
        return (span for _, span in sorted(touching, key=lambda pair: (pair[0], pair[1].from_ns)))

    def _window(self, number: int, zone: ZoneInfo) -> tuple[tuple[int, Span], ...]:
        """The spans of a stretch of time, each with its event's place. Kept: a page asks for an instant, and rules are walked from their
        start."""
        key = (number, zone.key)
        if key not in self._windows:
            if len(self._windows) >= MOST_WINDOWS:
                self._windows.clear()
            start = number * WINDOW_NS
            spans = ((n, span) for n, event in enumerate(self.events) for span in event.spans(start, start + WINDOW_NS, zone))
            self._windows[key] = tuple(spans)
        return self._windows[key]
