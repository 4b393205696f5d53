"""Others' Modbus, written by others: libmodbus (C) and pyModbusTCP read what our simulator answers; our collector reads what their servers
hold. Register images worked by hand on their side, the same values on ours, and both ways the same words."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from pyModbusTCP.client import ModbusClient
from pyModbusTCP.server import DeviceIdentification
from pyModbusTCP.server import ModbusServer as TheirServer
from pyModbusTCP.utils import decode_ieee, get_2comp, word_list_to_long

from collector.connect import Tcp
from collector.discovery import Discovery, Ways
from collector.image import Image, load_image
from collector.look import read_device
from collector.mbap import Exchange
from collector.once import read_once
from collector.poll_plan import Read
from collector.probe import probe
from plantroom.clock import SystemClock
from plantroom.profile_file import load_profile
from plantroom.profiles import Table
from plantroom.site import ModbusTcp
from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.kit import libmodbus
from tests.kit.simulator import free_ports
from tests.kit.strict_modbus import StrictProxy

IMAGES = Path(__file__).parents[1] / "cases" / "profiles"
IMAGED = sorted(path.parent.name for path in IMAGES.glob("*/registers.yaml"))
FUNCTION = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}


def tables(image: Image) -> dict[int, dict[int, int]]:
    return {FUNCTION[table]: dict(cells) for table, cells in image.items()}


# our collector reads their servers


@contextmanager
def libmodbus_server(cells: Mapping[int, Mapping[int, int]]) -> Iterator[int]:
    with libmodbus.Server(cells) as server:
        yield server.port


@contextmanager
def pymodbustcp_server(cells: Mapping[int, Mapping[int, int]], told: DeviceIdentification | None = None) -> Iterator[int]:
    server = TheirServer("127.0.0.1", free_ports(1)[0], no_block=True, device_id=told)
    bank = server.data_bank
    put = {1: bank.set_coils, 2: bank.set_discrete_inputs, 3: bank.set_holding_registers, 4: bank.set_input_registers}
    for function, table in cells.items():
        for address, value in table.items():
            assert put[function](address, [value])
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


SERVERS: dict[str, Callable[[Mapping[int, Mapping[int, int]]], AbstractContextManager[int]]] = {
    "libmodbus": libmodbus_server,
    "pyModbusTCP": pymodbustcp_server,
}


@pytest.mark.needs("mbpoll")
@pytest.mark.parametrize("name", IMAGED)
@pytest.mark.parametrize("peer", SERVERS)
def test_our_collector_reads_their_server_as_a_person_reads_the_image(peer: str, name: str) -> None:
    profile = load_profile(name)
    image, expected = load_image(IMAGES / name)

    async def body(port: int) -> None:
        async with StrictProxy(port) as proxy:
            rows = await read_device(profile, list(expected), ModbusTcp("127.0.0.1", proxy.port), 1, SystemClock())
            assert proxy.asked and not proxy.forbidden, "P9"
        wrong = []
        for row in rows:
            hand = expected[row["point"]]
            same = row["value"] == hand.value if None in (row["value"], hand.value) else math.isclose(row["value"], hand.value, rel_tol=1e-9, abs_tol=1e-9)
            if not same or row["quality"] != hand.quality:
                wrong.append(f"{row} by hand {hand}")
        assert not wrong and len(rows) == len(expected) >= 3

    with SERVERS[peer](tables(image)) as port:
        asyncio.run(body(port))


def test_our_43_14_follows_theirs_to_its_end() -> None:
    texts = {"vendor_name": b"Acme", "product_code": b"AC-1", "major_minor_revision": b"2.07", "product_name": b"Pump panel", "model_name": b"P 3"}

    async def body(port: int) -> dict[str, str]:
        discovery = Discovery([1], [], [], Ways(patience_s=5.0, identify=True))
        async with StrictProxy(port) as proxy:
            await probe(Tcp("127.0.0.1", proxy.port), Exchange(), discovery, 0.0, SystemClock())
            assert proxy.asked[43] and not proxy.forbidden
        return discovery.found.units[0].texts

    with pymodbustcp_server({}, DeviceIdentification(**texts)) as port:
        told = asyncio.run(body(port))
    assert told == {"vendor": "Acme", "product_code": "AC-1", "revision": "2.07", "product": "Pump panel", "model": "P 3"}


# their clients read our simulator


WORDS = {at: at * 40_503 % 65_536 for at in range(400)}
FLOAT, LONG, SIGNED = [0x4366, 0x8000], [0x8123, 0x4567], 0xFF85  # 230.5, 2166572391, -123
CELLS = {
    1: {at: at % 3 == 0 for at in range(2100)},
    2: {at: at % 5 in (1, 4) for at in range(2100)},
    3: WORDS | {1000: FLOAT[0], 1001: FLOAT[1], 1002: LONG[0], 1003: LONG[1], 1004: SIGNED},
    4: {at: 65_535 - word for at, word in WORDS.items()},
}
BLOCKS = [(1, 0, 1), (1, 5, 13), (1, 0, 2000), (2, 7, 9), (2, 100, 2000), (3, 0, 1), (3, 0, 125), (3, 275, 125), (4, 3, 100), (4, 399, 1)]


@contextmanager
def our_server() -> Iterator[ModbusServer]:
    """Our server on a loop of its own: their clients block."""
    memory = Memory({function: {at: int(value) for at, value in table.items()} for function, table in CELLS.items()})
    server, loop, ready = ModbusServer({1: memory, 9: memory}), asyncio.new_event_loop(), threading.Event()
    server.texts[9] = {0: "Acme", 1: "AC-1", 2: "2.07", 4: "Pump panel"}

    def serve() -> None:
        loop.run_until_complete(server.start())
        ready.set()
        loop.run_forever()
        loop.run_until_complete(server.stop())
        loop.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def wanted(function: int, address: int, count: int) -> list[int]:
    return [int(CELLS[function][at]) for at in range(address, address + count)]


def ours(port: int, unit: int) -> list[list[int]]:
    """The same blocks by our own client."""
    table = {function: each for each, function in FUNCTION.items()}
    reads = [Read(table[function], address, count) for function, address, count in BLOCKS]
    got = asyncio.run(read_once(Tcp("127.0.0.1", port), Exchange(), unit, reads, timeout_s=5.0, gap_s=0.0, clock=SystemClock()))
    found = []
    for read, answer in zip(reads, got, strict=True):
        assert answer.data is not None, answer.why
        if read.table.bits:
            found.append([answer.data[at // 8] >> at % 8 & 1 for at in range(read.count)])
        else:
            found.append([int.from_bytes(answer.data[at : at + 2]) for at in range(0, len(answer.data), 2)])
    return found


@pytest.mark.needs("mbpoll")
def test_libmodbus_reads_our_server_as_we_do() -> None:
    with our_server() as server, libmodbus.Client(server.port, 9) as client:
        assert [client.read(*block) for block in BLOCKS] == [wanted(*block) for block in BLOCKS] == ours(server.port, 9)
        assert libmodbus.float_of(client.read(3, 1000, 2)) == 230.5
        with pytest.raises(libmodbus.Refused, match="Illegal data address"):
            client.read(3, 400, 1)
        with pytest.raises(libmodbus.Refused, match="Illegal data address"):
            client.read(2, 101, 2000)
    with our_server() as server, libmodbus.Client(server.port, 3) as client, pytest.raises(libmodbus.Refused, match="Target device failed"):
        client.read(3, 0, 1)


def test_pymodbustcp_reads_our_server_as_we_do() -> None:
    with our_server() as server:
        client = ModbusClient("127.0.0.1", server.port, unit_id=9, timeout=5, auto_open=True)
        read = {1: client.read_coils, 2: client.read_discrete_inputs, 3: client.read_holding_registers, 4: client.read_input_registers}
        assert [[int(cell) for cell in read[function](at, count)] for function, at, count in BLOCKS] == ours(server.port, 9)
        words = client.read_holding_registers(1000, 5)
        assert decode_ieee(word_list_to_long(words[:2])[0]) == 230.5
        assert word_list_to_long(words[2:4]) == [2_166_572_391]
        assert get_2comp(words[4], 16) == -123
        assert client.read_holding_registers(400, 1) is None and client.last_except == 2
        client.close()


def test_pymodbustcp_hears_our_simulators_43_14_and_follows_on() -> None:
    with our_server() as server:
        client = ModbusClient("127.0.0.1", server.port, unit_id=9, timeout=5, auto_open=True)
        first = client.read_device_identification(read_code=2, object_id=0)
        assert first is not None and first.more_follows and first.objects_by_id == {0: b"Acme", 1: b"AC-1"}
        rest = client.read_device_identification(read_code=2, object_id=first.next_object_id)
        assert rest is not None and not rest.more_follows and rest.objects_by_id == {2: b"2.07", 4: b"Pump panel"}
        client.close()
        assert not server.forbidden
