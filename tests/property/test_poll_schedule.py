"""The schedule under any course of events: no task is lost, none is queued twice, and time never stands still."""

from __future__ import annotations

from collections import Counter

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from collector.health import Health
from collector.schedule import Schedule, Task, Turn

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


def check(schedule: Schedule, tasks: list[Task]) -> None:
    places = Counter([i for _, i in schedule._waiting] + [i for _, _, i in schedule._ready])
    for i, task in enumerate(tasks):
        dead = schedule.units[task.unit].health is Health.DEAD
        assert places[i] == (0 if dead else 1), f"task {i} of a unit that is {schedule.units[task.unit].health}"
