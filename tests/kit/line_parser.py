"""A small, slow line-protocol reader of our own, written from the format's description, for tests: it shares nothing with the encoder.

https://docs.influxdata.com/influxdb/v1/write_protocols/line_protocol_reference/ : measurement[,tag=value...] field=value[,...] time
Backslash escapes comma, space and equals sign outside strings, quote and backslash inside them. A quote means a string only where a
field's value begins; anywhere else it is a letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    measurement: str
    tags: dict[str, str]
    fields: dict[str, float | str]
    at_ns: int


def parse(text: bytes) -> list[Point]:
    """Raises ValueError for anything that is no line."""
    return [_point(line) for line in text.decode().split("\n") if line]


def _point(line: str) -> Point:
    letters = iter(line)
    measurement, end = _word(letters, ", ")
    tags: dict[str, str] = {}
    while end == ",":
        key, _ = _word(letters, "=")
        tags[key], end = _word(letters, ", ")
    fields: dict[str, float | str] = {}
    end = ","
    while end == ",":
        key, _ = _word(letters, "=")
        fields[key], end = _value(letters)
    return Point(measurement, tags, fields, int("".join(letters)))


def _word(letters: Iterator[str], ends: str) -> tuple[str, str]:
    """Letters up to an unescaped end, and which end it was."""
    word = ""
    for letter in letters:
        if letter == "\\":
            following = next(letters)
            word += following if following in ", =" else "\\" + following
        elif letter in ends:
            if not word:
                raise ValueError("an empty word")
            return word, letter
        else:
            word += letter
    raise ValueError(f"the line ends in {word!r}")


def _value(letters: Iterator[str]) -> tuple[float | str, str]:
    first = next(letters)
    if first != '"':
        word, end = _word(letters, ", ")
        return float(first + word), end
    said = ""
    for letter in letters:
        if letter == "\\":
            following = next(letters)
            said += following if following in '"\\' else "\\" + following
        elif letter == '"':
            return said, next(letters)
        else:
            said += letter
    raise ValueError(f"an open string: {said!r}")
