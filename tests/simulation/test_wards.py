"""Every upset is found by the rule that must find it, in time, once, and by no other; a healthy machine is left alone.

Here what shows within an hour or so, at its middle size. `make soak` has every upset at all three sizes, drifts over weeks, and a thousand
equipment-days of health, with the figures printed.
"""

from __future__ import annotations

from collections import Counter

import pytest

from rules.book import pack
from simulators.upsets import UPSETS
from tests.kit.ward import healthy, wards, wrong_with

KINDS = sorted(UPSETS)
HOUR_S = 4300.0  # an hour of showing and patience, with what comes before and after
HEALTH_TICK_S = 30.0  # what is sampled oftener is sampled so often: a thousand days in minutes


@pytest.mark.parametrize("kind", KINDS)
def test_an_upset_is_found_in_time_once_and_by_nothing_else(kind: str) -> None:
    wrong = [line for ward, _ in wards(kind, sizes=False, slow=False, within_s=HOUR_S) for course in ward.run() for line in wrong_with(ward, course)]
    assert wrong == []


@pytest.mark.parametrize("step_s", [30.0, 60.0])  # no rehearsal has longer ones
@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_machine_is_left_alone(kind: str, step_s: float) -> None:
    ward = healthy(kind, 2, 0.25, step_s)
    assert [line for course in ward.run() for line in wrong_with(ward, course)] == []


@pytest.mark.soak
@pytest.mark.parametrize("slow", [False, True], ids=["hours", "weeks"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_upset_at_three_sizes(kind: str, slow: bool) -> None:
    found, delays, wrong = 0, [], []
    for ward, _ in wards(kind, sizes=True, slow=slow):
        for course in ward.run():
            wrong += wrong_with(ward, course)
            assert course.case.upset is not None
            raised = course.raised(course.case.upset.found_by)
            found += bool(raised)
            delays += [at for at, _ in raised[:1]]
    print(f"{kind}: {found} of {found + sum('not raised' in line for line in wrong)} found, slowest after {max(delays, default=0):.0f} s")
    assert wrong == []


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_a_thousand_equipment_days_of_health(kind: str) -> None:
    """0 urgent, at most one normal false alarm; a hundred machines for ten days, a quarter of them in each season."""
    days, false = 1000.0, Counter[str]()
    severity = {rule.id: rule.severity_for(kind) for rule in pack().for_kind(kind)}
    for course in healthy(kind, 100, 10.0, HEALTH_TICK_S).run():
        false.update(f"{severity[name].value}: {name}" for _, name in course.raised())
    print(f"{kind}: {days:g} equipment-days, {false.total()} false: {dict(false)}")
    assert not [said for said in false if said.startswith(("danger", "readiness"))]
    assert sum(count for said, count in false.items() if said.startswith("normal")) <= days / 1000.0
