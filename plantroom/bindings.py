"""`points:` of an equipment -> its bindings: every point from exactly one source, in the kind's unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from plantroom import units
from plantroom import yaml_file as y
from plantroom.kinds import Kind, KindPoint, PointType
from plantroom.profiles import Dependent, DevicePoint, Encoding, JsonPath, OneHot, Register, Sum
from plantroom.site import Binding, Device

_NUMBERED = re.compile(r"(.*_)(\d+)")
KindOf = Mapping[str, Kind]


@dataclass
class Binder:
    """Collects the bindings of one equipment. kinds: those of the profiles, for their enum words.

    whole_parts: (device, part) -> who has it as a whole, over all equipment of the site.
    """

    equipment: str
    kind: Kind
    devices: Mapping[str, Device]
    kinds: KindOf
    paper: y.Paper
    whole_parts: dict[tuple[str, str], str] = field(default_factory=dict)
    bindings: list[Binding] = field(default_factory=list)
    claimed: dict[str, int] = field(default_factory=dict)  # point -> the line that binds it, well or badly

    def entry(self, node: y.Node, where: str) -> None:
        """One line under points: a device taken whole, with `leave`, with `take` by name, or with `start` and `take` in order."""
        f = y.Fields(node, where, self.paper)
        name = f.need("device", y.text)
        device = self.devices.get(name) if name is not None else None
        if name is not None and device is None:
            f.wrong("device", f"{name!r} is no device{y.nearest(name, self.devices)}")
        take, start, part = f.child("take"), f.opt("start", y.text), f.opt("part", y.text)
        left = y.entries(f.child("leave"), f.path("leave"), self.paper)
        leave = [str(item.value) for item in left if isinstance(item, y.Scalar)]
        f.done()
        if device is None:
            return
        if take is not None and leave:
            f.wrong("leave", "goes with a device taken whole; with take, leave the point out of the list")
        offer = _offer(device, part, f)
        if offer is None:
            return
        if start is not None:
            self._in_order(offer, start, take, f)
        elif take is None:
            self._whole(offer, f.node.line, where, leave)
        else:
            for source, item in y.mapping(take, f.path("take"), self.paper).items.items():
                self._take(offer, source, item, f"{where}.take.{source}")

    def whole(self, device: Device, line: int, where: str) -> None:
        """Every point of a device of its own."""
        self._whole(_Offer.itself(device), line, where, [])

    def _whole(self, offer: _Offer, line: int, where: str, leave: list[str]) -> None:
        """Every point on offer that the kind knows, but those left."""
        for name in leave:
            if name not in offer.points:
                self.paper.wrong(line, f"{where}.leave", f"{offer.called} has no point {name!r}{y.nearest(name, offer.points)}")
        if not offer.points:
            parts = offer.device.profile.parts
            self.paper.wrong(line, where, f"{offer.called} is {len(parts)} parts: say which one, part: {next(iter(parts.values())).label}")
            return
        if offer.kind != self.kind.name:
            said = f"speaks for {offer.kind}" if offer.kind else "is plain input and output"
            self.paper.wrong(line, where, f"{offer.called} {said}, not for {self.kind.name}: say which points with take")
            return
        if offer.part:
            other = self.whole_parts.setdefault((offer.device.id, offer.part), self.equipment)
            if other != self.equipment:
                said = f"{offer.part} of {offer.device.id} is {other!r} already; a machine behind a device is one equipment"
                self.paper.wrong(line, where, said)
                return
        for name, point in offer.points.items():
            if name in self.kind.points and name not in leave:
                self._bind(offer, name, point, self.kind.points[name], _Terms(), line, where)

    def _in_order(self, offer: _Offer, start: str, take: y.Node | None, f: y.Fields) -> None:
        match = _NUMBERED.fullmatch(start)
        if not match or start not in offer.points:
            f.wrong("start", f"{start!r} is no numbered point of {offer.called}{y.nearest(start, offer.points)}")
            return
        if take is None:
            f.wrong("take", "is missing: a list of this equipment's points, in the order of the terminals")
            return
        for offset, item in enumerate(y.entries(take, f.path("take"), self.paper)):
            if isinstance(item, y.Scalar) and item.value is None:
                continue  # a terminal not used
            source = f"{match.group(1)}{int(match.group(2)) + offset}"
            self._take(offer, source, item, f"{f.where}.take[{offset}]")

    def _take(self, offer: _Offer, source: str, node: y.Node, where: str) -> None:
        before = len(self.paper.problems)
        point = offer.points.get(source)
        if point is None:
            said = f"{offer.called} ({offer.device.id}) has no point {source!r}{y.nearest(source, offer.points)}"
            self.paper.wrong(node.line, where, said if offer.points else f"{said}; it is in parts: say which one with part")
            if not isinstance(node, y.Map):
                return
        if isinstance(node, y.Scalar):
            f = y.Fields(y.Map(node.line, {} if node.value is None else {"as": node}, {}), where, self.paper)
        else:
            f = y.Fields(node, where, self.paper)
        name = f.may("as", y.text, source)
        kind_point = self.kind.points.get(name)
        if kind_point is None:
            f.wrong("as", f"{self.kind.name} has no point {name!r}{y.nearest(name, self.kind.points)}")
        terms = _Terms(
            f.opt("from", y.pair),
            f.opt("to", y.pair),
            f.opt("unit", y.unit_name),
            f.may("invert", y.flag, False),
            f.may("debounce", y.duration, 0.0),
            f.opt("period", y.duration),
            self._bit_words(f, kind_point),
        )
        f.done()
        if point is not None and kind_point is not None and len(self.paper.problems) == before:
            self._bind(offer, source, point, kind_point, terms, node.line, where)
        elif kind_point is not None:
            self.claimed.setdefault(kind_point.name, node.line)

    def _bit_words(self, f: y.Fields, kind_point: KindPoint | None) -> tuple[float, float] | None:
        """`values: {0: manual, 1: auto}`: a contact as two codes of an enum."""
        node = f.child("values")
        if node is None:
            return None
        items = y.mapping(node, f.path("values"), f.paper).items
        if kind_point is None:
            return None
        if set(items) != {"0", "1"}:
            f.wrong("values", "must say both states of the contact: {0: word, 1: word}")
            return None
        try:
            codes = [kind_point.codes[y.one_of(kind_point.codes, f"a value of {kind_point.name}")(items[key])] for key in ("0", "1")]
        except y.Wrong as error:
            f.wrong("values", str(error))
            return None
        if codes[0] == codes[1]:
            f.wrong("values", "gives both states the same word")
            return None
        return float(codes[0]), float(codes[1])

    def _bind(
        self, offer: _Offer, source: str, point: DevicePoint, kind_point: KindPoint, terms: _Terms, line: int, where: str
    ) -> None:
        name = kind_point.name
        if name in self.claimed:
            first = f"{self.equipment}.{name} is bound already in line {self.claimed[name]}"
            self.paper.wrong(line, where, f"{first}; a point has one source: remove one, or leave: [{source}]")
            return
        self.claimed[name] = line
        if problem := _misfit(offer, source, kind_point, terms, self.kinds):
            self.paper.wrong(line, where, problem)
            return
        source_unit = terms.unit if terms.unit is not None else point.unit
        try:
            factor, offset = units.scaling(source_unit, kind_point.unit)
        except ValueError as error:
            hint = "; say from, to and unit" if terms.low is None and terms.unit is None else ""
            self.paper.wrong(line, where, f"{name}: {error}{hint}")
            return
        span = (*terms.low, *terms.high) if terms.low and terms.high else (0.0, 1.0, *terms.words) if terms.words else None
        own = offer.device.groups.get(point.group, point.period_s if offer.kind or point.group else kind_point.period_s)
        self.bindings.append(
            Binding(
                f"{self.equipment}.{name}",
                offer.device.id,
                point.name,
                kind_point,
                terms.invert,
                span,
                factor,
                offset,
                terms.debounce_s,
                terms.period_s if terms.period_s else own,
                kind_point.safety,
                kind_point.range,
            )
        )


@dataclass(frozen=True, slots=True)
class _Offer:
    """What an entry may take: a device's own points, or those of one part of it, by the names they have there."""

    device: Device
    part: str
    called: str
    kind: str | None
    points: Mapping[str, DevicePoint]

    @classmethod
    def itself(cls, device: Device) -> _Offer:
        return cls(device, "", device.profile.name, device.profile.kind, device.profile.own_points)


