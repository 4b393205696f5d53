"""What an engine remembers beside its records: snapshots.py writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plantroom.journal.record import Record
from rules.ledger import Position
from rules.walltime import WallTime


@dataclass(frozen=True, slots=True)
class Memory:
    """The engine's memory after the record at `seen`. config: the CONFIG record in force. blobs: each evaluator's own, by kind.

    rows, chronicled: the records' open rows and the chronicle's length there, from which a rebuild goes on; a restart has the records.
    """

    seen: Position
    time: WallTime
    config: Record
    blobs: Mapping[str, bytes]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    chronicled: int
