"""The schedule under any course of events: no task is lost, none is queued twice, and time never stands still."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from collector.health import Health
from collector.patience import Task
from collector.schedule import Schedule, Turn

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy

ONE = st.builds(Task, st.integers(1, 4), st.sampled_from([0.2, 1.0, 1.0, 10.0]), st.booleans(), st.just(1.0))
TASKS = st.lists(ONE, min_size=1, max_size=10)
WHAT = st.sampled_from(["answered", "answered", "answered", "failed", "gave up", "busy", "relinked"])
EVENTS = st.lists(st.tuples(WHAT, st.floats(0.0, 1.2), st.booleans()), max_size=120)


@PATIENT
@given(TASKS, EVENTS)
def test_every_task_stands_in_exactly_one_place(tasks: list[Task], events: list[tuple[str, float, bool]]) -> None:
    schedule, now = Schedule(tasks, 0.0), 0.0
    for what, seconds, late in events:
        turn = schedule.next(now)
        if not isinstance(turn, Turn):
            assert turn > now, "it would be asked for ever"
            now = turn
            continue
        assert 0.0 < turn.patience_s <= 2.0 + 1.0 and turn.missed >= 0
        assert turn.probe == (schedule.units[tasks[turn.task].unit].health is Health.DEAD)
        now += seconds
        if late:
            schedule.late(tasks[-1].unit, seconds, now)
        if what == "answered":
            schedule.answered(turn.task, now, seconds)
        elif what == "busy":
            schedule.busy(turn.task, now, seconds, 0.1)
        elif what == "relinked":
            schedule.relinked(now)
        else:
            schedule.failed(turn.task, now, line_free=what == "gave up")
        check(schedule, tasks)


@PATIENT
@given(TASKS, st.integers(1, 4), st.lists(st.tuples(WHAT, st.floats(0.0, 0.4), st.integers(0, 3)), max_size=120))
def test_where_several_units_are_asked_at_once_none_is_asked_twice_and_no_task_is_lost(
    tasks: list[Task], most: int, events: list[tuple[str, float, int]]
) -> None:
    schedule, now = Schedule(tasks, 0.0), 0.0
    flying: dict[int, int] = {}  # unit -> its task in hand
    for what, seconds, which in events:
        while len(flying) < most:
            turn = schedule.next(now)
            if not isinstance(turn, Turn):
                assert turn > now, "it would be asked for ever"
                now = turn if not flying and turn < 1e9 else now
                if not flying:
                    continue
                break
            unit = tasks[turn.task].unit
            assert unit not in flying and turn.patience_s > 0
            flying[unit] = turn.task
        unit = sorted(flying)[which % len(flying)]
        task = flying.pop(unit)
        now += seconds
        if what == "answered":
            schedule.answered(task, now, seconds)
        elif what == "busy":
            schedule.busy(task, now, seconds, 0.1)
        elif what == "relinked":
            schedule.relinked(now)
            flying.clear()
        else:
            schedule.failed(task, now, line_free=what == "gave up")
        places = Counter([i for _, i in schedule._waiting] + [i for _, _, i in schedule._ready] + list(flying.values()))
        for i, each in enumerate(tasks):
            dead = schedule.units[each.unit].health is Health.DEAD
            assert places[i] == (1 if i in flying.values() else 0 if dead else 1), f"task {i} of a unit that is {schedule.units[each.unit].health}"


def check(schedule: Schedule, tasks: list[Task]) -> None:
    places = Counter([i for _, i in schedule._waiting] + [i for _, _, i in schedule._ready])
    for i, task in enumerate(tasks):
        dead = schedule.units[task.unit].health is Health.DEAD
        assert places[i] == (0 if dead else 1), f"task {i} of a unit that is {schedule.units[task.unit].health}"
