"""What is remembered of a stretch of time, against a plain account of the same held values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from plantroom.clock import NS
from rules.lasting import Lasting, Since
from rules.ring import Ring
from rules.rings import Rings
from rules.slots import Window
from rules.windows import FEWEST_BUCKETS, MOST_BUCKETS, Span, buckets

NAN = math.nan
FUNCTIONS = frozenset({"avg", "sum", "on_time", "median", "std", "min", "max", "delta", "rate", "rises", "falls", "count", "changed"})


class Fed:
    """One machine's ring, fed at instants in seconds."""

    def __init__(self, window_s: float, period_s: float = 1.0, *, counter: bool = False, yes_no: bool = False) -> None:
        self.rings = Rings(1, [Window(window_s, period_s, FUNCTIONS, counter=counter, yes_no=yes_no)])
        self.last: int | None = None

    def feed(self, at_s: float, value: float, fresh: bool = True) -> Fed:
        now = round(at_s * NS)
        passed = 0 if self.last is None else now - self.last
        self.last = now
        span = Span(slice(None), np.array([now]), np.array([passed]))
        self.rings.update(span, np.array([[float(value)]]), np.array([[fresh]]) if fresh else None)
        return self

    def ask(self, function: str) -> float:
        return float(self.rings.answer(self.rings.asked(function, [0]), slice(None))[0][0, 0])

    def bound(self, function: str) -> float:
        found = self.rings.answer(self.rings.asked(function, [0]), slice(None))[1]
        assert found is not None
        return float(found[0, 0])

    def changed(self) -> list[bool]:
        return [bool(part[0, 0]) for part in self.rings.changed(self.rings.asked("changed", [0]), slice(None))]

    def total(self, name: str) -> float:
        return float(self.rings.total(slice(self.rings.slot[name, 0], self.rings.slot[name, 0] + 1), slice(None))[0, 0])


@pytest.mark.parametrize(("window_s", "period_s", "expected"), [(60, 1, 60), (3600, 1, 240), (60, 30, 10), (300, 0.01, 240), (7 * 86400, 60, 240)])
def test_a_window_gets_a_bucket_per_poll_within_limits(window_s: float, period_s: float, expected: int) -> None:
    assert buckets(window_s, period_s) == expected
    assert FEWEST_BUCKETS <= expected <= MOST_BUCKETS


def test_a_mean_is_weighed_by_time_not_by_samples() -> None:
    fed = Fed(10)
    for at in range(5):
        fed.feed(at, 0)
    fed.feed(5, 100)  # one sample, but it stands five seconds
    fed.feed(10, 100)
    assert fed.ask("avg") == pytest.approx(100 * 5 / 9)  # the last 9..10 s: 1..10


def test_statistics_of_a_whole_window() -> None:
    fed = Fed(10)
    for at, value in enumerate([5, 1, 1, 3, 3, 2, 2, 2, 8, 8, 8]):
        fed.feed(at, value)
    assert fed.ask("min") == 1
    assert fed.ask("max") == 8
    assert fed.ask("sum") == pytest.approx(1 + 1 + 3 + 3 + 2 + 2 + 2 + 8 + 8)
    assert fed.ask("median") == 2
    assert fed.ask("std") == pytest.approx(np.std([1, 1, 3, 3, 2, 2, 2, 8, 8]))
    assert fed.ask("count") == 10
    assert fed.ask("delta") == 3  # 8 now, 5 at the start


@pytest.mark.parametrize("function", ["avg", "sum", "median", "std", "delta", "rate", "min", "max", "rises", "on_time", "count"])
def test_nothing_is_known_before_most_of_the_window_is(function: str) -> None:
    fed = Fed(60)
    for at in range(40):
        fed.feed(at, 5)
    assert math.isnan(fed.ask(function))
    for at in range(40, 61):
        fed.feed(at, 5)
    assert not math.isnan(fed.ask(function))


@pytest.mark.parametrize("function", ["avg", "sum", "median", "std", "delta", "rate", "min", "max"])
def test_a_window_with_a_long_unknown_stretch_is_unknown(function: str) -> None:
    fed = Fed(60)
    for at in range(200):
        fed.feed(at, NAN if 120 <= at < 140 else 5)
        if at in (119, 130, 141, 178):
            assert math.isnan(fed.ask(function)) is (at in (130, 141, 178))
    assert not math.isnan(fed.ask(function))  # the stretch has left the window but for a little


def test_what_was_seen_in_part_of_a_window_is_at_least_so_much() -> None:
    fed = Fed(60, yes_no=True)
    for at in range(10):
        fed.feed(at, at % 2)
    assert math.isnan(fed.ask("rises"))
    assert fed.bound("rises") == 5
    assert fed.bound("falls") == 4
    assert fed.bound("count") == 5
    assert fed.bound("on_time") == 4
    assert fed.bound("max") == 1
    assert fed.bound("min") == 0


def test_a_rise_across_a_gap_is_a_rise() -> None:
    fed = Fed(60, yes_no=True)
    for at, value in enumerate([0, 0, NAN, NAN, 1, NAN, 1, 0]):
        fed.feed(at, value)
    assert fed.bound("rises") == 1
    assert fed.bound("falls") == 1


