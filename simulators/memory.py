"""A device's cells as its wire shows them: the four tables, what is defined, and replies cut from bytes made beforehand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from struct import pack

Cells = Mapping[int, Mapping[int, int]]  # function code 1..4 -> address -> value (0..65535, or 0/1 in the bit tables)

_MOST_CACHED = 4096


class Memory:
    """The cells of one unit.

    cells: what is defined; reading beside it is exception 2. alone: (function, address) cells that answer only when read by themselves.
    renew: called before a read, returns new cells of the same addresses, or None while nothing has changed.
    """

    __slots__ = ("_runs", "_segments", "_alone", "_renew", "_replies")

    def __init__(
        self, cells: Cells, alone: Iterable[tuple[int, int, int]] = (), renew: Callable[[], Cells | None] | None = None
    ) -> None:
        self._alone = tuple(alone)  # (function, address, count): the one read that may touch them
        self._runs: dict[int, list[list[int]]] = {}
        self._renew = renew
        self.set(cells)

    def set(self, cells: Cells) -> None:
        if {f: len(t) for f, t in cells.items()} != {f: sum(map(len, runs)) for f, runs in self._runs.items()}:
            self._runs = {function: _runs(table) for function, table in cells.items()}
        try:
            self._pack(cells)
        except KeyError:  # as many cells as before, but others
            self._runs = {function: _runs(table) for function, table in cells.items()}
            self._pack(cells)

    def _pack(self, cells: Cells) -> None:
        self._segments = {
            function: ([run[0] for run in runs], [_packed(cells[function], run, function) for run in runs])
            for function, runs in self._runs.items()
        }
        self._replies: dict[tuple[int, int, int], bytes | None] = {}

    def read(self, function: int, address: int, count: int) -> bytes | None:
        """The reply's PDU without the function code (byte count, data), None where a cell asked for is not there."""
        if self._renew is not None and (cells := self._renew()) is not None:
            self.set(cells)
        key = (function, address, count)
        try:
            return self._replies[key]
        except KeyError:
            if len(self._replies) >= _MOST_CACHED:
                self._replies.clear()
            reply = self._replies[key] = self._cut(function, address, count)
            return reply

    def _cut(self, function: int, address: int, count: int) -> bytes | None:
        starts, blobs = self._segments.get(function, ([], []))
        i = bisect_right(starts, address) - 1
        if i < 0:
            return None
        first, blob = address - starts[i], blobs[i]
        width = 1 if function in (1, 2) else 2
        if (first + count) * width > len(blob) or self._touches_alone(function, address, count):
            return None
        data = blob[first * width : (first + count) * width]
        if width == 1:
            data = _pack(data)
        return bytes([len(data)]) + data

    def _touches_alone(self, function: int, address: int, count: int) -> bool:
        return any(
            f == function and address < a + n and a < address + count and (address, count) != (a, n) for f, a, n in self._alone
        )


def _runs(table: Mapping[int, int]) -> list[list[int]]:
    """The addresses in runs of neighbours, ascending."""
    runs: list[list[int]] = []
    for address in sorted(table):
        if not runs or address != runs[-1][-1] + 1:
            runs.append([])
        runs[-1].append(address)
    return runs


def _packed(table: Mapping[int, int], run: list[int], function: int) -> bytes:
    """A run's cells: big-endian words, or one byte a bit."""
    values = [table[address] for address in run]
    return bytes(values) if function in (1, 2) else pack(f">{len(values)}H", *values)


def _pack(bits: bytes) -> bytes:
    """Bits as Modbus packs them: the first in the least significant place of the first byte, the rest of the last byte 0."""
    number = 0
    for place, bit in enumerate(bits):
        number |= bit << place
    return number.to_bytes((len(bits) + 7) // 8, "little")
