"""The `mqtt` section of a profile and the points that stand in payloads, JSON, plain or Sparkplug B: mappings -> MqttShape, JsonPath."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from plantroom import units
from plantroom import yaml_file as y
from plantroom.kinds import KindPoint, PointType
from plantroom.profiles import Availability, JsonPath, MqttShape, Profile

STAMPS = ("s", "ms", "us", "ns", "iso")
WHOLE = "$"  # the payload itself, as a list
DEVICE = "{device}"
NAMESPACE = "spBv1.0"  # of Sparkplug B
_KEY = r"(?:[^.\[\]]+|\['[^'\]]+'\])"
_INDEX = r"(?:\[\d{1,6}\]|\[[^=\[\]'.]+=[^\[\]]+\])"
_PATH = re.compile(rf"{_KEY}{_INDEX}*(?:(?:\.{_KEY}|\['[^'\]]+'\]){_INDEX}*)*|{_INDEX}+(?:(?:\.{_KEY}|\['[^'\]]+'\]){_INDEX}*)*")
_METRIC = re.compile(r"[^\x00]{1,200}")
CodeOf = Callable[[y.Node, str], int | None]


def shape_of(f: y.Fields) -> MqttShape:
    """The section's own keys; problems on its paper."""
    sparkplug = f.may("form", y.one_of(("json", "sparkplug"), "a form"), "json") == "sparkplug"
    topic = f.opt("topic", topic_filter) or ""
    at, form = f.opt("at", path_text), f.may("at_format", y.one_of(STAMPS, "a form of time stamps"), "ms")
    rows, seq = f.opt("rows", _rows) or "", f.opt("seq", path_text) or ""
    quoted, fixed = f.may("quoted", y.flag, False), f.opt("aliases", y.one_of(("fixed",), "a promise about aliases")) is not None
    shape = MqttShape(topic, at, form, rows, seq, quoted, _availability(f), sparkplug, fixed)
    f.done()
    for key in ("topic", "at", "at_format", "rows", "seq", "quoted") if sparkplug else ("aliases",):
        if key in f.node.items:
            f.wrong(key, "is told by Sparkplug itself" if sparkplug else "belongs to `form: sparkplug`")
    if topic and topic.count(DEVICE) > 1:
        f.wrong("topic", f"names {DEVICE} twice")
    return shape


def _availability(f: y.Fields) -> tuple[Availability, ...]:
    """`status`, `online`, `offline`; the same in Home Assistant's words; or a list of such topics under `availability`."""
    ways = [key for key in ("status", "availability_topic", "availability") if key in f.node.items]
    if len(ways) > 1:
        f.wrong(ways[1], f"says the same as {ways[0]}; keep one of them")
    found = [entry for entry in (_status(f, "status", "online", "offline"), _status(f, *_HOME_ASSISTANT)) if entry]
    for node in y.entries(f.child("availability"), f.path("availability"), f.paper):
        inner = y.Fields(node, f.path("availability"), f.paper)
        topic, path = inner.need("topic", topic_filter), inner.opt("path", path_text) or ""
        words = inner.may("online", y.text, "online"), inner.may("offline", y.text, "offline")
        inner.done()
        if topic:
            found.append(Availability(topic, *words, path))
    for entry in found:
        if entry.online == entry.offline:
            f.wrong(ways[0], f"online and offline are both {entry.online!r}")
    return tuple(found)


_HOME_ASSISTANT = ("availability_topic", "payload_available", "payload_not_available")


def _status(f: y.Fields, topic_key: str, online_key: str, offline_key: str) -> Availability | None:
    topic = f.opt(topic_key, topic_filter)
    online, offline = f.may(online_key, y.text, "online"), f.may(offline_key, y.text, "offline")
    return None if topic is None else Availability(topic, online, offline)


def payload_point(f: y.Fields, known: KindPoint | None, code_of: CodeOf, part: str, shape: MqttShape) -> JsonPath | None:
    """`path` in a document, `topic` of a plain value, or a Sparkplug `metric`, with what it means. part: replaces {part}, "" = no parts."""
    topic = f.opt("topic", topic_filter) or ""
    if shape.sparkplug:
        path = f.need("metric", lambda node: _metric(node, part))
    elif topic and "path" not in f.node.items:
        path = ""
    else:
        path = f.need("path", lambda node: path_text(node, part))
    alias = f.opt("alias", y.integer(0, 2**63)) if shape.sparkplug else None
    if shape.sparkplug and topic:
        f.wrong("topic", "is told by Sparkplug itself")
    if alias is not None and not shape.fixed_aliases:
        f.wrong("alias", "counts only where the maker promises that aliases never change: `mqtt: {aliases: fixed}`")
    if not shape.sparkplug and not topic and not shape.topic:
        f.wrong("path", "has no topic: give the point a `topic`, or the mqtt section")
    values = _words(f, known, code_of)
    scale, offset = f.may("scale", y.number, 1.0), f.may("offset", y.number, 0.0)
    at, unit_path = f.opt("at", path_text) or "", f.opt("unit_path", path_text) or ""
    told = _units(f, known) if unit_path or "units" in f.node.items else {}
    if bool(unit_path) != bool(told):
        f.wrong("unit_path", "and units belong together: where the unit stands, and what its words mean: {C: degC, F: degF}")
    if (at or unit_path) and not path:
        f.wrong("path", "is missing: a plain value has neither time stamp nor unit")
    if path is None:
        return None
    return JsonPath(path, scale, offset, values, topic.replace("{part}", part) if part else topic, at, unit_path, told, alias)


