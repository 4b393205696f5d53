"""Whether to make a noise here: a sound or a light, because nothing that this machine says gets out. Pure.

Three answers, because a program that was just started knows nothing yet: what sounds goes on sounding until something is known to be out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from plantroom.heartbeat.standing import Aspect, Standing
from plantroom.watch import Watch


class Reason(StrEnum):
    """The hook's second argument."""

    PAGE_UNHEARD = "page_unheard"  # T3: a page that no channel took
    NOBODY_OUTSIDE = "nobody_outside"  # no watcher took a heartbeat
    BLIND = "blind"  # something does not move and no watcher is there to be told
    OVER = "over"  # with `off`


class Wish(StrEnum):
    ON = "on"
    OFF = "off"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Heard:
    """In seconds of one clock. since_s: when this process began to send. accepted_s: when a watcher last took a heartbeat, None = never."""

    since_s: float
    accepted_s: float | None = None


def wish(standing: Standing | None, heard: Heard, watch: Watch, now_s: float) -> tuple[Wish, Reason]:
    """standing: of the newest look, None before the first one."""
    troubles = {trouble.aspect: trouble.for_s for trouble in standing.troubles} if standing is not None else {}
    if Aspect.PAGES in troubles:
        return Wish.ON, Reason.PAGE_UNHEARD
    if watch.to:
        quiet_s = now_s - (heard.since_s if heard.accepted_s is None else heard.accepted_s)
        if quiet_s > watch.outside_s:
            return Wish.ON, Reason.NOBODY_OUTSIDE
        known = heard.accepted_s is not None
    else:
        if max(troubles.values(), default=0.0) > watch.pages_s:
            return Wish.ON, Reason.BLIND
        known = not troubles
    return (Wish.OFF, Reason.OVER) if known and standing is not None else (Wish.KEEP, Reason.OVER)
