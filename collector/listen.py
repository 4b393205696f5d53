"""What devices say to a broker, seen through a profile and without a site: `plantroom try PROFILE --mqtt HOST`. Nothing is published."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from secrets import token_hex

from collector.duplicates import Redelivery
from collector.intake import Intake
from collector.mqtt_packets import Publish
from collector.mqtt_session import Subscriber, Unheard, Unwelcome, Welcome
from collector.mqtt_wire import Wire
from collector.publishers import publishers
from collector.tls import context_of, reason_of
from plantroom.clock import NS, Clock, Reading, iso
from plantroom.kinds import KindPoint, PointType, load_kind
from plantroom.model import Batch, Quality
from plantroom.profile_mqtt import DEVICE, NAMESPACE
from plantroom.profiles import JsonPath, Profile
from plantroom.site import Binding, Device, Mqtt

MOST_DEVICES = 200
CONNECT_S = 5.0
TICK_S = 1.0
Sample = tuple[int, float, int]  # at_ns, value, quality


class Heard:
    """What was heard of a profile's devices. name: the one to listen to; None = every one that speaks as the profile says. Pure."""

    def __init__(self, profile: Profile, name: str | None, max_payload: int, prefix: str = "") -> None:
        assert profile.mqtt is not None
        self.profile, self.name = profile, name
        self.devices: dict[str, Intake] = {}
        self.samples: dict[tuple[str, str], Sample] = {}  # (device, point) -> the newest
        self.others: set[str] = set()  # Sparkplug devices that are there, to choose from
        self._max_payload, self._prefix = max_payload, prefix
        self._patterns = [_pattern(prefix + topic) for topic in _topics(profile) if DEVICE in topic]

    @property
    def filters(self) -> list[str]:
        shape = self.profile.mqtt
        assert shape is not None
        if shape.sparkplug:
            group, node, *_ = [*(self.name or "+/+").split("/"), "+"]
            return [f"{self._prefix}{NAMESPACE}/{group}/+/{node}/#"]
        return [self._prefix + topic.replace(DEVICE, self.name or "+") for topic in _topics(self.profile)]

    def take(self, message: Publish, at: Reading) -> None:
        device = self._device(message.topic.decode("utf-8", "replace"))
        if device is None:
            return
        intake = self.devices.get(device)
        if intake is None:
            if len(self.devices) >= MOST_DEVICES:
                return
            intake = self.devices[device] = self._intake(device, at)
        for batch in intake.take(message._replace(qos=0), at):
            self._note(device, batch)

    def _note(self, device: str, batch: Batch) -> None:
        for at_ns, values, codes in zip(batch.at_ns.tolist(), batch.values.tolist(), batch.quality.tolist(), strict=True):
            for point, value, code in zip(batch.frame.points, values, codes, strict=True):
                if code != Batch.ABSENT:
                    self.samples[device, point] = (at_ns, value, code)

    def _device(self, topic: str) -> str | None:
        """Which device a message is of; None = it cannot be told, or is another one than was asked for."""
        shape = self.profile.mqtt
        assert shape is not None
        if shape.sparkplug:
            levels = topic.removeprefix(self._prefix).split("/")
            if len(levels) >= 4:
                self.others.add("/".join((levels[1], *levels[3:5])))
            return self.name  # the node's own messages are the device's as well
        if self.name is not None:
            return self.name
        return next((found[1] for pattern in self._patterns if (found := pattern.fullmatch(topic))), None)

    def _intake(self, device: str, at: Reading) -> Intake:
        kind = load_kind(self.profile.kind).points if self.profile.kind else {}
        bindings = [_as_it_is(name, point.unit, kind.get(name)) for name, point in self.profile.points.items()]
        made = publishers([(Device(device, self.profile, "", topic=device), bindings)], self._prefix)
        return Intake("", made, self._max_payload, 1e6, at.boot_ns / NS)

    def rows(self) -> list[dict[str, object]]:
        """For each device each point: value or what was wrong, and when."""
        rows: list[dict[str, object]] = []
        for device in sorted(self.devices):
            for name, point in self.profile.points.items():
                sample = self.samples.get((device, name))
                value = sample[1] if sample is not None and sample[2] == 0 else None
                quality = "not heard" if sample is None else Quality(sample[2]).word
                at = None if sample is None else iso(sample[0])
                rows.append({"device": device, "point": name, "value": value, "unit": point.unit, "quality": quality, "at": at})
        return rows

    def counts(self) -> dict[str, dict[str, int]]:
        return {device: {kind: n for kind, n in intake.counts.items() if n} for device, intake in self.devices.items()}


def _as_it_is(name: str, unit: str, known: KindPoint | None) -> Binding:
    """A device point as the device means it. known: the kind's point of that name."""
    type_ = PointType.BOOL if known is not None and known.type is PointType.BOOL else PointType.FLOAT
    return Binding(name, "", name, KindPoint(name, type_, unit, {}, {}), period_s=3600.0)


def _topics(profile: Profile) -> list[str]:
    assert profile.mqtt is not None
    sources = (point.source for point in profile.points.values())
    data = [source.topic or profile.mqtt.topic for source in sources if isinstance(source, JsonPath)]
    return list(dict.fromkeys([*data, *(words.topic for words in profile.mqtt.availability)]))


def _pattern(topic: str) -> re.Pattern[str]:
    """One level of the topic is the device's name."""
    named = re.escape(topic).replace(re.escape(DEVICE), "([^/]+)")
    return re.compile(named.replace(re.escape("+"), "[^/]+").replace(re.escape("#"), ".*"))


class _Ear:
    """One connection, and what comes on it."""

    def __init__(self, link: Mqtt, heard: Heard, clock: Clock) -> None:
        self._link, self._heard, self._clock = link, heard, clock
        self.said: list[str] = []
        self.welcome = False

    def received(self, wire: Wire, data: bytes) -> None:
        at, mids = self._clock.read(), list[int]()
        for event in wire.subscriber.receive(data, at.boot_ns / NS):
            if isinstance(event, Publish):
                self._heard.take(event, at)
                mids += [event.mid] if event.qos else []
            elif isinstance(event, Welcome):
                self.welcome = True
            elif isinstance(event, Unwelcome):
                wire.end(event.why)
            elif isinstance(event, Unheard):
                self.said.append(f"{event.topic}: {event.why}")
        if mids:
            wire.subscriber.acknowledge(mids)

    def reason(self, error: BaseException) -> str:
        return reason_of(error, self._link)


async def listen(heard: Heard, link: Mqtt, seconds: float, clock: Clock) -> Iterable[str]:
    """Listens on a session of its own that nobody keeps. Returns what the broker said. Raises OSError where there is no connection."""
    ear = _Ear(link, heard, clock)
    subscriber = Subscriber(link, f"plantroom-try-{token_hex(4)}", heard.filters, Redelivery(), fresh=True)
    wire = Wire(ear, subscriber)
    try:
        async with asyncio.timeout(CONNECT_S):
            await asyncio.get_running_loop().create_connection(lambda: wire, link.host, link.port, ssl=context_of(link))
    except (OSError, TimeoutError) as error:
        raise OSError(reason_of(error, link)) from error
    left_s = seconds
    while left_s > 0 and not wire.over.done():
        await asyncio.wait((wire.over,), timeout=min(left_s, TICK_S))
        left_s -= TICK_S
        if why := subscriber.tick(clock.read().boot_ns / NS):
            wire.end(why)
        wire.flush()
    if wire.over.done():
        raise OSError(wire.over.result())
    subscriber.leave()
    wire.flush()
    wire.end("done")
    return ear.said
