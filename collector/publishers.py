"""The devices of one MQTT connection and who takes which topic, built once from profiles and bindings. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from collector.availability import Presence
from collector.duplicates import Marks
from collector.edge_node import EdgeNode, Member
from collector.payloads import PayloadDecoder
from collector.topics import Directory, Taken, Taker
from plantroom.clock import Reading
from plantroom.model import Batch, Frame, Quality, all_bad
from plantroom.profile_mqtt import DEVICE, NAMESPACE, data_topics
from plantroom.site import Binding, Device

Routes = Sequence[tuple[str, Taker]]


@dataclass(frozen=True, slots=True)
class Publisher:
    """A device that publishes. routes: topic filter -> who takes its messages. heartbeat_s: how often it should speak.

    silent: from the instant, every point of it without an answer. filters: what to subscribe to for its routes.
    """

    device: str
    routes: Routes
    silent: Callable[[int], Batch]
    heartbeat_s: float
    filters: Sequence[str]


class DeviceTopic:
    """One topic of a device that speaks JSON or plain values."""

    def __init__(self, device: str, decoder: PayloadDecoder) -> None:
        self.device, self.decoder = device, decoder
        self._heard = (device,)

    def take(self, topic: bytes, payload: bytes, at: Reading, *, retained: bool) -> Taken:
        decoded = self.decoder.decode(payload, at.wall_ns, at.boot_ns, retained=retained, topic=topic)
        faults = ((self.device, decoded.fault),) if decoded.fault else ()
        return Taken(decoded.batches, () if retained else self._heard, faults, decoded.missing)

    def refuse(self, topic: bytes, at: Reading, why: str) -> Taken:
        decoded = self.decoder.unreadable(at.wall_ns, why)
        return Taken(decoded.batches, self._heard, ((self.device, decoded.fault),))


def publishers(devices: Iterable[tuple[Device, Sequence[Binding]]], prefix: str = "", *, wildcard: bool = False) -> list[Publisher]:
    """The devices that anything is bound of, with their routes. Edge nodes are shared by the devices behind them.

    wildcard: subscribe with a + where the device's name stands, so that one subscription serves all devices of a profile.
    """
    marks, nodes, made = Marks(), dict[str, dict[str, Member]](), list[Publisher]()
    names: dict[str, tuple[Device, Sequence[Binding], Member]] = {}
    for device, bindings in devices:
        assert device.profile.mqtt is not None, "the site's check puts only MQTT profiles on MQTT connections"
        if device.profile.mqtt.sparkplug:
            group, node, below = [*(device.topic or device.id).split("/", 2), "", ""][:3]
            member = Member(device.id, device.profile, bindings)
            nodes.setdefault(f"{group}/{node}", {})[below] = member
            names[device.id] = (device, bindings, member)
        else:
            made.append(_speaker(device, bindings, prefix, marks, wildcard))
    for name, members in nodes.items():
        taker = EdgeNode(f"{prefix}{NAMESPACE}/".count("/") + 1, members)
        group, _, edge = name.partition("/")
        route: tuple[str, Taker] = (f"{prefix}{NAMESPACE}/{group}/+/{edge}/#", taker)
        for member in members.values():
            device, bindings, _ = names[member.device]
            presence = _presences(device, member.silent, prefix)
            routes = [route, *presence]
            made.append(Publisher(device.id, routes, member.silent, min(b.period_s for b in bindings), [topic for topic, _ in routes]))
    return made


def _speaker(device: Device, bindings: Sequence[Binding], prefix: str, marks: Marks, wildcard: bool) -> Publisher:
    """A device of JSON documents or plain values, on one topic or several."""
    name, decoders, routes = device.topic or device.id, list[PayloadDecoder](), list[tuple[str, Taker]]()
    filters: list[str] = []
    for template, topic in data_topics(device.profile, name).items():
        decoder = PayloadDecoder(device.profile, bindings, template, marks)
        if decoder.frame.points:
            decoders.append(decoder)
            routes.append((prefix + topic, DeviceTopic(device.id, decoder)))
            whole = wildcard and "/" not in name and DEVICE in template.split("/")
            filters.append(prefix + (template.replace(DEVICE, "+") if whole else topic))
    frame = decoders[0].frame if len(decoders) == 1 else Frame(tuple(b.point for b in bindings))

    def silent(wall_ns: int) -> Batch:
        for decoder in decoders:
            decoder.interrupt()
        return all_bad(frame, wall_ns, Quality.NO_ANSWER)

    presences = _presences(device, silent, prefix)
    filters += [topic for topic, _ in presences]
    return Publisher(device.id, [*routes, *presences], silent, min(b.period_s for b in bindings), filters)


def _presences(device: Device, silent: Callable[[int], Batch], prefix: str) -> list[tuple[str, Taker]]:
    """Its availability topics."""
    assert device.profile.mqtt is not None
    name = device.topic or device.id
    found: list[tuple[str, Taker]] = []
    for words in device.profile.mqtt.availability:
        own = replace(words, topic=prefix + words.topic.replace(DEVICE, name))
        found.append((own.topic, Presence(device.id, own, silent)))
    return found


def directory_of(found: Iterable[Publisher]) -> Directory:
    found = list(found)
    return Directory((route for each in found for route in each.routes), (topic for each in found for topic in each.filters))
