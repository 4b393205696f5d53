"""Whatever is heard, however often the watcher is restarted: nobody stays silent for ever, and people are not flooded."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS, VirtualClock
from plantroom.heartbeat.beat import Beat, NoBeat
from plantroom.heartbeat.standing import Aspect, Trouble
from rules.watch import watching
from rules.watch.roll import Roll, brought_to
from rules.watch.roll_file import RollFile
from rules.watch.watching import Effect, Limits, Seen, State

WALL, SECONDS = 1_795_262_400 * NS, 1500
LIMITS = Limits(held_s=600)

goods = st.just("good")
blinds = st.tuples(st.sampled_from(Aspect), st.floats(0, 300))
happenings = st.one_of(goods, blinds, st.just("take"), st.just("replay"))
scripts = st.dictionaries(st.integers(0, SECONDS), happenings, max_size=80)


def beat_of(what: object, wall_ns: int) -> Beat:
    troubles = (Trouble(*what),) if isinstance(what, tuple) else ()
    return Beat("tower", wall_ns, troubles)


def played(script: dict[int, object], restarts: set[int], folder: Path) -> tuple[list[tuple[int, Effect]], list[Seen]]:
    """The effects by second, and what was known after each. restarts: seconds at which the watcher begins anew from its file."""
    clock, file, last = VirtualClock(WALL), RollFile(folder), Beat("tower", 0)
    roll = brought_to(Roll(), clock.read(), ["tower"])
    told, known = [], []
    for second in range(SECONDS):
        now_ns = clock.read().wall_ns
        if second in restarts:
            file.write(roll)
            roll = file.read()
        roll = brought_to(roll, clock.read(), ["tower"])
        seen = roll.seen["tower"]
        match script.get(second):
            case None:
                pass
            case "take":
                seen = watching.acknowledge(seen, "li.wei", LIMITS, now_ns)
            case what:
                last = last if what == "replay" else beat_of(what, now_ns)
                try:
                    seen = watching.hear(seen, last, LIMITS, now_ns)
                except NoBeat:
                    assert what == "replay"
        seen, effect = watching.look(seen, LIMITS, now_ns)
        roll = Roll({"tower": seen}, (), roll.looked)
        known.append(seen)
        if effect is not Effect.NONE:
            told.append((second, effect))
        clock.advance(1)
    return told, known


@settings(max_examples=25, deadline=None)
@given(scripts, st.sets(st.integers(0, SECONDS - 1), max_size=12))
def test_no_story_ends_in_silence_nor_in_a_flood(tmp_path_factory, script, restarts) -> None:  # type: ignore[no-untyped-def]
    told, known = played(script, restarts, tmp_path_factory.mktemp("watch"))
    alarms = [second for second, effect in told if effect is Effect.ALARM]
    assert all(later - earlier >= LIMITS.again_s for earlier, later in zip(alarms, alarms[1:], strict=False))
    overs = [second for second, effect in told if effect is Effect.OVER]
    assert len(overs) <= len(alarms)
    for second, seen in enumerate(known):
        now_ns = WALL + second * NS
        if watching.wrong(seen, LIMITS, now_ns) and now_ns - watching.since_ns(seen) > LIMITS.late_s * NS and seen.state is not State.HELD:
            assert seen.alarm_ns is not None and now_ns - seen.alarm_ns < LIMITS.again_s * NS, f"at {second} people should be told"
        if seen.state is State.HELD:
            assert seen.held_ns is not None and now_ns - seen.held_ns < max(LIMITS.held_s, LIMITS.again_s) * NS
    assert (told, known) == played(script, set(), tmp_path_factory.mktemp("watch")), "restarts change nothing"


def test_the_property_sees_a_table_that_stops_telling() -> None:
    """The control: without the repetition there would be a state TOLD that is never told again."""
    seen = Seen(WALL, state=State.TOLD, alarm_ns=WALL)
    later = WALL + 1000 * NS
    assert watching.look(seen, LIMITS, later)[1] is Effect.ALARM
    never = watching.look(seen, Limits(again_s=1e9), later)[1]
    assert never is Effect.NONE
