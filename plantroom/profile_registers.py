"""One register of a profile file -> Register, in the file's own way of writing addresses, pages, bits and sentinels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from plantroom import yaml_file as y
from plantroom.profiles import CELLS, Encoding, MqttShape, Register, Table

Sentinels = Mapping[Encoding, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Members:
    """What the cells of one value share. values: raw number -> what it stands for. bits, words: where a cell says nothing itself."""

    bits: int = 1
    values: Mapping[int, int] = field(default_factory=dict)
    words: str = "high_first"


PLAIN = Members()


@dataclass(frozen=True, slots=True)
class Shift:
    """How far a repeated register stands from the one that is written. cells: of a numbered point, in any table.

    place, label: which part it is, counted from 0, and its name; strides: cells from one part to the next, by table; None = no parts.
    own: the stride the point itself tells; bits: the parts' flags stand so far apart, sixteen to a register, 0 = one register a part.
    """

    cells: int = 0
    place: int = 0
    label: str = ""
    strides: Mapping[Table, int] | None = None
    own: int | None = None
    bits: int = 0

    def asked(self, f: y.Fields) -> Shift:
        """With the `stride` or `bit_stride` of a mapping, where there are parts."""
        if self.strides is None:
            return self
        own, bits = f.opt("stride", y.integer(0, CELLS - 1)), f.opt("bit_stride", y.integer(1, 16))
        if own is not None and bits is not None:
            f.wrong("bit_stride", "goes without stride: the flags of all parts stand in a row")
        return replace(self, own=self.own if own is None else own, bits=self.bits if bits is None else bits)

    def of(self, table: Table) -> int:
        """Cells."""
        stride = (self.strides or {}).get(table, 0) if self.own is None else self.own
        return self.cells + (0 if self.bits else self.place * stride)

    def flag(self, bit: int) -> tuple[int, int]:
        """(registers further, bit there) of a part's flag."""
        return divmod(bit + self.place * self.bits, 16)


