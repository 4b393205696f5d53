"""Device values -> what an MQTT device says: JSON documents, plain values, Sparkplug B; its availability and its last will.

Written from the profile documents and apart from the collector's decoding, so that a mistake of one is not mirrored by the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plantroom.profiles import JsonPath, Profile
from plantroom.site import Device
from simulators.sheets import Sheets, Teller, place, teller
from simulators.sparkplug import Node


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
        self._tellers = tellers_of(self.profile)
        self._sheets: Sheets | None = None

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
        if self._sheets is None or self._sheets.names != tuple(values):
            self._sheets = Sheets(self.profile, self.shape, tuple(values), self._tellers)
        self._count += 1
        return [Message(self._named(topic), payload) for topic, payload in self._sheets.filled(values.values(), at_ns, self._count)]

    def _says(self, *, online: bool) -> list[Message]:
        found: list[Message] = []
        for words in self.shape.availability:
            root: dict[str, Any] = {}
            word = words.online if online else words.offline
            if words.path:
                place(root, words.path, word)
            payload = json.dumps(root).encode() if words.path else word.encode()
            found.append(Message(self._named(words.topic), payload, retain=True))
        return found

    def _metrics(self, values: Mapping[str, float]) -> dict[str, object]:
        """By name: text where the profile has words, else a number; None where the sensor gives nothing."""
        metrics: dict[str, object] = {}
        for name, value in values.items():
            point = self.profile.points[name]
            if isinstance(point.source, JsonPath):
                metrics[point.source.path] = self._tellers[name](1.0 - value if point.invert else value)
        return metrics

    def _named(self, topic: str) -> str:
        """Where the profile leaves something open, this device has a name for it."""
        return self._prefix + topic.replace("{device}", self._name).replace("+", "x").replace("#", "x")


def tellers_of(profile: Profile) -> dict[str, Teller]:
    """How the points that stand in a payload stand there, before any `invert`."""
    assert profile.mqtt is not None, "only what publishes has payloads"
    sources = [(point.name, point.source) for point in profile.points.values()]
    return {name: teller(profile.mqtt, source) for name, source in sources if isinstance(source, JsonPath)}


def encode_payload(profile: Profile, values: Mapping[str, float], at_ns: int) -> bytes:
    """The one JSON message of a device that has one topic; NaN stands as null."""
    (message,) = Speaker(Device("it", profile, "")).state(values, at_ns)
    return message.payload
