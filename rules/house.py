"""The site as the engine asks it: rules by id, machines by name, channels by severity. Built once for each configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from zoneinfo import ZoneInfo

from plantroom.bundle import site_in
from plantroom.journal.record import Record
from plantroom.limits import times_of
from plantroom.model import EquipmentState, Severity
from plantroom.plan import ROUND, Job, Switched, jobs
from plantroom.plan import Machine as Planned
from plantroom.plan_file import plans_in
from plantroom.site import Channel, Equipment, Site
from plantroom.words import LANGUAGES, say
from rules.applies import settings_of
from rules.book import Rulebook, rulebook
from rules.evaluate import KindEvaluator
from rules.rule import Among, Parent, Rule
from rules.rule_check import GROUPS as GROUP_KINDS

GROUP = "@"  # before the name of a connection or a bank: the equipment that is the group
MONITOR = "monitor"  # the equipment, and its kind, that is Plantroom itself
WATCHED = (EquipmentState.IN_SERVICE, EquipmentState.COMMISSIONING)


@dataclass(frozen=True, slots=True)
class Machine:
    """What an alert says of a piece of equipment. mode: live | commissioning."""

    id: str
    kind: str
    names: Mapping[str, str]
    place: str
    mode: str


@dataclass(frozen=True, slots=True)
class Group:
    """Machines that share something: kind `connection` (read over one line, at least in part) or `bank`. members: the live ones."""

    id: str
    kind: str
    names: Mapping[str, str]
    members: tuple[str, ...]


def furnish(record: Record) -> House:
    """The house of a CONFIG record, from its own texts alone. Raises BadInput where this release cannot read it."""
    site = site_in(record)
    return House(site, rulebook(site.files, proven=True))


class House:
    def __init__(self, site: Site, book: Rulebook) -> None:
        self.site, self.book = site, book
        self.zone = ZoneInfo(site.zone)
        self.times = times_of(site.clocks)
        self.groups = {group.id: group for group in _groups(site)}
        self._groups_of: dict[str, list[Group]] = {}
        for group in self.groups.values():
            for member in group.members:
                self._groups_of.setdefault(member, []).append(group)
        of_groups = [rule for rule in book.rules if rule.when_faults is not None]
        self._group_rules = {kind: tuple(rule for rule in of_groups if kind in rule.applies_to) for kind in GROUP_KINDS}
        self.majors = frozenset(rule.id for rule in book.rules if rule.major)
        self._disabling: dict[tuple[str, str], tuple[str, ...]] = {}
        self._counted: dict[tuple[Among, str], tuple[str, ...]] = {}
        self._fed: dict[str, list[str]] = {}
        for id_ in site.equipment:
            for feeder in site.feeders_of(id_):
                self._fed.setdefault(feeder, []).append(id_)
        self.jobs, self.switched_off = _jobs(site)
        self.compared = _compared(site, self.jobs)
        self.by_counter = tuple(job for _, job in sorted(self.jobs.items()) if job.rule.counter is not None)
        # each is asked several times for every fault, and a flood has thousands
        self._rule, self._machine = cache(book.get), cache(self._described)
        self._feeders, self._explained = cache(site.feeders_of), cache(self._found_explained)

    def watched(self) -> Mapping[str, list[Equipment]]:
        """By kind, in the site file's order: what has telemetry and is judged."""
        found: dict[str, list[Equipment]] = {}
        for equipment in self.site.equipment.values():
            if equipment.monitored and equipment.state in WATCHED:
                found.setdefault(equipment.kind.name, []).append(equipment)
        return found

    def evaluators(self) -> dict[str, KindEvaluator]:
        """Fresh ones, by kind; they remember nothing yet."""
        settings = settings_of(self.site)
        return {
            kind: KindEvaluator(machines[0].kind, machines, self.book.for_kind(kind), settings, also=self.compared.get(kind, ()))
            for kind, machines in self.watched().items()
        }

    def rule(self, kind: str, id_: str) -> Rule | None:
        return self._rule(kind, id_)

    def machine(self, id_: str) -> Machine | None:
        """None for equipment this configuration does not know."""
        return self._machine(id_)

    def _described(self, id_: str) -> Machine | None:
        if id_ == MONITOR:
            return Machine(MONITOR, MONITOR, {lang: say("alert.monitor", lang) for lang in LANGUAGES}, "", "live")
        if (group := self.groups.get(id_)) is not None:
            return Machine(id_, group.kind, group.names, "", "live")
        if id_.startswith(ROUND) and (job := self.jobs.get(id_)) is not None:
            return Machine(id_, "area", job.name, "", "live")
        equipment = self.site.equipment.get(id_)
        if equipment is None:
            return None
        mode = "commissioning" if equipment.state is EquipmentState.COMMISSIONING else "live"
        names = dict.fromkeys(LANGUAGES, equipment.name or equipment.id)
        return Machine(id_, equipment.kind.name, names, equipment.location, mode)

    def live(self) -> list[str]:
        """Machines whose faults count: watched, and not in commissioning."""
        return [e.id for machines in self.watched().values() for e in machines if e.state is EquipmentState.IN_SERVICE]

    def disabling(self, machine: str, item: str) -> tuple[str, ...]:
        """The rules whose fault puts a functional item out."""
        kind = self.site.equipment[machine].kind.name
        found = self._disabling.get((kind, item))
        if found is None:
            found = self._disabling[kind, item] = tuple(rule.id for rule in self.book.for_kind(kind) if item in rule.disables)
        return found

    def feeders(self, id_: str) -> tuple[str, ...]:
        """What this machine cannot run without, nearest first."""
        return self._feeders(id_)

    def fed(self, id_: str) -> Sequence[str]:
        """What cannot run without this machine."""
        return self._fed.get(id_, ())

    def explained(self, kind: str, parent: Parent) -> tuple[str, ...]:
        """The rules of a kind that are `inhibited_by` this one."""
        return self._explained(kind, parent)

    def _found_explained(self, kind: str, parent: Parent) -> tuple[str, ...]:
        ids = dict.fromkeys(rule.id for rule in self.book.rules if parent in rule.inhibited_by)
        return tuple(id_ for id_ in ids if (rule := self.rule(kind, id_)) is not None and parent in rule.inhibited_by)

    def groups_of(self, id_: str) -> Sequence[Group]:
        return self._groups_of.get(id_, ())

    def group_rules(self, kind: str) -> tuple[Rule, ...]:
        return self._group_rules[kind]

    def counted(self, among: Among, member: str) -> tuple[str, ...]:
        """The rules of a member whose faults a group's rule counts."""
        kind = self.site.equipment[member].kind.name
        found = self._counted.get((among, kind))
        if found is None:
            rules = self.book.for_kind(kind)
            found = tuple(r.id for r in rules if (r.id == among.rule if among.rule is not None else among.disables in r.disables))
            self._counted[among, kind] = found
        return found

    def channels(self, severity: Severity) -> list[Channel]:
        return [channel for _, channel in sorted(self.site.channels.items()) if severity in channel.severities]


