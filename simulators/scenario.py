"""Scenario file (YAML) -> what happens when to plant, wire, people and the monitor. The format is docs/simulators.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from plantroom import yaml_file as y
from plantroom.clock import to_ns
from plantroom.errors import BadInput, Problem
from plantroom.site import Mqtt, Site
from simulators.upset import DEVICE_OFFLINE, Upset
from simulators.upsets import UPSETS
from simulators.wire import FAULTS, OF_MODBUS, OF_PUBLISHERS

DEEDS = (
    "accept", "arrive", "restore", "close", "hold", "reopen", "comment", "alternative", "shelve", "unshelve", "complete",
    "trapped", "answered", "unit_called", "unit_arrived", "freed", "release", "acknowledge",
)  # fmt: skip
SERVICES = ("collect", "rules", "history", "notify", "web")
MONITOR_FAULTS = ("kill", "freeze", "disk_full", "clock_step", "channel_down", "store_down")


@dataclass(frozen=True, slots=True)
class UpsetEvent:
    """A machine's upset. for_s None: it lasts to the end."""

    equipment: str
    fault: str
    for_s: float | None
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireEvent:
    """A fault on the wire. unit: Modbus unit id, or the device's id on an MQTT connection; None: the whole connection."""

    connection: str
    fault: str
    unit: int | str | None
    for_s: float | None
    settings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonEvent:
    who: str
    does: str
    equipment: str
    rule: str
    note: str = ""
    args: Mapping[str, str] = field(default_factory=dict)  # what else the deed says


@dataclass(frozen=True, slots=True)
class MonitorEvent:
    service: str
    fault: str
    for_s: float | None


What = UpsetEvent | WireEvent | PersonEvent | MonitorEvent


@dataclass(frozen=True, slots=True)
class Event:
    """at_s: after the start. line: where it stands in the file."""

    at_s: float
    line: int
    what: What


@dataclass(frozen=True, slots=True)
class Scenario:
    """seed: the world's, unless the command line gives one. start_ns: the plant's clock at the start, None = the wall clock.

    events: by time, those of one instant in the order of the file.
    """

    seed: int = 1
    start_ns: int | None = None
    length_s: float | None = None
    events: tuple[Event, ...] = ()
    file: str = ""


def load_scenario(path: Path, site: Site) -> Scenario:
    """Raises BadInput with every problem of the file, names the site does not have included."""
    return parse_scenario(y.read_text(path), str(path), site)


def parse_scenario(text: str, file: str, site: Site) -> Scenario:
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a scenario has seed, start, days and events (docs/simulators.md)")
    scenario = _scenario(y.Fields(node, "", paper), file, site) if node is not None else None
    if paper.problems or scenario is None:
        raise BadInput(paper.problems)
    return scenario


def parse_event(body: y.Node, file: str, site: Site) -> What:
    """One event's `{upset: ...}`, `{wire: ...}`, for the control lines of a running simulator. Raises BadInput."""
    paper = y.Paper(file)
    fields = y.Fields(body, "", paper)
    what = _what(fields, site)
    fields.done()
    if paper.problems or what is None:
        raise BadInput(paper.problems or [Problem(file, 1, "", "says nothing")])
    return what


def _scenario(f: y.Fields, file: str, site: Site) -> Scenario:
    seed = f.may("seed", y.integer(0, 2**32 - 1), 1)
    start = f.opt("start", _instant)
    days = f.opt("days", y.number)
    events = []
    for i, node in enumerate(y.entries(f.child("events"), "events", f.paper)):
        fields = y.Fields(node, f"events[{i}]", f.paper, "an event such as {at: 2h, upset: {...}}")
        at = fields.need("at", y.duration)
        what = _what(fields, site)
        fields.done()
        if at is not None and what is not None:
            events.append(Event(at, node.line, what))
    f.done()
    events.sort(key=lambda event: event.at_s)  # stable: events of one instant happen in the order of the file
    return Scenario(seed, start, None if days is None else days * 86_400.0, tuple(events), file)


