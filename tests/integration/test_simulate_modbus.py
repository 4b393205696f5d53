"""The simulator's Modbus server on real sockets, read by others' clients: pymodbus, and mbpoll (libmodbus)."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusTcpClient

from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from simulators.wire import WireFault

CELLS = {
    1: {i: i % 3 == 0 for i in range(20)},
    2: {i: i % 2 for i in range(8)},
    3: {**{i: 1000 + i for i in range(50)}, 60: 0xFFFE},
    4: {0: 65_526, 1: 70_000 >> 16, 2: 70_000 & 0xFFFF},
}


def memory() -> Memory:
    return Memory({function: {a: int(v) for a, v in table.items()} for function, table in CELLS.items()})


@asynccontextmanager
async def serving(**settings: object) -> AsyncIterator[ModbusServer]:
    server = ModbusServer({1: memory(), 7: memory()}, **settings)  # type: ignore[arg-type]
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


class Raw:
    """A client that sees bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.tid = reader, writer, 0

    @classmethod
    async def to(cls, server: ModbusServer) -> Raw:
        return cls(*await asyncio.open_connection(server.host, server.port))

    def ask(self, unit: int = 1, function: int = 3, address: int = 0, count: int = 2) -> int:
        self.tid += 1
        self.writer.write(struct.pack(">HHHBBHH", self.tid, 0, 6, unit, function, address, count))
        return self.tid

    async def hear(self, size: int, within_s: float = 5.0) -> bytes:
        async with asyncio.timeout(within_s):
            return await self.reader.readexactly(size)

    async def silent(self, for_s: float = 0.3) -> bool:
        try:
            async with asyncio.timeout(for_s):
                return await self.reader.read(1) == b"never"
        except TimeoutError:
            return True


def run(body: object) -> None:
    asyncio.run(body)  # type: ignore[arg-type]


def test_pymodbus_reads_all_four_tables() -> None:
    async def body() -> None:
        async with serving() as server:
            client = AsyncModbusTcpClient(server.host, port=server.port, timeout=5, retries=0)
            assert await client.connect()
            coils = await client.read_coils(0, count=20, device_id=1)
            assert coils.bits[:20] == [i % 3 == 0 for i in range(20)]
            contacts = await client.read_discrete_inputs(1, count=3, device_id=7)
            assert contacts.bits[:3] == [True, False, True]
            holding = await client.read_holding_registers(10, count=5, device_id=1)
            assert holding.registers == [1010, 1011, 1012, 1013, 1014]
            inputs = await client.read_input_registers(0, count=3, device_id=1)
            assert client.convert_from_registers(inputs.registers[:1], client.DATATYPE.INT16) == -10
            assert client.convert_from_registers(inputs.registers[1:], client.DATATYPE.UINT32) == 70_000
            client.close()

    run(body())


@pytest.mark.writes
@pytest.mark.parametrize(
    ("asked", "exception"),
    [
        ({"address": 49, "count": 2}, 2),
        ({"address": 60, "count": 1, "function": 4}, 2),
        ({"count": 0}, 3),
        ({"count": 126}, 3),
        ({"function": 1, "count": 2001}, 3),
        ({"function": 5}, 1),
        ({"function": 6}, 1),
        ({"function": 16}, 1),
        ({"function": 43}, 1),
        ({"unit": 99}, 11),
    ],
)
def test_what_cannot_be_answered_is_an_exception(asked: dict[str, int], exception: int) -> None:
    async def body() -> None:
        async with serving() as server:
            client = await Raw.to(server)
            tid = client.ask(**asked)
            unit, function = asked.get("unit", 1), asked.get("function", 3)
            assert await client.hear(9) == struct.pack(">HHHBBB", tid, 0, 3, unit, function | 0x80, exception)
            assert server.refused == (exception == 1)
            client.ask()
            assert (await client.hear(13))[9:] == struct.pack(">HH", 1000, 1001)  # and it goes on
            client.writer.close()

    run(body())


def test_on_a_silent_bus_a_missing_unit_says_nothing() -> None:
    async def body() -> None:
        async with serving(unknown="silence") as server:
            client = await Raw.to(server)
            client.ask(unit=99)
            assert await client.silent()
            client.writer.close()

    run(body())


