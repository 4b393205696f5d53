"""The newest sample of every point: what replaces what, and what silence looks like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.console.live import Latest, silent
from plantroom.clock import NS
from plantroom.model import Batch, Frame, Quality, all_bad, one_row

A, B, C = "gen-1.a", "gen-1.b", "gen-1.c"


def batch(points: tuple[str, ...], at: int, values: list[float], quality: list[int] | None = None, stamped: bool = False) -> Batch:
    return one_row(Frame(points), at, np.array(values), np.array(quality or [0] * len(values), np.uint8), stamped=stamped)


def test_a_newer_sample_replaces_an_older_one_point_by_point() -> None:
    latest = Latest()
    latest.take(batch((A, B), 1, [1.0, 2.0]))
    latest.take(batch((B, C), 2, [3.0, 4.0]))
    shown = {point: sample.value for point in (A, B, C) if (sample := latest.sample(point))}
    assert shown == {A: 1.0, B: 3.0, C: 4.0}
    assert latest.sample("gen-1.none") is None


def test_a_failed_read_is_bad_and_the_last_good_value_is_kept_beside_it() -> None:
    latest = Latest()
    latest.take(batch((A,), 1, [5.0]))
    latest.take(all_bad(Frame((A,)), 2, Quality.NO_ANSWER))
    sample = latest.sample(A)
    assert sample is not None
    assert np.isnan(sample.value)
    assert (sample.quality, sample.at_ns, sample.good, sample.good_at_ns) == (Quality.NO_ANSWER, 2, 5.0, 1)


def test_an_absent_column_says_nothing() -> None:
    latest = Latest()
    latest.take(batch((A, B), 1, [1.0, 2.0]))
    latest.take(batch((A, B), 2, [9.0, np.nan], [0, Batch.ABSENT]))
    sample = latest.sample(B)
    assert sample is not None
    assert (sample.value, sample.at_ns) == (2.0, 1)


def test_a_late_stamped_sample_never_replaces_a_newer_one() -> None:
    latest = Latest()
    latest.take(batch((A,), 100, [1.0], stamped=True))
    latest.take(batch((A,), 50, [2.0], stamped=True))
    sample = latest.sample(A)
    assert sample is not None
    assert sample.value == 1.0


def test_a_wall_clock_set_back_an_hour_blinds_nothing() -> None:
    latest = Latest()
    latest.take(batch((A,), 7_200 * NS, [1.0]))
    latest.take(batch((A,), 3_601 * NS, [2.0]))
    sample = latest.sample(A)
    assert sample is not None
    assert (sample.value, sample.at_ns) == (2.0, 3_601 * NS)
    assert not silent(sample, 1.0, 3_601 * NS)


def test_only_what_changed_is_told() -> None:
    latest = Latest()
    latest.take(batch((A, B), 1, [1.0, 2.0]))
    assert set(latest.changed_since(0)) == {A, B}
    turn = latest.turn
    latest.take(batch((A, B), 2, [1.0, 3.0]))
    assert latest.changed_since(turn) == [B]
    turn = latest.turn
    latest.take(batch((A, B), 3, [1.0, 3.0]))
    assert latest.changed_since(turn) == []
    for at in (4, 5):
        latest.take(all_bad(Frame((A, B)), at, Quality.NO_ANSWER))
    assert set(latest.changed_since(turn)) == {A, B}
    turn = latest.turn
    latest.take(all_bad(Frame((A, B)), 6, Quality.NO_ANSWER))
    assert latest.changed_since(turn) == [], "still bad is no news"


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=40))
def test_it_is_always_the_last_sample_of_each_point(samples: list[tuple[int, float, bool]]) -> None:
    latest, expected = Latest(), dict[str, tuple[float, bool]]()
    for at, (n, value, good) in enumerate(samples, 1):
        frame = Frame((f"x-{n}.p", f"x-{n + 1}.p"))
        latest.take(batch(frame.points, at, [value, value]) if good else all_bad(frame, at, Quality.STALE))
        expected |= dict.fromkeys(frame.points, (value, good))
    for point, (value, good) in expected.items():
        sample = latest.sample(point)
        assert sample is not None
        assert sample.is_good == good
        assert not good or sample.value == value


@pytest.mark.parametrize(
    ("age_s", "period_s", "is_silent"),
    [(1, 1, False), (14, 1, False), (16, 1, True), (30, 10, False), (36, 10, True)],
)
def test_silence_begins_after_a_few_missed_periods(age_s: int, period_s: float, is_silent: bool) -> None:
    latest = Latest()
    latest.take(batch((A,), 1_000 * NS, [1.0]))
    assert silent(latest.sample(A), period_s, (1_000 + age_s) * NS) is is_silent


def test_a_point_without_any_sample_is_silent() -> None:
    assert silent(None, 1.0, 0)
