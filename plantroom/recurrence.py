"""When a plan entry falls due: a local rule with its zone -> dates -> instants. Pure; no clock, no window into the past.

A date belongs to a rule once, whatever the clock does: its instant is computed from the local date and time of day by a stated policy, so
an hour that is missing or doubled neither loses nor repeats it (APScheduler 3.11 fires 02:30 twice in autumn, and in spring at a time that
is not there). Dates that fall onto one day, such as those of a week of holidays that move to the working day after it, are one date.

    fixed      dates are counted from an anchor, done late or early: the 5th stays the 5th
    floating   the next date is counted from the day the last one was done
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from itertools import count
from zoneinfo import ZoneInfo

from plantroom.clock import at_utc, to_ns
from plantroom.local_time import instant_ns
from plantroom.working_time import WorkingTime

DAY = timedelta(days=1)
FARTHEST = timedelta(days=370)  # a date moves to a working day no farther than this; a calendar may have none at all
LAST = -1  # of `day` and `nth`


class Unit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Dates(StrEnum):
    FIXED = "fixed"
    FLOATING = "floating"


class FreeDay(StrEnum):
    """What becomes of a date on a day that is not worked."""

    STAY = "stay"
    BEFORE = "before"  # the last working day before it
    AFTER = "after"  # the first working day after it


class Missing(StrEnum):
    """A time of day that a clock change skips."""

    CHANGE = "change"  # the instant of the change, the first that is there
    LATER = "later"  # as much after the change as it lies in the skipped time: 02:30 -> 03:30
    EARLIER = "earlier"  # as much before: 02:30 -> 01:30


class Doubled(StrEnum):
    """A time of day that is there twice."""

    FIRST = "first"
    SECOND = "second"


class LeapDay(StrEnum):
    """29 February in a year without one."""

    FEB_28 = "feb_28"
    MAR_1 = "mar_1"


@dataclass(frozen=True, slots=True)
class Length:
    """A length of the calendar and the clock: days at the same time of day, then seconds that pass."""

    days: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        return f"{self.days}d" if not self.seconds else f"{self.days * 86_400 + self.seconds}s"


@dataclass(frozen=True, slots=True)
class Counter:
    """Run hours and the like, beside the date: whichever comes first. point: of the machine, a counter; every: in its unit."""

    point: str
    every: float


@dataclass(frozen=True, slots=True)
class Recurrence:
    """every: of `unit`. day: of the month, 1..31, LAST; where the month is shorter, its last. weekday: 0 = Monday; with months and years
    the nth of them (1..5, LAST; a fifth that is not there is the last). month: of a yearly date. None: as the anchor has it.

    minute: of the local day. grace: how long after its instant a date may still be done in time. warn: how long before it one is reminded.
    """

    every: int
    unit: Unit
    dates: Dates = Dates.FIXED
    minute: int = 8 * 60
    day: int | None = None
    weekday: int | None = None
    nth: int | None = None
    month: int | None = None
    free_day: FreeDay = FreeDay.STAY
    missing: Missing = Missing.CHANGE
    doubled: Doubled = Doubled.FIRST
    leap_day: LeapDay = LeapDay.FEB_28
    grace: Length = Length()
    warn: Length = Length()
    counter: Counter | None = None

    @property
    def days(self) -> int:
        """About how many days lie between two dates: to spread the first ones, and to compare two intervals."""
        return self.every * {Unit.DAY: 1, Unit.WEEK: 7, Unit.MONTH: 30, Unit.YEAR: 365}[self.unit]


# -- dates


def dates_from(rule: Recurrence, anchor: date, since: date, work: WorkingTime) -> Iterator[date]:
    """The dates of a rule that are `since` or later, each once, ascending, without end. None is nominally before the anchor."""
    last: date | None = None
    for n in count(max(0, _steps(rule, anchor, since) - 2)):
        nominal = _nth(rule, anchor, n)
        if nominal < anchor:
            continue
        moved = worked(nominal, rule.free_day, work)
        if moved >= since and (last is None or moved > last):
            yield moved
            last = moved


def date_after(rule: Recurrence, done: date, work: WorkingTime) -> date:
    """The next floating date after one that was done on this day."""
    nominal = _added(rule, done)
    moved = worked(nominal, rule.free_day, work)
    return moved if moved > done else worked(nominal, FreeDay.AFTER, work)  # moved to before it was done: it would be due again at once


def worked(day: date, how: FreeDay, work: WorkingTime) -> date:
    """The day itself, or the working day its rule moves it to; it stays where there is none near."""
    if how is FreeDay.STAY or work.hours_of(day) is not None:
        return day
    step = DAY if how is FreeDay.AFTER else -DAY
    at = day + step
    while abs(at - day) <= FARTHEST:
        if work.hours_of(at) is not None:
            return at
        at += step
    return day


def _steps(rule: Recurrence, anchor: date, since: date) -> int:
    """A number of steps whose date is not after `since`, also where dates move to working days."""
    wanted = since - (FARTHEST if rule.free_day is FreeDay.AFTER else timedelta(days=31))
    match rule.unit:
        case Unit.DAY:
            return (wanted - anchor).days // rule.every
        case Unit.WEEK:
            return (wanted - anchor).days // (7 * rule.every)
        case Unit.MONTH:
            return ((wanted.year - anchor.year) * 12 + wanted.month - anchor.month) // rule.every
    return (wanted.year - anchor.year) // rule.every


def _nth(rule: Recurrence, anchor: date, n: int) -> date:
    """The nominal date n steps from the anchor's own day, week, month or year."""
    match rule.unit:
        case Unit.DAY:
            return anchor + n * rule.every * DAY
        case Unit.WEEK:
            day = anchor + 7 * n * rule.every * DAY
            return day if rule.weekday is None else day + (rule.weekday - day.weekday()) * DAY
        case Unit.MONTH:
            months = anchor.year * 12 + anchor.month - 1 + n * rule.every
            return _in_month(rule, months // 12, months % 12 + 1, anchor.day)
    return _in_month(rule, anchor.year + n * rule.every, rule.month or anchor.month, anchor.day)


def _added(rule: Recurrence, done: date) -> date:
    match rule.unit:
        case Unit.DAY:
            return done + rule.every * DAY
        case Unit.WEEK:
            return done + 7 * rule.every * DAY
        case Unit.MONTH:
            months = done.year * 12 + done.month - 1 + rule.every
            return _clipped(rule, months // 12, months % 12 + 1, done.day)
    return _clipped(rule, done.year + rule.every, done.month, done.day)


def _in_month(rule: Recurrence, year: int, month: int, own: int) -> date:
    if rule.weekday is None:
        return _clipped(rule, year, month, own if rule.day is None else rule.day)
    first = date(year, month, 1)
    found = [first + n * DAY for n in range(monthrange(year, month)[1]) if (first + n * DAY).weekday() == rule.weekday]
    nth = rule.nth or 1
    return found[-1] if nth == LAST or nth > len(found) else found[nth - 1]


def _clipped(rule: Recurrence, year: int, month: int, day: int) -> date:
    length = monthrange(year, month)[1]
    if rule.unit is Unit.YEAR and (month, day, length) == (2, 29, 28) and rule.leap_day is LeapDay.MAR_1:
        return date(year, 3, 1)
    return date(year, month, length if day == LAST else min(day, length))


# -- instants


def due_ns(rule: Recurrence, day: date, zone: ZoneInfo) -> int:
    """The instant of a date."""
    return at_ns(rule, day, rule.minute, zone)


def at_ns(rule: Recurrence, day: date, minute: int, zone: ZoneInfo) -> int:
    """The instant of a local time by the rule's policies. minute: of the day; beyond it, of a later day."""
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    there = [at for at in (first, second) if at.astimezone(zone).replace(tzinfo=None) == wall]
    if there:
        return to_ns(max(there) if rule.doubled is Doubled.SECOND else min(there))
    if rule.missing is Missing.CHANGE:
        return instant_ns(wall.date(), wall.hour * 60 + wall.minute, zone)
    return to_ns(max(first, second) if rule.missing is Missing.LATER else min(first, second))


def later_ns(rule: Recurrence, day: date, length: Length, zone: ZoneInfo) -> int:
    """So long after the instant of a date: days by the calendar."""
    return due_ns(rule, day + length.days * DAY, zone) + length.seconds * 1_000_000_000


def earlier_ns(rule: Recurrence, day: date, length: Length, zone: ZoneInfo) -> int:
    """So long before it."""
    return due_ns(rule, day - length.days * DAY, zone) - length.seconds * 1_000_000_000


def local_day(at: int, zone: ZoneInfo) -> date:
    return at_utc(at).astimezone(zone).date()
