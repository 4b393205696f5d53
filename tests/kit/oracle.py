"""What may not be, after a component has failed: read from the records' rows and from what providers received, as a stranger would.

It shares nothing with the rules, the auditor or the outbox. P4: no urgent fault is raised and idle; P5: what is called accepted was taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Row = tuple[object, ...]
Ask = Callable[[str], Sequence[Row]]  # rows of records.db

_FAULTS = "SELECT id, equipment, rule, severity, condition, mode, parent, work_order FROM fault"
_ORDERS = "SELECT id, state, accepted_by FROM work_order"
_CALLS = "SELECT work_order, state, next_ns FROM call"
_PAGES = "SELECT id, channel, state, fault, work_order FROM outbox"
URGENT = ("danger", "readiness")
LATE_NS = 10 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Records:
    """faults, orders, calls, pages: the rows as the statements above name them."""

    faults: Sequence[Row]
    orders: Mapping[str, Row]
    calls: Mapping[str, Row]
    pages: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Taken:
    """What a provider received. key: the page's id. yes: it was answered that it is taken."""

    channel: str
    key: str
    at_s: float
    yes: bool


def records(ask: Ask) -> Records:
    return Records(ask(_FAULTS), {str(row[0]): row for row in ask(_ORDERS)}, {str(row[0]): row for row in ask(_CALLS)}, ask(_PAGES))


def idle(seen: Records, now_ns: int, farthest_ns: int) -> list[str]:
    """P4, T4: urgent faults about which nothing would happen any more. farthest_ns: the next call is no farther away than this.

    One that was due is made at the next tick; what is overdue by LATE_NS nobody makes.
    """
    found = []
    for id_, equipment, rule, severity, condition, mode, parent, work_order in seen.faults:
        if severity not in URGENT or condition not in ("active", "recovering") or mode != "live" or parent is not None:
            continue
        order, call = seen.orders.get(str(work_order)), seen.calls.get(str(work_order))
        if order is None or order[1] == "closed":
            found.append(f"{id_} {rule} of {equipment} has no order")
        elif order[1] == "open" and (call is None or call[1] != "calling" or call[2] is None):
            found.append(f"{id_} {rule} of {equipment} is raised and idle: nobody is called")
        elif order[1] == "open" and call is not None and not now_ns - LATE_NS <= int(str(call[2])) <= now_ns + farthest_ns:
            found.append(f"{id_} {rule} of {equipment} is raised and idle: the next call is {(int(str(call[2])) - now_ns) / 1e9:.1f} s away")
    return found


def wrong_number(seen: Records, flipped: Counter[str], rule: str) -> list[str]:
    """Each time a device showed it there is one fault, no more and no less."""
    raised = Counter(str(fault[1]) for fault in seen.faults if fault[2] == rule)
    return [f"{name}: shown {flipped[name]} times, raised {raised[name]}" for name in sorted(flipped | raised) if flipped[name] != raised[name]]


def unpaged(seen: Records, taken: Sequence[Taken], rule: str) -> list[str]:
    """Faults of which no provider has ever taken a page."""
    told = {page.key for page in taken if page.yes}
    about = {str(page[3]) for page in seen.pages if str(page[0]) in told}
    return [f"{fault[0]} {rule} of {fault[1]}: nobody was told" for fault in seen.faults if fault[2] == rule and str(fault[0]) not in about]


def invented(seen: Records, taken: Sequence[Taken]) -> list[str]:
    """P5: pages that the records call accepted and no provider has taken."""
    told = {(page.channel, page.key) for page in taken if page.yes}
    return [f"{page[0]} is called accepted, {page[1]} never took it" for page in seen.pages if page[2] == "accepted" and page[1:2] + page[:1] not in told]


def lost(seen: Records) -> list[str]:
    """Pages that still wait when all is well again."""
    return [f"{page[0]} to {page[1]} still waits" for page in seen.pages if page[2] == "queued"]


def twice(taken: Sequence[Taken]) -> int:
    """How often a provider that had taken a page was given it again, of the page that was so most often."""
    return max(Counter((page.channel, page.key) for page in taken if page.yes).values(), default=1) - 1


def about(body: Mapping[str, object]) -> tuple[str, str]:
    """(rule, machine) of a page, empty for one that is about no fault."""
    fault = body.get("fault")
    return (str(fault["rule"]), str(fault["equipment"])) if isinstance(fault, dict) else ("", "")
