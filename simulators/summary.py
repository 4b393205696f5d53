"""What a demo has come to, counted in the real journal and the real records (the JSON of DESIGN 5)."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import orjson

from plantroom.clock import Clock
from plantroom.journal import Journal, Kind
from plantroom.journal.record import decode_batch
from plantroom.model import Batch
from plantroom.records import Records

PAGE = 500  # records; counting them holds up nobody noticeably
LOOK_EVERY_S = 5.0


class Fault(TypedDict):
    rule: str
    equipment: str
    severity: str
    condition: str


class Pushes(TypedDict):
    accepted: int
    failed: int


class Summary(TypedDict):
    """samples: all, bad ones included. pushes: deliveries by their outcome, those still under way in neither."""

    samples: int
    bad_samples: int
    faults: list[Fault]
    orders: int
    pushes: Pushes


class Tally:
    """What the journal holds, counted as it grows: at the end of a long run there is little left to read.

    restarts: how often each service had to be started again. Use as a context.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.samples = self.bad = self._seq = 0
        self.restarts: Counter[str] = Counter()
        self._reader = Journal(folder, clock).reader()

    def __enter__(self) -> Tally:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def look(self, most: int = PAGE) -> bool:
        """Counts up to `most` further records; False where there were none."""
        found = self._reader.read_after(self._seq, most)
        for record in found:
            if record.kind is Kind.TELEMETRY:
                quality = decode_batch(record.body, self._reader.frame).quality
                present = quality != Batch.ABSENT
                self.samples += int(np.count_nonzero(present))
                self.bad += int(np.count_nonzero(present & (quality != 0)))
            elif record.kind is Kind.EVENT:
                event = orjson.loads(record.body)
                if event.get("event") == "service_restarted":
                    self.restarts[str(event["service"])] += 1
            self._seq = record.seq
        return bool(found)

    async def follow(self) -> None:
        """For ever: a page at a time, then a pause. Counts beside whatever else the loop does."""
        while True:
            counted = self.look()
            await asyncio.sleep(0 if counted else LOOK_EVERY_S)


def summarise(site_folder: Path, tally: Tally) -> Summary:
    """The summary of a site's folder; counts what the tally has not seen yet."""
    while tally.look():
        pass
    faults: list[Fault] = []
    orders, pushes = 0, Pushes(accepted=0, failed=0)
    try:
        records = Records.open(site_folder / "records.db", readonly=True)
    except FileNotFoundError:  # the rules service never came to its first commit
        return Summary(samples=tally.samples, bad_samples=tally.bad, faults=faults, orders=orders, pushes=pushes)
    try:
        rows = records.db.execute("SELECT rule, equipment, severity, condition FROM fault ORDER BY raised_ns, id")
        faults = [Fault(rule=r, equipment=e, severity=s, condition=c) for r, e, s, c in rows]
        orders = _number(records, "SELECT count(*) FROM work_order")
        pushes["accepted"] = _number(records, "SELECT count(*) FROM outbox WHERE state = 'accepted'")
        pushes["failed"] = _number(records, "SELECT count(*) FROM outbox WHERE state = 'failed'")
    finally:
        records.close()
    return Summary(samples=tally.samples, bad_samples=tally.bad, faults=faults, orders=orders, pushes=pushes)


def _number(records: Records, sql: str) -> int:
    row: Any = records.db.execute(sql).fetchone()
    return int(row[0])
