"""Rosters from iCalendar files: whom an event names, what repeats, what is left out, moved or cancelled; what cannot be read is said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plantroom import yaml_file as y
from plantroom.clock import NS, at_utc
from plantroom.errors import BadInput
from plantroom.ical import read_calendar
from plantroom.local_time import wall_ns
from plantroom.people import Person
from plantroom.roster import Roster, Team
from plantroom.shift_events import Imported
from plantroom.site_file import load_site, load_texts
from plantroom.working_time import WorkingTime

SHANGHAI = ZoneInfo("Asia/Shanghai")
PEOPLE = {
    "li.wei": Person("li.wei", "李伟", frozenset(), {"sms": "13800138000", "mail": "liwei@example.cn"}),
    "zhao": Person("zhao", "Zhao Min", frozenset()),
    "wang": Person("wang", "王芳", frozenset()),
    "wang.2": Person("wang.2", "王芳", frozenset()),
}


def calendar(*events: str, head: str = "") -> str:
    body = "\n".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//y\n{head}{body}\nEND:VCALENDAR\n".replace("\n", "\r\n")


def read(text: str, zone: ZoneInfo = SHANGHAI) -> tuple[Imported, list[str]]:
    paper = y.Paper("a.ics")
    made = read_calendar(text, "a.ics", PEOPLE, zone, paper)
    return made, [str(problem) for problem in paper.problems]


def turns(text: str, start: str, end: str, zone: ZoneInfo = SHANGHAI) -> list[str]:
    made, problems = read(text, zone)
    assert problems == []
    roster = Roster({"t": Team("t", (made,))}, zone, WorkingTime(), PEOPLE)

    def local(at: int) -> str:
        return f"{at_utc(at).astimezone(zone):%m-%dT%H:%M}"

    span = (wall_ns(datetime.fromisoformat(start), zone), wall_ns(datetime.fromisoformat(end), zone))
    return [f"{local(a)}-{local(b)} {' '.join(people)}" for a, b, people in roster.turns("t", *span)]


MONDAYS = "UID:1\nDTSTART;TZID=Asia/Shanghai:20261102T200000\nDTEND;TZID=Asia/Shanghai:20261103T080000\nRRULE:FREQ=WEEKLY;BYDAY=MO\nSUMMARY:李伟"


def test_a_repeated_night_with_exceptions() -> None:
    text = calendar(f"{MONDAYS}\nEXDATE;TZID=Asia/Shanghai:20261109T200000,20261130T200000")
    assert turns(text, "2026-11-01", "2026-12-09") == ["11-02T20:00-11-03T08:00 li.wei", "11-16T20:00-11-17T08:00 li.wei", "11-23T20:00-11-24T08:00 li.wei", "12-07T20:00-12-08T08:00 li.wei"]
    assert turns(text, "2026-11-03T06:00", "2026-11-03T07:00") == ["11-03T06:00-11-03T07:00 li.wei"]


def test_an_exception_by_day_and_an_extra_time() -> None:
    text = calendar(f"{MONDAYS};UNTIL=20261123T120000Z\nEXDATE;VALUE=DATE:20261109\nRDATE;TZID=Asia/Shanghai:20261126T200000".replace("\nSUMMARY:李伟;UNTIL", ";UNTIL") + "\nSUMMARY:李伟")
    assert [turn[:5] for turn in turns(text, "2026-11-01", "2027-02-01")] == ["11-02", "11-16", "11-23", "11-26"]


def test_a_moved_repetition_and_a_cancelled_one() -> None:
    moved = "UID:1\nRECURRENCE-ID;TZID=Asia/Shanghai:20261109T200000\nDTSTART;TZID=Asia/Shanghai:20261110T200000\nDURATION:PT12H\nSUMMARY:Zhao Min"
    gone = "UID:1\nRECURRENCE-ID:20261116T120000Z\nDTSTART;TZID=Asia/Shanghai:20261116T200000\nDURATION:PT12H\nSTATUS:CANCELLED\nSUMMARY:李伟"
    assert turns(calendar(moved, MONDAYS, gone), "2026-11-01", "2026-11-25") == ["11-02T20:00-11-03T08:00 li.wei", "11-10T20:00-11-11T08:00 zhao", "11-23T20:00-11-24T08:00 li.wei"]


def test_a_fortnight_with_a_count_over_the_end_of_the_year() -> None:
    text = calendar("UID:1\nDTSTART;VALUE=DATE:20261221\nDTEND;VALUE=DATE:20261228\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3\nSUMMARY:李伟")
    assert turns(text, "2026-12-01", "2027-06-01") == ["12-21T00:00-12-28T00:00 li.wei", "01-04T00:00-01-11T00:00 li.wei", "01-18T00:00-01-25T00:00 li.wei"]


def test_the_last_friday_of_a_month_and_a_shift_longer_than_a_window() -> None:
    text = calendar("UID:1\nDTSTART:20261030T180000\nDURATION:PT14H\nRRULE:FREQ=MONTHLY;BYDAY=-1FR\nSUMMARY:李伟", "UID:2\nDTSTART:20261101T000000\nDTEND:20270115T000000\nSUMMARY:zhao")
    assert turns(text, "2026-10-30", "2027-02-01") == [
        "10-30T18:00-10-31T08:00 li.wei", "11-01T00:00-11-27T18:00 zhao", "11-27T18:00-11-28T08:00 li.wei zhao", "11-28T08:00-12-25T18:00 zhao",
        "12-25T18:00-12-26T08:00 li.wei zhao", "12-26T08:00-01-15T00:00 zhao", "01-29T18:00-01-30T08:00 li.wei",
    ]  # fmt: skip


def test_a_night_ends_at_its_hour_on_days_of_clock_changes() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    text = calendar(
        "UID:1\nDTSTART;TZID=Europe/Berlin:20260301T200000\nDTEND;TZID=Europe/Berlin:20260302T080000\nRRULE:FREQ=DAILY\nSUMMARY:李伟",
        "UID:2\nDTSTART;TZID=Europe/Berlin:20260301T080000\nDTEND;TZID=Europe/Berlin:20260301T200000\nRRULE:FREQ=DAILY\nSUMMARY:zhao",
    )
    for start, end in (("2026-03-28T20:00", "2026-03-29T20:00"), ("2026-10-24T20:00", "2026-10-25T20:00")):
        night, day = turns(text, start, end, berlin)
        assert night.endswith("T08:00 li.wei") and day.endswith("T20:00 zhao")


def test_times_of_another_zone_of_none_and_of_a_zone_the_file_describes() -> None:
    zone = "BEGIN:VTIMEZONE\nTZID:Ours\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0700\nTZOFFSETTO:+0700\nEND:STANDARD\nEND:VTIMEZONE\n"
    for start in ("DTSTART:20261102T000000Z", "DTSTART:20261102T080000", "DTSTART;TZID=Ours:20261102T070000", "DTSTART;TZID=China Standard Time:20261102T080000"):
        text = calendar(f"UID:1\n{start}\nDURATION:PT12H\nRRULE:FREQ=DAILY;COUNT=2\nSUMMARY:李伟", head=zone)
        assert turns(text, "2026-11-01", "2026-12-01") == ["11-02T08:00-11-02T20:00 li.wei", "11-03T08:00-11-03T20:00 li.wei"], start


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("SUMMARY:夜班 李伟", "li.wei"),
        ("SUMMARY:李伟、zhao min", "li.wei zhao"),
        ("SUMMARY:Zhao Min, Night", "zhao"),
        ("SUMMARY:li.wei/zhao", "li.wei zhao"),
        ("ATTENDEE;CN=Anybody:mailto:LIWEI@example.cn", "li.wei"),
        ("ATTENDEE;CN=李伟:mailto:nobody@example.cn", "li.wei"),
        ("ATTENDEE:mailto:zhao@example.cn\nATTENDEE;CN=李伟:mailto:a@example.cn\nSUMMARY:王芳", "zhao li.wei"),
        ("ATTENDEE;PARTSTAT=DECLINED:mailto:zhao@example.cn\nATTENDEE:mailto:li.wei@example.cn", "li.wei"),
        ("ATTENDEE;CUTYPE=ROOM:mailto:hall@example.cn\nSUMMARY:李伟", "li.wei"),
        ("ATTENDEE:tel:13800138000", "li.wei"),
    ],
)
def test_whom_an_event_puts_on_duty(said: str, who: str) -> None:
    assert turns(calendar(f"UID:1\nDTSTART:20261102T080000\nDURATION:PT12H\n{said}"), "2026-11-02", "2026-11-03") == [f"11-02T08:00-11-02T20:00 {who}"]


def test_a_name_of_nobody_or_of_two_is_told_with_its_line_and_the_others_are_on() -> None:
    made, problems = read(calendar(MONDAYS, "UID:2\nDTSTART:20261102T080000\nDURATION:PT1H\nSUMMARY:王芳、李伟", "UID:3\nDTSTART:20261102T080000\nDURATION:PT1H"))
    assert problems == [] and [event.people for event in made.events] == [("li.wei",), ("li.wei",)]
    assert tuple((line, word) for line, word, _ in made.unknown) == ((11, "王芳"), (17, "an event without attendees and summary"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("hello", "a.ics: is no iCalendar file"),
        ("", "a.ics: holds no event"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT", "a.ics: holds no event"),
        (calendar(), "holds no event"),
        (calendar("UID:1\nSUMMARY:x"), "a.ics:4: x: has no DTSTART"),
        (calendar("UID:1\nDTSTART:never\nSUMMARY:x"), "a.ics:4: x: DTSTART: Expected"),
        (calendar("UID:1\nDTSTART:00010101T000000\nSUMMARY:x"), "DTSTART lies outside the years"),
        (calendar("UID:1\nDTSTART:20261102T080000\nSUMMARY:x"), "no end after its start"),
        (calendar("UID:1\nDTSTART:20261102T080000\nDTEND:20261102T070000"), "no end after its start"),
        (calendar("UID:1\nDTSTART;TZID=No/Where:20261102T080000\nDURATION:PT1H"), "'No/Where' is no time zone"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=SECONDLY"), "RRULE: a shift repeats every 1 to 1000 days"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=DAILY;INTERVAL=0"), "RRULE:"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=DAILY;BYHOUR=8,9"), "two shifts in a day are two events"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=DAILY;BYEASTER=278"), "RRULE: BYEASTER is not read here"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=MONTHLY;BYDAY=53SU"), "RRULE: 53SU is no weekday of a month"),
        (calendar("UID:1\nDTSTART;TZID=DURATION:PT12H"), "DTSTART is no day and no time of one"),
        (calendar(f"{MONDAYS}\nDTSTART:20261103T080000"), "DTSTART stands twice"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z"), "both COUNT and UNTIL"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "RRULE: never comes true"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=YEARLY;BYMONTHDAY=99"), "RRULE:"),
        (calendar(f"{MONDAYS}\nRRULE:FREQ=SOMETIMES"), "RRULE: Expected frequency"),
        (calendar("UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261102T080000\nDTSTART:20261102T080000\nDURATION:PT1H"), "(RANGE)"),
    ],
)
def test_what_cannot_be_a_shift_is_said(text: str, said: str) -> None:
    _, problems = read(text)
    assert len(problems) == 1 and said in problems[0], problems


def test_a_leap_day_comes_every_fourth_year() -> None:
    text = calendar("UID:1\nDTSTART:20240229T080000\nDURATION:PT1H\nRRULE:FREQ=YEARLY;COUNT=2\nSUMMARY:李伟")
    assert turns(text, "2024-03-01", "2033-01-01") == ["02-29T08:00-02-29T09:00 li.wei"]


SITE = """site: {id: hq, name: A, zone: Asia/Shanghai}
people: [{id: li.wei, name: 李伟}]
roster:
  teams:
    engineering:
      shifts:
        - {calendar: roster/engineering.ics}
