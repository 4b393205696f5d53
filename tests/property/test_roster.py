"""Rosters over the days on which zones change their clocks: every instant has one answer, and turns, gaps and on_duty tell the same story."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS, to_ns
from plantroom.ical import read_calendar
from plantroom.local_time import instant_ns, wall_ns
from plantroom.people import Certificate, Person
from plantroom.roster import Change, Roster, Team
from plantroom.shifts import ALL_DAYS, Rule
from plantroom.working_time import WorkingTime
from plantroom.yaml_tree import Paper

HOUR = 3600 * NS
# midnight that is skipped (Santiago, Cairo) or there twice (Havana), half hours (Lord Howe), a day that never was (Apia 2011), a change at one
# minute past midnight that goes back into yesterday (St. John's until 2011), no changes (Shanghai, UTC)
ZONES = {
    "UTC": 2026, "Asia/Shanghai": 2026, "Europe/Berlin": 2026, "Europe/London": 2026, "America/New_York": 2026, "America/St_Johns": 2010,
    "America/Santiago": 2026, "America/Havana": 2026, "Africa/Cairo": 2026, "Australia/Lord_Howe": 2026, "Pacific/Apia": 2011,
    "Pacific/Chatham": 2026, "Asia/Kathmandu": 2026,
}  # fmt: skip
PEOPLE = {name: Person(name, name, frozenset()) for name in "abcdef"} | {
    "g": Person("g", "g", frozenset(), certificates=(Certificate("pumps", frozenset({"pump"}), date(2100, 1, 1)),))
}
NAMES = st.sampled_from(sorted(PEOPLE))


@cache
def changing(zone: str) -> list[date]:
    """Days around which the zone's offset changes in its year; its first of July where it does not."""
    info, start = ZoneInfo(zone), datetime(ZONES[zone], 1, 1, tzinfo=UTC)
    offsets = [(start + timedelta(hours=12 * n)).astimezone(info) for n in range(732)]
    return [b.date() for a, b in zip(offsets, offsets[1:], strict=False) if a.utcoffset() != b.utcoffset()] or [date(ZONES[zone], 7, 1)]


days = st.sampled_from(sorted(ZONES)).flatmap(lambda zone: st.tuples(st.just(zone), st.sampled_from(changing(zone))))


@st.composite
def covering(draw: st.DrawFn) -> tuple[Rule, ...]:
    """Shifts one after the other around the clock, each with its people, taking turns or not."""
    cuts = draw(st.lists(st.integers(0, 1439), min_size=1, max_size=5, unique=True).map(sorted))
    return tuple(draw(rules(start, end)) for start, end in zip(cuts, cuts[1:] + cuts[:1], strict=True))


def rules(start: int, end: int) -> st.SearchStrategy[Rule]:
    since = st.dates(date(2009, 1, 1), date(2010, 1, 1))
    return st.builds(
        Rule, st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.just(start), st.just(end),
        turn=st.integers(0, 9), by_shift=st.booleans(), since=since,
    )  # fmt: skip


@st.composite
def any_shifts(draw: st.DrawFn) -> tuple[Rule, ...]:
    made = []
    for _ in range(draw(st.integers(0, 4))):
        rule = draw(rules(draw(st.integers(0, 1439)), draw(st.integers(0, 1440))))
        days = draw(st.one_of(st.just(ALL_DAYS), st.frozensets(st.integers(0, 6), min_size=1)))
        workdays, kinds = draw(st.sampled_from((None, True, False))), draw(st.frozensets(st.sampled_from(("pump", "fcu", "ahu"))))
        made.append(Rule(rule.people, rule.start, rule.end, days, workdays, rule.turn, rule.by_shift, rule.since, kinds=kinds))
    return tuple(made)


@st.composite
def changes_near(draw: st.DrawFn, around: int) -> list[Change]:
    made = []
    for _ in range(draw(st.integers(0, 5))):
        start = around + draw(st.integers(-48 * 60, 48 * 60)) * 60 * NS
        out = draw(st.one_of(st.none(), NAMES))
        made.append(Change("t", start, start + draw(st.integers(1, 2880)) * 60 * NS, out, draw(st.sampled_from([*sorted(PEOPLE), "gone"]))))
    return made


def roster(zone: str, shifts: tuple[Rule, ...], day: date, changes: tuple[Change, ...] = ()) -> Roster:
    calendar = WorkingTime(holidays=frozenset({day, day + timedelta(days=8)}), working_days=frozenset({day + timedelta(days=1)}))
    return Roster({"t": Team("t", shifts, changes)}, ZoneInfo(zone), calendar, PEOPLE, {"pump": "pumps"})


@settings(max_examples=100, deadline=None)
@given(days, covering(), st.lists(st.integers(-72 * 3600, 72 * 3600), min_size=1, max_size=8))
def test_shifts_around_the_clock_leave_no_instant_without_an_answer_and_none_with_two(where: tuple[str, date], shifts: tuple[Rule, ...], seconds: list[int]) -> None:
    zone, day = where
    made, noon = roster(zone, shifts, day), instant_ns(day, 720, ZoneInfo(zone))
    assert made.gaps("t", noon - 96 * HOUR, noon + 96 * HOUR) == []
    for second in seconds:
        at = noon + second * NS
        on = [span for shift in shifts for span in shift.spans(at, at + 1, made.zone, made.calendar) if span.from_ns <= at < span.to_ns]
        assert len(on) == 1
        assert made.on_duty("t", at) == tuple(dict.fromkeys(on[0].people))


