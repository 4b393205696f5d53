"""Where batches leave the links for the journal. When its queue is full the links are told to stop reading; nothing is dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import orjson
import structlog

from plantroom.journal.record import Entry, Kind, encode_batch
from plantroom.model import Batch

Done = Callable[[range], None]
log = structlog.get_logger()


class Writer(Protocol):
    """The part of the journal's GroupWriter that is used here."""

    def put(self, entries: Sequence[Entry], done: Done | None = None) -> None: ...
    def take(self, batch: Batch) -> None: ...
    async def append(self, entries: Sequence[Entry]) -> range: ...


class Link(Protocol):
    """What brings batches and can wait."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Outlet:
    """Belongs to the loop's thread. `run` stands in the service's TaskGroup."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._links: list[Link] = []
        self._introduced: dict[str, dict[str, str]] = {}  # device -> what it said last
        self._over: list[tuple[Sequence[Entry], Done | None]] = []  # what came when the queue was full already
        self._full = asyncio.Event()

    def join(self, link: Link) -> None:
        """From now on this link is paused while the queue is full."""
        self._links.append(link)
        if self._full.is_set():
            link.pause()

    def take(self, batch: Batch) -> None:
        """A batch nobody waits for. Raises JournalFailed when the disk has refused."""
        if self._over or not self._queued(lambda: self._writer.take(batch)):
            self._hold((encode_batch(batch),), None)

    def say(self, connection: str, state: str, reason: str) -> None:
        """A connection's state changed: an event of the journal and a line of the log."""
        log.info(f"connection.{state}", connection=connection, reason=reason)
        body = orjson.dumps({"event": "connection", "connection": connection, "state": state, "reason": reason})
        self.put([Entry(Kind.EVENT, body)])

    def introduce(self, connection: str, device: str, texts: Mapping[str, str]) -> None:
        """What a device says of itself: an event of the journal when it is new or another than before."""
        if self._introduced.get(device) != texts:
            self._introduced[device] = dict(texts)
            log.info("device.identified", connection=connection, device=device, **texts)
            body = orjson.dumps({"event": "device_identified", "connection": connection, "device": device, "says": texts})
            self.put([Entry(Kind.EVENT, body)])

    def put(self, entries: Sequence[Entry], done: Done | None = None) -> None:
        """Queued, in order; `done` is called after the commit. Raises JournalFailed when the disk has refused."""
        if self._over or not self._queued(lambda: self._writer.put(entries, done)):
            self._hold(entries, done)

    def _queued(self, put: Callable[[], None]) -> bool:
        try:
            put()
        except asyncio.QueueFull as error:
            log.warning("collect.journal_full", why=str(error))
            return False
        return True

    def _hold(self, entries: Sequence[Entry], done: Done | None) -> None:
        self._over.append((entries, done))
        if not self._full.is_set():
            self._full.set()
            for link in self._links:
                link.pause()

    async def run(self) -> None:
        """Until cancelled. Raises JournalFailed when the disk has refused."""
        while True:
            await self._full.wait()
            while self._over:
                entries, done = self._over[0]
                seqs = await self._writer.append(entries)
                del self._over[0]
                if done is not None:
                    done(seqs)
            self._full.clear()
            log.info("collect.journal_has_room")
            for link in self._links:
                link.resume()
