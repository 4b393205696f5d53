"""Modbus TCP frames: requests to bytes, bytes to what they are for us. Pure. Function codes 1 to 4 are all there is.

    request   transaction u16 | protocol 0 | length 6 | unit u8 | function u8 | address u16 | count u16
    reply     transaction u16 | protocol 0 | length   | unit u8 | function u8 | bytes u8 | data
    exception transaction u16 | protocol 0 | length 3 | unit u8 | function + 128 | code u8

An answer is ours only where transaction, protocol, length, unit, function and byte count are exactly those that the request calls for.
Source: MODBUS Messaging on TCP/IP V1.0b, 3.1; Application Protocol V1.1b3, 6.1-6.4, 7.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import inf
from typing import Final

from collector.exchange import Answer, Event, Garbled, Late, Refusal, Stray
from collector.poll_plan import Read
from plantroom.profiles import Table

FUNCTION: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}  # reads; this encoder knows no others
_REQUEST = struct.Struct(">HHHBBHH")
_HEADER = struct.Struct(">HHHB")
_REPLY = struct.Struct(">HHHBBB")
_LONGEST = 254  # unit + protocol data unit of 253 bytes
MOST_GIVEN_UP = 1024  # remembered; an answer later than that many time-outs is a stray
MOST_STRAYS = 100  # in a row, before the peer counts as mad


@dataclass(slots=True)
class _Asked:
    transaction: int
    unit: int
    function: int
    data_bytes: int
    head: bytes  # how its answer begins, up to the byte count
    at_s: float
    wrong_unit: int | None = None


class Exchange:
    """One request at a time and what comes back. Transactions count on over connections: an answer to an earlier connection's request
    that a gateway hands to the next one is a stray too."""

    free_s: Final = -inf  # a request may go at any time: its transaction tells its answer
    ripe_s: Final = inf  # and an answer is one as soon as it is whole

    def __init__(self, first: int = 1) -> None:
        self._next = first
        self._asked: _Asked | None = None
        self._given_up: dict[int, tuple[int, float]] = {}  # transaction -> (unit, asked at)
        self._buffer = b""
        self._strays = 0

    def connected(self, now_s: float) -> None:
        """A new byte stream."""
        self._asked, self._buffer, self._strays = None, b"", 0
        self._given_up.clear()

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        """The bytes to send. The request before it must have been answered or given up."""
        assert self._asked is None, "one request at a time"
        transaction, function, data_bytes = self._transaction(), FUNCTION[read.table], read.reply_bytes
        head = _REPLY.pack(transaction, 0, 3 + data_bytes, unit, function, data_bytes)
        self._asked = _Asked(transaction, unit, function, data_bytes, head, now_s)
        return _REQUEST.pack(transaction, 0, 6, unit, function, read.address, read.count)

    def give_up(self) -> str | None:
        """Patience ran out. What was wrong with what came instead of an answer, if anything came; a part of a frame is `cut short`."""
        asked, self._asked = self._asked, None
        assert asked is not None, "only what was asked is given up"
        self._given_up[asked.transaction] = (asked.unit, asked.at_s)
        if len(self._given_up) > MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        if self._buffer:
            return f"answer cut short after {len(self._buffer)} bytes"
        return None if asked.wrong_unit is None else f"unit {asked.wrong_unit} answered for unit {asked.unit}"

    @property
    def cut_short(self) -> bool:
        return bool(self._buffer)

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """What these bytes complete, in order. After Garbled nothing more comes of this connection."""
        asked = self._asked
        if asked is not None and not self._buffer and len(data) == 9 + asked.data_bytes and data.startswith(asked.head):
            self._asked, self._strays = None, 0
            return [Answer(data[9:], now_s - asked.at_s)]
        return self._receive(self._buffer + data, now_s)

    def ripen(self, now_s: float) -> list[Event]:
        return []

    def _receive(self, data: bytes, now_s: float) -> list[Event]:
        events: list[Event] = []
        start = 0
        while len(data) - start >= _HEADER.size:
            transaction, protocol, length, unit = _HEADER.unpack_from(data, start)
            if protocol != 0 or not 3 <= length <= _LONGEST:
                self._buffer = b""
                return [*events, Garbled(f"no Modbus frame: protocol {protocol}, length {length}")]
            end = start + 6 + length
            if end > len(data):
                break
            event = self._judge(transaction, unit, data[start + 7 : end], now_s)
            events.append(event)
            start = end
            self._strays = self._strays + 1 if isinstance(event, Stray) else 0
            if self._strays > MOST_STRAYS:
                event = Garbled(f"{self._strays} frames in a row that nobody asked for")
                events.append(event)
            if isinstance(event, Garbled):
                self._buffer = b""
                return events
        self._buffer = data[start:]
        return events

    def _judge(self, transaction: int, unit: int, pdu: bytes, now_s: float) -> Event:
        asked = self._asked
        if asked is None or not self._is_ours(asked, transaction, unit):
            return self._not_ours(asked, transaction, unit, now_s)
        self._asked = None
        latency_s = now_s - asked.at_s
        function = pdu[0]
        if function == asked.function | 0x80 and len(pdu) == 2:
            return Refusal(pdu[1], latency_s)
        if function != asked.function:
            return Garbled(f"function {function} answered where {asked.function} was asked")
        if len(pdu) != 2 + asked.data_bytes or pdu[1] != asked.data_bytes:
            return Garbled(f"{len(pdu) - 2} data bytes, count byte {pdu[1]}, where {asked.data_bytes} were asked")
        return Answer(pdu[2:], latency_s)

    def _is_ours(self, asked: _Asked, transaction: int, unit: int) -> bool:
        return transaction == asked.transaction and unit == asked.unit

    def _not_ours(self, asked: _Asked | None, transaction: int, unit: int, now_s: float) -> Event:
        if asked is not None and transaction == asked.transaction:
            asked.wrong_unit = unit
            return Stray(f"unit {unit} answered for unit {asked.unit}")
        late = self._given_up.get(transaction)
        if late is not None and late[0] == unit:
            del self._given_up[transaction]
            return Late(unit, now_s - late[1])
        return Stray(f"transaction {transaction} is not open")

    def _transaction(self) -> int:
        """The next number that no given-up request bears."""
        while self._next in self._given_up:
            self._next = (self._next + 1) & 0xFFFF
        number, self._next = self._next, (self._next + 1) & 0xFFFF
        return number
