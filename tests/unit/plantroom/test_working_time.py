"""Working time: weekdays, holidays, made-up working days, in the site's zone; and how a site file says it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from plantroom import yaml_file as y
from plantroom.clock import to_ns
from plantroom.site_calendar import read_calendar
from plantroom.working_time import WorkingTime

SHANGHAI, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = SHANGHAI) -> int:
    return to_ns(datetime.fromisoformat(text).replace(tzinfo=zone))


def read(text: str) -> tuple[WorkingTime, list[str]]:
    paper = y.Paper("site.yaml")
    found = read_calendar(y.parse(text, paper), paper)
    return found, [str(problem) for problem in paper.problems]


GIVEN = """
working: {mon-fri: "08:30-18:00", sat: "09:00-12:00"}
holidays: [2026-10-01..2026-10-07, 2027-01-01]
working_days: [2026-10-10, 2026-09-27]
"""


@pytest.mark.parametrize(
    ("instant", "on"),
    [
        ("2026-09-28T08:29", False), ("2026-09-28T08:30", True), ("2026-09-28T17:59", True), ("2026-09-28T18:00", False),
        ("2026-09-26T11:00", True), ("2026-09-26T12:00", False),  # a Saturday
        ("2026-10-01T10:00", False), ("2026-10-07T10:00", False), ("2026-10-08T10:00", True),
        ("2026-10-10T10:00", True),  # a Saturday that is made up, with a Saturday's hours
        ("2026-09-27T17:00", True), ("2026-09-27T08:00", False),  # a Sunday that is made up, with a Monday's
        ("2027-01-01T10:00", False),
    ],
)  # fmt: skip
def test_hours_holidays_and_made_up_days(instant: str, on: bool) -> None:
    calendar, problems = read(GIVEN)
    assert problems == []
    assert calendar.is_on(at(instant), SHANGHAI) is on


def test_a_site_that_says_nothing_works_from_eight_to_six_on_weekdays() -> None:
    usual = WorkingTime()
    assert usual.hours_of(date(2026, 11, 30)) == (480, 1080) and usual.hours_of(date(2026, 11, 29)) is None
    assert usual.is_on(at("2026-03-30T08:00", BERLIN), BERLIN)  # the Monday after the clocks went forward
    assert not usual.is_on(at("2026-03-30T07:59", BERLIN), BERLIN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("working: {mon-fir: '08:00-18:00'}", "no day of the week"),
        ("working: {fri-mon: '08:00-18:00'}", "no day of the week"),
        ("working: {mon: '18:00-08:00'}", "ends before it begins"),
        ("working: {mon: morning}", "no span of the day"),
        ("holidays: [2026-13-01]", "no date"),
        ("holidays: [2026-10-07..2026-10-01]", "runs backwards"),
        ("holidays: [2020-01-01..2026-10-01]", "more than a year"),
        ("{holidays: [2026-10-01], working_days: [2026-10-01]}", "a holiday and a working day at once"),
        ("working_hours: {}", "working_hours"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text: str, said: str) -> None:
    _, problems = read(text)
    assert len(problems) == 1 and said in problems[0] and "site.yaml:1" in problems[0]
