"""The file of `plantroom watch` (YAML) -> Watched, with every problem of the whole file in one pass. docs/watch.md has the keys."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from plantroom import site_channels
from plantroom import site_parts as parts
from plantroom import yaml_file as y
from plantroom.errors import BadInput
from plantroom.references import resolved
from plantroom.site import Channel
from plantroom.site_channels import TYPES, Reach
from plantroom.site_watch import within
from rules.watch.letters import Address
from rules.watch.watching import Limits

LISTEN = "127.0.0.1:8620"


@dataclass(frozen=True, slots=True)
class Installation:
    """id: the site's. secret: under which its heartbeats are signed."""

    id: str
    name: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Watched:
    """cert, key: PEM files, both or none. public_url: what stands before the link that takes an alarm over; None = no such link."""

    zone: ZoneInfo
    language: str
    listen: str
    public_url: str | None
    cert: str | None
    key: str | None
    limits: Limits
    channels: Mapping[str, Channel]
    tell: tuple[Address, ...]
    installations: Mapping[str, Installation]


def load_watch(path: Path, env: Mapping[str, str] | None = None) -> Watched:
    """Raises BadInput with every problem found. env: what ${NAME} means; the process's environment by default."""
    paper = y.Paper(str(path))
    node = y.parse(y.read_text(path), paper)
    if not isinstance(node, y.Map):
        paper.wrong(0, "", "must be a mapping with watch, channels, tell and installations (docs/watch.md)")
        raise BadInput(paper.problems)
    resolved_node = resolved(node, "", paper, os.environ if env is None else env, strict=True)
    made = _watched(y.Fields(resolved_node, "", paper))
    if paper.problems:
        raise BadInput(paper.problems)
    return made


def _watched(f: y.Fields) -> Watched:
    head = y.Fields(f.child("watch") or y.Map(f.node.line, {}, {}), "watch", f.paper)
    zone, language = head.may("zone", parts.zone, "UTC"), head.may("language", y.one_of(("zh", "en"), "a language"), "zh")
    listen, public_url = head.may("listen", parts.listen, LISTEN), head.opt("public_url", parts.url)
    cert, key = head.opt("cert", parts.pem_file), head.opt("key", parts.pem_file)
    if (cert is None) != (key is None):
        head.wrong("cert", "and key belong together")
    head.done()
    limits_node = f.child("limits")
    limits = _limits(y.Fields(limits_node, "limits", f.paper)) if limits_node is not None else Limits()
    channels: dict[str, Channel] = {}
    for entry in _entries(f, "channels"):
        channel = site_channels.channel(entry, {})
        if channel is not None and channels.setdefault(channel.id, channel) is not channel:
            entry.wrong("id", f"the id {channel.id!r} is taken")
    tell = tuple(filter(None, (_address(entry, channels) for entry in _entries(f, "tell"))))
    installations: dict[str, Installation] = {}
    for entry in _entries(f, "installations"):
        made = _installation(entry)
        if made is not None and installations.setdefault(made.id, made) is not made:
            entry.wrong("id", f"the id {made.id!r} is taken")
    f.done()
    for key_name, there in (("channels", channels), ("tell", tell), ("installations", installations)):
        if not there and not f.paper.problems:
            f.paper.wrong(f.node.line, key_name, "is empty: a watcher that watches nobody, or tells nobody, is none")
    return Watched(ZoneInfo(zone), language, listen, public_url, cert, key, limits, channels, tell, installations)


def _entries(f: y.Fields, key: str) -> Sequence[y.Fields]:
    return [y.Fields(node, f"{key}[{n}]", f.paper) for n, node in enumerate(y.entries(f.child(key), key, f.paper))]


def _limits(f: y.Fields) -> Limits:
    plain = Limits()
    made = Limits(
        f.may("late", within(1, 3600), plain.late_s), f.may("again", within(1, 3600), plain.again_s),
        f.may("fresh", within(1, 600), plain.fresh_s), f.may("held", within(60, 72 * 3600), plain.held_s),
    )  # fmt: skip
    f.done()
    return made


def _address(f: y.Fields, channels: Mapping[str, Channel]) -> Address | None:
    name, to = f.need("channel", y.text), f.opt("to", y.text)
    f.done()
    if name is None:
        return None
    if name not in channels:
        f.wrong("channel", f"{name!r} is no channel{y.nearest(name, channels)}")
        return None
    reach = TYPES[channels[name].type].reach
    if reach is Reach.PERSON and to is None:
        f.wrong("to", f"is missing: {name} reaches one person at an address")
    if reach is Reach.GROUP and to is not None:
        f.wrong("to", f"belongs to no channel of type {channels[name].type}: it tells a group")
    return Address(name, to)


def _installation(f: y.Fields) -> Installation | None:
    ident, secret = f.need("id", y.identifier), f.need("secret", y.text)
    name = f.may("name", y.text, ident or "")
    f.done()
    return Installation(ident, name, secret) if ident is not None and secret is not None else None
