"""What changes, told as it happens: one look at each site serves all clients. Server-sent events `fault`, `order`, `values`.

Every event has an id; who comes back with its last id gets what it missed, or `reset` where that is no longer known: read everything anew.
A client that does not read is dropped, it comes back by itself. Nothing here can slow the alerting: it only reads.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count

import apsw
import orjson
import structlog

from dashboards.console.described import fault_shape, order_shape, sample_shape
from dashboards.console.roles import Person
from dashboards.console.shapes import FaultShape, OrderShape
from dashboards.console.sites import Sites, SiteView
from dashboards.console.tables import Fault, Order
from plantroom.clock import NS, Clock
from plantroom.site import Binding

log = structlog.get_logger()
LOOK_EVERY_S = 0.25
ALONE_EVERY_NS = 10 * NS  # while nobody listens: who comes is told what changed since
LOOK_SHARE = 10  # times what a look at the records took, before the next: in a flood pages leave first
SHARES = 4  # of the machines of a site: one look tells the values of one share, so that none of them holds up the pages for long
HEARTBEAT_S = 15.0
MOST_CLIENTS = 50
KEPT = 1_000
MOST_WAITING = 400
MOST_OPEN = 2_000


class TooMany(Exception):
    """As many clients as this process serves; the next one is asked to come later."""


@dataclass(frozen=True, slots=True)
class Event:
    """data: JSON, of the machine `equipment`, about an order handed to `firm`. values: for `values` events the samples of each machine,
    joined once for all who listen: a client who looks at one machine gets one machine."""

    n: int
    site: str
    kind: str
    data: bytes
    equipment: str = ""
    values: Mapping[str, bytes] | None = None
    firm: str = ""


@dataclass(slots=True)
class _Seen:
    """A site as last told."""

    version: int | None = None
    looked_ns: int = 0  # at the records; of the clock since boot
    took_ns: int = 0
    turns: list[int] = field(default_factory=lambda: [0] * SHARES)  # up to which each share's values were told
    faults: dict[str, tuple[Fault, Order | None]] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    config_seq: int = -1
    bindings: dict[str, tuple[int, str, Binding]] = field(default_factory=dict)  # by point; the share and id of its machine


@dataclass(eq=False, slots=True)
class Client:
    person: Person
    site: str | None
    equipment: frozenset[str] | None
    queue: asyncio.Queue[Event | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))


class Hub:
    def __init__(self, sites: Sites, clock: Clock) -> None:
        self._sites, self._clock = sites, clock
        self._seen: dict[str, _Seen] = {}
        self._clients: set[Client] = set()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._n = 0
        self._start = clock.read().wall_ns // 1_000_000  # ids of an earlier life of this process are told from ours
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._clients)

    async def run(self) -> None:
        """Looks for ever; at the records only now and then while nobody listens."""
        for look in count():
            for view in self._sites.all():
                try:
                    self._look(view, shares=(look % SHARES,), with_records=self._due(view))
                except apsw.Error as error:
                    log.warning("records_unreadable", site=view.id, error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)

    async def listen(self, client: Client, last_id: str | None, still_allowed: Callable[[], bool]) -> AsyncIterator[bytes]:
        """The stream of one client, heartbeats included. Ends when the session does."""
        if len(self._clients) >= MOST_CLIENTS:
            raise TooMany
        missed = self._missed(client, last_id)  # and from here on nothing is lost: no await in between
        self._clients.add(client)
        try:
            yield b"retry: 2000\n\n"
            yield b"event: reset\ndata: {}\n\n" if missed is None else b""
            for event in missed or ():
                yield self._wire(event, client)
            while True:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        event_or_end = await client.queue.get()
                except TimeoutError:
                    if not still_allowed():
                        yield b"event: ended\ndata: {}\n\n"
                        return
                    yield b'event: heartbeat\ndata: {"now":%d}\n\n' % (self._clock.read().wall_ns // 1_000_000)
                    continue
                if event_or_end is None:
                    return
                yield self._wire(event_or_end, client)
        finally:
            self._clients.discard(client)

    def end_all(self) -> None:
        """Streams end, so that the process can."""
        for client in list(self._clients):
            self._drop(client)

    def _due(self, view: SiteView) -> bool:
        seen = self._seen.get(view.id)
        pause_ns = 0 if seen is None else LOOK_SHARE * seen.took_ns if self._clients else ALONE_EVERY_NS
        return seen is None or self._clock.read().boot_ns >= seen.looked_ns + pause_ns

    def _look(self, view: SiteView, shares: Iterable[int] = range(SHARES), with_records: bool = True) -> None:
        seen = self._seen.setdefault(view.id, _Seen())
        if with_records and (version := view.tables.version()) != seen.version:
            seen.version, seen.looked_ns = version, self._clock.read().boot_ns
            self._look_at_records(view, seen)
            seen.took_ns = self._clock.read().boot_ns - seen.looked_ns
        for share in shares:
            self._look_at_values(view, seen, share)

    def _look_at_records(self, view: SiteView, seen: _Seen) -> None:
        now = self._clock.read().wall_ns
        tables = view.tables
        orders = {order.id: order for order in tables.open_orders(MOST_OPEN)}
        faults = {fault.id: (fault, orders.get(fault.work_order or "")) for fault in tables.open_faults(MOST_OPEN)}
        for id_ in seen.faults.keys() - faults.keys():
            if (ended := tables.fault(id_)) is not None:
                handed = tables.order(ended.work_order) if ended.work_order else None
                self._tell_row(view, "fault", fault_shape(view, ended, None, now), handed)
        for id_ in seen.orders.keys() - orders.keys():
            if (closed := tables.order(id_)) is not None:
                self._tell_row(view, "order", order_shape(view, closed, now), closed)
        for id_, (fault, order) in faults.items():
            if seen.faults.get(id_) != (fault, order):
                self._tell_row(view, "fault", fault_shape(view, fault, order, now), order)
        for id_, order in orders.items():
            if seen.orders.get(id_) != order:
                self._tell_row(view, "order", order_shape(view, order, now), order)
        seen.faults, seen.orders = faults, orders

    def _tell_row(self, view: SiteView, kind: str, row: FaultShape | OrderShape, order: Order | None) -> None:
        firm = (order.firm or "") if order is not None else ""
        self._tell(Event(self._next(), view.id, kind, orjson.dumps(row), row["equipment"], firm=firm))

    def _look_at_values(self, view: SiteView, seen: _Seen, share: int) -> None:
        turn, seen.turns[share] = seen.turns[share], view.latest.turn
        if turn == view.latest.turn or not self._clients:
            return
        if seen.config_seq != view.config_seq and view.config is not None:
            seen.config_seq = view.config_seq
            seen.bindings = {b.point: (n % SHARES, e.id, b) for n, e in enumerate(view.config.equipment.values()) for b in e.bindings}
        now = self._clock.read().wall_ns
        pieces: dict[str, list[bytes]] = {}
        for point in view.latest.changed_since(turn):
            bound = seen.bindings.get(point)
            if bound is not None and bound[0] == share:
                pieces.setdefault(bound[1], []).append(orjson.dumps(sample_shape(bound[2], view.latest.sample(point), now)))
        if pieces:
            self._tell(Event(self._next(), view.id, "values", b"", values={id_: b",".join(samples) for id_, samples in pieces.items()}))

    def _tell(self, event: Event) -> None:
        if event.values is None:  # values are not kept: who comes back sees the newest ones anyway
            self._kept.append(event)
        for client in list(self._clients):
            if self._wants(client, event) and (event.values is None or self._pieces(event, client)):
                try:
                    client.queue.put_nowait(event)
                except asyncio.QueueFull:
                    self.dropped += 1
                    self._drop(client)

    def _drop(self, client: Client) -> None:
        self._clients.discard(client)
        while not client.queue.empty():
            client.queue.get_nowait()
        client.queue.put_nowait(None)

    def _missed(self, client: Client, last_id: str | None) -> list[Event] | None:
        """Events after that id; None where they are not all known any more. A new client has missed nothing."""
        if not last_id:
            return []
        start, _, n = last_id.partition("-")
        if start != str(self._start) or not n.isdigit() or (self._kept and int(n) < self._kept[0].n - 1 and len(self._kept) == KEPT):
            return None
        return [event for event in self._kept if event.n > int(n) and self._wants(client, event)]

    def _wire(self, event: Event, client: Client) -> bytes:
        data = event.data
        if event.values is not None:
            data = b'{"site":%b,"values":[%b]}' % (orjson.dumps(event.site), b",".join(self._pieces(event, client)))
        return b"id: %d-%d\nevent: %b\ndata: %b\n\n" % (self._start, event.n, event.kind.encode(), data)

    def _wants(self, client: Client, event: Event) -> bool:
        """Of values whether any of this site are wanted; which ones: `_pieces`."""
        if not client.person.sees(event.site) or client.site not in (None, "", event.site):
            return False
        theirs = None if event.values is not None else self._sites.theirs(client.person, event.site)
        if theirs is None or event.equipment in theirs:
            return True
        return bool(event.firm) and event.firm == self._sites.firm(client.person, event.site)

    def _pieces(self, event: Event, client: Client) -> list[bytes]:
        values = event.values or {}
        wanted = set(values) if client.equipment is None else client.equipment & values.keys()
        theirs = self._sites.theirs(client.person, event.site)
        if theirs is not None:
            wanted &= theirs
        return [values[equipment] for equipment in wanted]

    def _next(self) -> int:
        self._n += 1
        return self._n
