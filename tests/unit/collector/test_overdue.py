"""Silence is never health: a line that is too slow, or that ends before a job's turn comes, leaves no good value standing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from collector.actions import Ask, Command, Dial, Rest, Samples
from collector.backoff import Backoff
from collector.bindings import Job
from collector.overdue import GRID, MOST_S
from collector.session import Session
from plantroom.model import Quality
from tests.unit.collector.lines import Steady, at, at_s, bound, jobs_of, profile, register

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
UNIT = st.tuples(st.sampled_from([0.5, 1.0, 1.0, 10.0]), st.booleans(), st.sampled_from([0.01, 0.2, 0.2, 0.45, None]))


@dataclass
class Play:
    """A session on a virtual line: units that answer after a while, or never (None), one request at a time. garbles: units whose answers
    are no Modbus, so that the connection ends with each."""

    jobs: list[Job]
    latency_s: dict[int, float | None]
    garbles: frozenset[int] = frozenset()
    now_s: float = 0.0
    ask: Ask | None = None
    dial_s: float = inf
    rest_s: float = inf
    samples: dict[str, list[tuple[float, Quality]]] = field(default_factory=dict)  # a job's first point -> when, and of what quality

    def __post_init__(self) -> None:
        self.session = Session(self.jobs, at(0), Backoff(Steady()))  # type: ignore[arg-type]
        self.samples = {job.frame.points[0]: [] for job in self.jobs}

    def run(self, until_s: float) -> None:
        self._carry_out(self.session.start(at(0)))
        while self.now_s < until_s:
            if self.dial_s < inf:
                self._wait(self.dial_s)
                self._carry_out(self.session.linked(at(self.now_s)))
            elif self.ask is not None:
                self._answer(self.ask)
            else:
                self._wait(min(until_s, self.rest_s))
                self._carry_out(self.session.woken(at_s(self.now_s)))

    def _answer(self, ask: Ask) -> None:
        latency_s = self.latency_s[ask.unit]
        if latency_s is None or latency_s > ask.patience_s:
            asked_s = self.now_s
            self._wait(asked_s + ask.patience_s)
            self._carry_out(self.session.silent(at(self.now_s)))
            if latency_s is not None:  # it comes all the same
                self._wait(asked_s + latency_s)
                if self.session.state[0] == "up":
                    self._extend(self.session.late(at(self.now_s), ask.unit, latency_s))
            return
        self._wait(self.now_s + latency_s)
        if ask.unit in self.garbles:
            self._carry_out(self.session.garbled(at(self.now_s), "mad"))
        else:
            self._carry_out(self.session.answered(at(self.now_s), bytes(2), latency_s))

    def _wait(self, until_s: float) -> None:
        """As the line does: what is overdue is said whatever else is waited for."""
        while self.session.overdue_s - at_s(0) < until_s:
            self.now_s = max(self.now_s, self.session.overdue_s - at_s(0))
            self._deliver(self.session.overdue(at(self.now_s)))
        self.now_s = max(self.now_s, until_s)

    def _carry_out(self, commands: Sequence[Command]) -> None:
        self.ask, self.dial_s, self.rest_s = None, inf, inf
        self._extend(commands)

    def _extend(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Ask):
                self.ask = command
            elif isinstance(command, Dial):
                self.dial_s = command.at_s - at_s(0)
            elif isinstance(command, Rest):
                self.rest_s = command.until_s - at_s(0)
        self._deliver(commands)

    def _deliver(self, commands: Sequence[Command]) -> None:
        for command in commands:
            if isinstance(command, Samples):
                self.samples[command.batch.frame.points[0]].append((self.now_s, Quality(int(command.batch.quality[0, 0]))))

    def longest_s(self, job: Job) -> float:
        """How long this job's points stood on nothing, or on something good, without a sample."""
        longest_s, since_s = 0.0, 0.0
        for when_s, quality in self.samples[job.frame.points[0]]:
            longest_s = max(longest_s, when_s - since_s)
            since_s = inf if quality else when_s
        return max(longest_s, self.now_s - since_s)


def job(unit: int, period_s: float = 1.0, *, safety: bool = True) -> Job:
    made = profile([register("level", unit)], timeout_s=1.0)
    return jobs_of(made, [bound(f"p-{unit}", "level", period_s, safety=safety)], unit, f"d{unit}")[0]


def play(units: list[tuple[float, bool, float | None]], garbles: frozenset[int] = frozenset()) -> Play:
    jobs = [job(unit, period_s, safety=safety) for unit, (period_s, safety, _) in enumerate(units, 1)]
    return Play(jobs, {unit: latency_s for unit, (_, _, latency_s) in enumerate(units, 1)}, garbles)


def check(found: Play) -> None:
    for each in found.jobs:
        assert found.longest_s(each) <= GRID * each.period_s + MOST_S + 1e-6, each.frame.points


@PATIENT
@given(st.lists(UNIT, min_size=1, max_size=25), st.sets(st.integers(1, 25), max_size=2))
@example([(1.0, True, 0.2)] * 20, set())
@example([(0.5, True, 0.2)] * 5 + [(1.0, False, 0.2)] * 5, set())
@example([(1.0, True, 0.01)] * 5, {1})
def test_no_point_stands_on_its_last_good_value_for_longer_than_its_period_and_the_bound(
    units: list[tuple[float, bool, float | None]], garbles: set[int]
) -> None:
    found = play(units, frozenset(garbles))
    found.run(60.0)
    check(found)


def test_on_a_line_that_is_fast_enough_nothing_is_stale() -> None:
    found = play([(1.0, True, 0.01)] * 20 + [(10.0, False, 0.01)] * 5)
    found.run(60.0)
    assert all(quality == Quality.GOOD for said in found.samples.values() for _, quality in said)


def test_what_gives_way_to_safety_for_ever_is_stale_once_and_its_slots_are_counted() -> None:
    found = play([(1.0, True, 0.2)] * 6 + [(1.0, False, 0.01)])
    found.run(60.0)
    said = found.samples["p-7.level"]
    assert [quality for _, quality in said] == [Quality.STALE] and said[0][0] == pytest.approx(GRID + MOST_S)


def test_units_not_heard_yet_on_a_line_too_slow_are_read_within_a_tenth_of_its_time() -> None:
    """Ten units of 0.2 s each second: the first five would keep the line for themselves."""
    found = play([(1.0, True, 0.2)] * 10)
    found.run(40.0)
    first = sorted(next(when for when, quality in said if quality == Quality.GOOD) for said in found.samples.values())
    assert first[-1] < 20.0


def test_control_without_the_bound_what_has_no_turn_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.overdue.MOST_S", 1e6)
    found = play([(0.5, True, 0.2)] * 5 + [(1.0, False, 0.2)] * 5)
    found.run(60.0)
    assert max(found.longest_s(each) for each in found.jobs) >= 60.0
