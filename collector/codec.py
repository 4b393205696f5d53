"""A reply's bytes into values and qualities, all points of it at once. Pure; compiled once per read, then a handful of array operations.

    bytes -> gathered little-endian -> raw numbers -> checked (range, sentinel) -> codes -> value = raw * n / d + b -> composites

The checks compare raw numbers with bounds worked out at compile time, so a good reply costs one comparison for all its points.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from collector.cells import FLOATS, SECTIONS, Cell, Scale, clean_window
from collector.columns import Column, Numbers, Reasons, composite
from collector.poll_plan import Read, Span
from plantroom.model import Qualities, Quality, Values
from plantroom.profiles import OneHot, Register, Sum, Wired, registers_of

_GOOD, _DECODE, _SENTINEL, _OUT_OF_RANGE = map(np.uint8, (Quality.GOOD, Quality.DECODE, Quality.SENTINEL, Quality.OUT_OF_RANGE))


class Decoder:
    """Decodes the joined data bytes of `reads` into one value per column, in the columns' order.

    Not reentrant: it reuses its scratch space. Raises ValueError where a column needs registers that no read brings whole.
    """

    def __init__(self, reads: Sequence[Read], columns: Sequence[Column]) -> None:
        self._size = sum(read.reply_bytes for read in reads)
        cells = [cell for i, column in enumerate(columns) for cell in _cells_of(i, column, reads)]
        cells.sort(key=lambda cell: (SECTIONS.index(cell.section), cell.column))
        self._cells = cells
        self._floats = any(cell.register.encoding in FLOATS for cell in cells)
        self._gather = _Gather(cells)
        sentinels = [sorted(cell.sentinels()) for cell in cells]
        windows = [clean_window(cell.sound(), own) for cell, own in zip(cells, sentinels, strict=True)]
        self._low, self._high = np.array([low for low, _ in windows]), np.array([high for _, high in windows])
        self._sound = np.array([cell.sound() for cell in cells]).reshape(-1, 2)
        self._sentinels = _padded(sentinels)
        self._every = b"\x01" * len(cells)
        coded = [(i, dict(cell.codes)) for i, cell in enumerate(cells) if cell.codes]
        self._codes = _Codes(coded, cells) if coded else None
        self._affine = _affine([cell.final for cell in cells])
        places: list[list[int]] = [[] for _ in columns]
        for i, cell in enumerate(cells):
            places[cell.column].append(i)
        self._places = np.array([place[0] for place in places], np.intp)
        self._ordered = len(cells) == len(columns) and bool((self._places == np.arange(len(cells))).all())
        self._composites = [(i, composite(c, places[i], cells)) for i, c in enumerate(columns) if not isinstance(c.source, Register)]
        self._reads_of = _reads_of(cells, reads, len(columns))
        self._all_good = np.zeros(len(columns), np.uint8)
        self._all_good.flags.writeable = False
        self._good_row = self._all_good[None]

    def decode(self, data: bytes, failed: Mapping[int, Quality] | None = None) -> tuple[Values, Qualities]:
        """values float64[columns], NaN where bad; quality uint8[columns], perhaps shared and read-only.

        data:   the data bytes of every read in order, joined. Raises ValueError where their number is another.
        failed: reads, by index, that brought nothing: their bytes are filler, a column that needs one is bad for that reason.
        """
        if len(data) != self._size:
            raise ValueError(f"{len(data)} data bytes where the reads bring {self._size}")
        if self._floats:  # a signalling NaN or a number beyond all range is a bad sample, no warning
            with np.errstate(all="ignore"):
                return self._decode(data, failed)
        return self._decode(data, failed)

    def _decode(self, data: bytes, failed: Mapping[int, Quality] | None) -> tuple[Values, Qualities]:
        numbers = self._gather(data)
        inside = np.greater_equal(numbers, self._low)
        inside &= np.less_equal(numbers, self._high)
        reasons = None if inside.tobytes() == self._every else self._judge(numbers, inside)
        if self._codes is not None:
            reasons = self._codes.translate(numbers, reasons)
        for operation, operand in self._affine:
            operation(numbers, operand, numbers)
        values = numbers if self._ordered else numbers.take(self._places)
        if reasons is None and not failed and not self._composites:
            return values, self._all_good
        return self._finish(numbers, values, reasons, failed or {})

    def decode_many(self, replies: Sequence[bytes]) -> list[tuple[Values, Qualities]]:
        """Whole replies of this shape, each as `decode` would: (values float64[1, columns], quality uint8[1, columns], perhaps shared)."""
        if any(len(data) != self._size for data in replies):
            raise ValueError(f"replies of another size than the {self._size} data bytes that the reads bring")
        octets = np.frombuffer(b"".join(replies), np.uint8).reshape(len(replies), self._size)
        if not self._composites:
            numbers = self._all_sound(octets)
            if numbers is not None:
                values = self._in_order(numbers)
                return [(values[n : n + 1], self._good_row) for n in range(len(replies))]
        values, quality = self.decode_rows(octets)
        return [(values[n : n + 1], quality[n : n + 1]) for n in range(len(replies))]

    def decode_rows(self, octets: npt.NDArray[np.uint8]) -> tuple[Values, Qualities]:
        """The same of replies below each other, uint8[rows, bytes]: values float64[rows, columns], quality uint8[rows, columns]."""
        quality = np.zeros((len(octets), len(self._places)), np.uint8)
        numbers = self._all_sound(octets)
        if numbers is None:
            values = np.empty(quality.shape)
            for row, data in enumerate(octets):
                values[row], quality[row] = self.decode(data.tobytes())
            return values, quality
        values = self._in_order(numbers)
        for column, compose in self._composites:
            for row, own in enumerate(numbers):
                values[row, column], quality[row, column] = compose(own, None)
        if self._composites:
            values[quality != 0] = np.nan
        return values, quality

    def _all_sound(self, octets: npt.NDArray[np.uint8]) -> Numbers | None:
        """Row by row the numbers of replies in which all is good, scaled; None where anything needs a second look."""
        with np.errstate(all="ignore"):
            numbers = self._gather.many(octets)
            if not (numbers >= self._low).all() or not (numbers <= self._high).all():
                return None
            if self._codes is not None and not self._codes.translate_many(numbers):
                return None
            for operation, operand in self._affine:
                operation(numbers, operand, numbers)
        return numbers

    def _in_order(self, numbers: Numbers) -> Values:
        return numbers if self._ordered else numbers.take(self._places, 1)

    def raw_text(self, data: bytes) -> list[str]:
        """Per column its raw words in hexadecimal, as a person compares them with the vendor's table; cells of bit tables as 0 / 1."""
        texts: list[list[str]] = [[] for _ in self._places]
        for cell in sorted(self._cells, key=lambda c: (c.column, c.at, c.bit)):
            if cell.register.table.bits:
                texts[cell.column].append(str(data[cell.at] >> cell.bit & 1))
            else:
                texts[cell.column] += [data[at : at + 2].hex().upper() for at in range(cell.at, cell.at + 2 * cell.register.count, 2)]
        return [" ".join(words) for words in texts]

    def reads_of(self, columns: npt.NDArray[np.intp]) -> list[int]:
        """Which of the reads, by index and in order, these columns come from."""
        return [int(i) for i in np.flatnonzero(self._reads_of[:, columns].any(axis=1))]

    def _judge(self, numbers: Numbers, inside: npt.NDArray[np.bool_]) -> Reasons:
        """Why each number outside its clean window is bad. One that is sound after all (beyond a sentinel within the range) is not."""
        sentinel = (self._sentinels == numbers[:, None]).any(axis=1) | np.isnan(numbers)
        sound = inside | ((numbers >= self._sound[:, 0]) & (numbers <= self._sound[:, 1]))
        return np.where(sentinel, _SENTINEL, np.where(sound, _GOOD, _OUT_OF_RANGE))

    def _finish(self, numbers: Numbers, values: Values, reasons: Reasons | None, failed: Mapping[int, Quality]) -> tuple[Values, Qualities]:
        quality = np.zeros(len(values), np.uint8) if reasons is None else reasons.take(self._places)
        for column, compose in self._composites:
            values[column], quality[column] = compose(numbers, reasons)
        for read, reason in failed.items():
            quality[self._reads_of[read]] = reason
        values[quality != 0] = np.nan
        return values, quality


