"""What the screen of a duty room shows: what is open, what of it nobody there has heard yet, and so what it sounds for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dashboards.console.sites import SiteView
from dashboards.console.tables import SEVERITIES, Fault, Order, Page
from plantroom.clock import NS

DUTY_ROOM = "duty_room"  # a type of channel
QUIET = frozenset({"cleared"})  # reasons that want nobody
NOTICES_NS = 12 * 3600 * NS
MOST = 60


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is open. unheard: its pages to this room that nobody has heard, oldest first; heard: the last one that was."""

    order: Order
    fault: Fault | None
    unheard: tuple[Page, ...]
    heard: Page | None

    @property
    def severity(self) -> str:
        return self.fault.severity if self.fault is not None else self.order.severity

    @property
    def loud(self) -> bool:
        return any(page.reason not in QUIET for page in self.unheard)

    def place(self) -> tuple[bool, int, int]:
        return not self.loud, SEVERITIES.index(self.severity), -self.order.opened_ns


@dataclass(frozen=True, slots=True)
class Board:
    """pages: ids of all that stand there, for what is told as shown. more: entries that have no room."""

    entries: tuple[Entry, ...]
    notices: tuple[Page, ...]
    pages: tuple[str, ...]
    more: int

    @property
    def loud(self) -> str:
        """The gravest class that sounds, "" for silence."""
        return next((name for name in SEVERITIES if any(entry.loud and entry.severity == name for entry in self.entries)), "")


def channels_of(view: SiteView) -> list[str]:
    return [channel.id for channel in view.config.channels.values() if channel.type == DUTY_ROOM] if view.config is not None else []


def board(view: SiteView, now_ns: int) -> Board:
    """Loud ones first, then by class, then the newest."""
    orders = {order.id: order for order in view.tables.open_orders()}
    faults = {fault.work_order: fault for fault in reversed(view.tables.open_faults()) if fault.parent is None}
    pages = view.tables.room_pages(channels_of(view), list(orders), now_ns - NOTICES_NS)
    entries = sorted(_entries(view, orders, faults, [page for page in pages if _is_told(page, now_ns)]), key=Entry.place)
    notices = tuple(page for page in pages if page.work_order is None and page.state != "dropped")
    ids = [page.id for entry in entries[:MOST] for page in entry.unheard] + [page.id for page in notices]
    return Board(tuple(entries[:MOST]), notices, tuple(ids), max(0, len(entries) - MOST))


def _is_told(page: Page, now_ns: int) -> bool:
    """Not one that is dropped, or that waits because it may turn out to be a part of another."""
    return page.state != "dropped" and (bool(page.attempts) or page.due_ns <= now_ns)


def _entries(view: SiteView, orders: Mapping[str, Order], faults: Mapping[str | None, Fault], pages: Iterable[Page]) -> list[Entry]:
    about: dict[str | None, list[Page]] = {}
    for page in pages:
        about.setdefault(page.work_order, []).append(page)
    found = []
    for order in orders.values():
        own = about.get(order.id, [])
        last = max((n for n, page in enumerate(own) if page.heard is not None), default=-1)  # who hears one has heard those before it
        unheard, heard = tuple(own[last + 1 :]), own[last] if last >= 0 else None
        fault = faults.get(order.id) or (view.tables.fault(order.fault) if order.fault and own else None)
        found.append(Entry(order, fault, unheard, heard))
    return found
