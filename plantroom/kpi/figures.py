"""All figures of a period as one answer, the shape of `/api/v1/kpi` and of the reports. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from typing_extensions import TypedDict

from plantroom.clock import iso
from plantroom.kpi.cases import Apart, Case, Clause, ClockRow, Judged, OrderRow, Verdict, judge
from plantroom.kpi.intact import ALL, Intact, ItemSum, SystemDay, coverage, intact
from plantroom.kpi.period import Period
from plantroom.kpi.rate import Rate, lengths
from plantroom.kpi.trapped import Rescue, Trapped, trapped

TARGETS: Mapping[str, float] = {"K-1": 0.98, "K-2": 0.95, "K-3": 0.98}  # the standard's; of the lower of both rates for K-1


class Figure(TypedDict):
    """One rate. value: of what is known; lower, upper: what is unknown counted as bad and as good; all None without coverage. numerator
    and denominator: orders, item seconds or days. judged: what is held against the target."""

    id: str
    clause: str
    system: str
    unit: str
    value: float | None
    numerator: float
    denominator: float
    unknown: float
    lower: float | None
    upper: float | None
    coverage: float | None
    target: float | None
    met: bool | None


class Timing(TypedDict):
    """How long what was done took, in s, of those that have a length; n of `of`."""

    id: str
    n: int
    of: int
    p50_s: float | None
    p90_s: float | None
    max_s: float | None


class Figures(TypedDict):
    """first, end: local days, half-open. as_of: what happened later is not counted. running: limits of the period that are still ahead."""

    period: str
    first: str
    end: str
    zone: str
    as_of: str
    figures: list[Figure]
    timings: list[Timing]
    entrapments: Trapped
    apart: dict[str, int]
    no_answer: int
    hollow: int
    running: int
    coverage: float | None


def figures(
    span: Period,
    as_of_ns: int,
    days: Sequence[SystemDay],
    items: Iterable[ItemSum],
    orders: Iterable[OrderRow],
    clocks: Iterable[ClockRow],
    rescues: Iterable[Rescue],
) -> tuple[Figures, Judged]:
    """The answer, and the cases it counts, for whoever wants to see them."""
    share = coverage(days)
    judged = judge(span, as_of_ns, orders, clocks)
    found = [*_intact_figures(intact(days)), *(_of_cases(clause, judged.cases, share) for clause in Clause)]
    answer: Figures = {
        "period": span.name, "first": span.first.isoformat(), "end": span.end.isoformat(), "zone": span.zone.key, "as_of": iso(as_of_ns),
        "figures": found,
        "timings": [_timing(clause, judged.cases) for clause in Clause],
        "entrapments": trapped(span, as_of_ns, rescues, items),
        "apart": {reason.value: judged.apart[reason] for reason in Apart},
        "no_answer": sum(case.verdict is Verdict.NO_ANSWER for case in judged.cases),
        "hollow": sum(case.why == "hollow" and case.clause in (Clause.RESPONSE, Clause.URGENT_RESPONSE) for case in judged.cases),
        "running": judged.running,
        "coverage": share,
    }  # fmt: skip
    return answer, judged


def _intact_figures(found: Mapping[str, Intact]) -> Sequence[Figure]:
    answer = []
    for system, one in sorted(found.items(), key=lambda pair: (pair[0] != ALL, pair[0])):
        for name, unit, rate in (("time", "item_s", one.time), ("heads", "days", one.heads)):
            lowest = rate.value is not None and rate.value == one.judged
            target = TARGETS["K-1"] if lowest else None
            answer.append(_figure(f"K-1.{name}", "K-1", system, unit, rate, target))
    return answer


def _of_cases(clause: Clause, cases: Sequence[Case], share: float | None) -> Figure:
    own = [case for case in cases if case.clause is clause]
    kept, unknown = (sum(case.verdict is verdict for case in own) for verdict in (Verdict.KEPT, Verdict.UNKNOWN))
    rate = Rate(float(kept), float(unknown), float(len(own)), share)
    return _figure(clause.value, clause.value if clause.value in TARGETS else "K-4", ALL, "orders", rate, TARGETS.get(clause.value))


def _figure(id_: str, clause: str, system: str, unit: str, rate: Rate, target: float | None) -> Figure:
    met = rate.value >= target if rate.value is not None and target is not None else None
    return {
        "id": id_, "clause": clause, "system": system, "unit": unit, "value": rate.value, "numerator": rate.good, "denominator": rate.all,
        "unknown": rate.unknown, "lower": rate.lower, "upper": rate.upper, "coverage": rate.coverage, "target": target, "met": met,
    }  # fmt: skip


def _timing(clause: Clause, cases: Sequence[Case]) -> Timing:
    own = [case for case in cases if case.clause is clause]
    taken = lengths([case.length_s for case in own if case.length_s is not None])
    return {"id": clause.value, "of": len(own), **asdict(taken)}  # type: ignore[typeddict-item]