"""


def test_a_calendar_beside_the_site_file_is_kept_with_it(tmp_path: Path) -> None:
    (tmp_path / "roster").mkdir()
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "roster" / "engineering.ics").write_bytes(calendar(MONDAYS).encode())
    site = load_site(tmp_path / "site.yaml")
    at = wall_ns(datetime.fromisoformat("2026-11-16T23:00"), SHANGHAI)
    assert site.roster.on_duty("engineering", at) == ("li.wei",) and site.roster.on_duty("engineering", at + 12 * 3600 * NS) == ()
    assert site.files["calendars/roster/engineering.ics"] == calendar(MONDAYS)
    again = load_texts("site.yaml", site.files)
    assert again.roster == site.roster and again.hash == site.hash and again.roster.on_duty("engineering", at) == ("li.wei",)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("roster/none.ics", None, "site.yaml:7: roster.teams.engineering.shifts[0].calendar: roster/none.ics is not there"),
        ("../a.ics", None, "lies outside the site file's folder"),
        ("a.ics", b"\xff\xfe", "is not UTF-8 text"),
        ("a.ics", b"hello", "a.ics: is no iCalendar file"),
        ("a.ics", calendar("UID:1\nSUMMARY:x").encode(), "a.ics:4: x: has no DTSTART"),
    ],
)
def test_a_calendar_that_cannot_be_read_is_a_problem_with_its_place(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    (tmp_path / "site.yaml").write_text(SITE.replace("roster/engineering.ics", name), "utf-8")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        load_site(tmp_path / "site.yaml")
    assert len(caught.value.problems) == 1 and said in str(caught.value) and str(tmp_path) in str(caught.value)
