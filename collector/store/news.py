"""What a store follower has to say to the rest of the service: EVENT records in the journal, from which rules raise monitor faults."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import structlog

from plantroom.journal import Entry, Journal, Kind

log = structlog.get_logger()


class News:
    """Appends events as source `history`. Appending blocks for a few milliseconds (one durable commit), so it is for transitions only."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def tell(self, event: str, **fields: object) -> None:
        """Raises JournalFailed where the journal cannot be written: the process has to leave."""
        body: Mapping[str, object] = {"event": event, **fields}
        log.info(f"history.{event}", **fields)
        with self._journal.writer("history") as writer:
            writer.append([Entry(Kind.EVENT, orjson.dumps(body))])
