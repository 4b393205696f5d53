"""A serial line whose devices lie, stutter and fall silent, and the oracle that catches whoever believes them.

Every register's content names its unit, function and address; the first two of an answer name the line and the request. A unit answers in
order, as a real one does: behind an answer that is late all its later ones wait. Everything else goes.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import cast

from simulators.rtu_server import sealed
from tests.kit.evil_modbus import CELLS, UNITS, truth

FAULTS = (
    "late", "late by one", "late by two", "late by three", "duplicate", "another unit", "another function", "short", "long",
    "lying byte count", "single bytes", "drip", "joined with an old one", "garbage before", "garbage after", "bad check", "exception", "busy",
    "silence", "cut short", "repeated head",
)  # fmt: skip
WORST_S = 0.06  # what a unit may take, as its reader is told; `late` keeps within it, `late by ...` does not
Asked = tuple[int, int, int, int]  # unit, function, address, count


class EvilBus:
    """share: of the requests that meet a fault. echoes: the adapter hears itself. met: how often each fault was played.

    log: every request. forbidden: function codes other than 1..4 that were asked for. `write` is how bytes go to the reader.
    """

    def __init__(self, number: int, seed: int, share: float = 0.2, echoes: bool = False) -> None:
        self.number, self.chance, self.share, self.echoes = number, Random(seed), share, echoes
        self.met: Counter[str] = Counter()
        self.log: list[Asked] = []
        self.forbidden: list[int] = []
        self.write: Callable[[bytes], None] = lambda data: None
        self._buffer = b""
        self._held: list[tuple[int, int, bytes]] = []  # (requests still to come before it is sent, unit, frame)
        self._slow: Counter[int] = Counter()  # answers of a unit that are on their way, late
        self._last = b""

    def truth_of(self, request: int) -> bytes:
        """The data of the only right answer to the request of this number (1 is the first)."""
        return truth(*self.log[request - 1], self.number, request)

    def heard(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 8:
            frame, self._buffer = self._buffer[:8], self._buffer[8:]
            assert sealed(frame[:6]) == frame, f"no request: {frame.hex()}"
            if self.echoes:
                self.write(frame)
            self._answer(*struct.unpack(">BBHH", frame[:6]))

    def _answer(self, unit: int, function: int, address: int, count: int) -> None:
        self.log.append((unit, function, address, count))
        if function not in (1, 2, 3, 4):
            self.forbidden.append(function)
        data = truth(unit, function, address, count, self.number, len(self.log))
        right = answer(unit, function, data)
        due = [(u, frame) for left, u, frame in self._held if left <= 1]
        self._held = [(left - 1, u, frame) for left, u, frame in self._held if left > 1]
        for _, late in due:
            self.write(late)
        behind = max((left for left, u, _ in self._held if u == unit), default=0)
        if behind or self._slow[unit]:
            self._held.append((max(behind, 1), unit, right))
            return
        if any(u == unit for u, _ in due):  # it catches up: the old answer, a pause, the new one
            self._slow[unit] += 1
            asyncio.get_running_loop().call_later(0.1 * WORST_S, self._at_last, unit, right)
            return
        fault = self.chance.choice(FAULTS) if self.chance.random() < self.share else ""
        if fault:
            self.met[fault] += 1
            self._spoil(fault, right, unit, function, address, count, data)
        else:
            self.write(right)
        self._last = right

    def _spoil(self, fault: str, right: bytes, unit: int, function: int, address: int, count: int, data: bytes) -> None:
        """Every wrong frame carries the data of what it claims to be, so that who takes it is wrong."""
        chance, send, request = self.chance, self.write, len(self.log)
        elsewhere = truth(unit, function, (address + 1) % (CELLS - count), count, self.number, request)
        match fault:
            case "late":
                self._slow[unit] += 1
                asyncio.get_running_loop().call_later(chance.uniform(0.3, 0.9) * WORST_S, self._at_last, unit, right)
            case "late by one" | "late by two" | "late by three":
                self._held.append((1 + ("one", "two", "three").index(fault.rsplit(" ", 1)[1]), unit, right))
            case "duplicate":
                send(right + right)
            case "another unit":
                other = unit % len(UNITS) + 1
                send(answer(other, function, truth(other, function, address, count, self.number, request)))
            case "another function":
                send(answer(unit, function % 4 + 1, elsewhere))
            case "short":
                send(answer(unit, function, data[: len(data) // 2]))
            case "long":
                send(answer(unit, function, data + b"\x12\x34"))
            case "lying byte count":
                send(sealed(right[:2] + bytes([len(data) - 2]) + elsewhere))
            case "single bytes":
                for byte in right:
                    send(bytes([byte]))
            case "drip":
                for at, byte in enumerate(right):
                    asyncio.get_running_loop().call_later(0.4 * WORST_S * at / len(right), send, bytes([byte]))
            case "joined with an old one":
                send(self._last + right)
            case "garbage before":
                send(chance.randbytes(chance.randint(1, 20)) + right)
            case "garbage after":
                send(right + chance.randbytes(chance.randint(1, 20)))
            case "repeated head":
                send(right[:3] + right)
            case "bad check":
                at = chance.randrange(len(right))
                send(right[:at] + bytes([right[at] ^ 1 << chance.randrange(8)]) + right[at + 1 :])
            case "exception" | "busy":
                send(sealed(bytes((unit, function | 0x80, 6 if fault == "busy" else chance.randint(1, 4)))))
            case "silence":
                pass
            case "cut short":
                send(right[: chance.randint(1, len(right) - 1)])
            case _:
                raise AssertionError(fault)

    def _at_last(self, unit: int, frame: bytes) -> None:
        self._slow[unit] -= 1
        self.write(frame)


def answer(unit: int, function: int, data: bytes) -> bytes:
    return sealed(bytes((unit, function, len(data) & 0xFF)) + data)


class OnTcp:
    """The bus behind a converter that passes RTU on. Use as an asynchronous context; `port` says where."""

    def __init__(self, bus: EvilBus) -> None:
        self._bus = bus
        self.port = 0

    async def __aenter__(self) -> OnTcp:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Converter(self._bus), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


class _Converter(asyncio.Protocol):
    def __init__(self, bus: EvilBus) -> None:
        self._bus = bus

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._bus.write = cast(asyncio.Transport, transport).write

    def data_received(self, data: bytes) -> None:
        self._bus.heard(data)


class OnTerminal:
    """The bus on a pseudo-terminal. Use as an asynchronous context; `name` says which."""

    def __init__(self, bus: EvilBus) -> None:
        self._bus = bus
        self.name = ""

    async def __aenter__(self) -> OnTerminal:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self.name = os.ttyname(self._theirs)
        self._bus.write = self._write
        asyncio.get_running_loop().add_reader(self._ours, self._readable)
        return self

    async def __aexit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_reader(self._ours)
        self._bus.write = lambda data: None
        os.close(self._ours)
        os.close(self._theirs)

    def _write(self, data: bytes) -> None:
        with suppress(BlockingIOError):
            os.write(self._ours, data)

    def _readable(self) -> None:
        self._bus.heard(os.read(self._ours, 4096))
