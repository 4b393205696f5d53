"""Simulated serial lines: the units of a Modbus server behind RTU frames, on a pseudo-terminal or over TCP, faults on the wire at will.

Frame (MODBUS over Serial Line 1.02, 2.5.1): unit, then function, address, count as on TCP, then a CRC-16, low byte first. Written apart
from the collector's, so that a mistake in one of them shows.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import MutableMapping
from contextlib import suppress
from pathlib import Path
from random import Random

from simulators.memory import Memory
from simulators.modbus_server import Connection, ModbusServer
from simulators.wire import Act, Send, WireFault, distort

_TERMINALS = Path("/dev/pts")
_GIVEN_UP_S = 0.1  # the rest of a request that has not come by then does not come
_SHAPED = frozenset({"exception", "busy", "short", "wrong_unit", "wrong_function"})  # faults of what is said; others are of its bytes
_NOT_HERE = frozenset({"wrong_tid", "zero_tid"})  # a serial line has no transactions


def crc16(data: bytes) -> int:
    """Bit by bit, as the specification's own description goes (6.2.2)."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            carry = register & 1
            register >>= 1
            if carry:
                register ^= 0xA001
    return register


def sealed(body: bytes) -> bytes:
    return body + crc16(body).to_bytes(2, "little")


def distorted(fault: WireFault, reply: bytes, rng: Random) -> tuple[Act, ...]:
    """What is sent instead of `reply` (as on TCP: tid, protocol, length, unit, PDU), as RTU frames."""
    right = sealed(reply[6:])
    if fault.name in _NOT_HERE:
        return (Send(right),)
    if fault.name in _SHAPED:
        return tuple(Send(sealed(act.data[6:])) if isinstance(act, Send) else act for act in distort(fault, reply, rng))
    if fault.name == "crc":
        hit = rng.random() < fault.settings["rate"]
        return (Send(right[:-1] + bytes([right[-1] ^ 0x40]) if hit else right),)
    return distort(fault, right, rng)


class RtuServer(ModbusServer):
    """RTU over TCP, as of a converter with a serial line behind it: a unit that is not there is silent."""

    def __init__(self, units: MutableMapping[int, Memory], *, host: str = "127.0.0.1", port: int = 0, seed: int = 0) -> None:
        super().__init__(units, host=host, port=port, unknown="silence", seed=seed)

    def connection(self) -> Connection:
        return _SerialConnection(self)


class PtyServer(RtuServer):
    """A serial line on a pseudo-terminal. path: where a link to it is put; None: nowhere, `terminal` says what it is.

    Never a real port: where something else than a link to a pseudo-terminal stands at the path, `start` raises FileExistsError.
    """

    def __init__(self, units: MutableMapping[int, Memory], path: Path | None = None, *, seed: int = 0) -> None:
        super().__init__(units, host=str(path or "pty"), seed=seed)
        self.path = path
        self.terminal = ""
        self._ends: tuple[int, int] | None = None
        self._reader: _Terminal | None = None

    async def start(self) -> None:
        if self.path is not None and (self.path.exists() or self.path.is_symlink()) and not _leads_to_a_terminal(self.path):
            raise FileExistsError(17, "something real stands there, and a simulator never takes its place")
        ours, theirs = self._ends = os.openpty()
        tty.setraw(theirs)  # no echo, no line ends, before the reader says so itself
        os.set_blocking(ours, False)
        self.terminal = os.ttyname(theirs)
        if self.path is not None:
            try:
                beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
                beside.symlink_to(self.terminal)
                beside.replace(self.path)
            except OSError:
                await self.stop()
                raise
        self._reader = _Terminal(ours, self.connection())

    async def stop(self) -> None:
        if self._reader is not None:
            self._reader.abort()
            self._reader = None
        if self._ends is not None:
            for end in self._ends:
                os.close(end)
            self._ends = None
        if self.path is not None and self.path.is_symlink() and str(self.path.readlink()) == self.terminal:
            with suppress(OSError):
                self.path.unlink()


def _leads_to_a_terminal(path: Path) -> bool:
    return path.is_symlink() and path.readlink().is_relative_to(_TERMINALS)


class _Terminal(asyncio.Transport):
    """Our end of a pseudo-terminal. It has no reader to lose: who opens the other end and closes it again leaves no trace."""

    def __init__(self, end: int, connection: Connection) -> None:
        super().__init__()
        self._loop, self._end, self._connection = asyncio.get_running_loop(), end, connection
        self._open = True
        connection.connection_made(self)
        self._loop.add_reader(end, self._readable)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """What the other end does not take is lost, as on a wire."""
        if self._open:
            with suppress(BlockingIOError):
                os.write(self._end, data)

    def pause_reading(self) -> None:
        self._loop.remove_reader(self._end)

    def abort(self) -> None:
        """A wire that is cut: this and everything after it comes to nothing."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._end)
            self._connection.connection_lost(None)

    def _readable(self) -> None:
        with suppress(BlockingIOError, OSError):
            self._connection.data_received(os.read(self._end, 4096))


class _SerialConnection(Connection):
    """Requests are told by their length and their check; what is neither begun nor ended by one is passed over."""

    _late: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
        self._pending += data
        while (length := _length(self._pending)) is not None and length <= len(self._pending) and not self._dead:
            frame = self._pending[:length]
            if frame[-2:] != crc16(frame[:-2]).to_bytes(2, "little"):
                self._pending = self._pending[1:]
                continue
            self._pending = self._pending[length:]
            self._asked(frame[:-2])
        if self._pending:
            self._late = self._loop.call_later(_GIVEN_UP_S, self._forget)

    def _forget(self) -> None:
        self._late, self._pending = None, b""

    def _asked(self, body: bytes) -> None:
        server = self._server
        unit, function = body[0], body[1]
        address, count = (int.from_bytes(body[2:4]), int.from_bytes(body[4:6])) if function in (1, 2, 3, 4) else (0, 0)
        reply = server.answer(0, unit, function, address, count)
        if reply is None:
            return
        fault = server.faults and (server.faults.get(unit) or server.faults.get(None))
        if fault:
            self._carry_out(distorted(fault, reply, server.rng))
        else:
            self._write([sealed(reply[6:])])


def _length(data: bytes) -> int | None:
    """How long the request is that begins here; None while that cannot be said. Writes are told apart, to be refused and counted."""
    if len(data) < 8:
        return None
    return 9 + data[6] if data[1] in (15, 16) else 8
