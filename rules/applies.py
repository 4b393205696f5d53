"""Where a rule applies, with which numbers, and in words why it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plantroom.model import EquipmentState
from plantroom.site import Equipment, Site
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


def why_not(rule: Rule, equipment: Equipment, site: SiteSettings) -> str | None:
    """Why a rule of this kind does not apply to this machine; None = it applies."""
    if reason := site.rules_off.get(rule.id):
        return f"switched off for the site: {reason}"
    if reason := equipment.rules_off.get(rule.id):
        return f"switched off for {equipment.id}: {reason}"
    if equipment.state in UNWATCHED_STATES:
        return f"{equipment.id} is {equipment.state}"
    if not equipment.monitored:
        return f"{equipment.id} has no device: nothing is read from it"
    bound = {binding.kind_point.name for binding in equipment.bindings}
    missing = [" or ".join(entry) for entry in rule.needs if not bound.intersection(entry)]
    if missing:
        return f"no source for {', '.join(missing)}"
    unset = [name for name, value in parameters(rule, equipment, site).items() if value is None]
    if unset:
        return f"the site must set {', '.join(f'{rule.id}.{name}' for name in unset)}"
    return None


def caveat(rule: Rule, equipment: Equipment) -> str | None:
    """What a rule that applies cannot see here."""
    if not rule.cov:
        return None
    slow = [b for b in equipment.bindings if b.period_s > 1.0 and any(b.kind_point.name in entry for entry in rule.needs)]
    if not slow:
        return None
    worst = max(slow, key=lambda b: b.period_s)
    return f"an event shorter than {worst.period_s:g} s is missed: {worst.kind_point.name} is polled; use a latched bit or report on change"
