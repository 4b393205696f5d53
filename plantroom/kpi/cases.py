"""What is judged: each limit of each order that falls into a period, and what became of it. Pure.

An event belongs to the period in which its limit falls. What happened after `as_of` is not known yet: the same period, judged as of the
same instant, always gives the same cases. Outside stand, with their counts (`Apart`): exercises, commissioning, parts of another fault,
advisories, the monitor's own, and normal faults that went away before anybody took them and before their limit. Urgent is never left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from plantroom.clock import NS
from plantroom.kpi.period import Period
from plantroom.limits import ClockName
from plantroom.model import Severity

REOPENED_WITHIN_NS = 72 * 3600 * NS  # then the first repair was none (K-2)
SYSTEM = "system"
SELF_CLEARED, PART, NO_ANSWER = "self_cleared", "part_of_incident", "no_answer"  # closing codes


class Apart(StrEnum):
    """Why an order is in no numerator and no denominator."""

    EXERCISE = "exercise"
    COMMISSIONING = "commissioning"
    CHILD = "child"
    ADVISORY = "advisory"
    SELF_CLEARED = "self_cleared"
    MONITOR = "monitor"


class Clause(StrEnum):
    RESPONSE = "R-1"
    URGENT_RESPONSE = "R-2"
    UNIT = "R-6"
    ARRIVAL_DANGER = "arrival.danger"
    ARRIVAL_READINESS = "arrival.readiness"
    ARRIVAL_NORMAL = "arrival.normal"
    REPAIR = "K-2"
    CLOSURE = "K-3"


class Verdict(StrEnum):
    KEPT = "kept"
    MISSED = "missed"
    UNKNOWN = "unknown"  # kept, if what a person said is true: the machine does not agree
    NO_ANSWER = "no_answer"  # K-3: nobody could be asked; its own column, never kept


@dataclass(frozen=True, slots=True)
class OrderRow:
    """An order with what of its fault matters. severity: the gravest it ever had. hollow: (accepted_ns, due_ns) of each acceptance nobody
    followed. agrees: of the last round's repair; None where telemetry cannot say. turns: (at_ns, closed?) of each closing and each
    re-opening."""

    id: str
    equipment: str
    kind: str
    severity: Severity
    opened_ns: int
    round: int = 1
    fault: str | None = None
    rule: str | None = None
    mode: str = "live"
    parent: str | None = None
    firm: str | None = None
    accepted: bool = False
    closed_ns: int | None = None
    closed_by: str | None = None
    cause: str | None = None
    agrees: bool | None = None
    hollow: Sequence[tuple[int, int]] = ()
    turns: Sequence[tuple[int, bool]] = ()


@dataclass(frozen=True, slots=True)
class ClockRow:
    order: str
    name: ClockName
    round: int
    started_ns: int
    due_ns: int
    stopped_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """One limit of one order. due_ns: where it falls. length_s: from the start to the step, None while there is none. why: a code of
    words/kpi.yaml for what was not kept. limit_s: how long it could have taken, of limits that run from a start."""

    clause: Clause
    order: str
    verdict: Verdict
    due_ns: int
    length_s: float | None = None
    why: str = ""
    limit_s: float | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """cases: in the order of their limits. apart: how many orders, by reason. running: limits of the period that are still ahead."""

    cases: Sequence[Case]
    apart: Mapping[Apart, int]
    running: int = 0
    orders: Mapping[str, OrderRow] = field(default_factory=dict, repr=False)


def judge(span: Period, as_of_ns: int, orders: Iterable[OrderRow], clocks: Iterable[ClockRow]) -> Judged:
    """orders: all that have a limit in the period or were opened in it; clocks: all of these orders, of every round."""
    by_order: dict[str, list[ClockRow]] = defaultdict(list)
    for clock in clocks:
        if clock.started_ns <= as_of_ns:
            by_order[clock.order].append(clock)
    cases: list[Case] = []
    apart: Counter[Apart] = Counter()
    running = 0
    seen: dict[str, OrderRow] = {}
    for order in orders:
        if order.opened_ns > as_of_ns:
            continue
        seen[order.id] = order
        own = sorted(by_order[order.id], key=lambda clock: (clock.round, clock.name.value))
        if (reason := apart_as(order, own, as_of_ns)) is not None:
            apart[reason] += span.has(min((clock.due_ns for clock in own), default=order.opened_ns))  # once, by its first limit
            continue
        found = [*_timed(order, own, as_of_ns), *_repairs(order, own, as_of_ns), *_closure(order, own, as_of_ns)]
        inside = [case for case in found if span.has(case.due_ns)]
        cases += [case for case in inside if case.verdict is not Verdict.MISSED or case.due_ns < as_of_ns]
        running += sum(1 for case in inside if case.verdict is Verdict.MISSED and case.due_ns >= as_of_ns)
    ranked = sorted(cases, key=lambda case: (case.due_ns, case.order, case.clause))
    return Judged(ranked, {reason: apart[reason] for reason in Apart}, running, seen)


def apart_as(order: OrderRow, clocks: Sequence[ClockRow], as_of_ns: int) -> Apart | None:
    """None: it counts."""
    if order.kind == "monitor":
        return Apart.MONITOR
    if order.mode in (Apart.EXERCISE, Apart.COMMISSIONING):
        return Apart(order.mode)
    closed = order.closed_by == SYSTEM and order.closed_ns is not None and order.closed_ns <= as_of_ns
    if order.parent is not None or (closed and order.cause == PART):
        return Apart.CHILD
    if order.severity is Severity.ADVISORY:
        return Apart.ADVISORY
    if closed and order.cause == SELF_CLEARED and not order.severity.urgent and not order.accepted and order.closed_ns is not None:
        responses = [clock.due_ns for clock in clocks if clock.name is ClockName.RESPONSE and clock.round == order.round]
        if all(order.closed_ns <= due_ns for due_ns in responses):
            return Apart.SELF_CLEARED
    return None


_ARRIVALS = {
    Severity.DANGER: Clause.ARRIVAL_DANGER, Severity.READINESS: Clause.ARRIVAL_READINESS, Severity.NORMAL: Clause.ARRIVAL_NORMAL,
}  # fmt: skip


def _timed(order: OrderRow, clocks: Sequence[ClockRow], as_of_ns: int) -> Iterable[Case]:
    """R-1, R-2, R-6 and the arrivals. An acceptance that nobody followed (空接单) is none: both its limits were missed."""
    hollow = {accepted_ns: due_ns for accepted_ns, due_ns in order.hollow if due_ns <= as_of_ns}
    arrivals = set()
    for clock in clocks:
        stopped_ns = _known(clock.stopped_ns, as_of_ns)
        length_s = (stopped_ns - clock.started_ns) / NS if stopped_ns is not None else None
        kept = stopped_ns is not None and stopped_ns <= clock.due_ns
        if clock.name is ClockName.RESPONSE:
            clause = Clause.URGENT_RESPONSE if order.severity.urgent else Clause.RESPONSE
            if stopped_ns in hollow:
                yield Case(clause, order.id, Verdict.MISSED, clock.due_ns, None, "hollow")
                continue
        elif clock.name is ClockName.ARRIVAL:
            clause = _ARRIVALS[order.severity]
            arrivals.add(clock.due_ns)
        elif clock.name is ClockName.UNIT:
            clause = Clause.UNIT
        else:
            continue
        verdict, why = (Verdict.KEPT, "") if kept else (Verdict.MISSED, _late(stopped_ns))
        yield Case(clause, order.id, verdict, clock.due_ns, length_s, why, (clock.due_ns - clock.started_ns) / NS)
    for due_ns in sorted(set(hollow.values()) - arrivals):
        yield Case(_ARRIVALS[order.severity], order.id, Verdict.MISSED, due_ns, None, "hollow")


def _repairs(order: OrderRow, clocks: Sequence[ClockRow], as_of_ns: int) -> Iterable[Case]:
    """K-2, a case a round. Only a person repairs: what went away by itself is none, nor what was open again within 72 h."""
    rounds = {clock.round: clock for clock in clocks if clock.name is ClockName.RESTORE}
    for number, clock in rounds.items():
        stopped_ns = _known(clock.stopped_ns, as_of_ns)
        length_s = (stopped_ns - clock.started_ns) / NS if stopped_ns is not None else None
        last = number == order.round
        again = rounds.get(number + 1)
        if stopped_ns is None or stopped_ns > clock.due_ns:
            verdict, why = Verdict.MISSED, _late(stopped_ns)
        elif last and order.closed_by == SYSTEM:
            verdict, why, length_s = Verdict.MISSED, SELF_CLEARED, None
        elif again is not None and again.started_ns - stopped_ns <= REOPENED_WITHIN_NS:
            verdict, why = Verdict.MISSED, "reopened"
        elif last and order.agrees is False:
            verdict, why = Verdict.UNKNOWN, "disagrees"
        else:
            verdict, why = Verdict.KEPT, ""
        yield Case(Clause.REPAIR, order.id, verdict, clock.due_ns, length_s, why)


def _closure(order: OrderRow, clocks: Sequence[ClockRow], as_of_ns: int) -> Iterable[Case]:
    """K-3, a case an order, where its last repair was due: from receipt to confirmation by somebody who did not do the work."""
    last = max((clock for clock in clocks if clock.name is ClockName.RESTORE), key=lambda clock: clock.round, default=None)
    if last is None:
        return
    turns = [turn for turn in sorted(order.turns) if turn[0] <= as_of_ns]
    closed = bool(turns) and turns[-1][1]
    if not closed:
        yield Case(Clause.CLOSURE, order.id, Verdict.MISSED, last.due_ns, None, "open")
        return
    length_s = (turns[-1][0] - order.opened_ns) / NS
    verdict, why = Verdict.KEPT, ""
    if order.closed_by == SYSTEM:
        verdict, why = Verdict.MISSED, SELF_CLEARED
    elif order.cause == NO_ANSWER:
        verdict, why = Verdict.NO_ANSWER, NO_ANSWER
    yield Case(Clause.CLOSURE, order.id, verdict, last.due_ns, length_s, why)


def _known(at_ns: int | None, as_of_ns: int) -> int | None:
    return at_ns if at_ns is not None and at_ns <= as_of_ns else None


def _late(stopped_ns: int | None) -> str:
    return "late" if stopped_ns is not None else "never"
