"""What passing time, a deaf watcher, a clock that is set and a restart do to what a watcher knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from plantroom.clock import NS, Reading, VirtualClock
from rules.watch import watching
from rules.watch.letters import Address, Letter
from rules.watch.roll import Roll, brought_to
from rules.watch.roll_file import RollFile
from rules.watch.watching import Effect, Limits, Seen, State

WALL = 1_795_262_400 * NS
LIMITS = Limits()


def alarmed_after(clock: VirtualClock, roll: Roll, gaps: list[float]) -> float | None:
    """Looks after each gap; the seconds until the first alarm."""
    began = clock.read().boot_ns
    for gap in gaps:
        clock.advance(gap)
        now = clock.read()
        roll = brought_to(roll, now, ["tower"])
        seen, effect = watching.look(roll.seen["tower"], LIMITS, now.wall_ns)
        roll = Roll({"tower": seen}, roll.letters, roll.looked)
        if effect is Effect.ALARM:
            return (now.boot_ns - began) / NS
    return None


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(WALL)


@pytest.fixture
def roll(clock: VirtualClock) -> Roll:
    return brought_to(Roll(), clock.read(), ["tower"])


def test_time_in_which_the_watcher_was_deaf_counts_against_nobody(clock: VirtualClock, roll: Roll) -> None:
    assert alarmed_after(clock, roll, [1.0] * 30 + [3600.0] + [1.0] * 60) == 30 + 3600 + 36


def test_a_watcher_that_crashes_again_and_again_tells_all_the_same(clock: VirtualClock, roll: Roll) -> None:
    """Up for 20 s, down for 10 s."""
    assert alarmed_after(clock, roll, ([1.0] * 20 + [10.0]) * 20) == 90  # of each 30 s 25 count


def test_a_disk_that_makes_every_look_late_does_not_make_it_deaf(clock: VirtualClock, roll: Roll) -> None:
    assert alarmed_after(clock, roll, [10.0] * 40) == 150


def test_quick_restarts_change_nothing(clock: VirtualClock, roll: Roll) -> None:
    assert alarmed_after(clock, roll, [4.0] * 40) == 72


@pytest.mark.parametrize("step", [-86_400.0, -60.0, 60.0, 86_400.0])
def test_a_wall_clock_that_is_set_neither_raises_nor_delays(clock: VirtualClock, roll: Roll, step: float) -> None:
    clock.advance(1)
    roll = brought_to(roll, clock.read(), ["tower"])
    clock.step_wall(step)
    assert alarmed_after(clock, roll, [1.0] * 100) == 70


def test_a_wall_that_went_back_over_a_restart_of_the_machine_never_silences(clock: VirtualClock) -> None:
    told = Roll({"tower": Seen(WALL, state=State.TOLD, alarm_ns=WALL)}, (), clock.read())
    after = Reading(WALL - 86_400 * NS, 5 * NS, "virtual1")
    seen = brought_to(told, after, ["tower"]).seen["tower"]
    assert seen.alarm_ns == after.wall_ns
    later = Reading(after.wall_ns + 181 * NS, 186 * NS, "virtual1")
    assert watching.look(seen, LIMITS, later.wall_ns)[1] is Effect.ALARM


def test_who_is_watched_no_more_is_forgotten_and_who_is_new_counts_from_now(clock: VirtualClock, roll: Roll) -> None:
    clock.advance(3)
    found = brought_to(roll, clock.read(), ["harbour"])
    assert found.seen == {"harbour": Seen(clock.read().wall_ns)}


def test_what_was_written_is_what_is_read(tmp_path: Path, clock: VirtualClock) -> None:
    seen = Seen(WALL, 5, True, WALL - 1, ("polls", "rules"), 7, State.HELD, 9, 3, 2, 6, "li.wei", 8, ("polls",))
    letters = (Letter("W-1", "tower", "raised", Address("sms", "138"), {"zh": ["a", "b"], "en": ["c", "d"]}, 5, 2),)
    file, roll = RollFile(tmp_path), Roll({"tower": seen}, letters, clock.read())
    file.write(roll)
    assert RollFile(tmp_path).read() == roll


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"{}", b'{"seen": {"a": {"heard_ns": 1, "state": "odd"}}, "letters": [], "looked": null}'])
def test_a_torn_file_begins_the_watching_anew(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "watch.json").write_bytes(text)
    assert RollFile(tmp_path).read() == Roll()
