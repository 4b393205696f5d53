"""Whose turn it is: thirty units on a virtual line, some silent, and what the live ones feel of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from collector.health import FLOOR_S, TABLE, Health, Heard, Unit
from collector.patience import Task
from collector.probes import PROBE_SHARE
from collector.schedule import Schedule, Turn
from tests.kit.virtual_line import VirtualLine


def line(latency_s: dict[int, float | None], period_s: float = 1.0, queue_s: float = 0.0) -> VirtualLine:
    tasks = [Task(unit, period_s) for unit in latency_s]
    return VirtualLine(Schedule(tasks, 0.0), tasks, latency_s, queue_s)


def periods(times: list[float], after_s: float) -> list[float]:
    kept = [t for t in times if t > after_s]
    return [b - a for a, b in pairwise(kept)]


THIRTY = {unit: None if unit % 3 == 0 else 0.005 for unit in range(1, 31)}


def test_ten_silent_units_of_thirty_cost_the_live_ones_nothing() -> None:
    """The field's tools: a pymodbus loop 5 s a round, 120 s with its defaults; thingsboard-gateway 5 to 120 s; here 1.0 s."""
    run = line(THIRTY)
    run.run(300.0)
    for task, times in run.reads.items():
        gaps = periods(times, 5.0)
        assert sum(gaps) / len(gaps) == pytest.approx(1.0, abs=0.005), task
        assert max(gaps) < 1.6, "no slot is missed; a probe may shift one within its slot"
    assert run.missed == 0
    assert len(run.reads) == 20
    assert run.silent_s < 300 * PROBE_SHARE + 10 * 0.25 + 1.0


def test_the_silent_units_are_found_when_they_come_back() -> None:
    run = line(dict(THIRTY))
    run.run(60.0)
    for unit in THIRTY:
        run.latency_s[unit] = 0.005
    run.run(180.0)
    for task, times in run.reads.items():
        assert len(periods(times, 120.0)) >= 58, f"task {task} is on its period again"
    assert len(run.reads) == 30


def test_a_gateway_that_queues_behind_its_dead_units_still_brings_the_live_ones() -> None:
    """It waits a second for each dead unit: a tenth of the time may go there, so a live unit loses at most a tenth of its slots."""
    run = line(THIRTY, queue_s=1.0)
    run.run(60.0)
    before = {task: len(times) for task, times in run.reads.items()}
    run.run(360.0)
    assert len(run.reads) == 20
    for task, times in run.reads.items():
        assert len(times) - before[task] > 300 * 0.85, task


def test_a_live_unit_that_goes_silent_costs_its_neighbours_no_slot() -> None:
    latency: dict[int, float | None] = {1: 0.02, 2: 0.02}
    run = line(latency)
    run.run(10.0)
    run.latency_s[1] = None
    run.run(40.0)
    assert max(periods(run.reads[1], 9.0)) < 1.6
    assert run.missed == 0


def test_slots_do_not_drift() -> None:
    run = line({1: 0.0137, 2: 0.0211})
    run.run(1000.0)
    times = run.reads[0]
    assert (times[-1] - times[1]) / (len(times) - 2) == pytest.approx(1.0, abs=1e-9)


def test_a_line_that_is_too_slow_for_its_tasks_says_how_many_slots_it_missed() -> None:
    run = line(dict.fromkeys(range(1, 11), 0.2))  # 2 s of answers wanted in each second
    run.run(100.0)
    answers = sum(len(times) for times in run.reads.values())
    assert 950 < run.missed + answers <= 1000, "but for the slots that still wait, every one was read or is missed"
    assert answers == pytest.approx(500, abs=5)


def test_safety_goes_first_on_a_line_that_is_too_slow() -> None:
    tasks = [Task(unit, 1.0, safety=unit == 7) for unit in range(1, 11)]
    run = VirtualLine(Schedule(tasks, 0.0), tasks, dict.fromkeys(range(1, 11), 0.2))
    run.run(100.0)
    assert max(periods(run.reads[6], 2.0)) < 1.3
    assert all(len(run.reads[i]) < 60 for i in range(10) if i != 6)