def test_a_counter_that_falls_was_reset_and_counts_nothing() -> None:
    plain, counter = Fed(10), Fed(10, counter=True)
    for at, value in enumerate([100, 101, 102, 103, 0, 1, 2, 3, 4, 5, 6]):
        plain.feed(at, value)
        counter.feed(at, value)
    assert plain.ask("delta") == pytest.approx(6 - 100)
    assert counter.ask("delta") == pytest.approx(3 + 6)
    assert counter.ask("rate") == pytest.approx(9 / 10)


def test_a_pause_longer_than_the_window_leaves_only_what_was_held() -> None:
    fed = Fed(10)
    fed.feed(0, 3).feed(1, 7).feed(1000, 7)
    assert fed.ask("min") == 7
    assert fed.ask("avg") == 7
    gap = Fed(10)
    gap.feed(0, 3).feed(1, NAN).feed(1000, 7)
    assert math.isnan(gap.ask("avg"))


def test_a_pause_shorter_than_the_window_fills_the_buckets_in_between() -> None:
    fed = Fed(10)
    fed.feed(0, 2).feed(3, 4).feed(7.5, 4).feed(10, 0)
    assert fed.ask("avg") == pytest.approx((2 * 2 + 7 * 4) / 9)


def test_changed_is_true_at_once_and_false_only_over_a_known_window() -> None:
    fed = Fed(10)
    assert fed.feed(0, 5).changed() == [False, False]
    for at in range(1, 11):
        fed.feed(at, 5)
    assert fed.changed() == [False, True]
    assert fed.feed(11, 6).changed() == [True, False]


def test_a_tick_counts_no_sample_but_lets_time_pass() -> None:
    fed = Fed(10)
    for at in range(11):
        fed.feed(at, 5, fresh=at % 2 == 0)
    assert fed.ask("count") == 5
    assert fed.ask("sum") == pytest.approx(45)


def test_a_ring_agrees_with_a_plain_account_of_any_held_values() -> None:
    random = np.random.default_rng(3)
    for _ in range(40):
        window, period = float(random.choice([10, 30, 60, 200])), float(random.choice([0.5, 1, 7]))
        fed = Fed(window, period)
        at, told = 0.0, []
        for _ in range(150):
            value = NAN if random.random() < 0.1 else float(random.integers(-5, 6))
            fed.feed(at, value)
            told.append((at, value))
            at += float(random.choice([0.25, 1, 3, 20]))
        fed.feed(at, 0)
        width = int(fed.rings.width[0]) / NS
        start = math.floor(at / width + 1e-9) * width - (fed.rings.n[0] - 1) * width
        ends = [t for t, _ in told[1:]] + [at]
        held = [(max(t, start), end, value) for (t, value), end in zip(told, ends, strict=True) if end > start and value == value]
        known = sum(end - t for t, end, _ in held)
        area = sum((end - t) * value for t, end, value in held)
        assert fed.total("known") == pytest.approx(known)
        assert fed.total("area") == pytest.approx(area)
        if not math.isnan(fed.ask("avg")):
            mean = area / known
            assert fed.ask("avg") == pytest.approx(mean)
            assert fed.ask("std") == pytest.approx(math.sqrt(sum((e - t) * (v - mean) ** 2 for t, e, v in held) / known), abs=1e-6)
            assert fed.ask("max") == max([0, *(v for _, _, v in held)])
            assert fed.ask("min") == min([0, *(v for _, _, v in held)])


def test_the_wall_clock_moves_a_ring_without_changing_it() -> None:
    still, moved = Fed(10), Fed(10)
    for at in range(8):
        still.feed(at, at)
        moved.feed(at, at)
    Ring(moved.rings, 0).shift(3600 * NS)
    assert moved.last is not None
    moved.last += 3600 * NS
    for at in range(8, 14):
        still.feed(at, at)
        moved.feed(at + 3600, at)
    assert moved.ask("avg") == still.ask("avg")


def spans(*at_s: float) -> list[Span]:
    instants = [round(at * NS) for at in at_s]
    return [Span(slice(None), np.array([b]), np.array([b - a])) for a, b in zip([instants[0], *instants], instants, strict=False)]


def told(*states: bool | None) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.array([state is True]), np.array([state is False])) for state in states]


def test_a_duration_stands_still_while_unknown_and_ends_with_a_known_false() -> None:
    lasting = Lasting.of(1)
    pairs = zip(spans(0, 1, 2, 3, 4, 5, 6), told(True, True, None, None, True, True, False), strict=True)
    assert [float(lasting.update(span, truth)[0]) for span, truth in pairs] == pytest.approx([0, 1, NAN, NAN, 2, 3, 0], nan_ok=True)


def test_since_counts_from_the_last_time_it_was_seen_true() -> None:
    since = Since.of(1)
    pairs = zip(spans(0, 1, 2, 3, 4, 5, 6), told(False, True, False, False, None, False, True), strict=True)
    assert [float(since.update(span, truth)[0]) for span, truth in pairs] == pytest.approx([NAN, 0, 0, 1, NAN, 3, 0], nan_ok=True)