def test_requests_in_one_packet_or_in_single_bytes_are_all_answered_in_order() -> None:
    async def body() -> None:
        async with serving() as server:
            client = await Raw.to(server)
            many = b"".join(struct.pack(">HHHBBHH", i, 0, 6, 1, 3, i, 1) for i in range(40))
            client.writer.write(many)
            replies = await client.hear(11 * 40)
            assert [struct.unpack_from(">HHHBBBH", replies, 11 * i) for i in range(40)] == [(i, 0, 5, 1, 3, 2, 1000 + i) for i in range(40)]
            for byte in many[:24]:
                client.writer.write(bytes([byte]))
                await client.writer.drain()
            assert await client.hear(22) == replies[:22]
            client.writer.close()

    run(body())


def test_what_is_not_modbus_is_hung_up_on() -> None:
    async def body() -> None:
        async with serving() as server:
            client = await Raw.to(server)
            client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.hear(1)
            client.writer.close()

    run(body())


def test_a_small_device_takes_so_many_connections_and_no_more() -> None:
    async def body() -> None:
        async with serving(most_connections=2) as server:
            first, second, third = [await Raw.to(server) for _ in range(3)]
            for client in (first, second):
                client.ask()
                await client.hear(13)
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                third.ask()
                await third.hear(1)
            for client in (first, second, third):
                client.writer.close()

    run(body())


def test_a_silent_unit_costs_its_neighbour_nothing() -> None:
    async def body() -> None:
        async with serving() as server:
            server.faults[1] = WireFault("silence")
            client = await Raw.to(server)
            client.ask(unit=1)
            tid = client.ask(unit=7)
            assert (await client.hear(13))[:2] == struct.pack(">H", tid)
            del server.faults[1]
            client.ask(unit=1)
            assert (await client.hear(13))[6] == 1
            client.writer.close()

    run(body())


def test_slow_answers_hold_up_what_is_behind_them_and_late_ones_are_overtaken() -> None:
    async def body() -> None:
        async with serving() as server:
            client = await Raw.to(server)
            server.faults[1] = WireFault("slow", {"delay_s": 0.2})
            slow, behind = client.ask(unit=1), client.ask(unit=7)
            heard = await client.hear(26)
            assert [int.from_bytes(heard[at : at + 2]) for at in (0, 13)] == [slow, behind]
            server.faults[1] = WireFault("late", {"delay_s": 0.2})
            late, before = client.ask(unit=1), client.ask(unit=7)
            heard = await client.hear(26)
            assert [int.from_bytes(heard[at : at + 2]) for at in (0, 13)] == [before, late]
            client.writer.close()

    run(body())


def test_bytes_drip_and_then_the_next_answer_follows() -> None:
    async def body() -> None:
        async with serving() as server:
            client = await Raw.to(server)
            server.faults[None] = WireFault("drip", {"delay_s": 0.005})
            first = client.ask()
            del_after = await client.hear(13)
            assert int.from_bytes(del_after[:2]) == first and del_after[9:] == struct.pack(">HH", 1000, 1001)
            server.faults.clear()
            second = client.ask()
            assert int.from_bytes((await client.hear(13))[:2]) == second
            client.writer.close()

    run(body())


def test_a_cut_closes_and_a_dead_connection_stays_dead_while_a_new_one_works() -> None:
    async def body() -> None:
        async with serving() as server:
            server.faults[1] = WireFault("cut")
            client = await Raw.to(server)
            client.ask()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await client.hear(1)
            client.writer.close()
            server.faults[1] = WireFault("half_open")
            dead = await Raw.to(server)
            dead.ask()
            assert await dead.silent()
            server.faults.clear()
            dead.ask()
            assert await dead.silent()
            alive = await Raw.to(server)
            alive.ask()
            assert await alive.hear(13)
            dead.writer.close()
            alive.writer.close()

    run(body())


@pytest.mark.needs("mbpoll")
def test_mbpoll_reads_what_is_there() -> None:
    async def body() -> None:
        async with serving() as server:
            assert await mbpoll(server.port, "4", 10, 3) == [1010, 1011, 1012]
            assert await mbpoll(server.port, "0", 0, 4) == [1, 0, 0, 1]
            assert await mbpoll(server.port, "1", 0, 4) == [0, 1, 0, 1]
            assert await mbpoll(server.port, "3", 0, 1) == [65_526]

    run(body())


async def mbpoll(port: int, table: str, address: int, count: int, unit: int = 1) -> list[int]:
    """What mbpoll prints for a read, zero-based addresses."""
    place = ["-p", str(port), "-a", str(unit), "-t", table, "-r", str(address), "-c", str(count)]
    process = await asyncio.create_subprocess_exec("mbpoll", "-m", "tcp", *place, "-1", "-0", "127.0.0.1", stdout=-1, stderr=-2)
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return [int(value) for value in re.findall(r"^\[\d+\]:\s+(\d+)", out.decode(), re.MULTILINE)]
