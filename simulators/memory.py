"""A device's cells as its wire shows them: the four tables, what is defined, and replies cut from bytes made beforehand."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Cells = Mapping[int, Mapping[int, int]]  # function code 1..4 -> address -> value (0..65535, or 0/1 in the bit tables)
Places = npt.NDArray[np.intp]

_MOST_CACHED = 4096
OF_BITS = (1, 2)


class Memory:
    """The cells of one unit.

    cells: what is defined; reading beside it is exception 2. alone: (function, address) cells that answer only when read by themselves.
    renew: called before a read, returns new cells of the same addresses, or None while nothing has changed or it has written them itself.
    """

    __slots__ = ("_tables", "_alone", "_renew", "_cuts", "_replies")

    def __init__(
        self, cells: Cells, alone: Iterable[tuple[int, int, int]] = (), renew: Callable[[], Cells | None] | None = None
    ) -> None:
        self._alone = tuple(alone)  # (function, address, count): the one read that may touch them
        self._renew = renew
        self._define(cells)
        self._fill(cells)

    def set(self, cells: Cells) -> None:
        if {f: len(t) for f, t in cells.items()} != {f: len(table.addresses) for f, table in self._tables.items()}:
            self._define(cells)
        try:
            self._fill(cells)
        except KeyError:  # as many cells as before, but others
            self._define(cells)
            self._fill(cells)

    def places(self, function: int, addresses: Sequence[int]) -> Places:
        """Where `write` puts the values of these cells, as long as no others are defined."""
        return np.searchsorted(self._tables[function].addresses, addresses)

    def write(self, function: int, places: Places, values: npt.NDArray[Any]) -> None:
        """New values, 0..65535, of some of the cells."""
        self._tables[function].values[places] = values
        self._replies.clear()

    def stand_in(self, function: int, values: npt.NDArray[Any]) -> None:
        """The cells of a table stand in this array from now on, as they are: a row of a block of many units."""
        table = self._tables[function]
        values[:] = table.values
        table.values = values
        self._cuts.clear()
        self._replies.clear()

    def rewritten(self) -> None:
        """Others have written in that array."""
        self._replies.clear()

    def table(self, function: int) -> npt.NDArray[Any]:
        return self._tables[function].values

    def span(self, function: int, address: int, count: int) -> slice | None:
        """Where in its table the cells of a read stand; None where it would be refused."""
        found = self._found(function, address, count)
        if found is None:
            return None
        first = self._tables[function].addresses.index(address)
        return slice(first, first + count)

    @property
    def functions(self) -> Sequence[int]:
        return tuple(self._tables)

    def _define(self, cells: Cells) -> None:
        self._tables = {function: _Table(function, sorted(table)) for function, table in cells.items()}
        self._cuts: dict[tuple[int, int, int], npt.NDArray[Any] | None] = {}

    def _fill(self, cells: Cells) -> None:
        for function, table in self._tables.items():
            own = cells[function]
            table.values[:] = [own[address] for address in table.addresses]
        self._replies: dict[tuple[int, int, int], bytes] = {}

    def read(self, function: int, address: int, count: int) -> bytes | None:
        """The reply's PDU without the function code (byte count, data), None where a cell asked for is not there."""
        if self._renew is not None and (cells := self._renew()) is not None:
            self.set(cells)
        key = (function, address, count)
        reply = self._replies.get(key)
        return reply if reply is not None else self._cut(key)

    def _cut(self, key: tuple[int, int, int]) -> bytes | None:
        try:
            cells = self._cuts[key]
        except KeyError:
            if len(self._cuts) >= _MOST_CACHED:
                self._cuts.clear()
                self._replies.clear()
            cells = self._cuts[key] = self._found(*key)
        if cells is None:
            return None
        data = np.packbits(cells, bitorder="little").tobytes() if key[0] in OF_BITS else cells.tobytes()
        reply = self._replies[key] = bytes((len(data),)) + data
        return reply

    def _found(self, function: int, address: int, count: int) -> npt.NDArray[Any] | None:
        """The cells of a read as they are and as they become."""
        touched = any(
            f == function and address < a + n and a < address + count and (address, count) != (a, n) for f, a, n in self._alone
        )
        return None if touched or function not in self._tables else self._tables[function].run(address, count)


class _Table:
    """values: big-endian words, or one byte a bit, of the ascending addresses."""

    def __init__(self, function: int, addresses: list[int]) -> None:
        self.addresses = addresses
        self.values = np.zeros(len(addresses), np.uint8 if function in OF_BITS else ">u2")

    def run(self, address: int, count: int) -> npt.NDArray[Any] | None:
        first = bisect_right(self.addresses, address - 1)
        last = first + count - 1
        whole = last < len(self.addresses) and self.addresses[first] == address and self.addresses[last] == address + count - 1
        return self.values[first : last + 1] if whole else None
