"""What dead, slow and failing units cost the live ones: no safety point misses a slot, wherever arithmetic allows that at all."""

from __future__ import annotations

from collections import defaultdict
from math import floor

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, assume, example, given, settings

from collector.health import FLOOR_S, MARGIN, Health
from collector.patience import Task
from collector.probes import PUT_OFF_S, Probes
from collector.schedule import Schedule
from collector.slack import bearable_s
from tests.kit.virtual_line import VirtualLine

PATIENT = settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])  # the machine may be busy
WARM_S = 20.0  # what a silence costs is learnt

LOAD = st.dictionaries(st.sampled_from([0.2, 0.5, 1.0, 2.0, 5.0]), st.floats(0.001, 2.0), min_size=1, max_size=4)
LATENCY = st.sampled_from([0.002, 0.01, 0.03])
LIVE = st.lists(st.tuples(st.sampled_from([0.5, 1.0, 1.0, 5.0]), st.booleans(), LATENCY), min_size=1, max_size=12)
DEAD = st.lists(st.tuples(st.sampled_from([0.5, 1.0, 5.0]), st.booleans()), min_size=1, max_size=20)


@PATIENT
@given(LOAD)
def test_a_line_lost_for_what_it_bears_keeps_every_period_and_for_more_does_not(load: dict[float, float]) -> None:
    """The bound against a plain simulation of the worst instant: everything becomes due just after the line was lost."""
    bears_s = bearable_s(load)
    if bears_s > 0:
        assert latest(load, bears_s - 1e-6) <= 1e-6
    assume(1e-3 < bears_s < max(load))
    assert latest(load, bears_s + 1e-3) > 0 or sum(cost / period for period, cost in load.items()) > 0.99


def latest(load: dict[float, float], lost_s: float, until_s: float = 40.0) -> float:
    """How much too late the latest job of a nearest-deadline-first line ends; jobs are preempted, as theirs is the bound's worst case."""
    jobs = sorted((release, release + period, cost) for period, cost in load.items() for k in range(floor(until_s / period) + 1)
                  if (release := k * period) < until_s)  # fmt: skip
    worst, demands = -1.0, sorted({deadline for _, deadline, _ in jobs if deadline <= until_s})
    for deadline in demands:
        worst = max(worst, lost_s + sum(cost for _, end, cost in jobs if end <= deadline + 1e-9) - deadline)
    return worst


def run_of(live: list[tuple[float, bool, float]], dead: list[tuple[float, bool]], queue_s: float) -> tuple[VirtualLine, list[int]]:
    """A line of them, and the indices of the live safety tasks. Live units come first, dead ones after, numbered from 1."""
    tasks = [Task(unit, period, safety) for unit, (period, safety, _) in enumerate(live, 1)]
    tasks += [Task(unit, period, safety) for unit, (period, safety) in enumerate(dead, len(live) + 1)]
    latency: dict[int, float | None] = {unit: seconds for unit, (_, _, seconds) in enumerate(live, 1)}
    latency |= dict.fromkeys(range(len(live) + 1, len(tasks) + 1))
    return VirtualLine(Schedule(tasks, 0.0), tasks, latency, queue_s), [i for i, (_, safety, _) in enumerate(live) if safety]


def bound_of(live: list[tuple[float, bool, float]]) -> float:
    """What the live safety points bear, less the answer of another live unit that may just be under way."""
    load: dict[float, float] = defaultdict(float)
    for period, safety, seconds in live:
        if safety:
            load[period] += seconds
    return bearable_s(load) - max(seconds for _, _, seconds in live)


