"""Options of a profile: what an installer sets on the device itself (a switch, a parameter) and the bus cannot tell.

A device is named with the options it has: `intesis-inmbs+x10+fahrenheit`. Each says only what differs from the file, key by key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from plantroom import yaml_file as y

SECTIONS = ("source", "bus", "parts", "groups", "points", "extra")  # what an option may change
_FILE = re.compile(r"(.*\.ya?ml)(.*)")


def split_name(name: str) -> tuple[str, tuple[str, ...]]:
    """(profile or its file, options). A + in a path before its .yaml belongs to the path."""
    file = _FILE.fullmatch(name)
    head, *options = (file[2] if file else name).split("+")
    return (file[1] if file else "") + head, tuple(options)


def with_options(node: y.Map, options: Sequence[str], paper: y.Paper) -> y.Map:
    """The file as it stands for a device with these options, in the order given; `options` itself is gone from it."""
    known = y.mapping(node.items.get("options"), "options", paper)
    plain = y.Map(node.line, {key: item for key, item in node.items.items() if key != "options"}, node.lines)
    for name in options:
        line = node.lines.get("options", node.line)
        if name not in known.items:
            paper.wrong(line, "options", f"has no option {name!r}{y.nearest(name, known.items)}")
            continue
        change = y.mapping(known.items[name], f"options.{name}", paper)
        for key in change.items:
            if key not in SECTIONS:
                paper.wrong(change.lines.get(key, line), f"options.{name}.{key}", f"is nothing an option changes{y.nearest(key, SECTIONS)}")
        plain = _merged(plain, change)
    return plain


def _merged(base: y.Map, change: y.Map) -> y.Map:
    """Mappings key by key, anything else replaced; a key that stays keeps its line."""
    items, lines = dict(base.items), dict(base.lines)
    for key, item in change.items.items():
        old = items.get(key)
        items[key] = _merged(old, item) if isinstance(old, y.Map) and isinstance(item, y.Map) else item
        lines[key] = change.lines.get(key, item.line)
    return y.Map(base.line, items, lines)
