"""The `rules` service: journal -> engine -> records, one tick a second, a snapshot a minute."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import orjson
import structlog

from plantroom.cli import ServiceContext
from plantroom.clock import NS, Clock
from plantroom.journal import Entry, Follower, GroupWriter, Journal, Keeper, Kind, Reader, Record
from plantroom.journal.shelf import FileLock
from plantroom.records import Records
from plantroom.words import catalogue
from rules.engine import Engine, Outcome
from rules.house import furnish
from rules.lag import Lag, Word
from rules.quarantine import of_a_record
from rules.replay import Resumed, resume
from rules.snapshots import Snapshots

TICK_S = 1.0
MOST = 2_000  # records a take: what an urgent fault may have to wait for
SNAPSHOT_NS = 60 * NS
WORTH_KEEPING = 100  # records replayed at a start: killed again within the minute, the next start must not read them all again
MARK_NS = 1 * NS

log = structlog.get_logger()


async def run(context: ServiceContext) -> None:
    await RulesService(context.site_folder, context.clock).run()


class RulesService:
    """One site's engine as a process. folder: the site's, with journal/, snapshots/ and records.db."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._clock = clock
        self._journal = Journal(folder / "journal", clock)
        self._snapshots = Snapshots(folder / "snapshots")
        self._records_path = folder / "records.db"
        self._snapped_ns = self._marked_ns = 0
        self._started = clock.read()
        self._reader: Reader | None = None

    async def run(self) -> None:
        """Until cancelled. Raises JournalFailed where the disk refuses: nothing since the last commit counts then.

        Raises RuntimeError where another process is this site's engine: two would write over each other.
        """
        writer = self._journal.writer("rules")
        lock = FileLock(self._records_path.with_name("rules.lock"))
        try:
            if not lock.try_take():
                raise RuntimeError(f"{self._records_path}: another process is this site's engine; end that one first")
            records = Records.open(self._records_path)
            try:
                engine, resumed = self.start(records)
                writer.go_on_after(engine.muted_to)
                group = GroupWriter(writer)
                try:
                    async with asyncio.TaskGroup() as tasks:
                        tasks.create_task(group.run())
                        tasks.create_task(Keeper(self._journal).run())
                        tasks.create_task(self._tick(group))
                        tasks.create_task(self._follow(engine, resumed.after, group))
                except asyncio.CancelledError:  # an orderly end: the next start has little to read
                    self._remember(engine)
                    raise
            finally:
                records.close()
                if self._reader is not None:
                    self._reader.close()
        finally:
            lock.close()
            writer.close()

    def start(self, records: Records) -> tuple[Engine, Resumed]:
        """The engine where its records stand."""
        reader = self._reader = self._journal.reader()  # stays open: the engine asks it for frames
        began = self._clock.read().boot_ns
        catalogue()  # now: the first fault after a start must not wait for its words to be read
        engine, resumed = resume(lambda: Engine(records, furnish, reader.frame), reader, self._snapshots)
        took_s = round((self._clock.read().boot_ns - began) / NS, 3)
        cpu_s = round(time.process_time(), 3)
        log.info(
            "engine.resumed", after=resumed.after, snapshot=resumed.from_snapshot, replayed=resumed.replayed, took_s=took_s, cpu_s=cpu_s
        )
        if resumed.replayed >= WORTH_KEEPING:
            self._remember(engine)
        return engine, resumed

    async def _tick(self, group: GroupWriter) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await group.append([Entry(Kind.TICK, b"{}")])
            due = max(due + TICK_S, loop.time())  # after a pause the next one is due at once, the missed ones are not made up
            await asyncio.sleep(due - loop.time())

    async def _follow(self, engine: Engine, after: int, group: GroupWriter) -> None:
        lag = Lag(self._started, any(fault.rule == "engine_lag" and fault.open for fault in engine.desk.faults.values()))
        async for records in Follower(self._journal, after, MOST):
            self._look_at_lag(records[0], lag, group)
            outcome = engine.take(records)
            self._keep(engine, outcome)
            await asyncio.sleep(0)  # ticks and commits get their turn between two takes of a backlog

    def _look_at_lag(self, oldest: Record, lag: Lag, group: GroupWriter) -> None:
        """It is against the real clock, so it is told to the journal as an event: a replay sees it where it was."""
        word, lag_s = lag.look(self._clock.read().boot_ns, oldest.at)
        if word is Word.LAGS:
            group.put([_event(word, lag_s=lag_s)])
            log.warning("engine.lags", lag_s=lag_s)
        elif word is Word.OVER:
            group.put([_event(word)])
            log.info("engine.caught_up")

    def _keep(self, engine: Engine, outcome: Outcome) -> None:
        """Position for retention once a second, snapshot once a minute; both after the commit they speak of."""
        position = engine.desk.position
        if position is None:
            return
        boot_ns = self._clock.read().boot_ns
        if outcome.committed and boot_ns - self._marked_ns >= MARK_NS:
            with suppress(OSError):  # a full disk: what lags here only keeps more of the journal
                self._journal.positions.mark("rules", position.seq)
            self._marked_ns = boot_ns
        if boot_ns - self._snapped_ns >= SNAPSHOT_NS:
            if self._snapped_ns:
                self._remember(engine)
            self._snapped_ns = boot_ns

    def _remember(self, engine: Engine) -> None:
        """A snapshot that cannot be made or written costs a longer start, nothing else: the older ones hold."""
        if engine.config is None or engine.seen is None:
            return
        try:
            self.snapshot(engine)
        except Exception as error:
            if not (of_a_record(error) or isinstance(error, OSError)):
                raise
            log.error("snapshot.failed", error=f"{type(error).__name__}: {error}")

    def snapshot(self, engine: Engine) -> None:
        """The engine's memory, durable; it never stands ahead of the records."""
        path = self._snapshots.write(engine.memory())
        self._snapshots.tidy()
        if self._reader is not None:
            self._snapshots.drop_before(self._reader.first_seq())
        log.debug("snapshot.written", file=path.name, bytes=path.stat().st_size)


def _event(name: str, **values: object) -> Entry:
    return Entry(Kind.EVENT, orjson.dumps({"event": name, **values}))
