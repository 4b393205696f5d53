"""Progress -> what is wrong with a site's watching, and since when. Pure.

Each aspect has an instant up to which it was fine, taken from the facts themselves: the newest telemetry's, the position's, the last look
at which a count had moved. An aspect is in trouble when that instant is longer ago than it may be. A process that lives proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from plantroom.clock import NS, Reading
from plantroom.heartbeat.progress import Progress, age_s


class Aspect(StrEnum):
    """What has to move."""

    POLLS = "polls"  # the collector writes what it has read, or that it could not
    JOURNAL = "journal"  # anything at all is written
    RULES = "rules"  # the records follow the journal
    DELIVERY = "delivery"  # notify sees what the engine queues
    PAGES = "pages"  # a page that no channel has taken
    PUSH = "push"  # no provider has taken anything for longer than a day has test pages
    FILES = "files"  # the journal or the records cannot be read


@dataclass(frozen=True, slots=True)
class Allowed:
    """Seconds. polls_s: None for a site that reads no devices. spoken: its devices all speak when they like. pages_s: T3.

    push_s: None for a site that has no test pages.
    """

    polls_s: float | None = 30.0
    spoken: bool = False
    stale_s: float = 30.0
    pages_s: float = 100.0
    push_s: float | None = None

    def of(self, aspect: Aspect) -> float | None:
        return {Aspect.POLLS: self.polls_s, Aspect.PAGES: self.pages_s, Aspect.PUSH: self.push_s}.get(aspect, self.stale_s)


@dataclass(frozen=True, slots=True)
class Trouble:
    aspect: Aspect
    for_s: float


@dataclass(frozen=True, slots=True)
class Standing:
    """fine_s: by aspect the instant up to which it was fine, in seconds of BOOTTIME. The look it came from stays for the next one."""

    progress: Progress
    fine_s: Mapping[Aspect, float] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()

    @property
    def good(self) -> bool:
        return not self.troubles


def judge(before: Standing | None, seen: Progress, allowed: Allowed) -> Standing:
    """before: of the last look, None at the first one, from which on counts are watched."""
    now_s = seen.at.boot_ns / NS
    past = before.fine_s if before is not None else {}
    fine = {aspect: past.get(aspect, now_s) for aspect in Aspect}
    if not seen.error:
        fine |= {aspect: at_s for aspect, at_s in _fine(before, seen, allowed.spoken, now_s).items() if at_s is not None}
    ages = {aspect: now_s - at_s for aspect, at_s in fine.items()}
    troubles = tuple(Trouble(aspect, age) for aspect, age in ages.items() if _too_long(aspect, age, seen, allowed))
    # a look that read nothing must not make every count look moved to the next one
    return Standing(before.progress if seen.error and before is not None else seen, fine, troubles)


def _too_long(aspect: Aspect, age: float, seen: Progress, allowed: Allowed) -> bool:
    limit_s = allowed.of(aspect)
    return bool(seen.error) if aspect is Aspect.FILES else limit_s is not None and age > limit_s


def _fine(before: Standing | None, seen: Progress, spoken: bool, now_s: float) -> dict[Aspect, float | None]:
    """By aspect the instant up to which this look shows it fine; None where it shows nothing new."""
    last = before.progress if before is not None else None
    return {
        # devices that speak when they like may be silent for an hour: there the collector's own count has to move
        Aspect.POLLS: _since_s(seen.collected_ns, seen.at) if spoken else _ago_s(seen.telemetry, seen.at),
        Aspect.JOURNAL: now_s if last is None or seen.seq != last.seq else None,
        Aspect.RULES: _ago_s(seen.position_at, seen.at),
        Aspect.DELIVERY: _delivered_s(last, seen, now_s),
        Aspect.PAGES: now_s if seen.unheard_ns is None else _since_s(seen.unheard_ns, seen.at),
        Aspect.PUSH: _since_s(seen.accepted_ns, seen.at),
        Aspect.FILES: now_s,
    }


def _delivered_s(last: Progress | None, seen: Progress, now_s: float) -> float | None:
    """Now where it has seen all that the records hold; the look before, where it has seen what they held then."""
    if seen.delivered is None:
        return None
    if seen.delivered >= seen.position:
        return now_s
    return last.at.boot_ns / NS if last is not None and seen.delivered >= last.position else None


def _ago_s(then: Reading | None, now: Reading) -> float | None:
    """In seconds of the present BOOTTIME, below zero for what was before this boot."""
    return None if then is None else now.boot_ns / NS - age_s(then, now)


def _since_s(wall_ns: int | None, now: Reading) -> float | None:
    return None if wall_ns is None else now.boot_ns / NS - max(now.wall_ns - wall_ns, 0) / NS
