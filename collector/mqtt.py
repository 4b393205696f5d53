"""MQTT in: one connection that is kept, messages decoded on the loop, the broker answered only after the commit.

A message is acknowledged (QoS 1) when the record it became is durable; killed before that, the broker delivers it again. The session is
kept by the broker (fixed client id). Back-pressure is the broker's in-flight limit, and not reading. An acknowledgement belongs to the
connection its message came on, never to a later one.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import structlog

from collector.backoff import Backoff
from collector.duplicates import Redelivery
from collector.flood import Allowance, Begun, Floods
from collector.mqtt_packets import Publish
from collector.mqtt_session import Subscriber, Unheard, Unwelcome, Welcome
from collector.outlet import Outlet
from collector.publishers import Publisher, directory_of
from collector.silence import Silence
from collector.tls import context_of, reason_of
from collector.topics import Taken
from plantroom.clock import NS, Clock
from plantroom.journal.record import Entry, Kind, encode_batch
from plantroom.site import Mqtt

CONNECT_S = 5.0
MOST_WAITING = 5_000  # messages received and not decoded yet; then nothing more is read
MOST_WAITING_BYTES = 16 << 20
AT_ONCE = 200  # messages decoded before the loop turns to others
LOOK_S = 0.5
log = structlog.get_logger()


class Wire(asyncio.Protocol):
    """The socket of one connection. over: why it ended, once it has."""

    def __init__(self, link: MqttLink, subscriber: Subscriber) -> None:
        self._link, self.subscriber = link, subscriber
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.flush()

    def data_received(self, data: bytes) -> None:
        if not self.over.done():
            self._link.received(self, bytes(data))
            self.flush()

    def connection_lost(self, error: Exception | None) -> None:
        self.end("the broker closed the connection" if error is None else self._link.reason(error))

    def end(self, why: str) -> None:
        """Closes at once: what is not acknowledged comes again."""
        if not self.over.done():
            self.over.set_result(why)
        if self._transport is not None:
            self._transport.abort()

    def flush(self) -> None:
        if self._transport is not None and self.subscriber.sends and not self._transport.is_closing():
            self._transport.write(b"".join(self.subscriber.sends))
        self.subscriber.sends.clear()

    def hold(self, held: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if held else self._transport.resume_reading)()


@dataclass(slots=True)
class _Group:
    """Messages decoded together: acknowledged together, after every group before them."""

    wire: Wire
    mids: list[int] = field(default_factory=list)
    durable: bool = False


class MqttLink:
    """One session with a broker. `run` stands in the service's TaskGroup; a dead broker is waited for, never an error."""

    def __init__(
        self, connection: str, link: Mqtt, client_id: str, publishers: Sequence[Publisher], outlet: Outlet, clock: Clock, backoff: Backoff
    ) -> None:
        self.connection = connection
        self.counts: Counter[str] = Counter()  # messages, bad payloads, drops, by what they were
        self.last_seen: dict[str, int] = {}  # device -> wall_ns of the last message in which it spoke
        self._link, self._client_id = link, client_id
        self._outlet, self._clock, self._backoff = outlet, clock, backoff
        self.directory = directory_of(publishers)
        self._publishers = {p.device: p for p in publishers}
        self._silence = Silence({p.device: p.heartbeat_s for p in publishers}, self._now_s())
        self._floods = Floods(link.device_rate)
        self._pace = Allowance(link.max_rate, max(link.max_rate / 10, AT_ONCE), self._now_s())
        self._redelivery = Redelivery()
        self._inbox: deque[tuple[Wire, Publish]] = deque()
        self._inbox_bytes = 0
        self._unanswered: deque[_Group] = deque()
        self._signalled = self._paused = self._held = self._been_up = False
        self._told: str | None = None
        self._failed: asyncio.Future[None]
        self._wire: Wire | None = None  # of the connection in use

    async def run(self) -> None:
        self._failed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(), name=f"silence of {self.connection}")
                group.create_task(self._stay_connected(), name=f"mqtt of {self.connection}")
                group.create_task(self._fail(), name=f"decoding of {self.connection}")
        finally:
            if self._wire is not None:  # what is not acknowledged now the broker keeps
                self._wire.subscriber.leave()
                self._wire.flush()
                self._wire.end("stopped")

    def pause(self) -> None:
        """The journal is full: what has arrived waits, unacknowledged, and when there is too much of it nothing more is read."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._drain()

    def reason(self, error: BaseException) -> str:
        return reason_of(error, self._link)

    def received(self, wire: Wire, data: bytes) -> None:
        for event in wire.subscriber.receive(data, self._now_s()):
            if isinstance(event, Publish):
                self._inbox.append((wire, event))
                self._inbox_bytes += event.size
            elif isinstance(event, Welcome):
                self._welcome(event)
            elif isinstance(event, Unwelcome):
                wire.end(event.why)
                return
            elif isinstance(event, Unheard):
                log.error("mqtt.subscription_refused", connection=self.connection, topic=event.topic, why=event.why)
                self.counts["subscription refused"] += 1
        if self._inbox and not self._signalled:
            self._signalled = True
            asyncio.get_running_loop().call_soon(self._drain)
        self._hold_back()

    async def _stay_connected(self) -> None:
        loop, where = asyncio.get_running_loop(), f"{self._link.host}:{self._link.port}"
        while True:
            subscriber = Subscriber(self._link, self._client_id, self.directory.filters, self._redelivery)
            wire = self._wire = Wire(self, subscriber)
            try:
                tls = context_of(self._link)
                async with asyncio.timeout(CONNECT_S):
                    await loop.create_connection(lambda wire=wire: wire, self._link.host, self._link.port, ssl=tls)  # type: ignore[misc]
                why = await wire.over
            except (OSError, TimeoutError) as error:
                why = self.reason(error)
            wire.end(why)
            self._tell("down", f"{where}: {why}")
            await asyncio.sleep(self._backoff.next_s())

    async def _fail(self) -> None:
        await self._failed

    async def _watch(self) -> None:
        """Silent devices, the connection's own pulse, floods that began or ended."""
        while True:
            now_s = self._now_s()
            for device in self._silence.overdue(now_s):
                self.counts["silent"] += 1
                self._outlet.take(self._publishers[device].silent(self._clock.read().wall_ns))
            if self._wire is not None and not self._wire.over.done():
                if why := self._wire.subscriber.tick(now_s):
                    self._wire.end(why)
                self._wire.flush()
            self._tell_floods(now_s)
            await asyncio.sleep(min(max(self._silence.next_s() - now_s, 0.02), LOOK_S))

    def _drain(self) -> None:
        """Decode what arrived, queue it for the journal in one go, acknowledge it when that is durable."""
        self._signalled = False
        try:
            groups, entries = self._decode_some()
            if groups:
                self._unanswered += groups
                if entries:
                    self._outlet.put(entries, lambda _: self._durable(groups))
                else:
                    self._durable(groups)
            self._hold_back()
            if self._inbox and not self._paused and not self._signalled:
                self._signalled = True
                loop, wait_s = asyncio.get_running_loop(), self._pace.wait_s(self._now_s())
                loop.call_later(wait_s, self._drain) if wait_s else loop.call_soon(self._drain)
        except BaseException as error:  # the loop would only log it
            if not self._failed.done():
                self._failed.set_exception(error)

    def _decode_some(self) -> tuple[list[_Group], list[Entry]]:
        groups: list[_Group] = []
        entries: list[Entry] = []
        now_s = self._now_s()
        for _ in range(AT_ONCE):
            if not self._inbox or self._paused or not self._pace.take(now_s):
                break
            wire, message = self._inbox.popleft()
            self._inbox_bytes -= message.size
            if not groups or groups[-1].wire is not wire:
                groups.append(_Group(wire))
            if message.qos:
                groups[-1].mids.append(message.mid)
                if self._redelivery.repeated(message.mid, message.topic, message.payload or b"", dup=message.dup):
                    self.counts["delivered again"] += 1
                    continue
            self._take(message, now_s, entries)
        return groups, entries

    def _take(self, message: Publish, now_s: float, entries: list[Entry]) -> None:
        """A message of no device, or one too many, has nothing of ours: a drop, counted by its reason."""
        self.counts["messages"] += 1
        takers = self.directory.find(message.topic)
        if not takers:
            self._count("no device has this topic", message.topic.decode("utf-8", "replace")[:200])
            return
        at = self._clock.read()
        for taker in takers:
            if not self._floods.admits(taker.device, now_s):
                self.counts["too many messages"] += 1
                continue
            if message.payload is None or len(message.payload) > self._link.max_payload:
                why = f"payload too large: {message.size} bytes, more than max_payload {self._link.max_payload}"
                taken = taker.refuse(message.topic, at, why)
            else:
                taken = taker.take(message.topic, message.payload, at, retained=message.retained)
            entries += [encode_batch(batch) for batch in taken.batches]
            self._note(taken, at.wall_ns, at.boot_ns / NS)

    def _note(self, taken: Taken, wall_ns: int, now_s: float) -> None:
        for device in taken.heard:
            self._silence.heard(device, now_s)
            self.last_seen[device] = wall_ns
        for device, fault in taken.faults:
            self._count(fault, device)
        if taken.missing:
            self.counts["missing messages"] += taken.missing

    def _durable(self, groups: Sequence[_Group]) -> None:
        """Acknowledges in the order of arrival (MQTT 4.6), each group on its own connection."""
        for group in groups:
            group.durable = True
        wire: Wire | None = None
        while self._unanswered and self._unanswered[0].durable:
            group = self._unanswered.popleft()
            if group.mids and not group.wire.over.done():
                wire = group.wire
                wire.subscriber.acknowledge(group.mids)
        if wire is not None:
            wire.flush()
