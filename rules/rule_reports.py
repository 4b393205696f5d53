"""Rules away from the running service: their own tests run, and where each of them applies (`plantroom rules test`, `rules list`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import typer

from plantroom.bundle import checked
from plantroom.cli import FAILED, print_json
from plantroom.errors import BadInput, Problem
from plantroom.words import language
from plantroom.yaml_file import read_text
from rules import detection, rule_test
from rules.book import pack, rulebook
from rules.house import House
from rules.rule import Rule
from rules.rule_file import parse_rule
from rules.rule_test import Miss

MANY = 20  # rules whose tests are worth processes of their own

def run_tests(files: Sequence[Path], as_json: bool) -> int:
    """Returns the exit code; BadInput for files that are no rules."""
    rules = _rules_in(files) if files else list(pack().rules)
    failed = 0
    count = 0
    for rule, misses in zip(rules, _misses(rules), strict=True):
        count += len(rule.tests)
        wrong = {miss.test for miss in misses}
        failed += len(wrong)
        for test in rule.tests if as_json else ():
            mine = [{"line": m.line, "at_s": m.at_s, "expected": m.expected, "was": m.was} for m in misses if m.test == test.name]
            print_json({"file": rule.file, "rule": rule.id, "test": test.name, "passed": test.name not in wrong, "misses": mine})
        for miss in () if as_json else misses:
            typer.echo(str(miss))
    if not as_json:
        typer.echo(f"{len(rules)} rules, {count} tests, {failed} failed")
    return FAILED if failed else 0


def _misses(rules: Sequence[Rule]) -> Iterator[list[Miss]]:
    """Of each rule, in their order; many are run on all cores."""
    if len(rules) < MANY:
        yield from map(rule_test.run, rules)
        return
    with ProcessPoolExecutor() as pool:
        yield from pool.map(rule_test.run, rules)


def _rules_in(paths: Sequence[Path]) -> list[Rule]:
    rules: list[Rule] = []
    problems: list[Problem] = []
    for path in _files(paths):
        try:
            rules.append(parse_rule(read_text(path), str(path)))
        except BadInput as error:
            problems += error.problems
    if problems:
        raise BadInput(problems)
    return rules


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.rglob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise BadInput([Problem(str(path), 0, "", "no .yaml file in this folder")])
        yield from found


def list_rules(site_file: Path, as_json: bool, lang: str | None = None) -> int:
    site = checked(site_file)
    house = House(site, rulebook(site.files))
    machines, groups = list(detection.watched(house)), list(detection.grouped(house))
    for line in detection.as_json(machines, groups) if as_json else ():
        print_json(line)
    for text in () if as_json else detection.lines(machines, groups, language(lang, site.language)):
        typer.echo(text)
    return 0