def test_tasks_of_one_period_are_staggered_over_it() -> None:
    run = line(dict.fromkeys(range(1, 5), 0.001))
    run.run(10.0)
    last = sorted(times[-1] % 1.0 for times in run.reads.values())
    assert [b - a for a, b in pairwise(last)] == pytest.approx([0.25] * 3, abs=0.01)


def test_a_slow_task_is_read_at_the_start_too() -> None:
    tasks = [Task(1, 60.0), Task(1, 1.0)]
    run = VirtualLine(Schedule(tasks, 0.0), tasks, {1: 0.01})
    run.run(5.0)
    assert run.reads[0] and run.reads[0][0] < 1.0


def test_all_units_come_anew_on_a_new_connection() -> None:
    run = line({1: 0.01, 2: None})
    run.run(10.0)
    assert run.schedule.units[2].health is Health.DEAD
    run.schedule.relinked(run.now_s)
    assert {unit.health for unit in run.schedule.units.values()} == {Health.UNKNOWN}
    turn = run.schedule.next(run.now_s)
    assert isinstance(turn, Turn) and not turn.probe


def test_every_pair_of_health_and_event_is_answered() -> None:
    assert set(TABLE) == {(health, heard) for health in Health for heard in Heard}


def test_a_slow_answer_that_came_late_makes_the_next_wait_longer() -> None:
    unit = Unit(timeout_s=3.0)
    assert unit.patience_s(0.5, alone=False) < 0.3
    unit.failed(0.0)
    unit.late(0.6, 1.0)
    assert unit.health is Health.UNKNOWN, "back on the schedule"
    assert unit.patience_s(0.5, alone=False) >= 1.2


def test_patience_never_exceeds_the_profile_nor_falls_below_the_floor() -> None:
    unit = Unit(timeout_s=0.5)
    unit.answered(0.4)
    assert unit.patience_s(10.0, alone=False) == 0.5
    quick = Unit(timeout_s=1.0)
    quick.answered(0.001)
    assert quick.patience_s(0.01, alone=False) == FLOOR_S
    assert Unit(timeout_s=1.0).patience_s(float("inf"), alone=True) == 1.0


def test_a_slot_that_passes_while_the_line_is_dialled_anew_is_missed_and_said() -> None:
    def missed(*, owing: bool) -> int:
        schedule = Schedule([Task(1, 1.0)], 0.0)
        schedule.next(0.0)
        schedule.answered(0, 0.0, 0.01)
        schedule.next(1.0)
        schedule.answered(0, 1.0, 0.01)
        schedule.relinked(2.5, owing=owing)
        dropped = schedule.next(2.5)
        assert isinstance(dropped, Turn)
        schedule.relinked(4.5, owing=owing)  # before the answer
        turn = schedule.next(4.5)
        assert isinstance(turn, Turn)
        schedule.answered(0, 4.5, 0.01)
        after = schedule.next(5.0)
        assert after == 5.0 or (isinstance(after, Turn) and not after.missed)
        return dropped.missed + turn.missed

    assert missed(owing=True) == 2, "those of second 2 and 3; the turn itself is that of second 4"
    assert missed(owing=False) == 0, "bad samples have been said for them"


def test_units_that_died_together_are_not_probed_in_step_and_never_later_than_ten_seconds() -> None:
    def waits(unit: int) -> list[float]:
        schedule, now_s, found = Schedule([Task(unit, 1.0, timeout_s=0.2)], 0.0), 0.0, []
        for _ in range(8):
            turn = schedule.next(now_s)
            while not isinstance(turn, Turn):
                now_s = turn
                turn = schedule.next(now_s)
            schedule.failed(turn.task, now_s)
            found.append(schedule.units[unit].probe_at_s - now_s)
        return found

    one, other = waits(1), waits(2)
    assert one != other and one == waits(1), "by chance, and alike on every start"
    for wait_s, most_s in zip(one, [1.0, 2.0, 4.0, 8.0, 10.0, 10.0, 10.0, 10.0], strict=True):
        assert most_s / 2 <= wait_s <= most_s
