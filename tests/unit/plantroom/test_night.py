"""When it is night: over midnight, in every zone, on days of clock changes too."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS, at_utc, to_ns
from plantroom.night import Night

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=zone))


@pytest.mark.parametrize(("when", "until"), [
    ("2026-11-30T21:59:59", None), ("2026-11-30T22:00", "2026-12-01T07:00"), ("2026-12-01T06:59:59", "2026-12-01T07:00"),
    ("2026-12-01T07:00", None), ("2026-12-01T12:00", None),
])  # fmt: skip
def test_from_ten_to_seven(when: str, until: str | None) -> None:
    assert Night().until_ns(at(when), SHANGHAI) == (at(until) if until else None)


def test_one_of_no_length_never_comes_and_one_within_a_day_ends_that_day() -> None:
    assert Night(0, 0).until_ns(at("2026-12-01T00:00"), SHANGHAI) is None
    assert Night(60, 300).until_ns(at("2026-12-01T02:00"), SHANGHAI) == at("2026-12-01T05:00")


@given(st.sampled_from(ZONES), st.integers(1_700_000_000, 1_900_000_000), st.integers(0, 1439), st.integers(0, 1439))
@settings(max_examples=400, deadline=None)
def test_it_is_night_by_the_local_clock_and_its_end_is_day(name: str, second: int, begin: int, end: int) -> None:
    """But for the hour that a change skips or doubles."""
    zone, night, at_ns = ZoneInfo(name), Night(begin, end), second * NS
    until_ns = night.until_ns(at_ns, zone)
    here = at_utc(at_ns).astimezone(zone)
    offsets = {at_utc(at_ns + hours * 3600 * NS).astimezone(zone).utcoffset() for hours in range(-26, 27)}
    if len(offsets) == 1:
        minute = here.hour * 60 + here.minute
        asleep = begin <= minute < end if begin <= end else minute >= begin or minute < end
        assert (until_ns is not None) == asleep
    if until_ns is not None:
        assert at_ns < until_ns <= at_ns + 25 * 3600 * NS
