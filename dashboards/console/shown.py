"""Values as people read them: a number with its unit, a code with its name, a set with its members. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from zoneinfo import ZoneInfo

from plantroom.clock import NS, at_utc
from plantroom.kinds import KindPoint, PointType
from plantroom.words import has, say

DIGITS: Mapping[str, int] = {"rpm": 0, "kPa": 0, "Pa": 0, "%": 0, "ppm": 0, "MPa": 3, "bar": 2, "Hz": 2, "s": 1, "m/s": 2, "": 2}
LENGTHS = frozenset(("silence", "unchanged", "flat"))


def digits_of(point: KindPoint) -> int:
    """Decimals worth showing."""
    return 0 if point.type in (PointType.INTEGER, PointType.COUNTER) else DIGITS.get(point.unit, 1)


def names_of(point: KindPoint, lang: str) -> dict[int, str]:
    """Code -> text of an enum or bool point; {} for a quantity or a set."""
    if point.type is PointType.BOOL and not point.codes:
        return {0: say("truth.no", lang), 1: say("truth.yes", lang)}
    if point.type in (PointType.ENUM, PointType.BOOL):
        return {code: code_text(name, lang) for name, code in point.codes.items()}
    return {}


def code_text(name: str, lang: str) -> str:
    """A code's name in words: the catalogue's where it has one, else the kind file's own with spaces."""
    key = f"code.{name}"
    return say(key, lang) if has(key) else name.replace("_", " ")


def value_text(value: float, point: KindPoint, lang: str) -> str:
    """Without its unit; an en dash for a value that is none."""
    if math.isnan(value):
        return "–"
    if point.type is PointType.SET:
        members = [code_text(name, lang) for name, bit in point.codes.items() if int(value) >> bit & 1]
        return "、".join(members) if lang == "zh" and members else ", ".join(members) or "–"
    if point.type is PointType.TIME:
        return at_utc(int(value) * NS).strftime("%Y-%m-%d %H:%M") + " UTC"
    names = names_of(point, lang)
    if names:
        return names.get(int(value), f"{value:g}")
    return number(value, digits_of(point))


def recorded_text(value: object, point: KindPoint | None, lang: str) -> str:
    """A value as a fault's trace holds it: a number of a point, or whatever a derived value is."""
    if isinstance(value, bool | int | float):
        return value_text(float(value), point, lang) if point else number(float(value), 0 if float(value).is_integer() else 2)
    return "–" if value is None else str(value)


def derived_unit(name: str) -> str:
    """Of what samples say about themselves (docs/rules.md): some are lengths of time, the rest are counts."""
    return "s" if name in LENGTHS else ""


def parameter_text(value: object, unit: str, lang: str) -> str:
    """A rule's parameter, or what a rule computed, with its unit; a length of time as people say it: 90 s, 30 min, 2 h."""
    if unit != "s" or not isinstance(value, int | float):
        said = recorded_text(value, None, lang)
        return f"{said} {unit_text(unit)}" if unit and value is not None else said
    for size, word in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if value >= 2 * size and value % size == 0:
            return f"{number(value / size, 0)} {word}"
    return f"{recorded_text(value, None, lang)} s"


def due_text(due_ns: int, now_ns: int, zone: ZoneInfo) -> str:
    """The instant of a limit on the site's clock; with its day where that is not today."""
    today = local(due_ns, zone, "%m-%d") == local(now_ns, zone, "%m-%d")
    return local(due_ns, zone, "%H:%M" if today else "%m-%d %H:%M")


def number(value: float, digits: int) -> str:
    """12345.678, 1 -> 12,345.7; no minus before a rounded zero."""
    text = f"{value:,.{digits}f}"
    return text.lstrip("-") if not any(c in "123456789" for c in text) else text


UNITS: Mapping[str, str] = {"floor": "", "degC": "°C", "degF": "°F", "m3/h": "m³/h", "m3": "m³", "ohm": "Ω", "kohm": "kΩ", "ug/m3": "µg/m³"}


def unit_text(unit: str) -> str:
    return UNITS.get(unit, unit)


def local(ns: int | None, zone: ZoneInfo, form: str = "%m-%d %H:%M:%S") -> str:
    """A local instant of the site; "" for none."""
    return "" if ns is None else at_utc(ns).astimezone(zone).strftime(form)