def _instant(node: y.Node) -> int:
    word = y.text(node)
    try:
        return to_ns(datetime.fromisoformat(word))
    except ValueError as error:
        raise y.Wrong(f"{word!r} is no instant with a zone, such as 2026-03-01T00:00:00+08:00", node) from error


def _what(f: y.Fields, site: Site) -> What | None:
    readers: Mapping[str, Callable[[y.Fields, Site], What | None]] = {
        "upset": _upset,
        "wire": _wire,
        "person": _person,
        "monitor": _monitor,
    }
    given = [key for key in readers if key in f.node.items]
    f.asked.extend(readers)
    if len(given) != 1:
        f.paper.wrong(f.node.line, f.where, f"must have exactly one of {', '.join(readers)}")
        return None
    node = f.child(given[0])
    if node is None:
        f.wrong(given[0], "says nothing")
        return None
    inner = y.Fields(node, f.path(given[0]), f.paper)
    what = readers[given[0]](inner, site)
    inner.done()
    return what


def _upset(f: y.Fields, site: Site) -> UpsetEvent | None:
    equipment = f.need("equipment", y.one_of([e.id for e in site.equipment.values() if e.monitored], "an equipment with devices"))
    known = known_upsets(site, equipment) if equipment is not None else {}
    fault = f.need("fault", y.one_of(known, "an upset of this kind") if known else y.text)
    for_s = f.opt("for", y.duration)
    if equipment is None or fault is None or fault not in known:
        return None
    return UpsetEvent(equipment, fault, for_s, _settings(f, known[fault]))


def known_upsets(site: Site, equipment: str) -> Mapping[str, Upset]:
    return {**UPSETS.get(site.equipment[equipment].kind.name, {}), DEVICE_OFFLINE.name: DEVICE_OFFLINE}


def _wire(f: y.Fields, site: Site) -> WireEvent | None:
    connection = f.need("connection", y.one_of(site.connections, "a connection of this site"))
    mqtt = connection is not None and isinstance(site.connections[connection].link, Mqtt)
    fault = f.need("fault", y.one_of(OF_PUBLISHERS if mqtt else OF_MODBUS, "a fault of such a wire"))
    unit: int | str | None
    if mqtt:
        devices = [d.id for d in site.devices.values() if d.connection == connection]
        unit = f.opt("unit", y.one_of(devices, "a device of this connection"))
    else:
        unit = f.opt("unit", y.integer(0, 255))
    for_s = f.opt("for", y.duration)
    if connection is None or fault is None:
        return None
    return WireEvent(connection, fault, unit, for_s, _settings(f, FAULTS[fault]))


def _settings(f: y.Fields, upset: Upset) -> Mapping[str, float]:
    """The numbers beside the fixed keys."""
    given = {key: value for key in upset.settings if (value := f.opt(key, _setting)) is not None}
    try:
        upset.filled(given)
    except ValueError as error:
        f.paper.wrong(f.node.line, f.where, str(error))
    return given


def _setting(node: y.Node) -> float:
    """A number, or a length of time in seconds."""
    if isinstance(node, y.Scalar) and isinstance(node.value, str):
        return y.duration(node)
    return y.number(node)


def _person(f: y.Fields, site: Site) -> PersonEvent | None:
    who = f.need("who", y.text)
    does = f.need("does", y.one_of(DEEDS, "a deed"))
    equipment = f.need("equipment", y.one_of(site.equipment, "an equipment of this site"))
    rule = f.need("rule", y.snake)
    note = f.may("note", y.text, "")
    args = {name: str(y.plain(item)) for name, item in y.mapping(f.child("args"), f.path("args"), f.paper).items.items()}
    if who is None or does is None or equipment is None or rule is None:
        return None
    return PersonEvent(who, does, equipment, rule, note, args)


def _monitor(f: y.Fields, site: Site) -> MonitorEvent | None:
    service = f.need("service", y.one_of(SERVICES, "a service"))
    fault = f.need("fault", y.one_of(MONITOR_FAULTS, "a fault of the monitor"))
    for_s = f.opt("for", y.duration)
    return None if service is None or fault is None else MonitorEvent(service, fault, for_s)
