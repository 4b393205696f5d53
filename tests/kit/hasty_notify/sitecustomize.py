"""Python starts with this where it is first on PYTHONPATH: a `notify` that writes down that a page was taken before it is sent."""

from plantroom.clock import SystemClock
from plantroom.journal import Entry, Kind
from rules.notify.page import answer
from rules.notify.service import NotifyService
from rules.outbox import Verdict


async def _attempt(self, site, channel, row, diary, records, free):  # type: ignore[no-untyped-def]
    now_ns = SystemClock().read().wall_ns
    said = answer(channel.settings, Verdict.ACCEPTED, "surely")
    await diary.append([Entry(Kind.ATTEMPT, said.record(row.id, channel.id, row.attempts + 1, now_ns, now_ns))])
    await _real(self, site, channel, row, diary, records, free)


_real, NotifyService._attempt = NotifyService._attempt, _attempt
