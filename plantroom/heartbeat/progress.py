"""A site's folder -> how far polls, rules, journal and pages have come. Only facts that others have written; no timer stands behind them.

Reads alone: the journal, records.db, the positions of followers and `connections.json`. Everything is looked at anew each time, so a file
that cannot be read now is what the look says, and the next look may say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import apsw

from plantroom import link_counts
from plantroom.clock import NS, Clock, Reading
from plantroom.errors import JournalFailed
from plantroom.journal import Journal, Kind
from plantroom.records import Records

DELIVERY = "notify"  # the follower that has seen the outbox: rules/notify/service.py marks its position


@dataclass(frozen=True, slots=True)
class Progress:
    """One look. at: when. seq: the journal's last. config: its newest configuration, 0 where it could not be read.

    telemetry: header of the newest telemetry; collected_ns: when the collector last counted. position, position_at: up to where the records
    hold what the journal says. delivered: up to where `notify` has seen the records. urgent: urgent pages in the queue; unheard_ns: since
    when the oldest waits about whose fault no channel has taken anything. accepted_ns: the newest page a provider took, test pages
    included. services: by name, whether they run. error: why nothing could be read.
    """

    at: Reading
    seq: int = 0
    config: int = 0
    telemetry: Reading | None = None
    collected_ns: int | None = None
    position: int = 0
    position_at: Reading | None = None
    delivered: int | None = None
    urgent: int = 0
    unheard_ns: int | None = None
    accepted_ns: int | None = None
    services: Mapping[str, bool] = field(default_factory=dict)
    error: str = ""


def progress(site_folder: Path, clock: Clock, services: Mapping[str, bool] | None = None) -> Progress:
    """One look at a site. Blocks as long as the disk does: a disk that hangs lets no heartbeat leave. Never raises for what it finds."""
    now, running = clock.read(), dict(services or {})
    try:
        journal = Journal(site_folder / "journal", clock)
        with journal.reader() as reader:
            seq, newest, config = reader.last_seq(), reader.last_of(Kind.TELEMETRY), reader.last_of(Kind.CONFIG)
        counts = link_counts.read(site_folder)
        seen = Progress(
            now, seq, config.seq if config is not None else 0,
            newest.at if newest is not None else None, counts["at_ns"] if counts is not None else None,
            delivered=journal.positions.all().get(DELIVERY), services=running,
        )  # fmt: skip
        return _with_records(seen, site_folder / "records.db")
    except (JournalFailed, apsw.Error, OSError) as error:
        return Progress(now, services=running, error=f"{type(error).__name__}: {error}"[:200])


def _with_records(seen: Progress, path: Path) -> Progress:
    if not path.exists():  # before the engine's first start
        return seen
    records = Records.open(path, readonly=True)
    with closing(records):
        records.db.execute("BEGIN")  # position and pages of one instant
        position, pages, accepted = records.row("position"), records.row("urgent_pages"), records.row("last_accepted")
    assert pages is not None, "a count is always a row"
    taken_ns = accepted["ended_ns"] if accepted is not None else None
    seen = replace(seen, urgent=pages["queued"], unheard_ns=pages["unheard_ns"], accepted_ns=taken_ns)
    if position is None:
        return seen
    return replace(seen, position=position["seq"], position_at=Reading(position["wall_ns"], position["boot_ns"], position["boot"]))


def age_s(then: Reading, now: Reading) -> float:
    """Seconds between two readings, never negative. Within a boot BOOTTIME counts: a wall that is set makes nothing old."""
    passed = now.boot_ns - then.boot_ns if then.boot == now.boot else now.wall_ns - then.wall_ns
    return max(passed, 0) / NS
