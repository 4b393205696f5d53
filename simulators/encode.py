"""Device values -> the registers and bits a device of a profile would show.

Written from the profile documents and apart from the collector's decoding, so that a mistake of one is not mirrored by the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan
from struct import pack

from plantroom.profiles import (
    Dependent,
    DevicePoint,
    Encoding,
    Identity,
    OneHot,
    Profile,
    Register,
    Sum,
    Table,
    registers_of,
)
from simulators.memory import Cells

FUNCTION = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
HOLE = 0x5A5A  # what stands in cells that no point names: read through, never taken for a value
_INTEGER = {  # encoding -> (lowest, highest, bytes)
    Encoding.U16: (0, 2**16 - 1, 2),
    Encoding.I16: (-(2**15), 2**15 - 1, 2),
    Encoding.U32: (0, 2**32 - 1, 4),
    Encoding.I32: (-(2**31), 2**31 - 1, 4),
    Encoding.U64: (0, 2**64 - 1, 8),
    Encoding.I64: (-(2**63), 2**63 - 1, 8),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What a device of a profile has in its tables. cells: every address that answers, with what stands there when nothing is encoded.

    A hole no wider than the profile says may be read through answers; a barred cell or a wider hole is exception 2.
    alone: (function, address, count) cells that answer only when read by themselves. composed: points that also set
    cells another point may have for its own: a code told by several flags, a register that tells a unit. told: (function, address) -> word
    of what tells the model.
    """

    cells: Mapping[int, Mapping[int, int]]
    alone: tuple[tuple[int, int, int], ...]
    composed: frozenset[str]
    told: Mapping[tuple[int, int], int] = field(default_factory=dict)


def layout_of(profile: Profile) -> Layout:
    wanted: dict[int, set[int]] = {}
    alone: list[tuple[int, int, int]] = []
    for register in (r for point in profile.points.values() for r in registers_of(point.source)):
        function = FUNCTION[register.table]
        first, count = register.whole
        wanted.setdefault(function, set()).update(range(first, first + count))
        if register.alone:
            alone.append((function, register.address, register.count))
    told: dict[tuple[int, int], int] = {}
    for identity in profile.identity:
        function = FUNCTION[identity.table]
        wanted.setdefault(function, set()).update(range(identity.address, identity.address + identity.count))
        told.update(((function, identity.address + i), word) for i, word in enumerate(_identity_words(identity)))
    barred = {(FUNCTION[table], address) for table, address in profile.bus.barred}
    cells: dict[int, dict[int, int]] = {}
    for function, addresses in wanted.items():
        table, before = cells.setdefault(function, {}), None
        for address in sorted(addresses):
            if before is not None and address - before - 1 <= profile.bus.max_hole:
                for hole in range(before + 1, address):
                    if (function, hole) not in barred:
                        table[hole] = HOLE if function in (3, 4) else 1
            table[address], before = told.get((function, address), 0), address
    composed = frozenset(p.name for p in profile.points.values() if isinstance(p.source, (OneHot, Dependent)))
    return Layout(cells, tuple(alone), composed, told)


def _identity_words(identity: Identity) -> list[int]:
    """What the registers that tell a model hold: its letters, two a register, or its number."""
    width = 2 * identity.count
    data = identity.text.encode("ascii").ljust(width, b" ")[:width] if identity.text else min(identity.values, default=0).to_bytes(width)
    return [int.from_bytes(data[i : i + 2]) for i in range(0, width, 2)]


def encode_registers(profile: Profile, layout: Layout, values: Mapping[str, float]) -> Cells:
    """The cells of a device whose points have these values (in the unit the profile delivers; NaN = the sensor gives nothing).

    A point without a value leaves its cells at 0. Where a cell is a point's own and also a part of a composed one, its own value stands.
    What depends on another register is put last, as that one then wants it.
    A value beyond a register's range stands at its end, as in the real device. Raises ValueError for an enum code the device cannot say.
    """
    cells = {function: dict(table) for function, table in layout.cells.items()}
    composed = [name for name in values if name in layout.composed]
    depending: list[tuple[Dependent, float]] = []
    for name in (*composed, *(name for name in values if name not in layout.composed)):
        point, value = profile.points[name], values[name]
        if isinstance(point.source, Dependent):
            depending.append((point.source, 1.0 - value if point.invert else value))
        for register, part in _parts(point, 1.0 - value if point.invert else value):
            _put(cells, register, part)
    own = {_cell(source) for name in values if isinstance(source := profile.points[name].source, Register)}
    for source, value in depending:
        _put_dependent(cells, source, value, settled=_cell(source.by) in own)
    return cells


def _cell(register: Register) -> tuple[str, int, int | None]:
    return register.table, register.address, register.bit


def _put_dependent(cells: Mapping[int, dict[int, int]], source: Dependent, value: float, *, settled: bool) -> None:
    """The value as the register it depends on wants it. settled: that one has a value of its own; a unit it does not name is not shown.

    Else the device is set up in the first way its document names. Without cases there is only the question whether there is a value:
    the bit's own word says so, or a cell that tells whether the machine is there.
    """
    by = source.by
    told = _shown(cells, by)
    if not source.cases:
        own = (by.table, by.address) == (source.value.table, source.value.address)
        _put(cells, by if own and isnan(value) else source.value, value)
        if not own and not settled and told in by.sentinels:
            _put(cells, by, 1.0)
        return
    case = next((case for case in source.cases if case.lowest <= told <= case.highest), None)
    if case is None and not settled:
        case = source.cases[0]
        _put(cells, by, case.lowest * by.scale + by.offset)
    if case is not None:
        _put(cells, source.value, (value - case.offset) / case.factor)


