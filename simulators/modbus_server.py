"""A Modbus TCP server of our own: many units on a port, functions 1 to 4 and 43/14 and no other, faults on the wire at will.

Frame (MODBUS Messaging on TCP/IP 1.0b): transaction id, protocol 0, length, unit, then function, address, count.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Mapping, MutableMapping
from random import Random
from struct import Struct
from typing import Literal, cast

from simulators.memory import Memory
from simulators.wire import Act, Close, PlayDead, Send, WireFault, distort

_REQUEST = Struct(">HHHBBHH")
_HEAD = Struct(">HHHBB")
_MOST = {1: 2000, 2: 2000, 3: 125, 4: 125}
_IDENTIFY = bytes((43, 14))  # Read Device Identification: a read as well
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, NO_PATH = 1, 2, 3, 11


class ModbusServer:
    """units: by unit id; may change while it runs. unknown: what a unit that is not there looks like: "silence", a serial bus where nobody
    answers, or "gateway", exception 11. most_connections: further ones are closed at once, as small devices do.

    faults: by unit, or under None for the whole port; change them at any time. texts: what a unit answers to 43/14, by unit and object;
    others refuse it. requests: how many came in. forbidden: function code -> how often, of requests that are no reads (1..4, 43/14): where
    it is not empty the reader is not read-only. All of them are refused.
    """

    def __init__(
        self,
        units: MutableMapping[int, Memory],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unknown: Literal["silence", "gateway"] = "gateway",
        most_connections: int | None = None,
        seed: int = 0,
    ) -> None:
        self.units = units
        self.host, self.port, self.unknown, self.most_connections = host, port, unknown, most_connections
        self.faults: dict[int | None, WireFault] = {}
        self.rng = Random(seed)
        self.texts: dict[int, Mapping[int, str]] = {}
        self.requests = 0
        self.forbidden: Counter[int] = Counter()
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listens; `port` then says where (0 asked for a free one). OSError where the address is taken or not ours."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.connection, self.host, self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    def connection(self) -> Connection:
        """What speaks to one reader."""
        return Connection(self)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self.connections):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    def acts(self, request: bytes) -> tuple[Act, ...]:
        """What one whole request (12 bytes) brings, its wire fault included; for wires without sockets."""
        reply, unit = self.reply(request), request[6]
        fault = self.faults.get(unit) or self.faults.get(None)
        if reply is None:
            return ()
        return distort(fault, reply, self.rng) if fault is not None else (Send(reply),)

    def reply(self, request: bytes) -> bytes | None:
        """What one whole request brings where the wire is well; None where the bus stays silent."""
        tid, _, _, unit, function, address, count = _REQUEST.unpack(request)
        return self.answer(tid, unit, function, address, count)

    def answer(self, tid: int, unit: int, function: int, address: int, count: int) -> bytes | None:
        """The whole reply to a request, None where the bus stays silent."""
        self.requests += 1
        if function not in _MOST:
            self.forbidden[function] += 1
            return _exception(tid, unit, function, ILLEGAL_FUNCTION)
        memory = self.units.get(unit)
        if memory is None:
            return _exception(tid, unit, function, NO_PATH) if self.unknown == "gateway" else None
        if not 1 <= count <= _MOST[function]:
            return _exception(tid, unit, function, ILLEGAL_VALUE)
        data = memory.read(function, address, count)
        if data is None:
            return _exception(tid, unit, function, ILLEGAL_ADDRESS)
        return _HEAD.pack(tid, 0, len(data) + 2, unit, function) + data

    @property
    def refused(self) -> int:
        return self.forbidden.total()

    def identify(self, tid: int, unit: int, category: int, first: int) -> bytes | None:
        """The whole reply to 43/14 (MODBUS Application Protocol V1.1b3, 6.21): two objects a reply, so that a reader must follow on."""
        self.requests += 1
        if unit not in self.units:
            return _exception(tid, unit, 43, NO_PATH) if self.unknown == "gateway" else None
        texts = self.texts.get(unit)
        if texts is None:
            return _exception(tid, unit, 43, ILLEGAL_FUNCTION)
        wanted = [number for number in sorted(texts) if first <= number <= (2 if category == 1 else 6)]
        shown, rest = wanted[:2], wanted[2:]
        listed = b"".join(bytes([number, len(texts[number])]) + texts[number].encode("ascii") for number in shown)
        body = _IDENTIFY[1:] + bytes([category, 2, 0xFF if rest else 0, rest[0] if rest else 0, len(shown)]) + listed
        return _HEAD.pack(tid, 0, len(body) + 2, unit, 43) + body


class Connection(asyncio.Protocol):
    """One reader. Replies go out in order; one that is due later holds up those behind it, unless it may be overtaken."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._pending = b""
        self._queue: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._dead = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        most = self._server.most_connections
        if most is not None and len(self._server.connections) >= most:
            self._transport.abort()
            return
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.connections.discard(self)
        self._transport = None
        self._queue.clear()
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._pending + data if self._pending else data
        start, end, server = 0, len(data), self._server
        ready: list[bytes] = []
        while end - start >= 8 and not self._dead:
            length = int.from_bytes(data[start + 4 : start + 6])
            if data[start + 2 : start + 4] != b"\0\0" or not 2 <= length <= 254:
                self.abort()  # not Modbus: a device would do the same, or worse
                return
            if end - start < 6 + length:
                break
            if length == 5 and data[start + 7 : start + 9] == _IDENTIFY:
                reply = server.identify(int.from_bytes(data[start : start + 2]), data[start + 6], *data[start + 9 : start + 11])
                start += 6 + length
                if reply is not None:
                    ready.append(reply)
                continue
            if length == 6:
                tid, _, _, unit, function, address, count = _REQUEST.unpack_from(data, start)
            else:  # no read request has another length: let the function code decide what to say
                tid, unit, function, address, count = int.from_bytes(data[start : start + 2]), data[start + 6], data[start + 7], 0, 0
            start += 6 + length
            reply = server.answer(tid, unit, function, address, count)
            if reply is None:
                continue
            fault = server.faults and (server.faults.get(unit) or server.faults.get(None))
            if fault:
                self._write(ready)
                ready = []
                self._carry_out(distort(fault, reply, server.rng))
            else:
                ready.append(reply)
        self._pending = data[start:]
        self._write(ready)

    def _write(self, replies: list[bytes]) -> None:
        if not replies or self._transport is None:
            return
        if self._queue:
            self._queue.extend((0.0, reply) for reply in replies)
        else:
            self._transport.write(b"".join(replies) if len(replies) > 1 else replies[0])

    def _carry_out(self, acts: Iterable[Act]) -> None:
        for act in acts:
            if isinstance(act, Close):
                self.abort()
            elif isinstance(act, PlayDead):
                self._dead = True
                if self._transport is not None:
                    self._transport.pause_reading()
            elif not act.in_order:
                self._loop.call_later(act.after_s, self._overtaken, act.data)
            elif act.after_s <= 0 and not self._queue:
                self._write([act.data])
            else:
                self._queue.append((act.after_s, act.data))
                if self._timer is None:
                    self._wait()

    def _overtaken(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _wait(self) -> None:
        self._timer = self._loop.call_later(self._queue[0][0], self._drain)

    def _drain(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        self._transport.write(self._queue.popleft()[1])
        while self._queue and self._queue[0][0] <= 0:
            self._transport.write(self._queue.popleft()[1])
        if self._queue:
            self._wait()


def _exception(tid: int, unit: int, function: int, code: int) -> bytes:
    return _HEAD.pack(tid, 0, 3, unit, function | 0x80 if function < 0x80 else function) + bytes([code])
