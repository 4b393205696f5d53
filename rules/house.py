"""The site as the engine asks it: rules by id, machines by name, channels by severity. Built once for each configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from plantroom.bundle import site_in
from plantroom.journal.record import Record
from plantroom.model import EquipmentState, Severity
from plantroom.site import Channel, Equipment, Site
from plantroom.words import LANGUAGES, say
from rules.applies import settings_of
from rules.book import Rulebook, rulebook
from rules.clocks import times_of
from rules.evaluate import KindEvaluator
from rules.rule import Rule

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


def furnish(record: Record) -> House:
    """The house of a CONFIG record, from its own texts alone. Raises BadInput where this release cannot read it."""
    site = site_in(record)
    return House(site, rulebook(site.files))


class House:
    def __init__(self, site: Site, book: Rulebook) -> None:
        self.site, self.book = site, book
        self.zone = ZoneInfo(site.zone)
        self.times = times_of(site.clocks)

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
            kind: KindEvaluator(machines[0].kind, machines, self.book.for_kind(kind), settings) for kind, machines in self.watched().items()
        }

    def rule(self, kind: str, id_: str) -> Rule | None:
        return self.book.get(kind, id_)

    def machine(self, id_: str) -> Machine | None:
        """None for equipment this configuration does not know."""
        if id_ == MONITOR:
            return Machine(MONITOR, MONITOR, {lang: say("alert.monitor", lang) for lang in LANGUAGES}, "", "live")
        equipment = self.site.equipment.get(id_)
        if equipment is None:
            return None
        mode = "commissioning" if equipment.state is EquipmentState.COMMISSIONING else "live"
        names = dict.fromkeys(LANGUAGES, equipment.name or equipment.id)
        return Machine(id_, equipment.kind.name, names, equipment.location, mode)

    def channels(self, severity: Severity) -> list[Channel]:
        return [channel for _, channel in sorted(self.site.channels.items()) if severity in channel.severities]
