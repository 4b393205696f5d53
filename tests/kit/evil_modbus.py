"""A Modbus TCP server that lies, stutters and falls silent, and the oracle that catches whoever believes it.

Every register's content names its unit, function and address; the first two of a reply name the connection and the request on it. So a
value taken for another point, or an old answer taken for a new question, shows in the value itself.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter
from functools import cache
from random import Random
from typing import cast

from collector.poll_plan import Read
from plantroom.profiles import Table

CELLS = 1200  # addresses 0 .. CELLS - 1 exist in every table
LEAST = {True: 48, False: 3}  # cells in a request, so that connection and request number fit in
UNITS = range(1, 9)
FAULTS = (
    "late by one", "late by two", "late by three", "late under the next number", "duplicate", "transaction 0", "another transaction",
    "another unit", "another function", "short", "long", "empty", "lying byte count", "single bytes", "in three pieces", "slow drip",
    "joined with an old one", "joined before an old one", "many times", "garbage before", "garbage after", "garbage alone",
    "another protocol", "a huge length", "no length", "exception", "busy", "gateway", "exception of another function", "half-open", "reset",
    "closed", "half, then closed", "an answer to the connection before", "silence", "cut short",
)  # fmt: skip
DRIP_S = 0.002  # between pieces; a slow drip outlasts any patience of the tests


@cache
def content(unit: int, function: int) -> bytes:
    """The whole table of a unit as registers, or as bits packed from bit 0 of byte 0."""
    chance = Random(unit * 256 + function)
    return chance.randbytes(CELLS * 2)


def truth(unit: int, function: int, address: int, count: int, connection: int, request: int) -> bytes:
    """The data bytes of the only right answer."""
    mark = struct.pack(">HH", connection & 0xFFFF, request & 0xFFFF)
    if function > 2:
        return mark + content(unit, function)[2 * address + 4 : 2 * (address + count)]
    whole = int.from_bytes(content(unit, function), "little") >> address & ((1 << count) - 1)
    return mark + whole.to_bytes((count + 7) // 8, "little")[4:]


def some_read(chance: Random) -> tuple[int, Read]:
    """(unit, read) at random."""
    table = chance.choice(list(Table))
    most = 400 if table.bits else 60
    count = chance.randint(LEAST[table.bits], most)
    return chance.choice(UNITS), Read(table, chance.randint(0, CELLS - count), count)


class EvilServer:
    """share: of the requests that meet a fault. met: how often each fault was played."""

    def __init__(self, seed: int, share: float = 0.2) -> None:
        self.chance, self.share = Random(seed), share
        self.met: Counter[str] = Counter()
        self.requests = 0
        self.forbidden: list[int] = []  # function codes other than 1..4 that were asked for
        self.last = self.haunting = b""  # the newest right answer; one that is sent on the next connection
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> EvilServer:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Victim(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()


class _Victim(asyncio.Protocol):
    def __init__(self, server: EvilServer) -> None:
        self._server = server
        self._buffer = b""
        self._held: list[tuple[int, bytes]] = []  # (requests still to come before it is sent, frame)
        self._mirrored: list[bytes] = []  # sent with the next request's transaction
        self._last = b"\0\0\0\0\0\3\1\x83\2"
        self._request = 0
        self._dead = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections += 1
        self._server.open += 1
        self._connection = self._server.connections
        self._haunting, self._server.haunting = self._server.haunting, b""

    def connection_lost(self, error: Exception | None) -> None:
        self._server.open -= 1

    def data_received(self, data: bytes) -> None:
        self._server.most_open = max(self._server.most_open, self._server.open)  # by now the loop has seen an earlier one's reset
        self._buffer += data
        while len(self._buffer) >= 12 and not self._transport.is_closing():
            frame, self._buffer = self._buffer[:12], self._buffer[12:]
            self._answer(*struct.unpack(">HHHBBHH", frame))

    def _answer(self, transaction: int, protocol: int, length: int, unit: int, function: int, address: int, count: int) -> None:
        server, chance = self._server, self._server.chance
        self._request += 1
        server.requests += 1
        if function not in (1, 2, 3, 4) or (protocol, length) != (0, 6):
            server.forbidden.append(function)
        data = truth(unit, function, address, count, self._connection, self._request)
        due = [frame for left, frame in self._held if left <= 1]
        due += [transaction.to_bytes(2, "big") + frame[2:] for frame in self._mirrored]
        self._mirrored.clear()
        if self._haunting:
            due.append(self._haunting)
            self._haunting = b""
        self._held = [(left - 1, frame) for left, frame in self._held if left > 1]
        right = frame_of(transaction, unit, function, data)
        fault = chance.choice(FAULTS) if chance.random() < server.share else ""
        if self._dead:
            return
        for late in due:
            self._transport.write(late)
        if fault:
            server.met[fault] += 1
            self._spoil(fault, right, transaction, unit, function, address, count, data)
        else:
            self._transport.write(right)
        self._last = server.last = right

    def _drip(self, pieces: list[bytes]) -> None:
        if not self._transport.is_closing():
            self._transport.write(pieces[0])
            if pieces[1:]:
                asyncio.get_running_loop().call_later(DRIP_S, self._drip, pieces[1:])

    def _spoil(self, fault: str, right: bytes, transaction: int, unit: int, function: int, address: int, count: int, data: bytes) -> None:
        """Every wrong frame carries the data of what it claims to be, so that who takes it is wrong."""
        chance, send = self._server.chance, self._transport.write
        elsewhere = truth(unit, function, (address + 1) % (CELLS - count), count, self._connection, self._request)
        match fault:
            case "late by one" | "late by two" | "late by three":
                self._held.append((1 + ("one", "two", "three").index(fault.rsplit(" ", 1)[1]), right))
            case "late under the next number":
                self._mirrored.append(right)
            case "duplicate":
                send(right + right)
            case "transaction 0":
                send(frame_of(0, unit, function, elsewhere))
            case "another transaction":
                send(frame_of((transaction + chance.randint(1, 9)) & 0xFFFF, unit, function, elsewhere))
            case "another unit":
                other = unit % len(UNITS) + 1
                send(frame_of(transaction, other, function, truth(other, function, address, count, self._connection, self._request)))
            case "another function":
                other = function % 4 + 1
                send(frame_of(transaction, unit, other, elsewhere))
            case "short":
                send(frame_of(transaction, unit, function, data[: len(data) // 2]))
            case "long":
                send(frame_of(transaction, unit, function, data + b"\x12\x34"))
            case "empty":
                send(frame_of(transaction, unit, function, b""))
            case "lying byte count":
                send(right[:8] + bytes([len(data) - 2]) + right[9:])
            case "single bytes":
                for byte in right:
                    send(bytes([byte]))
            case "in three pieces":
                third = len(right) // 3
                self._drip([right[:third], right[third : 2 * third], right[2 * third :]])
            case "slow drip":
                self._drip([right[at : at + 1] for at in range(len(right))])
            case "joined with an old one":
                send(self._last + right)
            case "joined before an old one":
                send(right + self._last)
            case "many times":
                send(right * 150)
            case "garbage before":
                send(chance.randbytes(chance.randint(1, 20)) + right)
            case "garbage after":
                send(right + chance.randbytes(chance.randint(1, 20)))
            case "garbage alone":
                send(chance.randbytes(chance.randint(1, 20)))
            case "another protocol":
                send(right[:2] + b"\x00\x01" + right[4:])
            case "a huge length":
                send(right[:4] + b"\xff\xff" + right[6:])
            case "no length":
                send(right[:4] + b"\x00\x00" + right[6:])
            case "exception" | "busy":
                send(struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, 6 if fault == "busy" else chance.randint(1, 4)))
            case "gateway":
                send(struct.pack(">HHHBBB", transaction, 0, 3, unit, function | 0x80, chance.choice((10, 11))))
            case "exception of another function":
                send(struct.pack(">HHHBBB", transaction, 0, 3, unit, (function % 4 + 1) | 0x80, 2))
            case "half-open":
                self._dead = True
            case "reset":
                self._transport.abort()
            case "closed":
                self._transport.close()
            case "half, then closed":
                send(right[: chance.randint(1, len(right) - 1)])
                self._transport.close()
            case "an answer to the connection before":
                self._server.haunting = self._server.last
                self._transport.abort()
            case "silence":
                pass
            case "cut short":
                send(right[: chance.randint(1, len(right) - 1)])
            case _:
                raise AssertionError(fault)


def frame_of(transaction: int, unit: int, function: int, data: bytes) -> bytes:
    return struct.pack(">HHHBBB", transaction, 0, 3 + len(data), unit, function, len(data) & 0xFF) + data
