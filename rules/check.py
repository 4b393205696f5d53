"""What the rules have to say to a site file: its own rules are good, what it names exists and is in range. Texts join its record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from plantroom.bundle import Checked
from plantroom.errors import Problem
from plantroom.limits import LIMITS, MINUTE, loosened, times_of
from plantroom.site import Equipment, Site
from plantroom.site_rules import OWN
from plantroom.words import say
from plantroom.yaml_file import nearest
from rules import plan_check, rule_test
from rules.book import Rulebook, pack, parentless, read_rules
from rules.quantities import quantity
from rules.rule import Rule


def check(site: Site) -> Checked:
    own = {file: text for file, text in site.files.items() if file.startswith(OWN)}
    book, problems = read_rules({**pack().files, **own})
    problems += [problem for rule in book.rules if rule.file in own for problem in _own_tests(rule)]
    problems += parentless([rule for rule in book.rules if rule.file in own], book.rules)
    problems += [*_site_wide(site, book), *(problem for machine in site.equipment.values() for problem in _machine(site, machine, book))]
    kinds = {machine.kind.name for machine in site.equipment.values()}
    problems += plan_check.problems(site, book)
    used = [rule for rule in pack().rules if rule.on_event or rule.when_faults or any(rule.covers(kind) for kind in kinds)]
    files = {rule.file: rule.text for rule in used} | plan_check.files(site)
    return Checked(problems, files, [*_looser(site), *plan_check.notes(site)])


def _looser(site: Site) -> list[str]:
    """A number of the standard that a site loosens is shown."""
    times, language = times_of(site.clocks), site.language
    notes = []
    for name, severity in loosened(times):
        words = {"clock": say(f"clock.{name}", language), "severity": say(f"severity.{severity}", language)}
        limits = {"limit": times.limits[name][severity] // MINUTE, "standard": LIMITS[name][severity] // MINUTE}
        notes.append(say("limits.looser", language, **words, **limits))
    return notes


def _own_tests(rule: Rule) -> Iterator[Problem]:
    """A rule whose own tests fail does not do what its author thinks."""
    for miss in rule_test.run(rule):
        yield Problem(miss.file, miss.line, "tests", f"{miss.test}: at {miss.at_s:g}s expected {miss.expected}, was {miss.was}")


def _site_wide(site: Site, book: Rulebook) -> Iterator[Problem]:
    ids = sorted(book.ids)
    for rule_id in site.rules_off:
        if rule_id not in ids:
            yield _problem(site, [rule_id], f"rules.off.{rule_id}", f"there is no rule {rule_id!r}{nearest(rule_id, ids)}")
    for rule_id, given in site.parameters.items():
        rules = [rule for rule in book.rules if rule.id == rule_id]
        if not rules:
            yield _problem(site, [rule_id], f"rules.parameters.{rule_id}", f"there is no rule {rule_id!r}{nearest(rule_id, ids)}")
            continue
        for name, value in given.items():
            known = [rule for rule in rules if name in rule.parameters]
            where = f"rules.parameters.{rule_id}.{name}"
            if not known:
                there = sorted({n for rule in rules for n in rule.parameters})
                yield _problem(site, [rule_id, name], where, f"{name!r} is no parameter of {rule_id}{nearest(name, there)}")
            for text in _wrong_values(known, name, value):
                yield _problem(site, [rule_id, name], where, text)


def _machine(site: Site, machine: Equipment, book: Rulebook) -> Iterator[Problem]:
    rules = book.for_kind(machine.kind.name)
    ids = {rule.id for rule in rules}
    for rule_id in machine.rules_off:
        if rule_id not in ids:
            said = f"no rule {rule_id!r} watches kind {machine.kind.name}{nearest(rule_id, sorted(ids))}"
            yield _problem(site, [machine.id, rule_id], f"equipment.{machine.id}.rules_off.{rule_id}", said)
    names = {name for rule in rules for name in rule.parameters} | {f"{rule.id}.{name}" for rule in rules for name in rule.parameters}
    for key, value in machine.parameters.items():
        where = f"equipment.{machine.id}.parameters.{key}"
        if key not in names:
            said = f"no rule of kind {machine.kind.name} has a parameter {key!r}{nearest(key, sorted(names))}"
            yield _problem(site, [machine.id, key], where, said)
            continue
        owner, _, name = key.rpartition(".")
        meant = [rule for rule in rules if name in rule.parameters and owner in ("", rule.id)]
        if not owner and len({(rule.parameters[name].unit, rule.parameters[name].value) for rule in meant}) > 1:
            several = ", ".join(f"{rule.id}.{name}" for rule in meant)
            yield _problem(site, [machine.id, key], where, f"means something else in each of several rules; say which: {several}")
            continue
        for text in _wrong_values(meant, name, value):
            yield _problem(site, [machine.id, key], where, text)


def _wrong_values(rules: Sequence[Rule], name: str, value: float | str) -> Iterator[str]:
    """What is wrong with a value for every rule that has this parameter; at most one text."""
    for rule in rules:
        parameter = rule.parameters[name]
        low, high = parameter.range
        try:
            number = quantity(value, parameter.unit)
        except ValueError as error:
            yield f"for {rule.id}: {error}"
            return
        if not low <= number <= high:
            yield f"{number:g} {parameter.unit} is outside {low:g}..{high:g} that {rule.id} allows ({parameter.source})"
            return


def _problem(site: Site, words: Sequence[str], where: str, text: str) -> Problem:
    return Problem(site.root, line_of(site.files, site.root, words), where, text)


def line_of(files: Mapping[str, str], root: str, words: Sequence[str]) -> int:
    """The line of the last word, each looked for after the one before; 0 where a template spells the words otherwise."""
    lines = files.get(root, "").splitlines()
    at = 0
    for word in words:
        pattern = re.compile(rf"(?<![\w.-]){re.escape(word)}(?![\w-])")
        found = next((number for number in range(at, len(lines)) if pattern.search(lines[number])), None)
        if found is None:
            return at + 1 if at else 0
        at = found
    return at + 1
