"""One installation as its watcher knows it, and the table of what follows. Pure: heartbeats, looks and acknowledgements in, effects out.

    well --not good for late_s--> lost --told--> told --acknowledged--> held      told: again every again_s, for ever
      ^------------------------ a good heartbeat ----------------------/          held: again when it is something else, or after 8 h

Silent and blind are one question: since when was nothing good heard? A blind one says itself how long, so the time its own limits took
counts too. Instants are epoch ns of the watcher's wall clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from plantroom.clock import NS
from plantroom.heartbeat.beat import Beat, NoBeat

SILENT = "silent"
CLOCK = "clock"  # signed heartbeats come, but one of the two clocks is wrong


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. late_s: nothing good heard; again_s: between two alarms; fresh_s: between sent_at and our clock; held_s: S16."""

    late_s: float = 70.0
    again_s: float = 180.0
    fresh_s: float = 30.0
    held_s: float = 8 * 3600.0


class State(StrEnum):
    WELL = "well"
    LOST = "lost"  # and people may not be told yet: the last alarm is less than again_s ago
    TOLD = "told"
    HELD = "held"  # somebody has it


class Happens(StrEnum):
    GOOD = "good"  # the newest heartbeat is good and not late
    GRACE = "grace"  # not good, not long yet
    BAD = "bad"  # not good for longer than late_s
    DUE = "due"  # bad, and people are to be told now
    ACK = "ack"


class Effect(StrEnum):
    NONE = "none"
    ALARM = "alarm"
    OVER = "over"


