"""Answer times in little room: quantiles within 5 % of the true ones, and what was long ago fades."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from collector.digest import COARSEST_S, FINEST_S, MOST, Digest

SECONDS = st.floats(1.001 * FINEST_S, 0.999 * COARSEST_S)


@given(st.lists(SECONDS, min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_within_five_percent(seconds: list[float], share: float) -> None:
    digest = Digest()
    for each in seconds:
        digest.add(each)
    true = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]
    assert digest.quantile_s(share) == pytest.approx(true, rel=0.051)


def test_what_is_beyond_the_scale_is_told_as_its_end() -> None:
    digest = Digest()
    digest.add(0.0)
    assert digest.quantile_s(0.5) == pytest.approx(FINEST_S, rel=0.05)
    for _ in range(3):
        digest.add(3600.0)
    assert digest.quantile_s(0.99) == pytest.approx(COARSEST_S, rel=0.06)


def test_nothing_heard_is_no_time() -> None:
    assert Digest().quantile_s(0.5) is None and Digest.of([]).quantile_s(0.99) is None


def test_several_together() -> None:
    quick, slow = Digest(), Digest()
    for _ in range(98):
        quick.add(0.01)
    slow.add(1.0)
    slow.add(1.0)
    whole = Digest.of([quick, slow])
    assert whole.quantile_s(0.5) == pytest.approx(0.01, rel=0.05) and whole.quantile_s(0.99) == pytest.approx(1.0, rel=0.05)


def test_what_was_long_ago_fades() -> None:
    digest = Digest()
    for _ in range(10 * MOST):
        digest.add(1.0)
    for _ in range(3 * MOST):
        digest.add(0.01)
    assert digest.quantile_s(0.5) == pytest.approx(0.01, rel=0.05)
