"""A Modbus TCP device without sockets that lies in every way it can, on a virtual loop: the wire, the lies, and what is true.

Its registers say what they are: the first of a reply counts the requests of its unit, the others name unit, table and address. So a value
of another place, or an old answer taken for a new question, shows in the value.
"""

from __future__ import annotations

import asyncio
import struct
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from plantroom.profiles import Table
from tests.kit.evil_modbus import frame_of
from tests.kit.virtual_loop import VirtualLoop

TABLES = {table.function: table for table in Table}


def word(unit: int, function: int, address: int) -> int:
    """What stands in a register; of a bit table the sixteen bits from address * 16 on."""
    return Random(unit << 24 | function << 16 | address).randrange(1, 65_535)


def data_of(unit: int, function: int, address: int, count: int, number: int) -> bytes:
    """number: of the request among its unit's. Tables of registers only."""
    words = [number & 0xFFFF, *(word(unit, function, at) for at in range(address + 1, address + count))]
    return struct.pack(f">{count}H", *words)


@dataclass(frozen=True, slots=True)
class Asked:
    transaction: int
    unit: int
    function: int
    address: int
    count: int
    number: int

    @property
    def data(self) -> bytes:
        return data_of(self.unit, self.function, self.address, self.count, self.number)

    @property
    def right(self) -> bytes:
        return frame_of(self.transaction, self.unit, self.function, self.data)


class Ended(Exception):
    """The device closes the connection; with an error it resets it."""

    def __init__(self, error: OSError | None = None) -> None:
        self.error = error


@dataclass(frozen=True, slots=True)
class Slowly:
    """One frame in pieces, step_s apart. What else the device has to say waits for its end: a byte stream has one writer.

    whole: who stops within a frame says nothing more on this connection.
    """

    pieces: tuple[bytes, ...]
    step_s: float = 0.0
    whole: bool = True


Saying = bytes | Slowly | Ended
Said = list[tuple[float, Saying]]  # (seconds from now, what)
Lie = Callable[["Liar", Asked], Said]


def _other(asked: Asked, **changes: int) -> bytes:
    """A frame that claims to be something else, with what stands there."""
    given = {"transaction": asked.transaction, "unit": asked.unit, "function": asked.function} | changes
    return frame_of(given["transaction"] & 0xFFFF, given["unit"], given["function"], data_of(given["unit"], given["function"], asked.address, asked.count, asked.number))


def _exception(asked: Asked, code: int, function: int | None = None) -> bytes:
    return struct.pack(">HHHBBB", asked.transaction, 0, 3, asked.unit, (function or asked.function) | 0x80, code)


def _spread(frame: bytes, step_s: float) -> Said:
    return [(0.0, Slowly(tuple(frame[i : i + 1] for i in range(len(frame))), step_s))]


def _mirrored(liar: Liar, asked: Asked) -> Said:
    liar.mirrored[asked.unit] = asked.right
    return []


LIES: Mapping[str, Lie] = {
    "late": lambda liar, a: [(liar.chance.uniform(0.3, 3.0), a.right)],
    "very late": lambda liar, a: [(liar.chance.uniform(8.0, 40.0), a.right)],
    "twice": lambda liar, a: [(0.01, a.right + a.right)],
    "again later": lambda liar, a: [(0.01, a.right), (liar.chance.uniform(0.1, 3.0), a.right)],
    "many times": lambda liar, a: [(0.01, a.right * 150)],
    "transaction 0": lambda liar, a: [(0.01, _other(a, transaction=0))],
    "another transaction": lambda liar, a: [(0.01, _other(a, transaction=a.transaction + liar.chance.randint(1, 9)))],
    "the transaction before": lambda liar, a: [(0.01, _other(a, transaction=a.transaction - liar.chance.randint(1, 3)))],
    "another unit": lambda liar, a: [(0.01, _other(a, unit=a.unit % 4 + 1))],
    "another function": lambda liar, a: [(0.01, _other(a, function=7 - a.function))],
    "short": lambda liar, a: [(0.01, frame_of(a.transaction, a.unit, a.function, a.data[:-2]))],
    "long": lambda liar, a: [(0.01, frame_of(a.transaction, a.unit, a.function, a.data + b"\x12\x34"))],
    "lying byte count": lambda liar, a: [(0.01, a.right[:8] + bytes([len(a.data) - 2]) + a.right[9:])],
    "empty": lambda liar, a: [(0.01, frame_of(a.transaction, a.unit, a.function, b""))],
    "single bytes": lambda liar, a: _spread(a.right, 0.001),
    "slow drip": lambda liar, a: _spread(a.right, 0.3),
    "half, the rest late": lambda liar, a: [(0.01, Slowly((a.right[:9], a.right[9:]), liar.chance.uniform(0.5, 4.0)))],
    "joined with an old one": lambda liar, a: [(0.01, liar.last + a.right)],
    "joined before an old one": lambda liar, a: [(0.01, a.right + liar.last)],
    "garbage before": lambda liar, a: [(0.01, liar.garbage() + a.right)],
    "garbage after": lambda liar, a: [(0.01, a.right + liar.garbage())],
    "garbage alone": lambda liar, a: [(0.01, liar.garbage())],
    "another protocol": lambda liar, a: [(0.01, a.right[:2] + b"\0\1" + a.right[4:])],
    "a huge length": lambda liar, a: [(0.01, a.right[:4] + b"\xff\xff" + a.right[6:])],
    "no length": lambda liar, a: [(0.01, a.right[:4] + b"\0\0" + a.right[6:])],
    "exception": lambda liar, a: [(0.01, _exception(a, liar.chance.choice((1, 2, 3, 4, 5, 8))))],
    "busy": lambda liar, a: [(0.01, _exception(a, 6))],
    "gateway": lambda liar, a: [(0.01, _exception(a, liar.chance.choice((10, 11))))],
    "gateway, late": lambda liar, a: [(liar.chance.uniform(0.5, 3.0), _exception(a, 11))],
    "exception of another function": lambda liar, a: [(0.01, _exception(a, 2, 7 - a.function))],
    "late under the next number": _mirrored,
    "half-open": lambda liar, a: liar.play_dead(),
    "reset": lambda liar, a: [(0.01, Ended(ConnectionResetError("reset by peer")))],
    "closed": lambda liar, a: [(0.01, Ended())],
    "half, then closed": lambda liar, a: [(0.01, Slowly((liar.some_of(a.right),), whole=False)), (0.02, Ended())],
    "cut short": lambda liar, a: [(0.01, Slowly((liar.some_of(a.right),), whole=False))],
    "cut short, and on": lambda liar, a: [(0.01, liar.some_of(a.right))],
    "silence": lambda liar, a: [],
    "answered before it was asked": lambda liar, a: [(0.01, a.right), (0.02, _other(a, transaction=a.transaction + 1))],
}


