"""What a kind of equipment offers: its points with unit and codes, and its functional items. Read from kinds/<kind>.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Item:
    """A functional item (功能项) whose availability counts in K-1."""

    name: str
    says: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Kind:
    """points: by name, in file order; numbered ones spelled out (car_door_status_1)."""

    name: str
    says: Mapping[str, str]
    points: Mapping[str, KindPoint]
    items: Mapping[str, Item]
    text: str  # the file itself: it goes into the config record
