"""What a demo has come to, counted in the real journal and the real records (the JSON of DESIGN 5)."""

from __future__ import annotations

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


def summarise(site_folder: Path, clock: Clock) -> tuple[Summary, Counter[str]]:
    """The summary of a site's folder, and how often each service had to be started again. Reads everything: for short runs."""
    samples, bad, restarts = _journalled(Journal(site_folder / "journal", clock))
    faults: list[Fault] = []
    orders, pushes = 0, Pushes(accepted=0, failed=0)
    try:
        records = Records.open(site_folder / "records.db", readonly=True)
    except FileNotFoundError:  # the rules service never came to its first commit
        return Summary(samples=samples, bad_samples=bad, faults=faults, orders=orders, pushes=pushes), restarts
    try:
        rows = records.db.execute("SELECT rule, equipment, severity, condition FROM fault ORDER BY raised_ns, id")
        faults = [Fault(rule=r, equipment=e, severity=s, condition=c) for r, e, s, c in rows]
        orders = _number(records, "SELECT count(*) FROM work_order")
        pushes["accepted"] = _number(records, "SELECT count(*) FROM outbox WHERE state = 'accepted'")
        pushes["failed"] = _number(records, "SELECT count(*) FROM outbox WHERE state = 'failed'")
    finally:
        records.close()
    return Summary(samples=samples, bad_samples=bad, faults=faults, orders=orders, pushes=pushes), restarts


def _number(records: Records, sql: str) -> int:
    row: Any = records.db.execute(sql).fetchone()
    return int(row[0])


def _journalled(journal: Journal) -> tuple[int, int, Counter[str]]:
    samples = bad = seq = 0
    restarts: Counter[str] = Counter()
    reader = journal.reader()
    try:
        while found := reader.read_after(seq):
            for record in found:
                if record.kind is Kind.TELEMETRY:
                    quality = decode_batch(record.body, reader.frame).quality
                    present = quality != Batch.ABSENT
                    samples += int(np.count_nonzero(present))
                    bad += int(np.count_nonzero(present & (quality != 0)))
                elif record.kind is Kind.EVENT:
                    event = orjson.loads(record.body)
                    if event.get("event") == "service_restarted":
                        restarts[str(event["service"])] += 1
            seq = found[-1].seq
    finally:
        reader.close()
    return samples, bad, restarts
