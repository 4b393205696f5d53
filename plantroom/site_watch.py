"""`watch:` of a site file -> Watch, and whether its hook can be run here. docs/watch.md has the keys."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.errors import Problem
from plantroom.site import Site
from plantroom.watch import FORMS, Watch, Watcher

LONGEST_EVERY_S = 20.0  # a watcher tells people after 70 s: it must have missed three
LEAST_STALE = 1.25  # times the time between two looks: what moves at every look must never look still


def watch(f: y.Fields) -> Watch:
    nodes = y.entries(f.child("to"), f.path("to"), f.paper)
    told = [_watcher(y.Fields(node, f"{f.path('to')}[{n}]", f.paper)) for n, node in enumerate(nodes)]
    plain = Watch()
    made = Watch(
        tuple(filter(None, told)),
        f.may("every", within(0.2, LONGEST_EVERY_S), plain.every_s),
        f.may("stale_after", within(1, 600), plain.stale_s),
        f.may("pages_after", within(1, 600), plain.pages_s),
        f.may("outside_after", within(1, 3600), plain.outside_s),
        f.opt("hook", _program),
        f.line("hook"),
    )
    f.done()
    if made.stale_s < LEAST_STALE * made.every_s:
        f.wrong("stale_after", f"must be at least {LEAST_STALE} times `every`: what moves at every look would seem to stand still")
    if not nodes and made.hook is None:
        f.paper.wrong(f.node.line, f.where, "tells nobody: name a watcher under `to`, a `hook`, or both")
    return made


def findings(site: Site) -> list[Problem]:
    """Whether the hook can be run here. Never stops a start: a file may be checked elsewhere, and an unwatched building is worse."""
    hook = site.watch.hook if site.watch is not None else None
    if site.watch is None or hook is None or (Path(hook).is_file() and os.access(hook, os.X_OK)):
        return []
    said = f"{hook} is no program that can be run on this machine: put it there, executable (chmod +x)"
    return [Problem(site.root, site.watch.line, "watch.hook", said)]


def _watcher(f: y.Fields) -> Watcher | None:
    where, form = f.need("url", parts.url), f.may("form", y.one_of(FORMS, "a form of heartbeat"), FORMS[0])
    secret, ca = f.opt("secret", y.text), f.opt("ca", parts.pem_file)
    if form == "plantroom" and "secret" not in f.node.items:
        f.wrong("secret", "is missing: `plantroom watch` believes no heartbeat that is not signed; write ${NAME} or file:/path")
    if form == "ping" and "secret" in f.node.items:
        f.wrong("secret", "belongs to the form `plantroom`; a ping's secret is its address")
    f.done()
    return None if where is None else Watcher(where, form, secret, ca)


def within(low: float, high: float) -> Callable[[y.Node], float]:
    """Reads a length of time between two bounds, in seconds."""

    def read(node: y.Node) -> float:
        seconds = y.duration(node)
        if not low <= seconds <= high:
            raise y.Wrong(f"must be {low:g} to {high:g} s", node)
        return seconds

    return read


def _program(node: y.Node) -> str:
    """An absolute path: it is run by the supervisor, from its own folder, and never through a shell."""
    path = y.text(node)
    if not path.startswith("/"):
        raise y.Wrong(f"{path!r} must be the whole path of a program, such as /usr/local/bin/siren; it is run with on|off and why", node)
    return path