S, H, E = State, Happens, Effect
TABLE: Mapping[tuple[State, Happens], tuple[State, Effect]] = {
    (S.WELL, H.GOOD): (S.WELL, E.NONE), (S.WELL, H.GRACE): (S.WELL, E.NONE), (S.WELL, H.BAD): (S.LOST, E.NONE),
    (S.WELL, H.DUE): (S.TOLD, E.ALARM), (S.WELL, H.ACK): (S.WELL, E.NONE),
    (S.LOST, H.GOOD): (S.WELL, E.NONE), (S.LOST, H.GRACE): (S.LOST, E.NONE), (S.LOST, H.BAD): (S.LOST, E.NONE),
    (S.LOST, H.DUE): (S.TOLD, E.ALARM), (S.LOST, H.ACK): (S.LOST, E.NONE),  # nobody can have it who was not told
    (S.TOLD, H.GOOD): (S.WELL, E.OVER), (S.TOLD, H.GRACE): (S.TOLD, E.NONE), (S.TOLD, H.BAD): (S.TOLD, E.NONE),
    (S.TOLD, H.DUE): (S.TOLD, E.ALARM), (S.TOLD, H.ACK): (S.HELD, E.NONE),
    (S.HELD, H.GOOD): (S.WELL, E.OVER), (S.HELD, H.GRACE): (S.HELD, E.NONE), (S.HELD, H.BAD): (S.HELD, E.NONE),
    (S.HELD, H.DUE): (S.TOLD, E.ALARM), (S.HELD, H.ACK): (S.HELD, E.NONE),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """heard_ns: the newest heartbeat taken; of one never heard, when watching began. sent_ns: its own sent_at, never taken twice.

    bad_ns, troubles: since when and why it calls itself blind; None and () where the newest is good. skewed_ns: when one was refused for
    its clock. alarm_ns: the last alarm; episode: counts WELL -> TOLD; alarms: within it; began_ns: since when it was not good then.
    held_*: who has it, since when, and what they know of.
    """

    heard_ns: int
    sent_ns: int = 0
    ever: bool = False
    bad_ns: int | None = None
    troubles: tuple[str, ...] = ()
    skewed_ns: int | None = None
    state: State = State.WELL
    alarm_ns: int | None = None
    episode: int = 0
    alarms: int = 0
    began_ns: int | None = None
    held_by: str = ""
    held_ns: int | None = None
    held_for: tuple[str, ...] = ()


def hear(seen: Seen, beat: Beat, limits: Limits, now_ns: int) -> Seen:
    """A signed heartbeat. Raises NoBeat for one that came before or whose clock is not ours; `skewed` notes the latter."""
    if abs(now_ns - beat.sent_ns) > limits.fresh_s * NS:
        raise NoBeat(f"sent_at is {(beat.sent_ns - now_ns) / NS:+.0f} s from the watcher's clock; {limits.fresh_s:g} s are allowed")
    if beat.sent_ns <= seen.sent_ns:
        raise NoBeat("this heartbeat, or a later one, was taken before")
    now = replace(seen, heard_ns=now_ns, sent_ns=beat.sent_ns, ever=True, skewed_ns=None)
    if beat.for_s is None:
        return replace(now, bad_ns=None, troubles=())
    began_ns = now_ns - round(beat.for_s * NS)
    earlier_ns = began_ns if seen.bad_ns is None else min(began_ns, seen.bad_ns)
    return replace(now, bad_ns=earlier_ns, troubles=tuple(trouble.aspect.value for trouble in beat.troubles))


def skewed(seen: Seen, beat: Beat, limits: Limits, now_ns: int) -> Seen:
    """Notes a heartbeat that was refused for its clock: people are told the right thing. A replay is nothing to note."""
    return replace(seen, skewed_ns=now_ns) if abs(now_ns - beat.sent_ns) > limits.fresh_s * NS else seen


def wrong(seen: Seen, limits: Limits, now_ns: int) -> tuple[str, ...]:
    """What is wrong now; () = all is good."""
    if now_ns - seen.heard_ns > limits.late_s * NS:
        close = seen.skewed_ns is not None and now_ns - seen.skewed_ns <= limits.late_s * NS
        return (CLOCK,) if close else (SILENT,)
    return seen.troubles


def since_ns(seen: Seen) -> int:
    """The last instant for which anything good is known."""
    return seen.heard_ns if seen.bad_ns is None else min(seen.heard_ns, seen.bad_ns)


def look(seen: Seen, limits: Limits, now_ns: int) -> tuple[Seen, Effect]:
    """Time has come to now_ns."""
    return _step(seen, _happens(seen, limits, now_ns), limits, now_ns)


def acknowledge(seen: Seen, who: str, limits: Limits, now_ns: int) -> Seen:
    """Somebody has it: what is wrong now. What comes on top is told all the same."""
    then, _ = _step(seen, Happens.ACK, limits, now_ns)
    if then.state is not State.HELD:
        return then
    return replace(then, held_by=who, held_ns=now_ns, held_for=wrong(seen, limits, now_ns))


def _happens(seen: Seen, limits: Limits, now_ns: int) -> Happens:
    now_wrong = wrong(seen, limits, now_ns)
    if not now_wrong:
        return Happens.GOOD
    if now_ns - since_ns(seen) <= limits.late_s * NS:
        return Happens.GRACE
    if seen.alarm_ns is not None and now_ns - seen.alarm_ns < limits.again_s * NS:
        return Happens.BAD
    if seen.state is State.HELD and seen.held_ns is not None:
        known = set(now_wrong) <= set(seen.held_for) and now_ns - seen.held_ns < limits.held_s * NS
        return Happens.BAD if known else Happens.DUE
    return Happens.DUE


def _step(seen: Seen, happens: Happens, limits: Limits, now_ns: int) -> tuple[Seen, Effect]:
    state, effect = TABLE[seen.state, happens]
    then = replace(seen, state=state)
    if effect is Effect.ALARM:
        first = seen.state in (State.WELL, State.LOST)
        then = replace(then, alarm_ns=now_ns, alarms=1 if first else seen.alarms + 1)
        if first:
            then = replace(then, episode=seen.episode + 1, began_ns=since_ns(seen))
    if state is not State.HELD and seen.state is State.HELD:
        then = replace(then, held_by="", held_ns=None, held_for=())
    return then, effect
