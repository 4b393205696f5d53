"""`each:` in a site file: one template entry -> many.

    - {each: 1..24, id: "lift-{n}", name: "{n}号客梯", unit: "{n}"}
    - {each: [{n: 1, io: io-1, first: di_1}, {n: 2, io: io-1, first: di_9}], id: "lift-{n}", ...}

`{n}` and `{n:02}` (two digits) stand in texts and keys; a text that is a single placeholder takes the value's own type.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from plantroom import yaml_file as y

MOST = 10_000
_RANGE = re.compile(r"(\d{1,6})\.\.(\d{1,6})")
_PLACE = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)(?::0(\d))?\}")
Row = Mapping[str, y.Scalar]


def expanded(items: list[y.Node], where: str, paper: y.Paper) -> list[y.Node]:
    """The entries with every template written out, in order."""
    out: list[y.Node] = []
    for index, item in enumerate(items):
        if not isinstance(item, y.Map) or "each" not in item.items:
            out.append(item)
            continue
        place = f"{where}[{index}]"
        template = y.Map(item.line, {k: v for k, v in item.items.items() if k != "each"}, item.lines)
        for row in _rows(item.items["each"], f"{place}.each", paper):
            out.append(_filled(template, row, place, paper))
    return out


def _rows(node: y.Node, where: str, paper: y.Paper) -> list[Row]:
    if isinstance(node, y.Scalar) and isinstance(node.value, str) and (match := _RANGE.fullmatch(node.value)):
        first, last = int(match.group(1)), int(match.group(2))
        if first > last or last - first >= MOST:
            paper.wrong(node.line, where, f"{node.value} must rise and hold at most {MOST:,} numbers")
            return []
        return [{"n": y.Scalar(node.line, number)} for number in range(first, last + 1)]
    if not isinstance(node, y.Sequence) or not node.items:
        paper.wrong(node.line, where, f"must be 1..24 or a list of {{name: value}} rows, not {y.described(node)}")
        return []
    rows: list[Row] = []
    names: set[str] = set()
    for item in node.items[:MOST]:
        if not isinstance(item, y.Map) or not all(isinstance(value, y.Scalar) for value in item.items.values()):
            paper.wrong(item.line, where, f"each row must be {{name: value, ...}} with plain values, not {y.described(item)}")
            continue
        row = {key: value for key, value in item.items.items() if isinstance(value, y.Scalar)}
        if names and set(row) != names:
            mine, wanted = ", ".join(sorted(row)), ", ".join(sorted(names))
            paper.wrong(item.line, where, f"this row has {mine}; the first one has {wanted}: give all rows the same names")
            continue
        names = set(row)
        rows.append(row)
    return rows


def _filled(node: y.Node, row: Row, where: str, paper: y.Paper) -> y.Node:
    if isinstance(node, y.Scalar):
        return _scalar(node, row, where, paper)
    if isinstance(node, y.Sequence):
        return y.Sequence(node.line, tuple(_filled(item, row, where, paper) for item in node.items))
    items: dict[str, y.Node] = {}
    lines: dict[str, int] = {}
    for key, item in node.items.items():  # keys too: take: {"{ai}": ...}
        name = _text(key, row, node.lines.get(key, node.line), f"{where}.{key}", paper)
        items[name] = _filled(item, row, f"{where}.{key}", paper)
        lines[name] = node.lines.get(key, node.line)
    return y.Map(node.line, items, lines)


def _scalar(node: y.Scalar, row: Row, where: str, paper: y.Paper) -> y.Scalar:
    if not isinstance(node.value, str) or "{" not in node.value:
        return node
    match = _PLACE.fullmatch(node.value)
    if match and match.group(1) in row and not match.group(2):
        return replace(row[match.group(1)], line=node.line)
    bad = any(match.group(1) not in row for match in _PLACE.finditer(node.value))
    return y.Scalar(node.line, _text(node.value, row, node.line, where, paper), node.quoted, bad=bad)


def _text(text: str, row: Row, line: int, where: str, paper: y.Paper) -> str:
    def one(match: re.Match[str]) -> str:
        name, digits = match.groups()
        if name not in row:
            paper.wrong(line, where, f"{{{name}}} is not in each{y.nearest(name, row)}")
            return ""
        value = row[name].value
        if digits and isinstance(value, int):
            return str(value).zfill(int(digits))
        return "" if value is None else y.text(row[name])

    return _PLACE.sub(one, text)
