"""Rule text (YAML) -> Rule. Every problem of a file is listed in one pass with its line; expressions are checked against every kind."""

from __future__ import annotations

import string
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TypeVar

from plantroom import kinds, units
from plantroom import yaml_file as y
from plantroom.errors import BadInput
from plantroom.kinds import Kind
from plantroom.model import Severity
from rules.language import Tree, parse
from rules.lexer import LARGEST_NUMBER, ExpressionError
from rules.quantities import quantity
from rules.rule import ANY, OnMissing, Parameter, Rule, RuleTest
from rules.series import read_tests
from rules.types import DERIVED, WORDS, Given, Graph, condition

MONITOR = "monitor"
LONGEST_FOR_S = 35 * 86_400.0
_ALWAYS = ("id", "applies_to", "severity", "says", "do", "disables", "major", "inhibited_by", "fed_by")
T = TypeVar("T")


def parse_rule(text: str, file: str) -> Rule:
    """The rule a text describes; `file` is what problems name. Raises BadInput with every problem found."""
    return _parsed(text, file)


@lru_cache(maxsize=1024)
def _parsed(text: str, file: str) -> Rule:
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a rule file starts with id, applies_to, needs, when")
    rule = _Reader(y.Fields(node, "", paper), text).rule() if node is not None else None
    if paper.problems or rule is None:
        raise BadInput(paper.problems)
    return rule


