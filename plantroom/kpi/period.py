"""A span of local days that figures are about: 2026-11, 2026-Q4, 2026, 2026-11-21, 2026-W48 or 2026-11-01..2026-11-30 (both ends in it)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from plantroom.local_time import instant_ns

LONGEST_DAYS = 3_700
FORMS = "2026-11, 2026-Q4, 2026, 2026-11-21, 2026-W48 or 2026-11-01..2026-11-30"


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open: from the first instant of `first` to that of `end`, in the site's zone. name: as it was asked for."""

    name: str
    first: date
    end: date
    zone: ZoneInfo

    @property
    def start_ns(self) -> int:
        return instant_ns(self.first, 0, self.zone)

    @property
    def end_ns(self) -> int:
        return instant_ns(self.end, 0, self.zone)

    def has(self, at_ns: int) -> bool:
        return self.start_ns <= at_ns < self.end_ns


def period(text: str, zone: ZoneInfo) -> Period:
    """Raises ValueError with what may be written."""
    first, end = _days(text.strip())
    if not 0 < (end - first).days <= LONGEST_DAYS:
        raise ValueError(f"{text!r}: a period ends after it begins and has at most {LONGEST_DAYS} days")
    return Period(text.strip(), first, end, zone)


def _days(text: str) -> tuple[date, date]:
    if ".." in text:
        first, _, last = text.partition("..")
        return _days(first.strip())[0], _days(last.strip())[1]
    for form, days in _FORMS:
        if (match := form.fullmatch(text)) is not None:
            try:
                return days(*map(int, match.groups()))
            except (ValueError, OverflowError):
                break
    raise ValueError(f"{text!r} is no period; write {FORMS}")


def _month(year: int, month: int) -> tuple[date, date]:
    return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)


def _quarter(year: int, quarter: int) -> tuple[date, date]:
    return _month(year, 3 * quarter - 2)[0], _month(year, 3 * quarter)[1]


def _week(year: int, week: int) -> tuple[date, date]:
    monday = date.fromisocalendar(year, week, 1)
    return monday, monday + timedelta(days=7)


def _day(year: int, month: int, day: int) -> tuple[date, date]:
    return date(year, month, day), date(year, month, day) + timedelta(days=1)


_FORMS: tuple[tuple[re.Pattern[str], Callable[..., tuple[date, date]]], ...] = (
    (re.compile(r"(\d{4})"), lambda year: (date(year, 1, 1), date(year + 1, 1, 1))),
    (re.compile(r"(\d{4})-?[Qq]([1-4])"), _quarter),
    (re.compile(r"(\d{4})-(\d{2})"), _month),
    (re.compile(r"(\d{4})-?[Ww](\d{2})"), _week),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), _day),
)
