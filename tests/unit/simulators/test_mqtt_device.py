"""A publisher that is told to end, ends: also where the client turns that into an error of its own."""

from __future__ import annotations

import asyncio

import aiomqtt
import pytest

from plantroom.site import Mqtt
from simulators.mqtt_device import MqttDevice
from simulators.world import World
from tests.kit.plant import WEDNESDAY_TEN, instant, tower


class Deaf:
    """A connection whose farewell fails, so that its error takes the place of the cancellation."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()

    async def __aenter__(self) -> Deaf:
        assert not self.connected.is_set(), "it connected again instead of ending"
        self.connected.set()
        return self

    async def __aexit__(self, *_: object) -> None:
        raise aiomqtt.MqttError("the broker did not say goodbye in time")

    async def publish(self, *_: object, **__: object) -> None:
        return None


def test_a_farewell_that_fails_does_not_eat_the_cancellation(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        client = Deaf()
        device = MqttDevice(tower().devices["lift-20"], Mqtt("127.0.0.1", 1883), World(tower(), 1, instant(WEDNESDAY_TEN)), lambda: 0)
        monkeypatch.setattr(device, "_client", lambda: client)
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            running = group.create_task(device.run())
            await client.connected.wait()
            await asyncio.sleep(0)
            running.cancel()

    asyncio.run(play())
