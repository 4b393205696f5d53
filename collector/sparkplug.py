"""Sparkplug B payloads: the few fields of its protobuf that a reader needs, bounded and without any library. Pure.

Source: Eclipse Sparkplug 3.0.0, 6.4 (payload, metric, data types, properties); Protocol Buffers, encoding.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

MOST_METRICS = 20_000  # of one message
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_INT, _LONG, _FLOAT, _DOUBLE, _BOOLEAN, _STRING = 10, 11, 12, 13, 14, 15
_OTHER = (16, 17, 18, 19)  # bytes, data set, template, extension: no sample
_WIRE = {_INT: _VARINT, _LONG: _VARINT, _FLOAT: _FIXED32, _DOUBLE: _FIXED64, _BOOLEAN: _VARINT, _STRING: _BYTES}
# data type -> the field its values stand in; what is not here holds no single number or word
FIELD_OF = {1: _INT, 2: _INT, 3: _INT, 4: _LONG, 5: _INT, 6: _INT, 7: _INT, 8: _LONG, 9: _FLOAT, 10: _DOUBLE, 11: _BOOLEAN, 12: _STRING,
            13: _LONG, 14: _STRING, 15: _STRING}  # fmt: skip
_SIGNED_BITS = {1: 8, 2: 16, 3: 32, 4: 64}
GOOD, STALE = 192, 500  # of the property `Quality`; 0 is bad


class NoSparkplug(ValueError):
    """Bytes that are no Sparkplug B payload; the text says why."""


class _Unreadable:
    def __repr__(self) -> str:
        return "no number, word or time"


UNREADABLE: Final = _Unreadable()


class Metric(NamedTuple):
    """One metric. field: in which its value stood (10..15), 0 = it has none. value: as it stood there, unsigned for whole numbers."""

    name: str | None
    alias: int | None
    at_ms: int | None
    datatype: int | None
    historical: bool
    null: bool
    quality: int | None
    field: int
    value: Any


class Payload(NamedTuple):
    at_ms: int | None
    seq: int | None
    metrics: tuple[Metric, ...]


def parse(data: bytes) -> Payload:
    """Raises NoSparkplug. Fields it does not know are passed over; of one that stands twice the last counts."""
    at_ms = seq = None
    metrics: list[Metric] = []
    for number, wire, value, begin, end in _fields(data, 0, len(data)):
        if number == 1 and wire == _VARINT:
            at_ms = value
        elif number == 2 and wire == _BYTES:
            if len(metrics) >= MOST_METRICS:
                raise NoSparkplug(f"more than {MOST_METRICS} metrics in one message")
            metrics.append(_metric(data, begin, end))
        elif number == 3 and wire == _VARINT:
            seq = value
        elif number <= 3:
            raise NoSparkplug(f"field {number} has wire type {wire}")
    return Payload(at_ms, seq, tuple(metrics))


def value_of(metric: Metric, datatype: int | None) -> Any:
    """A number, true/false or text; None for a null; UNREADABLE where value and data type disagree or hold no single value.

    datatype: the metric's own, or that of its birth; None = not known.
    """
    if metric.null:
        return None
    if datatype is None:
        return metric.value if metric.field in (_FLOAT, _DOUBLE, _BOOLEAN, _STRING) else UNREADABLE  # a whole number may be signed
    if not metric.field or FIELD_OF.get(datatype) != metric.field:
        return UNREADABLE
    bits = _SIGNED_BITS.get(datatype)
    if bits is None:
        return metric.value
    low = metric.value & (1 << bits) - 1  # a narrow one may come sign-extended to 32 bits
    return low - (1 << bits) if low >> bits - 1 else low


def _metric(data: bytes, at: int, end: int) -> Metric:
    name: str | None = None
    alias = at_ms = datatype = quality = None
    historical = null = False
    field, held = 0, None
    for number, wire, value, begin, past in _fields(data, at, end):
        if number == 1 and wire == _BYTES:
            name = _text(data, begin, past)
        elif number == 2 and wire == _VARINT:
            alias = value
        elif number == 3 and wire == _VARINT:
            at_ms = value
        elif number == 4 and wire == _VARINT:
            datatype = value
        elif number == 5 and wire == _VARINT:
            historical = bool(value)
        elif number == 7 and wire == _VARINT:
            null = bool(value)
        elif number == 9 and wire == _BYTES:
            quality = _quality(data, begin, past)
        elif number in _OTHER:
            field, held = number, None
        elif number in _WIRE:
            if wire != _WIRE[number]:
                raise NoSparkplug(f"value field {number} has wire type {wire}")
            field, held = number, _held(number, value, data, begin, past)
    return Metric(name, alias, at_ms, datatype, historical, null, quality, field, held)


def _held(number: int, value: int, data: bytes, begin: int, past: int) -> Any:
    if number == _FLOAT:
        return struct.unpack("<f", data[begin:past])[0]
    if number == _DOUBLE:
        return struct.unpack("<d", data[begin:past])[0]
    if number == _BOOLEAN:
        return bool(value)
    return _text(data, begin, past) if number == _STRING else value


def _quality(data: bytes, at: int, end: int) -> int | None:
    """The property `Quality` of a property set: keys = 1, values = 2, by their order; of a value, its int_value = 3."""
    keys: list[str] = []
    values: list[int | None] = []
    for number, wire, _, begin, past in _fields(data, at, end):
        if number == 1 and wire == _BYTES:
            keys.append(_text(data, begin, past))
        elif number == 2 and wire == _BYTES:
            values.append(next((value for n, w, value, _, _ in _fields(data, begin, past) if n in (3, 4) and w == _VARINT), None))
    return next((value for key, value in zip(keys, values, strict=False) if key == "Quality"), None)


def _text(data: bytes, begin: int, past: int) -> str:
    try:
        return data[begin:past].decode()
    except UnicodeDecodeError:
        raise NoSparkplug("a text that is not UTF-8") from None


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """(field number, wire type, varint's value, where its bytes begin, where they end)."""
    while at < end:
        key, at = _varint(data, at, end)
        number, wire = key >> 3, key & 7
        value, begin = 0, at
        if wire == _VARINT:
            value, at = _varint(data, at, end)
        elif wire == _BYTES:
            size, begin = _varint(data, at, end)
            at = begin + size
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise NoSparkplug(f"wire type {wire}")
        if at > end or not number:
            raise NoSparkplug("a field that does not fit into the payload")
        yield number, wire, value, begin, at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and data[at] < 128:
        return data[at], at + 1
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            break
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
    raise NoSparkplug("a number that does not end")
