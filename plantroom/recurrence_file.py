"""Keys of a plan entry that say when -> Recurrence. docs/plan.md has them in a table.

every: 1 month                    # day week month quarter half_year year; `15 days`, `36 months`
on: {nth: 2, weekday: tue}        # or {weekday: mon}, {day: 31}, {day: last}, {month: 2, day: 29}
at: "08:00"
dates: floating                   # fixed
free_day: after                   # stay | before
grace: 7d
warn: 14d
or_after: {counter: run_hours, every: 250}
"""

from __future__ import annotations

import re
from collections.abc import Callable

from plantroom import yaml_file as y
from plantroom.recurrence import LAST, Counter, Dates, Doubled, FreeDay, LeapDay, Length, Missing, Recurrence, Unit
from plantroom.working_time import DAYS

KEYS = ("every", "on", "at", "dates", "free_day", "grace", "warn", "missing_hour", "doubled_hour", "leap_day", "or_after")
UNITS = {"day": (1, Unit.DAY), "week": (1, Unit.WEEK), "month": (1, Unit.MONTH), "quarter": (3, Unit.MONTH), "half_year": (6, Unit.MONTH),
         "year": (1, Unit.YEAR)}  # fmt: skip
LONGEST = {Unit.DAY: 3_660, Unit.WEEK: 520, Unit.MONTH: 240, Unit.YEAR: 30}
LONGEST_GRACE_S, LONGEST_WARN_S = 366 * 86_400, 366 * 86_400
_EVERY = re.compile(r"(?:(\d{1,4}) +)?([a-z_]+?)s?")
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def read_recurrence(f: y.Fields) -> Recurrence | None:
    """The rule of an entry; problems go on the paper of `f`. Its other keys are for whoever calls."""
    given = f.need("every", every)
    n, unit = given or (1, Unit.DAY)
    kind = Dates(f.opt("dates", y.one_of(Dates, "a way to count dates")) or Dates.FIXED)
    node = f.child("on")
    day = weekday = nth = month = None
    if node is not None:
        day, weekday, nth, month = _on(y.Fields(node, f.path("on"), f.paper), unit)
        if kind is Dates.FLOATING:
            f.wrong("on", "has no meaning with floating dates: they are counted from the day it was done; write dates: fixed")
    rule = Recurrence(
        n, unit, kind, f.may("at", clock, 8 * 60), day, weekday, nth, month,
        FreeDay(f.opt("free_day", y.one_of(FreeDay, "what becomes of a date on a free day")) or FreeDay.STAY),
        Missing(f.opt("missing_hour", y.one_of(Missing, "a policy for an hour that is not there")) or Missing.CHANGE),
        Doubled(f.opt("doubled_hour", y.one_of(Doubled, "a policy for an hour that is there twice")) or Doubled.FIRST),
        LeapDay(f.opt("leap_day", y.one_of(LeapDay, "a date for 29 February")) or LeapDay.FEB_28),
        f.may("grace", length(LONGEST_GRACE_S), Length()),
        f.may("warn", length(LONGEST_WARN_S), Length()),
        f.opt("or_after", lambda given: _counter(y.Fields(given, f.path("or_after"), f.paper))),
    )  # fmt: skip
    if "leap_day" in f.node.items and unit is not Unit.YEAR:
        f.wrong("leap_day", "has a meaning only with years; shorter months clip to their last day by themselves")
    return rule if given is not None else None


def every(node: y.Node) -> tuple[int, Unit]:
    """`1 month`, `month`, `15 days`, `2 half_years`."""
    said = y.text(node).strip()
    match = _EVERY.fullmatch(said)
    if match is None or match[2] not in UNITS or match[1] == "0":
        raise y.Wrong(f"{said!r} is no interval; write a number and day, week, month, quarter, half_year or year, such as 15 days", node)
    each, unit = UNITS[match[2]]
    n = int(match[1] or 1) * each
    if n > LONGEST[unit]:
        raise y.Wrong(f"is longer than {LONGEST[unit]} {unit}s", node)
    return n, unit


def clock(node: y.Node) -> int:
    """ "08:00" as a minute of the day."""
    match = _CLOCK.fullmatch(y.text(node))
    if match is None:
        raise y.Wrong(f'{y.text(node)!r} is no time of day; write "08:00"', node)
    return int(match[1]) * 60 + int(match[2])


def length(longest_s: int) -> Callable[[y.Node], Length]:
    def read(node: y.Node) -> Length:
        seconds = y.duration(node)
        if not 0 <= seconds <= longest_s or seconds % 1:
            raise y.Wrong(f"is outside 0s..{longest_s // 86_400}d in whole seconds", node)
        whole = round(seconds)
        return Length(whole // 86_400) if whole % 86_400 == 0 else Length(0, whole)

    return read


def _on(f: y.Fields, unit: Unit) -> tuple[int | None, int | None, int | None, int | None]:
    day, weekday, nth = f.opt("day", _numbered(31)), f.opt("weekday", _weekday), f.opt("nth", _numbered(5))
    month = f.opt("month", y.integer(1, 12))
    f.done()
    if unit is Unit.DAY:
        f.paper.wrong(f.node.line, f.where, "has no meaning with days; write weeks, months or years")
    elif unit is Unit.WEEK and (weekday is None or len(f.node.items) > 1):
        f.paper.wrong(f.node.line, f.where, "of a week is a weekday: {weekday: mon}")
    elif unit is not Unit.WEEK and (day is None) == (weekday is None):
        f.paper.wrong(f.node.line, f.where, "is a day of the month or an nth weekday: {day: last} or {nth: 2, weekday: tue}")
    elif unit is not Unit.WEEK and (nth is None) != (weekday is None):
        f.wrong("nth", "and weekday belong together: {nth: last, weekday: fri}")
    if month is not None and unit is not Unit.YEAR:
        f.wrong("month", "has a meaning only with years")
    return day, weekday, nth, month


def _numbered(most: int) -> Callable[[y.Node], int]:
    def read(node: y.Node) -> int:
        return LAST if isinstance(node, y.Scalar) and node.value == "last" else y.integer(1, most, "or write last")(node)

    return read


def _weekday(node: y.Node) -> int:
    return DAYS.index(y.one_of(DAYS, "a day of the week")(node))


def _counter(f: y.Fields) -> Counter:
    point, n = f.need("counter", y.snake), f.need("every", y.number)
    f.done()
    if n is not None and n <= 0:
        f.wrong("every", "must be more than 0")
    return Counter(point or "", n or 1.0)
