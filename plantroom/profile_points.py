"""One point of a profile: its mapping -> DevicePoint, with the register, any, one-hot, sum, set, dependent register or path it is from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from plantroom import units
from plantroom import yaml_file as y
from plantroom.kinds import KindPoint, PointType
from plantroom.profile_mqtt import payload_point
from plantroom.profile_registers import PLAIN, Dialect, Members, Shift, cell_of, register_of, table_of, words_of
from plantroom.profiles import Case, Dependent, DevicePoint, Encoding, OneHot, Register, Source, Sum, Table

ENUM = "enum"


@dataclass
class PointSpec:
    """One point's mapping -> DevicePoint; `shift` moves the addresses of a repeated one. groups: periods by name."""

    f: y.Fields
    kind_point: KindPoint | None
    dialect: Dialect
    groups: Mapping[str, float] = field(default_factory=dict)

    def point(self, name: str, shift: Shift) -> DevicePoint | None:
        f, known = self.f, self.kind_point
        source = self._source(shift)
        default_unit = known.unit if known and known.type in (PointType.BOOL, PointType.ENUM, PointType.SET) else ""
        unit = f.may("unit", y.unit_name, default_unit)
        if known and units.known(unit) and not units.compatible(unit, known.unit):
            f.wrong("unit", f"{unit or 'a plain number'} cannot become {known.unit or 'a plain number'}, the unit {known.name} has")
        limits = f.opt("range", y.span)
        group, every = self._group(), f.opt("every", y.duration)
        if group and every is not None:
            f.wrong("every", f"is told by the group {group} already")
        period_s = self.groups[group] if group else every if every is not None else known.period_s if known else 1.0
        safety, invert = f.may("safety", y.flag, known.safety if known else False), f.may("invert", y.flag, False)
        counter = known is not None and known.type is PointType.COUNTER
        monotonic = f.may("monotonic", y.flag, counter)
        if monotonic and known and not counter:
            f.wrong("monotonic", f"{known.name} is no counter of its kind, it may fall")
        return None if source is None else DevicePoint(name, source, unit, limits, period_s, safety, invert, group, monotonic)

    def _group(self) -> str:
        name = self.f.may("group", y.text, "")
        if name and name not in self.groups:
            self.f.wrong("group", f"{name!r} is none of the profile's groups{y.nearest(name, self.groups)}")
            return ""
        return name

    def _source(self, shift: Shift) -> Source | None:
        if self.dialect.mqtt is not None:
            return payload_point(self.f, self.kind_point, self._code, shift.label, self.dialect.mqtt)
        ways = [way for way in ("address", "any", "one_hot", "sum", "set") if way in self.f.node.items]
        if len(ways) != 1:
            self.f.wrong("address", f"needs exactly one of address, any, one_hot, sum, set; has {', '.join(ways) or 'none'}")
            return None
        table, encoding = table_of(self.f, None), self.f.opt("type", y.one_of((*Encoding, ENUM), "an encoding"))
        if encoding == ENUM:  # says that the number is a word, not how wide it is
            encoding = None
            if "values" not in self.f.node.items:
                self.f.wrong("values", "is missing: which number is which word")
        if ways[0] == "address":
            register = register_of(self.f, self.dialect, table, encoding, shift, Members(1, self._values(table)))
            return register and self._dependent(register, shift)
        build = {"any": self._any, "one_hot": self._one_hot, "sum": self._sum, "set": self._set}[ways[0]]
        return build(table, encoding, shift.asked(self.f))

    def _values(self, table: Table | None) -> Mapping[int, int]:
        known, node = self.kind_point, self.f.child("values")
        if node is None:
            if known and known.type is PointType.ENUM:
                self.f.wrong("values", f"is missing: which number is which of {', '.join(known.codes)} (values: kind = the same)")
            word = known and known.type is PointType.BOOL and table and not table.bits and "bit" not in self.f.node.items
            return {0: 0, 1: 1} if word else {}
        if isinstance(node, y.Scalar) and node.value == "kind" and known:
            return {code: code for code in known.codes.values()}
        return self._numbers()

    def _numbers(self) -> Mapping[int, int]:
        """`values` as raw number -> code; of a set, whether a cell with that number means that the member is in it."""
        values: dict[int, int] = {}
        for raw, item in y.mapping(self.f.child("values"), self.f.path("values"), self.f.paper).items.items():
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
        if isinstance(value, str) and not words:
            said = "has no words, only a kind's enum has: leave `values` out (the number is the value), or write numbers, true, false"
            self.f.paper.wrong(item.line, self.f.path(key), f"{value!r}: {known.name if known else 'a point of no kind'} {said}")
            return None
        whose = known.name if known else "this point"
        self.f.paper.wrong(item.line, self.f.path(key), f"{y.described(item)} is no value of {whose}{y.nearest(str(value), words)}")
        return None

    def _cell(
        self, node: y.Node, key: str, table: Table | None, encoding: str | None, shift: Shift, members: Members = PLAIN
    ) -> tuple[Register | None, y.Fields]:
        members = replace(members, words=words_of(self.f))
        return cell_of(node, self.f.path(key), self.f.paper, self.dialect, table, encoding, shift, members)

    def _one_hot(self, table: Table | None, encoding: str | None, shift: Shift) -> OneHot | None:
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

    def _set(self, table: Table | None, encoding: str | None, shift: Shift) -> Sum | None:
        parts: list[tuple[Register, float]] = []
        members = Members(self.f.may("bits", y.integer(1, 16), 1), self._numbers())
        if members.bits > 1 and not members.values:
            self.f.wrong("values", f"is missing: which numbers of {members.bits} bits mean that it is set: {{0: false, 2: true}}")
        if not set(members.values.values()) <= {0, 1}:
            self.f.wrong("values", "of a set are true or false: whether such a number means that the member is in it")
        for word, node in y.mapping(self.f.child("set"), self.f.path("set"), self.f.paper).items.items():
            code = self._code(y.Scalar(node.line, y.plain_value(word)), "set")
            for item in node.items if isinstance(node, y.Sequence) else [node]:
                register, f = self._cell(item, f"set.{word}", table, encoding, shift, members)
                f.done()
                if register and code is not None:
                    parts.append((register, float(2**code)))
        return Sum(tuple(parts), len({factor for _, factor in parts}) < len(parts)) if parts else None

    def _any(self, table: Table | None, encoding: str | None, shift: Shift) -> Sum | None:
        each = y.entries(self.f.child("any"), self.f.path("any"), self.f.paper)
        cells = [self._cell(node, "any", table, encoding, shift) for node in each]
        for _, f in cells:
            f.done()
        parts = tuple((register, 1.0) for register, _ in cells if register)
        return Sum(parts, union=True) if parts else None

    def _sum(self, table: Table | None, encoding: str | None, shift: Shift) -> Sum | None:
        parts: list[tuple[Register, float]] = []
        for node in y.entries(self.f.child("sum"), self.f.path("sum"), self.f.paper):
            register, f = self._cell(node, "sum", table, encoding, shift)
            factor = f.may("factor", y.number, 1.0)
            f.done()
            if register:
                parts.append((register, factor))
        return Sum(tuple(parts)) if parts else None

    def _dependent(self, register: Register, shift: Shift) -> Source | None:
        """The register, with the one it `depends` on; a bit field whose sentinels are wider than itself depends on its whole word."""
        node = self.f.child("depends")
        if node is None:
            wide = {pattern: word for pattern, word in register.sentinels.items() if register.bit is not None and pattern >> register.bits}
            if not wide:
                return register
            own = {pattern: word for pattern, word in register.sentinels.items() if pattern not in wide}
            return Dependent(replace(register, sentinels=own), Register(register.table, register.address, Encoding.U16, sentinels=wide))
        by, f = self._cell(node, "depends", register.table, None, shift)
        if by is not None and (by.encoding in (Encoding.F32, Encoding.F64) or by.scale != 1.0 or by.offset):
            f.wrong("address", "decides by its raw whole number: no float, no scale")
        each = y.mapping(f.child("cases"), f.path("cases"), f.paper).items
        cases = [case for word, item in each.items() if (case := self._case(word, item, f))]
        f.done()
        if not cases and "cases" not in f.node.items:
            f.wrong("cases", "is missing: what the value means for which number: {0: {}, 1: {unit: degF}}")
        return Dependent(register, by, tuple(cases)) if by and cases else None

    def _case(self, word: str, node: y.Node, parent: y.Fields) -> Case | None:
        """`1: {unit: degF}`, `10..99: {factor: 10}`: what the value means then, in the point's unit."""
        f = y.Fields(node, parent.path(f"cases.{word}"), parent.paper)
        numbers = _CASE.fullmatch(word)
        if numbers is None or int(numbers[2] or numbers[1]) < int(numbers[1]):
            f.paper.wrong(node.line, f.where, f"{word!r} is no raw number and no range of them; write 1 or 10..99")
            return None
        to = self.f.may("unit", y.unit_name, "")
        unit, factor = f.may("unit", y.unit_name, to), f.may("factor", y.number, 1.0)
        f.done()
        if factor == 0:
            f.wrong("factor", "is 0: every value would be the same")
        if not units.compatible(unit, to):
            f.wrong("unit", f"{unit or 'a plain number'} cannot become {to or 'a plain number'}, the unit of this point")
            return None
        gain, bias = units.scaling(unit, to)
        return Case(int(numbers[1]), int(numbers[2] or numbers[1]), factor * gain, bias)


_CASE = re.compile(r"(-?\d{1,10})(?:\.\.(-?\d{1,10}))?")
