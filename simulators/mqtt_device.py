"""Devices that publish as their profile says, JSON, plain values or Sparkplug B, at QoS 1, with a last will."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import aiomqtt
import structlog

from plantroom.clock import NS
from plantroom.kinds import PointType
from plantroom.site import Device, Mqtt
from simulators.publish import Message, Speaker
from simulators.wire import WireFault
from simulators.world import World

log = structlog.get_logger()

LOOK_S = 0.2  # how soon a change of a contact or a mode is published
PERIOD_S = 1.0  # a full state at least so often
AGAIN_S = 1.0  # until the next try when the broker is not there
_AT_ONCE = frozenset({PointType.BOOL, PointType.ENUM, PointType.SET})


class MqttDevice:
    """One device with a client of its own, as a real monitoring unit has. stamp_ns: the device's clock.

    fault: silence = it publishes nothing; cut = it is gone, and its last will is out; duplicate = each message twice; garbage = no JSON;
    stuck = the same values again and again; retained = its last state with the retain flag, then nothing; clock_skew = stamps ahead.
    """

    def __init__(self, device: Device, link: Mqtt, world: World, stamp_ns: Callable[[], int]) -> None:
        self.device, self.link, self.speaker = device, link, Speaker(device, link.prefix)
        self._world, self._stamp_ns = world, stamp_ns
        self._at_once = [b.source for b in world.site.bindings_of_device(device.id) if b.kind_point.type in _AT_ONCE]
        self._changed = asyncio.Event()
        self._fault: WireFault | None = None
        self._retained: WireFault | None = None  # the fault for which the last state was left at the broker
        self.published = 0

    @property
    def fault(self) -> WireFault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: WireFault | None) -> None:
        self._fault = fault
        self._changed.set()

    async def run(self) -> None:
        """Publishes until cancelled; connects again when the broker was away."""
        away = False
        while True:
            try:
                async with self._client() as client:
                    if away:
                        log.info("simulator.broker_back", device=self.device.id)
                    away = False
                    await self._session(client)
            except aiomqtt.MqttError as error:
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise asyncio.CancelledError from error  # the farewell failed, and its error took the place of our end
                if not away:
                    log.warning("simulator.broker_away", device=self.device.id, broker=f"{self.link.host}:{self.link.port}", why=str(error))
                away = True
                await asyncio.sleep(AGAIN_S)

    def _client(self) -> aiomqtt.Client:
        will = self.speaker.will()
        return aiomqtt.Client(
            self.link.host,
            self.link.port,
            username=self.link.user,
            password=self.link.password,
            identifier=f"sim-{self._world.site.id}-{self.device.id}",
            will=aiomqtt.Will(will.topic, will.payload, will.qos, will.retain) if will is not None else None,
            tls_context=self._tls(),
            protocol=aiomqtt.ProtocolVersion.V5 if self.link.version == "5" else aiomqtt.ProtocolVersion.V311,
        )

    def _tls(self) -> ssl.SSLContext | None:
        if not self.link.tls:
            return None
        context = ssl.create_default_context(cafile=self.link.ca)
        if self.link.cert is not None:
            context.load_cert_chain(self.link.cert, self.link.key)
        return context

    async def _session(self, client: aiomqtt.Client) -> None:
        """One connection's life. Returns when a cut is asked for, after that has been said as a last will would say it."""
        values = self._world.device_values(self.device.id)
        await self._say(client, self.speaker.greeting(values, self._stamp_ns()))
        due, seen = 0.0, None
        kept: dict[str, float] | None = None
        loop = asyncio.get_running_loop()
        while self._fault is None or self._fault.name != "cut":
            values = self._world.device_values(self.device.id)
            kept = (kept or values) if self._is("stuck") else None
            values = kept or values
            state = [values[name] for name in self._at_once]
            if loop.time() >= due or state != seen:
                due, seen = loop.time() + PERIOD_S, state
                await self._publish(client, self.speaker.state(values, self.clock_ns(self._stamp_ns())))
            await asyncio.sleep(LOOK_S)
        await self._say(client, self.speaker.farewell())
        while self._fault is not None and self._fault.name == "cut":
            self._changed.clear()
            await self._changed.wait()

    def _is(self, name: str) -> bool:
        return self._fault is not None and self._fault.name == name

    def clock_ns(self, right_ns: int) -> int:
        """What its clock shows."""
        ahead_s = self._fault.settings["ahead_s"] if self._fault is not None and self._is("clock_skew") else 0.0
        return right_ns + round(ahead_s * NS)

    async def _say(self, client: aiomqtt.Client, messages: list[Message]) -> None:
        for message in messages:
            await client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)

    async def _publish(self, client: aiomqtt.Client, messages: list[Message]) -> None:
        name = self._fault.name if self._fault is not None else ""
        if name == "silence" or (name == "retained" and self._retained is self._fault):
            return
        self._retained = self._fault if name == "retained" else None
        for message in messages:
            payload = b"\xff\x00{" + message.payload[: len(message.payload) // 2] if name == "garbage" else message.payload
            for _ in range(2 if name == "duplicate" else 1):
                await client.publish(message.topic, payload, qos=message.qos, retain=message.retain or name == "retained")
                self.published += 1
