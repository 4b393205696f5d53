"""Reading telemetry back: any point, any range, with or without a step. One contract, whatever store stands behind it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from plantroom.clock import SystemClock
from plantroom.history.embedded import EmbeddedHistory
from plantroom.history.series import Series
from plantroom.journal import Journal

__all__ = ["EmbeddedHistory", "History", "Series", "open_history"]


class History(Protocol):
    def query(self, points: Sequence[str], start_ns: int, end_ns: int, step_ns: int | None = None) -> dict[str, Series]:
        """Samples of [start_ns, end_ns) by `equipment.point`, or buckets of step_ns; see Series for what a row is."""
        ...

    def close(self) -> None: ...


def open_history(site_folder: Path) -> History:
    """The embedded history of DATA/<site>: its Parquet parts and its journal's tail."""
    return EmbeddedHistory(site_folder / "history", Journal(site_folder / "journal", SystemClock()).reader())
