"""P9 watched on the wire: whatever a test starts, nobody may ask a device for anything but a read.

Every simulated Modbus server of a test is looked at when the test ends (tests/conftest.py). Servers of others take writes without a word;
before those stands a `StrictProxy`, which passes reads on and stops at anything else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from weakref import WeakKeyDictionary

from simulators.modbus_server import ModbusServer

READS = {1, 2, 3, 4}
IDENTIFY = (43, 14)


def is_read(pdu: bytes) -> bool:
    """What may be asked of a device: functions 1 to 4, and 43 with MEI type 14 (another MEI type of 43 carries CANopen, which can write)."""
    return bool(pdu) and (pdu[0] in READS or tuple(pdu[:2]) == IDENTIFY)


class Watch:
    """All simulated servers made while it is installed. `offences` tells what they were asked for since it was last called."""

    def __init__(self) -> None:
        self._made: list[ModbusServer] = []
        self._seen: WeakKeyDictionary[ModbusServer, Counter[int]] = WeakKeyDictionary()

    def install(self) -> None:
        made, begin = self._made, ModbusServer.__init__

        def watched(server: ModbusServer, *arguments: object, **settings: object) -> None:
            begin(server, *arguments, **settings)  # type: ignore[arg-type]  # passed on as they are
            made.append(server)

        ModbusServer.__init__ = watched  # type: ignore[method-assign]  # the point of it

    def offences(self) -> dict[str, Counter[int]]:
        """Address -> function code -> how often."""
        servers = {*self._made, *self._seen}
        found = {f"{server.host}:{server.port}": server.forbidden - self._seen.get(server, Counter()) for server in servers}
        for server in servers:
            self._seen[server] = Counter(server.forbidden)
        self._made.clear()
        return {where: codes for where, codes in found.items() if codes}


class StrictProxy:
    """Stands before a Modbus TCP server: reads pass, anything else ends the connection and stands in `forbidden`.

    asked: function code -> how often. `port` is where to connect instead. Use as an asynchronous context.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._host, self._behind = host, port
        self.port = 0
        self.asked: Counter[int] = Counter()
        self.forbidden: Counter[int] = Counter()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> StrictProxy:
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await self._idle.wait()  # the tasks see it and end by themselves

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self._idle.clear()
        ends = [writer]
        try:
            answers, behind = await asyncio.open_connection(self._host, self._behind)
            ends.append(behind)
            async with asyncio.TaskGroup() as group:
                back = group.create_task(_pass(answers, writer))
                await self._asked(reader, behind)
                back.cancel()
        except* OSError:
            pass  # either end has gone; so does the other
        finally:
            for end in ends:
                end.transport.abort()
            self._open.discard(writer)
            if not self._open:
                self._idle.set()

    async def _asked(self, reader: asyncio.StreamReader, behind: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(7)
                pdu = await reader.readexactly(int.from_bytes(head[4:6], "big") - 1)
                self.asked[pdu[0]] += 1
                if not is_read(pdu) or head[2:4] != b"\0\0":
                    self.forbidden[pdu[0]] += 1
                    return
                behind.write(head + pdu)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
