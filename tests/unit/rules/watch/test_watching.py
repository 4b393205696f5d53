"""The watcher's table: from a heartbeat and the time that passes to who is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plantroom.clock import NS
from plantroom.heartbeat.beat import Beat, NoBeat
from plantroom.heartbeat.standing import Aspect, Trouble
from rules.watch import watching
from rules.watch.watching import TABLE, Effect, Happens, Limits, Seen, State

T0 = 1_795_262_400 * NS
LIMITS = Limits()


def at(seconds: float) -> int:
    return T0 + round(seconds * NS)


def good(seconds: float) -> Beat:
    return Beat("tower", at(seconds))


def blind(seconds: float, for_s: float, aspect: Aspect = Aspect.POLLS) -> Beat:
    return Beat("tower", at(seconds), (Trouble(aspect, for_s),))


class Story:
    """A watcher that looks every second, told as a script: heartbeats by instant, acknowledgements by instant -> effects by instant."""

    def __init__(self, beats: list[tuple[float, Beat]], takes: dict[float, str] | None = None, limits: Limits = LIMITS) -> None:
        self.seen, self._beats, self._takes, self._limits = Seen(T0), sorted(beats, key=lambda b: b[0]), takes or {}, limits

    def until(self, seconds: int) -> list[tuple[int, Effect]]:
        told = []
        for second in range(seconds + 1):
            while self._beats and self._beats[0][0] <= second:
                when, beat = self._beats.pop(0)
                self.seen = watching.hear(self.seen, beat, self._limits, at(when))
            if second in self._takes:
                self.seen = watching.acknowledge(self.seen, self._takes[second], self._limits, at(second))
            self.seen, effect = watching.look(self.seen, self._limits, at(second))
            if effect is not Effect.NONE:
                told.append((second, effect))
        return told


def every(seconds: int, first: int, last: int) -> list[tuple[float, Beat]]:
    return [(second, good(second)) for second in range(first, last + 1, seconds)]


def test_every_state_answers_everything_that_can_happen() -> None:
    assert set(TABLE) == {(state, happens) for state in State for happens in Happens}


def test_good_heartbeats_tell_nobody() -> None:
    assert Story(every(20, 0, 3600)).until(3600) == []


def test_who_falls_silent_is_told_after_seventy_seconds_and_every_three_minutes_for_ever() -> None:
    told = Story(every(20, 0, 100)).until(100 + 3600)
    assert told == [(171 + 180 * n, Effect.ALARM) for n in range(20)]


def test_who_was_never_heard_is_told_too() -> None:
    assert Story([]).until(80) == [(71, Effect.ALARM)]


def test_who_is_good_again_is_told_once_and_at_once() -> None:
    assert Story([*every(20, 0, 100), *every(20, 300, 900)]).until(900) == [(171, Effect.ALARM), (300, Effect.OVER)]


def test_the_time_that_a_blind_one_took_to_know_it_counts() -> None:
    """The collector froze at 100: its heartbeats are good until they show 30 s of silence; people are told at 171 all the same."""
    beats = [*every(20, 0, 120), *((s, blind(s, s - 100)) for s in range(140, 400, 20))]
    assert Story(beats).until(200) == [(171, Effect.ALARM)]


def test_a_heartbeat_from_a_bare_timer_would_have_noticed_nothing() -> None:
    """The control: the same frozen collector, and a sender that says only that it lives."""
    assert Story(every(20, 0, 3600)).until(3600) == []


def test_a_blind_one_that_goes_on_being_heard_is_told_again() -> None:
    beats = [*every(20, 0, 100), *((s, blind(s, s - 100)) for s in range(140, 900, 20))]
    assert Story(beats).until(600) == [(171, Effect.ALARM), (351, Effect.ALARM), (531, Effect.ALARM)]


def test_one_that_comes_back_blind_is_not_good_again() -> None:
    beats = [*every(20, 0, 100), (300, blind(300, 10)), *((s, blind(s, s - 290)) for s in range(320, 600, 20))]
    assert [effect for _, effect in Story(beats).until(590)] == [Effect.ALARM] * 3


def test_who_has_it_is_not_told_again_for_eight_hours() -> None:
    story = Story(every(20, 0, 100), {200: "li.wei"})
    assert story.until(10 * 3600) == [(171, Effect.ALARM), (200 + 8 * 3600, Effect.ALARM), *((200 + 8 * 3600 + 180 * n, Effect.ALARM) for n in range(1, 39))]


def test_what_comes_on_top_of_what_somebody_has_is_told() -> None:
    beats = [*every(20, 0, 100), *((s, blind(s, s - 100)) for s in range(140, 600, 20))]
    told = Story(beats, {200: "li.wei"}).until(900)
    assert told[:2] == [(171, Effect.ALARM), (651, Effect.ALARM)], "blind was taken; silent since 580 is another matter"


def test_an_acknowledgement_that_comes_before_anybody_was_told_takes_nothing() -> None:
    assert Story(every(20, 0, 100), {150: "li.wei"}).until(180) == [(171, Effect.ALARM)]


def test_flapping_costs_one_alarm_in_three_minutes() -> None:
    """80 s of silence, a heartbeat, 80 s of silence ..."""
    told = Story(every(81, 0, 3600)).until(3600)
    alarms = [second for second, effect in told if effect is Effect.ALARM]
    assert all(b - a >= 180 for a, b in zip(alarms, alarms[1:], strict=False)) and len(alarms) > 8


@pytest.mark.parametrize(
    ("beat", "heard_at", "why"),
    [
        (good(100), 140.0, "-40 s from"),
        (good(100), 60.0, r"\+40 s from"),
        (good(80), 100.0, "taken before"),
        (good(60), 85.0, "taken before"),
    ],
)
def test_an_old_a_future_and_a_repeated_heartbeat_are_refused(beat: Beat, heard_at: float, why: str) -> None:
    seen = watching.hear(Seen(T0), good(80), LIMITS, at(81))
    with pytest.raises(NoBeat, match=why):
        watching.hear(seen, beat, LIMITS, at(heard_at))


def test_a_wrong_clock_is_told_as_what_it_is() -> None:
    seen = Seen(T0)
    for second in range(0, 100, 20):
        with pytest.raises(NoBeat):
            watching.hear(seen, good(second + 3600), LIMITS, at(second))
        seen = watching.skewed(seen, good(second + 3600), LIMITS, at(second))
    assert watching.wrong(seen, LIMITS, at(100)) == (watching.CLOCK,)
    assert watching.look(seen, LIMITS, at(100))[1] is Effect.ALARM
    assert watching.skewed(replace(seen, skewed_ns=None), good(90), LIMITS, at(95)).skewed_ns is None, "a replay says nothing about a clock"
