"""Serves a world on a site's own addresses: a Modbus server per address or serial port, a publishing client per MQTT device; moves time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from plantroom.clock import NS, Clock
from plantroom.errors import BadInput, Problem
from plantroom.site import Modbus, ModbusRtu, Mqtt, RtuOverTcp
from simulators.device_image import DeviceImage
from simulators.director import Director
from simulators.modbus_server import ModbusServer
from simulators.mqtt_device import MqttDevice
from simulators.rtu_server import PtyServer, RtuServer
from simulators.wire import OF_IMAGE, WireFault
from simulators.world import World

BEAT_S = 0.05  # how often time is moved
_AT_ONCE = 200  # most ticks without looking at the sockets in between


def _server_of(link: Modbus, seed: int) -> ModbusServer:
    if isinstance(link, ModbusRtu):
        return PtyServer({}, Path(link.device), seed=seed)
    if isinstance(link, RtuOverTcp):
        return RtuServer({}, host=link.host, port=link.port, seed=seed)
    return ModbusServer({}, host=link.host, port=link.port, seed=seed)


class SiteOnTheWire:
    """All devices of a site, answering. Wire faults are set by connection and unit (simulators.director.Wires)."""

    def __init__(self, world: World, clock: Clock) -> None:
        self.world = world
        self._clock = clock
        self.servers: dict[str, ModbusServer] = {}  # by the address of the link
        self._of_connection: dict[str, ModbusServer] = {}
        self._images: dict[tuple[str, int], list[DeviceImage]] = {}
        self.mqtt: dict[str, MqttDevice] = {}
        for device in world.site.devices.values():
            link = world.site.connections[device.connection].link
            if isinstance(link, Mqtt):
                self.mqtt[device.id] = MqttDevice(device, link, world, lambda: clock.read().wall_ns)
            else:
                shown = DeviceImage(world, device)
                self._images.setdefault((device.connection, device.unit), []).append(shown)
                self._server(device.connection, link).units[device.unit] = shown.memory

    def _server(self, connection: str, link: Modbus) -> ModbusServer:
        if link.address not in self.servers:
            self.servers[link.address] = _server_of(link, self.world.seed)
        self._of_connection[connection] = self.servers[link.address]
        return self.servers[link.address]

    # simulators.director.Wires

    def disturb(self, connection: str, unit: int | str | None, fault: WireFault) -> None:
        if fault.name in OF_IMAGE:
            for shown in self._shown(connection, unit):
                shown.fault = fault.name
        elif connection in self._of_connection:
            self._of_connection[connection].faults[unit if isinstance(unit, int) else None] = fault
        for device in self._publishing(connection, unit):
            device.fault = fault

    def mend(self, connection: str, unit: int | str | None) -> None:
        for shown in self._shown(connection, unit):
            shown.fault = ""
        if connection in self._of_connection:
            self._of_connection[connection].faults.pop(unit if isinstance(unit, int) else None, None)
        for device in self._publishing(connection, unit):
            device.fault = None

    def images(self, address: str) -> list[DeviceImage]:
        """Of the devices behind the server at an address."""
        there = {id for id, server in self._of_connection.items() if server is self.servers[address]}
        return [shown for key, found in self._images.items() if key[0] in there for shown in found]

    def _shown(self, connection: str, unit: int | str | None) -> list[DeviceImage]:
        return [shown for key, found in self._images.items() if key[0] == connection and unit in (None, key[1]) for shown in found]

    def _publishing(self, connection: str, unit: int | str | None) -> list[MqttDevice]:
        return [m for id, m in self.mqtt.items() if m.device.connection == connection and unit in (None, id)]

    # life

    async def listen(self) -> None:
        """Opens all Modbus addresses. Raises BadInput naming each connection whose address cannot be had."""
        problems = []
        for address, server in self.servers.items():
            try:
                await server.start()
            except OSError as error:
                names = ", ".join(id for id, other in self._of_connection.items() if other is server)
                if isinstance(server, PtyServer):
                    why = f"cannot put a pseudo-terminal at {address} ({error.strerror or error})"
                    remedy = "name a path in a folder of your own, where nothing stands yet"
                else:
                    why = f"cannot listen on {address} ({error.strerror or error})"
                    remedy = "the simulator answers on free ports of this machine's own addresses only"
                problems.append(Problem(self.world.site.root, 0, f"connections.{names}", f"{why}; {remedy}"))
        if problems:
            await self.close()
            raise BadInput(problems)

    async def close(self) -> None:
        for server in self.servers.values():
            await server.stop()

    @property
    def listening(self) -> Sequence[str]:
        return [s.host if isinstance(s, PtyServer) else f"{s.host}:{s.port}" for s in self.servers.values()]

    @property
    def forbidden(self) -> Mapping[int, int]:
        """Function code -> how often something else than a read was asked for, on any address."""
        return sum((server.forbidden for server in self.servers.values()), Counter[int]())

    @property
    def brokers(self) -> Sequence[str]:
        return list(dict.fromkeys(f"{m.link.host}:{m.link.port}" for m in self.mqtt.values()))

    async def run(self, director: Director, speed: float, until: asyncio.Event) -> None:
        """Moves time and publishes until the event is set. speed: plant seconds per second."""
        async with asyncio.TaskGroup() as group:
            publishing = [group.create_task(device.run(), name=f"mqtt {id}") for id, device in self.mqtt.items()]
            start, begun = self.world.now_ns, self._clock.read().boot_ns
            while not until.is_set():
                passed = (self._clock.read().boot_ns - begun) * speed
                await self._advance(director, start + round(passed))
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await until.wait()
            for task in publishing:
                task.cancel()

    async def _advance(self, director: Director, to_ns: int) -> None:
        """The world to an instant, stopping where something is to happen; the sockets get their turn when there is much to catch up."""
        most = round(_AT_ONCE * self.world.tick_s * NS)
        while True:
            due = director.next_ns()
            goal = min(to_ns, self.world.now_ns + most, to_ns if due is None else max(due, self.world.now_ns))
            self.world.step(goal)
            director.play(goal)
            if goal >= to_ns:
                return
            await asyncio.sleep(0)
