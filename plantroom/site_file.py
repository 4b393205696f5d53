"""Site file (YAML) -> Site, with every problem of the whole file in one pass. The format is docs/site-file.md and schemas/site.json."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from plantroom import shelf as shelves
from plantroom import (
    site_calendar,
    site_channels,
    site_documents,
    site_escalation,
    site_evidence,
    site_ledger,
    site_people,
    site_plan,
    site_rescue,
    site_rules,
    site_watch,
)
from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.bindings import Binder
from plantroom.each import expanded
from plantroom.errors import BadInput, Problem
from plantroom.evidence import Limits
from plantroom.kinds import Kind
from plantroom.ledger.joining import join
from plantroom.ledger.reading import Entry, good, read_ledger
from plantroom.model import EquipmentState
from plantroom.people import Person
from plantroom.profile_mqtt import data_topics, overlap
from plantroom.profiles import Profile
from plantroom.references import resolved
from plantroom.shelf import Shelf
from plantroom.site import Channel, Connection, Device, Equipment, ModbusRtu, Mqtt, RtuOverTcp, Site, Web
from plantroom.site_roster import RosterReader
from plantroom.site_serial import UNITS

T = TypeVar("T")
MONITOR = "monitor"


def load_site(path: Path, *, env: Mapping[str, str] | None = None) -> Site:
    """The site a file describes, with the profiles and kinds it names. Raises BadInput with every problem found.

    env: what ${NAME} means; the process's environment by default.
    """
    text = y.read_text(path)
    return _Site(str(path), path.name, text, shelves.installed(path.parent), os.environ if env is None else env, strict=True).read()


def load_texts(root: str, files: Mapping[str, str], env: Mapping[str, str] | None = None, *, strict: bool = False) -> Site:
    """The same from a bundle of texts (a config record): nothing is read from disk but `file:` secrets.

    root: path of the site file in `files`. strict: secrets that cannot be resolved are problems; else they are None.
    """
    shelf = shelves.recorded(files)
    site = _Site(root, root, files[root], shelf, os.environ if env is None else env, strict=strict).read()
    return with_files(site, files)


def with_files(site: Site, files: Mapping[str, str]) -> Site:
    """The site with these texts and their hash."""
    return replace(site, files=dict(files), hash=hash_of(files))


def hash_of(files: Mapping[str, str]) -> str:
    """sha256 over paths and texts, in path order."""
    digest = sha256()
    for path in sorted(files):
        for part in (path, files[path]):
            data = part.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


class _Site:
    def __init__(self, shown: str, root: str, text: str, shelf: Shelf, env: Mapping[str, str], *, strict: bool) -> None:
        self._paper = y.Paper(shown)
        self._root, self._text, self._shelf, self._env, self._strict = root, text, shelf, env, strict
        self._more: list[BadInput] = []
        self._connections: dict[str, Connection] = {}
        self._devices: dict[str, Device] = {}
        self._addresses: dict[str, str] = {}
        self._units: dict[tuple[str, int], str] = {}
        self._topics: dict[tuple[str, str], str] = {}
        self._lines: dict[str, int] = {}
        self._whole_parts: dict[tuple[str, str], str] = {}

    def read(self) -> Site:
        paper = self._paper
        node = y.parse(self._text, paper)
        if node is None and not paper.problems:
            paper.wrong(0, "", "is empty; a site file starts with site, connections, devices, equipment (docs/site-file.md)")
        site = None
        if isinstance(node, y.Map):
            site = self._site(y.Fields(resolved(node, "", paper, self._env, strict=self._strict), "", paper))
        elif node is not None:
            paper.wrong(node.line, "", f"must be a mapping (site: ..., connections: ..., devices: ...), not {y.described(node)}")
        if paper.problems or self._more or site is None:
            raise BadInput([*paper.problems, *(problem for error in self._more for problem in error.problems)])
        return site

    def _site(self, f: y.Fields) -> Site:
        head = y.Fields(f.child("site") or y.Map(f.node.line, {}, {}), "site", self._paper)
        site_id = head.need("id", y.identifier) or ""
        name, zone = head.need("name", y.text) or "", head.need("zone", parts.zone) or "UTC"
        language = head.may("language", y.one_of(("zh", "en"), "a language"), "zh")
        practice = head.may("practice", y.one_of(("gb", "nfpa"), "a practice"), "gb" if language == "zh" else "nfpa")
        head.done()
        web_node = f.child("web")
        web = parts.web(y.Fields(web_node, "web", self._paper)) if web_node is not None else Web()
        for entry, again in self._entries(f, "connections"):
            self._connection(entry, again)
        for entry, again in self._entries(f, "devices"):
            self._device_entry(entry, again)
        equipment, left = self._with_sheets(f, self._all_equipment(f))
        spares = site_ledger.read_spares(f.child("spares"), equipment, self._paper)
        channels = {}
        for entry, again in self._entries(f, "channels"):
            channel = site_channels.channel(entry, self._connections)
            if channel and not again:
                channels[channel.id] = channel
        influx = f.child("influxdb")
        target = parts.influxdb(y.Fields(influx, "influxdb", self._paper)) if influx is not None else None
        rules = site_rules.read_rules(f.child("rules"), self._paper, self._shelf.rules)
        clocks = site_rules.read_clocks(f.child("clocks"), self._paper)
        calendar = site_calendar.read_calendar(f.child("calendar"), self._paper)
        people = self._people(f, channels)
        shifts = RosterReader(self._paper, ZoneInfo(zone), people, self._kind, self._shelf.calendar, self._lines)
        roster = shifts.read(f.child("roster"), calendar)
        chains, night, test_minute, major = site_escalation.read_chains(f.child("escalation"), self._paper, channels, roster)
        site_escalation.check_names(roster, channels, self._lines, self._paper)
        watch_node = f.child("watch")
        watch = site_watch.watch(y.Fields(watch_node, "watch", self._paper)) if watch_node is not None else None
        kept_node, anchor_node = f.child("evidence"), f.child("anchor")
        kept = site_evidence.limits(y.Fields(kept_node, "evidence", self._paper)) if kept_node is not None else Limits()
        anchor = site_evidence.anchor(y.Fields(anchor_node, "anchor", self._paper), channels) if anchor_node is not None else None
        plan = site_plan.read_plan(f.child("plan"), self._paper, equipment, {machine.kind.name for machine in equipment.values()})
        for key in ("rules", "clocks", "escalation", "plan"):
            _note_lines(f.node.items.get(key), key, self._lines)
        f.done()
        self._kind(MONITOR, 0, "")
        files = {self._root: self._text, **self._shelf.files}
        return Site(
            site_id, name, zone, language, practice, web, self._connections, self._devices, equipment, channels, target,
            rules.parameters, rules.off, files, self._root, hash_of(files), self._lines, clocks, calendar,
            people, roster, chains, night, test_minute, watch, major, spares, left, kept, anchor, plan,
        )  # fmt: skip

    def _people(self, f: y.Fields, channels: Mapping[str, Channel]) -> dict[str, Person]:
        entries = self._entries(f, "people")
        for entry, _ in entries:
            self._lines.setdefault(entry.where, entry.node.line)
        return site_people.read_people(entries, channels, self._kind)

    def _entries(self, f: y.Fields, key: str) -> list[tuple[y.Fields, bool]]:
        """The entries of a list with `each` written out, by their id, and whether the id stood before.

        A repeated id is reported; its entry is read for what else is wrong in it, and left out.
        """
        found: list[tuple[y.Fields, bool]] = []
        lines: dict[str, int] = {}
        for index, node in enumerate(expanded(y.entries(f.child(key), key, self._paper), key, self._paper)):
            ident = node.items.get("id") if isinstance(node, y.Map) else None
            name = str(ident.value) if isinstance(ident, y.Scalar) and ident.value is not None else ""
            if again := name in lines:
                line = ident.line if ident else node.line
                self._paper.wrong(line, f"{key}.{name}", f"the id {name!r} is taken in line {lines[name]}; ids are unique among {key}")
            elif name:
                lines[name] = node.line
            found.append((y.Fields(node, f"{key}.{name}" if name else f"{key}[{index}]", self._paper), again))
        return found

    def _connection(self, f: y.Fields, again: bool) -> None:
        before = len(f.paper.problems)
        connection = parts.connection(f)
        if connection is None or again:
            return
        self._connections[connection.id] = connection
        if len(f.paper.problems) > before:
            return  # its address may be a default that nobody wrote
        address = connection.link.address
        other = self._addresses.setdefault(address, connection.id)
        if other != connection.id:
            f.paper.wrong(f.node.line, f.where, f"{address} is connection {other!r} already; put its devices there")

    def _device_entry(self, f: y.Fields, again: bool) -> None:
        ident = f.need("id", y.identifier)
        self._device(f, None if again else ident)
        f.done()

    def _device(self, f: y.Fields, ident: str | None) -> Device | None:
        """profile, connection, unit, topic and groups of a device entry, or of equipment with a device of its own."""
        profile = self._profile(f)
        connection = self._known(f, "connection", self._connections, "connection")
        unit, topic = f.opt("unit", y.integer(0, 255, "use the unit id set on the device")), f.opt("topic", y.text)
        groups = parts.periods(f, profile)
        if profile is None or connection is None or ident is None:
            return None
        if ident in self._devices:
            f.wrong("id", f"there is a device {ident!r} already; ids are unique among devices")
            return None
        device = Device(ident, profile, connection.id, 1 if unit is None else unit, topic, groups)
        if unit is not None or "unit" not in f.node.items:
            self._claim(f, device, connection)
        self._devices[ident] = device
        return device

    def _claim(self, f: y.Fields, device: Device, connection: Connection) -> None:
        """A unit or topic belongs to one device; a profile fits its connection."""
        by_mqtt = isinstance(connection.link, Mqtt)
        if by_mqtt != (device.profile.mqtt is not None):
            speaks = "MQTT" if device.profile.mqtt else "Modbus"
            f.wrong("connection", f"{device.profile.name} speaks {speaks}, but {connection.id} is {'MQTT' if by_mqtt else 'Modbus'}")
            return
        if device.profile.mqtt is None:
            if "topic" in f.node.items:
                f.wrong("topic", "belongs to MQTT devices; a Modbus device has a unit")
            low, high = UNITS
            if isinstance(connection.link, ModbusRtu | RtuOverTcp) and not low <= device.unit <= high:
                f.wrong("unit", f"{device.unit} is no unit of a serial line; they are {low} to {high}")
            other = self._units.setdefault((connection.id, device.unit), device.id)
            if other != device.id:
                f.wrong("unit", f"unit {device.unit} on {connection.id} is {other!r} already; every device on a bus needs its own unit id")
            return
        if "unit" in f.node.items:
            f.wrong("unit", "belongs to Modbus devices; an MQTT device has a topic")
        name = device.topic or device.id
        if "+" in name or "#" in name or (device.profile.mqtt.sparkplug and not 1 <= name.count("/") <= 2):
            wanted = "group/node or group/node/device" if device.profile.mqtt.sparkplug else "what stands in its topics, without + and #"
            f.wrong("topic", f"{name!r} does not name the device: write {wanted}")
            return
        for topic in data_topics(device.profile, name).values():
            other = self._topics.setdefault((connection.id, topic), device.id)
            if other == device.id and ("+" in topic or "#" in topic):
                same = (who for (where, what), who in self._topics.items() if where == connection.id and overlap(what, topic))
                other = next((who for who in same if who != device.id), other)
            if other != device.id:
                f.wrong("topic", f"the topic {topic} on {connection.id} is read by {other!r} already")

    def _known(self, f: y.Fields, key: str, things: Mapping[str, T], what: str) -> T | None:
        name = f.need(key, y.text)
        if name is None:
            return None
        if name not in things:
            f.wrong(key, f"{name!r} is no {what}{y.nearest(name, things)}")
            return None
        return things[name]

    def _profile(self, f: y.Fields) -> Profile | None:
        name = f.need("profile", y.text)
        return None if name is None else self._from_shelf(self._shelf.profile, "profiles", name, f.line("profile"), f.path("profile"))

    def _kind(self, name: str, line: int, where: str) -> Kind | None:
        return self._from_shelf(self._shelf.kind, "kinds", name, line, where)

    def _from_shelf(self, get: Callable[[str], T], group: str, name: str, line: int, where: str) -> T | None:
        try:
            return get(name)
        except KeyError:
            self._paper.wrong(line, where, f"{name!r} is no {group[:-1]}{y.nearest(name, self._shelf.known[group])}")
        except BadInput as error:
            if error not in self._more:
                self._more.append(error)
        return None

    def _all_equipment(self, f: y.Fields) -> dict[str, Equipment]:
        """Devices of their own first, so that any equipment may take a point of another one's device."""
        entries = self._entries(f, "equipment")
        own: dict[int, Device | None] = {}
        for index, (entry, again) in enumerate(entries):
            ident = entry.need("id", y.identifier)
            if "profile" in entry.node.items:
                own[index] = self._device(entry, None if again else ident)
        equipment: dict[str, Equipment] = {}
        for index, (entry, again) in enumerate(entries):
            made = self._equipment(entry, own.get(index), has_own=index in own)
            if made and not again:
                equipment[made.id] = made
        self._check_feeders(equipment)
        if kind := self._kind(MONITOR, 0, ""):
            equipment[MONITOR] = Equipment(MONITOR, kind, kind.says["zh"])
        return equipment

    def _with_sheets(self, f: y.Fields, equipment: dict[str, Equipment]) -> tuple[dict[str, Equipment], tuple[Problem, ...]]:
        """The equipment with what its ledger sheets say, and what they leave open."""
        sheets: list[tuple[tuple[Entry, ...], bool]] = []
        for sheet in site_ledger.read_sheets(f.child("sheets"), self._paper):
            try:
                shown, grid = self._shelf.sheet(sheet.file)
                sheets.append((good(read_ledger(grid, shown)), sheet.adds))
            except KeyError:
                self._paper.wrong(sheet.line, "sheets", f"there is no file {sheet.file!r} beside the site file")
            except BadInput as error:
                self._more.append(error)
        if not sheets:
            return equipment, ()
        monitor = equipment.pop(MONITOR, None)
        wanted = {entry.kind for entries, adds in sheets for entry in entries if adds and entry.kind is not None}
        kinds = {name: kind for name in sorted(wanted) if (kind := self._kind(name, 0, "sheets")) is not None}
        places = {path: f"{self._paper.file}:{line}" for path, line in self._lines.items()}
        joined = join(equipment, sheets, kinds, places)
        if joined.problems:
            self._more.append(BadInput(joined.problems))
        return {**joined.equipment, **({MONITOR: monitor} if monitor is not None else {})}, joined.left

    def _check_feeders(self, equipment: Mapping[str, Equipment]) -> None:
        """fed_by names equipment, and nothing feeds itself, by however many steps."""
        for machine in equipment.values():
            where, line = f"equipment.{machine.id}.fed_by", self._lines.get(f"equipment.{machine.id}.fed_by", 0)
            for name in machine.fed_by:
                if name not in equipment:
                    self._paper.wrong(line, where, f"{name!r} is no equipment{y.nearest(name, equipment)}")
            seen, todo = set[str](), list(machine.fed_by)
            while todo and machine.id not in seen:
                name = todo.pop()
                if name not in seen and name in equipment:
                    seen.add(name)
                    todo += equipment[name].fed_by
            if machine.id in seen:
                self._paper.wrong(line, where, f"{machine.id} feeds itself, over {', '.join(machine.fed_by)}")

    def _equipment(self, f: y.Fields, device: Device | None, *, has_own: bool) -> Equipment | None:
        ident = f.opt("id", y.identifier)
        if ident == MONITOR:
            f.wrong("id", "'monitor' is Plantroom itself; choose another id")
        kind_name = f.need("kind", y.text)
        kind = self._kind(kind_name, f.line("kind"), f.path("kind")) if kind_name else None
        name = f.may("name", y.text, ident or "")
        state = EquipmentState(f.may("state", y.one_of(EquipmentState, "a state"), "in_service"))
        location = f.may("location", y.text, "")
        settings = parts.parameters(f.child("parameters"), f.path("parameters"), self._paper)
        off = parts.reasons(f.child("rules_off"), f.path("rules_off"), self._paper)
        self._lines[f.where] = f.node.line
        for key in ("parameters", "rules_off", "ledger"):
            _note_lines(f.node.items.get(key), f.path(key), self._lines)
        ledger = {key: y.plain(node) for key, node in y.mapping(f.child("ledger"), f.path("ledger"), self._paper).items.items()}
        certificates, records = site_ledger.read_certificates(f, ledger), site_ledger.read_records(f)
        rescue = site_rescue.read_rescue(f.child("rescue"), f, kind.name if kind is not None else None)
        way, its_key = f.may("way", site_documents.fact, ""), f.may("key", site_documents.fact, "")
        documents = site_documents.read_documents(f)
        fed_by, bank = f.opt("fed_by", _names_of) or (), f.may("bank", y.identifier, "")
        if bank in self._connections:
            f.wrong("bank", f"{bank!r} is a connection; banks and connections share their names, since both are groups")
        if "fed_by" in f.node.items:
            self._lines[f"{f.where}.fed_by"] = f.line("fed_by")
        points = y.entries(f.child("points"), f.path("points"), self._paper)
        f.done(("id", "kind", "profile", "connection", "unit", "topic", "groups"))
        for key in ("connection", "unit", "topic", "groups"):
            if key in f.node.items and not has_own:
                f.wrong(key, "says where a device is, but there is no profile: name its profile, or bind devices under points")
        if ident is None or kind is None:
            return None
        binder = Binder(ident, kind, self._devices, self._shelf.kinds, self._paper, self._whole_parts)
        if device is not None and not any(_names(node, device.id) for node in points):
            binder.whole(device, f.node.line, f.where)
        for index, node in enumerate(points):
            binder.entry(node, f"{f.path('points')}[{index}]")
        if binder.bindings:
            missing = [p.name for p in kind.points.values() if p.required and p.name not in binder.claimed]
            if missing:
                said = f"a monitored {kind.name} needs {', '.join(missing)}: bind it, or leave the equipment without points"
                f.paper.wrong(f.node.line, f.where, said)
        bindings = tuple(binder.bindings)
        return Equipment(
            ident, kind, name, state, location, settings, off, ledger, bindings, fed_by, bank, rescue, way, its_key, documents,
            certificates, records,
        )  # fmt: skip


def _note_lines(node: y.Node | None, where: str, lines: dict[str, int]) -> None:
    if isinstance(node, y.Map):
        for key, item in node.items.items():
            lines[f"{where}.{key}"] = node.lines.get(key, item.line)
            _note_lines(item, f"{where}.{key}", lines)


def _names_of(node: y.Node) -> tuple[str, ...]:
    """One id, or a list of them."""
    items = node.items if isinstance(node, y.Sequence) else (node,)
    return tuple(dict.fromkeys(y.identifier(item) for item in items))


def _names(node: y.Node, device: str) -> bool:
    item = node.items.get("device") if isinstance(node, y.Map) else None
    return isinstance(item, y.Scalar) and item.value == device
