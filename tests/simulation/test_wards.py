"""Every upset is found by the rule that must find it, in time, once, and by no other; a healthy machine is left alone.

Here what shows within an hour or so, at its middle size. `make soak` has every upset at all three sizes, drifts over weeks, and a thousand
equipment-days of health, with the figures printed.
"""

from __future__ import annotations

import pytest

from rules.book import pack
from simulators.upsets import UPSETS
from tests.kit.ward import healthy, wards, wrong_with

KINDS = sorted(UPSETS)
HOUR_S = 4300.0  # an hour of showing and patience, with what comes before and after
SEASONS = ("2026-01-14T00:00:00+08:00", "2026-04-15T00:00:00+08:00", "2026-07-15T00:00:00+08:00", "2026-10-14T00:00:00+08:00")


@pytest.mark.parametrize("kind", KINDS)
def test_an_upset_is_found_in_time_once_and_by_nothing_else(kind: str) -> None:
    wrong = [line for ward, _ in wards(kind, sizes=False, slow=False, within_s=HOUR_S) for course in ward.run() for line in wrong_with(ward, course)]
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_healthy_machine_is_left_alone(kind: str) -> None:
    ward = healthy(kind, 2, 0.25, 30.0)
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
    """0 urgent, at most one normal false alarm; over the seasons."""
    false: list[str] = []
    days = 0.0
    for at in SEASONS:
        ward = healthy(kind, 25, 10.0, 10.0, at)
        for course in ward.run():
            days += 10.0
            for _, name in course.raised():
                rule = next(rule for rule in pack().for_kind(kind) if rule.id == name)
                false.append(f"{rule.severity_for(kind)}: {name} on {course.case}")
    print(f"{kind}: {days:g} equipment-days, {len(false)} false: {false[:5]}")
    assert not [line for line in false if line.startswith(("danger", "readiness"))]
    assert sum(line.startswith("normal") for line in false) <= days / 1000.0
