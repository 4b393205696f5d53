"""A standby set that does what it is for raises nothing: an outage answered well, a person's test without load."""

from __future__ import annotations

import pytest

from simulators.upsets import UPSETS
from tests.kit.ward import Case, Ward


@pytest.mark.parametrize("cause", ["mains_lost", "test_run"])
def test_a_healthy_set_at_work_is_left_alone(cause: str) -> None:
    cases = [Case(UPSETS["generator"][cause], {}, seed) for seed in range(1, 7)]
    ward = Ward("generator", cases, at="2026-07-15T10:00:00+08:00", after_s=60.0, length_s=1500.0, tick_s=5.0)
    assert [(str(course.case), course.raised()) for course in ward.run() if course.raised()] == []
