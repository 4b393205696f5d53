"""A safety contact that changed counts when two readings in a row say so; every way the second one can fail has its outcome."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from collector.actions import Ask, Command, HangUp, Rest, Samples
from collector.backoff import BUSY_PAUSES_S
from collector.bindings import Job
from collector.confirm import Confirm, First
from collector.patience import Task
from collector.poll_plan import Read
from collector.schedule import Schedule, Turn
from collector.session import BUSY, GATEWAY_TARGET, Session
from plantroom.kinds import PointType
from plantroom.model import Quality
from plantroom.profiles import Encoding, Register, Table
from tests.unit.collector.lines import at, at_s, bound, jobs_of, number, point, profile, register, session

MODE = point("mode", Register(Table.HOLDING, 12, Encoding.U16, values={0: 0, 1: 1, 2: 2}))
FIRE = profile([register("level", 10), point("fault", Register(Table.HOLDING, 11, Encoding.BIT, bit=3)), MODE], timeout_s=1.0)
READ = Read(Table.HOLDING, 10, 3)
CODES = number("mode", PointType.ENUM, codes={"off": 0, "auto": 1, "manual": 2})
QUIET, FAULTY = (70, 0, 1), (71, 8, 1)


def pump(unit: int = 1, name: str = "fp-1", *, safety: bool = True, debounce_s: float = 0.0) -> list[Job]:
    contact = number("fault", PointType.BOOL)
    bindings = [
        bound(name, "level", safety=safety),
        bound(name, "fault", kind_point=contact, safety=safety, debounce_s=debounce_s),
        bound(name, "mode", kind_point=CODES, safety=safety),
    ]
    return jobs_of(FIRE, bindings, unit, name)


def words(*cells: int) -> bytes:
    return struct.pack(f">{len(cells)}H", *cells)


def seen(commands: Sequence[Command]) -> list[object]:
    """Samples as (values, words of quality), the rest as it is."""
    return [
        ([None if np.isnan(v) else v for v in c.batch.values[0]], [Quality(int(q)).word for q in c.batch.quality[0]])
        if isinstance(c, Samples)
        else c
        for c in commands
    ]


GOOD = ["good", "good", "good"]
UNCONFIRMED = ["good", "unconfirmed", "good"]


def believing(jobs: list[Job]) -> Session:
    """Linked, unit 1 read twice and believed to be quiet; at 1.0 it is asked again."""
    play = session(jobs)
    play.start(at(0))
    play.linked(at(0))
    play.answered(at(0.02), words(*QUIET), 0.02)
    assert seen(play.answered(at(0.04), words(*QUIET), 0.02))[0] == ([70.0, 0.0, 1.0], GOOD)
    assert play.tally.requests == 2, "before the first reading nothing is believed"
    assert play.woken(at_s(1.0)) == [Ask(1, READ, 1.0)]
    return play


def test_a_change_is_read_again_at_once_and_stands_when_it_is_read_twice() -> None:
    play = believing(pump())
    assert play.answered(at(1.02), words(*FAULTY), 0.02) == [Ask(1, READ, 1.0)]
    out = play.answered(at(1.04), words(72, 8, 1), 0.02)
    assert seen(out)[0] == ([72.0, 1.0, 1.0], GOOD), "the second reading is the sample"
    assert isinstance(out[0], Samples) and out[0].batch.at_ns[0] == at(1.04).wall_ns
    assert isinstance(out[1], Rest) and out[1].until_s == pytest.approx(at_s(2.0)), "the slot is done with, the grid as it was"
    play.woken(at_s(2.0))
    assert len([c for c in play.answered(at(2.02), words(*FAULTY), 0.02) if isinstance(c, Samples)]) == 1, "believed from now on"


def test_no_change_costs_nothing_and_numbers_may_change_as_they_like() -> None:
    play = believing(pump())
    assert seen(play.answered(at(1.02), words(9999, 0, 1), 0.02))[0] == ([9999.0, 0.0, 1.0], GOOD)
    assert play.tally.repeated == 1, "that of the start"


def test_one_corrupted_answer_raises_nothing_and_is_said() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    assert seen(play.answered(at(1.04), words(*QUIET), 0.02))[0] == ([70.0, None, 1.0], UNCONFIRMED)
    play.woken(at_s(2.0))
    assert seen(play.answered(at(2.02), words(*QUIET), 0.02))[0] == ([70.0, 0.0, 1.0], GOOD), "what was believed is believed still"
    assert (play.tally.repeated, play.tally.unconfirmed) == (2, 1)


def test_one_corrupted_answer_clears_nothing_either() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    play.answered(at(1.04), words(*FAULTY), 0.02)
    play.woken(at_s(2.0))
    play.answered(at(2.02), words(*QUIET), 0.02)
    assert seen(play.answered(at(2.04), words(*FAULTY), 0.02))[0] == ([71.0, None, 1.0], UNCONFIRMED)


def test_a_corrupted_second_reading_is_no_better() -> None:
    """The first says a new mode, the second an old mode and a fault that the first did not show: neither counts."""
    play = believing(pump())
    play.answered(at(1.02), words(70, 0, 2), 0.02)
    assert seen(play.answered(at(1.04), words(70, 8, 1), 0.02))[0] == ([70.0, None, None], ["good", "unconfirmed", "unconfirmed"])


def test_the_second_reading_unanswered_leaves_the_first_with_what_changed_unconfirmed() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    out = play.silent(at(2.02))
    assert seen(out)[0] == ([71.0, None, 1.0], UNCONFIRMED)
    assert isinstance(out[0], Samples) and out[0].batch.at_ns[0] == at(1.02).wall_ns, "at its own instant"
    assert play._schedule.units[1].health == "suspect", "the silence counts as any other"


@pytest.mark.parametrize("code", [2, GATEWAY_TARGET])
def test_the_second_reading_refused_does_the_same(code: int) -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    assert seen(play.refused(at(1.04), code, 0.02))[0] == ([71.0, None, 1.0], UNCONFIRMED)
    assert play._schedule.units[1].health == ("alive" if code == 2 else "suspect")


def test_the_second_reading_of_a_busy_unit_waits_as_busy_does_and_confirms() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    rest = play.refused(at(1.04), BUSY, 0.02)
    assert rest == [Rest(pytest.approx(at_s(1.04 + BUSY_PAUSES_S[0])))]  # type: ignore[arg-type]
    assert play.woken(at_s(1.2)) == [Ask(1, READ, 1.0)]
    assert seen(play.answered(at(1.22), words(*FAULTY), 0.02))[0] == ([71.0, 1.0, 1.0], GOOD)
    assert play.tally.repeated == 2, "the first reading was kept"


def test_the_second_reading_garbled_ends_the_connection_as_ever() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    out = play.garbled(at(1.04), "3 data bytes")
    assert seen(out)[0] == ([71.0, None, 1.0], UNCONFIRMED) and any(isinstance(c, HangUp) for c in out)


def test_a_link_lost_before_the_second_reading_says_both() -> None:
    play = believing(pump())
    play.answered(at(1.02), words(*FAULTY), 0.02)
    out = seen(play.unlinked(at(1.04), "closed by the device"))
    assert out[:2] == [([71.0, None, 1.0], UNCONFIRMED), ([None, None, None], ["no_answer"] * 3)]


def test_what_was_believed_outlives_the_connection() -> None:
    play = believing(pump())
    play.unlinked(at(1.04), "closed by the device")
    play.linked(at(2.0))
    assert seen(play.answered(at(2.02), words(*QUIET), 0.02))[1] == ([70.0, 0.0, 1.0], GOOD)


def test_only_states_of_safety_points_are_confirmed_and_debounced_ones_are_by_holding() -> None:
    assert all(job.confirm is None for job in pump(safety=False))
    (job,) = pump(debounce_s=2.0)
    assert job.confirm is not None and job.confirm._columns.tolist() == [2]


def test_only_the_read_that_holds_the_change_is_repeated() -> None:
    """A value of two reads joins them into one job; the contact stands in the second."""
    far = point("far", Register(Table.HOLDING, 900, Encoding.BIT, bit=0))
    two = profile([register("level", 10), far])
    jobs = jobs_of(two, [bound("fp-1", "level", safety=True), bound("fp-1", "far", kind_point=number("far", PointType.BOOL), safety=True)])
    one = replace(jobs[0], reads=(*jobs[0].reads, *jobs[1].reads), decoder=_both(jobs), frame=jobs[0].frame, confirm=Confirm([1]))
    play = session([one])
    play.start(at(0))
    assert play.linked(at(0)) == [Ask(1, Read(Table.HOLDING, 10, 1), 1.0)]
    play.answered(at(0.1), words(5), 0.01)
    assert play.answered(at(0.2), words(1), 0.01)[-1] == Ask(1, Read(Table.HOLDING, 900, 1), 1.0)
    out = play.answered(at(0.3), words(1), 0.01)
    assert isinstance(out[0], Samples) and out[0].batch.values.tolist() == [[5.0, 1.0]] and play.tally.requests == 3


def _both(jobs: list[Job]) -> object:
    from collector.bindings import device_column
    from collector.codec import Decoder

    far = point("far", Register(Table.HOLDING, 900, Encoding.BIT, bit=0))
    return Decoder((*jobs[0].reads, *jobs[1].reads), [device_column(register("level", 10)), device_column(far)])


def test_a_repetition_waits_its_turn_where_another_safety_point_would_miss_its_slot() -> None:
    schedule = Schedule([Task(1, 1.0, safety=True), Task(2, 1.0, safety=True)], 0.0)
    for now in (0.1, 0.2):
        turn = schedule.next(now - 0.1)
        assert isinstance(turn, Turn)
        schedule.answered(turn.task, now, 0.1)
    first = schedule.next(1.0)
    assert isinstance(first, Turn)
    assert schedule.again(first.task, 1.1, 0.1) is not None, "nothing else is due: at once"
    schedule.answered(first.task, 1.2, 0.1)
    second = schedule.next(1.5)
    assert isinstance(second, Turn) and second.task != first.task
    assert schedule.again(second.task, 2.95, 0.1) is None, "the first is due since 2.0 and must be read by 3.0"
    order = []
    for now in (2.95, 3.05):
        turn = schedule.next(now)
        assert isinstance(turn, Turn)
        order.append(turn.task)
        schedule.answered(turn.task, now + 0.1, 0.1)
    assert order == [first.task, second.task]


def test_what_is_bad_is_no_change_and_a_change_after_it_is_one() -> None:
    confirm = Confirm([0])
    good, bad = np.zeros(1, np.uint8), np.array([Quality.OUT_OF_RANGE], np.uint8)
    assert confirm.changed(np.array([1.0]), good) is not None
    confirm.settle(First(at(0), np.array([1.0]), good, np.array([0])), np.array([1.0]), good)
    assert confirm.changed(np.array([1.0]), good) is None
    assert confirm.changed(np.array([np.nan]), bad) is None
    changed = confirm.changed(np.array([0.0]), good)
    assert changed is not None and changed.tolist() == [0]


def test_control_without_confirmation_one_corrupted_answer_raises_the_fault() -> None:
    play = session([replace(job, confirm=None) for job in pump()])
    play.start(at(0))
    play.linked(at(0))
    assert seen(play.answered(at(0.02), words(*FAULTY), 0.02))[1] == ([71.0, 1.0, 1.0], GOOD)
