"""The time limits of an order, as absolute instants: when to warn, when it is missed. Pure; nothing but the named steps stops one.

How long they are stands in plantroom/limits.py. A clock keeps the limit it was started with. A limit is kept by a step at its very instant.
Instants are epoch ns of journal headers, so a restart resets nothing and a replay gives the same rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from plantroom.limits import STANDARD, ClockName, Times
from plantroom.model import Severity


@dataclass(frozen=True, slots=True)
class OrderClock:
    """One limit of one round of an order. breached_ns: the due instant that passed, whenever it was noticed."""

    work_order: str
    name: ClockName
    round: int
    started_ns: int
    warn_ns: int
    due_ns: int
    warned_ns: int | None = None
    breached_ns: int | None = None
    stopped_ns: int | None = None

    @property
    def running(self) -> bool:
        return self.stopped_ns is None


class Word(StrEnum):
    """What a running clock has to say."""

    WARNING = "warning"
    BREACH = "breach"


def start(work_order: str, name: ClockName, round_: int, severity: Severity, at_ns: int, times: Times = STANDARD) -> OrderClock | None:
    """None where the severity has no such limit."""
    limit = times.limits[name].get(severity)
    if limit is None:
        return None
    return OrderClock(work_order, name, round_, at_ns, at_ns + int(limit * times.warn_share), at_ns + limit)


def tighten(clock: OrderClock, severity: Severity, now_ns: int, times: Times = STANDARD) -> OrderClock:
    """Its order became graver: the new limit counts from now, where that is sooner. Its beginning stays, and what it missed."""
    limit = times.limits[clock.name].get(severity)
    if not clock.running or clock.breached_ns is not None or limit is None or now_ns + limit >= clock.due_ns:
        return clock
    return replace(clock, warn_ns=now_ns + int(limit * times.warn_share), due_ns=now_ns + limit, warned_ns=None)


def stop(clock: OrderClock, at_ns: int) -> OrderClock:
    """Stopped at a step's instant. A step after the limit breaches it even where no tick had noticed; one before it has kept it, also where
    the news of it came later (rules/entered.py)."""
    if not clock.running:
        return clock
    return replace(clock, stopped_ns=at_ns, breached_ns=clock.due_ns if at_ns > clock.due_ns else None)


def speaks(clock: OrderClock, now_ns: int) -> bool:
    """Has `notice` something to say by now?"""
    if not clock.running or clock.breached_ns is not None:
        return False
    return now_ns > clock.due_ns or (now_ns >= clock.warn_ns and clock.warned_ns is None)


def notice(clock: OrderClock, now_ns: int) -> tuple[OrderClock, Word | None]:
    """What became due by now. After a long silence the breach alone is said: a warning would come too late."""
    if not speaks(clock, now_ns):
        return clock, None
    if now_ns > clock.due_ns:
        return replace(clock, breached_ns=clock.due_ns), Word.BREACH
    return replace(clock, warned_ns=now_ns), Word.WARNING


def shift(clock: OrderClock, step_ns: int) -> OrderClock:
    """The wall clock was set by step_ns: what runs keeps its remaining time. What is over stays as it was written."""
    if not clock.running:
        return clock
    moved = replace(clock, started_ns=clock.started_ns + step_ns, warn_ns=clock.warn_ns + step_ns, due_ns=clock.due_ns + step_ns)
    if clock.warned_ns is not None:
        moved = replace(moved, warned_ns=clock.warned_ns + step_ns)
    return replace(moved, breached_ns=moved.due_ns) if clock.breached_ns is not None else moved


def next_due(clocks: Iterable[OrderClock]) -> int | None:
    """The first instant at which `notice` has something to say; None while nothing runs."""
    instants = (c.warn_ns if c.warned_ns is None else c.due_ns + 1 for c in clocks if c.running and c.breached_ns is None)
    return min(instants, default=None)
