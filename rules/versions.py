"""Two versions of the rules over one history: the site as it is, and with other parameters (`--what-if`) or other rules (`--rules`).

What is the same in both is judged once: a rule, its parameters and where it applies. So a comparison never shows what nobody changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plantroom.errors import BadInput, Problem
from plantroom.site import Equipment, Site
from plantroom.yaml_file import nearest, read_text
from rules.applies import parameters, settings_of, why_not
from rules.backtest import Backtest, Event
from rules.book import Rulebook
from rules.facts import CONFIRMED
from rules.history import History
from rules.quantities import quantity
from rules.rule import Rule
from rules.rule_file import parse_rule

OPTION = "--what-if"


@dataclass(frozen=True, slots=True)
class Version:
    site: Site
    book: Rulebook


def what_if(version: Version, changes: Sequence[str]) -> Version:
    """With other parameters: `rule.parameter=value`, or `machine:rule.parameter=value` for one machine. It comes before what the site says.

    Raises BadInput for what does not exist, is no quantity, or lies outside the rule's range.
    """
    equipment, problems = dict(version.site.equipment), []
    for change in changes:
        try:
            machine, rule, name, value = _read(version, change)
        except ValueError as error:
            problems.append(Problem("command line", 0, OPTION, str(error)))
            continue
        for one in [equipment[machine]] if machine else list(equipment.values()):
            equipment[one.id] = replace(one, parameters={**one.parameters, f"{rule}.{name}": value})
    if problems:
        raise BadInput(problems)
    return Version(replace(version.site, equipment=equipment), version.book)


def _read(version: Version, change: str) -> tuple[str, str, str, float | str]:
    place, equals, value = (part.strip() for part in change.partition("="))
    machine, colon, of = place.rpartition(":")
    rule_id, dot, name = of.partition(".")
    if not (equals and dot and value):
        raise ValueError(f"{change!r}: write rule.parameter=value, such as low_fuel.limit=30 %")
    if colon and machine not in version.site.equipment:
        raise ValueError(f"{machine!r} is no equipment of the site{nearest(machine, version.site.equipment)}")
    rules = [rule for rule in version.book.rules if rule.id == rule_id]
    if not rules:
        raise ValueError(f"there is no rule {rule_id!r}{nearest(rule_id, sorted(version.book.ids))}")
    known = [rule for rule in rules if name in rule.parameters]
    if not known:
        there = sorted({other for rule in rules for other in rule.parameters})
        raise ValueError(f"{name!r} is no parameter of {rule_id}{nearest(name, there)}")
    for rule in known:
        found = rule.parameters[name]
        number = quantity(value, found.unit)
        if not found.range[0] <= number <= found.range[1]:
            raise ValueError(f"{rule_id}.{name}: {value} lies outside {found.range[0]:g} .. {found.range[1]:g} {found.unit}".rstrip())
    return machine, rule_id, name, value


def with_rules(version: Version, folder: Path) -> Version:
    """With the rule files of a folder: each takes the place of the rule of its id for the kinds it covers, or is a new one."""
    found: list[Rule] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*.yaml")) if folder.is_dir() else []:
        try:
            found.append(parse_rule(read_text(path), str(path)))
        except BadInput as error:
            problems += error.problems
    if problems or not found:
        raise BadInput(problems or [Problem(str(folder), 0, "--rules", "holds no rule file (*.yaml)")])
    return Version(version.site, Rulebook((*found, *version.book.rules)))


def changed(before: Version, after: Version, machines: Iterable[str]) -> frozenset[str]:
    """The rules that are not the same for some of these machines, by id; all that the site's fire tells, where that is not."""
    found: set[str] = set()
    every: set[str] = set()
    for name in machines:
        one, other = before.site.equipment[name], after.site.equipment[name]
        old = {rule.id: rule for rule in before.book.for_kind(one.kind.name)}
        new = {rule.id: rule for rule in after.book.for_kind(other.kind.name)}
        every |= old.keys() | new.keys()
        found |= {id_ for id_ in old.keys() ^ new.keys()}
        found |= {id_ for id_ in old.keys() & new.keys() if _numbers(before, old[id_], one) != _numbers(after, new[id_], other)}
    return frozenset(every if CONFIRMED in found else found)


def _numbers(version: Version, rule: Rule, machine: Equipment) -> tuple[str, Mapping[str, float | None], str | None]:
    settings = settings_of(version.site)
    return rule.hash, parameters(rule, machine, settings), why_not(rule, machine, settings)


@dataclass(frozen=True, slots=True)
class Both:
    """The events of two versions, and those rules whose events were judged for each."""

    before: Sequence[Event]
    after: Sequence[Event]
    changed: frozenset[str]


def judged(
    before: Version, after: Version, histories: tuple[History, History], start_ns: int | None, end_ns: int | None
) -> tuple[Both, Backtest]:
    """Runs over the history twice, the second time for what changed only. Also the first back-test: it knows the site's facts."""
    different = changed(before, after, histories[0].points)
    first = Backtest(before.site, before.book)
    old = list(first.run(histories[0], start_ns, end_ns))
    new = [event for event in old if event.rule not in different]
    if different:
        new += Backtest(after.site, after.book, only=different).run(histories[1], start_ns, end_ns)
    return Both(old, sorted(new, key=lambda event: event.at_ns), different), first
