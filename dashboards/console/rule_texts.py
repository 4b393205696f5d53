"""What a site's rules say of themselves, read from the texts that its configuration carries: their words, the units of their parameters.

The console has no rules engine: it reads the few keys it shows and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from plantroom.kinds import Kind
from plantroom.plain_words import ANY_UNIT, without_values
from plantroom.site import Site
from plantroom.site_rules import OWN
from plantroom.units import duration_s
from plantroom.words import LANGUAGES
from plantroom.yaml_tree import Map, Node, Paper, Scalar, Sequence, parse

SHIPPED = "rules/packs/"
ANY = "any"
GROUPS = frozenset(("connection", "bank"))
MONITOR = "monitor"
COUNTED = frozenset(("connection", "bank", "monitor"))  # the values in their words are counts, without which they read badly
_ID = re.compile(r"^id:[ \t]*['\"]?(\w+)", re.MULTILINE)
_APPLIES = re.compile(r"^applies_to:(.*)$", re.MULTILINE)
_TESTS = re.compile(r"^tests:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RuleText:
    """kinds: it applies to; says, does: by language, with the places of its values; steps: by language, in order; units: of its parameters,
    those that have one. major: a matter of weight, of which the departments are told. severity: by kind, `any` = the rest. needs: points,
    of each entry one at least. unset: parameters a site must give. judged: by telemetry, not by what is reported or happens to Plantroom.
    certificate: past whose last day it is raised.
    """

    id: str
    kinds: frozenset[str]
    says: Mapping[str, str] = field(default_factory=dict)
    steps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    major: bool = False
    does: Mapping[str, str] = field(default_factory=dict)
    severity: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[tuple[str, ...], ...] = ()
    unset: tuple[str, ...] = ()
    judged: bool = False
    certificate: str = ""

    def covers(self, kind: str) -> bool:
        return kind in self.kinds or ANY in self.kinds


def rule_of(site: Site | None, kind: str, rule: str) -> RuleText | None:
    """The rule of a machine's fault; a site's own comes before the one it replaces."""
    return next((found for found in _rules_of(site, rule) if found.covers(kind)), None)


def steps_of(site: Site | None, kind: str, rule: str, lang: str) -> tuple[str, ...]:
    """The emergency steps of a machine's fault, () without any. A site's own rule that writes none keeps those of the shipped one."""
    found = (one.steps.get(lang, ()) for one in _rules_of(site, rule) if one.covers(kind))
    return next((steps for steps in found if steps), ())


def title(site: Site | None, rule: str, lang: str) -> str:
    """A rule in words, without the values of a moment; of all kinds of the site it watches. Its id where nothing is known of it."""
    if site is None:
        return rule
    kinds = {machine.kind.name: machine.kind for machine in site.equipment.values()}
    found = _rules_of(site, rule)
    here = [one for one in found if any(one.covers(kind) for kind in kinds)] or found
    titles = dict.fromkeys(_title(one, kinds, lang) for one in here)
    return " / ".join(text for text in titles if text) or rule


def _title(rule: RuleText, kinds: Mapping[str, Kind], lang: str) -> str:
    points = {name: point for kind in kinds.values() if rule.covers(kind.name) for name, point in kind.points.items()}

    def unit_of(name: str) -> str:
        point = points.get(name)
        return (point.unit if point is not None else rule.units.get(name, "")) or ANY_UNIT

    return without_values(rule.says.get(lang, ""), unit_of, "N" if rule.kinds <= COUNTED else "")


def by_kind(site: Site) -> dict[str, list[RuleText]]:
    """Every rule of each kind, as the engine picks them: of an id that two files have for a kind, the site's own."""
    kinds = {machine.kind.name for machine in site.equipment.values()} | GROUPS
    files = sorted((file for file in site.files if file.startswith((SHIPPED, OWN))), key=lambda file: (not file.startswith(OWN), file))
    found: dict[str, dict[str, RuleText]] = {kind: {} for kind in sorted(kinds)}
    for file in files:
        text = site.files[file]
        named = _APPLIES.search(text)
        if named is not None and not {*re.findall(r"\w+", named[1]), *("" if named[1].strip() else kinds)} & {*kinds, ANY}:
            continue
        rule = _read(text)
        for kind, rules in found.items():
            if rule is not None and (kind in rule.kinds or (ANY in rule.kinds and kind not in (*GROUPS, MONITOR))):
                rules.setdefault(rule.id, rule)
    return {kind: list(rules.values()) for kind, rules in found.items() if rules}


def _rules_of(site: Site | None, rule: str) -> list[RuleText]:
    """Those with this id, a site's own first."""
    if site is None:
        return []
    files = [(file, text) for file, text in site.files.items() if file.startswith((SHIPPED, OWN)) and rule in text]
    found = [(file, text) for file, text in files if (named := _ID.search(text)) is not None and named[1] == rule]
    return [read for _, text in sorted(found, key=lambda one: (not one[0].startswith(OWN), one[0])) if (read := _read(text)) is not None]


@lru_cache(maxsize=1024)
def _read(text: str) -> RuleText | None:
    """None for a text that is no rule: another release's, perhaps."""
    tests = _TESTS.search(text)
    node = parse(text[: tests.start()] if tests else text, Paper("rule"))
    if not isinstance(node, Map):
        return None
    kinds, parameters, severity = node.items.get("applies_to"), node.items.get("parameters"), node.items.get("severity")
    steps = node.items.get("steps")
    plans = {lang: _listed(steps.items.get(lang)) for lang in LANGUAGES if isinstance(steps, Map)}
    listed = kinds.items if isinstance(kinds, Sequence) else (kinds,)
    stated = parameters.items if isinstance(parameters, Map) else {}
    units = {name: _unit(one.items) for name, one in stated.items() if isinstance(one, Map)}
    unset = tuple(name for name, one in stated.items() if isinstance(one, Map) and "value" not in one.items)
    classes = {kind: _text(one) for kind, one in severity.items.items()} if isinstance(severity, Map) else {ANY: _text(severity)}
    needs = node.items.get("needs")
    needed = tuple(tuple(_text(one).replace(" ", "").split("|")) for one in needs.items) if isinstance(needs, Sequence) else ()
    named = frozenset(str(kind.value) for kind in listed if isinstance(kind, Scalar))
    flag = node.items.get("major")
    major = isinstance(flag, Scalar) and flag.value is True
    says, has_unit = _words(node.items.get("says")), {name: unit for name, unit in units.items() if unit}
    return RuleText(
        _text(node.items.get("id")), named, says, plans, has_unit, major,
        _words(node.items.get("do")), classes, needed, unset, "when" in node.items, _text(node.items.get("on_certificate")),
    )  # fmt: skip


def _words(node: Node | None) -> dict[str, str]:
    return {lang: str(said.value) for lang in LANGUAGES if isinstance(node, Map) and isinstance(said := node.items.get(lang), Scalar)}


def _unit(parameter: Mapping[str, Node]) -> str:
    """As written; seconds where the value, or without one its range, is a length of time."""
    if unit := _text(parameter.get("unit")):
        return unit
    limits = parameter.get("range")
    value = parameter.get("value") or (limits.items[0] if isinstance(limits, Sequence) and limits.items else None)
    try:
        duration_s(_text(value))
    except ValueError:
        return ""
    return "s"


def _listed(node: Node | None) -> tuple[str, ...]:
    items = node.items if isinstance(node, Sequence) else ()
    return tuple(str(item.value if item.raw is None else item.raw).strip() for item in items if isinstance(item, Scalar))


def _text(node: Node | None) -> str:
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else ""
