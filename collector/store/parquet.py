"""The follower that seals the journal into Parquet parts: always on, needs nothing but the disk.

A seal every 10 minutes or 4 million samples. While the disk refuses, nothing is dropped: what was gathered is tried again, and the
follower takes no more than that out of the journal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from threading import Lock

import duckdb
import structlog

from collector.store.compact import Replaced, by_day, merges, outlived
from collector.store.gather import Gathered
from collector.store.health import Doctor
from collector.store.ledger import Ledger
from collector.store.news import News
from collector.store.seal import clean, mark, write_merged, write_parts
from plantroom.clock import NS, Clock
from plantroom.history.embedded import connect
from plantroom.history.parts import counting, day_of, days_in, found, sealed_upto
from plantroom.journal import Follower, Journal, Record

NAME = "parquet"
SEAL_S = 600.0
SEAL_SAMPLES = 4_000_000
CLOSED_AFTER_S = 7_200  # a UTC day counts as over so long after its end: late samples are mostly in
UPKEEP_S = 3_600.0
KEEP_DAYS = 5 * 366
RETRY_S = 10.0
EVENTS = {"store_down": "history_stalled", "store_down_over": "history_stalled_over"}  # InfluxDB's trouble is another fault
AT_ONCE = 2_000  # records per read
LINGER_S = 0.5  # nobody waits for this follower: it reads what half a second brought

Pause = Callable[[float], Awaitable[object]]

log = structlog.get_logger()


class ParquetStore:
    """Owns history/ of one site. `take` and `upkeep` are blocking; `run` is the task."""

    def __init__(
        self, folder: Path, journal: Journal, ledger: Ledger, clock: Clock, *, keep_days: int = KEEP_DAYS, pause: Pause = asyncio.sleep
    ) -> None:
        """folder: DATA/<site>/history. Removes what an interrupted seal left behind; only one process may hold a site's store.

        ledger: a connection of its own, which `close` closes too. pause: how to wait, asyncio.sleep but in tests.
        """
        self._pause = pause
        self._busy = Lock()  # seals and merges run in threads that outlive the task which waits for them
        self._folder, self._journal, self._ledger, self._clock, self._keep_days = folder, journal, ledger, clock, keep_days
        folder.mkdir(parents=True, exist_ok=True)
        self._reader = journal.reader()
        self._db = connect(memory="128MB", threads=1)  # larger sorts go through .spill; a service shall not take the machine
        self._db.execute("SET temp_directory = ?", [str(folder / ".spill")])
        self._replaced = Replaced()
        self._news = News(journal)
        self._doctor = Doctor()
        self.sealed = sealed_upto(folder)
        mark(folder, self.sealed)  # before any part: a folder without a marker goes by its parts' names
        if left := clean(folder, self.sealed):
            log.info("history.seal_abandoned", files=[path.name for path in left])
        ledger.settle(NAME, self.sealed)
        self._gathered = Gathered(self._reader, self.sealed)
        self._upkeep_due = self._now_s()

    @property
    def waiting(self) -> int:
        """Samples gathered and not yet sealed."""
        return self._gathered.samples

    def close(self) -> None:
        """Breaks off a seal or merge that a thread is still at, and waits for it: the next start finds the state before it."""
        self._db.interrupt()
        with self._busy:
            self._db.close()
            self._reader.close()
            self._ledger.close()

    def take(self, records: Sequence[Record]) -> bool:
        """Gathers records in their order. True where a seal is due: by number, or by age once there is no backlog to read first."""
        self._gathered.take(records)
        return self._gathered.samples >= SEAL_SAMPLES or (self._gathered.span_s >= SEAL_S and len(records) < AT_ONCE)

    def seal(self) -> None:
        """Writes what was gathered into parts and moves the marker.

        Raises OSError or duckdb.Error where the disk refuses; what was gathered stays gathered.
        """
        with self._busy:
            self._seal()

    def upkeep(self) -> None:
        """Merges small parts, removes replaced ones after ten minutes and at most one day beyond its keep."""
        with self._busy:
            self._upkeep()

    async def run(self) -> None:
        """Follows for ever. The disk's refusal is told once and tried again; any other error ends the task."""
        async for records in Follower(self._journal, self.sealed, AT_ONCE):
            if self.take(records):
                await self.until_sealed()
            elif len(records) < AT_ONCE:
                await asyncio.sleep(LINGER_S)

    async def until_sealed(self) -> None:
        """Seals; while the disk refuses, tries again for ever and reads nothing more."""
        while True:
            try:
                await asyncio.to_thread(self.seal)
                await asyncio.to_thread(self.upkeep)
            except (OSError, duckdb.IOException, duckdb.OutOfMemoryException) as why:
                log.warning("history.seal_failed", why=str(why))
                self._tell(self._doctor.failed(self._now_s()), str(why))
                await self._pause(RETRY_S)
            else:
                self._tell(self._doctor.stored(), "")
                return

    def _seal(self) -> None:
        gathered = self._gathered
        if gathered.last == gathered.after:
            return
        samples = gathered.flat()
        unread = [(seq, seq) for seq, _ in gathered.unreadable]
        self._ledger.announce(NAME, gathered.last, samples.counts, gathered.gaps + unread)
        if unread:
            log.error("history.unreadable", records=gathered.unreadable[:10])
        written = write_parts(self._db, self._folder, samples, gathered.after + 1, gathered.last)
        mark(self._folder, gathered.last)
        self._ledger.settle(NAME, gathered.last)
        self._journal.positions.mark(NAME, gathered.last)
        self.sealed = gathered.last
        self._gathered = Gathered(self._reader, self.sealed)
        log.info("history.sealed", last=self.sealed, parts=len(written), samples=len(samples.at_ns))

    def _upkeep(self) -> None:
        now = self._clock.read()
        newest_closed = day_of(now.wall_ns - CLOSED_AFTER_S * NS)
        everything = found(self._folder)
        for day, parts in by_day(counting(everything, self.sealed)).items():
            closed = day < newest_closed and self._now_s() >= self._upkeep_due
            for run in merges(parts, closed=closed):
                path = write_merged(self._db, run)
                log.info("history.merged", day=day, parts=len(run), into=path.name)
        everything = found(self._folder)
        for path in self._replaced.due(everything, counting(everything, self.sealed), self._now_s()):
            path.unlink(missing_ok=True)
        if self._now_s() >= self._upkeep_due:
            self._upkeep_due = self._now_s() + UPKEEP_S
            self._retain(day_of(now.wall_ns))

    def _retain(self, today: str) -> None:
        day = outlived(days_in(self._folder), today, self._keep_days)
        if day is None:
            return
        folder = self._folder / f"day={day}"
        for path in sorted(folder.iterdir()):
            path.unlink()
        folder.rmdir()
        log.info("history.retention", day=day)

    def _tell(self, events: tuple[str, ...], why: str) -> None:
        for event in events:
            self._news.tell(EVENTS[event], store=NAME, where=str(self._folder), why=why[:300])

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS
