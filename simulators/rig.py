"""A simulated plant for somebody's own tests: a site's devices on free loopback ports, in a thread of their own.

The plant's time stands still until it is told to move, so a test waits for nothing: `advance(60)` is a minute of plant, done in
milliseconds. Everything a scenario may say can be done by hand: upsets of machines, faults of wires.
"""

from __future__ import annotations

import asyncio
import math
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Self, TypeVar

from plantroom.clock import NS, SystemClock, to_ns
from plantroom.site import Connection, Link, ModbusRtu, ModbusTcp, Mqtt, RtuOverTcp, Site
from plantroom.site_file import load_site
from plantroom.yaml_file import nearest
from simulators.director import Director, Truth
from simulators.scenario import Scenario, UpsetEvent, WireEvent, known_upsets
from simulators.serve import BEAT_S, SiteOnTheWire
from simulators.wire import FAULTS
from simulators.world import World

T = TypeVar("T")
START = "2026-03-02T10:00:00+08:00"  # a Monday morning: offices are busy, nothing freezes
SETTLE_S = 60.0  # of plant, before a test begins


@dataclass(frozen=True, slots=True)
class Address:
    """Where a device answers: Modbus TCP host, port and unit, or the path of a pseudo-terminal and the unit."""

    host: str
    port: int
    unit: int
    serial: str | None = None