class _Reader:
    def __init__(self, fields: y.Fields, text: str) -> None:
        self._f, self._text, self._paper = fields, text, fields.paper

    def rule(self) -> Rule:
        f = self._f
        rule_id = f.need("id", y.snake) or ""
        applies_to = f.need("applies_to", _names) or ()
        on_event = f.opt("on_event", y.snake)
        fields = f.may("fields", _names, ())
        needs = f.may("needs", _needs, ())
        parameters = self._parameters()
        when, when_text = self._expression("when", needed=on_event is None)
        clear, clear_text = self._expression("clear_when", needed=False)
        for_ = f.may("for", _length_or_name, 0.0)
        clear_after = f.may("clear_after", _length_or_name, 0.0)
        on_missing = OnMissing(f.need("on_missing", _on_missing) or "hold") if on_event is None else OnMissing.HOLD
        severity = f.need("severity", _severity) or {ANY: Severity.NORMAL}
        disables = f.may("disables", _names, ())
        says, do = f.need("says", y.says) or {}, f.need("do", y.says) or {}
        latch, cov, major = f.may("latch", y.flag, False), f.may("cov", y.flag, False), f.may("major", y.flag, False)
        tests_node = f.child("tests")
        f.done()
        rule = Rule(
            rule_id, applies_to, needs, when, clear, parameters, for_, clear_after, on_missing, severity, disables, says, do, latch, cov, major,
            on_event, fields, (), self._paper.file, self._text, sha256(self._text.encode()).hexdigest()[:16], when_text, clear_text, dict(f.node.lines),
        )  # fmt: skip
        found = self._checked(rule)
        tests = self._tests(rule, tests_node, found) if on_event is None and found else ()
        return _with_tests(rule, tests)

    # --- expressions

    def _expression(self, key: str, *, needed: bool) -> tuple[Tree | None, str]:
        node = self._f.child(key)
        if node is None:
            if needed:
                self._f.wrong(key, "is missing; write the condition that is the fault")
            return None, ""
        try:
            text = y.text(node)
            return parse(text), text
        except ExpressionError as error:
            self._place(key, text, error)
        except y.Wrong as error:
            self._f.wrong(key, str(error))
        return None, ""

    def _place(self, key: str, text: str, error: ExpressionError, kind: str = "") -> None:
        near = text[error.at : error.at + 24].split("\n")[0]
        about = f" (for kind {kind})" if kind else ""
        self._f.wrong(key, f"at character {error.at + 1}{f' near {near!r}' if near else ''}{about}: {error}")

    # --- parameters

    def _parameters(self) -> Mapping[str, Parameter]:
        found: dict[str, Parameter] = {}
        for name, node in y.mapping(self._f.child("parameters"), "parameters", self._paper).items.items():
            f = y.Fields(node, f"parameters.{name}", self._paper)
            if not y.is_snake(name) or name in WORDS:
                f.paper.wrong(node.line, f.where, f"{name!r} cannot name a parameter; use snake_case and none of the language's own words")
            unit = f.may("unit", y.unit_name, "")
            lengths = f.child("value"), f.child("range")
            if "unit" not in f.node.items and _is_length(lengths[0], lengths[1]):
                unit = "s"
            value = f.opt("value", _quantity(unit))
            low_high = f.need("range", _range(unit)) or (-LARGEST_NUMBER, LARGEST_NUMBER)
            source = f.need("source", y.text) or ""
            f.done()
            if value is not None and not low_high[0] <= value <= low_high[1]:
                f.wrong("value", f"{value:g} is outside its own range [{low_high[0]:g}, {low_high[1]:g}]")
            found[name] = Parameter(name, value, unit, low_high, source)
        return found

    # --- what the rule names must exist

    def _checked(self, rule: Rule) -> tuple[Kind, ...]:
        shipped = kinds.kind_names()
        for name in rule.applies_to:
            if name != ANY and name not in shipped:
                self._f.wrong("applies_to", f"{name!r} is no kind{y.nearest(name, shipped)}")
        covered = tuple(kinds.load_kind(name) for name in shipped if rule.covers(name))
        for kind_name in rule.severity:
            if kind_name != ANY and kind_name not in shipped:
                self._f.wrong("severity", f"{kind_name!r} is no kind{y.nearest(kind_name, shipped)}")
        if ANY not in rule.severity and any(kind.name not in rule.severity for kind in covered):
            self._f.wrong("severity", "says nothing for some of its kinds; add any: normal")
        if rule.on_event is not None:
            self._monitor(rule)
            return ()
        for name in (rule.for_, rule.clear_after):
            if isinstance(name, str) and (name not in rule.parameters or rule.parameters[name].unit != "s"):
                self._f.wrong("for" if name is rule.for_ else "clear_after", f"{name!r} is no length (2s, 30m) and no parameter that is one")
        for parameter in rule.parameters:
            if any(parameter in kind.points for kind in covered):
                self._f.wrong("parameters", f"{parameter!r} is also a point; give the parameter another name")
        for kind in covered:
            self._checked_for(rule, kind)
        if rule.fields:
            self._f.wrong("fields", "belongs to rules with on_event")
        return covered

    def _checked_for(self, rule: Rule, kind: Kind) -> None:
        for entry in rule.needs:
            for name in entry:
                if name not in kind.points:
                    self._f.wrong("needs", f"{name!r} is no point of {kind.name}{y.nearest(name, kind.points)}")
        for item in rule.disables:
            if item not in kind.items and ANY not in rule.applies_to:
                self._f.wrong("disables", f"{item!r} is no functional item of {kind.name}{y.nearest(item, kind.items)}")
        read: set[str] = set()
        given = Given(kind, rule.id, {p.name: p.unit for p in rule.parameters.values()})
        for key, text, tree in (("when", rule.when_text, rule.when), ("clear_when", rule.clear_text, rule.clear_when)):
            if tree is None:
                continue
            graph = Graph()
            try:
                root = condition(tree, given, graph)
            except ExpressionError as error:
                self._place(key, text, error, kind.name if len(rule.applies_to) > 1 or ANY in rule.applies_to else "")
                continue
            if graph.nodes[root].static:
                self._f.wrong(key, "never changes; it reads no point")
            points, asked = graph.points(root), graph.asked(root)
            sure = {entry[0] for entry in rule.needs if len(entry) == 1}
            for point in points:
                if point not in sure and point not in asked:
                    self._f.wrong(key, f"reads {point}, which is neither in `needs` nor asked for with has({point})")
            read |= {*points, *asked, *(name for name in DERIVED if any(node.op == name for node in graph.nodes))}
        if rule.when is None:
            return
        for entry in rule.needs:
            for name in entry:
                if name in kind.points and name not in read:
                    self._f.wrong("needs", f"{name} is needed but never read")
        self._fields(rule, {*read, *rule.parameters})

    def _fields(self, rule: Rule, known: set[str]) -> None:
        """Every {field} of the words must be something the rule reads, with a format that takes a number."""
        taken: dict[str, set[str]] = {}
        for key, words in (("says", rule.says), ("do", rule.do)):
            for language, text in words.items():
                names = self._format(key, text, known, events=bool(rule.on_event))
                taken.setdefault(language, set()).update(names)

    def _format(self, key: str, text: str, known: set[str], *, events: bool) -> set[str]:
        names: set[str] = set()
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            self._f.wrong(key, f"has broken braces: {error}")
            return names
        for _, name, spec, conversion in parts:
            if name is None:
                continue
            if name not in known:
                self._f.wrong(key, f"{{{name}}} is nothing this rule reads{y.nearest(name, sorted(known))}")
                continue
            names.add(name)
            try:
                if conversion or len(spec or "") > 8:
                    raise ValueError(spec)
                format("1" if events else 1.0, spec or "")
            except ValueError:
                self._f.wrong(key, f"{{{name}:{spec}}} cannot format it; write {{{name}:.0f}} or {{{name}}}")
        return names

    def _monitor(self, rule: Rule) -> None:
        if rule.applies_to != (MONITOR,):
            self._f.wrong("applies_to", "on_event belongs to the kind monitor")
        for key in ("needs", "clear_when", "when", "parameters", "for"):
            if key in self._f.node.items:
                self._f.wrong(key, "has no meaning with on_event")
        self._fields(rule, set(rule.fields))

    def _tests(self, rule: Rule, node: y.Node | None, covered: tuple[Kind, ...]) -> tuple[RuleTest, ...]:
        if self._paper.problems:
            return ()
        if node is None:
            self._paper.wrong(0, "tests", "a rule without its own tests is not loaded; show that it raises, stays quiet, holds through a gap and clears")
            return ()
        return read_tests(node, rule, covered, self._paper)


