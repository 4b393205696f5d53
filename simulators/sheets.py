"""The JSON documents and plain values an MQTT device sends, filled in anew for each message.

Their form is worked out once; after that a value that has not changed stands where it stood.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from math import isnan, nan
from re import findall
from typing import Any, NamedTuple

import orjson

from plantroom.clock import iso
from plantroom.profiles import DevicePoint, JsonPath, MqttShape, Profile

_STEP = r"\['([^'\]]+)'\]|\[(\d+)\]|\[([^=\[\]'.]+)=([^\[\]]+)\]|([^.\[\]]+)"
_Step = int | str | tuple[str, str]  # a place in a list, a key, the entry of a list whose key has a value

Teller = Callable[[float], object]


class _Seat(NamedTuple):
    """Where a value stands: `at[key]`."""

    at: Any
    key: Any
    tell: Teller


class Sheets:
    """names: the points, in the order of the values given. tellers: of those that stand in a payload; others say nothing."""

    def __init__(self, profile: Profile, shape: MqttShape, names: tuple[str, ...], tellers: Mapping[str, Teller]) -> None:
        self.names, self._shape = names, shape
        self._roots: dict[str, dict[str, Any]] = {}  # by topic
        self._plain: dict[str, object] = {}
        self._stamps: list[tuple[dict[str, Any], str]] = []  # of single points
        self._seats = [self._seat(profile.points[name], tellers.get(name)) for name in names]
        self._last = [nan] * len(names)

    def filled(self, values: Iterable[float], at_ns: int, count: int) -> list[tuple[str, bytes]]:
        """(topic of the profile, payload). count: of the messages so far."""
        now = list(values)
        for seat, value, last in zip(self._seats, now, self._last, strict=True):
            if value != last and seat is not None:
                seat.at[seat.key] = seat.tell(value)
        self._last = now
        for root, path in self._stamps:
            place(root, path, stamp_of(self._shape, at_ns))
        sent = [(topic, self._document(root, at_ns, count)) for topic, root in self._roots.items()]
        return sent + [(topic, _as_text(said).encode()) for topic, said in self._plain.items()]

    def _seat(self, point: DevicePoint, tell: Teller | None) -> _Seat | None:
        source = point.source
        if tell is None or not isinstance(source, JsonPath):
            return None
        turned = (lambda value: tell(1.0 - value)) if point.invert else tell
        topic = source.topic or self._shape.topic
        if not source.path:
            return _Seat(self._plain, topic, turned)
        root = self._roots.setdefault(topic, {})
        at, key = place(root, source.path, None)
        if source.at:
            place(root, source.at, None)
            self._stamps.append((root, source.at))
        if source.unit_path:
            place(root, source.unit_path, next(iter(source.units)))
        return _Seat(at, key, turned)

    def _document(self, root: dict[str, Any], at_ns: int, count: int) -> bytes:
        shape = self._shape
        if shape.at is not None:
            place(root, shape.at, stamp_of(shape, at_ns))
        whole: Any = root
        if shape.rows:
            whole = [root] if shape.rows == "$" else {}
            if isinstance(whole, dict):
                place(whole, shape.rows, [root])
        if shape.seq and isinstance(whole, dict):
            place(whole, shape.seq, count)
        return as_json(whole)


def as_json(whole: object) -> bytes:
    try:
        return orjson.dumps(whole)
    except TypeError:  # a whole number of more than 64 bits, for which JSON has room
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def stamp_of(shape: MqttShape, at_ns: int) -> object:
    form = shape.at_format
    if form == "iso":
        return iso(at_ns)
    return at_ns / 1e9 if form == "s" else at_ns // {"ms": 1_000_000, "us": 1_000, "ns": 1}[form]


def teller(shape: MqttShape, source: JsonPath) -> Teller:
    """How a value stands in the payload."""
    words: dict[float, object] = {}
    for text, code in source.values.items():
        words.setdefault(code, text == "true" if text in ("true", "false") else int(text) if text.lstrip("-").isdigit() else text)
    gain, bias = next(iter(source.units.values()), (1.0, 0.0))
    offset, scale, quoted = source.offset, source.scale, shape.quoted and not shape.sparkplug

    def word(value: float) -> object:
        try:
            return words[(value - bias) / gain]
        except KeyError:
            if isnan(value):
                return None
            raise ValueError(f"{source.path or source.topic} has no word for code {value:g}") from None

    def number(value: float) -> object:
        if isnan(value):
            return None
        told = ((value - bias) / gain - offset) / scale
        whole = int(told)
        said = whole if told == whole else round(told, 4)
        return str(said) if quoted else said

    return word if words else number


def _as_text(said: object) -> str:
    if said is None:
        return "nan"
    return str(said).lower() if isinstance(said, bool) else str(said)


@cache
def _steps(path: str) -> Sequence[tuple[_Step, _Step | None]]:
    """Each step of a path, with the one that follows it."""
    steps: list[_Step] = [
        int(index) if index else (key, wanted) if key else quoted or plain
        for quoted, index, key, wanted, plain in findall(_STEP, path)
    ]  # fmt: skip
    return list(zip(steps, [*steps[1:], None], strict=True))


def place(root: dict[str, Any], path: str, value: object) -> tuple[Any, Any]:
    """Puts a value at `car.doors[0].state`, `e[n=temp].v`; objects and lists on the way are made. Returns (what holds it, under what)."""
    node: Any = root
    held: tuple[Any, Any] = (root, path)
    for step, following in _steps(path):
        fresh: object = value if following is None else {} if isinstance(following, str) else []
        if isinstance(step, tuple):
            entry = next((entry for entry in node if str(entry.get(step[0])) == step[1]), None)
            if entry is None:
                entry = {step[0]: step[1]}
                node.append(entry)
            node = entry
            continue
        held = node, step
        if isinstance(step, int):
            node.extend([None] * (step + 1 - len(node)))
            if node[step] is None or following is None:
                node[step] = fresh
            node = node[step]
        else:
            if following is None:
                node[step] = fresh
            node = node.setdefault(step, fresh)
    return held
