"""How far the engine is behind the journal, against the real clock, and when that is worth a fault. Pure.

Lag is how long the oldest record not yet taken has waited for this process, by BOOTTIME: what was written before its start has waited since
its start. While the engine catches up after a start nobody can do better than wait, so there the limit is STARTING_NS; once it has caught
up, LAG_NS.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plantroom.clock import NS, Reading

LAG_NS = 10 * NS
STARTING_NS = 60 * NS
CAUGHT_UP_NS = 2 * NS
TOLD_NS = 30 * NS  # while it lasts it is told again this often


class Word(StrEnum):
    LAGS = "engine_lag"
    OVER = "engine_lag_over"


@dataclass(slots=True)
class Lag:
    """started: of this process. lagging: a fault of it stands."""

    started: Reading
    lagging: bool = False
    starting: bool = True
    told_ns: int = 0

    def look(self, now_ns: int, oldest: Reading) -> tuple[Word | None, float]:
        """(what is to be said, the lag in s). now_ns: BOOTTIME; oldest: header of the oldest record not yet taken."""
        waiting_since = oldest.boot_ns if oldest.boot == self.started.boot else 0
        lag_ns = now_ns - max(waiting_since, self.started.boot_ns)
        word = None
        if lag_ns < CAUGHT_UP_NS:
            word = Word.OVER if self.lagging else None
            self.lagging = self.starting = False
        elif lag_ns > (STARTING_NS if self.starting else LAG_NS) and (not self.lagging or now_ns - self.told_ns >= TOLD_NS):
            word, self.lagging, self.told_ns = Word.LAGS, True, now_ns
        return word, round(lag_ns / NS, 1)
