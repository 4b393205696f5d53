"""What a kind of equipment offers: its points with unit and codes, and its functional items. Read from kinds/<kind>.yaml."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

from plantroom import yaml_file as y
from plantroom.errors import BadInput


class PointType(StrEnum):
    FLOAT = "float"
    INTEGER = "integer"
    BOOL = "bool"  # 0 / 1
    ENUM = "enum"  # the code, a small integer
    SET = "set"  # a mask of <= 52 bits
    COUNTER = "counter"  # monotonic; a fall is a reset, not a fault
    TIME = "time"  # epoch seconds


@dataclass(frozen=True, slots=True)
class KindPoint:
    """One point of a kind. codes: enum name -> code, or set member -> bit. range: plausible values; outside = out_of_range."""

    name: str
    type: PointType
    unit: str  # a unit of plantroom.units, "" for none
    says: Mapping[str, str]  # {"zh": ..., "en": ...}
    codes: Mapping[str, int]
    range: tuple[float, float] | None = None
    required: bool = False
    safety: bool = False  # read first, never thinned
    period_s: float = 1.0  # the field's usual sampling, domain/points.md
    lively: bool = False  # a sensor that is well never stands still for a day


@dataclass(frozen=True, slots=True)
class Item:
    """A functional item (功能项) whose availability counts in K-1."""

    name: str
    says: Mapping[str, str]


class System(StrEnum):
    """The building system a kind belongs to: what figures are told by. none: no plant of the building."""

    LIFTS = "lifts"
    FIRE = "fire"
    HVAC = "hvac"
    POWER = "power"
    WATER = "water"
    BUILDING = "building"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Kind:
    """points: by name, in file order; numbered ones spelled out (car_door_status_1)."""

    name: str
    system: System
    says: Mapping[str, str]
    points: Mapping[str, KindPoint]
    items: Mapping[str, Item]
    text: str = field(repr=False)  # the file itself: it goes into the config record
    path: str = ""


BUILTIN = Path(__file__).parent / "kinds"


def kind_names() -> tuple[str, ...]:
    """Every kind that ships."""
    return tuple(sorted(path.stem for path in BUILTIN.glob("*.yaml")))


@cache
def load_kind(name: str) -> Kind:
    """A kind that ships. Raises KeyError for an unknown name, BadInput for a broken file."""
    path = BUILTIN / f"{name}.yaml"
    if not y.is_snake(name) or not path.is_file():
        raise KeyError(name)
    return parse_kind(y.read_text(path), f"kinds/{name}.yaml")


def load_kinds() -> Mapping[str, Kind]:
    """Every kind that ships, by name."""
    return {name: load_kind(name) for name in kind_names()}


@lru_cache(maxsize=256)
def parse_kind(text: str, file: str) -> Kind:
    """The kind a text describes; `file` is what problems name and where the text stands in a config record. Raises BadInput."""
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a kind file starts with kind, says, points, items")
    kind = _kind(y.Fields(node, "", paper), text) if node is not None else None
    if paper.problems or kind is None:
        raise BadInput(paper.problems)
    return kind


def _kind(f: y.Fields, text: str) -> Kind:
    name = f.need("kind", y.snake) or ""
    system = System(f.may("system", y.one_of(System), System.BUILDING.value))  # configurations of older releases do not say
    says = f.need("says", y.says) or {}
    points: dict[str, KindPoint] = {}
    for point_name, node in y.mapping(f.child("points"), "points", f.paper).items.items():
        for point in _points(point_name, y.Fields(node, f"points.{point_name}", f.paper)):
            if point.name in points:
                f.paper.wrong(node.line, f"points.{point_name}", f"{point.name} is there already; numbered points are spelled out")
            points[point.name] = point
    items: dict[str, Item] = {}
    for item_name, node in y.mapping(f.child("items"), "items", f.paper).items.items():
        item = y.Fields(y.Map(node.line, {"says": node}, {"says": node.line}), f"items.{item_name}", f.paper)
        items[item_name] = Item(item_name, item.need("says", y.says) or {})
    f.done()
    return Kind(name, system, says, points, items, text, f.paper.file)


def _points(name: str, f: y.Fields) -> Iterable[KindPoint]:
    kind = PointType(f.need("type", y.one_of(PointType)) or "float")
    unit = f.may("unit", y.unit_name, "")
    says = f.need("says", y.says) or {}
    codes = f.opt("codes", _codes) or {}
    if (kind in (PointType.ENUM, PointType.SET)) != bool(codes):
        f.wrong("codes", f"a point of type {kind} " + ("needs codes: {word: number}" if not codes else "has no codes"))
    if kind is PointType.SET and any(not 0 <= bit <= 51 for bit in codes.values()):
        f.wrong("codes", "a set has at most 52 members: bits 0..51")
    limits = f.opt("range", y.span)
    required, safety, lively = (f.may(key, y.flag, False) for key in ("required", "safety", "lively"))
    period = f.may("every", y.duration, 1.0)
    numbered = f.may("numbered", y.integer(1, 128), 0)
    f.done()
    if not y.is_snake(name):
        f.paper.wrong(f.node.line, f.where, f"{name!r} is no point name; use snake_case")
    for number in range(1, numbered + 1) if numbered else (None,):
        told = says if number is None else {language: words.replace("{n}", str(number)) for language, words in says.items()}
        full = name if number is None else f"{name}_{number}"
        first = required and number in (None, 1)
        yield KindPoint(full, kind, unit, told, codes, limits, first, safety, period, lively)


def _codes(node: y.Node) -> Mapping[str, int]:
    if not isinstance(node, y.Map) or not node.items:
        raise y.Wrong("must be {word: number, ...}", node)
    codes = {word: y.integer(0, 65_535)(item) for word, item in node.items.items()}
    for word in codes:
        if not y.is_snake(word):
            raise y.Wrong(f"{word!r} is no code word; use snake_case", node)
    if len(set(codes.values())) != len(codes):
        raise y.Wrong("two words have the same number", node)
    return codes