class _Gather:
    """Picks every cell's bytes into little-endian order and widens them to float64. Words that stand in a row are taken as they stand."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._n = len(cells)
        self._sections: list[_Section] = []
        first = 0
        for name in SECTIONS:
            inside = [cell for cell in cells if cell.section == name]
            if inside:
                self._sections.append(_Section(name, inside, first))
                first += len(inside)

    def __call__(self, data: bytes) -> Numbers:
        numbers = np.empty(self._n)
        octets = np.frombuffer(data, np.uint8)
        for section in self._sections:
            numbers[section.first : section.end] = section.of(octets)
        return numbers

    def many(self, octets: npt.NDArray[np.uint8]) -> Numbers:
        """float64[rows, cells] of uint8[rows, bytes]."""
        numbers = np.empty((len(octets), self._n))
        for section in self._sections:
            numbers[:, section.first : section.end] = section.of(octets)
        return numbers


class _Section:
    """The cells of one number type, numbers first..end of all."""

    def __init__(self, name: str, cells: Sequence[Cell], first: int) -> None:
        self.first, self.end = first, first + len(cells)
        self._dtype = np.dtype(name.split()[0])
        order = [byte for cell in cells for byte in cell.little_endian()]
        self._index = np.array(order, np.intp)
        start, swapped = cells[0].at, self._dtype.newbyteorder(">")
        size = self._dtype.itemsize
        in_a_row = [start + size * n + byte for n in range(len(cells)) for byte in range(size - 1, -1, -1)]
        fields = [cell.field for cell in cells if cell.field is not None]
        self._run = (slice(start, start + size * len(cells)), swapped) if order == in_a_row and not fields else None
        self._shift = np.array([shift for _, shift, _ in fields], self._dtype)
        self._mask = np.array([2**width - 1 for _, _, width in fields], self._dtype)

    def of(self, octets: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        """octets: of one reply, or a row for each of several."""
        if self._run is not None:
            where, swapped = self._run
            return octets[..., where].view(swapped)
        found: npt.NDArray[Any] = octets.take(self._index, -1, None, "clip").view(self._dtype)
        if len(self._mask):
            np.right_shift(found, self._shift, found)
            np.bitwise_and(found, self._mask, found)
        return found


class _Codes:
    """Raw numbers to codes for all coded cells by one search: key = rank of the cell * 2**34 + raw number, exact in float64."""

    _STRIDE, _LEAST, _MOST = 2.0**34, -(2.0**32), 2.0**32

    def __init__(self, coded: Sequence[tuple[int, Mapping[float, float]]], cells: Sequence[Cell]) -> None:
        pairs = sorted((rank * self._STRIDE + raw, code) for rank, (_, codes) in enumerate(coded) for raw, code in codes.items())
        self._keys = np.array([key for key, _ in pairs] + [np.inf])
        self._code = np.array([code for _, code in pairs] + [np.nan])
        self._cells = np.array([i for i, _ in coded], np.intp)
        self._base = np.arange(len(coded)) * self._STRIDE
        self._every = b"\x01" * len(coded)
        self._wide = any(cells[i].register.count > 2 or cells[i].register.encoding in FLOATS for i, _ in coded)

    def translate(self, numbers: Numbers, reasons: Reasons | None) -> Reasons | None:
        """In place. A number without a code is bad (decode) unless it is bad already; returns the reasons with those added."""
        codes, known = self._looked_up(numbers.take(self._cells))
        numbers[self._cells] = codes
        if known.tobytes() == self._every:
            return reasons
        if reasons is None:
            reasons = np.zeros(len(numbers), np.uint8)
        unknown = self._cells[~known]
        reasons[unknown] = np.where(reasons[unknown] == _GOOD, _DECODE, reasons[unknown])
        return reasons

    def translate_many(self, numbers: Numbers) -> bool:
        """A row for each reply, in place; False where any number has no code."""
        codes, known = self._looked_up(numbers.take(self._cells, 1))
        numbers[:, self._cells] = codes
        return bool(known.all())

    def _looked_up(self, keys: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """The codes of raw numbers, and which of them have one."""
        if self._wide:
            np.maximum(keys, self._LEAST, out=keys)
            np.minimum(keys, self._MOST, out=keys)
            np.copyto(keys, np.nan, where=np.rint(keys) != keys)  # a fraction has no code; beside a large base it would be lost
        keys += self._base
        at = self._keys.searchsorted(keys)
        known = self._keys.take(at, None, None, "clip") == keys
        return self._code.take(at, None, None, "clip"), known


def spans_of(source: Wired, max_hole: int, most: Callable[[Register], int]) -> list[Span]:
    """What must come whole from one read. A sum's parts always do; other values' where they stand close enough, else each for itself."""
    registers = registers_of(source)
    each = [Span(r.table, *r.whole, r.alone) for r in registers]
    start, end = min(s.start for s in each), max(s.end for s in each)
    one_table = len({s.table for s in each}) == 1
    cells = sorted({cell for s in each for cell in range(s.start, s.end)})
    near = all(b - a - 1 <= max_hole for a, b in zip(cells, cells[1:], strict=False)) and end - start <= most(registers[0])
    if one_table and (isinstance(source, Sum) or near) and not any(s.alone for s in each[1:]):
        return [Span(each[0].table, start, end - start, each[0].alone)]
    return each


def _cells_of(i: int, column: Column, reads: Sequence[Read]) -> list[Cell]:
    source = column.source
    if isinstance(source, Register):
        codes = coded_values(source)
        scaled = (1.0, 0.0) if codes else (source.scale, source.offset)
        at, bit = _place(source, reads)
        device, final = Scale.of(*scaled), column.scale(*scaled)
        if not codes and column.codes is not None:  # the numbers that become a code; they are scaled afterwards like any other
            codes = tuple((raw, raw) for code in sorted(column.codes) if final(raw := final.raw(code)) == code)
        return [Cell(source, at, i, bit, device, final, column.device_range, column.final_range, codes)]
    plain = isinstance(source, OneHot)  # its cells are only set or not set
    found = []
    for part, register in enumerate(registers_of(source)):
        at, bit = _place(register, reads)
        scale = Scale() if plain else Scale.of(register.scale, register.offset)
        found.append(Cell(register, at, i, bit, scale, scale, codes=coded_values(register), part=part))
    return found


def coded_values(register: Register) -> tuple[tuple[float, float], ...]:
    return tuple((float(raw), float(code)) for raw, code in register.values.items())


def _place(register: Register, reads: Sequence[Read]) -> tuple[int, int]:
    """(byte offset in the joined replies, bit of that byte) of a register's first cell."""
    base = 0
    for read in reads:
        if read.table is register.table and read.address <= register.address and register.address + register.count <= read.end:
            cell = register.address - read.address
            return (base + cell // 8, cell % 8) if read.table.bits else (base + 2 * cell, 0)
        base += read.reply_bytes
    raise ValueError(f"no read brings {register.table} {register.address} (count {register.count}) whole")


def _reads_of(cells: Sequence[Cell], reads: Sequence[Read], columns: int) -> npt.NDArray[np.bool_]:
    """bool[reads, columns]: which columns need which read."""
    ends = np.cumsum([read.reply_bytes for read in reads])
    needs = np.zeros((len(reads), columns), bool)
    for cell in cells:
        needs[int(np.searchsorted(ends, cell.at, side="right")), cell.column] = True
    return needs


def _padded(rows: Sequence[Sequence[float]]) -> Numbers:
    """float64[rows, longest]; NaN fills up, which equals nothing."""
    longest = max(map(len, rows), default=0)
    return np.array([[*row, *[math.nan] * (longest - len(row))] for row in rows]).reshape(len(rows), longest)


def _affine(scales: Sequence[Scale]) -> list[tuple[Callable[..., object], Numbers]]:
    """The array operations that are not the identity."""
    steps = (
        (np.multiply, np.array([s.n for s in scales]), 1.0),
        (np.add, np.array([s.c for s in scales]), 0.0),
        (np.divide, np.array([s.d for s in scales]), 1.0),
    )
    return [(operation, operand) for operation, operand, neutral in steps if np.any(operand != neutral)]
