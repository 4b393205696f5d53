"""Checkpoints and retention. Every service carries a Keeper; the one that holds `keeper.lock` works, the others wait for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import apsw
import orjson
import structlog

from plantroom.clock import Clock
from plantroom.errors import JournalFailed
from plantroom.journal.damage import TROUBLE
from plantroom.journal.database import connect
from plantroom.journal.mend import mark_suspect
from plantroom.journal.positions import Positions
from plantroom.journal.record import Entry, Kind
from plantroom.journal.retention import Kept, to_unlink
from plantroom.journal.shelf import DayFile, FileLock, OrderLock, Shelf, sync_folder
from plantroom.journal.writer import Writer

KEPT_S = 30 * 86_400
QUOTA_BYTES = 20 << 30
RESERVE_BYTES = 256 << 20  # left free on the disk, so that records and urgent faults can still be written

LOOK_S = 1.0
CHECKPOINT_PAGES = 1_000  # 4 MiB of WAL are worth a checkpoint; fewer wait
CHECKPOINT_LEAST_S = 60.0
STUCK_PAGES = 8_000  # 32 MiB: writers wait for a moment, so that the WAL can begin anew
RETENTION_S = 60.0

log = structlog.get_logger()


class Keeper:
    """Put `run` into the service's TaskGroup. quota_bytes: of all day files; less where the disk is nearly full."""

    def __init__(self, folder: Path, clock: Clock, *, kept_s: float = KEPT_S, quota_bytes: int = QUOTA_BYTES) -> None:
        self._folder, self._clock, self._kept_s, self._quota = folder, clock, kept_s, quota_bytes
        self._shelf = Shelf(folder)
        self._positions = Positions(folder)
        self._db: apsw.Connection | None = None
        self._file: DayFile | None = None
        self._stuck = 0

    async def run(self) -> None:
        """Waits for the lock, then keeps until cancelled."""
        lock = FileLock(self._folder / "keeper.lock")
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="keeper") as thread:
            try:
                while not lock.try_take():  # noqa: ASYNC110 - another process holds it; nothing tells us when it dies
                    await asyncio.sleep(LOOK_S)
                checkpointed = retained = loop.time() - CHECKPOINT_LEAST_S
                while True:
                    least = 1 if loop.time() - checkpointed >= CHECKPOINT_LEAST_S else CHECKPOINT_PAGES
                    if await loop.run_in_executor(thread, self.checkpoint, least):
                        checkpointed = loop.time()
                    if loop.time() - retained >= RETENTION_S:
                        await loop.run_in_executor(thread, self.retain)
                        retained = loop.time()
                    await asyncio.sleep(LOOK_S)
            finally:
                await loop.run_in_executor(thread, self.close)
                lock.close()

    def checkpoint(self, least_pages: int = 1) -> bool:
        """Moves the WAL into the newest file when it has at least so many pages not yet moved. True where it did.

        Passive: nobody waits. A WAL that never came to an end that way, because writing never paused, is begun anew under the lock.
        """
        files = self._shelf.files()
        if not files:
            return False
        if files[-1] != self._file:
            self._change_file(files[-1])
        assert self._db is not None
        try:
            pages, moved = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
            if pages - moved < least_pages:
                return False
            pages, moved = self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            if pages >= STUCK_PAGES:
                self._begin_wal_anew()
        except apsw.BusyError:
            return False
        except apsw.Error as error:
            raise JournalFailed(f"{self._shelf.path(files[-1])}: a checkpoint failed: {error}; this process has to leave") from error
        return True

    def retain(self) -> None:
        """Unlinks what is too old or too much; a file a follower had not read leaves an EVENT `journal_gap`."""
        files = self._shelf.files()
        closed = self._closed(files)
        used = sum(kept.bytes for kept in closed) + (self._shelf.size(files[-1]) if files else 0) + self._aside()
        free = shutil.disk_usage(self._folder).free
        over = used - min(self._quota, used + free - RESERVE_BYTES)
        if over > 0:
            over -= self._drop_torn()
        gone = to_unlink(closed, self._clock.read().wall_ns, self._positions.all(), self._kept_s, over)
        if not gone:
            return
        forced = [kept for kept, wanted in gone if wanted]
        lock = OrderLock(self._folder)
        try:
            with lock.held(), lock.changing_files():
                for kept, _ in gone:
                    self._unlink(kept.file)
                sync_folder(self._folder)
        finally:
            lock.close()
        log.info("journal.retention", files=[kept.file.name for kept, _ in gone], forced=bool(forced))
        if forced:
            first = max(closed[0].first, min(self._positions.all().values()) + 1)
            self._declare({"event": "journal_gap", "first": first, "last": forced[-1].last, "why": "quota"})

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None
        self._shelf.close()

    def _begin_wal_anew(self) -> None:
        assert self._db is not None
        lock = OrderLock(self._folder)
        try:
            with lock.held():
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        finally:
            lock.close()

    def _change_file(self, newest: DayFile) -> None:
        if self._db is not None:
            with suppress(apsw.BusyError):  # the file is closed for good: leave it without a WAL
                self._db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            self._db.close()
        self._db, self._file = connect(self._shelf.path(newest)), newest

    def _closed(self, files: Sequence[DayFile]) -> list[Kept]:
        """All files but the newest. Where one ends, its successor says: a damaged file is in nobody's way."""
        kept: list[Kept] = []
        follower: tuple[int, int] | None = None
        for file in reversed(files):
            begun = self._begun(file)
            if follower is not None:
                first = begun[0] if begun is not None else 1
                kept.append(Kept(file, first, follower[0] - 1, follower[1], self._shelf.size(file)))
            follower = begun or follower
        return kept[::-1]

    def _begun(self, file: DayFile) -> tuple[int, int] | None:
        """(first seq, wall ns) of a file's beginning; None where it cannot be read."""
        try:
            db = connect(self._shelf.path(file), readonly=True)
            try:
                first, created = db.execute("SELECT first_seq, created_ns FROM meta").get
                return int(first), int(created)
            finally:
                db.close()
        except TROUBLE:
            mark_suspect(self._folder, file.name)
            return None

    def _unlink(self, file: DayFile) -> None:
        for suffix in ("", "-wal", "-shm", ".suspect"):
            Path(f"{self._shelf.path(file)}{suffix}").unlink(missing_ok=True)

    def _torn(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if ".torn" in path.name)

    def _aside(self) -> int:
        return sum(path.stat().st_size for path in self._torn())

    def _drop_torn(self) -> int:
        dropped = 0
        for path in self._torn():
            dropped += path.stat().st_size
            path.unlink()
            log.warning("journal.torn_dropped", file=path.name)
        return dropped

    def _declare(self, event: dict[str, object]) -> None:
        writer = Writer(self._folder, "keeper", self._clock)
        try:
            writer.append([Entry(Kind.EVENT, orjson.dumps(event))])
        finally:
            writer.close()
