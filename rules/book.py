"""The rules a site lives by: what ships in rules/packs and what it brings itself, or the texts a config record carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from plantroom.certificates import rule_word
from plantroom.errors import BadInput, Problem
from plantroom.site_rules import OWN
from plantroom.yaml_file import nearest, read_text
from rules.rule import ANY, Rule
from rules.rule_file import parse_rule

PACKS = Path(__file__).parent / "packs"
PREFIX = "rules/packs/"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """rules: a site's own first; where one replaces a shipped rule, the first of an id that covers a kind counts."""

    rules: tuple[Rule, ...]

    def for_kind(self, kind: str) -> tuple[Rule, ...]:
        """Rules of telemetry that cover a kind, those for `any` included."""
        found: dict[str, Rule] = {}
        for rule in self.rules:
            if rule.when is not None and rule.covers(kind):
                found.setdefault(rule.id, rule)
        return tuple(found.values())

    def on_event(self, event: str) -> Rule | None:
        """The monitor rule an EVENT record of that name raises."""
        return next((rule for rule in self.rules if rule.on_event == event), None)

    def on_certificate(self, what: str, kind: str) -> Rule | None:
        """The rule of a machine's certificate that is past its last day; `other` for one in the site's own words."""
        wanted = rule_word(what)
        return next((rule for rule in self.rules if rule.on_certificate == wanted and rule.covers(kind)), None)

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


def rulebook(files: Mapping[str, str], *, proven: bool = False) -> Rulebook:
    """The rules among the texts of a config record (others are passed over). Raises BadInput with every problem of every file.

    proven: the texts were applied, so their tests ran and are not read again.
    """
    book, problems = read_rules(files, proven=proven)
    if problems:
        raise BadInput(problems)
    return book


def read_rules(files: Mapping[str, str], *, proven: bool = False) -> tuple[Rulebook, list[Problem]]:
    """Those that can be read, and every problem of every file."""
    own: list[Rule] = []
    shipped: list[Rule] = []
    problems: list[Problem] = []
    for file, text in sorted(files.items()):
        if not file.startswith((PREFIX, OWN)):
            continue
        try:
            (own if file.startswith(OWN) else shipped).append(parse_rule(text, file, proven))
        except BadInput as error:
            problems += error.problems
    problems += [*_doubles(shipped), *_doubles(own), *_replaced(own, shipped)]
    return Rulebook((*own, *shipped)), problems


def _doubles(rules: Iterable[Rule]) -> Iterator[Problem]:
    """A rule id is unique for a kind; an event raises one rule."""
    seen: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        names = [(kind, rule.id) for kind in rule.applies_to] + ([("event", rule.on_event)] if rule.on_event else [])
        for name in names:
            first = seen.setdefault(name, rule)
            if first is not rule:
                yield _at_id(rule, f"{name[1]!r} for {name[0]} stands in {first.file.removeprefix(OWN)} already")


def _replaced(own: Iterable[Rule], shipped: Sequence[Rule]) -> Iterator[Problem]:
    """A site's rule takes a shipped one's place only where it says so, and says so only where there is one."""
    for rule in own:
        same = [other for other in shipped if other.id == rule.id and _meet(rule, other)]
        rival = next((other for other in shipped if rule.on_event and other.on_event == rule.on_event and other.id != rule.id), None)
        if rival is not None:
            yield _at_id(rule, f"the event {rule.on_event!r} raises the shipped rule {rival.id!r}; give yours that id and `replaces: true`")
        elif same and not rule.replaces:
            kinds = ", ".join(rule.applies_to)
            said = "ships with Plantroom; choose another id, or write `replaces: true` to use yours instead"
            yield _at_id(rule, f"{rule.id!r} for {kinds} {said}")
        elif rule.replaces and not same:
            ids = sorted({other.id for other in shipped if set(other.applies_to) & {*rule.applies_to, ANY}})
            said = f"no shipped rule {rule.id!r} to replace{nearest(rule.id, ids)}"
            yield Problem(rule.file, rule.lines.get("replaces", 0), "replaces", said)


def parentless(some: Iterable[Rule], rules: Sequence[Rule]) -> Iterator[Problem]:
    """What inhibits one of some rules must be a rule: of a kind it covers, or of any that may feed it. rules: all there are."""
    for rule in some:
        for parent in rule.inhibited_by:
            if not any(other.id == parent.rule and (parent.of_feeder or _meet(rule, other)) for other in rules):
                ids = sorted({other.id for other in rules if parent.of_feeder or _meet(rule, other)} - {rule.id})
                where = "of what may feed it" if parent.of_feeder else "of this kind"
                said = f"{parent.rule!r} is no rule {where}{nearest(parent.rule, ids)}"
                yield Problem(rule.file, rule.lines.get("inhibited_by", 0), "inhibited_by", said)


def _meet(one: Rule, other: Rule) -> bool:
    """Is there a kind that both cover?"""
    return any(other.covers(kind) or kind == ANY for kind in one.applies_to)


def _at_id(rule: Rule, text: str) -> Problem:
    return Problem(rule.file, rule.lines.get("id", 0), "id", text)
