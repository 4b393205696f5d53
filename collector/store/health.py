"""How a store is doing, as a table: what is told of it, once per run of trouble, and when it is told that all is well again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    WELL = "well"
    TROUBLED = "troubled"  # failing, not yet long enough to tell anyone
    DOWN = "down"  # told: does not answer
    REFUSED = "refused"  # told: answers, but wants another password, database or address


class Outcome(StrEnum):
    STORED = "stored"
    FAILED = "failed"
    OVERDUE = "overdue"  # failed, and failing for longer than PATIENCE_S
    REFUSED = "refused"


PATIENCE_S = 30.0

# (health, outcome) -> (health, the events to append). An event X is a fault of kind `monitor` until X_over.
TABLE: dict[tuple[Health, Outcome], tuple[Health, tuple[str, ...]]] = {
    (Health.WELL, Outcome.STORED): (Health.WELL, ()),
    (Health.WELL, Outcome.FAILED): (Health.TROUBLED, ()),
    (Health.WELL, Outcome.OVERDUE): (Health.DOWN, ("store_down",)),
    (Health.WELL, Outcome.REFUSED): (Health.REFUSED, ("store_refused",)),
    (Health.TROUBLED, Outcome.STORED): (Health.WELL, ()),
    (Health.TROUBLED, Outcome.FAILED): (Health.TROUBLED, ()),
    (Health.TROUBLED, Outcome.OVERDUE): (Health.DOWN, ("store_down",)),
    (Health.TROUBLED, Outcome.REFUSED): (Health.REFUSED, ("store_refused",)),
    (Health.DOWN, Outcome.STORED): (Health.WELL, ("store_down_over",)),
    (Health.DOWN, Outcome.FAILED): (Health.DOWN, ()),
    (Health.DOWN, Outcome.OVERDUE): (Health.DOWN, ()),
    (Health.DOWN, Outcome.REFUSED): (Health.REFUSED, ("store_down_over", "store_refused")),
    (Health.REFUSED, Outcome.STORED): (Health.WELL, ("store_refused_over",)),
    (Health.REFUSED, Outcome.FAILED): (Health.REFUSED, ()),
    (Health.REFUSED, Outcome.OVERDUE): (Health.DOWN, ("store_refused_over", "store_down")),
    (Health.REFUSED, Outcome.REFUSED): (Health.REFUSED, ()),
}


@dataclass(slots=True)
class Doctor:
    """Applies the table over time. failing_since_s: monotonic seconds at which the present run of failures began."""

    health: Health = Health.WELL
    failing_since_s: float | None = None

    def stored(self) -> tuple[str, ...]:
        self.failing_since_s = None
        return self._take(Outcome.STORED)

    def failed(self, now_s: float) -> tuple[str, ...]:
        if self.failing_since_s is None:
            self.failing_since_s = now_s
        return self._take(Outcome.OVERDUE if now_s - self.failing_since_s >= PATIENCE_S else Outcome.FAILED)

    def refused(self) -> tuple[str, ...]:
        self.failing_since_s = None
        return self._take(Outcome.REFUSED)

    def _take(self, outcome: Outcome) -> tuple[str, ...]:
        self.health, events = TABLE[self.health, outcome]
        return events
