"""What the watcher still has to deliver: one letter for each address, tried until it is taken or a newer one about the same building is.

Pure. The pauses are those of urgent pages (rules/outbox.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from plantroom.clock import NS
from plantroom.model import Severity
from rules.outbox import Verdict, pause_ns

REFUSED_S = 60.0  # somebody may mend the channel while the building is still unwatched
SEVERITY = Severity.READINESS


@dataclass(frozen=True, slots=True)
class Address:
    """Whom the watcher tells. to: a person's address on the channel, None = the group behind it."""

    channel: str
    to: str | None = None

    @property
    def key(self) -> str:
        return f"{self.channel} {self.to or ''}".strip()


@dataclass(frozen=True, slots=True)
class Letter:
    """id: the idempotency key of the page, the same at every attempt. reason: raised, escalated (again) or cleared."""

    id: str
    site: str
    reason: str
    address: Address
    message: Mapping[str, Any] = field(hash=False)
    due_ns: int = 0
    attempts: int = 0


def posted(letters: Sequence[Letter], new: Sequence[Letter]) -> tuple[Letter, ...]:
    """What is newer about a building takes the place of what was not delivered about it: nobody wants last hour's news."""
    sites = {letter.site for letter in new}
    return (*(letter for letter in letters if letter.site not in sites), *new)


def after(letters: Sequence[Letter], letter: Letter, verdict: Verdict, retry_after_s: float | None, now_ns: int) -> tuple[Letter, ...]:
    """An attempt has ended. One that was replaced meanwhile changes nothing."""
    if verdict is Verdict.ACCEPTED:
        return tuple(one for one in letters if one.id != letter.id)
    n = letter.attempts + 1
    wait_ns = round(REFUSED_S * NS) if verdict is Verdict.REFUSED else pause_ns(n, SEVERITY, retry_after_s)
    return tuple(replace(one, attempts=n, due_ns=now_ns + wait_ns) if one.id == letter.id else one for one in letters)


def due(letters: Sequence[Letter], now_ns: int, under_way: frozenset[str]) -> list[Letter]:
    return [letter for letter in letters if letter.due_ns <= now_ns and letter.id not in under_way]
