from __future__ import annotations

from pathlib import Path

from collector.store.compact import FAN, KEPT_S, MOST_MERGED, SMALLEST, Replaced, by_day, merges, outlived, tier
from plantroom.history.parts import Part, counting, name_of

KIB = 1024


def part(first: int, last: int, size: int = KIB) -> Part:
    return Part("2025-11-21", first, last, Path(name_of(first, last)), size)


def spans(runs: list[list[Part]]) -> list[tuple[int, int]]:
    return [(run[0].first, run[-1].last) for run in runs]


def test_six_neighbours_of_one_size_are_merged_and_five_are_not() -> None:
    parts = [part(n, n) for n in range(1, 7)]
    assert spans(merges(parts, closed=False)) == [(1, 6)]
    assert merges(parts[:5], closed=False) == []


def test_a_large_part_is_not_rewritten_for_a_few_small_ones() -> None:
    parts = [part(1, 100, 50 * SMALLEST), *(part(n, n) for n in range(101, 107))]
    assert spans(merges(parts, closed=False)) == [(101, 106)]


def test_a_closed_day_becomes_one_part() -> None:
    parts = [part(1, 100, 50 * SMALLEST), part(101, 101)]
    assert spans(merges(parts, closed=True)) == [(1, 101)]
    assert merges(parts[:1], closed=True) == []


def test_a_day_too_large_to_merge_stays_as_it_is() -> None:
    assert merges([part(1, 2, MOST_MERGED), part(3, 4)], closed=True) == []


def test_a_sample_is_rewritten_about_once_a_tier() -> None:
    """A day of seals: bytes written by merges stay within a small multiple of the day's own."""
    parts: list[Part] = []
    written = 0
    for seal in range(1, 145):
        parts = counting([*parts, part(seal, seal, 100 * KIB)], seal)
        while runs := merges(parts, closed=False):
            for run in runs:
                whole = part(run[0].first, run[-1].last, sum(one.size for one in run))
                written += whole.size
                parts = counting([*parts, whole], seal)
    assert len(parts) <= 3 * FAN
    assert written <= 3 * 144 * 100 * KIB


def test_tiers_are_factors_of_the_fan() -> None:
    assert [tier(size) for size in (0, SMALLEST, SMALLEST + 1, FAN * SMALLEST + 1)] == [0, 0, 1, 2]


def test_a_replaced_part_stays_for_its_readers() -> None:
    replaced = Replaced()
    parts = [part(1, 10), part(11, 20), part(1, 20)]
    live = counting(parts, 20)
    assert replaced.due(parts, live, 100.0) == []
    assert replaced.due(parts, live, 100.0 + KEPT_S - 1) == []
    assert replaced.due(parts, live, 100.0 + KEPT_S) == [Path(name_of(1, 10)), Path(name_of(11, 20))]


def test_retention_takes_one_day_at_a_time_and_the_oldest_first() -> None:
    days = ["2025-11-20", "2020-01-02", "2020-01-01"]
    assert outlived(days, "2025-11-21", 366) == "2020-01-01"
    assert outlived(days[:1], "2025-11-21", 366) is None
    assert outlived(days[:1], "2025-11-21", 1) is None
    assert outlived(["2025-11-19"], "2025-11-21", 1) == "2025-11-19"


def test_parts_by_day() -> None:
    other = Part("2025-11-20", 1, 2, Path("x"))
    assert by_day([part(1, 2), other]) == {"2025-11-21": [part(1, 2)], "2025-11-20": [other]}
