"""When people sleep: normal faults wait for one another then, and their next levels for the morning. Pure; local times of the site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from plantroom.local_time import instant_ns, local_date

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Night:
    """begin, end: minutes of the local day, over midnight where the end is not after the begin; alike = no night at all."""

    begin: int = 22 * 60
    end: int = 7 * 60

    def until_ns(self, at_ns: int, zone: ZoneInfo) -> int | None:
        """Its end, where it is night at that instant."""
        if self.begin == self.end:
            return None
        today = local_date(at_ns, zone)
        length = (self.end - self.begin) % DAY_MINUTES
        for day in (today, today - timedelta(days=1)):
            start, end = instant_ns(day, self.begin, zone), instant_ns(day, self.begin + length, zone)
            if start <= at_ns < end:
                return end
        return None
