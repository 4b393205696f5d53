"""A subscriber's side of one connection to a broker: bytes and instants in, events and bytes out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from collector import mqtt_packets as wire
from collector.duplicates import Redelivery
from collector.mqtt_codes import farewell, no_subscription, refusal
from collector.mqtt_packets import V3, V5, Bye, Connack, NotMqtt, Packet, Pong, Publish, Suback
from plantroom.site import Mqtt

KEEPALIVE_S = 20
GREETING_S = 5.0  # until the broker must have answered our CONNECT
FILTERS_AT_ONCE = 8  # of one SUBSCRIBE: the fewest some brokers take


class State(StrEnum):
    GREETING = "greeting"
    LISTENING = "listening"


EXPECTED: dict[State, tuple[type, ...]] = {
    State.GREETING: (Connack,),
    State.LISTENING: (Publish, Suback, Pong, Bye),
}


@dataclass(frozen=True, slots=True)
class Welcome:
    """The broker takes us. session: it has kept what came while we were away."""

    session: bool


@dataclass(frozen=True, slots=True)
class Unwelcome:
    """The connection is over, by the broker's word or by what cannot be MQTT."""

    why: str


@dataclass(frozen=True, slots=True)
class Unheard:
    """A topic filter the broker does not let us have; the others stand."""

    topic: str
    why: str


Event = Publish | Welcome | Unwelcome | Unheard


class Subscriber:
    """From CONNECT to the end. `sends` are bytes to be written, in order. fresh: begin a session that nobody keeps."""

    def __init__(self, link: Mqtt, client_id: str, filters: Sequence[str], redelivery: Redelivery, *, fresh: bool = False) -> None:
        self._level = V5 if link.version == "5" else V3
        self._filters = filters
        self._reader = wire.Reader(self._level, link.max_payload + wire.MOST_SMALL)
        self._most = link.max_payload
        self._redelivery = redelivery
        self._state = State.GREETING
        self._keepalive_s = KEEPALIVE_S
        self._greeted_s: float | None = None
        self._pinged_s = 0.0
        self._waiting = False  # for the answer to a PING
        expiry_s = 0 if fresh else min(int(link.session_expiry_s), 2**32 - 1)
        greeting = wire.connect(
            self._level, client_id, link.user, link.password, KEEPALIVE_S, fresh=fresh, expiry_s=expiry_s, in_flight=link.in_flight
        )
        self.sends: list[bytes] = [greeting]

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """After an Unwelcome nothing more may be received."""
        events: list[Event] = []
        try:
            for packet in self._reader.feed(data):
                if isinstance(packet, Publish) and self._state is State.LISTENING:
                    events.append(packet)
                elif (event := self._other(packet, now_s)) is not None:
                    events += event
        except NotMqtt as error:
            events.append(Unwelcome(f"it sends no MQTT: {error}"))
        return events

    def tick(self, now_s: float) -> str:
        """About once a second. Returns why the connection must be given up, "" = it need not."""
        if self._greeted_s is None:
            self._greeted_s = now_s
        if self._state is State.GREETING:
            return "no answer to our CONNECT: is that an MQTT broker?" if now_s - self._greeted_s > GREETING_S else ""
        if self._waiting and now_s - self._pinged_s > self._keepalive_s:
            return f"it has not answered a ping for {self._keepalive_s} s"
        if not self._waiting and now_s - self._pinged_s >= self._keepalive_s / 2:
            self._pinged_s, self._waiting = now_s, True
            self._redelivery.pinged()
            self.sends.append(wire.PING)
        return ""

    def acknowledge(self, mids: Sequence[int]) -> None:
        self.sends.append(wire.acknowledgements(mids))
        self._redelivery.acknowledged(mids)

    def leave(self) -> None:
        self.sends.append(wire.disconnect())

    def _other(self, packet: Packet, now_s: float) -> Iterable[Event] | None:
        if not isinstance(packet, EXPECTED[self._state]):
            return [Unwelcome(f"it sends {type(packet).__name__.lower()} while {self._state.value}")]
        if isinstance(packet, Connack):
            return self._greeted(packet, now_s)
        if isinstance(packet, Suback):
            return self._subscribed(packet)
        if isinstance(packet, Bye):
            return [Unwelcome(farewell(packet.code, packet.reason))]
        self._waiting = False
        self._redelivery.answered()
        return None

    def _greeted(self, packet: Connack, now_s: float) -> list[Event]:
        if packet.code:
            return [Unwelcome(refusal(self._level, packet.code, packet.reason))]
        self._state, self._pinged_s = State.LISTENING, now_s
        if packet.keepalive_s:
            self._keepalive_s = packet.keepalive_s
        self._redelivery.connected(same_session=packet.session)
        for first in range(0, len(self._filters), FILTERS_AT_ONCE):
            mid = first // FILTERS_AT_ONCE + 1
            self.sends.append(wire.subscribe(self._level, mid, self._filters[first : first + FILTERS_AT_ONCE]))
        return [Welcome(packet.session)]

    def _subscribed(self, packet: Suback) -> list[Event]:
        asked = self._filters[(packet.mid - 1) * FILTERS_AT_ONCE :][: len(packet.codes)]
        pairs = zip(asked, packet.codes, strict=False)
        return [Unheard(topic, no_subscription(self._level, code, packet.reason)) for topic, code in pairs if code >= 0x80]
