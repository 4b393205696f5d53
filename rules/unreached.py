"""T3: where no channel takes a page, the next step of the chain does not wait for its time."""

from __future__ import annotations

from plantroom.clock import NS
from rules import calling
from rules.desk import Desk
from rules.house import House
from rules.rows import Page

# Attempts end by themselves within ten seconds, and fail at 0 2 7 17 s, or at 10 22 s where each takes its ten: the one that finds nobody
# after this long is the last within 30 s.
UNREACHED_NS = 15 * NS
CALLS = frozenset({"raised", "no_data", "returned", calling.ESCALATED})


def look(desk: Desk, house: House, failed: Page) -> None:
    """After an attempt that was not accepted."""
    order = desk.standing(failed.work_order)
    if order is None or not failed.severity.urgent or desk.now_ns - failed.created_ns < UNREACHED_NS:
        return
    call = desk.calls.get(order.id)
    if call is None or call.state != calling.State.CALLING or call.step >= len(calling.chain_of(call).steps):
        return
    calls = [page for page in desk.pages_of(order) if page.reason in CALLS]
    newest_ns = max((page.created_ns for page in calls), default=desk.now_ns)
    wave = [page for page in calls if page.created_ns == newest_ns]
    if desk.now_ns - newest_ns >= UNREACHED_NS and not any(page.state == "accepted" for page in wave):
        calling.hurry(desk, order)