class Rig:
    """site: a site file, or its text. seed, start (ISO 8601 with zone), tick_s: as of `plantroom simulate`; the same give the same plant.

    Raises BadInput for a site file with problems. A site with MQTT devices needs its broker at the address the file names.
    """

    def __init__(self, site: Path | str, *, seed: int = 1, start: str = START, tick_s: float = 0.1) -> None:
        with ExitStack() as folders:
            folder = Path(folders.enter_context(TemporaryDirectory(prefix="plantroom-rig-")))
            self.site = _elsewhere(_loaded(site, folder), folder)
            self._folder = folders.pop_all()
        self.world = World(self.site, seed, to_ns(datetime.fromisoformat(start)), tick_s)
        self.truth: list[Truth] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="plantroom-rig", daemon=True)
        self._thread.start()
        try:
            self._wires, self._director = self._await(self._open())
        except BaseException:
            self._stop()
            raise
        self.advance(SETTLE_S)

    def address(self, device: str) -> Address:
        """Raises KeyError for a device the site does not have."""
        _known(device, self.site.devices, "a device of this site")
        found = self.site.devices[device]
        link = self.site.connections[found.connection].link
        if isinstance(link, ModbusRtu):
            return Address("", 0, found.unit, link.device)
        return Address(link.host, link.port, found.unit)

    def value(self, point: str) -> float:
        """The truth of `gen-1.engine_speed` now, in the kind's unit; a code for an enum. KeyError for what the plant does not have."""
        equipment, _, name = point.partition(".")
        _known(equipment, self.world.plants, "a machine with devices")
        plant = self.world.plants[equipment]
        _known(name, plant.points, f"a point that {equipment} has")
        return self._do(lambda: plant.points[name])

    def advance(self, seconds: float) -> None:
        """Plant time passes; what is due in it happens at its instant. ValueError for seconds below 0, NaN or without end."""
        if not 0.0 <= seconds < math.inf:
            raise ValueError(f"advance({seconds:g}): the plant's time only moves forward; give seconds, 0 or more")

        def move() -> None:
            goal = self.world.now_ns + round(seconds * NS)
            while (due := self._director.next_ns()) is not None and due <= goal:
                self.world.step(due)
                self._director.play(due)
            self.world.step(goal)

        self._do(move)

    @contextmanager
    def live(self, speed: float = 1.0) -> Iterator[None]:
        """Plant time passes by itself, `speed` plant seconds a second, as long as the block lasts; MQTT devices publish."""
        stop = asyncio.run_coroutine_threadsafe(_event(), self._loop).result()
        running = asyncio.run_coroutine_threadsafe(self._wires.run(self._director, speed, stop), self._loop)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(stop.set)
            running.result(timeout=10 * BEAT_S + 10)

    def upset(self, equipment: str, fault: str, *, lasts_s: float | None = None, **settings: float) -> None:
        """Begins an upset of docs/upsets.md. KeyError for one the machine does not know, ValueError for a setting out of its range."""
        _known(equipment, self.world.plants, "a machine with devices")
        _known(fault, known_upsets(self.site, equipment), f"an upset of {equipment}")
        self._begin(UpsetEvent(equipment, fault, lasts_s, settings))

    def repair(self, equipment: str, fault: str) -> None:
        self._do(lambda: self._director.end(UpsetEvent(equipment, fault, None, {})))

    def wire(self, connection: str, fault: str, *, unit: int | str | None = None, lasts_s: float | None = None, **settings: float) -> None:
        """Begins a wire fault of docs/simulators.md, for one unit (the device's id on MQTT) or all of a connection.

        KeyError for a connection, a fault or a unit the site does not have, ValueError for a setting out of its range.
        """
        _known(connection, self.site.connections, "a connection of this site")
        _known(fault, FAULTS, "a fault of a wire")
        if unit is not None:
            _known(unit, self._units(connection), f"a unit of {connection}")
        self._begin(WireEvent(connection, fault, unit, lasts_s, settings))

    def mend(self, connection: str, fault: str, *, unit: int | str | None = None) -> None:
        self._do(lambda: self._director.end(WireEvent(connection, fault, unit, None, {})))

    @property
    def forbidden(self) -> Mapping[int, int]:
        """Function code -> how often something else than a read was asked for: a reader that only reads leaves it empty."""
        return self._do(lambda: self._wires.forbidden)

    def close(self) -> None:
        if self._thread.is_alive():
            self._await(self._wires.close())
        self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _units(self, connection: str) -> list[int | str]:
        mqtt = isinstance(self.site.connections[connection].link, Mqtt)
        return [device.id if mqtt else device.unit for device in self.site.devices.values() if device.connection == connection]

    # in its thread

    def _begin(self, what: UpsetEvent | WireEvent) -> None:
        def begin() -> None:
            self._director.schedule(self.world.now_ns, what)
            self._director.play(self.world.now_ns)

        self._do(begin)

    async def _open(self) -> tuple[SiteOnTheWire, Director]:
        wires = SiteOnTheWire(self.world, SystemClock())
        await wires.listen()
        return wires, Director(Scenario(), self.world, wires, self.truth.append)

    def _do(self, act: Callable[[], T]) -> T:
        async def done() -> T:
            return act()

        return self._await(done())

    def _await(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._folder.close()


async def _event() -> asyncio.Event:
    return asyncio.Event()


def _known(name: int | str, known: Iterable[int | str], what: str) -> None:
    names = list(known)
    if name not in names:
        raise KeyError(f"{name!r} is not {what}{nearest(str(name), map(str, names))}")


def _loaded(site: Path | str, folder: Path) -> Site:
    if isinstance(site, str) and "\n" not in site and site.endswith((".yaml", ".yml")):
        site = Path(site)
    if isinstance(site, Path):
        return load_site(site, env={})
    path = folder / "site.yaml"
    path.write_text(site, encoding="utf-8")
    return load_site(path, env={})


def _elsewhere(site: Site, folder: Path) -> Site:
    """The site on free loopback ports, its serial lines as pseudo-terminals in a folder of its own; links that were one stay one."""
    moved: dict[str, Link] = {}

    def move(link: Link) -> Link:
        if isinstance(link, Mqtt):
            return link
        if link.address not in moved:
            moved[link.address] = _moved(link, folder / f"tty{len(moved)}")
        return moved[link.address]

    return replace(site, connections={id: Connection(id, move(found.link)) for id, found in site.connections.items()})


def _moved(link: ModbusTcp | ModbusRtu | RtuOverTcp, path: Path) -> Link:
    if isinstance(link, ModbusRtu):
        return replace(link, device=str(path))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return replace(link, host="127.0.0.1", port=probe.getsockname()[1])
