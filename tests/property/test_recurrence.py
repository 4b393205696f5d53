"""P11, M-5: every date of every template falls due once, at the instant its policy says; none is missing, none twice, over twenty years of twelve
zones. The oracle walks day by day and asks of each day alone whether it is one; of instants it tries the zone's own offsets.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom import recurrence as r
from plantroom.plan_file import plans_in
from plantroom.recurrence import LAST, Dates, Doubled, FreeDay, LeapDay, Length, Missing, Recurrence, Unit
from plantroom.working_time import WorkingTime

PLANS = Path(__file__).parents[2] / "rules" / "plans"
# half hours (Lord Howe, Chatham), midnights that are skipped (Santiago, Cairo) or doubled (Havana), a day that never was (Apia 2011)
ZONES = ("UTC", "Asia/Shanghai", "Europe/Berlin", "Europe/London", "America/New_York", "America/St_Johns", "America/Santiago", "America/Havana",
         "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham")  # fmt: skip
FIRST, END = date(2010, 1, 1), date(2030, 1, 1)
DAY = timedelta(days=1)
GOLDEN = frozenset(date(year, 10, 1) + n * DAY for year in range(2010, 2031) for n in range(7))
MADE_UP = frozenset(date(year, 10, 10) for year in range(2010, 2031) if date(year, 10, 10).weekday() >= 5)
WORK = WorkingTime(holidays=GOLDEN, working_days=MADE_UP)


@cache
def templates() -> tuple[Recurrence, ...]:
    plans = plans_in({f"rules/plans/{path.name}": path.read_text() for path in sorted(PLANS.glob("*.yaml"))})
    return tuple(dict.fromkeys(entry.rule for plan in plans.values() for entry in plan.entries.values()))


# beside the templates what none of them has: the policies, days that months lack, leap days
CORNERS = (
    Recurrence(1, Unit.DAY, minute=2 * 60 + 30, missing=Missing.LATER, doubled=Doubled.SECOND),
    Recurrence(1, Unit.DAY, minute=0, missing=Missing.CHANGE),
    Recurrence(1, Unit.DAY, minute=30, missing=Missing.EARLIER),
    Recurrence(1, Unit.MONTH, day=31, free_day=FreeDay.BEFORE),
    Recurrence(1, Unit.MONTH, day=LAST, minute=150),
    Recurrence(1, Unit.MONTH, day=30),
    Recurrence(1, Unit.MONTH, weekday=4, nth=5),
    Recurrence(2, Unit.MONTH, weekday=0, nth=LAST, free_day=FreeDay.AFTER),
    Recurrence(1, Unit.YEAR, month=2, day=29, leap_day=LeapDay.FEB_28),
    Recurrence(1, Unit.YEAR, month=2, day=29, leap_day=LeapDay.MAR_1),
    Recurrence(3, Unit.YEAR, month=11, weekday=3, nth=4),
    Recurrence(2, Unit.WEEK, weekday=6, free_day=FreeDay.AFTER),
    Recurrence(1, Unit.DAY, free_day=FreeDay.AFTER),  # a week of holidays is one date
    Recurrence(10, Unit.DAY, free_day=FreeDay.BEFORE, minute=23 * 60 + 59),
)
ANCHORS = (date(2010, 1, 31), date(2008, 2, 29))


# -- the oracle


def is_nominal(rule: Recurrence, anchor: date, day: date) -> bool:
    if day < anchor:
        return False
    months = (day.year - anchor.year) * 12 + day.month - anchor.month
    if rule.unit is Unit.DAY:
        return (day - anchor).days % rule.every == 0
    if rule.unit is Unit.WEEK:
        weeks = ((day - day.weekday() * DAY) - (anchor - anchor.weekday() * DAY)).days // 7
        return weeks % rule.every == 0 and day.weekday() == (anchor.weekday() if rule.weekday is None else rule.weekday)
    length = monthrange(day.year, day.month)[1]
    if rule.unit is Unit.YEAR:
        month = rule.month or anchor.month
        wanted = rule.day if rule.day is not None else anchor.day
        if rule.weekday is None and (month, wanted) == (2, 29) and rule.leap_day is LeapDay.MAR_1 and monthrange(day.year, 2)[1] == 28:
            return (day.month, day.day) == (3, 1) and (day.year - anchor.year) % rule.every == 0
        if day.month != month or (day.year - anchor.year) % rule.every:
            return False
    elif months % rule.every:
        return False
    if rule.weekday is not None:
        nth = rule.nth or 1
        last = day.day + 7 > length
        return day.weekday() == rule.weekday and (
            last if nth == LAST else (day.day - 1) // 7 + 1 == nth or (last and (day.day - 1) // 7 + 1 < nth)
        )
    wanted = anchor.day if rule.day is None else rule.day
    return day.day == (length if wanted == LAST else min(wanted, length))


def is_due(rule: Recurrence, anchor: date, day: date, work: WorkingTime) -> bool:
    """Whether any nominal date comes to lie on this day."""
    if rule.free_day is FreeDay.STAY:
        return is_nominal(rule, anchor, day)
    if work.hours_of(day) is None:
        return False
    step = -DAY if rule.free_day is FreeDay.AFTER else DAY
    if is_nominal(rule, anchor, day):
        return True
    at = day + step
    while work.hours_of(at) is None:
        if is_nominal(rule, anchor, at):
            return True
        at += step
    return False


def walked(rule: Recurrence, anchor: date, work: WorkingTime) -> list[date]:
    day, found = FIRST, []
    while day < END:
        if is_due(rule, anchor, day, work):
            found.append(day)
        day += DAY
    return found


@cache
def offsets(zone: str) -> dict[date, tuple[timedelta, ...]]:
    """By UTC day of the twenty years every offset the zone has on it, the day before and the day after."""
    info, start = ZoneInfo(zone), datetime.combine(FIRST - 3 * DAY, datetime.min.time(), UTC)
    hours = [(start + timedelta(hours=12 * n)).astimezone(info).utcoffset() or timedelta() for n in range(2 * ((END - FIRST).days + 40))]
    return {FIRST + n * DAY: tuple(sorted(set(hours[2 * n + 3 : 2 * n + 11]))) for n in range((END - FIRST).days + 30)}


def instant(rule: Recurrence, day: date, zone: str) -> datetime:
    info = ZoneInfo(zone)
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=rule.minute)
    tried = [(wall - offset).replace(tzinfo=UTC) for offset in offsets(zone)[day]]
    there = sorted(at for at in tried if at.astimezone(info).replace(tzinfo=None) == wall)
    if there:
        return there[-1] if rule.doubled is Doubled.SECOND else there[0]
    if rule.missing is not Missing.CHANGE:
        return max(tried) if rule.missing is Missing.LATER else min(tried)
    at = min(tried)
    while at.astimezone(info).replace(tzinfo=None) < wall:  # minute by minute until the wall is past it: the change
        at += timedelta(minutes=1)
    return at


def taken(rule: Recurrence, anchor: date, work: WorkingTime, since: date = FIRST) -> list[date]:
    return list(takewhile(lambda day: day < END, r.dates_from(rule, anchor, since, work)))


# -- what is shown


def test_twelve_zones_twenty_years_every_template_each_due_instant_once() -> None:
    assert len(templates()) > 25 and len(ZONES) == 12
    for rule in dict.fromkeys((*(replace(rule, grace=Length(), warn=Length(), counter=None) for rule in templates()), *CORNERS)):
        fixed = replace(rule, dates=Dates.FIXED)
        for anchor in ANCHORS if rule in CORNERS else ANCHORS[:1]:
            days = taken(fixed, anchor, WORK)
            assert days == walked(fixed, anchor, WORK), (fixed, anchor)
        for zone in ZONES:
            if rule.unit is Unit.DAY and rule.every == 1:
                near = [day for day in days if len(offsets(zone)[day]) > 1] if rule in CORNERS else days[::29]
            else:
                near = days
            instants = [r.due_ns(rule, day, ZoneInfo(zone)) for day in near]
            assert instants == [round(instant(rule, day, zone).timestamp()) * 10**9 for day in near], (rule, zone)
            assert all(a < b for a, b in zip(instants, instants[1:], strict=False)) or zone == "Pacific/Apia", (rule, zone)


@pytest.mark.soak
def test_every_day_of_twenty_years_at_every_quarter_of_the_first_four_hours() -> None:
    """88,000 local days (P11)."""
    for zone in ZONES:
        for minute in range(0, 240, 15):
            for missing in Missing:
                for doubled in Doubled:
                    rule = Recurrence(1, Unit.DAY, minute=minute, missing=missing, doubled=doubled)
                    for n in range((END - FIRST).days):
                        day = FIRST + n * DAY
                        assert r.due_ns(rule, day, ZoneInfo(zone)) == round(instant(rule, day, zone).timestamp()) * 10**9, (zone, day, rule)


def test_floating_dates_follow_the_day_it_was_done_for_twenty_years() -> None:
    for rule in (*templates(), *CORNERS):
        if rule.dates is not Dates.FLOATING:
            continue
        done, seen = ANCHORS[0], 0
        while done < END:
            due = r.date_after(rule, done, WORK)
            months = rule.every * (12 if rule.unit is Unit.YEAR else 1)
            if rule.unit in (Unit.DAY, Unit.WEEK):
                assert due == done + timedelta(days=rule.every * (7 if rule.unit is Unit.WEEK else 1))
            else:
                assert (due.year * 12 + due.month) - (done.year * 12 + done.month) == months
                assert due.day == min(done.day, monthrange(due.year, due.month)[1])
            done, seen = due, seen + 1
        assert seen >= 8


def broken_leap(rule: Recurrence, year: int, month: int, day: int) -> date:
    return date(year, month, min(day if day != LAST else 30, 28, monthrange(year, month)[1]))


def broken_free(day: date, how: FreeDay, work: WorkingTime) -> date:
    return day + DAY if how is FreeDay.AFTER and work.hours_of(day) is None else day


@pytest.mark.parametrize(("name", "broken"), [("_clipped", broken_leap), ("worked", broken_free)])
def test_the_oracle_sees_a_broken_rule(monkeypatch: pytest.MonkeyPatch, name: str, broken: Callable[..., date]) -> None:
    """Negative control: months clipped to 28 days; a holiday moved by one day, into the next one."""
    monkeypatch.setattr(r, name, broken)
    rules = (Recurrence(1, Unit.MONTH, day=31), Recurrence(1, Unit.MONTH, day=3, free_day=FreeDay.AFTER))
    assert any(taken(rule, ANCHORS[0], WORK) != walked(rule, ANCHORS[0], WORK) for rule in rules)


def test_the_oracle_sees_a_missing_and_a_doubled_hour() -> None:
    """Negative control: what zoneinfo gives of a naive replace is another instant."""
    berlin = ZoneInfo("Europe/Berlin")
    for day, policy in ((date(2026, 3, 29), {"missing": Missing.CHANGE}), (date(2026, 10, 25), {"doubled": Doubled.SECOND})):
        rule = replace(Recurrence(1, Unit.DAY, minute=150), **policy)
        naive = datetime(day.year, day.month, day.day, 2, 30, tzinfo=berlin)
        assert instant(rule, day, "Europe/Berlin") != naive.astimezone(UTC)
        assert r.due_ns(rule, day, berlin) == round(instant(rule, day, "Europe/Berlin").timestamp()) * 10**9


@settings(max_examples=150, deadline=None)
@given(
    every=st.integers(1, 40), unit=st.sampled_from(Unit), free=st.sampled_from(FreeDay), anchor=st.dates(date(2005, 1, 1), date(2015, 1, 1)),
    since=st.dates(date(2010, 1, 1), date(2028, 1, 1)), day=st.one_of(st.none(), st.integers(1, 31), st.just(LAST)), pick=st.booleans(),
    holidays=st.frozensets(st.dates(date(2012, 1, 1), date(2013, 1, 1)), max_size=30),
)  # fmt: skip
def test_where_one_begins_to_look_changes_no_date(
    every: int, unit: Unit, free: FreeDay, anchor: date, since: date, day: int | None, pick: bool, holidays: frozenset[date]
) -> None:
    if unit is Unit.YEAR:
        every = 1 + every % 5
    on = {"weekday": 2} if unit is Unit.WEEK and pick else {"day": day} if unit in (Unit.MONTH, Unit.YEAR) else {}
    rule, work = Recurrence(every, unit, free_day=free, **on), WorkingTime(holidays=holidays)
    whole = taken(rule, anchor, work)
    assert taken(rule, anchor, work, since) == [each for each in whole if each >= since]
    assert len(set(whole)) == len(whole)


def test_grace_and_warning_count_days_by_the_calendar() -> None:
    berlin, rule = ZoneInfo("Europe/Berlin"), Recurrence(1, Unit.DAY, minute=8 * 60)
    assert r.later_ns(rule, date(2026, 3, 28), Length(1), berlin) - r.due_ns(rule, date(2026, 3, 28), berlin) == 23 * 3600 * 10**9
    assert r.due_ns(rule, date(2026, 10, 25), berlin) - r.earlier_ns(rule, date(2026, 10, 25), Length(1), berlin) == 25 * 3600 * 10**9
    assert r.later_ns(rule, date(2026, 3, 28), Length(0, 3600), berlin) - r.due_ns(rule, date(2026, 3, 28), berlin) == 3600 * 10**9
