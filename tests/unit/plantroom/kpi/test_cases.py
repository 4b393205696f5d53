"""K-2, K-3, K-4, R-1, R-2, R-6: what became of each limit, by a table worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.kpi.cases import Apart, Clause, ClockRow, Judged, OrderRow, Verdict, apart_as, judge
from plantroom.kpi.figures import figures
from plantroom.kpi.intact import SystemDay
from plantroom.kpi.period import period
from plantroom.kpi.rate import Rate, lengths
from plantroom.limits import LIMITS, ClockName
from plantroom.model import Severity

MONTH = period("2026-11", ZoneInfo("Asia/Shanghai"))
MINUTE, HOUR, DAY = 60 * NS, 3600 * NS, 86_400 * NS
T0 = MONTH.start_ns + 10 * DAY
AFTER = MONTH.end_ns + 3 * DAY
DANGER, READINESS, NORMAL, ADVISORY = Severity.DANGER, Severity.READINESS, Severity.NORMAL, Severity.ADVISORY


def limit(name: ClockName, severity: Severity) -> int:
    return LIMITS[name][severity]


def order(id_: str = "O1-1", severity: Severity = NORMAL, **more: object) -> OrderRow:
    return replace(OrderRow(id_, "fp-1", "fire_pump", severity, T0, accepted=True), **more)  # type: ignore[arg-type]


def clock(
    name: ClockName, took_min: float | None, severity: Severity = NORMAL, order_id: str = "O1-1", at_ns: int = T0, round_: int = 1
) -> ClockRow:
    stopped = None if took_min is None else at_ns + round(took_min * MINUTE)
    return ClockRow(order_id, name, round_, at_ns, at_ns + limit(name, severity), stopped)


def usual(severity: Severity = NORMAL, order_id: str = "O1-1", at_ns: int = T0) -> list[ClockRow]:
    """Accepted after 5 min, there after 20, repaired after 120."""
    return [
        clock(ClockName.RESPONSE, 5, severity, order_id, at_ns),
        ClockRow(
            order_id, ClockName.ARRIVAL, 1, at_ns + 5 * MINUTE, at_ns + 5 * MINUTE + limit(ClockName.ARRIVAL, severity), at_ns + 20 * MINUTE
        ),
        clock(ClockName.RESTORE, 120, severity, order_id, at_ns),
    ]


def found(judged: Judged) -> dict[str, str]:
    return {case.clause.value: case.verdict.value + (f" {case.why}" if case.why else "") for case in judged.cases}


def one(row: OrderRow, clocks: Sequence[ClockRow], as_of_ns: int = AFTER) -> dict[str, str]:
    return found(judge(MONTH, as_of_ns, [row], clocks))


CLOSED = {"closed_ns": T0 + 3 * HOUR, "closed_by": "boss", "cause": "worn", "turns": ((T0 + 3 * HOUR, True),)}


def test_an_order_that_went_well_keeps_everything() -> None:
    assert one(order(**CLOSED), usual()) == {"R-1": "kept", "arrival.normal": "kept", "K-2": "kept", "K-3": "kept"}
    assert one(order(severity=DANGER, **CLOSED), usual(DANGER)) == {"R-2": "kept", "arrival.danger": "kept", "K-2": "kept", "K-3": "kept"}


@pytest.mark.parametrize("severity,minutes", [(NORMAL, 30), (READINESS, 15), (DANGER, 15)])
def test_a_step_at_the_limits_very_instant_keeps_it_and_one_later_does_not(severity: Severity, minutes: float) -> None:
    clause = "R-1" if severity is NORMAL else "R-2"
    row = order(severity=severity)
    assert one(row, [clock(ClockName.RESPONSE, minutes, severity)])[clause] == "kept"
    late = replace(clock(ClockName.RESPONSE, minutes, severity), stopped_ns=T0 + round(minutes * MINUTE) + 1)
    assert one(row, [late])[clause] == "missed late"
    assert one(row, [clock(ClockName.RESPONSE, None, severity)])[clause] == "missed never"


def test_a_hollow_acceptance_counts_as_missed_and_so_does_its_arrival() -> None:
    """空接单: accepted in time, nobody came; the next one accepted later and came."""
    hollow = [(T0 + 5 * MINUTE, T0 + 65 * MINUTE)]
    later = ClockRow("O1-1", ClockName.ARRIVAL, 1, T0 + 70 * MINUTE, T0 + 130 * MINUTE, T0 + 80 * MINUTE)
    judged = judge(MONTH, AFTER, [order(hollow=hollow)], [clock(ClockName.RESPONSE, 5), later])
    said = [(case.clause, case.verdict, case.why) for case in judged.cases if case.clause is not Clause.CLOSURE]
    wanted = [
        (Clause.RESPONSE, Verdict.MISSED, "hollow"),
        (Clause.ARRIVAL_NORMAL, Verdict.KEPT, ""),
        (Clause.ARRIVAL_NORMAL, Verdict.MISSED, "hollow"),
    ]
    assert sorted(said) == sorted(wanted)
    waiting = ClockRow(
        "O1-1", ClockName.ARRIVAL, 1, T0 + 5 * MINUTE, T0 + 65 * MINUTE, None
    )  # nobody else yet: the limit itself stands there
    assert [case.why for case in judge(MONTH, AFTER, [order(hollow=hollow)], [waiting]).cases] == ["never"]


def test_a_repair_that_did_not_last_72_hours_was_none() -> None:
    again = T0 + 2 * HOUR + 72 * HOUR
    rounds = [clock(ClockName.RESTORE, 120), clock(ClockName.RESTORE, 60, at_ns=again, round_=2)]
    cases = judge(MONTH, AFTER, [order(round=2)], rounds).cases
    assert [(case.verdict, case.why) for case in cases if case.clause is Clause.REPAIR] == [
        (Verdict.MISSED, "reopened"),
        (Verdict.KEPT, ""),
    ]
    later = [rounds[0], clock(ClockName.RESTORE, 60, at_ns=again + 1, round_=2)]
    assert all(case.verdict is Verdict.KEPT for case in judge(MONTH, AFTER, [order(round=2)], later).cases if case.clause is Clause.REPAIR)
    known_by_then = judge(MONTH, again - 1, [order(round=2)], rounds).cases
    assert [case.verdict for case in known_by_then if case.clause is Clause.REPAIR] == [Verdict.KEPT], (
        "as of an instant before it came back"
    )


def test_a_repair_the_machine_does_not_agree_with_is_unknown() -> None:
    assert one(order(agrees=False), [clock(ClockName.RESTORE, 120)])["K-2"] == "unknown disagrees"
    assert one(order(agrees=True), [clock(ClockName.RESTORE, 120)])["K-2"] == "kept"
    assert one(order(agrees=None), [clock(ClockName.RESTORE, 120)])["K-2"] == "kept"


def test_what_went_away_by_itself_is_never_repaired() -> None:
    """It passed its response limit before it did, so it counts."""
    gone = order(accepted=False, closed_ns=T0 + 2 * HOUR, closed_by="system", cause="self_cleared", turns=((T0 + 2 * HOUR, True),))
    assert one(gone, [clock(ClockName.RESPONSE, 120), clock(ClockName.RESTORE, 120)]) == {
        "R-1": "missed late", "K-2": "missed self_cleared", "K-3": "missed self_cleared",
    }  # fmt: skip


@pytest.mark.parametrize("why,row", [
    (Apart.EXERCISE, order(mode="exercise")),
    (Apart.COMMISSIONING, order(mode="commissioning")),
    (Apart.CHILD, order(parent="F1-1")),
    (Apart.CHILD, order(closed_ns=T0 + 1, closed_by="system", cause="part_of_incident")),
    (Apart.ADVISORY, order(severity=ADVISORY)),
    (Apart.MONITOR, order(kind="monitor")),
    (Apart.SELF_CLEARED, order(accepted=False, closed_ns=T0 + 30 * MINUTE, closed_by="system", cause="self_cleared")),
])  # fmt: skip
def test_what_stands_apart_is_in_no_rate_and_is_counted(why: Apart, row: OrderRow) -> None:
    clocks = [] if row.severity is ADVISORY else usual()
    judged = judge(MONTH, AFTER, [row], clocks)
    assert judged.cases == [] and {key: n for key, n in judged.apart.items() if n} == {why: 1}


@pytest.mark.parametrize("row", [
    order(severity=READINESS, accepted=False, closed_ns=T0 + MINUTE, closed_by="system", cause="self_cleared"),
    order(accepted=True, closed_ns=T0 + MINUTE, closed_by="system", cause="self_cleared"),
    order(accepted=False, closed_ns=T0 + 30 * MINUTE + 1, closed_by="system", cause="self_cleared"),
    order(accepted=False, closed_ns=T0 + MINUTE, closed_by="boss", cause="self_cleared"),
])  # fmt: skip
def test_what_cleared_itself_counts_where_it_is_urgent_or_was_taken_or_came_too_late(row: OrderRow) -> None:
    judged = judge(MONTH, AFTER, [row], usual(row.severity))
    assert judged.apart[Apart.SELF_CLEARED] == 0 and judged.cases


def test_closure_wants_a_confirmation_that_still_stands() -> None:
    restore = [clock(ClockName.RESTORE, 120)]
    turned = ((T0 + 3 * HOUR, True), (T0 + 80 * HOUR, False))
    assert one(order(turns=turned), restore)["K-3"] == "missed open"
    assert one(order(turns=turned), restore, T0 + 79 * HOUR)["K-3"] == "kept", "before it was opened again"
    assert one(order(turns=((T0 + 3 * HOUR, True),), cause="no_answer", closed_by="boss"), restore)["K-3"] == "no_answer no_answer"
    assert one(order(), restore)["K-3"] == "missed open"


def test_an_event_belongs_to_the_period_in_which_its_limit_falls() -> None:
    """Raised on the last evening of the month: the response is November's, the repair December's."""
    at = MONTH.end_ns - HOUR
    clocks = usual(order_id="O1-1", at_ns=at)
    row = order(opened_ns=at)
    assert set(one(row, clocks)) == {"R-1"} | ({"arrival.normal"} if at + 65 * MINUTE < MONTH.end_ns else set())
    december = period("2026-12", ZoneInfo("Asia/Shanghai"))
    assert {case.clause for case in judge(december, december.end_ns, [row], clocks).cases} == {
        Clause.ARRIVAL_NORMAL,
        Clause.REPAIR,
        Clause.CLOSURE,
    }
    edge = replace(clock(ClockName.RESPONSE, 5), due_ns=MONTH.end_ns)
    assert "R-1" not in one(order(), [edge]) and "R-1" in one(order(), [replace(edge, due_ns=MONTH.end_ns - 1)])


def test_what_is_not_due_yet_is_no_miss() -> None:
    judged = judge(MONTH, T0 + 10 * MINUTE, [order()], [clock(ClockName.RESPONSE, None), clock(ClockName.RESTORE, None)])
    assert judged.cases == [] and judged.running == 3  # response, repair, closure
    assert judge(MONTH, T0 - 1, [order()], usual()).cases == [], "nothing is known before it happened"


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[OrderRow], list[ClockRow]]:
    orders, clocks = [], []
    for n in range(draw(st.integers(0, 6))):
        id_, severity = f"O{n}-1", draw(st.sampled_from([DANGER, READINESS, NORMAL, ADVISORY]))
        at = MONTH.start_ns + draw(st.integers(-2 * 24 * 60, 33 * 24 * 60)) * MINUTE
        rounds = draw(st.integers(1, 3))
        closed = draw(st.none() | st.integers(0, 10_000))
        turns = tuple((at + each * MINUTE, draw(st.booleans())) for each in draw(st.lists(st.integers(0, 9_000), max_size=3)))
        orders.append(OrderRow(
            id_, "fp-1", draw(st.sampled_from(["fire_pump", "monitor"])), severity, at, rounds, mode=draw(st.sampled_from(["live", "live", "exercise"])),
            accepted=draw(st.booleans()), closed_ns=None if closed is None else at + closed * MINUTE, closed_by=draw(st.sampled_from(["system", "boss"])),
            cause=draw(st.sampled_from(["self_cleared", "worn", "no_answer", None])), agrees=draw(st.none() | st.booleans()), turns=turns,
        ))  # fmt: skip
        if severity is ADVISORY:
            continue
        for number in range(1, rounds + 1):
            begins = at + (number - 1) * draw(st.integers(1, 6_000)) * MINUTE
            clocks += [
                clock(name, draw(st.none() | st.integers(0, 3_000)), severity, id_, begins, number)
                for name in (ClockName.RESPONSE, ClockName.RESTORE)
            ]
    return orders, clocks


@given(histories(), st.integers(0, 40 * 24 * 60))
def test_every_limit_is_in_exactly_one_month_and_the_order_of_rows_changes_nothing(
    history: tuple[list[OrderRow], list[ClockRow]], after_min: int
) -> None:
    orders, clocks = history
    as_of = MONTH.start_ns + after_min * MINUTE
    months = [
        period(name, ZoneInfo("Asia/Shanghai")) for name in ("2026-09", "2026-10", "2026-11", "2026-12", "2027-01", "2027-02", "2027-03")
    ]
    judged = [judge(month, as_of, orders, clocks) for month in months]
    every = [case for one in judged for case in one.cases]
    found = sorted((case.order, case.due_ns) for case in every if case.clause in (Clause.RESPONSE, Clause.URGENT_RESPONSE))
    known = [c for c in clocks if c.started_ns <= as_of]
    counted = {row.id for row in orders if row.opened_ns <= as_of and apart_as(row, [c for c in known if c.order == row.id], as_of) is None}
    over = [c for c in known if c.due_ns < as_of or (c.stopped_ns is not None and c.stopped_ns <= min(c.due_ns, as_of))]
    assert found == sorted((c.order, c.due_ns) for c in over if c.order in counted and c.name is ClockName.RESPONSE)
    assert judge(MONTH, as_of, orders[::-1], clocks[::-1]).cases == judge(MONTH, as_of, orders, clocks).cases
    assert all(case.due_ns < as_of for case in every if case.verdict is Verdict.MISSED), "nothing is missed before it is due"


@given(histories(), st.integers(0, 20 * 24 * 60))
def test_what_happens_after_the_instant_of_judgement_changes_no_figure(
    history: tuple[list[OrderRow], list[ClockRow]], later_min: int
) -> None:
    """As of the same instant the same figures, whatever came later: clocks stopped and rounds begun after it are cut away."""
    orders, clocks = history
    as_of = T0
    cut = [
        replace(c, stopped_ns=c.stopped_ns if c.stopped_ns is not None and c.stopped_ns <= as_of else None)
        for c in clocks
        if c.started_ns <= as_of
    ]
    assert judge(MONTH, as_of, orders, clocks).cases == judge(MONTH, as_of, orders, cut).cases


def test_a_rate_has_bounds_and_no_figure_without_coverage() -> None:
    rate = Rate(8, 1, 10, 0.9)
    assert (rate.lower, rate.value, rate.upper) == (0.8, 8 / 9, 0.9)
    assert (Rate(8, 1, 10, None).value, Rate(8, 1, 10, None).lower, Rate(0, 0, 0, 1.0).value) == (None, None, None)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_percentiles_are_lengths_that_really_were(values: list[int]) -> None:
    taken = lengths([float(value) for value in values])
    assert {taken.p50_s, taken.p90_s, taken.max_s} <= set(values) and taken.n == len(values)
    assert taken.p90_s is not None and taken.p50_s is not None
    assert sum(value <= taken.p90_s for value in values) >= 0.9 * len(values)
    assert sum(value <= taken.p50_s for value in values) >= 0.5 * len(values)


def test_the_figures_say_what_they_stand_on() -> None:
    """The whole answer of a small month, worked out by hand."""
    rows = [order(f"O{n}-1", **CLOSED) for n in range(1, 5)] + [order("O5-1", mode="exercise")]
    clocks = [each for n in range(1, 6) for each in usual(order_id=f"O{n}-1")]
    clocks[0] = clock(ClockName.RESPONSE, 31, order_id="O1-1")
    days = [SystemDay("fire", f"2026-11-{day:02d}", 20 * HOUR, 2 * HOUR, 2 * HOUR, int(day > 3), 0, 1) for day in range(1, 31)]
    answer, judged = figures(MONTH, AFTER, days, [], rows, clocks, [])
    by_id = {(figure["id"], figure["system"]): figure for figure in answer["figures"]}
    response = by_id["R-1", "all"]
    assert (response["numerator"], response["denominator"], response["value"], response["target"]) == (3, 4, 0.75, None)
    assert response["coverage"] == pytest.approx(22 / 24)
    time, heads = by_id["K-1.time", "fire"], by_id["K-1.heads", "fire"]
    assert time["value"] == pytest.approx(20 / 22) and time["lower"] == pytest.approx(20 / 24) and time["upper"] == pytest.approx(22 / 24)
    assert heads["value"] == pytest.approx(27 / 30)
    assert (heads["target"], heads["met"], time["target"]) == (0.98, False, None), "the lower one is judged"
    assert answer["apart"]["exercise"] == 1 and answer["running"] == 0 and len(judged.cases) == 16
    taken = next(timing for timing in answer["timings"] if timing["id"] == "R-1")
    assert (taken["n"], taken["of"], taken["p50_s"], taken["max_s"]) == (4, 4, 300.0, 31 * 60.0)
    dark, _ = figures(MONTH, AFTER, [], [], rows, clocks, [])
    assert all(figure["value"] is None for figure in dark["figures"]), "a figure without coverage is not printed"