def _offer(device: Device, word: str | None, f: y.Fields) -> _Offer | None:
    """word: a part's name, or its number alone where that says it (2 for car_2)."""
    parts = device.profile.parts
    if word is None:
        return _Offer.itself(device)
    found = [name for name, part in parts.items() if word in (name, part.label)]
    if len(found) == 1:
        part = parts[found[0]]
        return _Offer(device, found[0], f"{found[0]} of {device.profile.name}", part.kind, part.points)
    if not parts:
        f.wrong("part", f"{device.profile.name} has no parts; every device of it is one machine")
    elif found:
        f.wrong("part", f"{word!r} may be {' or '.join(found)} of {device.profile.name}; write its whole name")
    else:
        f.wrong("part", f"{word!r} is no part of {device.profile.name}{y.nearest(word, parts)}")
    return None


@dataclass(frozen=True, slots=True)
class _Terms:
    low: tuple[float, float] | None = None  # from
    high: tuple[float, float] | None = None  # to
    unit: str | None = None
    invert: bool = False
    debounce_s: float = 0.0
    period_s: float | None = None
    words: tuple[float, float] | None = None


def _misfit(offer: _Offer, source: str, kind_point: KindPoint, terms: _Terms, kinds: KindOf) -> str:
    """Why this device point cannot be that equipment point; "" where it can."""
    point = offer.points[source]
    contact = _is_contact(point)
    if (terms.low is None) != (terms.high is None):
        return "from and to belong together: from [4, 20] of the signal, to [0, 16] of the quantity"
    if terms.low is not None and terms.unit is None and kind_point.unit:
        return f"say the unit of `to` (unit: {kind_point.unit}, or another of {units.dimension(kind_point.unit).name})"
    if terms.words and (terms.low is not None or not contact):
        return "values {0: ..., 1: ...} belongs to a contact, without from and to"
    if terms.debounce_s and not contact:
        return "debounce belongs to a contact; a measured value is smoothed by the rule that uses it"
    if terms.invert and not contact:
        return "invert belongs to a contact; for a measured value turn `to` round"
    if kind_point.type is PointType.BOOL and not contact and terms.low is None:
        return f"{kind_point.name} is true or false, but {source} of {offer.called} is a number"
    if kind_point.type in (PointType.ENUM, PointType.SET) and not terms.words:
        spoken = kinds.get(offer.kind) if offer.kind else None
        own = spoken.points.get(source) if spoken else None
        if own is None or own.codes != kind_point.codes:
            return f"{kind_point.name} is one of {', '.join(kind_point.codes)}: say what the contact means: values: {{0: ..., 1: ...}}"
    number = kind_point.type in (PointType.FLOAT, PointType.INTEGER, PointType.COUNTER, PointType.TIME)
    if number and contact and not isinstance(point.source, JsonPath):
        return f"{kind_point.name} is a number, but {source} of {offer.called} is a contact"
    return ""


def _is_contact(point: DevicePoint) -> bool:
    """Can its value only be 0 or 1? JSON may hold either."""
    source = point.source.value if isinstance(point.source, Dependent) else point.source
    if isinstance(source, Register):
        return set(source.values.values()) <= {0, 1} if source.values else source.encoding is Encoding.BIT and source.bits == 1
    if isinstance(source, JsonPath):
        return not point.unit
    if isinstance(source, Sum):  # any of several
        return source.union and {factor for _, factor in source.parts} == {1.0}
    return isinstance(source, OneHot) and set(source.registers) <= {0, 1}
