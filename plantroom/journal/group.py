"""Group commit for asyncio: a thread commits what arrived during the last commit.

Commits are at least 5 ms apart where somebody waits for the answer, 40 ms where nobody does: a commit costs as much as a hundred records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from plantroom.errors import JournalFailed
from plantroom.journal.encoder import Encoder
from plantroom.journal.record import Entry
from plantroom.journal.writer import Writer
from plantroom.model import Batch

APART_S = 0.005
PATIENT_S = 0.04
MOST_BYTES = 64 << 20
ENTRY_BYTES = 100  # counted for each entry beside its body

_Done = Callable[[range], None]


class GroupWriter:
    """Many producers, one commit. All methods belong to the loop's thread; `run` stands in the service's TaskGroup.

    Nothing is answered before its commit. After a failed commit nothing is answered any more: waiting `append`s and every later
    call raise JournalFailed, `run` raises it and with it the service ends.
    """

    def __init__(self, writer: Writer, *, most_bytes: int = MOST_BYTES, apart_s: float = APART_S, patient_s: float = PATIENT_S) -> None:
        self._writer, self._most, self._apart_s, self._patient_s = writer, most_bytes, apart_s, patient_s
        self._encoder = Encoder()
        self._pending: list[tuple[Sequence[Entry] | Batch, _Done | None]] = []
        self._bytes = 0
        self._work, self._hurry, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._waiting: set[asyncio.Future[range]] = set()
        self._failed: JournalFailed | None = None

    async def append(self, entries: Sequence[Entry]) -> range:
        """The seqs given, once they are durable. Waits while the queue is full."""
        while not self._fits(size := _size(entries)):
            self._room.clear()
            await self._room.wait()
        answer: asyncio.Future[range] = asyncio.get_running_loop().create_future()
        self._waiting.add(answer)
        answer.add_done_callback(self._waiting.discard)
        self._take(entries, size, lambda seqs: None if answer.done() else answer.set_result(seqs))
        return await answer

    def put(self, entries: Sequence[Entry], done: _Done | None = None) -> None:
        """Queues without waiting; `done(seqs)` is called on the loop after the commit. Raises asyncio.QueueFull when full.

        Without `done` nobody waits, and it may lie for 40 ms.
        """
        self._take_if_fits(entries, _size(entries), done)

    def take(self, batch: Batch) -> None:
        """The same for a batch nobody waits for. It becomes an entry at the commit, together with all others, for a tenth of the price."""
        self._take_if_fits(batch, batch.values.nbytes + ENTRY_BYTES, None)

    @property
    def queued_bytes(self) -> int:
        return self._bytes

    async def run(self) -> None:
        """Commits until cancelled; then commits what is queued and ends. Raises JournalFailed where the disk refuses."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="journal") as thread:
            began = -self._patient_s
            try:
                while True:
                    await self._due(began)
                    began = loop.time()
                    await self._commit(thread)
            finally:
                if self._failed is None and self._pending:
                    await self._commit(thread)
                self._refuse(self._failed or JournalFailed("the journal's writer has ended; this service is stopping"))

    async def _due(self, began: float) -> None:
        """Until the next commit's time. began: when the last one did.

        What polls bring comes in bursts: the first of one waits for its neighbours.
        """
        loop = asyncio.get_running_loop()
        await self._work.wait()
        if not self._hurry.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(max(began + self._patient_s, loop.time() + self._patient_s / 2)):
                    await self._hurry.wait()
        pause = began + self._apart_s - loop.time()
        if pause > 0:
            await asyncio.sleep(pause)

    async def _commit(self, thread: ThreadPoolExecutor) -> None:
        """Commits all that is queued; a cancellation meanwhile is passed on after the commit has been answered."""
        pending, self._pending = self._pending, []
        size = self._bytes
        self._work.clear()
        self._hurry.clear()
        encoded = iter(self._encoder.many([what for what, _ in pending if isinstance(what, Batch)]))
        groups = [((next(encoded),) if isinstance(what, Batch) else what, done) for what, done in pending]
        entries = [entry for group, _ in groups for entry in group]
        commit = asyncio.get_running_loop().run_in_executor(thread, self._writer.append, entries)
        cancelled: asyncio.CancelledError | None = None
        while not commit.done():
            try:
                await asyncio.shield(commit)
            except asyncio.CancelledError as error:
                cancelled = error
            except JournalFailed:
                break
        try:
            seqs = commit.result()
        except JournalFailed as error:
            self._failed = error
            raise
        self._bytes -= size
        self._room.set()
        first = seqs.start
        for group, done in groups:
            if done is not None:
                done(range(first, first + len(group)))
            first += len(group)
        if cancelled is not None:
            raise cancelled

    def _fits(self, size: int) -> bool:
        if self._failed is not None:
            raise JournalFailed(str(self._failed))
        return self._bytes + size <= self._most or not self._bytes

    def _take_if_fits(self, what: Sequence[Entry] | Batch, size: int, done: _Done | None) -> None:
        if not self._fits(size):
            raise asyncio.QueueFull(f"{self._bytes} bytes wait for the journal; the disk is slower than what comes in")
        self._take(what, size, done)

    def _take(self, what: Sequence[Entry] | Batch, size: int, done: _Done | None) -> None:
        self._pending.append((what, done))
        self._bytes += size
        if not self._work.is_set():
            self._work.set()
        if done is not None:
            self._hurry.set()

    def _refuse(self, error: JournalFailed) -> None:
        self._failed = error
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(JournalFailed(str(error)))
        self._room.set()


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(entry.body) for entry in entries) + ENTRY_BYTES * len(entries)
