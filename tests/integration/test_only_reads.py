"""P9's controls: a client that writes is caught, by the simulated devices, by `plantroom simulate` and by the proxy before others' servers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from simulators.memory import Memory
from simulators.modbus_server import ModbusServer
from tests.conftest import pytest_runtest_teardown
from tests.kit.simulator import Simulator
from tests.kit.strict_modbus import StrictProxy, Watch, is_read

Deed = Callable[[AsyncModbusTcpClient], Awaitable[object]]
WRITES: dict[int, Deed] = {
    5: lambda client: client.write_coil(0, True, device_id=1),
    6: lambda client: client.write_register(0, 7, device_id=1),
    15: lambda client: client.write_coils(0, [True] * 3, device_id=1),
    16: lambda client: client.write_registers(0, [7, 8], device_id=1),
    22: lambda client: client.mask_write_register(address=0, and_mask=0, or_mask=7, device_id=1),
    23: lambda client: client.readwrite_registers(read_address=0, read_count=1, write_address=0, values=[7], device_id=1),
    8: lambda client: client.diag_restart_communication(False, device_id=1),
}


async def client_on(port: int) -> AsyncModbusTcpClient:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=0.5, retries=0)
    assert await client.connect()
    return client


@pytest.mark.writes
@pytest.mark.parametrize("function", WRITES)
def test_a_write_is_refused_counted_and_changes_nothing(function: int) -> None:
    async def body() -> Counter[int]:
        server = ModbusServer({1: Memory({1: {0: 0, 1: 0, 2: 0}, 3: {0: 1, 1: 2}})})
        await server.start()
        client = await client_on(server.port)
        answer = await WRITES[function](client)
        assert answer.isError()  # type: ignore[attr-defined]
        assert (await client.read_holding_registers(0, count=2, device_id=1)).registers == [1, 2]
        client.close()
        await server.stop()
        return server.forbidden

    assert asyncio.run(body()) == Counter([function])


@pytest.mark.writes
@pytest.mark.parametrize("function", WRITES)
def test_the_proxy_lets_no_write_through(function: int) -> None:
    """Behind it a server that would count the write as well."""

    async def body() -> None:
        server = ModbusServer({1: Memory({3: {0: 1}})})
        await server.start()
        async with StrictProxy(server.port) as proxy:
            client = await client_on(proxy.port)
            assert (await client.read_holding_registers(0, count=1, device_id=1)).registers == [1]
            with pytest.raises(ModbusException):
                await WRITES[function](client)
            client.close()
            assert proxy.asked == Counter([3, function]) and proxy.forbidden == Counter([function])
        await server.stop()
        assert not server.forbidden

    asyncio.run(body())


@pytest.mark.parametrize(
    ("pdu", "read"), [(b"\x03\0\0\0\1", True), (b"\x2b\x0e\x01\0", True), (b"\x2b\x0d\x01\0", False), (b"\x06\0\0\0\1", False), (b"", False)]
)
def test_what_counts_as_a_read(pdu: bytes, read: bool) -> None:
    assert is_read(pdu) is read


@pytest.mark.writes
def test_the_watch_over_every_test_sees_a_write_once() -> None:
    watch = Watch()
    original = ModbusServer.__init__
    try:
        watch.install()
        server = ModbusServer({1: Memory({3: {0: 1}})})
    finally:
        ModbusServer.__init__ = original  # type: ignore[method-assign]
    assert watch.offences() == {}
    server.answer(1, 1, 6, 0, 1)
    server.answer(1, 1, 3, 0, 1)
    assert watch.offences() == {"127.0.0.1:0": Counter([6])}
    assert watch.offences() == {}
    server.answer(1, 1, 16, 0, 1)
    assert watch.offences() == {"127.0.0.1:0": Counter([16])}, "a server that outlives a test is watched on"


@pytest.mark.writes
def test_a_test_that_writes_fails_unless_it_says_so(request: pytest.FixtureRequest) -> None:
    class Unmarked:
        def get_closest_marker(self, name: str) -> None:
            return None

    ModbusServer({1: Memory({3: {0: 1}})}).answer(1, 1, 6, 0, 1)
    with pytest.raises(pytest.fail.Exception, match="P9"):
        pytest_runtest_teardown(Unmarked())  # type: ignore[arg-type]  # all it looks at


def test_simulate_ends_with_1_where_a_reader_wrote() -> None:
    async def body(port: int) -> None:
        client = await client_on(port)
        assert (await client.write_register(0, 7, device_id=1)).isError()
        client.close()

    with Simulator() as simulator:
        simulator.writes_expected = True
        asyncio.run(body(simulator.ports["fire-room"]))
    assert simulator.process is not None and simulator.process.returncode == 1
