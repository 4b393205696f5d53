"""What `notify` writes into the journal. Where the disk refuses it is kept here and written once the disk takes it again.

A process that ended there would know nothing of what the providers have taken, and its successors would send every waiting page again, one
after the other, for as long as the disk is full. So it goes on: pages leave, what became of them is remembered; a crash meanwhile costs
the one duplicate that it always may. A writer that has failed is never used again: what comes after it opens the journal anew.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from plantroom.errors import JournalFailed
from plantroom.journal import Entry, GroupWriter, Journal, Keeper
from plantroom.journal.writer import Writer

AGAIN_S = 5.0
MOST_KEPT = 50_000  # entries; the oldest go first: a day of tries for dozens of pages, in some ten megabytes

log = structlog.get_logger()


class Diary:
    """All methods belong to the loop's thread; `run` and `keep` stand in the service's TaskGroup. kept: what the disk has not taken yet."""

    def __init__(self, journal: Journal, source: str, again_s: float = AGAIN_S) -> None:
        self._journal, self._source, self._again_s = journal, source, again_s
        self.kept: deque[Entry] = deque(maxlen=MOST_KEPT)
        self._group: GroupWriter | None = None
        self._writer: Writer | None = None
        self._refused = False

    def open(self) -> None:
        """Blocks. Called once, before anything is appended; a disk that refuses is for `run` to ask again."""
        try:
            self._begin(self._journal.writer(self._source))
        except JournalFailed as error:
            self._say(error)

    async def append(self, entries: Sequence[Entry]) -> None:
        """Returns when they are durable. Raises JournalFailed where the disk refuses: for what can be had again."""
        if self._group is None:
            raise JournalFailed("the disk refuses the journal; it is asked again")
        await self._group.append(entries)

    async def note(self, entries: Sequence[Entry]) -> None:
        """Returns when they are durable or, where the disk refuses, kept."""
        try:
            await self.append(entries)
        except JournalFailed as error:
            self._say(error)
            self.kept.extend(entries)

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            try:
                if self._group is None:
                    await self._open_again()
                assert self._group is not None
                await self._group.run()
            except JournalFailed as error:
                self._say(error)
            finally:
                self.close()
            await asyncio.sleep(self._again_s)

    async def keep(self) -> None:
        """The journal's Keeper, which a disk that refuses ends: another process may have more luck, or this one later."""
        while True:
            try:
                await Keeper(self._journal).run()
            except (JournalFailed, OSError) as error:
                log.error("notify.keeper_ended", error=str(error), again_in_s=self._again_s)
            await asyncio.sleep(self._again_s)

    def close(self) -> None:
        self._group = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    async def _open_again(self) -> None:
        """What was kept goes first, so that attempts stay in their order."""
        self._writer = await asyncio.to_thread(self._journal.writer, self._source)
        while self.kept:
            waiting = list(self.kept)
            await asyncio.to_thread(self._writer.append, waiting)
            for entry in waiting:
                if self.kept and self.kept[0] is entry:  # else it went for a newer one meanwhile
                    self.kept.popleft()
        self._begin(self._writer)
        log.info("notify.journal_takes_again")

    def _begin(self, writer: Writer) -> None:
        self._writer, self._group, self._refused = writer, GroupWriter(writer), False

    def _say(self, error: JournalFailed) -> None:
        if not self._refused:
            log.error("notify.journal_refuses", error=str(error), again_in_s=self._again_s)
        self._refused = True