def _with_tests(rule: Rule, tests: tuple[RuleTest, ...]) -> Rule:
    from dataclasses import replace

    return replace(rule, tests=tests)


def _names(node: y.Node) -> tuple[str, ...]:
    items = node.items if isinstance(node, y.Sequence) else (node,)
    return tuple(dict.fromkeys(y.snake(item) for item in items))


def _needs(node: y.Node) -> tuple[tuple[str, ...], ...]:
    """A list of points; `a | b` where one of them is enough."""
    if not isinstance(node, y.Sequence):
        raise y.Wrong(f"must be a list of points, not {y.described(node)}", node)
    found = []
    for item in node.items:
        names = tuple(part.strip() for part in y.text(item).split("|"))
        for name in names:
            if not y.is_snake(name):
                raise y.Wrong(f"{name!r} is no point name", item)
        found.append(names)
    return tuple(found)


def _length_or_name(node: y.Node) -> float | str:
    word = y.text(node)
    if y.is_snake(word):
        return word
    length = y.duration(node)
    if length > LONGEST_FOR_S:
        raise y.Wrong(f"{word} is longer than {LONGEST_FOR_S / 86_400:g}d", node)
    return length


def _on_missing(node: y.Node) -> str:
    word = y.text(node)
    if word == "clear":
        raise y.Wrong("`clear` does not exist: lost data never ends a fault; write hold or raise", node)
    return y.one_of(OnMissing, "a way to treat missing data")(node)


def _severity(node: y.Node) -> Mapping[str, Severity]:
    read = y.one_of(Severity, "a severity")
    if isinstance(node, y.Map):
        return {kind: Severity(read(item)) for kind, item in node.items.items()}
    return {ANY: Severity(read(node))}


def _is_length(*nodes: y.Node | None) -> bool:
    first = nodes[0]
    if first is None and isinstance(nodes[1], y.Sequence) and nodes[1].items:
        first = nodes[1].items[0]
    if not isinstance(first, y.Scalar) or not isinstance(first.value, str):
        return False
    try:
        units.duration_s(first.value)
    except ValueError:
        return False
    return True


def _quantity(unit: str):  # type: ignore[no-untyped-def]
    def read(node: y.Node) -> float:
        if not isinstance(node, y.Scalar) or node.value is None or isinstance(node.value, bool):
            raise y.Wrong(f"must be a number, not {y.described(node)}", node)
        try:
            value = quantity(node.value, unit)
        except ValueError as error:
            raise y.Wrong(str(error), node) from error
        if not abs(value) <= LARGEST_NUMBER:
            raise y.Wrong(f"must be a number of at most {LARGEST_NUMBER:g}", node)
        return value

    return read


def _range(unit: str):  # type: ignore[no-untyped-def]
    def read(node: y.Node) -> tuple[float, float]:
        if not isinstance(node, y.Sequence) or len(node.items) != 2:
            raise y.Wrong(f"must be [lowest, highest] a site may set, not {y.described(node)}", node)
        low, high = (_quantity(unit)(item) for item in node.items)
        if low > high:
            raise y.Wrong("runs backwards; write the lower one first", node)
        return low, high

    return read
