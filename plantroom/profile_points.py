"""One point of a profile: its mapping -> DevicePoint, with the register, one-hot, sum, set or JSON path it comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from plantroom import units
from plantroom import yaml_file as y
from plantroom.kinds import KindPoint, PointType
from plantroom.profiles import DevicePoint, Encoding, JsonPath, OneHot, Register, Source, Sum, Table


@dataclass
class PointSpec:
    """One point's mapping -> DevicePoint; `shift` moves the addresses of a numbered one."""

    f: y.Fields
    kind_point: KindPoint | None
    base: int
    json: bool

    def point(self, name: str, shift: int) -> DevicePoint | None:
        f, known = self.f, self.kind_point
        source = self._source(shift)
        default_unit = known.unit if known and known.type in (PointType.BOOL, PointType.ENUM, PointType.SET) else ""
        unit = f.may("unit", y.unit_name, default_unit)
        if known and units.known(unit) and not units.compatible(unit, known.unit):
            f.wrong("unit", f"{unit or 'a plain number'} cannot become {known.unit or 'a plain number'}, the unit {known.name} has")
        limits = f.opt("range", y.span)
        every = f.may("every", y.duration, known.period_s if known else 1.0)
        safety, invert = f.may("safety", y.flag, known.safety if known else False), f.may("invert", y.flag, False)
        return None if source is None else DevicePoint(name, source, unit, limits, every, safety, invert)

    def _source(self, shift: int) -> Source | None:
        if self.json:
            return self._json()
        ways = [way for way in ("address", "one_hot", "sum", "set") if way in self.f.node.items]
        if len(ways) != 1:
            self.f.wrong("address", f"needs exactly one of address, one_hot, sum, set; has {', '.join(ways) or 'none'}")
            return None
        table, encoding = self._table(self.f, None), self.f.opt("type", y.one_of(Encoding, "an encoding"))
        if ways[0] == "address":
            return self._register(self.f, table, encoding, shift, self._values(table))
        if ways[0] == "one_hot":
            return self._one_hot(table, encoding, shift)
        return self._sum(table, encoding, shift) if ways[0] == "sum" else self._set(table, encoding, shift)

    def _table(self, f: y.Fields, inherited: Table | None) -> Table | None:
        word = f.opt("table", y.one_of(Table, "a table"))
        return Table(word) if word else inherited

    def _register(
        self, f: y.Fields, table: Table | None, encoding: str | None, shift: int = 0, values: Mapping[int, int] | None = None
    ) -> Register | None:
        if table is None:
            if "table" not in f.node.items:
                f.wrong("table", f"is missing; one of {', '.join(Table)}")
            f.asked.append("*")  # what else is wrong with it depends on the table
            return None
        last = 65_535 + self.base
        address = f.need("address", y.integer(self.base, last, f"registers are numbered {self.base}..{last}"))
        bit, bits = f.opt("bit", y.integer(0, 15)), f.may("bits", y.integer(1, 16), 1)
        code = Encoding(encoding or ("bit" if table.bits or bit is not None else "u16"))
        if table.bits and (code is not Encoding.BIT or bit is not None):
            f.wrong("type" if code is not Encoding.BIT else "bit", f"a {table} is one bit; no other type, no bit number")
        if not table.bits and code is Encoding.BIT and bit is None:
            f.wrong("bit", "is missing: which bit of the register, 0 (least significant) to 15")
        if bit is not None and (bit + bits > 16 or code is not Encoding.BIT):
            f.wrong("bit", f"bits {bit}..{bit + bits - 1} of a {code} do not exist; a register has bits 0..15 and type bit")
        words = f.may("words", y.one_of(("high_first", "low_first")), "high_first")
        scale, offset = f.may("scale", y.number, 1.0), f.may("offset", y.number, 0.0)
        if scale == 0:
            f.wrong("scale", "is 0: every value would be the same")
        sentinels = f.opt("sentinels", lambda node: _sentinels(node, code)) or {}
        alone = f.may("alone", y.flag, False)
        if address is None:
            return None
        if address - self.base + shift + code.words - 1 > 65_535:
            f.wrong("address", f"{code.words} words from {address + shift} run past 65535, the last register there is")
            return None
        return Register(
            table, address - self.base + shift, code, bit, bits, words == "low_first", scale, offset, sentinels, values or {}, alone
        )

    def _values(self, table: Table | None) -> Mapping[int, int]:
        known, node = self.kind_point, self.f.child("values")
        if node is None:
            if known and known.type is PointType.ENUM:
                self.f.wrong("values", f"is missing: which number is which of {', '.join(known.codes)} (values: kind = the same)")
            word = known and known.type is PointType.BOOL and table and not table.bits and "bit" not in self.f.node.items
            return {0: 0, 1: 1} if word else {}
        if isinstance(node, y.Scalar) and node.value == "kind" and known:
            return {code: code for code in known.codes.values()}
        values: dict[int, int] = {}
        for raw, item in y.mapping(node, self.f.path("values"), self.f.paper).items.items():
            number = y.plain_value(raw)
            if not isinstance(number, int) or isinstance(number, bool):
                self.f.paper.wrong(item.line, self.f.path("values"), f"{raw!r} is no raw number")
                continue
            code = self._code(item, "values")
            if code is not None:
                values[number] = code
        return values

    def _code(self, item: y.Node, key: str) -> int | None:
        """An enum word, true/false or a number as the kind's code."""
        known = self.kind_point
        value = item.value if isinstance(item, y.Scalar) else None
        if isinstance(value, str) and known and value in known.codes:
            return known.codes[value]
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, int) and not (known and known.codes and value not in known.codes.values()):
            return value
        words = known.codes if known else {}
        whose = known.name if known else "this point"
        self.f.paper.wrong(item.line, self.f.path(key), f"{y.described(item)} is no value of {whose}{y.nearest(str(value), words)}")
        return None

    def _cell(self, node: y.Node, key: str, table: Table | None, encoding: str | None, shift: int) -> tuple[Register | None, y.Fields]:
        """A cell of one_hot, sum or set: an address, or a mapping that inherits table and type of the point."""
        where = self.f.path(key)
        f = y.Fields(y.Map(node.line, {"address": node}, {}) if isinstance(node, y.Scalar) else node, where, self.f.paper)
        own = f.opt("type", y.one_of(Encoding, "an encoding"))
        return self._register(f, self._table(f, table), own or encoding, shift), f

    def _one_hot(self, table: Table | None, encoding: str | None, shift: int) -> OneHot | None:
        registers: dict[int, Register] = {}
        for word, node in y.mapping(self.f.child("one_hot"), self.f.path("one_hot"), self.f.paper).items.items():
            code = self._code(y.Scalar(node.line, y.plain_value(word)), "one_hot")
            register, f = self._cell(node, f"one_hot.{word}", table, encoding, shift)
            f.done()
            if register and code is not None:
                registers[code] = register
        none_node = self.f.child("none")
        none = self._code(none_node, "none") if none_node is not None else None
        return OneHot(registers, none, self.f.may("first_wins", y.flag, False)) if registers else None

    def _set(self, table: Table | None, encoding: str | None, shift: int) -> Sum | None:
        parts: list[tuple[Register, float]] = []
        for word, node in y.mapping(self.f.child("set"), self.f.path("set"), self.f.paper).items.items():
            code = self._code(y.Scalar(node.line, y.plain_value(word)), "set")
            register, f = self._cell(node, f"set.{word}", table, encoding, shift)
            f.done()
            if register and code is not None:
                parts.append((register, float(2**code)))
        return Sum(tuple(parts)) if parts else None

    def _sum(self, table: Table | None, encoding: str | None, shift: int) -> Sum | None:
        parts: list[tuple[Register, float]] = []
        for node in y.entries(self.f.child("sum"), self.f.path("sum"), self.f.paper):
            register, f = self._cell(node, "sum", table, encoding, shift)
            factor = f.may("factor", y.number, 1.0)
            f.done()
            if register:
                parts.append((register, factor))
        return Sum(tuple(parts)) if parts else None

    def _json(self) -> JsonPath | None:
        f, known = self.f, self.kind_point
        path = f.need("path", _json_path)
        node = f.child("values")
        values: dict[str, float] = {}
        if isinstance(node, y.Scalar) and node.value == "kind" and known:
            for word, code in known.codes.items():
                values[word] = values[str(code)] = code
        elif node is not None:
            for word, item in y.mapping(node, f.path("values"), f.paper).items.items():
                code_of = self._code(item, "values")
                if code_of is not None:
                    values[word] = code_of
        elif known and known.type is PointType.ENUM:
            f.wrong("values", f"is missing: which payload value is which of {', '.join(known.codes)} (or `values: kind`)")
        scale, offset = f.may("scale", y.number, 1.0), f.may("offset", y.number, 0.0)
        return JsonPath(path, scale, offset, values) if path else None


_JSON_PATH = re.compile(r"[^.\[\]]+(?:\[\d+\])*(?:\.[^.\[\]]+(?:\[\d+\])*)*")


def _json_path(node: y.Node) -> str:
    path = y.text(node)
    if not _JSON_PATH.fullmatch(path):
        raise y.Wrong(f"{path!r} is no path; write dotted keys and [n]: car.doors[0].state", node)
    return path


def _sentinels(node: y.Node, code: Encoding) -> Mapping[int, str]:
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