@PATIENT
@given(LIVE, DEAD, st.sampled_from([0.0, 0.0, 0.3, 0.8]))
@example([(0.5, True, 0.03)] * 5, [(1.0, True)] * 20, 0.3)
@example([(1.0, True, 0.01)] + [(1.0, False, 0.03)] * 11, [(1.0, True)] * 20, 0.8)
def test_no_mix_of_dead_units_takes_a_slot_of_a_live_safety_point(
    live: list[tuple[float, bool, float]], dead: list[tuple[float, bool]], queue_s: float
) -> None:
    """The bound: the line bears the shortest wait there is, and what its gateway holds a dead unit's request for."""
    assume(bound_of(live) >= max(FLOOR_S, MARGIN * 0.03))
    run, safe = run_of(live, dead, queue_s)
    begin_s = WARM_S
    run.run(begin_s)
    while any(run.schedule.units[unit].health is not Health.ALIVE for unit in range(1, len(live) + 1)):
        assert begin_s <= WARM_S + 2 * PUT_OFF_S * len(dead), "a unit that a queue of dead ones hid at the start is found by a probe"
        run.run(begin_s := begin_s + 10.0)
    before = dict(run.missed_of)
    run.run(begin_s + 30.0)
    missed = sum(run.missed_of[i] - before.get(i, 0) for i in safe)
    if queue_s <= bound_of(live):
        assert missed == 0
        assert all(len([t for t in run.reads[i] if t > begin_s]) >= floor(30.0 / live[i][0]) - 1 for i in safe), "and each was answered"
    else:
        each = 1 + queue_s / min(period for period, _, _ in live)
        assert missed <= len(safe) * each * (30.0 / PUT_OFF_S + 1), "a gateway that holds the line for longer than they bear: one probe in 10 s"


@PATIENT
@given(LIVE, st.lists(st.tuples(st.floats(WARM_S, WARM_S + 60.0), st.integers(0, 11), st.booleans()), max_size=8))
def test_units_that_fail_and_come_back_one_at_a_time_take_no_slot_either(
    live: list[tuple[float, bool, float]], events: list[tuple[float, int, bool]]
) -> None:
    """What changes: the others. The first unit lives on and is looked at."""
    live = [(1.0, True, 0.01), *live]
    assume(bound_of(live) >= max(FLOOR_S, MARGIN * 0.03))
    run, _ = run_of(live, [(1.0, True)] * 3, 0.0)
    run.run(WARM_S)
    last_s = WARM_S
    for at_s, which, dies in sorted(events):
        unit = 2 + which % (len(live) - 1) if len(live) > 1 else 4
        last_s = max(at_s, last_s + 3.0)
        run.run(last_s)
        run.latency_s[unit] = None if dies else 0.01
    run.run(last_s + 20.0)
    assert run.missed_of[0] == 0


def test_many_that_fail_at_once_cost_their_shortest_wait_each_and_only_once() -> None:
    """The one thing nobody can know beforehand: which of thirty has just died. Twenty of them cost 20 x 0.1 s, not 20 x 0.5 s."""
    run, _ = run_of([(1.0, True, 0.005)] * 30, [], 0.0)
    run.run(WARM_S)
    for unit in range(11, 31):
        run.latency_s[unit] = None
    run.run(WARM_S + 30.0)
    gaps = [max(b - a for a, b in zip(run.reads[i], run.reads[i][1:], strict=False)) for i in range(10)]
    assert max(gaps) < 1.0 + 0.5 + 20 * FLOOR_S
    assert all(run.missed_of[i] <= 3 for i in range(10))


def test_control_probes_without_the_bound_take_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control, behind a gateway that holds the line longer than the live points bear: probes without the bound or the share."""
    live, dead = [(0.5, True, 0.03)] * 5, [(1.0, True)] * 20
    missed = {}
    for control in (False, True):
        if control:
            monkeypatch.setattr("collector.patience.bearable_s", lambda load: 10.0)
            monkeypatch.setattr(Probes, "wait_s", lambda *_: 0.0)
        run, safe = run_of(live, dead, 0.8)
        run.run(80.0)
        missed[control] = sum(run.missed_of[i] for i in safe)
    assert missed[True] > 2 * missed[False]
