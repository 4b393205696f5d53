"""MQTT 3.1.1 in: paho's thread receives, the loop decodes, the broker is answered only after the commit.

A message is acknowledged (QoS 1) when the record it became is durable; killed before that, the broker delivers it again. The session is
kept by the broker (fixed client id, clean session off). Back-pressure is the broker's in-flight limit: what is not acknowledged is not
followed by more; QoS 0 is held back by not reading. An acknowledgement belongs to the connection its message came on, never to a later one.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any

import structlog
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage, topic_matches_sub
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from collector.backoff import Backoff
from collector.outlet import Outlet
from collector.payloads import PayloadDecoder
from collector.silence import Silence
from plantroom.clock import NS, Clock
from plantroom.journal.record import Entry, encode_batch
from plantroom.model import Batch
from plantroom.site import Mqtt

KEEPALIVE_S = 20
CONNECT_S = 3.0
MOST_WAITING = 10_000  # messages between paho's thread and the loop
AT_ONCE = 500  # messages decoded before the loop turns to others
SILENCE_LOOK_S = 0.5
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Publisher:
    """A device that publishes. topic, status_topic: filters, `{device}` already replaced. heartbeat_s: how often it should speak."""

    device: str
    topic: str
    status_topic: str | None
    decoder: PayloadDecoder
    heartbeat_s: float


@dataclass(frozen=True, slots=True)
class _Arrived:
    client: Client  # one per connection, so it says on which it came
    mid: int
    qos: int
    topic: str
    payload: bytes
    retained: bool


class Directory:
    """Topic -> (publisher, whether it is its status). Exact topics by look-up, filters with + and # one by one."""

    def __init__(self, publishers: Sequence[Publisher]) -> None:
        pairs = [(p.topic, (p, False)) for p in publishers] + [(p.status_topic, (p, True)) for p in publishers if p.status_topic]
        self.filters = [topic for topic, _ in pairs]
        self._exact = {topic: who for topic, who in pairs if not _is_filter(topic)}
        self._wild = [(topic, who) for topic, who in pairs if _is_filter(topic)]

    def find(self, topic: str) -> tuple[Publisher, bool] | None:
        found = self._exact.get(topic)
        if found is None:
            found = next((who for pattern, who in self._wild if topic_matches_sub(pattern, topic)), None)
        return found