def _words(f: y.Fields, known: KindPoint | None, code_of: CodeOf) -> Mapping[str, float]:
    node, values = f.child("values"), dict[str, float]()
    if isinstance(node, y.Scalar) and node.value == "kind" and known:
        for word, code in known.codes.items():
            values[word] = values[str(code)] = code
    elif node is not None:
        for word, item in y.mapping(node, f.path("values"), f.paper).items.items():
            found = code_of(item, "values")
            if found is not None:
                values[word] = found
    elif known and known.type is PointType.ENUM:
        f.wrong("values", f"is missing: which payload value is which of {', '.join(known.codes)} (or `values: kind`)")
    return values


def _units(f: y.Fields, known: KindPoint | None) -> Mapping[str, tuple[float, float]]:
    """`{C: degC, F: degF}`: the payload's word -> a unit, as (gain, bias) into the point's."""
    own = f.node.items.get("unit")
    to = str(own.value) if isinstance(own, y.Scalar) and own.value is not None else known.unit if known else ""
    told: dict[str, tuple[float, float]] = {}
    for word, node in y.mapping(f.child("units"), f.path("units"), f.paper).items.items():
        try:
            unit = y.unit_name(node)
        except y.Wrong as error:
            f.paper.wrong(node.line, f.path("units"), str(error))
            continue
        if not units.known(to) or not units.compatible(unit, to):
            said = f"{unit or 'a plain number'} cannot become {to or 'a plain number'}, the unit of this point"
            f.paper.wrong(node.line, f.path("units"), said)
            continue
        told[word] = units.scaling(unit, to)
    return told


def topic_filter(node: y.Node) -> str:
    """A topic, with + for a level and # at the end for all that follows, where they differ."""
    topic = y.text(node)
    *before, last = topic.split("/")
    wrong = any("#" in level or ("+" in level and level != "+") for level in before) or (last not in ("+", "#") and re.search("[+#]", last))
    if wrong or not topic or "\0" in topic or len(topic.encode()) > 1000:
        raise y.Wrong(f"{topic!r} is no topic; + stands for one whole level, # for all that follows, {DEVICE} for the device", node)
    return topic


def path_text(node: y.Node, part: str = "") -> str:
    """`{part}` stands for the part's number or name: cars[{part}].floor."""
    path = y.text(node).replace("{part}", part) if part else y.text(node)
    if not _PATH.fullmatch(path):
        said = "write dotted keys, [n], [key=value] of a list's entry, ['key.with.dots']: car.doors[0].state"
        raise y.Wrong(f"{path!r} is no path; {said}", node)
    return path


def _rows(node: y.Node) -> str:
    return WHOLE if isinstance(node, y.Scalar) and node.value == WHOLE else path_text(node)


def _metric(node: y.Node, part: str) -> str:
    name = y.text(node).replace("{part}", part) if part else y.text(node)
    if not _METRIC.fullmatch(name):
        raise y.Wrong(f"{name!r:.80} is no metric's name", node)
    return name


def overlap(one: str, other: str) -> bool:
    """Whether a topic can be of both filters."""
    mine, theirs = one.split("/"), other.split("/")
    for a, b in zip(mine, theirs, strict=False):
        if "#" in (a, b):
            return True
        if a != b and "+" not in (a, b):
            return False
    longer, at = (mine, len(theirs)) if len(mine) > len(theirs) else (theirs, len(mine))
    return len(mine) == len(theirs) or longer[at] == "#"


def data_topics(profile: Profile, device: str) -> dict[str, str]:
    """The topics an MQTT device publishes its values under: as in the profile -> with the device's name in it."""
    shape = profile.mqtt
    assert shape is not None
    if shape.sparkplug:
        group, node, *rest = [*device.split("/"), ""][:3] if "/" in device else [device, "", ""]
        return {"": "/".join((NAMESPACE, group, "+", node, *(part for part in rest if part)))}
    sources = (point.source for point in profile.points.values())
    own = dict.fromkeys(source.topic or shape.topic for source in sources if isinstance(source, JsonPath))
    return {template: template.replace(DEVICE, device) for template in own if template}
