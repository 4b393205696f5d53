from __future__ import annotations

import numpy as np

from plantroom.history.series import no_series, of_buckets, of_samples


def test_a_run_of_bad_samples_is_one_row_with_its_reason_and_length() -> None:
    at = np.arange(7, dtype=np.int64)
    quality = np.array([0, 1, 1, 2, 2, 0, 0], np.uint8)
    series = of_samples(at, np.array([5.0, np.nan, np.nan, np.nan, np.nan, 6.0, 6.0]), quality)
    assert series.at_ns.tolist() == [0, 1, 3, 5, 6]
    assert series.quality.tolist() == [0, 1, 2, 0, 0]
    assert series.count.tolist() == [1, 2, 2, 1, 1]
    assert np.isnan(series.last[1:3]).all()
    assert series.last[[0, 3, 4]].tolist() == [5.0, 6.0, 6.0]


def test_a_bad_sample_shows_no_value_even_if_it_carries_one() -> None:
    series = of_samples(np.array([1], np.int64), np.array([7.0]), np.array([6], np.uint8))
    assert np.isnan(series.mean[0])


def test_a_bucket_without_a_good_sample_is_a_gap_with_the_newest_reason() -> None:
    at = np.array([0, 10], np.int64)
    numbers = np.array([6.0, 0.0])
    series = of_buckets(at, numbers, numbers, numbers, numbers, np.array([2, 0]), np.array([1, 4], np.uint8))
    assert series.mean[0] == 3.0
    assert series.quality.tolist() == [0, 4]
    assert all(np.isnan(column[1]) for column in (series.mean, series.min, series.max, series.last))


def test_no_samples_are_an_empty_series() -> None:
    assert len(no_series()) == len(of_samples(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8))) == 0
