"""The rules a site lives by: what ships in rules/packs, or the texts a config record carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from plantroom.errors import BadInput, Problem
from plantroom.yaml_file import read_text
from rules.rule import Rule
from rules.rule_file import parse_rule

PACKS = Path(__file__).parent / "packs"
PREFIX = "rules/packs/"


@dataclass(frozen=True, slots=True)
class Rulebook:
    rules: tuple[Rule, ...]

    def for_kind(self, kind: str) -> tuple[Rule, ...]:
        """Rules of telemetry that cover a kind, those for `any` included."""
        return tuple(rule for rule in self.rules if rule.when is not None and rule.covers(kind))

    def on_event(self, event: str) -> Rule | None:
        """The monitor rule an EVENT record of that name raises."""
        return next((rule for rule in self.rules if rule.on_event == event), None)

    def get(self, kind: str, rule_id: str) -> Rule | None:
        """The rule of a machine's fault by its id (monitor rules for the kind monitor)."""
        return next((rule for rule in self.rules if rule.id == rule_id and rule.covers(kind)), None)

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(rule.id for rule in self.rules)

    @property
    def files(self) -> Mapping[str, str]:
        """The texts by path: what joins a config record."""
        return {rule.file: rule.text for rule in self.rules}


@lru_cache(maxsize=1)
def pack() -> Rulebook:
    """What ships. Raises BadInput: a broken shipped rule is never left out in silence."""
    return rulebook({f"{PREFIX}{path.relative_to(PACKS).as_posix()}": read_text(path) for path in sorted(PACKS.rglob("*.yaml"))})


def rulebook(files: Mapping[str, str]) -> Rulebook:
    """The rules among the texts of a config record (others are passed over). Raises BadInput with every problem of every file."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for file, text in sorted(files.items()):
        if not file.startswith(PREFIX):
            continue
        try:
            rules.append(parse_rule(text, file))
        except BadInput as error:
            problems += error.problems
    problems += _doubles(rules)
    if problems:
        raise BadInput(problems)
    return Rulebook(tuple(rules))


def _doubles(rules: Iterable[Rule]) -> list[Problem]:
    """A rule id is unique for a kind; an event raises one rule."""
    seen: dict[tuple[str, str], Rule] = {}
    problems = []
    for rule in rules:
        names = [(kind, rule.id) for kind in rule.applies_to] + ([("event", rule.on_event)] if rule.on_event else [])
        for name in names:
            first = seen.setdefault(name, rule)
            if first is not rule:
                said = f"{name[1]!r} for {name[0]} stands in {first.file} already"
                problems.append(Problem(rule.file, rule.lines.get("id", 0), "id", said))
    return problems
