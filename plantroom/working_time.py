"""A site's working time: which hours of which days people are expected in the building; holidays and made-up working days (调休)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from plantroom.clock import at_utc, to_ns

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = (8 * 60, 18 * 60)


@dataclass(frozen=True, slots=True)
class WorkingTime:
    """hours: weekday (0 = Monday) -> (from, to) in minutes of the local day; a weekday that is not there is free.

    holidays: free whatever the weekday. working_days: worked with the hours of the first worked weekday, whatever theirs.
    """

    hours: Mapping[int, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(range(5), OFFICE))
    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()

    def is_on(self, at_ns: int, zone: ZoneInfo) -> bool:
        local = at_utc(at_ns).astimezone(zone)
        hours = self.hours_of(local.date())
        return hours is not None and hours[0] <= _minute(local) < hours[1]

    def turns(self, start_ns: int, end_ns: int, zone: ZoneInfo) -> Iterator[int]:
        """The instants in [start, end) at which working time may begin or end: the edges of each local day's hours, and its midnight."""
        day = at_utc(start_ns).astimezone(zone).date()
        while True:
            hours = self.hours_of(day)
            for minute in (0, *(hours or ())):
                local = datetime.combine(day, time(), zone) + timedelta(minutes=minute)
                at = to_ns(local)
                if at >= end_ns:
                    return
                if at >= start_ns:
                    yield at
            day += timedelta(days=1)

    def hours_of(self, day: date) -> tuple[int, int] | None:
        """(from, to) in minutes of the local day; None on a free day."""
        if day in self.working_days:
            return self.hours.get(day.weekday()) or next((self.hours[d] for d in sorted(self.hours)), OFFICE)
        return None if day in self.holidays else self.hours.get(day.weekday())


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute
