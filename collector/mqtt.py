"""MQTT in: one connection that is kept, messages decoded on the loop, the broker answered only after the commit.

A message is acknowledged (QoS 1) when the record it became is durable; killed before that, the broker delivers it again. The session is
kept by the broker (fixed client id). Back-pressure is the broker's in-flight limit, and not reading. An acknowledgement belongs to the
connection its message came on, never to a later one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson
import structlog

from collector.backoff import Backoff
from collector.flood import Allowance
from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.mqtt_session import Subscriber, Unheard, Unwelcome, Welcome
from collector.mqtt_wire import Wire
from collector.outlet import Outlet
from collector.publishers import Publisher
from collector.tls import context_of, reason_of
from plantroom.clock import NS, Clock
from plantroom.journal.record import Entry, Kind
from plantroom.model import Batch
from plantroom.site import Mqtt

CONNECT_S = 5.0
MOST_WAITING = 5_000  # messages received and not decoded yet; then nothing more is read
MOST_WAITING_BYTES = 16 << 20
AT_ONCE = 200  # messages decoded before the loop turns to others
LOOK_S = 0.5
log = structlog.get_logger()


@dataclass(slots=True)
class Group:
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
        self._link, self._client_id = link, client_id
        self._outlet, self._clock, self._backoff = outlet, clock, backoff
        self.intake = Intake(connection, publishers, link.max_payload, link.device_rate, self._now_s())
        self.counts, self.last_seen = self.intake.counts, self.intake.last_seen
        self._pace = Allowance(link.max_rate, max(link.max_rate / 10, AT_ONCE), self._now_s())
        self._inbox: deque[tuple[Wire, Publish]] = deque()
        self._inbox_bytes = 0
        self._unanswered: deque[Group] = deque()
        self._signalled = self._paused = self._held = self._was_up = False
        self._told = ("connecting", "")
        self._failed: asyncio.Future[None]
        self._wire: Wire | None = None  # of the connection in use

    @property
    def state(self) -> tuple[str, str]:
        """(connecting, up or down, why)."""
        return self._told

    async def run(self) -> None:
        self._failed = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(), name=f"silence of {self.connection}")
                group.create_task(self._stay_connected(), name=f"mqtt of {self.connection}")
                group.create_task(self._fail(), name=f"decoding of {self.connection}")
        finally:
            self._paused = True  # what is not acknowledged now the broker keeps
            if self._wire is not None:
                self._wire.subscriber.leave()
                self._wire.flush()
                self._wire.end("stopped")

    def pause(self) -> None:
        """The journal is full: what has arrived waits, unacknowledged, and when there is too much of it nothing more is read."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._soon()

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
            elif isinstance(event, Unheard):
                log.error("mqtt.subscription_refused", connection=self.connection, topic=event.topic, why=event.why)
                self.counts["subscription refused"] += 1
        self._soon()
        self._hold_back()

    async def _stay_connected(self) -> None:
        loop, where = asyncio.get_running_loop(), f"{self._link.host}:{self._link.port}"
        while True:
            subscriber = Subscriber(self._link, self._client_id, self.intake.directory.filters, self.intake.redelivery)
            wire = self._wire = Wire(self, subscriber)
            try:
                tls = context_of(self._link)
                async with asyncio.timeout(CONNECT_S):
                    await loop.create_connection(lambda wire=wire: wire, self._link.host, self._link.port, ssl=tls)
                why = await wire.over
            except (OSError, TimeoutError) as error:
                why = self.reason(error)
            wire.end(why)
            self._held = False
            self._tell("down", f"{where}: {why}")
            await asyncio.sleep(self._backoff.next_s())

    async def _fail(self) -> None:
        await self._failed

    async def _watch(self) -> None:
        """Silent devices, the connection's own pulse, floods that began or ended."""
        while True:
            at = self._clock.read()
            for batch in self.intake.silent(at):
                self._outlet.take(batch)
            for event in self.intake.floods(at):
                log.warning(f"mqtt.{event['event']}", **{key: value for key, value in event.items() if key != "event"})
                self._outlet.put([Entry(Kind.EVENT, orjson.dumps(event))])
            if self._wire is not None and not self._wire.over.done():
                if why := self._wire.subscriber.tick(at.boot_ns / NS):
                    self._wire.end(why)
                self._wire.flush()
            await asyncio.sleep(min(max(self.intake.next_silence_s() - at.boot_ns / NS, 0.02), LOOK_S))

    def _soon(self) -> None:
        """Decodes what has arrived, at the next turn of the loop, or when the pace allows."""
        if self._inbox and not self._paused and not self._signalled:
            self._signalled = True
            loop, wait_s = asyncio.get_running_loop(), self._pace.wait_s(self._now_s())
            if wait_s:
                loop.call_later(wait_s, self._drain)
            else:
                loop.call_soon(self._drain)

    def _drain(self) -> None:
        """Decodes some, queues it for the journal in one go; acknowledged is it when that is durable."""
        self._signalled = False
        try:
            groups, batches = self._decode_some()
            self._unanswered += groups
            for batch in batches:
                self._outlet.take(batch)
            if batches:
                self._outlet.put((), lambda _: self._durable(groups))  # behind them: in their commit, or in a later one
            elif groups:
                self._durable(groups)
            self._hold_back()
            self._soon()
        except BaseException as error:  # the loop would only log it
            if not self._failed.done():
                self._failed.set_exception(error)

    def _decode_some(self) -> tuple[list[Group], list[Batch]]:
        groups: list[Group] = []
        batches: list[Batch] = []
        at = self._clock.read()
        while self._inbox and not self._paused and len(batches) < AT_ONCE and self._pace.take(at.boot_ns / NS):
            wire, message = self._inbox.popleft()
            self._inbox_bytes -= message.size
            if not groups or groups[-1].wire is not wire:
                groups.append(Group(wire))
            if message.qos:
                groups[-1].mids.append(message.mid)
            batches += self.intake.take(message, at)
        return groups, batches

    def _durable(self, groups: Sequence[Group]) -> None:
        """Acknowledges in the order of arrival (MQTT 4.6), each group on its own connection."""
        for group in groups:
            group.durable = True
        wires: dict[Wire, None] = {}
        while self._unanswered and self._unanswered[0].durable:
            group = self._unanswered.popleft()
            if group.mids and not group.wire.over.done():
                group.wire.subscriber.acknowledge(group.mids)
                wires[group.wire] = None
        for wire in wires:
            wire.flush()

    def _hold_back(self) -> None:
        """No more is read than can wait here; the rest waits at the broker."""
        too_much = len(self._inbox) >= MOST_WAITING or self._inbox_bytes >= MOST_WAITING_BYTES
        if too_much is not self._held and self._wire is not None:
            self._held = too_much
            self._wire.hold(too_much)

    def _welcome(self, event: Welcome) -> None:
        self._backoff.reset()
        lost = self._was_up and not event.session
        self._tell("up", "the broker has kept nothing for us; what was sent meanwhile is missing" if lost else "")
        self._was_up = True

    def _tell(self, state: str, reason: str) -> None:
        """An event of the journal where the state changes; another reason for the same state is a line of the log."""
        before, self._told = self._told, (state, reason)
        if before[0] != state:
            self._outlet.say(self.connection, state, reason)
        elif before[1] != reason:
            log.warning("mqtt.still_down", connection=self.connection, reason=reason)

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS
