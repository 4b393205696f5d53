"""The evaluator over any course of records: grouping, restarts and silence change nothing they must not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.model import Quality
from rules.condition import State, Transition
from rules.rule import OnMissing, Rule
from tests.kit.rules import START, TIMES, Seen, Watch, made

OPEN = (State.ACTIVE, State.RECOVERING)
POINTS = ("oil_pressure", "engine_speed", "mains_ok")
RULES = [
    made("oil_pressure < 100", id="plain", for_="2s", clear_when="oil_pressure > 120", clear_after="3s"),
    made("engine_speed > 300 and duration(engine_speed > 300) > 3s and oil_pressure < 100", id="lasting", for_="1s"),
    made("avg(oil_pressure, 10s) < 150 or max(engine_speed, 20s) > 1700", id="windows", clear_after="2s"),
    made("rises(mains_ok, 30s) > 1 or changed(oil_pressure, 10s) and std(oil_pressure, 10s) > 50", id="counting"),
    made("not mains_ok", id="raising", for_="4s", on_missing="raise", clear_after="1s"),
    made("delta(engine_speed, 10s) > 200 or since(mains_ok) > 6s or age(oil_pressure) > 4s", id="moving", for_="1s"),
    made("silence > 6s and polls_missed >= 3", id="silent"),
    made("median(oil_pressure, 12s) < 90 or count(mains_ok, 10s) > 8 or on_time(mains_ok, 10s) < 2s", id="more"),
]
MACHINES = 3
VALUES = {
    "oil_pressure": [50.0, 90.0, 110.0, 130.0, 300.0],
    "engine_speed": [0.0, 299.0, 1500.0, 1800.0],
    "mains_ok": [0.0, 1.0],
}
BADS = [Quality.NO_ANSWER, Quality.EXCEPTION, Quality.SENTINEL, Quality.DECODE, Quality.NOT_FRESH]


@dataclass(frozen=True)
class Record:
    """One row for one machine at an instant in half seconds, or a tick (machine None)."""

    at: int
    machine: int | None
    samples: tuple[tuple[str, Seen], ...] = ()


@st.composite
def samples(draw: st.DrawFn) -> tuple[tuple[str, Seen], ...]:
    names = draw(st.lists(st.sampled_from(POINTS), min_size=1, max_size=3, unique=True))
    return tuple((name, draw(st.one_of(st.sampled_from(VALUES[name]), st.sampled_from(BADS)))) for name in names)


@st.composite
def courses(draw: st.DrawFn, most: int = 45) -> list[Record]:
    """Mostly forwards; a row may be a little older than the last tick or the last row."""
    now, course = 0, []
    for _ in range(draw(st.integers(1, most))):
        now += draw(st.sampled_from([0, 0, 1, 1, 2, 3, 9]))
        if draw(st.integers(0, 3)) == 0:
            course.append(Record(now, None))
        else:
            late = draw(st.sampled_from([0, 0, 0, 0, 1, 4]))
            course.append(Record(max(0, now - late), draw(st.integers(0, MACHINES - 1)), draw(samples())))
    return course


def watch(rules: list[Rule] = RULES) -> Watch:
    return Watch(rules, POINTS, machines=MACHINES)


def take(watched: Watch, record: Record) -> None:
    if record.machine is None:
        watched.tick(record.at / 2)
    else:
        watched.see(record.at / 2, machine=record.machine, **dict(record.samples))


def told(moved: list[Transition]) -> dict[str, list[tuple[int, str, str, str, bool, str, str]]]:
    """Per machine, so that the order between machines of one instant does not matter."""
    found: dict[str, list[tuple[int, str, str, str, bool, str, str]]] = {}
    for t in moved:
        found.setdefault(t.equipment, []).append(
            (t.at_ns, t.rule, t.before, t.after, t.no_data, repr(sorted(t.values.items())), str(t.onset_ns))
        )  # fmt: skip
    return found


def one_by_one(course: list[Record]) -> Watch:
    watched = watch()
    for record in course:
        take(watched, record)
    return watched


@given(courses(), st.data())
@settings(max_examples=40 * TIMES, deadline=None)
def test_how_records_are_grouped_changes_nothing(course: list[Record], data: st.DataObject) -> None:
    """A round: rows of different machines between two ticks, in one step, each with its own instant."""
    grouped = watch()
    waiting: list[Record] = []

    def go() -> None:
        if waiting:
            evaluator = grouped.evaluator
            count = len(evaluator.columns)
            values, quality = np.full((len(waiting), count), np.nan), np.full((len(waiting), count), 255, np.uint8)
            for row, record in enumerate(waiting):
                for name, value in record.samples:
                    column = evaluator.columns[name]
                    bad = isinstance(value, Quality)
                    values[row, column] = np.nan if bad or value is None else value
                    quality[row, column] = value if bad else Quality.GOOD
            at = np.array([START + record.at * NS // 2 for record in waiting], np.int64)
            grouped.moved += evaluator.step(np.array([record.machine for record in waiting]), at, values, quality)
            waiting.clear()

    for record in course:
        if record.machine is None or record.machine in [other.machine for other in waiting] or data.draw(st.booleans()):
            go()
        if record.machine is None:
            take(grouped, record)
        else:
            waiting.append(record)
    go()
    plain = one_by_one(course)
    assert told(grouped.moved) == told(plain.moved)
    assert grouped.evaluator.snapshot() == plain.evaluator.snapshot()


@given(courses(), st.integers(0, 45))
@settings(max_examples=30 * TIMES, deadline=None)
def test_a_restart_anywhere_changes_nothing(course: list[Record], where: int) -> None:
    before, after = watch(), watch()
    for record in course[:where]:
        take(before, record)
    after.evaluator.restore(before.evaluator.snapshot())
    for record in course[where:]:
        take(after, record)
    plain = one_by_one(course)
    assert told(before.moved + after.moved) == told(plain.moved)
    assert after.evaluator.snapshot() == plain.evaluator.snapshot()


@given(courses(), st.lists(st.integers(1, 20), min_size=1, max_size=20), st.sampled_from(BADS[:2]))
@settings(max_examples=40 * TIMES, deadline=None)
def test_once_everything_is_bad_nothing_ends_and_only_what_may_is_raised(course: list[Record], steps: list[int], bad: Quality) -> None:
    watched = one_by_one(course)
    now = max(record.at for record in course) + 1
    for machine in range(MACHINES):
        watched.see(now / 2, machine=machine, **dict.fromkeys(POINTS, bad))
    watched.moved.clear()
    for step in steps:
        now += step
        for machine in range(MACHINES):
            watched.see(now / 2, machine=machine, **dict.fromkeys(POINTS, bad))
        watched.tick(now / 2)
    by_id = {rule.id: rule for rule in RULES}
    for moved in watched.moved:
        assert not (moved.before in OPEN and moved.after not in OPEN), moved
        if moved.after is State.ACTIVE and moved.before is not State.RECOVERING:
            speaks_of_time = moved.rule in ("silent", "moving")  # silence and age are known when nothing else is
            assert by_id[moved.rule].on_missing is OnMissing.RAISE or speaks_of_time, moved
            assert moved.no_data is (by_id[moved.rule].on_missing is OnMissing.RAISE), moved


@given(courses())
@settings(max_examples=30 * TIMES, deadline=None)
def test_only_good_fresh_data_clears(course: list[Record]) -> None:
    for moved in one_by_one(course).moved:
        if moved.rule in ("plain", "raising") and moved.before in OPEN and moved.after is State.CLEARED:
            assert all(value == value for value in moved.values.values()), moved


@given(courses(), st.integers(-7200, 7200))
@settings(max_examples=20 * TIMES, deadline=None)
def test_a_wall_clock_step_anywhere_moves_the_story_and_changes_nothing_else(course: list[Record], step: int) -> None:
    half = len(course) // 2
    watched = watch()
    for record in course[:half]:
        take(watched, record)
    watched.evaluator.shift(step * NS)
    count = len(watched.moved)
    for record in course[half:]:
        take(watched, Record(record.at + 2 * step, record.machine, record.samples))
    plain = one_by_one(course)
    moved = [(t.equipment, t.rule, t.after, t.at_ns - step * NS, t.onset_ns - step * NS) for t in watched.moved[count:]]
    assert moved == [(t.equipment, t.rule, t.after, t.at_ns, t.onset_ns) for t in plain.moved[count:]]
