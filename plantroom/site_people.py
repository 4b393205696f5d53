"""`people:` of a site file -> Person by id.

    people:
      - id: li.wei
        name: 李伟
        roles: [technician]
        contacts: {duty-wecom: liwei, sms: "${LI_WEI_PHONE:-}"}
        certificates: [{name: 消防设施操作员(中级), kinds: [fire_pump], until: 2027-06-30}]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from typing import TypeVar

from plantroom import yaml_file as y
from plantroom.people import ROLES, Certificate, Person

T = TypeVar("T")
IsKind = Callable[[str, int, str], object]  # (name, line, where): falsy with a problem on the paper where it is none
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_YEARS = range(2000, 2200)


def read_people(entries: Iterable[tuple[y.Fields, bool]], channels: Collection[str], is_kind: IsKind) -> dict[str, Person]:
    """entries: each person's mapping, and whether the id stood before."""
    people: dict[str, Person] = {}
    for entry, again in entries:
        person = _person(entry, channels, is_kind)
        if person is not None and not again:
            people[person.id] = person
    return people


def _person(f: y.Fields, channels: Collection[str], is_kind: IsKind) -> Person | None:
    ident = f.need("id", person_id)
    name = f.may("name", y.text, ident or "")
    roles = frozenset(each(f, "roles", y.one_of(ROLES, "a role")))
    contacts = _contacts(y.mapping(f.child("contacts"), f.path("contacts"), f.paper), f, channels)
    nodes = y.entries(f.child("certificates"), f.path("certificates"), f.paper)
    held = [_certificate(y.Fields(node, f"{f.path('certificates')}[{n}]", f.paper), is_kind) for n, node in enumerate(nodes)]
    language = f.opt("language", y.one_of(("zh", "en"), "a language"))
    firm = f.may("firm", y.text, "")
    f.done()
    return None if ident is None else Person(ident, name, roles, contacts, tuple(filter(None, held)), language, firm)


def person_id(node: y.Node) -> str:
    word = y.text(node)
    if not _ID.fullmatch(word):
        raise y.Wrong(f"{word!r} is no id of a person; use letters, digits, '.', - and _, at most 63", node)
    return word


def _contacts(node: y.Map, f: y.Fields, channels: Collection[str]) -> Mapping[str, str]:
    """One whose reference is empty is left out: not every machine knows everybody's number."""
    found: dict[str, str] = {}
    for name, item in node.items.items():
        where = f"{f.path('contacts')}.{name}"
        if name not in channels:
            f.paper.wrong(node.lines[name], where, f"{name!r} is no channel{y.nearest(name, channels)}")
        if isinstance(item, y.Scalar) and item.value in (None, ""):
            continue
        try:
            found[name] = y.text(item)
        except y.Wrong as error:
            f.paper.wrong(item.line, where, str(error))
    return found


def _certificate(f: y.Fields, is_kind: IsKind) -> Certificate | None:
    name, until = f.need("name", y.text), f.need("until", day)
    kinds = each(f, "kinds", y.text)
    known = [kind for kind in kinds if is_kind(kind, f.line("kinds"), f.path("kinds"))]
    f.done()
    return None if name is None or until is None else Certificate(name, frozenset(known), until)


def each(f: y.Fields, key: str, read: Callable[[y.Node], T]) -> list[T]:
    """What the items of a list say, or of one item without the brackets; those that are wrong are on the paper."""
    node = f.child(key)
    found: list[T] = []
    for item in node.items if isinstance(node, y.Sequence) else () if node is None else (node,):
        try:
            found.append(read(item))
        except y.Wrong as error:
            f.paper.wrong(item.line, f.path(key), str(error))
    return found


def day(node: y.Node) -> date:
    word = y.text(node)
    try:
        found = date.fromisoformat(word)
    except ValueError:
        raise y.Wrong(f"{word!r} is no date; write 2027-06-30", node) from None
    if found.year not in _YEARS:
        raise y.Wrong(f"{word!r} is outside {_YEARS.start}..{_YEARS.stop - 1}", node)
    return found
