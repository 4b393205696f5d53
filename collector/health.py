"""What is known of one unit on a line: whether it answers, how long it takes, how long to wait for it. Pure.

    unknown --answered--> alive --failed--> suspect --failed--> dead --answered--> alive
    unknown --failed----------------------------------------> dead --late, relinked--> unknown
"""

from __future__ import annotations

from enum import StrEnum
from random import Random

from collector.backoff import Backoff

FLOOR_S = 0.1  # no patience is shorter: a gateway's own queue and a retransmission fit in
FIRST_S = 0.25  # for a unit never heard, so that thirty absent ones do not hold up a start
LONG_EVERY = 4  # each fourth probe of a dead unit waits as long as it may: a slow unit is found too
PROBE_FIRST_S, PROBE_MOST_S = 1.0, 10.0
MARGIN = 4.0  # times the slowest answer seen
FADES = 0.995  # per answer: a slow answer is remembered for some hundred answers
RISES = 1.02  # per answer: a quick one is forgotten within some dozens


class Health(StrEnum):
    UNKNOWN = "unknown"  # not heard on this connection yet
    ALIVE = "alive"
    SUSPECT = "suspect"  # missed one answer
    DEAD = "dead"  # off the schedule, probed


class Heard(StrEnum):
    ANSWERED = "answered"  # a well-formed answer of this unit, an exception too
    FAILED = "failed"  # no answer, or one that cannot be its
    LATE = "late"  # an answer after our patience, though within its profile's time-out: it lives
    RELINKED = "relinked"  # a new connection: nothing is known on it


TABLE: dict[tuple[Health, Heard], Health] = {
    (Health.UNKNOWN, Heard.ANSWERED): Health.ALIVE,
    (Health.UNKNOWN, Heard.FAILED): Health.DEAD,
    (Health.UNKNOWN, Heard.LATE): Health.UNKNOWN,
    (Health.UNKNOWN, Heard.RELINKED): Health.UNKNOWN,
    (Health.ALIVE, Heard.ANSWERED): Health.ALIVE,
    (Health.ALIVE, Heard.FAILED): Health.SUSPECT,
    (Health.ALIVE, Heard.LATE): Health.ALIVE,
    (Health.ALIVE, Heard.RELINKED): Health.UNKNOWN,
    (Health.SUSPECT, Heard.ANSWERED): Health.ALIVE,
    (Health.SUSPECT, Heard.FAILED): Health.DEAD,
    (Health.SUSPECT, Heard.LATE): Health.SUSPECT,
    (Health.SUSPECT, Heard.RELINKED): Health.UNKNOWN,
    (Health.DEAD, Heard.ANSWERED): Health.ALIVE,
    (Health.DEAD, Heard.FAILED): Health.DEAD,
    (Health.DEAD, Heard.LATE): Health.UNKNOWN,
    (Health.DEAD, Heard.RELINKED): Health.UNKNOWN,
}


class Unit:
    """timeout_s: the profile's longest wait. slowest_s, usual_s: the slowest and the quickest answer seen, fading; None = never heard.

    chance: probes of units that died together are not in step.
    """

    def __init__(self, timeout_s: float, chance: Random | None = None) -> None:
        self.health = Health.UNKNOWN
        self.timeout_s = timeout_s
        self.slowest_s: float | None = None
        self.usual_s: float | None = None
        self.probe_at_s = 0.0
        self._probes = 0
        self._backoff = Backoff(chance or Random(0), PROBE_FIRST_S, PROBE_MOST_S)

    @property
    def expected(self) -> bool:
        """Whether its jobs stand on the schedule."""
        return self.health is not Health.DEAD

    def answered(self, latency_s: float | None) -> None:
        """latency_s: None where something else may have held the answer up."""
        if latency_s is not None:
            self._learn(latency_s)
            usual_s = self.usual_s
            self.usual_s = latency_s if usual_s is None or latency_s < RISES * usual_s else RISES * usual_s
        if self.health is not Health.ALIVE:
            self.health = TABLE[self.health, Heard.ANSWERED]

    def failed(self, now_s: float) -> bool:
        """Whether it is dead now; its next probe is then set."""
        if self.health is not Health.DEAD:
            self._probes = 0
            self._backoff.reset()
        self.health = TABLE[self.health, Heard.FAILED]
        if self.health is not Health.DEAD:
            return False
        self.probe_at_s = now_s + max(self._backoff.next_s(), self.timeout_s)  # what it was asked before is answered by then or never
        self._probes += 1
        return True

    def late(self, latency_s: float, now_s: float) -> None:
        """An answer after our patience: never taken, but it says how long this unit takes. One slower than its time-out stays dead."""
        self._learn(latency_s)
        self.probe_at_s = min(self.probe_at_s, now_s)
        if latency_s <= self.timeout_s:
            self.health = TABLE[self.health, Heard.LATE]

    def relinked(self) -> None:
        self.health = TABLE[self.health, Heard.RELINKED]

    def patience_s(self, tolerance_s: float, alone: bool) -> float:
        """How long to wait for it now. tolerance_s: what the line's other live units bear (half their shortest period; inf = none).

        alone: no other unit is on the line at all.
        An expected unit gets what its neighbours bear, and four times its slowest answer even where that is more: it is known to answer.
        A probe is short, but for each fourth.
        """
        learned_s = MARGIN * self.slowest_s if self.slowest_s is not None else 0.0
        if self.health is Health.UNKNOWN and self.slowest_s is None and not alone:
            wanted_s = FIRST_S
        elif self.expected or self._probes % LONG_EVERY == 0:
            wanted_s = max(learned_s, tolerance_s)
        else:
            wanted_s = learned_s
        return min(self.timeout_s, max(wanted_s, FLOOR_S))

    def _learn(self, latency_s: float) -> None:
        faded_s = FADES * (self.slowest_s or 0.0)
        self.slowest_s = latency_s if latency_s > faded_s else faded_s
