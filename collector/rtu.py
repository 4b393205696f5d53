"""Modbus RTU frames: requests to bytes, bytes to what they are for us. Pure. For serial lines and for RTU over TCP.

    request   unit u8 | function u8 | address u16 | count u16 | check u16
    reply     unit u8 | function u8 | bytes u8 | data         | check u16
    exception unit u8 | function + 128 u8 | code u8           | check u16        check: CRC-16, low byte first

An RTU answer does not say which request it answers. So an answer is taken only where nothing else can be meant by it:

- unit, function, byte count and check are those that the request calls for, and the line is silent for 3.5 characters behind it;
- two such answers in a row that differ are both dropped;
- after a silence the line stays quiet until the unit's worst answer time is over, whatever is asked next;
- a unit that still owes an answer (one asked for and not received, or one sent twice) is settled first: it is asked for a part of the read,
  whose answer has another length, and that answer is thrown away. A unit answers in order, so what it owed has come before or never will.

What cannot be told: an answer that the unit sends unasked, and that has the length just waited for; and one that comes later than the worst
time twice over, where all lengths that could be asked of the unit are owed already (single cells). No RTU master can tell them.
Source: MODBUS over Serial Line V1.02, 2.5.1 and 6.2.2; Application Protocol V1.1b3, 6.1-6.4, 7.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from collector.exchange import Answer, Event, Garbled, Late, Refusal, Settled, Spoilt, Stray
from collector.mbap import FUNCTION
from collector.poll_plan import Read

BITS_A_CHARACTER = 11  # start, eight, parity or a second stop bit, stop
BABBLE_S = 5.0  # a line that is never silent for so long is not listened to any more
FORGOTTEN_S = 60.0  # no unit answers later than this
MOST_OWED = 64  # remembered of a unit
LAST_UNIT = 247  # those above are reserved, 0 is for broadcasts
LONGEST = 256  # bytes of a frame
_REQUEST = struct.Struct(">BBHH")
_FUNCTIONS: Final = frozenset(FUNCTION.values())


def silence_s(baud: int) -> float:
    """What divides frames: 3.5 characters, above 19,200 baud 1.75 ms."""
    return 3.5 * BITS_A_CHARACTER / baud if baud <= 19_200 else 0.00175


def on_the_line_s(baud: int, read: Read) -> float:
    """How long the characters of a request and of its answer take."""
    return (8 + 5 + read.reply_bytes) * BITS_A_CHARACTER / baud


@dataclass(frozen=True, slots=True)
class _Shape:
    """All that an answer tells of its request but the unit."""

    function: int
    data_bytes: int


@dataclass(slots=True)
class _Asked:
    unit: int
    read: Read
    shape: _Shape
    frame: bytes
    head: bytes  # how its answer begins
    at_s: float
    settling: bool
    alike: bool  # an owed answer has the same length all the same
    wrong: str | None = None


class Exchange:
    """silence_s: between frames, at the line's rate. worst_s: unit -> the longest it may take to answer, characters included."""

    cut_short: Final = False  # a silence ends every frame, also one that is not whole

    def __init__(self, silence_s: float, worst_s: Mapping[int, float]) -> None:
        self.free_s = -inf
        self.ripe_s = inf
        self._silence_s, self._worst_s = silence_s, worst_s
        self._worst_of_all_s = max(worst_s.values(), default=1.0)
        self._asked: _Asked | None = None
        self._buffer = b""
        self._found: list[bytes] = []  # whole answers to what was asked, since it was asked
        self._found_s = 0.0  # when the last of them came
        self._bad_check = False  # something with our answer's head and length came, and its check is wrong
        self._junk = 0  # bytes thrown away since it was asked
        self._echo = b""  # our own request, while it may come back before the answer
        self._echoes: bool | None = None  # whether the adapter hears itself; None: not known
        self._owed: dict[int, list[tuple[_Shape, float]]] = {}  # unit -> answers that may still come, asked when; oldest first
        self._answered: dict[int, dict[_Shape, Read]] = {}  # unit -> a read of each shape that it has answered
        self._last_s = self._busy_since_s = -inf

    def connected(self, now_s: float) -> None:
        """A new byte stream. What was asked before, by us or by a process before us, may still be answered: so long it stays quiet."""
        if self._asked is not None:
            self._owe(self._asked.unit, self._asked.shape, self._asked.at_s)
        self._asked, self._last_s = None, -inf
        self._clear()
        self.free_s = max(self.free_s, now_s + self._worst_of_all_s)

    def request(self, unit: int, read: Read, now_s: float) -> bytes:
        """The bytes to send. The request before it must have been answered or given up. Not always the whole of `read`: see Settled."""
        assert self._asked is None, "one request at a time"
        self._owed[unit] = [owed for owed in self._owed.get(unit, []) if now_s - owed[1] < FORGOTTEN_S]
        owed = {shape for shape, _ in self._owed[unit]}
        settling = _shape(read) in owed
        if settling:
            others = self._answered.get(unit, {})
            read = _part(read, owed) or next((others[shape] for shape in others if shape not in owed), read)
        shape = _shape(read)
        body = _REQUEST.pack(unit, shape.function, read.address, read.count)
        frame = body + check(body)
        self._clear()
        self._busy_since_s = now_s
        self._asked = _Asked(unit, read, shape, frame, bytes((unit, shape.function, shape.data_bytes)), now_s, settling, shape in owed)
        self._echo = b"" if self._echoes is False else frame
        return frame

    def give_up(self, unit: int | None = None) -> str | None:
        """Patience ran out. What was wrong with what came instead of an answer, if anything came."""
        asked, junk = self._end(), self._junk + len(self._buffer)
        self.free_s = max(self.free_s, asked.at_s + self._worst_of(asked.unit))
        self._owe(asked.unit, asked.shape, asked.at_s)
        return asked.wrong or (f"{junk} bytes that are no answer" if junk else None)

    def receive(self, data: bytes, now_s: float) -> list[Event]:
        """What these bytes tell at once. The answer itself is not among it: it ripens, when the line is silent behind it."""
        if now_s - self._last_s > self._silence_s:
            self._busy_since_s = now_s
        self._last_s = now_s
        self.free_s = max(self.free_s, now_s + self._silence_s)
        if now_s - self._busy_since_s > BABBLE_S:
            self._busy_since_s = now_s
            return [Garbled(f"the line is never silent, for {BABBLE_S:g} s now")]
        self._buffer += data
        if self._echo and not self._past_echo():
            return []
        events = [event for frame in self._frames() if (event := self._judge(frame, now_s)) is not None]
        if self._found or self._bad_check:
            self.ripe_s = now_s + self._silence_s
        return events

    def ripen(self, now_s: float) -> list[Event]:
        """At ripe_s, where nothing came after: what was found is what was answered."""
        found, asked = set(self._found), self._end()
        if len(found) != 1:
            self._owe(asked.unit, asked.shape, asked.at_s)
            return [Spoilt("two answers that differ" if found else "an answer whose check is wrong")]
        frame, latency_s = found.pop(), self._found_s - asked.at_s
        owed = self._owed[asked.unit]
        if asked.alike:  # nothing else could be asked; if this was an older one's, ours follows
            self.free_s = max(self.free_s, now_s + self._worst_of(asked.unit))
            owed.clear()
        if frame[1] & 0x80:  # whose it is cannot be told: where one was owed it may be that one's, and ours still to come
            if _settle(owed, lambda shape: shape.function == asked.shape.function) is not None:
                self._owe(asked.unit, asked.shape, asked.at_s)
            return [Settled() if asked.settling else Refusal(frame[2], latency_s)]
        owed.clear()
        self._answered.setdefault(asked.unit, {})[asked.shape] = asked.read
        return [Settled() if asked.settling else Answer(frame[3:-2], latency_s)]

    def _past_echo(self) -> bool:
        """Takes our own request off the front. False: perhaps that is what is just coming."""
        echo, asked = self._echo, self._asked
        if echo.startswith(self._buffer) and len(self._buffer) < len(echo):
            return False
        self._echo = b""
        if self._buffer.startswith(echo):
            self._echoes, self._buffer = True, self._buffer[len(echo) :]
        elif self._echoes is None and asked is not None and self._buffer[:2] in (asked.head[:2], _refusal_head(asked)):
            self._echoes = False
        return True

    def _frames(self) -> Iterator[bytes]:
        """Whole frames whose check is right, and all that stands before them, are taken out of the buffer."""
        while True:
            start, end = self._next()
            frame, self._buffer = self._buffer[start:end], self._buffer[end:]
            self._junk += start
            if not frame:
                return
            yield frame

    def _next(self) -> tuple[int, int]:
        """(start, end) of the first whole frame; (n, n) where there is none and nothing before n can become one."""
        data, head = self._buffer, None if self._asked is None else self._asked.head
        undecided = len(data)
        for i in range(len(data)):
            end = _end_of_frame(data, i)
            if end is None:
                continue
            ours = head is not None and data.startswith(head, i)
            if end > len(data):
                undecided = min(undecided, i)
                if ours:  # what looks like a frame inside of it is its data
                    break
            elif data[end - 2 : end] == check(data[i : end - 2]):
                return i, end
            elif ours:
                self._bad_check = True
        return undecided, undecided

    def _judge(self, frame: bytes, now_s: float) -> Event | None:
        asked, unit, function = self._asked, frame[0], frame[1] & 0x7F
        if asked is not None:
            if frame == asked.frame and self._echoes is not False:
                return None
            if frame.startswith((asked.head, _refusal_head(asked))):
                self._found.append(frame)
                self._found_s = now_s
                return None
        refused, shape = frame[1] != function, _Shape(function, frame[2])
        since_s = _settle(self._owed.get(unit, []), lambda s: s.function == function if refused else s == shape)
        if since_s is not None:
            return Late(unit, now_s - since_s)
        if not refused:  # who answers unasked may do so again
            self._owe(unit, shape, now_s)
        why = f"unit {unit}, function {frame[1]}, {0 if refused else frame[2]} data bytes"
        if asked is None:
            return Stray(f"{why}, unasked")
        asked.wrong = f"{why}, where unit {asked.unit}, function {asked.shape.function}, {asked.shape.data_bytes} were asked"
        return Stray(asked.wrong)

    def _owe(self, unit: int, shape: _Shape, asked_s: float) -> None:
        owed = self._owed.setdefault(unit, [])
        owed.append((shape, asked_s))
        del owed[:-MOST_OWED]

    def _worst_of(self, unit: int) -> float:
        return self._worst_s.get(unit, self._worst_of_all_s)

    def _end(self) -> _Asked:
        asked, self._asked = self._asked, None
        assert asked is not None, "only what was asked is answered or given up"
        self._found, self._bad_check, self.ripe_s = [], False, inf
        return asked

    def _clear(self) -> None:
        self._buffer, self._echo, self._junk = b"", b"", 0
        self._found, self._bad_check, self.ripe_s = [], False, inf


