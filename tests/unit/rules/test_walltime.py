"""What headers tell about the wall clock."""

from __future__ import annotations

import numpy as np
import pytest

from plantroom.clock import NS, Reading, VirtualClock
from rules.walltime import UNSETTLED_NS, WallTime

NOON = 1_795_262_400 * NS


def after(clock: VirtualClock, *moves: tuple[float, float]) -> tuple[WallTime, list[float]]:
    """The time after some (seconds that passed, seconds the wall was set); the steps seen, in s."""
    time, _ = WallTime().to(clock.read())
    steps = []
    for passed, wall in moves:
        clock.advance(passed)
        clock.step_wall(wall)
        time, step = time.to(clock.read())
        steps.append(step / NS)
    return time, steps


def test_a_set_clock_is_seen_once_and_a_drifting_one_never() -> None:
    assert after(VirtualClock(NOON), (1, 3600), (1, 0), (1, -7200), (1, 0))[1] == [3600, 0, -7200, 0]
    assert after(VirtualClock(NOON), *[(1, 0.05)] * 50)[1] == [0] * 50


def test_across_a_boot_the_wall_is_believed_unless_it_went_back() -> None:
    time, _ = WallTime().to(Reading(NOON, 500 * NS, "one"))
    assert time.to(Reading(NOON + 7200 * NS, 5 * NS, "two"))[1] == 0, "the machine was off for two hours"
    assert time.to(Reading(0, 5 * NS, "two"))[1] == -NOON, "a clock without battery starts in 1970: no time has passed"


def test_a_pause_without_ticks_is_noticed_and_moves_with_the_clock() -> None:
    clock = VirtualClock(NOON)
    assert not after(clock, (1.9, 0))[0].pause()
    assert after(clock, (2.0, 0))[0].pause()
    assert not after(clock, (1.0, 3600))[0].pause()
    time, _ = after(clock, (5.0, 0))
    assert not time.told().pause() and not time.pause(limit_ns=6 * NS)


@pytest.mark.parametrize("step", [3600, -3600])
def test_a_read_from_before_a_step_moves_with_it_until_things_have_settled(step: int) -> None:
    clock = VirtualClock(NOON)
    time, _ = after(clock, (1, step))
    at = clock.read()
    wall, boot = np.array([at.wall_ns]), np.array([at.boot_ns])
    before = np.array([at.wall_ns - step * NS - NS])
    assert time.judged(before, np.array([False]), wall, boot) == at.wall_ns - NS
    assert time.judged(before, np.array([True]), wall, boot) == min(before[0], at.wall_ns), "a device's own stamp is its own"
    fresh = np.array([at.wall_ns - NS // 2])
    assert time.judged(fresh, np.array([False]), wall, boot) == fresh
    late = np.array([boot[0] + UNSETTLED_NS])
    assert time.judged(before, np.array([False]), wall, late) == min(before[0], at.wall_ns)


def test_no_sample_is_judged_later_than_its_record() -> None:
    wall = np.array([NOON, NOON])
    assert list(WallTime().judged(np.array([NOON + 120 * NS, NOON - NS]), np.array([True, True]), wall, wall)) == [NOON, NOON - NS]
