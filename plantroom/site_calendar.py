"""`calendar:` of a site file -> WorkingTime.

    calendar:
      working: {mon-fri: "08:00-18:00", sat: "09:00-12:00"}
      holidays: [2026-10-01..2026-10-07, 2027-01-01]
      working_days: [2026-10-10]                          # made up for a holiday (调休)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from plantroom import yaml_file as y
from plantroom.working_time import DAYS, WorkingTime

LONGEST_SPAN = timedelta(days=366)
_HOURS = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)-([01]?\d|2[0-4]):([0-5]\d)")


def read_calendar(node: y.Node | None, paper: y.Paper) -> WorkingTime:
    if node is None:
        return WorkingTime()
    f = y.Fields(node, "calendar", paper)
    hours: dict[int, tuple[int, int]] = {}
    for name, item in y.mapping(f.child("working"), "calendar.working", paper).items.items():
        try:
            span = _hours(item)
            hours.update(dict.fromkeys(weekdays(name), span))
        except y.Wrong as error:
            paper.wrong(item.line, f"calendar.working.{name}", str(error))
    holidays, working_days = _dates(f, "holidays"), _dates(f, "working_days")
    f.done()
    if both := sorted(holidays & working_days):
        f.wrong("working_days", f"{both[0]} is a holiday and a working day at once")
    return WorkingTime(hours or WorkingTime().hours, holidays, working_days)


def weekdays(name: str) -> range:
    first, _, last = name.partition("-")
    if first not in DAYS or (last or first) not in DAYS or DAYS.index(last or first) < DAYS.index(first):
        raise y.Wrong(f"{name!r} is no day of the week; write mon, or mon-fri")
    return range(DAYS.index(first), DAYS.index(last or first) + 1)


def _hours(node: y.Node) -> tuple[int, int]:
    match = _HOURS.fullmatch(y.text(node))
    if match is None:
        raise y.Wrong(f"{y.text(node)!r} is no span of the day; write \"08:00-18:00\"", node)
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if not start < end <= 24 * 60:
        raise y.Wrong("ends before it begins; hours over midnight belong to two days", node)
    return start, end


def _dates(f: y.Fields, key: str) -> frozenset[date]:
    found: set[date] = set()
    for item in y.entries(f.child(key), f.path(key), f.paper):
        try:
            found.update(_days(item))
        except (y.Wrong, ValueError) as error:
            f.paper.wrong(item.line, f.path(key), str(error))
    return frozenset(found)


def _days(node: y.Node) -> Iterator[date]:
    text = str(node.value) if isinstance(node, y.Scalar) else y.text(node)
    first, _, last = text.partition("..")
    try:
        start, end = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise y.Wrong(f"{text!r} is no date; write 2026-10-01, or 2026-10-01..2026-10-07", node) from None
    if not start <= end <= start + LONGEST_SPAN:
        raise y.Wrong("runs backwards or over more than a year", node)
    return (start + timedelta(days=n) for n in range((end - start).days + 1))
