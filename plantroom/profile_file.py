"""Profile texts -> Profile, checked against the kind they speak for. The format is docs/profiles.md and schemas/profile.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.kinds import Kind, kind_names, load_kind
from plantroom.profile_bus import identity_of, limits_of
from plantroom.profile_mqtt import shape_of
from plantroom.profile_options import split_name, with_options
from plantroom.profile_parts import clash, sorts_of
from plantroom.profile_points import PointSpec
from plantroom.profile_registers import UNMOVED, Dialect, Sentinels, Shift, sentinels_by_width
from plantroom.profiles import CELLS, BusLimits, Dependent, DevicePoint, Part, Profile, registers_of

BUILTIN = Path(__file__).parent / "profiles"
KindOf = Callable[[str], Kind]


def profile_names() -> tuple[str, ...]:
    """Every profile that ships."""
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.yaml")))


def load_profile(name_or_path: str | Path) -> Profile:
    """A profile by name, shipped or from `profiles/` in the folder one works in, or one from a file.

    A path ends in .yaml; options stand after a +. Raises BadInput, also where a name is in both places.
    """
    name, options = split_name(str(name_or_path))
    if name.endswith((".yaml", ".yml")):
        return parse_profile(y.read_text(Path(name)), name, options=options)
    shipped, own = BUILTIN / f"{name}.yaml", Path("profiles") / f"{name}.yaml"
    plain = "/" not in name and "\\" not in name
    if plain and shipped.is_file() and own.is_file() and not own.samefile(shipped):
        raise BadInput([Problem(str(own), 0, "", f"a profile named {name!r} also ships with Plantroom; give yours another name")])
    if plain and own.is_file():
        return parse_profile(y.read_text(own), str(own), options=options)
    if not plain or not shipped.is_file():
        known = (*profile_names(), *(path.stem for path in sorted(own.parent.glob("*.yaml"))))
        said = f"no profile {name!r} ships with Plantroom or stands in profiles/{y.nearest(name, known)}; or give a file that ends in .yaml"
        raise BadInput([Problem(name, 0, "", said)])
    return parse_profile(y.read_text(shipped), f"profiles/{name}.yaml", options=options)


def parse_profile(text: str, file: str, kind_of: KindOf = load_kind, options: Sequence[str] = ()) -> Profile:
    """The profile a text describes; `file` is what problems name and where the text stands in a config record.

    kind_of: the kind by name, KeyError where there is none. options: those the device has; they end the profile's name.
    Raises BadInput with every problem.
    """
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a profile starts with profile, model, kind, source")
    if isinstance(node, y.Map):
        node = with_options(node, options, paper)
    profile = _Profile(y.Fields(node, "", paper), kind_of).read(text) if node is not None else None
    if paper.problems or profile is None:
        raise BadInput(paper.problems)
    return replace(profile, name="+".join((profile.name, *options)))


class _Profile:
    def __init__(self, f: y.Fields, kind_of: KindOf) -> None:
        self._f, self._kind_of = f, kind_of
        self._dialect = Dialect()
        self._groups: dict[str, float] = {}

    def read(self, text: str) -> Profile:
        f = self._f
        stem = Path(f.paper.file).stem
        name = f.may("profile", y.identifier, stem)
        if name != stem:
            f.wrong("profile", f"is {name!r}, but the file is {stem}.yaml; give both one name")
        kind = self._kind(f)
        source = _texts(f, "source")
        addressing = source.get("addressing", "zero_based")
        if addressing not in ("zero_based", "one_based"):
            f.wrong("source", f"addressing {addressing!r} is unknown; write zero_based (as on the wire) or one_based")
        if "document" not in source:
            f.wrong("source", "must name its document: a map without a source cannot be checked")
        self._dialect = Dialect(base=1 if addressing == "one_based" else 0)
        mqtt_node = f.child("mqtt")
        mqtt = shape_of(y.Fields(mqtt_node, "mqtt", f.paper)) if mqtt_node is not None else None
        bus_node = f.child("bus")
        if bus_node is not None and mqtt is not None:
            f.wrong("bus", "a device speaks Modbus (bus) or MQTT (mqtt), not both")
        bus = limits_of(y.Fields(bus_node, "bus", f.paper), self._dialect) if bus_node is not None else BusLimits()
        self._dialect = replace(
            self._dialect, mqtt=mqtt, page=bus.page % CELLS, sentinels=self._sentinels(f.child("sentinels"))
        )
        self._groups = self._periods()
        points, parts = self._all_points(kind)
        told = (identity_of(node, self._dialect, f.paper) for node in y.entries(f.child("identity"), "identity", f.paper))
        identity = tuple(each for each in told if each is not None)
        if not points and not f.paper.problems:
            f.wrong("points", "has no points")
        attributes = _texts(f, "attributes")
        caveats = tuple(_caveats(f))
        lacks = tuple(_lines(f, "lacks"))
        model = f.need("model", y.text) or ""
        f.done()
        self._check_fits(points, bus)
        whole = {(each.table, each.address + i) for each in identity if each.count > 1 for i in range(each.count)}
        bus = replace(bus, barred=bus.barred | whole)
        kind_name, file = kind.name if kind else None, f.paper.file
        return Profile(
            name, model, kind_name, source, bus, points, mqtt, attributes, caveats, lacks, text, file, identity, parts, self._groups
        )  # fmt: skip

    def _kind(self, f: y.Fields) -> Kind | None:
        name = f.opt("kind", y.text)
        if name is None:
            return None
        try:
            return self._kind_of(name)
        except KeyError:
            f.wrong("kind", f"{name!r} is no kind{y.nearest(name, kind_names())}")
            return None

    def _periods(self) -> dict[str, float]:
        """`groups: {alarms: 60s, status: 1s}`."""
        inner = y.Fields(self._f.child("groups") or y.Map(self._f.node.line, {}, {}), "groups", self._f.paper)
        periods = {name: period for name in inner.node.items if (period := inner.opt(name, y.duration)) is not None}
        return {name: period for name, period in periods.items() if period > 0}

    def _sentinels(self, node: y.Node | None) -> Sentinels:
        return sentinels_by_width(y.Fields(node, "sentinels", self._f.paper)) if node is not None else {}

    def _all_points(self, kind: Kind | None) -> tuple[dict[str, DevicePoint], dict[str, Part]]:
        """The device's points, those of its parts among them, and the parts.

        A part with points of its own leaves the profile's to the device itself; without, the profile's are its.
        """
        f, parts = self._f, dict[str, Part]()
        sorts = sorts_of(f.child("parts"), f.paper)
        bare = [sort for sort in sorts if not {"points", "extra"} & set(sort.fields.node.items)]
        for sort in bare if len(sorts) > 1 else []:
            sort.fields.wrong("points", "is missing: of several sorts of parts each has points of its own")
        points = self._sections(f, kind, UNMOVED) if not bare else {}
        for sort in sorts:
            own = sort.fields if sort not in bare else f
            kind_of_part = self._kind(sort.fields) or kind
            alike: list[dict[str, DevicePoint]] = []
            for name, shift in sort.shifts():
                mine = self._sections(own, kind_of_part, shift)
                mine = {each: replace(point, name=f"{name}.{each}") for each, point in sort.there(mine, self._dialect, shift).items()}
                parts[name] = Part(shift.label, kind_of_part.name if kind_of_part else None, mine)
                points |= {point.name: point for point in mine.values()}
                alike.append(mine)
            sort.fields.done()
            if said := clash(alike):
                sort.fields.wrong("stride", said)
        return points, parts

    def _sections(self, f: y.Fields, kind: Kind | None, shift: Shift) -> dict[str, DevicePoint]:
        return self._points(f, "points", kind, shift, in_kind=True) | self._points(f, "extra", kind, shift, in_kind=False)

    def _points(self, of: y.Fields, section: str, kind: Kind | None, shift: Shift, *, in_kind: bool) -> dict[str, DevicePoint]:
        points: dict[str, DevicePoint] = {}
        for name, node in y.mapping(of.child(section), of.path(section), of.paper).items.items():
            where = f"{of.path(section)}.{name}"
            f = y.Fields(node, where, of.paper)
            numbered, step = f.may("numbered", y.integer(1, 512), 0), f.may("step", y.integer(1, 1000), 1)
            known = kind.points if kind else {}
            if not y.is_snake(name):
                f.paper.wrong(node.line, where, f"{name!r} is no point name; use snake_case")
            if in_kind and kind and name not in known:
                more = y.nearest(name, known)
                f.paper.wrong(node.line, where, f"{kind.name} has no point {name!r}{more}; what the kind does not know goes under extra")
            if not in_kind and kind and name in known:
                f.paper.wrong(node.line, where, f"{kind.name} has a point {name!r}: it belongs under points")
            spec = PointSpec(f, known.get(name) if in_kind else None, self._dialect, self._groups)
            for index in range(numbered or 1):
                full = f"{name}_{index + 1}" if numbered else name
                if point := spec.point(full, replace(shift, cells=index * step)):
                    points[full] = point
            f.done()
        return points

    def _check_fits(self, points: Mapping[str, DevicePoint], bus: BusLimits) -> None:
        for point in points.values():
            registers = registers_of(point.source)
            if not registers:
                continue
            if isinstance(point.source, Dependent):
                continue  # a setting may come from another answer
            if len({register.table for register in registers}) > 1:
                said = "its cells stand in different tables: they cannot come from one answer"
                self._f.paper.wrong(self._f.line("points"), f"points.{point.name}", said)
                continue
            most = bus.max_bits if registers[0].table.bits else bus.max_registers
            wide = max(r.address + r.count for r in registers) - min(r.address for r in registers)
            if wide > most:
                self._f.paper.wrong(self._f.line("points"), f"points.{point.name}", f"spans {wide} cells; one read takes at most {most}")


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


def _caveats(f: y.Fields) -> list[str]:
    """Texts, or `{text, seen}` with where and when it was met: "... (seen: site 7, 2024-03)"."""
    found: list[str] = []
    for node in y.entries(f.child("caveats"), "caveats", f.paper):
        if isinstance(node, y.Map):
            inner = y.Fields(node, "caveats", f.paper)
            said, seen = inner.need("text", y.text), inner.opt("seen", y.text)
            inner.done()
            found.append(f"{said} (seen: {seen})" if seen else said or "")
            continue
        try:
            found.append(y.text(node))
        except y.Wrong as error:
            f.paper.wrong(node.line, "caveats", str(error))
    return found