@dataclass
class Liar:
    """lies: what befalls the requests, one after the other: a name of LIES, or "" for the truth; afterwards it is honest.

    latest: unit -> the newest request. refuses: dials that fail from now on.
    """

    loop: VirtualLoop
    lies: Iterable[str]
    seed: int = 0
    latest: dict[int, Asked] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    forbidden: Counter[int] = field(default_factory=Counter)
    dials: int = 0
    most_open: int = 0
    honest_since_s: float | None = None
    last: bytes = b""
    mirrored: dict[int, bytes] = field(default_factory=dict)
    name: str = "liar"

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self._lies: Iterator[str] = iter(self.lies)
        self._open: set[_Wire] = set()
        self._numbers: Counter[int] = Counter()
        self._dead = False

    async def connect(self, protocol: asyncio.Protocol) -> None:
        """As a collector.connect.Way."""
        await asyncio.sleep(0.005)
        self.dials += 1
        self._dead = False
        self._open = {wire for wire in self._open if not wire.is_closing()}
        wire = _Wire(self, protocol)
        self._open.add(wire)
        self.most_open = max(self.most_open, len(self._open))
        protocol.connection_made(wire)

    def garbage(self) -> bytes:
        return self.chance.randbytes(self.chance.randint(1, 20))

    def some_of(self, frame: bytes) -> bytes:
        return frame[: self.chance.randint(1, len(frame) - 1)]

    def play_dead(self) -> Said:
        self._dead = True
        return []

    def heard(self, wire: _Wire, request: bytes) -> None:
        transaction, protocol, length, unit, function, address, count = struct.unpack(">HHHBBHH", request)
        if function not in TABLES or (protocol, length) != (0, 6):
            self.forbidden[function] += 1
            return
        self.requests += 1
        self._numbers[unit] += 1
        asked = self.latest[unit] = Asked(transaction, unit, function, address, count, self._numbers[unit])
        mirrored = self.mirrored.pop(unit, None)
        if mirrored is not None:
            self.loop.call_later(0.005, wire.say, transaction.to_bytes(2, "big") + mirrored[2:])
        lie = next(self._lies, None)
        if lie is None and self.honest_since_s is None:
            self.honest_since_s = self.loop.now_s
        if self._dead:
            return
        if lie:
            self.met[lie] += 1
        for after_s, what in LIES[lie](self, asked) if lie else [(0.01, asked.right)]:
            self.loop.call_later(after_s, wire.say, what)
        self.last = asked.right


class _Wire(asyncio.Transport):
    """A connection; what the device has said before it ends may still arrive, what is said later does not."""

    def __init__(self, liar: Liar, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._liar, self._protocol = liar, protocol
        self._closed = False
        self._sent = b""
        self._waiting: deque[Saying] = deque()
        self._speaking = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._sent += bytes(data)
        while len(self._sent) >= 12 and not self._closed:
            request, self._sent = self._sent[:12], self._sent[12:]
            self._liar.heard(self, request)

    def say(self, what: Saying) -> None:
        if isinstance(what, Ended) and not self._closed:
            self._end(what.error)
        self._waiting.append(what)
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and not self._speaking and not self._closed:
            saying = self._waiting.popleft()
            if isinstance(saying, Slowly):
                self._speaking = True
                self._piece(saying, 0)
            elif isinstance(saying, bytes):
                self._protocol.data_received(saying)

    def _piece(self, slowly: Slowly, index: int) -> None:
        if self._closed:
            return
        self._protocol.data_received(slowly.pieces[index])
        if index + 1 < len(slowly.pieces):
            self._liar.loop.call_later(slowly.step_s, self._piece, slowly, index + 1)
            return
        self._speaking = not slowly.whole
        self._go_on()

    def abort(self) -> None:
        if not self._closed:
            self._closed = True
            self._liar.loop.call_soon(self._protocol.connection_lost, None)

    close = abort

    def is_closing(self) -> bool:
        return self._closed

    def _end(self, error: OSError | None) -> None:
        self._closed = True
        self._protocol.connection_lost(error)


