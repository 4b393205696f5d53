"""Rule text (YAML) -> Rule. Every problem of a file is listed in one pass with its line. rule_check.py judges it against the kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256

from plantroom import units
from plantroom import yaml_file as y
from plantroom.certificates import KNOWN, OTHER
from plantroom.errors import BadInput
from plantroom.kinds import Kind
from plantroom.model import Severity
from rules.language import Tree, parse
from rules.lexer import LARGEST_NUMBER, ExpressionError
from rules.quantities import quantity
from rules.rule import ANY, Among, OnMissing, Parameter, Parent, Rule, RuleTest
from rules.rule_check import check_rule, place
from rules.series import read_tests
from rules.steps import read_steps
from rules.types import FACTS, WORDS

LONGEST_FOR_S = 35 * 86_400.0
_NOT_OF_EVENTS = ("needs", "when", "clear_when", "parameters", "for", "on_missing", "disables", "tests", "inhibited_by", "when_faults")
_NOT_OF_GROUPS = (
    "needs", "when", "clear_when", "parameters", "for", "clear_after", "on_missing", "disables", "tests", "inhibited_by", "cov", "latch",
)  # fmt: skip
_NOT_OF_REPORTS = (
    "needs", "when", "clear_when", "parameters", "for", "clear_after", "on_missing", "tests", "inhibited_by", "when_faults", "on_event",
    "cov", "latch",
)  # fmt: skip
CERTIFICATE_FIELDS = ("certificate", "until")  # and those of a certificate's
GROUP_FIELDS = ("count", "of")  # what the words of a group's rule may use


@lru_cache(maxsize=1024)
def parse_rule(text: str, file: str, proven: bool = False) -> Rule:
    """The rule a text describes; `file` is what problems name. Raises BadInput with every problem found.

    proven: its tests ran when it was applied, and are left unread: half of the time of a start.
    """
    paper = y.Paper(file)
    node = y.parse(_without_tests(text) if proven else text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a rule file starts with id, applies_to, needs, when")
    rule = _read(y.Fields(node, "", paper), text, proven) if node is not None else None
    if paper.problems or rule is None:
        raise BadInput(paper.problems)
    return rule


def _without_tests(text: str) -> str:
    """Up to the key `tests` where it is the last one; a letter in the first column can only be a key."""
    head, found, tail = text.partition("\ntests:")
    return text if not found or _A_KEY.search(tail) else head


_A_KEY = re.compile(r"^[^\s#-]", re.MULTILINE)


def _read(f: y.Fields, text: str, proven: bool) -> Rule:
    on_event = f.opt("on_event", y.snake)
    among = f.opt("when_faults", lambda node: _among(y.Fields(node, "when_faults", f.paper)))
    event, report = on_event is not None, f.may("on_report", y.flag, False)
    on_certificate = f.opt("on_certificate", y.one_of((*KNOWN, OTHER), "a certificate"))
    watches = not (event or report or on_certificate is not None or "when_faults" in f.node.items)
    when, when_text = _expression(f, "when", needed=watches)
    clear, clear_text = _expression(f, "clear_when", needed=False)
    rule = Rule(
        id=f.need("id", y.snake) or "",
        applies_to=f.need("applies_to", names) or (),
        needs=f.opt("needs", _needs) or (),
        when=when,
        clear_when=clear,
        parameters=_parameters(f),
        for_=_length(f, "for"),
        clear_after=_length(f, "clear_after"),
        on_missing=OnMissing.HOLD if not watches else OnMissing(f.need("on_missing", _on_missing) or OnMissing.HOLD),
        severity=f.need("severity", _severity) or {ANY: Severity.NORMAL},
        disables=f.opt("disables", names) or (),
        says=f.need("says", y.says) or {},
        do=f.need("do", y.says) or {},
        steps=read_steps(f.child("steps"), f.paper),
        latch=f.may("latch", y.flag, False),
        cov=f.may("cov", y.flag, False),
        major=f.may("major", y.flag, False),
        replaces=f.may("replaces", y.flag, False),
        on_event=on_event,
        on_report=report,
        on_certificate=on_certificate,
        fields=GROUP_FIELDS if among is not None else CERTIFICATE_FIELDS if on_certificate is not None else f.opt("fields", names) or (),
        inhibited_by=f.opt("inhibited_by", _parents) or (),
        when_faults=among,
        file=f.paper.file,
        text=text,
        hash=sha256(text.encode()).hexdigest()[:16],
        when_text=when_text,
        clear_text=clear_text,
        lines=dict(f.node.lines),
    )
    tests = f.child("tests")
    f.done()
    without, of = _meaningless(event=event, report=report, certificate=on_certificate is not None, watches=watches)
    for key in without:
        if key in f.node.items:
            f.wrong(key, f"has no meaning with {of}")
    if not event and not report and "fields" in f.node.items:
        f.wrong("fields", "has no meaning without on_event or on_report")
    covered = check_rule(rule, f)
    return rule if not watches or proven else replace(rule, tests=_tests(f, rule, tests, covered))


def _meaningless(*, event: bool, report: bool, certificate: bool, watches: bool) -> tuple[tuple[str, ...], str]:
    """The keys that a rule which does not watch telemetry cannot have, and the key that makes it such a rule."""
    if report or certificate:
        return _NOT_OF_REPORTS, "on_report" if report else "on_certificate"
    if event:
        return _NOT_OF_EVENTS, "on_event"
    return ((), "") if watches else (_NOT_OF_GROUPS, "when_faults")


def _tests(f: y.Fields, rule: Rule, node: y.Node | None, covered: tuple[Kind, ...]) -> tuple[RuleTest, ...]:
    if node is None or (isinstance(node, y.Sequence) and not node.items):
        line, lacking = (0, "is missing") if node is None else (node.line, "is empty")
        f.paper.wrong(line, "tests", f"{lacking}; show that the rule raises, stays quiet just below, holds through a gap and clears")
    if f.paper.problems or not covered:
        return ()
    return read_tests(node, rule, covered, f.paper)


def _expression(f: y.Fields, key: str, *, needed: bool) -> tuple[Tree | None, str]:
    node = f.child(key)
    if node is None:
        if needed:
            f.wrong(key, "is missing; write the condition that is the fault")
        return None, ""
    try:
        text = y.text(node)
    except y.Wrong as error:
        f.wrong(key, str(error))
        return None, ""
    try:
        return parse(text), text
    except ExpressionError as error:
        f.wrong(key, place(text, error))
        return None, text


def _length(f: y.Fields, key: str) -> float | str:
    """A length of time, or the name of a parameter that is one."""
    node = f.child(key)
    if node is None:
        return 0.0
    try:
        if isinstance(node, y.Scalar) and isinstance(node.value, str) and y.is_snake(node.value):
            return node.value
        length = y.duration(node)
        if length > LONGEST_FOR_S:
            raise y.Wrong(f"is longer than {LONGEST_FOR_S / 86_400:g}d")
        return length
    except y.Wrong as error:
        f.wrong(key, str(error))
        return 0.0


def _parameters(f: y.Fields) -> Mapping[str, Parameter]:
    entries = y.mapping(f.child("parameters"), "parameters", f.paper).items.items()
    return {name: _parameter(name, y.Fields(node, f"parameters.{name}", f.paper)) for name, node in entries}


def _parameter(name: str, f: y.Fields) -> Parameter:
    if not y.is_snake(name) or name in WORDS:
        f.paper.wrong(f.node.line, f.where, f"{name!r} cannot name a parameter; use snake_case and none of the language's own words")
    unit = f.may("unit", y.unit_name, "s" if _is_length(f.node.items) else "")
    value = f.opt("value", _quantity(unit))
    low, high = f.need("range", _range(unit)) or (-LARGEST_NUMBER, LARGEST_NUMBER)
    source = f.need("source", y.text) or ""
    f.done()
    if value is not None and not low <= value <= high:
        f.wrong("value", f"{value:g} is outside its own range [{low:g}, {high:g}]")
    return Parameter(name, value, unit, (low, high), source)


def _is_length(items: Mapping[str, y.Node]) -> bool:
    """`{value: 12s, range: [5s, 30s]}` needs no unit."""
    limits = items.get("range")
    node = items.get("value") or (limits.items[0] if isinstance(limits, y.Sequence) and limits.items else None)
    if not isinstance(node, y.Scalar) or not isinstance(node.value, str):
        return False
    try:
        units.duration_s(node.value)
    except ValueError:
        return False
    return True


def names(node: y.Node) -> tuple[str, ...]:
    """One name or a list of them."""
    items = node.items if isinstance(node, y.Sequence) else (node,)
    return tuple(dict.fromkeys(y.snake(item) for item in items))


def _needs(node: y.Node) -> tuple[tuple[str, ...], ...]:
    """A list of points; `a | b` where one of them is enough."""
    if not isinstance(node, y.Sequence):
        raise y.Wrong(f"must be a list of points, not {y.described(node)}", node)
    found = []
    for item in node.items:
        entry = tuple(part.strip() for part in y.text(item).split("|"))
        if wrong := [name for name in entry if not y.is_snake(name)]:
            raise y.Wrong(f"{wrong[0]!r} is no point name", item)
        found.append(entry)
    return tuple(found)


def _parents(node: y.Node) -> tuple[Parent, ...]:
    """`rule`: of the same machine; `rule@fed_by`: of one that feeds it."""
    found = []
    for item in node.items if isinstance(node, y.Sequence) else (node,):
        word = y.text(item)
        name, at, where = word.partition("@")
        if not y.is_snake(name) or (at and where != "fed_by"):
            said = "write power_lost, or power_lost@fed_by for one of a machine that feeds this one"
            raise y.Wrong(f"{word!r} is no rule; {said}", item)
        found.append(Parent(name, bool(at)))
    return tuple(dict.fromkeys(found))


def _among(f: y.Fields) -> Among:
    rule, item = f.opt("rule", y.snake), f.opt("disables", y.snake)
    if (rule is None) == (item is None):
        f.paper.wrong(f.node.line, f.where, "names a rule, or what its members' faults disable: {rule: device_offline, share: 80 %}")
    share = f.may("share", _share, 0.0)
    least = f.may("least", y.integer(1, 10_000), 2)
    during = f.opt("during", y.one_of(FACTS, "a fact of the site"))
    f.done()
    return Among(rule, item, share, least, during)


def _share(node: y.Node) -> float:
    """`80 %` or 80."""
    try:
        share = float(y.text(node).removesuffix("%"))
    except ValueError:
        raise y.Wrong(f"{y.text(node)!r} is no share; write 80 %", node) from None
    if not 0.0 < share <= 100.0:
        raise y.Wrong("is outside 0 % .. 100 % of the members", node)
    return share / 100.0


def _on_missing(node: y.Node) -> str:
    if y.text(node) == "clear":
        raise y.Wrong("`clear` does not exist: lost data never ends a fault; write hold or raise", node)
    return y.one_of(OnMissing, "a way to treat missing data")(node)


def _severity(node: y.Node) -> Mapping[str, Severity]:
    read = y.one_of(Severity, "a severity")
    if isinstance(node, y.Map):
        return {kind: Severity(read(item)) for kind, item in node.items.items()}
    return {ANY: Severity(read(node))}


def _quantity(unit: str) -> Callable[[y.Node], float]:
    def read(node: y.Node) -> float:
        if not isinstance(node, y.Scalar) or node.value is None:
            raise y.Wrong(f"must be a number, not {y.described(node)}", node)
        try:
            return quantity(node.value, unit)
        except ValueError as error:
            raise y.Wrong(str(error), node) from error

    return read


def _range(unit: str) -> Callable[[y.Node], tuple[float, float]]:
    def read(node: y.Node) -> tuple[float, float]:
        if not isinstance(node, y.Sequence) or len(node.items) != 2:
            raise y.Wrong(f"must be [lowest, highest] a site may set, not {y.described(node)}", node)
        low, high = (_quantity(unit)(item) for item in node.items)
        if low > high:
            raise y.Wrong("runs backwards; write the lower one first", node)
        return low, high

    return read