UNMOVED = Shift()
_PAGED = re.compile(r"(\d{1,5})/(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one file writes registers. base: what its addresses count from. page: cells of a page, for addresses `page/offset`, 0 = no pages.

    mqtt: values stand in payloads of this shape, not in registers. sentinels: those of every value of an encoding that has none of its own.
    """

    base: int = 0
    page: int = 0
    mqtt: MqttShape | None = None
    sentinels: Sentinels = field(default_factory=dict)

    def address(self, node: y.Node) -> int:
        """As written (counted from `base`); `page/offset` where the file has pages. Raises Wrong."""
        text = node.value if isinstance(node, y.Scalar) and isinstance(node.value, str) else ""
        written, last = _PAGED.fullmatch(text), CELLS - 1 + self.base
        if written is None or not self.page:
            return y.integer(self.base, last, f"registers are numbered {self.base}..{last}")(node)
        page, offset = int(written[1]), int(written[2])
        if offset - self.base >= self.page or page * self.page + offset > last:
            raise y.Wrong(f"{text} does not exist; pages have {self.page} cells, the last register is {last}", node)
        return page * self.page + offset


def table_of(f: y.Fields, inherited: Table | None) -> Table | None:
    word = f.opt("table", y.one_of(Table, "a table"))
    return Table(word) if word else inherited


def words_of(f: y.Fields, inherited: str = "high_first") -> str:
    return f.may("words", y.one_of(("high_first", "low_first")), inherited)


def register_of(
    f: y.Fields,
    dialect: Dialect,
    table: Table | None,
    encoding: str | None,
    shift: Shift = UNMOVED,
    members: Members = PLAIN,
) -> Register | None:
    """The register a mapping describes; None with problems on the paper. `encoding`: what holds where it says nothing itself."""
    if table is None:
        if "table" not in f.node.items:
            f.wrong("table", f"is missing; one of {', '.join(Table)}")
        f.asked.append("*")  # what else is wrong with it depends on the table
        return None
    address = f.need("address", dialect.address)
    bit, bits = f.opt("bit", y.integer(0, 31 if encoding == Encoding.U32 else 15)), f.may("bits", y.integer(1, 16), members.bits)
    code = Encoding(encoding or ("bit" if table.bits or bit is not None else "u16"))
    words = words_of(f, members.words)
    second = 0
    if (double := code is Encoding.U32 and not table.bits) and bit is not None:  # the bit of a double word is a bit of one of its words
        second, bit, code = int((bit > 15) == (words == "low_first")), bit % 16, Encoding.BIT
    if table.bits and (code is not Encoding.BIT or bit is not None):
        f.wrong("type" if code is not Encoding.BIT else "bit", f"a {table} is one bit; no other type, no bit number")
    if not table.bits and code is Encoding.BIT and bit is None:
        f.wrong("bit", "is missing: which bit of the register, 0 (least significant) to 15")
    if bit is not None and (bit + bits > 16 or code is not Encoding.BIT):
        f.wrong("bit", f"bits {bit}..{bit + bits - 1} of a {code} do not exist; a register has bits 0..15 and type bit")
    scale, offset = f.may("scale", y.number, 1.0), f.may("offset", y.number, 0.0)
    if scale == 0:
        f.wrong("scale", "is 0: every value would be the same")
    sentinels = f.opt("sentinels", lambda node: sentinels_of(node, code))
    if sentinels is None:
        sentinels = dialect.sentinels.get(code, {})
    alone = f.may("alone", y.flag, False)
    shift = shift.asked(f)
    moved = shift.of(table)
    if shift.bits and (bit is None or double or bits > shift.bits):
        f.wrong("bit_stride", "belongs to a bit of a register, and is no smaller than the bits of one part")
        return None
    if shift.bits and bit is not None:
        further, bit = shift.flag(bit)
        moved += further
        if bit + bits > 16:
            f.wrong("bit_stride", f"puts bits {bit}..{bit + bits - 1} of part {shift.label} across two registers")
            return None
    if address is None:
        return None
    first = address + moved - dialect.base
    address = first + second
    if first + (2 if double else code.words) > CELLS:
        which = f" of part {shift.label}" if shift.label else ""
        f.wrong("address", f"{code.words} words from {address}{which} run past 65535, the last register there is")
        return None
    low_first, within = words == "low_first", (first, 2) if code is Encoding.BIT and double else None
    return Register(table, address, code, bit, bits, low_first, scale, offset, sentinels, members.values, alone, within)


def cell_of(
    node: y.Node,
    where: str,
    paper: y.Paper,
    dialect: Dialect,
    table: Table | None,
    encoding: str | None,
    shift: Shift = UNMOVED,
    members: Members = PLAIN,
) -> tuple[Register | None, y.Fields]:
    """A cell of several that make one value: an address, or a mapping that inherits table, type and bits of the point."""
    f = y.Fields(y.Map(node.line, {"address": node}, {}) if isinstance(node, y.Scalar) else node, where, paper)
    own = f.opt("type", y.one_of(Encoding, "an encoding"))
    return register_of(f, dialect, table_of(f, table), own or encoding, shift, members), f


def sentinels_of(node: y.Node, code: Encoding) -> Mapping[int, str]:
    """Raw patterns (unsigned, full width) -> word. Raises Wrong."""
    if not isinstance(node, y.Map):
        raise y.Wrong("must be {raw number: word}", node)
    bits = 16 * code.words
    found: dict[int, str] = {}
    for raw, item in node.items.items():
        number = y.plain_value(raw)
        if not isinstance(number, int) or isinstance(number, bool) or not -(1 << (bits - 1)) <= number < 1 << bits:
            raise y.Wrong(f"{raw!r} is no raw value of {bits} bits", node)
        found[number % (1 << bits)] = y.text(item)
    return found


def sentinels_by_width(f: y.Fields) -> Sentinels:
    """`sentinels: {u16: {...}, i32: {...}}` of a whole profile."""
    found: dict[Encoding, Mapping[int, str]] = {}
    for word in list(f.node.items):
        if word not in set(Encoding) or word == Encoding.BIT:
            f.asked.append(word)
            f.wrong(word, f"{word!r} is no width of numbers{y.nearest(word, [e for e in Encoding if e is not Encoding.BIT])}")
        else:
            found[Encoding(word)] = f.opt(word, partial(sentinels_of, code=Encoding(word))) or {}
    return found
