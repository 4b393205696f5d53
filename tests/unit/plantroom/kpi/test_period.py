"""Periods: local days of the site's zone, half-open, whatever the clocks did at their ends."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.kpi.period import period

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize("text,first,end", [
    ("2026", "2026-01-01", "2027-01-01"),
    ("2026-11", "2026-11-01", "2026-12-01"),
    ("2026-12", "2026-12-01", "2027-01-01"),
    ("2026-Q4", "2026-10-01", "2027-01-01"),
    ("2026q1", "2026-01-01", "2026-04-01"),
    ("2024-02-29", "2024-02-29", "2024-03-01"),
    ("2026-W53", "2026-12-28", "2027-01-04"),
    ("2026-11-03..2026-11-05", "2026-11-03", "2026-11-06"),
    ("2026-10..2026-11", "2026-10-01", "2026-12-01"),
])  # fmt: skip
def test_what_may_be_written(text: str, first: str, end: str) -> None:
    span = period(text, ZONE)
    assert (span.first.isoformat(), span.end.isoformat()) == (first, end)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-13",
        "2026-02-30",
        "2026-Q5",
        "26",
        "2025-W53",
        "November",
        "2026-11..2026-10",
        "1900..2026",
        "9999",
        "-",
        "..",
        "2026-11..",
    ],
)
def test_what_is_no_period_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="period"):
        period(text, ZONE)


def test_its_ends_are_the_sites_midnights_and_half_open() -> None:
    span = period("2026-11", ZONE)
    assert span.start_ns == 1_793_462_400 * NS  # 2026-11-01T00:00+08:00
    assert span.has(span.start_ns) and span.has(span.end_ns - 1) and not span.has(span.end_ns) and not span.has(span.start_ns - 1)


@given(
    st.dates(date(1990, 1, 1), date(2060, 1, 1)),
    st.sampled_from(["Asia/Shanghai", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Apia", "America/Santiago"]),
)
def test_months_meet_everywhere(day: date, zone: str) -> None:
    """Also where a midnight is skipped."""
    here = period(f"{day:%Y-%m}", ZoneInfo(zone))
    following = period(f"{here.end:%Y-%m}", ZoneInfo(zone))
    assert here.end_ns == following.start_ns and here.start_ns < here.end_ns
