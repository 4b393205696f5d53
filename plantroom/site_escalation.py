"""`escalation:` of a site file -> Chain by severity; what it does not say is the default."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import pairwise

from plantroom import yaml_file as y
from plantroom.escalation import EVERYONE, HEADS, PAGED, WITHIN_S, Chain, Major, Step, defaults
from plantroom.model import Severity
from plantroom.night import Night
from plantroom.roster import Roster
from plantroom.site import TEST_MINUTE, Channel
from plantroom.site_people import each
from plantroom.site_roster import hours

NEVER = -1
LONGEST_S = 7 * 86_400.0
SHORTEST_REPEAT_S = 30.0
_TIME = re.compile(r"([0-2]\d):([0-5]\d)")


def read_chains(
    node: y.Node | None, paper: y.Paper, channels: Mapping[str, Channel], roster: Roster
) -> tuple[dict[Severity, Chain], Night, int | None, Major | None]:
    chains = defaults(tuple(roster.teams), {channel.id: channel.type for channel in channels.values()})
    if node is None:
        return chains, Night(), TEST_MINUTE, None
    f = y.Fields(node, "escalation", paper)
    names = (EVERYONE, *roster.teams, *roster.people, *channels)
    for severity in PAGED:
        if (inner := f.child(severity.value)) is not None:
            chains[severity] = _chain(y.Fields(inner, f.path(severity.value), paper), names, channels, chains[severity])
    if Severity.ADVISORY.value in f.node.items:
        f.wrong(Severity.ADVISORY.value, "pages nobody: it is an order for the next working day")
    night = f.opt("night", hours)
    test = f.may("test", _test, TEST_MINUTE)
    inner = f.child("major")
    major = _major(y.Fields(inner, f.path("major"), paper), (*roster.teams, *roster.people)) if inner is not None else None
    f.done((Severity.ADVISORY.value,))
    return chains, Night() if night is None else Night(*night), None if test == NEVER else test, major


def check_names(roster: Roster, channels: Collection[str], lines: Mapping[str, int], paper: y.Paper) -> None:
    """A step names teams, people and channels alike: no two may share an id."""
    others: tuple[tuple[str, Collection[str]], ...] = (("a channel", channels), ("a word of escalation", (EVERYONE,)))
    for team in roster.teams:
        where = f"roster.teams.{team}"
        for what, taken in (("a person", roster.people), *others):
            if team in taken:
                paper.wrong(lines.get(where, 0), where, f"{team!r} is {what} already; escalation names teams, people and channels alike")
    for person in roster.people:
        where = f"people.{person}"
        for what, taken in others:
            if person in taken:
                paper.wrong(lines.get(where, 0), where, f"{person!r} is {what} already; escalation names teams, people and channels alike")


def _major(f: y.Fields, names: Collection[str]) -> Major:
    """heads: a team or a person for each department; manager: one for whom a missing head is a matter."""
    node = f.child("heads")
    inner = y.Fields(node, f.path("heads"), f.paper) if node is not None else None
    heads = {head: name for head in HEADS if inner is not None and (name := _who(inner, head, names)) is not None}
    if inner is not None:
        inner.done()
    if not heads:
        f.paper.wrong(f.node.line, f.where, f"names no head; write heads: {{{', '.join(f'{head}: TEAM' for head in HEADS)}}}")
    manager, within = _who(f, "manager", names), f.may("within", _within, WITHIN_S)
    f.done()
    return Major(heads, manager, within)


def _who(f: y.Fields, key: str, names: Collection[str]) -> str | None:
    name = f.opt(key, y.text)
    if name is not None and name not in names:
        f.wrong(key, f"{name!r} is no team or person{y.nearest(name, names)}")
        return None
    return name


def _within(node: y.Node) -> float:
    length = y.duration(node)
    if not 60.0 <= length <= 86_400.0:
        raise y.Wrong("is outside 1m..1d", node)
    return length


def _chain(f: y.Fields, names: Collection[str], channels: Collection[str], default: Chain) -> Chain:
    nodes = y.entries(f.child("steps"), f.path("steps"), f.paper)
    steps = [_step(y.Fields(node, f"{f.path('steps')}[{n}]", f.paper), names, channels) for n, node in enumerate(nodes)]
    times = [(step.after_s, node.line) for step, node in zip(steps, nodes, strict=True) if step is not None]
    for (before, _), (after, line) in pairwise(times):
        if after <= before:
            f.paper.wrong(line, f.path("steps"), f"{after:g}s follows {before:g}s; order the steps by time")
    repeat = f.may("repeat", _repeat, default.repeat_s)
    if "steps" in f.node.items and not nodes:
        f.wrong("steps", "are none: then nobody is told")
    f.done()
    return Chain(tuple(filter(None, steps)) or default.steps, repeat)


def _step(f: y.Fields, names: Collection[str], channels: Collection[str]) -> Step | None:
    after = f.need("after", _after)
    tell, by = each(f, "tell", y.text), each(f, "by", y.text)
    for key, given, known, what in (("tell", tell, names, "no team, person or channel"), ("by", by, channels, "no channel")):
        for name in given:
            if name not in known:
                f.wrong(key, f"{name!r} is {what}{y.nearest(name, known)}")
    if not tell:
        f.wrong("tell", "names nobody")
    if "by" in f.node.items and not by:
        f.wrong("by", "names no channel; leave it out, and all are used")
    f.done()
    return None if after is None else Step(after, tuple(dict.fromkeys(tell)), frozenset(by) if by else None)


def _test(node: y.Node) -> int:
    """The minute of the local day at which everybody has a test page."""
    word = y.text(node)
    match = _TIME.fullmatch(word)
    if word == "never":
        return NEVER
    if match is None or int(match[1]) > 23:
        raise y.Wrong(f"{word!r} is no time of the day; write \"10:00\", or never", node)
    return int(match[1]) * 60 + int(match[2])


def _after(node: y.Node) -> float:
    length = y.duration(node)
    if not 0.0 <= length <= LONGEST_S:
        raise y.Wrong(f"is outside 0s..{LONGEST_S / 86_400:g}d", node)
    return length


def _repeat(node: y.Node) -> float:
    length = y.duration(node)
    if not SHORTEST_REPEAT_S <= length <= LONGEST_S:
        raise y.Wrong(f"is outside {SHORTEST_REPEAT_S:g}s..{LONGEST_S / 86_400:g}d", node)
    return length
