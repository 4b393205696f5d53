"""Every alert a site can send, written by the composer that writes pages, so that people read it before they get it.

The values of a moment are not known: N stands for a number, an ellipsis for a name. It began at 14:03 and nobody has it yet.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from dashboards.console.described import group_name
from dashboards.console.rule_texts import ANY, GROUPS, MONITOR, RuleText, by_kind
from dashboards.console.sites import SiteView
from plantroom.certificates import rule_word
from plantroom.limits import ClockName, times_of
from plantroom.local_time import instant_ns
from plantroom.messages import Alert, compose
from plantroom.model import EquipmentState, Severity
from plantroom.site import Equipment, Site
from plantroom.words import LANGUAGES, say

BEGAN = (date(2026, 1, 5), 14 * 60 + 3)
UNWATCHED = (EquipmentState.OUT_OF_SERVICE, EquipmentState.RETIRED)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule can be raised. id: of the equipment, `@name` of a group."""

    id: str
    names: Mapping[str, str]
    location: str = ""
    mode: str = "live"


@dataclass(frozen=True, slots=True)
class AlertText:
    """lines: both lines by language, about the first of the machines. sought: what a search looks in."""

    rule: str
    kind: str
    kind_name: Mapping[str, str]
    severity: Severity
    major: bool
    lines: Mapping[str, Sequence[str]]
    step: Mapping[str, str]
    machines: tuple[Place, ...]
    night: str
    sought: str


class AlertTexts:
    """Of each site those of its newest configuration."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, list[AlertText]]] = {}

    def of(self, view: SiteView) -> list[AlertText]:
        seq, found = self._kept.get(view.id, (-1, []))
        if view.config is not None and seq != view.config_seq:
            found = texts(view, view.config)
            self._kept[view.id] = (view.config_seq, found)
        return found


def texts(view: SiteView, site: Site) -> list[AlertText]:
    """By kind, the gravest first."""
    found: list[AlertText] = []
    order, zone, limits = list(Severity), ZoneInfo(site.zone), times_of(site.clocks).limits[ClockName.RESPONSE]
    began = instant_ns(*BEGAN, zone)
    for kind, rules in by_kind(site).items():
        machines = [machine for machine in site.equipment.values() if machine.kind.name == kind]
        places = _groups(view, site, kind) if kind in GROUPS else machines
        names = kind_names(site, kind)
        made = [made for rule in rules if (made := _text(site, kind, names, rule, places, zone, began, limits)) is not None]
        found += sorted(made, key=lambda one: (order.index(one.severity), one.rule))
    return found


def matching(found: Iterable[AlertText], kind: str, sought: str) -> list[AlertText]:
    words = sought.casefold().split()
    return [one for one in found if kind in ("", one.kind) and all(word in one.sought for word in words)]


def _text(
    site: Site, kind: str, names: Mapping[str, str], rule: RuleText, places: Sequence[Equipment | Place], zone: ZoneInfo, began: int,
    limits: Mapping[Severity, int],
) -> AlertText | None:  # fmt: skip
    standing = [place for place in places if isinstance(place, Place) or applies(rule, place, site)]
    here = tuple(place if isinstance(place, Place) else _place(place) for place in standing)
    word = rule.severity.get(kind) or rule.severity.get(ANY, "")
    if not here or rule.id in site.rules_off or word not in set(Severity):
        return None
    severity, first = Severity(word), here[0]
    limit = limits.get(severity)
    step = {lang: filled(rule.does.get(lang, "")) for lang in LANGUAGES}
    what = {lang: filled(rule.says.get(lang, rule.id)) for lang in LANGUAGES}
    alert = Alert(
        severity, "raised", what, first.names, step, began, began, first.location, first.mode,
        clock=ClockName.RESPONSE.value if limit is not None else None, due_ns=None if limit is None else began + limit, zone=zone,
    )  # fmt: skip
    lines = compose(alert)
    said = [rule.id, kind, *names.values(), *what.values(), *step.values(), *(n for p in here for n in (p.id, *p.names.values()))]
    night = "by_day" if site.night.begin == site.night.end and severity is Severity.NORMAL else severity.value
    return AlertText(rule.id, kind, names, severity, rule.major, lines, step, here, night, " ".join(said).casefold())


def applies(rule: RuleText, machine: Equipment, site: Site) -> bool:
    """As the engine decides it (rules/applies.py); tests hold the two together."""
    if rule.id in machine.rules_off or machine.state in UNWATCHED:
        return False
    if rule.certificate:
        return any(held.until is not None and rule_word(held.what) == rule.certificate for held in machine.certificates)
    if not rule.judged:
        return True
    bound = {binding.kind_point.name for binding in machine.bindings}
    given = (machine.parameters, site.parameters.get(rule.id, {}))
    missing = [name for name in rule.unset if not (name in given[0] or f"{rule.id}.{name}" in given[0] or name in given[1])]
    return machine.monitored and all(bound.intersection(entry) for entry in rule.needs) and not missing


def filled(text: str) -> str:
    """Values of the moment left open: N for what is written as a number, an ellipsis for a name."""
    return "".join(literal + ("" if name is None else "N" if spec else "…") for literal, name, spec, _ in string.Formatter().parse(text))


def kind_names(site: Site, kind: str) -> Mapping[str, str]:
    machine = next((machine for machine in site.equipment.values() if machine.kind.name == kind), None)
    return machine.kind.says if machine is not None else {lang: say(f"texts.{kind}", lang) for lang in LANGUAGES}


def _place(machine: Equipment) -> Place:
    if machine.kind.name == MONITOR:
        return Place(machine.id, {lang: say("alert.monitor", lang) for lang in LANGUAGES})
    mode = "commissioning" if machine.state is EquipmentState.COMMISSIONING else "live"
    return Place(machine.id, dict.fromkeys(LANGUAGES, machine.name or machine.id), machine.location, mode)


def _groups(view: SiteView, site: Site, kind: str) -> list[Place]:
    live = [machine for machine in site.equipment.values() if machine.state is EquipmentState.IN_SERVICE]
    banks = {machine.bank for machine in live if machine.bank}
    lines = {site.devices[binding.device].connection for machine in live for binding in machine.bindings if binding.device in site.devices}
    return [
        Place(f"@{name}", {lang: group_name(view, f"@{name}", lang) or name for lang in LANGUAGES})
        for name in sorted(banks if kind == "bank" else lines)
    ]