def _shown(cells: Mapping[int, dict[int, int]], register: Register) -> int:
    """The raw number that stands in a register."""
    table = cells[FUNCTION[register.table]]
    if register.bit is not None:
        return table[register.address] >> register.bit & (1 << register.bits) - 1
    words = [table[register.address + i] for i in range(register.count)]
    ordered = reversed(words) if register.low_word_first else words
    return int.from_bytes(b"".join(word.to_bytes(2) for word in ordered), signed=register.encoding.value.startswith("i"))


class Encoder:
    """encode_registers for one device over time: only what has changed since the last call is encoded anew. Gives the same cells."""

    def __init__(self, profile: Profile) -> None:
        self._profile, self.layout = profile, layout_of(profile)
        self._plain = plain_points(profile)
        self._cells: dict[int, dict[int, int]] = {}
        self._last: dict[str, float] = {}

    def __call__(self, values: Mapping[str, float]) -> Cells:
        last = self._last
        changed = [name for name, value in values.items() if last.get(name) != value]
        if not self._cells or len(values) != len(last) or not self._plain.issuperset(changed):
            self._cells = {function: dict(table) for function, table in encode_registers(self._profile, self.layout, values).items()}
        else:
            for name in changed:
                point, value = self._profile.points[name], values[name]
                for register, part in _parts(point, 1.0 - value if point.invert else value):
                    _put(self._cells, register, part)
        self._last = dict(values)
        return self._cells


def plain_points(profile: Profile) -> frozenset[str]:
    """The points that share no cell with another one, and on which none depends."""
    users: Counter[tuple[str, int, int | None]] = Counter()
    for point in profile.points.values():
        users.update({_cell(register) for register in registers_of(point.source)})
    return frozenset(
        name
        for name, point in profile.points.items()
        if not isinstance(point.source, Dependent) and all(users[_cell(register)] == 1 for register in registers_of(point.source))
    )


def _parts(point: DevicePoint, value: float) -> Iterator[tuple[Register, float]]:
    """The point's registers with the value each of them has to show."""
    source = point.source
    if isinstance(source, Register):
        yield source, value
    elif isinstance(source, OneHot):
        if value not in source.registers and source.none is None:  # with `none`, a state it has no cell for shows as no cell set
            raise ValueError(f"{point.name}: the device has no cell for code {value:g}; it has {sorted(source.registers)}")
        for code, register in source.registers.items():
            yield register, 1.0 if code == value else 0.0
    elif isinstance(source, Sum):
        yield from _shares(source, value)


def _shares(source: Sum, value: float) -> Iterator[tuple[Register, float]]:
    """Splits a value over the parts of a Sum, the heaviest first; each part gets as much as it can hold whole."""
    if isnan(value):
        yield from ((register, value) for register, _ in source.parts)
        return
    if all(register.encoding is Encoding.BIT for register, _ in source.parts):
        mask, told = round(value), set[float]()
        for register, factor in source.parts:  # of several that tell one member, the first does
            yield register, 0.0 if factor in told else float(mask // round(factor) & 1)
            told.add(factor)
        return
    smallest = min(factor * register.scale for register, factor in source.parts)
    left = round(value / smallest)
    for register, factor in sorted(source.parts, key=lambda part: -part[1] * part[0].scale):
        weight = round(factor * register.scale / smallest)
        most = _INTEGER[register.encoding][1] if register.encoding in _INTEGER else 2**24  # whole numbers a single float has
        share = min(left // weight, most)
        left -= share * weight
        yield register, share * register.scale + register.offset


def _put(cells: Mapping[int, dict[int, int]], register: Register, value: float) -> None:
    table = cells[FUNCTION[register.table]]
    if register.encoding is Encoding.BIT:
        raw = _raw(register, value, 0, (1 << register.bits) - 1)
        if register.bit is None or register.table.bits:
            table[register.address] = raw
        else:
            mask = ((1 << register.bits) - 1) << register.bit
            if register.values.get((table[register.address] & mask) >> register.bit) == value:
                return  # says so already: an alarm's code that is "shutdown" is no "warning", whichever set was asked last
            table[register.address] = table[register.address] & ~mask | raw << register.bit
        return
    data = _bytes(register, value)
    words = [int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2)]
    for i, word in enumerate(reversed(words) if register.low_word_first else words):
        table[register.address + i] = word


def _bytes(register: Register, value: float) -> bytes:
    """The value as the device's number, big-endian, high word first."""
    if register.encoding in (Encoding.F32, Encoding.F64):
        shown = _raw(register, value, 0, 0) if register.values else (value - register.offset) / register.scale
        return pack(">f" if register.encoding is Encoding.F32 else ">d", shown)
    low, high, width = _INTEGER[register.encoding]
    if isnan(value):
        pattern = next(iter(register.sentinels), 2 ** (8 * width) - 1)  # a device without a sentinel shows all ones
        return pattern.to_bytes(width)
    return _raw(register, value, low, high).to_bytes(width, signed=low < 0)


def _raw(register: Register, value: float, low: int, high: int) -> int:
    if register.values:
        for raw, code in register.values.items():
            if code == value:
                return raw
        raise ValueError(f"register {register.table.value} {register.address} has no number for code {value:g}")
    if isnan(value):
        return high
    return max(low, min(high, round((value - register.offset) / register.scale)))
