"""Rosters case by case: nights, turns, holidays with made-up working days, clock changes, changes and swaps, certificates."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from plantroom.clock import NS, at_utc, to_ns
from plantroom.local_time import wall_ns
from plantroom.people import Certificate, Person
from plantroom.roster import Change, Roster, Team
from plantroom.shifts import Rule
from plantroom.working_time import WorkingTime

SHANGHAI = ZoneInfo("Asia/Shanghai")
PEOPLE = {name: Person(name, name, frozenset()) for name in ("li", "zhao", "wang")}
DAY, NIGHT = (8 * 60, 20 * 60), (20 * 60, 8 * 60)


def ns(wall: str, zone: ZoneInfo = SHANGHAI) -> int:
    return wall_ns(datetime.fromisoformat(wall), zone)


def roster(*shifts: Rule, zone: ZoneInfo = SHANGHAI, changes: tuple[Change, ...] = (), calendar: WorkingTime | None = None) -> Roster:
    return Roster({"t": Team("t", shifts, changes)}, zone, calendar or WorkingTime(), PEOPLE, {"fire_pump": "消防"})


def shown(made: Roster, start: str, end: str, *changes: Change) -> list[str]:
    """`24T08:00-24T20:00 li zhao` for each turn, in local time."""
    def local(at: int) -> str:
        return f"{at_utc(at).astimezone(made.zone):%dT%H:%M}"

    turns = made.turns("t", ns(start, made.zone), ns(end, made.zone), changes)
    return [f"{local(a)}-{local(b)} {' '.join(people)}" for a, b, people in turns]


def test_an_empty_roster_has_nobody_anywhere() -> None:
    assert Roster().on_duty("t", 0) == () and Roster().turns("t", 0, 9) == [] and Roster().gaps("t", 0, 9) == [(0, 9)]
    assert Roster().on_duty("t", 0, "fire_pump") == () and Roster().gaps("t", 9, 9) == []


def test_a_night_shift_belongs_to_the_day_it_begins_on() -> None:
    made = roster(Rule(("li",), *DAY), Rule(("wang", "zhao"), *NIGHT, turn=1, by_shift=True, since=date(2026, 11, 2)))
    assert shown(made, "2026-11-02T20:00", "2026-11-04T20:00") == ["02T20:00-03T08:00 wang", "03T08:00-03T20:00 li", "03T20:00-04T08:00 zhao", "04T08:00-04T20:00 li"]
    assert made.on_duty("t", ns("2026-11-03T07:59:59")) == ("wang",) and made.on_duty("t", ns("2026-11-03T08:00")) == ("li",)


def test_before_since_and_after_until_a_shift_is_not_there() -> None:
    made = roster(Rule(("li",), *NIGHT, since=date(2026, 11, 3), until=date(2026, 11, 4)))
    assert shown(made, "2026-11-01T00:00", "2026-11-09T00:00") == ["03T20:00-04T08:00 li", "04T20:00-05T08:00 li"]


def test_hours_that_end_where_they_begin_are_a_whole_day() -> None:
    made = roster(Rule(("li", "zhao"), 480, 480, turn=2, since=date(2026, 11, 2)))
    assert shown(made, "2026-11-02T08:00", "2026-11-08T08:00") == ["02T08:00-04T08:00 li", "04T08:00-06T08:00 zhao", "06T08:00-08T08:00 li"]


@pytest.mark.parametrize(
    ("since", "day", "who"),
    [
        ("2026-11-02", "2026-12-28", "li"),  # week 8 of a turn of two
        ("2026-11-02", "2027-01-03", "li"),  # the week runs on over the year's end,
        ("2026-11-02", "2027-01-04", "zhao"),  # through its 53rd week
        ("2027-12-27", "2028-01-02", "li"),
        ("2027-12-27", "2028-01-03", "zhao"),
        ("2027-12-29", "2028-01-04", "li"),  # a Wednesday's turn changes on Wednesdays
        ("2027-12-29", "2028-01-05", "zhao"),
        ("2028-02-28", "2028-03-05", "li"),  # the leap day is a day
    ],
)
def test_a_weekly_turn_runs_on_over_the_end_of_the_year(since: str, day: str, who: str) -> None:
    made = roster(Rule(("li", "zhao"), 0, 1440, turn=7, since=date.fromisoformat(since)))
    assert made.on_duty("t", ns(f"{day}T00:00")) == made.on_duty("t", ns(f"{day}T23:59")) == (who,)


GOLDEN_WEEK = WorkingTime(
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)), working_days=frozenset({date(2026, 9, 27), date(2026, 10, 10)})
)  # 1 October 2026 is a Thursday; Sunday 27 September and Saturday 10 October are worked for it (调休)


def test_holidays_are_free_and_made_up_days_are_worked() -> None:
    made = roster(Rule(("li",), *DAY, workdays=True), Rule(("wang",), *DAY, workdays=False), calendar=GOLDEN_WEEK)
    on = {day: made.on_duty("t", ns(f"{day}T12:00"))[0] for day in ("2026-09-26", "2026-09-27", "2026-09-30", "2026-10-01", "2026-10-07", "2026-10-08", "2026-10-10", "2026-10-11")}
    assert "".join(name[0] for name in on.values()) == "wllwwllw"
    assert made.gaps("t", ns("2026-10-01T08:00"), ns("2026-10-01T20:00")) == []


def test_a_turn_by_shift_counts_worked_days_only() -> None:
    made = roster(Rule(("li", "zhao", "wang"), *DAY, workdays=True, turn=1, by_shift=True, since=date(2026, 9, 25)), calendar=GOLDEN_WEEK)
    days = [f"2026-{day}T09:00" for day in ("09-25", "09-26", "09-27", "09-28", "09-29", "09-30", "10-01", "10-07", "10-08", "10-09", "10-10", "10-12")]
    on = ["".join(made.on_duty("t", ns(day))) for day in days]
    assert on == ["li", "", "zhao", "wang", "li", "zhao", "", "", "wang", "li", "zhao", "wang"]
    free = roster(Rule(("li", "zhao"), *DAY, workdays=False, turn=1, by_shift=True, since=date(2026, 9, 26)), calendar=GOLDEN_WEEK)
    assert [free.on_duty("t", ns(f"2026-{day}T09:00")) for day in ("09-26", "09-27", "10-01", "10-02", "10-11")] == [("li",), (), ("zhao",), ("li",), ("li",)]


def test_one_weekday_by_turns_gives_everybody_a_turn() -> None:
    made = roster(Rule(("li", "zhao", "wang"), *DAY, frozenset({5}), turn=1, by_shift=True, since=date(2026, 11, 1)))
    assert [made.on_duty("t", ns(f"2026-11-{day}T12:00")) for day in ("07", "14", "21", "28")] == [("li",), ("zhao",), ("wang",), ("li",)]


def test_the_skipped_hour_and_the_doubled_one_leave_no_gap_and_no_doubt() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    made = roster(Rule(("li",), 150, 20 * 60), Rule(("wang",), 20 * 60, 150), zone=berlin)  # the change of shift at 02:30
    assert shown(made, "2026-03-28T20:00", "2026-03-29T20:00") == ["28T20:00-29T03:00 wang", "29T03:00-29T20:00 li"]
    (a, b, _), (c, d, _) = made.turns("t", ns("2026-10-24T20:00", berlin), ns("2026-10-25T20:00", berlin))
    assert b == c == to_ns(datetime.fromisoformat("2026-10-25T02:30+02:00"))  # the first of the two
    assert (b - a, d - c) == (6.5 * 3600 * NS, 18.5 * 3600 * NS)


def test_a_shift_that_began_before_the_clocks_went_back_into_yesterday_is_on() -> None:
    st_johns = ZoneInfo("America/St_Johns")  # 2010-11-07: 00:01 became 23:01 of the 6th
    made = roster(Rule(("li",), 0, 720), Rule(("wang",), 720, 1440), zone=st_johns)
    again = to_ns(datetime.fromisoformat("2010-11-06T23:30-03:30"))
    assert made.on_duty("t", again) == ("li",)
    assert made.gaps("t", again - 48 * 3600 * NS, again + 48 * 3600 * NS) == []


def change(start: str, end: str, out: str | None, in_: str) -> Change:
    return Change("t", ns(start), ns(end), out, in_)


def test_who_stands_in_is_on_wherever_the_other_would_be() -> None:
    made = roster(Rule(("li",), *DAY), Rule(("wang",), *NIGHT), changes=(change("2026-12-24T00:00", "2026-12-25T00:00", "li", "zhao"),))
    assert shown(made, "2026-12-24T00:00", "2026-12-25T08:00") == ["24T00:00-24T08:00 wang", "24T08:00-24T20:00 zhao", "24T20:00-25T08:00 wang"]


def test_in_addition_comes_after_those_of_the_plan() -> None:
    made = roster(Rule(("li",), *DAY))
    assert shown(made, "2026-12-24T00:00", "2026-12-25T00:00", change("2026-12-24T10:00", "2026-12-24T22:00", None, "zhao")) == [
        "24T08:00-24T10:00 li", "24T10:00-24T20:00 li zhao", "24T20:00-24T22:00 zhao",
    ]  # fmt: skip


def test_a_swap_is_two_changes_and_a_later_change_sees_what_the_earlier_left() -> None:
    made = roster(Rule(("li",), *DAY), Rule(("wang",), *NIGHT))
    swap = (change("2026-12-24T08:00", "2026-12-24T20:00", "li", "wang"), change("2026-12-24T20:00", "2026-12-25T08:00", "wang", "li"))
    assert shown(made, "2026-12-24T08:00", "2026-12-25T08:00", *swap) == ["24T08:00-24T20:00 wang", "24T20:00-25T08:00 li"]
    ill = change("2026-12-24T08:00", "2026-12-24T20:00", "wang", "zhao")
    assert shown(made, "2026-12-24T08:00", "2026-12-24T20:00", *swap, ill) == ["24T08:00-24T20:00 zhao"]


def test_a_change_of_another_team_or_to_somebody_gone_holds_nothing() -> None:
    made = roster(Rule(("li",), *DAY))
    gone, other = change("2026-12-24T08:00", "2026-12-24T20:00", "li", "gone"), Change("x", 0, ns("2027-01-01T00:00"), "li", "zhao")
    assert shown(made, "2026-12-24T08:00", "2026-12-24T20:00", gone, other) == ["24T08:00-24T20:00 li"]


def test_o2_who_lacks_a_valid_certificate_comes_last_and_is_never_left_out() -> None:
    held = Certificate("消防", frozenset({"fire_pump"}), date(2026, 12, 31))
    people = {"li": PEOPLE["li"], "zhao": Person("zhao", "zhao", frozenset(), certificates=(held,))}
    made = Roster({"t": Team("t", (Rule(("li", "zhao"), 0, 1440),))}, SHANGHAI, WorkingTime(), people, {"fire_pump": "消防"})
    at, after = ns("2026-12-31T23:59"), ns("2027-01-01T00:00")  # its last day is the site's
    assert made.on_duty("t", at, "fire_pump") == ("zhao", "li") and made.on_duty("t", after, "fire_pump") == ("li", "zhao")
    assert made.on_duty("t", at) == made.on_duty("t", at, "elevator") == ("li", "zhao")
    assert made.certified("li", "elevator", at) and not made.certified("li", "fire_pump", at)


def test_who_is_on_for_a_kind_comes_before_those_on_for_all_and_other_kinds_people_only_where_there_is_nobody_else() -> None:
    lifts, pumps = frozenset({"elevator"}), frozenset({"pump", "fire_pump"})
    made = roster(Rule(("li",), *DAY), Rule(("zhao",), 0, 1440, kinds=lifts), Rule(("wang",), *NIGHT, kinds=pumps))
    day, night = ns("2026-11-30T12:00"), ns("2026-11-30T23:00")
    assert made.on_duty("t", day) == ("li", "zhao") and made.on_duty("t", night) == ("zhao", "wang")
    assert made.on_duty("t", day, "elevator") == ("zhao", "li") and made.on_duty("t", day, "pump") == ("li",)
    assert made.on_duty("t", night, "pump") == ("wang",) and made.on_duty("t", night, "fcu") == ("zhao", "wang")
    ill = Change("t", 0, ns("2027-01-01T00:00"), "zhao", "li")
    assert made.on_duty("t", night, "elevator", (ill,)) == ("li",)


def test_a_certificate_without_kinds_is_for_whatever_asks_for_it_and_another_name_is_none() -> None:
    anyone = Person("a", "a", frozenset(), certificates=(Certificate("消防", frozenset(), date(2026, 1, 1)), Certificate("消防", frozenset(), date(2027, 1, 1))))
    assert anyone.certified("消防", "fire_pump") == date(2027, 1, 1) and anyone.certified("电工", "fire_pump") is None