@settings(max_examples=100, deadline=None)
@given(st.data(), days, any_shifts())
def test_turns_and_gaps_say_for_every_instant_what_on_duty_says(data: st.DataObject, where: tuple[str, date], shifts: tuple[Rule, ...]) -> None:
    zone, day = where
    noon = instant_ns(day, 720, ZoneInfo(zone))
    planned, entered = data.draw(changes_near(noon)), data.draw(changes_near(noon))
    made = roster(zone, shifts, day, tuple(planned))
    start, end = noon - data.draw(st.integers(1, 70)) * HOUR, noon + data.draw(st.integers(1, 70)) * HOUR
    turns, gaps = made.turns("t", start, end, entered), made.gaps("t", start, end, entered)
    pieces = sorted([*turns, *((a, b, ()) for a, b in gaps)])
    assert [pieces[0][0], *(b for _, b, _ in pieces)] == [*(a for a, _, _ in pieces), end] and pieces[0][0] == start
    assert all(one[2] != two[2] for one, two in zip(pieces, pieces[1:], strict=False))  # each as long as it lasts
    for a, b, people in pieces:
        for at in (a, data.draw(st.integers(a, b - 1)), b - 1):
            assert made.on_duty("t", at, None, entered) == people


@settings(max_examples=80, deadline=None)
@given(st.data(), days, any_shifts())
def test_no_change_and_no_swap_leaves_a_gap_that_was_not_there(data: st.DataObject, where: tuple[str, date], shifts: tuple[Rule, ...]) -> None:
    zone, day = where
    noon = instant_ns(day, 720, ZoneInfo(zone))
    made, entered = roster(zone, shifts, day), data.draw(changes_near(noon))
    one, two = data.draw(NAMES), data.draw(NAMES)
    entered += [Change("t", noon, noon + 9 * HOUR, one, two), Change("t", noon + 24 * HOUR, noon + 30 * HOUR, two, one)]
    before = made.gaps("t", noon - 72 * HOUR, noon + 72 * HOUR)
    for start, end in made.gaps("t", noon - 72 * HOUR, noon + 72 * HOUR, entered):
        assert any(a <= start and end <= b for a, b in before)


@settings(max_examples=100, deadline=None)
@given(st.data(), days, any_shifts())
def test_a_missing_certificate_moves_to_the_end_and_never_out(data: st.DataObject, where: tuple[str, date], shifts: tuple[Rule, ...]) -> None:
    zone, day = where
    made, at = roster(zone, shifts, day), instant_ns(day, data.draw(st.integers(0, 1439)), ZoneInfo(zone))
    plain, for_pump, without = made.on_duty("t", at), made.on_duty("t", at, "pump"), replace(made, needed={}).on_duty("t", at, "pump")
    assert sorted(for_pump) == sorted(without) and set(without) <= set(plain) and bool(without) == bool(plain)
    assert [person for person in for_pump if person != "g"] == [person for person in without if person != "g"]
    assert "g" not in for_pump or for_pump[0] == "g"


@settings(max_examples=200, deadline=None)
@given(days, st.integers(-2880, 2880), st.integers(0, 300))
def test_a_later_local_time_is_never_an_earlier_instant(where: tuple[str, date], minute: int, more: int) -> None:
    zone, day = where
    info, wall = ZoneInfo(zone), datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    at = wall_ns(wall, info)
    assert at <= wall_ns(wall + timedelta(minutes=more), info)
    back = datetime.fromtimestamp(at // NS, UTC).astimezone(info).replace(tzinfo=None, fold=0)
    assert back >= wall  # a skipped time means the first that there is after it
    if back != wall:
        assert datetime.fromtimestamp(at // NS - 1, UTC).astimezone(info).replace(tzinfo=None, fold=0) < wall
    assert to_ns(wall.replace(tzinfo=info).astimezone(UTC)) >= at


@settings(max_examples=60, deadline=None)
@given(days, st.integers(0, 1439), st.integers(1, 1440), st.integers(1, 9))
def test_a_calendars_daily_event_and_the_same_shift_by_rule_are_on_at_the_same_instants(where: tuple[str, date], start: int, length: int, every: int) -> None:
    zone, day = where
    info, first = ZoneInfo(zone), day - timedelta(days=20)
    begins = datetime.combine(first, datetime.min.time()) + timedelta(minutes=start)
    named = "Z" if zone == "UTC" else ""
    stamps = [f"{key}{'' if named else f';TZID={zone}'}:{at:%Y%m%dT%H%M%S}{named}" for key, at in (("DTSTART", begins), ("DTEND", begins + timedelta(minutes=length)))]
    event = "\n".join(["BEGIN:VEVENT", "UID:1", *stamps, f"RRULE:FREQ=DAILY;INTERVAL={every}", "SUMMARY:a", "END:VEVENT"])
    paper = Paper("a.ics")
    imported = read_calendar(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{event}\nEND:VCALENDAR\n", "a.ics", PEOPLE, info, paper)
    rule = Rule(("a", *("b" * (every - 1))), start, (start + length - 1) % 1440 + 1, turn=1, since=first)  # "a" has every n-th day
    made = Roster({"i": Team("i", (imported,)), "r": Team("r", (rule,))}, info, WorkingTime(), PEOPLE)
    noon = instant_ns(day, 720, info)
    span = (noon - 96 * HOUR, noon + 96 * HOUR)
    assert paper.problems == []
    assert made.turns("i", *span) == [(a, b, people) for a, b, people in made.turns("r", *span) if people == ("a",)]
