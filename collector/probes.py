"""What silences cost a line, and what may be spent on them. Pure; part of a schedule.

Dead units are probed from an allowance of a tenth of the line's time. How long a silence holds the line up is learnt: a gateway that waits
for its dead unit while our next request queues shows in the delay of the next answer, one that does not shows in its promptness.
"""

from __future__ import annotations

from math import inf

PROBE_SHARE = 0.1  # of the line's time, while any unit on it lives
LEAST_SAVED_S = 1.0  # the allowance saves up to this, or to one probe's patience where that is longer
MOST_OWED_S = 2.0  # what a bad start or a bad minute cost beyond that is forgiven
DELAYED, DELAYED_S = 2.0, 0.02  # times the usual answer, and so much more: it had to wait behind something
PUT_OFF_S = 10.0  # so long a silent unit waits where the live ones bear no probe; then one of them all has its turn, each 10 s
LOSSES_FADE = 0.5  # seconds of silence forgotten in a second


class Probes:
    def __init__(self, start_s: float) -> None:
        self.probing: int | None = None  # the dead unit being asked
        self._allowance_s, self._allowed_s = 0.0, start_s
        self._hold_s = inf  # a gateway is held up by a silent unit no longer than this; inf: not seen yet
        self._silent_s = -inf  # when what was not answered was asked
        self._doubt_until_s = -inf
        self._lost_s, self._lost_at_s = 0.0, start_s
        self._forced_s = start_s

    def relinked(self) -> None:
        self.probing = None
        self._silent_s = self._doubt_until_s = -inf

    @property
    def calm(self) -> bool:
        """Nothing is silent that was asked last, no probe is under way: an answer took what it took."""
        return self._silent_s == -inf and self.probing is None

    def answered(self, unit: int, asked_s: float, now_s: float, latency_s: float, usual_s: float | None) -> float | None:
        """What the answer itself took, without the time it waited behind a silence; None where that cannot be told.

        usual_s: what the unit takes, None where it was never heard.
        """
        own_s: float | None = latency_s
        if self._silent_s > -inf:
            if usual_s is None:
                own_s = None
            elif latency_s > DELAYED * usual_s + DELAYED_S:
                own_s, self._hold_s = usual_s, now_s - usual_s - self._silent_s
            else:
                self._hold_s = min(self._hold_s, asked_s - self._silent_s)
            if self.probing is None:
                self._spend(latency_s - (usual_s or 0.0))
            self._silent_s = self._doubt_until_s = -inf
        self._charge(unit, asked_s, now_s)
        return own_s

    def silent(self, unit: int, asked_s: float, now_s: float, timeout_s: float, *, line_free: bool) -> None:
        """line_free: a gateway said that it gave up, so it waits no longer."""
        if not line_free:
            self._silent_s = asked_s
            self._doubt_until_s = min(now_s + timeout_s, asked_s + self._hold_s)
            if self.probing != unit:
                self._lost_s, self._lost_at_s = self.recent_s(now_s) + now_s - asked_s, now_s
        else:
            self._silent_s = self._doubt_until_s = -inf
        self._charge(unit, asked_s, now_s)

    def doubt_s(self, now_s: float) -> float:
        """How much longer a gateway may still be waiting for a unit that was silent."""
        return max(0.0, self._doubt_until_s - now_s)

    @property
    def holds(self) -> bool:
        """Whether it is known how long a silence holds the line up."""
        return self._hold_s < inf

    def recent_s(self, now_s: float) -> float:
        """Seconds of the line that went to units expected to answer, just now: the next ones are given less."""
        return max(0.0, self._lost_s - LOSSES_FADE * (now_s - self._lost_at_s))

    def loss_s(self, patience_s: float) -> float:
        """What a probe may cost the line."""
        return patience_s if self._hold_s == inf else max(patience_s, self._hold_s)

    def wait_s(self, now_s: float, patience_s: float) -> float:
        """How long until the allowance bears a probe; 0 = now."""
        self._allowance_s = min(self._allowance_s + PROBE_SHARE * (now_s - self._allowed_s), max(LEAST_SAVED_S, patience_s))
        self._allowed_s = now_s
        return max(0.0, (patience_s - self._allowance_s) / PROBE_SHARE)

    def overdue_s(self, due_s: float) -> float:
        """When a silent unit whose turn came at due_s is asked whatever the live ones bear."""
        return max(due_s, self._forced_s) + PUT_OFF_S

    def shared_s(self, due_s: float, patience_s: float) -> float:
        """The same where the live ones miss slots whatever is done: a tenth of the line's time, and never later than else."""
        return max(due_s, self._forced_s + min(self.loss_s(patience_s) / PROBE_SHARE, PUT_OFF_S))

    def force(self, now_s: float) -> None:
        self._forced_s = now_s

    def _charge(self, unit: int, asked_s: float, now_s: float) -> None:
        if self.probing == unit:
            self._spend(now_s - asked_s)
            self.probing = None

    def _spend(self, seconds: float) -> None:
        self._allowance_s = max(-MOST_OWED_S, self._allowance_s - max(0.0, seconds))