def _jobs(site: Site) -> tuple[Mapping[str, Job], tuple[Switched, ...]]:
    """The plan's jobs by key; none where the site keeps no plan, or its record is of a release without templates."""
    if site.plan is None:
        return {}, ()
    machines = [Planned(machine.id, machine.kind.name, machine.state) for machine in site.equipment.values()]
    found, off = jobs(site.plan, plans_in(site.files), machines, site.practice)
    return {job.key: job for job in found}, tuple(off)


def _compared(site: Site, planned: Mapping[str, Job]) -> Mapping[str, tuple[str, ...]]:
    """By kind the points the plan looks at: counters, and what typed values are compared with."""
    found: dict[str, dict[str, None]] = {}
    for _, job in sorted(planned.items()):
        for _, stop, item in job.items():
            if item.point is not None:
                found.setdefault(site.equipment[stop.machine].kind.name, {})[item.point] = None
        if job.rule.counter is not None:
            found.setdefault(site.equipment[job.subject].kind.name, {})[job.rule.counter.point] = None
    return {kind: tuple(sorted(points)) for kind, points in found.items()}


def _groups(site: Site) -> Iterator[Group]:
    """Connections and banks with machines that count; one alone is no group."""
    live = [e for e in site.equipment.values() if e.monitored and e.state is EquipmentState.IN_SERVICE]
    over: dict[tuple[str, str], list[str]] = {}
    for equipment in live:
        for connection in dict.fromkeys(site.devices[b.device].connection for b in equipment.bindings if b.device in site.devices):
            over.setdefault(("connection", connection), []).append(equipment.id)
        if equipment.bank:
            over.setdefault(("bank", equipment.bank), []).append(equipment.id)
    for (kind, name), members in over.items():
        if len(members) > 1:
            names = {lang: say(f"alert.group.{kind}", lang, name=name) for lang in LANGUAGES}
            yield Group(f"{GROUP}{name}", kind, names, tuple(members))
