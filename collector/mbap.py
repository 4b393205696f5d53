"""Modbus TCP frames: requests to bytes, bytes to what they are for us. Pure. Function codes 1 to 4 are all there is.

    request   transaction u16 | protocol 0 | length 6 | unit u8 | function u8 | address u16 | count u16
    reply     transaction u16 | protocol 0 | length   | unit u8 | function u8 | bytes u8 | data
    exception transaction u16 | protocol 0 | length 3 | unit u8 | function + 128 | code u8

An answer is ours only where transaction, protocol, length, unit, function and byte count are exactly those that the request calls for.
There are gateways that send a late answer of their serial line under the number of the request that came after it, whenever that is. So
what a unit did not answer it owes. Where an answer owed could be taken for the one asked for, the unit is settled first: it is asked for a
part of the read, whose answer has another length; that answer is thrown away. Answers come in the order of their requests, so what is
still owed then never comes. Where there is no such part, no answer of this unit is believed before its worst answer time is over.
Some devices stop within a frame and go on with the next: no frame that ends in another is believed. Register values look like the head of
a frame now and then: one counts only where its unit was asked by its function, under a number given out lately or for as many bytes. Modbus
TCP has no checksum: where several units are asked at once, a frame short of its last byte or two that the first ones of the next make whole
is beyond telling.
Source: MODBUS Messaging on TCP/IP V1.0b, 3.1; Application Protocol V1.1b3, 6.1-6.4, 7.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from collector import identification
from collector.exchange import Answer, Event, Garbled, Identified, Late, Refusal, Settled, Spoilt, Stray
from collector.poll_plan import Read
from plantroom.profiles import Table

FUNCTION: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}  # reads; this encoder knows no others
_REQUEST = struct.Struct(">HHHBBHH")
_HEADER = struct.Struct(">HHHB")
_REPLY = struct.Struct(">HHHBBB")
_LONGEST = 254  # unit + protocol data unit of 253 bytes
_REPLY_HEAD = re.compile(rb"(?=(..)\0\0\0([\3-\xfe])(.)([\1-\4\x81-\x84])(.))", re.DOTALL)  # how a reply begins, wherever it stands
_HEAD_AFTER_NUMBER = re.compile(rb"\0\0\0[\3-\xfe].[\1-\4\x81-\x84].", re.DOTALL)  # a head without its number: found ten times as fast
MOST_GIVEN_UP = 1024  # remembered; an answer later than that many time-outs is a stray
WORST_S = 3.0  # no unit of which nothing else is known answers later than this
MOST_OWED = 3  # answers of one unit that may still come
MOST_FRAMES = 4096  # remembered as they go out
MOST_STRAYS = 100  # in a row, before the peer counts as mad


@dataclass(slots=True)
class _Asked:
    transaction: int
    unit: int
    function: int
    data_bytes: int
    head: bytes  # how its answer begins, up to the byte count
    at_s: float
    settling: bool
    wrong_unit: int | None = None


@dataclass(frozen=True, slots=True)
class _Frame:
    """A read of a unit as it goes out and comes back, behind the transaction. It keeps the read, so that its identity stays its own."""

    read: Read
    function: int
    data_bytes: int
    request: bytes
    reply: bytes  # up to the byte count


class Exchange:
    """Requests, at most one to each unit at a time, and what comes back. Transactions count on over connections: an answer to an earlier
    connection's request that a gateway hands to the next one is a stray too.

    worst_s: unit -> the longest it may take to answer.
    """

    free_s: Final = -inf  # each answer says which request it belongs to
    ripe_s: Final = inf  # and how long it is

    def __init__(self, first: int = 1, worst_s: Mapping[int, float] | None = None) -> None:
        self.sent = 0  # requests on this connection
        self._next = first
        self._worst_s = worst_s or {}
        self._open: dict[int, _Asked] = {}  # by transaction
        self._given_up: dict[int, tuple[int, float]] = {}  # transaction -> (unit, asked at)
        self._owed: dict[int, list[tuple[int, int, float]]] = {}  # unit -> (function, data bytes, asked at), oldest first
        self._buffer = b""
        self._strays = 0
        self._frames: dict[tuple[int, int], _Frame] = {}  # by unit and identity of the read
        self._functions: set[tuple[int, int]] = set()  # (unit, function) that were ever asked

    def connected(self, now_s: float) -> None:
        """A new byte stream. What was asked on the old one a gateway may still answer on this one."""
        for asked in self._open.values():
            self._owe(asked)
        self._open.clear()
        self._given_up.clear()
        self._buffer, self._strays, self.sent = b"", 0, 0

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        """The bytes to send. The request to this unit before it must have ended. Not always the whole of `read`: see Settled."""
        settling = False
        if unit in self._owed:
            settling, read = self._settling(unit, read, now_s)
        transaction, frame = self._transaction(), self._frames.get((unit, id(read))) or self._frame(unit, read)
        number = transaction.to_bytes(2, "big")
        self._open[transaction] = _Asked(transaction, unit, frame.function, frame.data_bytes, number + frame.reply, now_s, settling)
        self.sent += 1
        return number + frame.request

    def ask_who(self, unit: int, first: int, now_s: float) -> bytes:
        """A request for basic identification, from object `first` on."""
        transaction = self._transaction()
        self._open[transaction] = _Asked(transaction, unit, identification.FUNCTION, -1, b"", now_s, settling=False)
        self.sent += 1
        return identification.request(transaction, unit, identification.BASIC, first)

    def give_up(self, unit: int | None = None) -> str | None:
        """Patience ran out. What was wrong with what came instead of an answer, if anything came; a part of a frame is `cut short`."""
        asked = next(asked for asked in self._open.values() if unit is None or asked.unit == unit)
        del self._open[asked.transaction]
        self._given_up[asked.transaction] = (asked.unit, asked.at_s)
        if len(self._given_up) > MOST_GIVEN_UP:
            del self._given_up[next(iter(self._given_up))]
        self._owe(asked)
        if self._buffer and not self._open:
            return f"answer cut short after {len(self._buffer)} bytes"
        return None if asked.wrong_unit is None else f"unit {asked.wrong_unit} answered for unit {asked.unit}"

    @property
    def cut_short(self) -> bool:
        return bool(self._buffer) and len(self._open) < 2

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """What these bytes complete, in order. After Garbled nothing more comes of this connection."""
        if not self._buffer:
            asked = self._open.get(int.from_bytes(data[:2], "big"))
            if (
                asked is not None and len(data) == 9 + asked.data_bytes and data.startswith(asked.head)
                and not asked.settling and not self._owed and not _HEAD_AFTER_NUMBER.search(data, 11)
            ):  # fmt: skip
                del self._open[asked.transaction]
                self._strays = 0
                return [Answer(data[9:], now_s - asked.at_s, asked.unit)]
        elif self._begins_another(data):
            self._buffer = b""
            return [Garbled("a frame begins where the one before it has not ended")]
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
                sound = [event for event in events if not isinstance(event, Answer)]  # one may have swallowed the head of what follows it
                return [*sound, Garbled(f"no Modbus frame: protocol {protocol}, length {length}")]
            end = start + 6 + length
            if end > len(data):
                break
            if self._reply_within(data, start + 9, end):
                event: Event = Garbled("a frame that ends in another one")
            else:
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
        asked = self._whose(transaction, unit)
        if asked is None:
            return self._not_ours(transaction, unit, pdu, now_s)
        latency_s = now_s - asked.at_s
        function, data_bytes = pdu[0], len(pdu) - 2
        if asked.function == identification.FUNCTION:
            del self._open[transaction]
            return _identified(asked, pdu, latency_s)
        fits = function == asked.function and data_bytes == pdu[1] == asked.data_bytes
        if not fits and data_bytes == pdu[1] and self._repaid(unit, function, data_bytes):
            return Stray(f"an older answer of unit {unit} under the number of a newer request")
        del self._open[asked.transaction]
        refused = function == asked.function | 0x80 and data_bytes == 0
        if not fits and not refused:
            self._owe(asked)
            if function != asked.function:
                return Garbled(f"function {function} answered where {asked.function} was asked")
            return Garbled(f"{data_bytes} data bytes, count byte {pdu[1]}, where {asked.data_bytes} were asked")
        if asked.settling and self._repaid(unit, asked.function, asked.data_bytes):  # perhaps the older one's, and ours still to come
            self._owe(asked)
            return Spoilt(f"it cannot be told which of its requests unit {unit} answered", asked.unit)
        if not refused or asked.settling:
            self._owed.pop(unit, None)  # what was asked before has been answered before, or never will be
        if asked.settling:
            return Settled(asked.unit)
        return Refusal(pdu[1], latency_s, asked.unit) if refused else Answer(pdu[2:], latency_s, asked.unit)

    def _whose(self, transaction: int, unit: int) -> _Asked | None:
        """The request that this answers."""
        asked = self._open.get(transaction)
        return asked if asked is not None and asked.unit == unit else None

    def _not_ours(self, transaction: int, unit: int, pdu: bytes, now_s: float) -> Event:
        asked = self._open.get(transaction)
        if asked is not None:
            asked.wrong_unit = unit
            return Stray(f"unit {unit} answered for unit {asked.unit}")
        late = self._given_up.get(transaction)
        if late is not None and late[0] == unit:
            del self._given_up[transaction]
            self._came_late(unit, pdu[0], len(pdu) - 2)
            return Late(unit, now_s - late[1])
        return Stray(f"transaction {transaction} is not open")

    def _settling(self, unit: int, read: Read, now_s: float) -> tuple[bool, Read]:
        """Whether an answer still owed could be taken for this read's, and what to ask first then."""
        owed = [each for each in self._owed[unit] if each[0] == FUNCTION[read.table]]
        lengths = {data_bytes for _, data_bytes, _ in owed}
        if read.reply_bytes not in lengths:
            return False, read
        cells = 8 if read.table.bits else 1
        parts = (Read(read.table, read.address, count) for count in range(cells, read.count, cells))
        telling = next((part for part in parts if part.reply_bytes not in lengths and part.reply_bytes < read.reply_bytes), None)
        if telling is not None:
            return True, telling
        worst_s = self._worst_s.get(unit, WORST_S)
        return any(data_bytes == read.reply_bytes and now_s - at_s < worst_s for _, data_bytes, at_s in owed), read

    def _frame(self, unit: int, read: Read) -> _Frame:
        function, data_bytes = FUNCTION[read.table], read.reply_bytes
        request = _REQUEST.pack(0, 0, 6, unit, function, read.address, read.count)[2:]
        frame = _Frame(read, function, data_bytes, request, _REPLY.pack(0, 0, 3 + data_bytes, unit, function, data_bytes)[2:])
        if len(self._frames) >= MOST_FRAMES:
            self._frames.clear()
        self._frames[unit, id(read)] = frame
        self._functions.add((unit, function))
        return frame

    def _owe(self, asked: _Asked) -> None:
        owed = self._owed.setdefault(asked.unit, [])
        owed.append((asked.function, asked.data_bytes, asked.at_s))
        del owed[:-MOST_OWED]

    def _begins_another(self, data: bytes) -> bool:
        """Whether these bytes, which came within a frame, begin one themselves."""
        if (head := _REPLY_HEAD.match(data)) and self._is_reply(head):
            return True
        asked = self._open.get(int.from_bytes(data[:2], "big"))
        return asked is not None and len(data) > 2 and asked.head.startswith(data[:5])

    def _reply_within(self, data: bytes, first: int, end: int) -> bool:
        """Whether a reply begins in data[first:end] and ends there or later: the device stopped within one frame and began another."""
        if not _HEAD_AFTER_NUMBER.search(data, first + 2):
            return False
        heads = _REPLY_HEAD.finditer(data, first)
        return any(head.start() < end <= head.start() + 6 + head[2][0] and self._is_reply(head) for head in heads)

    def _is_reply(self, head: re.Match[bytes]) -> bool:
        """Whether what looks like the head of a reply, where none should stand, is taken for one."""
        length, unit, code, third = head[2][0], head[3][0], head[4][0], head[5][0]
        function, data_bytes = code & 0x7F, third if code < 0x80 else 0
        if (unit, function) not in self._functions or length != 3 + data_bytes:
            return False
        if (self._next - int.from_bytes(head[1], "big")) & 0xFFFF <= MOST_GIVEN_UP:
            return True
        waited = [(asked.unit, asked.function, asked.data_bytes) for asked in self._open.values()]
        waited += [(of, *each[:2]) for of, some in self._owed.items() for each in some]
        return any((unit, function) == (of, by) and data_bytes in (0, size) for of, by, size in waited)

    def _came_late(self, unit: int, function: int, data_bytes: int) -> None:
        """It came under its own number: at most a copy of it is owed now, for which nothing waits that cannot be settled by a part."""
        owed = self._owed.get(unit, [])
        for n, each in enumerate(owed):
            if each[:2] == (function, data_bytes):
                owed[n] = (function, data_bytes, -inf)
                return

    def _repaid(self, unit: int, function: int, data_bytes: int) -> bool:
        """Whether such an answer was owed; it is owed no more."""
        owed = self._owed.get(unit, [])
        for n, each in enumerate(owed):
            if each[:2] == (function, data_bytes):
                del owed[n]
                if not owed:
                    del self._owed[unit]
                return True
        return False

    def _transaction(self) -> int:
        """The next number that no given-up request bears."""
        while self._next in self._given_up:
            self._next = (self._next + 1) & 0xFFFF
        number, self._next = self._next, (self._next + 1) & 0xFFFF
        return number


def _identified(asked: _Asked, pdu: bytes, latency_s: float) -> Event:
    frame = _HEADER.pack(asked.transaction, 0, 1 + len(pdu), asked.unit) + pdu
    told = identification.read(frame, asked.transaction, asked.unit)
    if isinstance(told, identification.Told):
        return Identified(asked.unit, told.texts, told.following)
    if isinstance(told, identification.Refused):
        return Refusal(told.code, latency_s, asked.unit)
    return Spoilt(told.why if told is not None else "no identification", asked.unit)
