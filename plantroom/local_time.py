"""The one instant a local time of day means, so that what ends at it and what begins at it meet, on days of clock changes too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from plantroom.clock import NS, at_utc, to_ns


@lru_cache(maxsize=65_536)
def instant_ns(day: date, minute: int, zone: ZoneInfo) -> int:
    """minute: of the local day by the wall, 1440 = the next day's midnight.

    An hour that is there twice means its first one; one that is skipped means the instant of the change. So a later local time is never
    an earlier instant.
    """
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    return wall_ns(wall, zone)


def wall_ns(wall: datetime, zone: tzinfo) -> int:
    """The same of a naive local time."""
    at = wall.replace(tzinfo=zone)
    late = at.astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == wall:
        return to_ns(late)
    early = at.replace(fold=1).astimezone(UTC)  # with the offset from after the change: before it
    return _change_ns(to_ns(early), to_ns(late), zone)


def local_date(at_ns: int, zone: ZoneInfo) -> date:
    return at_utc(at_ns).astimezone(zone).date()


def _change_ns(before: int, after: int, zone: tzinfo) -> int:
    """The first second in (before, after] with another offset than before's."""
    offset = at_utc(before).astimezone(zone).utcoffset()
    low, high = before // NS, after // NS
    while high - low > 1:
        middle = (low + high) // 2
        if at_utc(middle * NS).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high * NS
