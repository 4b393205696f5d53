"""Publishing devices that nothing disturbs, without messages: what the JSON of each would bring, of all of a profile at once.

What stays: how the device writes a value and how the collector judges it, by their own code; only of values that have changed, as the rest
would be written and judged the same. What goes: the document around them, topics, repetitions.

Imports the collector, so it belongs to the composition roots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import orjson

from collector.values import ABSENT, Judge, judge_of
from plantroom.clock import NS
from plantroom.model import Frame
from plantroom.profiles import JsonPath, Profile
from plantroom.site import Binding, Device
from simulators.gathering import Gathering
from simulators.publish import tellers_of
from simulators.sheets import Teller, as_json
from simulators.virtual_commands import VirtualPublisher
from simulators.world import World


class _Column(NamedTuple):
    """A point as it is bound. at: of its value among the device's."""

    at: int
    tell: Teller
    judge: Judge


class _Member(NamedTuple):
    publisher: VirtualPublisher
    device: Device
    bindings: tuple[Binding, ...]


class DirectPublishers:
    """beat_s: of the rehearsal; start_ns: of its first. Stamps in whole seconds are as fine as any profile writes them."""

    def __init__(self, world: World, gathering: Gathering, beat_s: float, start_ns: int) -> None:
        self._world, self._gathering, self._beat_s = world, gathering, beat_s
        self._whole = beat_s % 1.0 == 0.0 and start_ns % NS == 0
        self._members: dict[object, list[_Member]] = {}
        self._groups: list[_Group] = []

    def add(self, publisher: VirtualPublisher, device: Device, bindings: tuple[Binding, ...]) -> None:
        if self._whole and publisher.heartbeat_s == self._beat_s and sayable(device.profile, bindings):
            shape = tuple((b.source, b.kind_point.name, b.invert, b.span, b.factor, b.offset, b.range) for b in bindings)
            self._members.setdefault((id(device.profile), self._world.readout(device.id).names, shape), []).append(
                _Member(publisher, device, bindings)
            )

    def made(self) -> None:
        """All publishers are known: devices that are alike are put together."""
        self._groups = [_Group(members, self._world, self._gathering) for members in self._members.values()]

    def say(self) -> None:
        """At a beat, after the publishers' own: what those say that are direct, and who is direct from the next one on."""
        for group in self._groups:
            group.say()


class _Group:
    def __init__(self, members: Sequence[_Member], world: World, gathering: Gathering) -> None:
        self._gathering = gathering
        self._publishers = [member.publisher for member in members]
        self._readouts = [world.readout(member.device.id) for member in members]
        profile, bindings = members[0].device.profile, members[0].bindings
        place = {name: n for n, name in enumerate(self._readouts[0].names)}
        tellers = tellers_of(profile)
        assert profile.mqtt is not None, "only what publishes is added"
        self._columns = [
            _Column(
                place[b.source],
                _told(profile, b.source, tellers),
                judge_of(profile.points[b.source], b, quoted=profile.mqtt.quoted),
            )
            for b in bindings
        ]
        self._at = np.array([column.at for column in self._columns], np.intp)
        self._places = np.array([gathering.places(Frame(tuple(b.point for b in member.bindings))) for member in members])
        shape = self._places.shape
        self._last, self._values, self._quality = np.full(shape, np.nan), np.full(shape, np.nan), np.full(shape, ABSENT[1], np.uint8)

    def say(self) -> None:
        rows = np.array([row for row, publisher in enumerate(self._publishers) if publisher.direct], np.intp)
        if rows.size:
            self._judge(rows)
            self._gathering.put(self._places[rows], self._values[rows], self._quality[rows])
        for publisher in self._publishers:
            publisher.direct = publisher.direct or publisher.steady

    def _judge(self, rows: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        now = np.array([self._readouts[row].values() for row in rows.tolist()]).take(self._at, 1)
        changed = np.nonzero(now != self._last[rows])
        self._last[rows] = now
        columns, where = self._columns, list(zip(rows[changed[0]].tolist(), changed[1].tolist(), strict=True))
        told = [columns[n].tell(value) for (_, n), value in zip(where, now[changed].tolist(), strict=True)]
        judged = [columns[n].judge(found) for (_, n), found in zip(where, orjson.loads(as_json(told)), strict=True)]
        if judged:
            spots = rows[changed[0]], changed[1]
            self._values[spots], self._quality[spots] = zip(*judged, strict=True)


def sayable(profile: Profile, bindings: Sequence[Binding]) -> bool:
    """Whether a device's payload is one document of values that stand each for itself, stamped as a whole or not at all."""
    shape = profile.mqtt
    if shape is None or shape.sparkplug or shape.rows or shape.seq:
        return False
    sources = [point.source for point in profile.points.values() if isinstance(point.source, JsonPath)]
    paths = [source.path for source in sources] + ([shape.at] if shape.at is not None else [])
    plain = all(source.path and not source.at and not source.unit_path and source.topic in ("", shape.topic) for source in sources)
    apart = len(set(paths)) == len(paths) and not any(path.startswith((f"{other}.", f"{other}[")) for path in paths for other in paths)
    return plain and apart and not any(b.debounce_s > 0 for b in bindings)


def _told(profile: Profile, name: str, tellers: Mapping[str, Teller]) -> Teller:
    tell = tellers[name]
    return (lambda value: tell(1.0 - value)) if profile.points[name].invert else tell
