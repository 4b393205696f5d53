"""`parts:` of a profile: several alike machines behind one device (four cars on a gateway), each a fixed step further in the tables.

    parts: {car: {count: 4, stride: 100}}
    parts: {unit: {count: 16, first: 0, stride: {coil: 16, holding: 20}}}
    parts: {unit: {names: "{1..4}-{00..15}", stride: 6, present: {table: input, address: 1, bit: 0, bit_stride: 1}}}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from plantroom import yaml_file as y
from plantroom.profile_registers import Dialect, Shift, cell_of
from plantroom.profiles import CELLS, Dependent, DevicePoint, Register, Table, registers_of

MOST = 1000
_RANGE = re.compile(r"\{(\d{1,4})\.\.(\d{1,4})\}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}")
_ABSENT = {0: "absent"}
_stride = y.integer(0, CELLS - 1)


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of part. labels: what tells them apart, in the order they stand in the tables; strides: cells from one to the next.

    fields: its mapping, of which the profile reads `kind`, `points` and `extra`.
    """

    name: str
    labels: tuple[str, ...]
    strides: Mapping[Table, int]
    fields: y.Fields

    def part(self, label: str) -> str:
        return f"{self.name}_{label}"

    def shifts(self) -> Iterable[tuple[str, Shift]]:
        """(part, how far it stands from the first)."""
        return ((self.part(label), Shift(place=i, label=label, strides=self.strides)) for i, label in enumerate(self.labels))


    def there(self, points: Mapping[str, DevicePoint], dialect: Dialect, shift: Shift) -> dict[str, DevicePoint]:
        """`present`: the points of one part, bad (sentinel) while a cell says that it is not there; that cell's own point stays itself."""
        node = self.fields.child("present")
        if node is None:
            return dict(points)
        by, f = cell_of(node, self.fields.path("present"), self.fields.paper, dialect, None, None, shift)
        f.done()
        if by is None:
            return dict(points)
        by = by if by.sentinels else replace(by, sentinels=_ABSENT)
        found: dict[str, DevicePoint] = {}
        for name, point in points.items():
            source = point.source
            if isinstance(source, Register) and not _same_place(source, by):
                point = replace(point, source=Dependent(source, by))
            elif not isinstance(source, Register):
                self.fields.wrong("present", f"cannot speak for {name}, which is more than one register; say it with depends there")
            found[name] = point
        return found


def sorts_of(node: y.Node | None, paper: y.Paper) -> list[Sort]:
    """Problems on the paper; a sort without parts is left out."""
    found: list[Sort] = []
    for name, item in y.mapping(node, "parts", paper).items.items():
        f = y.Fields(item, f"parts.{name}", paper)
        if not y.is_snake(name):
            paper.wrong(item.line, f.where, f"{name!r} is no name of a part; use snake_case")
        labels, strides = _labels(f), _strides(f)
        if labels:
            found.append(Sort(name, labels, strides, f))
    return found


def _labels(f: y.Fields) -> tuple[str, ...]:
    """1, 2, 3 ... by `count` (from `first` on), or `names` written out."""
    names, count, first = f.opt("names", y.text), f.opt("count", y.integer(1, MOST)), f.may("first", y.integer(0, 9999), 1)
    if (names is None) == (count is None):
        if not {"names", "count"} & set(f.node.items) or names is not None:
            f.wrong("count", "needs exactly one of count (how many) and names (how they are called)")
        return ()
    if names is None:
        return tuple(str(first + i) for i in range(count or 0))
    if "first" in f.node.items:
        f.wrong("first", "goes with count; names say it themselves")
    labels = tuple(_written_out(names))
    wrong = next((label for label in labels if not _LABEL.fullmatch(label)), None)
    if not labels or len(labels) > MOST or len(set(labels)) < len(labels):
        f.wrong("names", f"{names!r} must be 1 to {MOST} different names, such as {{1..4}}-{{00..15}}")
        return ()
    if wrong is not None:
        f.wrong("names", f"{wrong!r} is no name; use letters, digits, - and _")
        return ()
    return labels


def _written_out(names: str) -> Iterable[str]:
    """`{1..4}-{00..15}` -> 1-00 .. 4-15, the last one counting fastest; digits as many as the lower end has."""
    pieces = _RANGE.split(names)
    ranges = [range(int(low), int(high) + 1) for low, high in zip(pieces[1::3], pieces[2::3], strict=True)]
    total = 1
    for each in ranges:
        total *= len(each)
    if total > MOST:
        return
    widths = [len(low) for low in pieces[1::3]]
    for numbers in product(*ranges):
        texts = (str(number).zfill(width) for number, width in zip(numbers, widths, strict=True))
        yield "".join(text + fixed for text, fixed in zip(("", *texts), pieces[0::3], strict=True))


def _strides(f: y.Fields) -> Mapping[Table, int]:
    """One number for all tables, or one by table. A table that is not named does not move."""
    node = f.child("stride")
    if node is None or isinstance(node, y.Scalar):
        stride = f.may("stride", _stride, 0)
        return dict.fromkeys(Table, stride)
    inner = y.Fields(node, f.path("stride"), f.paper)
    strides = {table: inner.may(table, _stride, 0) for table in Table}
    inner.done()
    return strides


def clash(parts: Sequence[Mapping[str, DevicePoint]]) -> str:
    """Why these parts, point by point alike, cannot be right: nothing moves, or a moving cell stands in two of them. "" where they are."""
    if len(parts) < 2 or not parts[0]:
        return ""
    first, second = parts[0], parts[1]
    if all(first[name].source == second[name].source for name in first if name in second):
        return "all parts read the same registers: say how far apart they stand (stride: 100)"
    owner: dict[tuple[Table, int, int | None], str] = {}
    for points in parts:
        mine: dict[tuple[Table, int, int | None], str] = {}
        for name, point in points.items():
            if name not in first or name not in second:
                continue  # what is wrong with it has been said
            registers = (registers_of(each[name].source) for each in (first, second, points))
            for here, there, register in zip(*registers, strict=False):
                if (here.address, here.bit) != (there.address, there.bit):
                    mine |= dict.fromkeys(((register.table, at, register.bit) for at in _cells(register)), point.name)
        twice = next((place for place in mine if place in owner), None)
        if twice is not None:
            return f"{owner[twice]} and {mine[twice]} both stand at {twice[0]} {twice[1]}: is the stride too small?"
        owner |= mine
    return ""


def _same_place(one: Register, other: Register) -> bool:
    return (one.table, one.address, one.bit) == (other.table, other.address, other.bit)


def _cells(register: Register) -> range:
    return range(register.address, register.address + register.count)