class MqttLink:
    """One session with a broker. `run` stands in the service's TaskGroup; a dead broker is waited for, never an error."""

    def __init__(
        self, connection: str, link: Mqtt, client_id: str, publishers: Sequence[Publisher], outlet: Outlet, clock: Clock, backoff: Backoff
    ) -> None:
        self.connection = connection
        self.counts: Counter[str] = Counter()  # messages, bad payloads, drops, by what they were
        self._link, self._client_id = link, client_id
        self._outlet, self._clock, self._backoff = outlet, clock, backoff
        self._directory = Directory(publishers)
        self._publishers = {p.device: p for p in publishers}
        self._silence = Silence({p.device: p.heartbeat_s for p in publishers}, self._now_s())
        self._inbox: deque[_Arrived] = deque()
        self._room = threading.Event()
        self._stopping = threading.Event()
        self._signalled = False
        self._paused = False
        self._ended = False
        self._told: str | None = None
        self._lost = asyncio.Event()
        self._failed: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop
        self._context: Context  # of the service: its log lines say which they are
        self._client: Client | None = None  # of the connection in use

    async def run(self) -> None:
        self._loop, self._context = asyncio.get_running_loop(), copy_context()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_silence(), name=f"silence of {self.connection}")
                group.create_task(self._stay_connected(), name=f"mqtt of {self.connection}")
        finally:
            self._ended = True  # what comes now is not acknowledged, so the broker keeps it
            self._stopping.set()
            self._room.set()
            if self._client is not None:
                self._client.disconnect()
                self._client.loop_stop()

    def pause(self) -> None:
        """The journal is full: what has arrived waits, unacknowledged, and when there is too much of it nothing more is read."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False
        self._drain()

    # on the loop

    async def _stay_connected(self) -> None:
        while True:
            self._lost.clear()
            client = self._client = self._make_client()
            try:
                await asyncio.to_thread(client.connect, self._link.host, self._link.port, KEEPALIVE_S)
                client.loop_start()
                await self._lost.wait()
                self._stopping.set()
                self._room.set()
                await asyncio.to_thread(client.loop_stop)
                self._stopping.clear()
            except (OSError, ValueError) as error:
                self._tell("down", f"{self._link.host}:{self._link.port}: {error}")
            if self._failed is not None:
                raise self._failed
            await asyncio.sleep(self._backoff.next_s())

    async def _watch_silence(self) -> None:
        while True:
            now_s = self._now_s()
            for device in self._silence.overdue(now_s):
                self.counts["silent"] += 1
                self._outlet.take(self._publishers[device].decoder.silent(self._clock.read().wall_ns))
            await asyncio.sleep(min(max(self._silence.next_s() - now_s, 0.02), SILENCE_LOOK_S))

    def _drain(self) -> None:
        """Decode what arrived, queue it for the journal in one go, acknowledge it when that is durable."""
        self._signalled = False
        try:
            entries: list[Entry] = []
            answered: list[_Arrived] = []
            while self._inbox and not self._paused and len(answered) < AT_ONCE:
                arrived = self._inbox.popleft()
                batch = self._decode(arrived)
                if batch is not None:
                    entries.append(encode_batch(batch))
                answered.append(arrived)
            self._room.set()
            if entries:
                self._outlet.put(entries, lambda _: self._acknowledge(answered))
            elif answered:
                self._acknowledge(answered)
            if self._inbox and not self._paused:
                self._signalled = True
                self._loop.call_soon(self._drain)
        except BaseException as error:  # the loop would only log it
            self._failed = error
            self._lost.set()

    def _decode(self, arrived: _Arrived) -> Batch | None:
        """None: a drop, counted by its reason; the message has nothing of ours."""
        found = self._directory.find(arrived.topic)
        if found is None:
            self.counts["no device has this topic"] += 1
            return None
        publisher, is_status = found
        at = self._clock.read()
        self.counts["messages"] += 1
        if is_status:
            return self._status(publisher, arrived.payload, at.wall_ns)
        decoded = publisher.decoder.decode(arrived.payload, at.wall_ns, at.boot_ns, retained=arrived.retained)
        if decoded.fault:
            self._count(decoded.fault, publisher.device)
        if not arrived.retained:
            self._silence.heard(publisher.device, at.boot_ns / NS)
        return decoded.batch

    def _status(self, publisher: Publisher, payload: bytes, wall_ns: int) -> Batch | None:
        shape = publisher.decoder.shape
        word = payload.decode("utf-8", "replace").strip()
        if word == shape.offline:
            self._silence.heard(publisher.device, self._now_s())  # said now; said again after three heartbeats
            self.counts["offline"] += 1
            return publisher.decoder.silent(wall_ns)
        if word != shape.online:
            self._count(f"status is neither {shape.online} nor {shape.offline}", publisher.device)
        return None

    def _acknowledge(self, answered: Sequence[_Arrived]) -> None:
        for arrived in answered:
            if arrived.qos and arrived.client is self._client:
                self._client.ack(arrived.mid, arrived.qos)

    def _count(self, fault: str, device: str) -> None:
        kind = fault.split(":")[0]
        self.counts[kind] += 1
        if self.counts[kind] & (self.counts[kind] - 1) == 0:  # the 1st, 2nd, 4th, 8th ...: a line per run, not per message
            log.warning("mqtt.bad_payload", connection=self.connection, device=device, why=fault, times=self.counts[kind])

    def _tell(self, state: str, reason: str) -> None:
        if state == "up":
            self._backoff.reset()
        if self._told != state:
            self._told = state
            self._outlet.say(self.connection, state, reason)

    def _now_s(self) -> float:
        return self._clock.read().boot_ns / NS

    # in paho's thread

    def _make_client(self) -> Client:
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            clean_session=False,
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = CONNECT_S
        if self._link.user is not None:
            client.username_pw_set(self._link.user, self._link.password)
        if self._link.tls:
            client.tls_set()
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        return client

    def _on_connect(self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None) -> None:
        if reason.is_failure:
            self._on_loop(lambda: self._tell("down", f"the broker refused: {reason}"))
            return
        if self._directory.filters:
            client.subscribe([(topic, 1) for topic in self._directory.filters])
        self._on_loop(lambda: self._tell("up", ""))

    def _on_disconnect(
        self, client: Client, userdata: Any, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        def lost() -> None:
            self._tell("down", f"the broker closed: {reason}")
            self._lost.set()

        self._on_loop(lost)

    def _on_subscribe(self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None) -> None:
        for topic, reason in zip(self._directory.filters, reasons, strict=False):
            if reason.is_failure:
                remedy = "allow it in the broker's access list"
                log.error("mqtt.subscription_refused", connection=self.connection, topic=topic, remedy=remedy)

    def _on_message(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        while len(self._inbox) >= MOST_WAITING and not self._stopping.is_set():
            self._room.clear()
            self._room.wait(0.2)
        self._inbox.append(_Arrived(client, message.mid, message.qos, topic, bytes(message.payload), message.retain))
        if not self._signalled:
            self._signalled = True
            self._on_loop(self._drain)

    def _on_loop(self, do: Callable[[], None]) -> None:
        def unless_ended() -> None:
            if not self._ended:
                do()

        with suppress(RuntimeError):  # the loop has ended; nothing was acknowledged, so the broker delivers it again
            self._loop.call_soon_threadsafe(unless_ended, context=self._context)


def _is_filter(topic: str) -> bool:
    return "+" in topic or "#" in topic
