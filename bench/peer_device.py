"""The simulated device all peers poll, in a process of its own: it counts what each of them really reads, and when.

Ten units answer at once. Thirty stand on one serial line behind a gateway, which carries one request at a time: 20 ms for an answer (a
hundred registers at 115,200 baud), and half a second of waiting for a unit that is silent, of which it says nothing.

    python bench/peer_device.py    prints [port of the ten units, port of the thirty], then answers lines on stdin:
    begin                          forgets what was counted
    end                            {"port": {"points", "requests", "units": {unit: [seconds of each answered read of its first cell]}}}
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import time
from collections import defaultdict
from contextlib import suppress

import uvloop

from simulators.memory import Memory
from simulators.modbus_server import ModbusServer

BLOCK = 100
TEN, THIRTY = 10, 30
ANSWER_S, WAIT_S = 0.02, 0.5
LIVE = [unit for unit in range(1, THIRTY + 1) if unit % 3]  # every third of the thirty is silent


class Counting(ModbusServer):
    """What was asked, and answered."""

    def begin(self) -> None:
        self.points = self.asked = 0
        self.seen: dict[int, list[float]] = defaultdict(list)

    def answer(self, tid: int, unit: int, function: int, address: int, count: int) -> bytes | None:
        reply = super().answer(tid, unit, function, address, count)
        self.asked += 1
        if reply is not None and not reply[7] & 0x80:
            self.points += count
            if address == 0:
                self.seen[unit].append(time.monotonic())
        return reply


class Gateway(Counting):
    """One request at a time for all connections, in the order they come."""

    async def start(self) -> None:
        self._line = asyncio.Lock()
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                tid, _, _, unit, function, address, count = struct.unpack(">HHHBBHH", await reader.readexactly(12))
                async with self._line:
                    await asyncio.sleep(ANSWER_S if unit in self.units else WAIT_S)
                    reply = self.answer(tid, unit, function, address, count)
                if writer.is_closing():
                    return
                if reply is not None:
                    writer.write(reply)
        writer.close()


async def serve() -> None:
    cells = {3: {address: address * 7 % 4000 for address in range(BLOCK)}}
    servers = [
        Counting({unit: Memory(cells) for unit in range(1, TEN + 1)}, unknown="silence"),
        Gateway({unit: Memory(cells) for unit in LIVE}, unknown="silence"),
    ]
    for server in servers:
        server.begin()
        await server.start()
    say([server.port for server in servers])
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line == b"end\n":
            say({str(s.port): {"points": s.points, "requests": s.asked, "units": s.seen} for s in servers})
        for server in servers:
            server.begin()


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(serve())
