"""Device values -> what an MQTT device says: JSON documents, plain values, Sparkplug B; its availability and its last will.

Written from the profile documents and apart from the collector's decoding, so that a mistake of one is not mirrored by the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from re import findall
from typing import Any

from plantroom.clock import iso
from plantroom.profiles import JsonPath, MqttShape, Profile
from plantroom.site import Device
from simulators.sparkplug import Node

_STEP = r"\['([^'\]]+)'\]|\[(\d+)\]|\[([^=\[\]'.]+)=([^\[\]]+)\]|([^.\[\]]+)"


_Step = int | str | tuple[str, str]  # a place in a list, a key, the entry of a list whose key has a value


@dataclass(frozen=True, slots=True)
class Message:
    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


class Speaker:
    """One device of its own; at Sparkplug the node it hangs on as well. prefix: before every topic."""

    def __init__(self, device: Device, prefix: str = "") -> None:
        if device.profile.mqtt is None:
            raise ValueError(f"device {device.id}: profile {device.profile.name} has no mqtt part")
        self.profile, self.shape = device.profile, device.profile.mqtt
        self._name, self._prefix, self._count = device.topic or device.id, prefix, 0
        self._node = Node(self._name, prefix) if self.shape.sparkplug else None

    def will(self) -> Message | None:
        """What the broker says for it when its connection breaks. Asked for once before each connection."""
        if self._node is not None:
            return Message(*self._node.will())
        says = self._says(online=False)
        return says[0] if says else None

    def greeting(self, values: Mapping[str, float], at_ns: int) -> list[Message]:
        """The first words of a connection."""
        births = [] if self._node is None else [Message(*m, qos=0) for m in self._node.births(self._metrics(values), at_ns)]
        return [*births, *self._says(online=True)]

    def farewell(self) -> list[Message]:
        """The last words of a connection that is ended on purpose: what the will would have said."""
        return [Message(*self._node.death())] if self._node is not None else self._says(online=False)

    def state(self, values: Mapping[str, float], at_ns: int) -> list[Message]:
        """All it has to say now. at_ns: the device's own time, where it gives one."""
        if self._node is not None:
            return [Message(*self._node.data(self._metrics(values), at_ns), qos=0)]
        self._count += 1
        documents: dict[str, Any] = {}
        plain: dict[str, bytes] = {}
        for name, value in values.items():
            point = self.profile.points[name]
            if not isinstance(point.source, JsonPath):
                continue
            topic, shown = point.source.topic or self.shape.topic, _shown(self.shape, point.source, 1.0 - value if point.invert else value)
            if not point.source.path:
                plain[topic] = _as_text(shown).encode()
                continue
            root = documents.setdefault(topic, {})
            _place(root, point.source.path, shown)
            if point.source.at:
                _place(root, point.source.at, stamp_of(self.shape, at_ns))
            if point.source.unit_path:
                _place(root, point.source.unit_path, next(iter(point.source.units)))
        sent = [Message(self._named(topic), self._document(root, at_ns)) for topic, root in documents.items()]
        return sent + [Message(self._named(topic), payload) for topic, payload in plain.items()]

    def _document(self, root: dict[str, Any], at_ns: int) -> bytes:
        if self.shape.at is not None:
            _place(root, self.shape.at, stamp_of(self.shape, at_ns))
        whole: Any = root
        if self.shape.rows:
            whole = [root] if self.shape.rows == "$" else {}
            if isinstance(whole, dict):
                _place(whole, self.shape.rows, [root])
        if self.shape.seq and isinstance(whole, dict):
            _place(whole, self.shape.seq, self._count)
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()

    def _says(self, *, online: bool) -> list[Message]:
        found: list[Message] = []
        for words in self.shape.availability:
            root: dict[str, Any] = {}
            word = words.online if online else words.offline
            if words.path:
                _place(root, words.path, word)
            payload = json.dumps(root).encode() if words.path else word.encode()
            found.append(Message(self._named(words.topic), payload, retain=True))
        return found

    def _metrics(self, values: Mapping[str, float]) -> dict[str, object]:
        """By name: text where the profile has words, else a number; None where the sensor gives nothing."""
        metrics: dict[str, object] = {}
        for name, value in values.items():
            point = self.profile.points[name]
            if isinstance(point.source, JsonPath):
                metrics[point.source.path] = _shown(self.shape, point.source, 1.0 - value if point.invert else value)
        return metrics

    def _named(self, topic: str) -> str:
        """Where the profile leaves something open, this device has a name for it."""
        return self._prefix + topic.replace("{device}", self._name).replace("+", "x").replace("#", "x")


def stamp_of(shape: MqttShape, at_ns: int) -> object:
    form = shape.at_format
    if form == "iso":
        return iso(at_ns)
    return at_ns / 1e9 if form == "s" else at_ns // {"ms": 1_000_000, "us": 1_000, "ns": 1}[form]


def encode_payload(profile: Profile, values: Mapping[str, float], at_ns: int) -> bytes:
    """The one JSON message of a device that has one topic; NaN stands as null."""
    (message,) = Speaker(Device("it", profile, "")).state(values, at_ns)
    return message.payload


def _shown(shape: MqttShape, source: JsonPath, value: float) -> object:
    """The value as it stands in the payload."""
    if isnan(value):
        return None
    if source.units:
        gain, bias = next(iter(source.units.values()))
        value = (value - bias) / gain
    if not source.values:
        number = (value - source.offset) / source.scale
        whole: object = int(number) if number == int(number) else round(number, 4)
        return str(whole) if shape.quoted and not shape.sparkplug else whole
    for text, code in source.values.items():
        if code == value:
            if text in ("true", "false"):
                return text == "true"
            return int(text) if text.lstrip("-").isdigit() else text
    raise ValueError(f"{source.path or source.topic} has no word for code {value:g}")


def _as_text(shown: object) -> str:
    if shown is None:
        return "nan"
    return str(shown).lower() if isinstance(shown, bool) else str(shown)


@cache
def _steps(path: str) -> Sequence[tuple[_Step, _Step | None]]:
    """Each step of a path, with the one that follows it."""
    steps: list[_Step] = [
        int(index) if index else (key, wanted) if key else quoted or plain
        for quoted, index, key, wanted, plain in findall(_STEP, path)
    ]  # fmt: skip
    return list(zip(steps, [*steps[1:], None], strict=True))


def _place(root: dict[str, Any], path: str, value: object) -> None:
    """Puts a value at `car.doors[0].state`, `e[n=temp].v`; objects and lists on the way are made."""
    node: Any = root
    for step, following in _steps(path):
        fresh: object = value if following is None else {} if isinstance(following, str) else []
        if isinstance(step, tuple):
            entry = next((entry for entry in node if str(entry.get(step[0])) == step[1]), None)
            if entry is None:
                entry = {step[0]: step[1]}
                node.append(entry)
            node = entry
        elif isinstance(step, int):
            node.extend([None] * (step + 1 - len(node)))
            if node[step] is None or following is None:
                node[step] = fresh
            node = node[step]
        else:
            if following is None:
                node[step] = fresh
            node = node.setdefault(step, fresh)