def check(data: bytes) -> bytes:
    """CRC-16 as it stands behind `data`: polynomial 0xA001 reflected, from 0xFFFF, low byte first (MODBUS over Serial Line, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC: Final = tuple(_crc_of(byte) for byte in range(256))


def _end_of_frame(data: bytes, start: int) -> int | None:
    """Where the answer that begins here ends, perhaps behind what has come; None where none begins. A length not come yet: the longest."""
    if not 1 <= data[start] <= LAST_UNIT:
        return None
    if len(data) - start < 2:
        return start + LONGEST
    function = data[start + 1]
    if function & 0x7F not in _FUNCTIONS:
        return None
    if function & 0x80:
        return start + 5
    return start + 5 + data[start + 2] if len(data) - start > 2 else start + LONGEST


def _shape(read: Read) -> _Shape:
    return _Shape(FUNCTION[read.table], read.reply_bytes)


def _refusal_head(asked: _Asked) -> bytes:
    return bytes((asked.unit, asked.shape.function | 0x80))


def _part(read: Read, owed: Container[_Shape]) -> Read | None:
    """The smallest part of a read whose answer is of no owed one's length."""
    cells = 8 if read.table.bits else 1
    parts = (Read(read.table, read.address, count) for count in range(cells, read.count, cells))
    return next((part for part in parts if _shape(part) not in owed and part.reply_bytes < read.reply_bytes), None)


def _settle(owed: list[tuple[_Shape, float]], is_it: Callable[[_Shape], bool]) -> float | None:
    """One owed answer has come, and with it all that were asked of the unit before: when it was asked. None: no such is owed."""
    for n, (shape, asked_s) in enumerate(owed):
        if is_it(shape):
            del owed[: n + 1]
            return asked_s
    return None
