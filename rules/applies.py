"""Where a rule applies, with which numbers, and in words why it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plantroom.model import EquipmentState
from plantroom.site import Binding, Equipment, Site
from plantroom.words import say
from rules.quantities import quantity
from rules.rule import Rule

UNWATCHED_STATES = (EquipmentState.OUT_OF_SERVICE, EquipmentState.RETIRED)


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """What a site says for all its machines: parameters by rule id and name, rules switched off with their reason."""

    parameters: Mapping[str, Mapping[str, float | str]] = field(default_factory=dict)
    rules_off: Mapping[str, str] = field(default_factory=dict)


def settings_of(site: Site) -> SiteSettings:
    return SiteSettings(site.parameters, site.rules_off)


def parameters(rule: Rule, equipment: Equipment, site: SiteSettings) -> Mapping[str, float | None]:
    """This machine's parameters in the units of the rule file: its own (`rule.name` before `name`), else the site's, else the rule's.

    None = a site must give one and did not. Raises ValueError for a value that is no quantity (the site check names its line).
    """
    found: dict[str, float | None] = {}
    for name, parameter in rule.parameters.items():
        given: float | str | None = parameter.value
        own, wide = equipment.parameters, site.parameters.get(rule.id, {})
        for source, key in ((own, f"{rule.id}.{name}"), (own, name), (wide, name)):
            if key in source:
                given = source[key]
                break
        found[name] = None if given is None else quantity(given, parameter.unit)
    return found


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule does not apply. code: of `detect.why` in the catalogue; values: what its words take. points: each entry one of several.

    unset: (rule, parameter) that the site must set.
    """

    code: str
    values: Mapping[str, str] = field(default_factory=dict)
    points: tuple[tuple[str, ...], ...] = ()
    unset: tuple[tuple[str, str], ...] = ()


def reason_not(rule: Rule, equipment: Equipment, site: SiteSettings) -> Reason | None:
    """Why a rule of this kind does not apply to this machine; None = it applies."""
    machine = {"machine": equipment.id}
    if reason := site.rules_off.get(rule.id):
        return Reason("off_site", {"reason": reason})
    if reason := equipment.rules_off.get(rule.id):
        return Reason("off_machine", {**machine, "reason": reason})
    if equipment.state in UNWATCHED_STATES:
        return Reason(equipment.state.value, machine)
    if not equipment.monitored:
        return Reason("unmonitored", machine)
    bound = {binding.kind_point.name for binding in equipment.bindings}
    missing = tuple(entry for entry in rule.needs if not bound.intersection(entry))
    if missing:
        return Reason("points", {}, missing)
    unset = tuple((rule.id, name) for name, value in parameters(rule, equipment, site).items() if value is None)
    return Reason("parameters", unset=unset) if unset else None


def why_not(rule: Rule, equipment: Equipment, site: SiteSettings) -> str | None:
    """The same in English, with the names of points and parameters as rules write them."""
    reason = reason_not(rule, equipment, site)
    if reason is None:
        return None
    points, unset = (", ".join(" or ".join(entry) for entry in reason.points), ", ".join(map(".".join, reason.unset)))
    return say(f"detect.why.{reason.code}", "en", **reason.values, points=points, parameters=unset)


def too_slow(rule: Rule, equipment: Equipment) -> Binding | None:
    """The slowest point of a rule on events shorter than its poll: it applies, and may miss one. None where nothing is missed."""
    if not rule.cov:
        return None
    slow = [b for b in equipment.bindings if b.period_s > 1.0 and any(b.kind_point.name in entry for entry in rule.needs)]
    return max(slow, key=lambda b: b.period_s, default=None)


def caveat(rule: Rule, equipment: Equipment, language: str = "en") -> str | None:
    """What a rule that applies cannot see here."""
    slow = too_slow(rule, equipment)
    if slow is None:
        return None
    point = slow.kind_point.name if language == "en" else slow.kind_point.says.get(language, slow.kind_point.name)
    return say("detect.poll", language, period=f"{slow.period_s:g}", point=point)
