"""Judges a rule against the kinds it covers: names exist, units agree, what it reads is needed or asked for, its words can be said."""

from __future__ import annotations

import re
import string
from collections.abc import Collection, Iterable

from plantroom import kinds
from plantroom.kinds import Kind
from plantroom.model import Severity
from plantroom.yaml_file import Fields, nearest
from rules.graph import Graph
from rules.language import Tree
from rules.lexer import ExpressionError
from rules.rule import ANY, Rule
from rules.types import DERIVED, Given, condition

MONITOR = "monitor"
GROUPS = ("connection", "bank")  # kinds that are groups of machines: their faults are those of their members
LONGEST_FORMAT = 8
_WORD = re.compile(r"\w+", re.ASCII)


def check_rule(rule: Rule, f: Fields) -> tuple[Kind, ...]:
    """The kinds the rule covers; problems go on the paper of `f`, under the keys of the rule file."""
    shipped = kinds.kind_names()
    for key, words in (("applies_to", rule.applies_to), ("severity", rule.severity)):
        for name in words:
            if name != ANY and name not in shipped:
                f.wrong(key, f"{name!r} is no kind{nearest(name, shipped)}")
    covered = tuple(kinds.load_kind(name) for name in shipped if rule.covers(name))
    if ANY not in rule.severity and (missing := [kind.name for kind in covered if kind.name not in rule.severity]):
        f.wrong("severity", f"says nothing for {', '.join(missing)}; add any: normal")
    if rule.major and not all(severity.urgent for severity in rule.severity.values()):
        f.wrong("major", "is for urgent rules: people in danger, fire, flood, the whole building")
    if rule.on_event is not None:
        if rule.applies_to != (MONITOR,):
            f.wrong("applies_to", "a rule with on_event applies to monitor")
        _words(rule, set(rule.fields), f)
        return ()
    if rule.when_faults is not None:
        if not rule.applies_to or not set(rule.applies_to) <= set(GROUPS):
            f.wrong("applies_to", f"a rule with when_faults applies to {' or '.join(GROUPS)}")
        _words(rule, set(rule.fields), f)
        return ()
    if rule.on_report:
        _disables(rule, covered, f)
        _words(rule, set(rule.fields), f)
        return ()
    if rule.inhibited_by and Severity.DANGER in rule.severity.values():
        f.wrong("inhibited_by", "people are in danger: such a fault is no part of another one, it always pages")
    if any(parent.rule == rule.id and not parent.of_feeder for parent in rule.inhibited_by):
        f.wrong("inhibited_by", "a fault does not explain itself")
    if any(problem.where.startswith("parameters") for problem in f.paper.problems):
        return covered  # what a broken parameter brings about further down is not worth saying
    _parameters(rule, covered, f)
    read = [_names(rule, kind, f) for kind in covered]
    if rule.when is not None and read and None not in read:
        _words(rule, {name for names in read for name in names or ()} | set(rule.parameters), f)
    return covered


def place(text: str, error: ExpressionError) -> str:
    """Where in the expression, and what to write instead."""
    near = text[error.at : error.at + 24].split("\n")[0]
    return f"at character {error.at + 1}{f' near {near!r}' if near else ''}: {error}"


def _parameters(rule: Rule, covered: tuple[Kind, ...], f: Fields) -> None:
    for key, length in (("for", rule.for_), ("clear_after", rule.clear_after)):
        if isinstance(length, str) and (length not in rule.parameters or rule.parameters[length].unit != "s"):
            f.wrong(key, f"{length!r} is no length of time (2s, 30m) and no parameter that is one")
    texts = (rule.when_text, rule.clear_text, *rule.says.values(), *rule.do.values(), str(rule.for_), str(rule.clear_after))
    used = {word for text in texts for word in _WORD.findall(text)}
    for name in rule.parameters:
        if owners := [kind.name for kind in covered if name in kind.points]:
            f.wrong("parameters", f"{name!r} is also a point of {owners[0]}; give the parameter another name")
        elif name not in used:
            f.wrong("parameters", f"{name!r} is used nowhere: a site that sets it would change nothing; read it in `when`, or take it away")


def _names(rule: Rule, kind: Kind, f: Fields) -> set[str] | None:
    """Every name the expressions read, None where one is wrong; what they read must be needed, what is needed must be read."""
    for name in (name for entry in rule.needs for name in entry if name not in kind.points):
        f.wrong("needs", f"{name!r} is no point of {kind.name}{nearest(name, kind.points)}")
    _disables(rule, (kind,), f)
    sure = {entry[0] for entry in rule.needs if len(entry) == 1}
    read: set[str] = set()
    for key, text, tree in (("when", rule.when_text, rule.when), ("clear_when", rule.clear_text, rule.clear_when)):
        if tree is None:
            continue
        found = _read_by(rule, kind, tree, key, text, f)
        if found is None:
            return None
        points, asked, derived = found
        for point in points:
            if point not in sure and point not in asked:
                f.wrong(key, f"reads {point}, which is neither in `needs` nor asked for with has({point})")
        read |= {*points, *asked, *derived}
    for name in (name for entry in rule.needs for name in entry if rule.when is not None and name in kind.points and name not in read):
        f.wrong("needs", f"{name} is needed but never read")
    return read


def _disables(rule: Rule, covered: Iterable[Kind], f: Fields) -> None:
    for kind in covered:
        for item in rule.disables:
            if item not in kind.items and ANY not in rule.applies_to:
                f.wrong("disables", f"{item!r} is no functional item of {kind.name}{nearest(item, kind.items)}")


def _read_by(
    rule: Rule, kind: Kind, tree: Tree, key: str, text: str, f: Fields
) -> tuple[Collection[str], Collection[str], Collection[str]] | None:
    """(points read, points asked for with has(), derived names); None with a problem on the paper."""
    graph = Graph()
    try:
        root = condition(tree, Given(kind, rule.id, {p.name: p.unit for p in rule.parameters.values()}), graph)
    except ExpressionError as error:
        about = f"for kind {kind.name}, " if len(rule.applies_to) > 1 or ANY in rule.applies_to else ""
        f.wrong(key, about + place(text, error))
        return None
    if graph.nodes[root].static:
        f.wrong(key, "never changes: it reads no point")
    return graph.points(root), graph.asked(root), _derived(graph)


def _derived(graph: Graph) -> set[str]:
    """What the words may use beside points: silence, polls_missed, facts of the site."""
    return {str(node.data[0]) if node.op == "fact" else node.op for node in graph.nodes if node.op in (*DERIVED, "fact")}


def _words(rule: Rule, known: set[str], f: Fields) -> None:
    """Every {field} of the words must be something the rule reads, with a format that takes it."""
    for key, texts in (("says", rule.says), ("do", rule.do)):
        for text in texts.values():
            _format(key, text, known, 1.0 if rule.when is not None or rule.when_faults else "1", f)


def _format(key: str, text: str, known: set[str], example: str | float, f: Fields) -> None:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        f.wrong(key, f"has broken braces: {error}")
        return
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if name not in known:
            f.wrong(key, f"{{{name}}} is nothing this rule reads{nearest(name, sorted(known))}")
        elif conversion or len(spec or "") > LONGEST_FORMAT or not _formats(example, spec or ""):
            f.wrong(key, f"{{{name}:{spec}}} cannot be formatted; write {{{name}:.0f}} or {{{name}:.1f}}")


def _formats(example: str | float, spec: str) -> bool:
    try:
        return len(format(example, spec)) <= 40
    except ValueError:
        return False
