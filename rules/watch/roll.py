"""All that a watcher knows, and what passing time does to it. Pure; kept in one file (roll_file.py).

Time in which the watcher itself was deaf (it was down, stopped or suspended) counts against nobody, but for 5 s of each such pause: it
could not have heard. Time that it was up counts over any number of restarts, so a watcher that crashes again and again still tells, only
later. A wall clock that is set moves every remembered instant with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from plantroom.clock import NS, Reading, wall_step_ns
from rules.outbox import LONGEST_RETRY_AFTER_S
from rules.watch.letters import Letter
from rules.watch.watching import Seen

DEAF_NS = 5 * NS  # so much of any pause between two looks counts: a disk that makes each look late must not make the watcher deaf for ever


@dataclass(frozen=True, slots=True)
class Roll:
    """looked: the last look, None before the first one. letters: what is still to be delivered."""

    seen: Mapping[str, Seen] = field(default_factory=dict)
    letters: tuple[Letter, ...] = ()
    looked: Reading | None = None


def brought_to(roll: Roll, now: Reading, watched: Iterable[str]) -> Roll:
    """The roll at `now`, with exactly the installations that are watched; those that are new count from now on."""
    step_ns = wall_step_ns(roll.looked, now) if roll.looked is not None else 0
    passed_ns = now.wall_ns - roll.looked.wall_ns - step_ns if roll.looked is not None else 0
    deaf_ns = max(passed_ns - DEAF_NS, 0)
    known = {site: _moved(seen, step_ns, deaf_ns, now.wall_ns) for site, seen in roll.seen.items()}
    latest_ns = now.wall_ns + LONGEST_RETRY_AFTER_S * NS
    letters = tuple(replace(one, due_ns=min(one.due_ns + step_ns, latest_ns)) for one in roll.letters)
    ids = list(watched)
    return replace(
        roll,
        seen={site: known.get(site) or Seen(now.wall_ns) for site in ids},
        letters=tuple(one for one in letters if one.site in ids),
        looked=now,
    )


def _moved(seen: Seen, step_ns: int, deaf_ns: int, now_ns: int) -> Seen:
    """None of it lies in the future: across a boot the wall may have gone back, and an alarm of tomorrow would hold back today's."""

    def at(ns: int | None, more_ns: int = 0) -> int | None:
        return None if ns is None else min(ns + step_ns + more_ns, now_ns)

    heard_ns = at(seen.heard_ns, deaf_ns)
    assert heard_ns is not None
    return replace(
        seen, heard_ns=heard_ns, bad_ns=at(seen.bad_ns, deaf_ns), skewed_ns=at(seen.skewed_ns, deaf_ns),
        alarm_ns=at(seen.alarm_ns), held_ns=at(seen.held_ns), began_ns=at(seen.began_ns),
    )  # fmt: skip
