"""What becomes of a page after an attempt: accepted, tried again at an absolute instant, or failed for good. Pure.

An urgent page is tried until it is taken or its order closed, a refused one every five minutes. The same table tells the engine and,
while the engine is away, the notify service.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plantroom.clock import NS
from plantroom.model import Severity

# s after the n-th failed attempt; the last one repeats for ever.
PAUSES_URGENT = (2, 5, 10, 20, 30, 60)
PAUSES_NORMAL = (5, 15, 30, 60, 120, 300)
LONGEST_RETRY_AFTER_S = 300  # a provider that asks for more is asked again anyway: a page is not a newsletter
UNDELIVERED_NS = 100 * NS  # T3: no acceptance within this makes the delivery itself a fault


class Verdict(StrEnum):
    ACCEPTED = "accepted"  # the provider said so
    RETRY = "retry"  # no answer, or one that may differ next time
    REFUSED = "refused"  # the same request will get the same answer: somebody must change something


@dataclass(frozen=True, slots=True)
class Next:
    """state: of the outbox row; due_ns: of the next try, only for `queued`."""

    state: str
    due_ns: int | None = None


def after_attempt(n: int, verdict: Verdict, severity: Severity, now_ns: int, retry_after_s: float | None = None) -> Next:
    """n: attempts made so far, this one included. retry_after_s: what the provider asked for (429, 503)."""
    if verdict is Verdict.ACCEPTED:
        return Next("accepted")
    if verdict is Verdict.REFUSED:
        if severity.urgent:  # somebody may mend the channel while the fault still waits for a person
            return Next("queued", now_ns + LONGEST_RETRY_AFTER_S * NS)
        return Next("failed")
    return Next("queued", now_ns + pause_ns(n, severity, retry_after_s))


def pause_ns(n: int, severity: Severity, retry_after_s: float | None = None) -> int:
    pauses = PAUSES_URGENT if severity.urgent else PAUSES_NORMAL
    pause = float(pauses[min(n, len(pauses)) - 1])
    if retry_after_s is not None:
        pause = max(pause, min(retry_after_s, LONGEST_RETRY_AFTER_S))
    return round(pause * NS)


def waited_ns(attempts: int, severity: Severity, due_ns: int, now_ns: int) -> int:
    """How long at least a page has been wanted that is still queued: since the instant it was first due. due_ns: of the next try."""
    return now_ns - due_ns + sum(pause_ns(n, severity) for n in range(1, attempts + 1))
