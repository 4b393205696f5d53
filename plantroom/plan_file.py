"""Plan text (YAML) -> Plan. Every problem of a file is listed in one pass with its line. docs/plan.md is the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from plantroom import yaml_file as y
from plantroom.errors import BadInput, Problem
from plantroom.model import Severity
from plantroom.plan import PREFIX, CheckItem, Entry, ItemType, Performer, Plan
from plantroom.recurrence import Dates
from plantroom.recurrence_file import read_recurrence

EVIDENCE = ("report", "photo", "attendance", "coverage", "certificate")
SOURCES = ("O", "L", "P")
LONGEST_SUPPRESSED_S = 12 * 3600
MOST_ITEMS = 80


@lru_cache(maxsize=256)
def parse_plan(text: str, file: str) -> Plan:
    """The templates a text describes; `file` is what problems name. Raises BadInput with every problem found."""
    paper = y.Paper(file)
    node = y.parse(text, paper)
    if node is None and not paper.problems:
        paper.wrong(0, "", "is empty; a plan file starts with kind, entries")
    plan = _plan(y.Fields(node, "", paper), text) if node is not None else None
    if paper.problems or plan is None:
        raise BadInput(paper.problems)
    return plan


def plans_in(files: Mapping[str, str]) -> Mapping[str, Plan]:
    """By kind, among the texts of a config record. Raises BadInput with every problem of every file."""
    found: dict[str, Plan] = {}
    problems: list[Problem] = []
    for file in sorted(file for file in files if file.startswith(PREFIX)):
        try:
            plan = parse_plan(files[file], file)
        except BadInput as error:
            problems += error.problems
            continue
        found[plan.kind] = plan
    if problems:
        raise BadInput(problems)
    return found


def _plan(f: y.Fields, text: str) -> Plan:
    kind = f.need("kind", y.snake) or ""
    if f.paper.file.startswith(PREFIX) and f.paper.file != f"{PREFIX}{kind}.yaml":
        f.wrong("kind", f"is {kind!r}, but the file is {f.paper.file}; name the file after its kind")
    entries: dict[str, Entry] = {}
    for name, node in y.mapping(f.child("entries"), "entries", f.paper).items.items():
        entry = _entry(name, y.Fields(node, f"entries.{name}", f.paper))
        if entry is not None:
            entries[name] = entry
    f.done()
    for entry in entries.values():
        for other in entry.satisfies:
            where = f"entries.{entry.id}.satisfies"
            if other not in entries or other == entry.id:
                f.paper.wrong(f.line("entries"), where, f"{other!r} is no other entry of this plan{y.nearest(other, entries)}")
    if not entries and not f.paper.problems:
        f.wrong("entries", "is missing; write what has to be done, and how often")
    return Plan(kind, entries, f.paper.file, text)


def _entry(name: str, f: y.Fields) -> Entry | None:
    if not y.is_snake(name):
        f.paper.wrong(f.node.line, f.where, f"{name!r} is no name; use snake_case")
    rule = read_recurrence(f)
    role = f.need("role", y.one_of(Performer, "who can do it"))
    items = {
        key: item
        for key, node in y.mapping(f.child("items"), f.path("items"), f.paper).items.items()
        if (item := _item(key, node, f"{f.path('items')}.{key}", f.paper)) is not None
    }
    says, clause = f.need("says", y.says), f.need("clause", y.text)
    src, source = f.need("src", y.one_of(SOURCES, "O, L or P")), f.need("source", y.text)
    evidence = tuple(f.opt("evidence", _list(y.one_of(EVIDENCE, "a sort of evidence"))) or ())
    walk = f.opt("round", y.snake)
    suppresses = tuple(f.opt("suppresses", _list(y.snake)) or ())
    suppress_s = round(f.may("suppress_for", y.duration, 4 * 3600.0))
    made = Entry(
        name, says or {}, rule, Performer(role), clause or "", src or "P", source or "", items, f.opt("tier", y.integer(1, 3)),
        f.opt("practice", y.one_of(("gb", "nfpa"), "a practice")), evidence, walk, tuple(f.opt("satisfies", _list(y.snake)) or ()),
        suppresses, suppress_s, f.may("once", y.flag, False),
    ) if rule is not None and role is not None else None  # fmt: skip
    f.done()
    if not items and not f.paper.problems:
        f.wrong("items", "is missing; write what is looked at")
    if len(items) > MOST_ITEMS:
        f.wrong("items", f"has {len(items)} items; one form has at most {MOST_ITEMS}")
    if walk is not None and rule is not None and (rule.dates is Dates.FLOATING or role != Performer.ENGINEER):
        f.wrong("round", "is a walk of our own people with fixed dates")
    if not 60 <= suppress_s <= LONGEST_SUPPRESSED_S:
        f.wrong("suppress_for", f"is outside 1m..{LONGEST_SUPPRESSED_S // 3600}h")
    if "suppress_for" in f.node.items and not suppresses:
        f.wrong("suppress_for", "has no meaning without suppresses")
    return made


def _item(key: str, node: y.Node, where: str, paper: y.Paper) -> CheckItem | None:
    """`{zh: ..., en: ...}` is one to be found in order; the others say their type."""
    f = y.Fields(node, where, paper)
    if not y.is_snake(key):
        paper.wrong(node.line, where, f"{key!r} is no name; use snake_case")
    zh, en = f.need("zh", y.text), f.need("en", y.text)
    kind = ItemType(f.opt("type", y.one_of(ItemType, "a type of check item")) or ItemType.OK)
    unit, limits = f.may("unit", y.unit_name, ""), f.opt("limits", _limits) or (None, None)
    choices = {
        word: says for word, says in ((w, _says(n, f, w)) for w, n in y.mapping(f.child("choices"), f.path("choices"), paper).items.items())
    }
    bad = frozenset(f.opt("bad", _list(y.snake)) or ())
    photo = f.may("photo", y.flag, False)
    severity = Severity(f.opt("severity", y.one_of(Severity, "a severity")) or Severity.NORMAL)
    point, within = f.opt("point", y.snake), f.may("within", y.number, 0.0)
    f.done()
    number = kind is ItemType.NUMBER
    for name, given in (("limits", limits != (None, None)), ("point", point is not None), ("unit", bool(unit))):
        if given and not number:
            f.wrong(name, "belongs to a number; write type: number")
    if (kind is ItemType.CHOICE) != bool(choices):
        f.wrong("choices", "and type: choice belong together")
    if unknown := sorted(bad - choices.keys()):
        f.wrong("bad", f"{unknown[0]!r} is none of the choices{y.nearest(unknown[0], choices)}")
    if (point is None) != (within == 0.0):
        f.wrong("within", "and point belong together: how far a typed value may be from the measured one")
    if zh is None or en is None:
        return None
    return CheckItem(key, {"zh": zh, "en": en}, kind, unit, limits, choices, bad, photo, severity, point, within)


def _says(node: y.Node, f: y.Fields, word: str) -> Mapping[str, str]:
    try:
        return y.says(node)
    except y.Wrong as error:
        f.paper.wrong(node.line, f"{f.path('choices')}.{word}", str(error))
        return {"zh": "", "en": ""}


def _limits(node: y.Node) -> tuple[float | None, float | None]:
    """[low, high]; ~ where an end is open."""
    if not isinstance(node, y.Sequence) or len(node.items) != 2:
        raise y.Wrong("must be [lowest, highest], with ~ where an end is open", node)
    low, high = (None if isinstance(item, y.Scalar) and item.value is None else y.number(item) for item in node.items)
    if low is None and high is None:
        raise y.Wrong("has no end at all; leave it out", node)
    if low is not None and high is not None and low > high:
        raise y.Wrong("runs backwards; write the lower one first", node)
    return low, high


def _list(read: Callable[[y.Node], str]) -> Callable[[y.Node], list[str]]:
    def each(node: y.Node) -> list[str]:
        if not isinstance(node, y.Sequence):
            raise y.Wrong(f"must be a list, not {y.described(node)}", node)
        return list(dict.fromkeys(read(item) for item in node.items))

    return each
