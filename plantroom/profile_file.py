"""Profile texts -> Profile, checked against the kind they speak for. The format is docs/profiles.md and schemas/profile.json."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plantroom import units
from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.kinds import Kind, KindPoint, PointType, kind_names, load_kind
from plantroom.profiles import (
    BusLimits,
    DevicePoint,
    Encoding,
    JsonPath,
    MqttShape,
    OneHot,
    Profile,
    Register,
    Source,
    Sum,
    Table,
    registers_of,
)

BUILTIN = Path(__file__).parent / "profiles"
_TOPIC = re.compile(r"[^+#\x00]+")
KindOf = Callable[[str], Kind]


def profile_names() -> tuple[str, ...]:
    """Every profile that ships."""
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.yaml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """A profile that ships, by name, or one from a file (a path ends in .yaml). Raises BadInput."""
    if str(name_or_path).endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        return parse_profile(y.read_text(path), str(path))
    path = BUILTIN / f"{name_or_path}.yaml"
    if "/" in str(name_or_path) or not path.is_file():
        name = str(name_or_path)
        said = f"no profile {name!r} ships with Plantroom{y.nearest(name, profile_names())}; or give a file that ends in .yaml"
        raise BadInput([Problem(name, 0, "", said)])
    return parse_profile(y.read_text(path), f"profiles/{name_or_path}.yaml")


def parse_profile(text: str, file: str, kind_of: KindOf = load_kind) -> Profile:
    """The profile a text describes; `file` is what problems name and where the text stands in a config record.

    kind_of: the kind by name, KeyError where there is none. Raises BadInput with every problem.
    """
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a profile starts with profile, model, kind, source")
    profile = _Profile(y.Fields(node, "", paper), kind_of).read(text) if node is not None else None
    if paper.problems or profile is None:
        raise BadInput(paper.problems)
    return profile


class _Profile:
    def __init__(self, f: y.Fields, kind_of: KindOf) -> None:
        self._f, self._kind_of = f, kind_of
        self._base = 0

    def read(self, text: str) -> Profile:
        f = self._f
        name = f.need("profile", y.identifier) or ""
        stem = Path(f.paper.file).stem
        if name and name != stem:
            f.wrong("profile", f"is {name!r}, but the file is {stem}.yaml; give both one name")
        kind = self._kind()
        source = _texts(f, "source")
        addressing = source.get("addressing", "zero_based")
        if addressing not in ("zero_based", "one_based"):
            f.wrong("source", f"addressing {addressing!r} is unknown; write zero_based (as on the wire) or one_based")
        if "document" not in source:
            f.wrong("source", "must name its document: a map without a source cannot be checked")
        self._base = 1 if addressing == "one_based" else 0
        mqtt_node = f.child("mqtt")
        mqtt = self._mqtt(y.Fields(mqtt_node, "mqtt", f.paper)) if mqtt_node is not None else None
        bus_node = f.child("bus")
        if bus_node is not None and mqtt is not None:
            f.wrong("bus", "a device speaks Modbus (bus) or MQTT (mqtt), not both")
        bus = self._bus(y.Fields(bus_node, "bus", f.paper)) if bus_node is not None else BusLimits()
        points = self._points("points", kind, mqtt is not None, in_kind=True)
        points |= self._points("extra", kind, mqtt is not None, in_kind=False)
        if not points and not f.paper.problems:
            f.wrong("points", "has no points")
        attributes = _texts(f, "attributes")
        caveats = tuple(_lines(f, "caveats"))
        lacks = tuple(_lines(f, "lacks"))
        model = f.need("model", y.text) or ""
        f.done()
        self._check_fits(points, bus)
        return Profile(name, model, kind.name if kind else None, source, bus, points, mqtt, attributes, caveats, lacks, text, f.paper.file)

    def _kind(self) -> Kind | None:
        name = self._f.opt("kind", y.text)
        if name is None:
            return None
        try:
            return self._kind_of(name)
        except KeyError:
            self._f.wrong("kind", f"{name!r} is no kind{y.nearest(name, kind_names())}")
            return None

    def _mqtt(self, f: y.Fields) -> MqttShape:
        topic = f.need("topic", _topic) or ""
        at, form = f.opt("at", y.text), f.may("at_format", y.one_of(("s", "ms", "iso")), "ms")
        status = f.opt("status", _topic)
        shape = MqttShape(topic, at, form, status, f.may("online", y.text, "online"), f.may("offline", y.text, "offline"))
        f.done()
        return shape

    def _bus(self, f: y.Fields) -> BusLimits:
        barred: set[tuple[Table, int]] = set()
        for word, node in y.mapping(f.child("barred"), "bus.barred", f.paper).items.items():
            if word not in set(Table):
                f.paper.wrong(node.line, f"bus.barred.{word}", f"{word!r} is no table{y.nearest(word, Table)}")
                continue
            for item in y.entries(node, f"bus.barred.{word}", f.paper):
                try:
                    barred.add((Table(word), y.integer(self._base, 65_535 + self._base)(item) - self._base))
                except y.Wrong as error:
                    f.paper.wrong(item.line, f"bus.barred.{word}", str(error))
        limits = BusLimits(
            f.may("max_registers", y.integer(1, 125, "a Modbus answer holds at most 125 registers"), 125),
            f.may("max_bits", y.integer(1, 2000, "a Modbus answer holds at most 2000 bits"), 2000),
            f.may("max_hole", y.integer(0, 124), 8),
            frozenset(barred),
            f.may("gap", y.duration, 0.0),
            f.may("timeout", y.duration, 1.0),
        )
        f.done()
        return limits

    def _points(self, section: str, kind: Kind | None, json: bool, *, in_kind: bool) -> dict[str, DevicePoint]:
        points: dict[str, DevicePoint] = {}
        for name, node in y.mapping(self._f.child(section), section, self._f.paper).items.items():
            where = f"{section}.{name}"
            f = y.Fields(node, where, self._f.paper)
            numbered, step = f.may("numbered", y.integer(1, 512), 0), f.may("step", y.integer(1, 1000), 1)
            known = kind.points if kind else {}
            if not y.is_snake(name):
                f.paper.wrong(node.line, where, f"{name!r} is no point name; use snake_case")
            if in_kind and kind and name not in known:
                more = y.nearest(name, known)
                f.paper.wrong(node.line, where, f"{kind.name} has no point {name!r}{more}; what the kind does not know goes under extra")
            if not in_kind and kind and name in known:
                f.paper.wrong(node.line, where, f"{kind.name} has a point {name!r}: it belongs under points")
            spec = _Spec(f, known.get(name) if in_kind else None, self._base, json)
            for index in range(numbered or 1):
                full = f"{name}_{index + 1}" if numbered else name
                if point := spec.point(full, index * step):
                    points[full] = point
            f.done()
        return points

    def _check_fits(self, points: Mapping[str, DevicePoint], bus: BusLimits) -> None:
        for point in points.values():
            registers = registers_of(point.source)
            if not registers:
                continue
            if len({register.table for register in registers}) > 1:
                said = "its cells stand in different tables: they cannot come from one answer"
                self._f.paper.wrong(self._f.line("points"), f"points.{point.name}", said)
                continue
            most = bus.max_bits if registers[0].table.bits else bus.max_registers
            wide = max(r.address + r.count for r in registers) - min(r.address for r in registers)
            if wide > most:
                self._f.paper.wrong(self._f.line("points"), f"points.{point.name}", f"spans {wide} cells; one read takes at most {most}")


@dataclass
class _Spec:
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


def _texts(f: y.Fields, key: str) -> dict[str, str]:
    items = y.mapping(f.child(key), key, f.paper).items
    return {name: str(node.value) for name, node in items.items() if isinstance(node, y.Scalar)}


def _lines(f: y.Fields, key: str) -> list[str]:
    lines: list[str] = []
    for node in y.entries(f.child(key), key, f.paper):
        try:
            lines.append(y.text(node))
        except y.Wrong as error:
            f.paper.wrong(node.line, key, str(error))
    return lines


def _topic(node: y.Node) -> str:
    topic = y.text(node)
    if not _TOPIC.fullmatch(topic):
        raise y.Wrong(f"{topic!r} is no topic of one device: no + and # here; {{device}} stands for the device", node)
    return topic


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
