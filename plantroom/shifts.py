"""A shift by rule: hours of the local day, on which days, by whom in turn -> spans of time with people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from plantroom.local_time import instant_ns, local_date
from plantroom.working_time import WorkingTime

ALL_DAYS = frozenset(range(7))
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Span:
    """people: on from from_ns until to_ns, the first the first to call."""

    from_ns: int
    to_ns: int
    people: tuple[str, ...]


class Shift(Protocol):
    """Where spans come from: a rule, or an imported calendar."""

    @property
    def people(self) -> tuple[str, ...]: ...

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of equipment they are on for; none = all."""
        ...

    def spans(self, from_ns: int, to_ns: int, zone: ZoneInfo, calendar: WorkingTime) -> Iterator[Span]:
        """Every span that touches [from_ns, to_ns), whole, in no order."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """start, end: minutes of the local day; an end at or before the start is the next day's. A shift belongs to the day it starts on.

    days: weekdays (0 = Monday). workdays: True = only days worked by the site's calendar, False = only free ones, whatever the weekday.
    turn: 0 = all are on. Else they take turns: each has so many days; by_shift = so many of the days that have this shift, else calendar
    days. since: the first day, with the first person's turn; until: the last. kinds: of equipment they are on for, none = all.
    """

    people: tuple[str, ...]
    start: int
    end: int
    days: frozenset[int] = ALL_DAYS
    workdays: bool | None = None
    turn: int = 0
    by_shift: bool = False
    since: date | None = None
    until: date | None = None
    kinds: frozenset[str] = frozenset()

    def spans(self, from_ns: int, to_ns: int, zone: ZoneInfo, calendar: WorkingTime) -> Iterator[Span]:
        # one that is on began today or yesterday; or tomorrow, where clocks went back over midnight after it began
        day, last = local_date(from_ns, zone) - timedelta(days=1), local_date(to_ns, zone) + timedelta(days=1)
        while day <= last:
            if self.is_held(day, calendar):
                start = instant_ns(day, self.start, zone)
                end = instant_ns(day, self.end if self.end > self.start else self.end + DAY_MINUTES, zone)
                if start < end and start < to_ns and end > from_ns:  # a day of the calendar that the zone skipped is empty
                    yield Span(start, end, self.people_of(day, calendar))
            day += timedelta(days=1)

    def is_held(self, day: date, calendar: WorkingTime) -> bool:
        if (self.since is not None and day < self.since) or (self.until is not None and day > self.until):
            return False
        if self.workdays is not None:
            return (calendar.hours_of(day) is not None) is self.workdays
        return day.weekday() in self.days

    def people_of(self, day: date, calendar: WorkingTime) -> tuple[str, ...]:
        if not self.turn or self.since is None:
            return self.people
        passed = self._held_before(day, self.since, calendar) if self.by_shift else (day - self.since).days
        return (self.people[passed // self.turn % len(self.people)],)

    def _held_before(self, day: date, since: date, calendar: WorkingTime) -> int:
        """How many days from `since` until `day` have this shift."""
        weekdays = self.days if self.workdays is None else frozenset(calendar.hours)
        weeks, rest = divmod((day - since).days, 7)
        worked = weeks * len(weekdays) + sum((since + timedelta(days=n)).weekday() in weekdays for n in range(rest))
        if self.workdays is None:
            return worked
        worked -= sum(since <= d < day and d.weekday() in weekdays for d in calendar.holidays)
        worked += sum(since <= d < day and d.weekday() not in weekdays for d in calendar.working_days)
        return worked if self.workdays else (day - since).days - worked
