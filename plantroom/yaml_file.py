"""Typed reading of YAML nodes: every key asked for once, every problem of a file in one pass, with line, path and remedy.

The nodes and the parser stand in yaml_tree.py and are offered here too: `from plantroom import yaml_file as y`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from plantroom.units import UNITS, duration_s, known
from plantroom.yaml_tree import MOST_BYTES, Map, Node, Paper, Plain, Scalar, Sequence, Wrong, parse, plain, plain_value, read_text

__all__ = [
    "MOST_BYTES",
    "Fields",
    "Map",
    "Node",
    "Paper",
    "Plain",
    "Scalar",
    "Sequence",
    "Wrong",
    "described",
    "duration",
    "entries",
    "flag",
    "identifier",
    "integer",
    "is_snake",
    "mapping",
    "nearest",
    "number",
    "one_of",
    "pair",
    "parse",
    "plain",
    "plain_value",
    "read_text",
    "says",
    "snake",
    "span",
    "text",
    "unit_name",
]

T = TypeVar("T")


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "metron-fd4"?` or, without a near one, what there is."""
    names = [str(name) for name in known]
    near = get_close_matches(word, names, 1, 0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    return f"; there is: {shown}" if names else ""


class Fields:
    """One mapping read key by key; `done()` reports the keys nobody asked for."""

    def __init__(self, node: Node, where: str, paper: Paper, what: str = "a mapping") -> None:
        self.where, self.paper = where, paper
        self.asked: list[str] = []
        if isinstance(node, Map):
            self.node = node
        else:
            self.node = Map(node.line, {}, {})
            paper.wrong(node.line, where, f"must be {what} (key: value), not {described(node)}")
            self.asked.append("*")

    def path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def line(self, key: str) -> int:
        return self.node.lines.get(key, self.node.line)

    def wrong(self, key: str, text: str) -> None:
        self.paper.wrong(self.line(key), self.path(key), text)

    def child(self, key: str) -> Node | None:
        """The node of a key, None where it is missing or null."""
        self.asked.append(key)
        node = self.node.items.get(key)
        return None if isinstance(node, Scalar) and node.value is None else node

    def need(self, key: str, read: Callable[[Node], T]) -> T | None:
        """The value, or None with a problem on the paper where it is missing or wrong."""
        node = self.child(key)
        if node is None:
            if "*" not in self.asked:
                self.paper.wrong(self.line(key), self.path(key), "is missing")
            return None
        return self._read(key, node, read)

    def may(self, key: str, read: Callable[[Node], T], default: T) -> T:
        """The value, or the default where it is missing (or wrong, with a problem on the paper)."""
        node = self.child(key)
        value = None if node is None else self._read(key, node, read)
        return default if value is None else value

    def opt(self, key: str, read: Callable[[Node], T]) -> T | None:
        """The value, or None where it is missing (or wrong, with a problem on the paper)."""
        node = self.child(key)
        return None if node is None else self._read(key, node, read)

    def _read(self, key: str, node: Node, read: Callable[[Node], T]) -> T | None:
        if isinstance(node, Scalar) and node.bad:
            return None
        try:
            return read(node)
        except Wrong as error:
            at = error.node or node
            line = at.line if at is not node or isinstance(node, Scalar) else self.line(key)
            self.paper.wrong(line, self.path(key), str(error))
            return None

    def done(self, known: Iterable[str] = ()) -> None:
        """Reports unknown keys. known: further keys that are read elsewhere."""
        allowed = list(dict.fromkeys([*self.asked, *known]))
        if "*" in allowed:
            return
        for key in self.node.items:
            if key not in allowed:
                self.wrong(key, f"is not a key here{nearest(key, allowed)}")


def described(node: Node) -> str:
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, Sequence):
        return "a list"
    return "nothing" if node.value is None else f"{node.value!r}"


def text(node: Node) -> str:
    """Text; numbers are taken as their text, because `name: 3` means "3"."""
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, bool):
        return str(node.value) if node.raw is None else node.raw
    raise Wrong(f"must be text, not {described(node)}", node)


def flag(node: Node) -> bool:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    raise Wrong(f"must be true or false, not {described(node)}", node)


def number(node: Node) -> float:
    if isinstance(node, Scalar) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool) and math.isfinite(node.value):
        return float(node.value)
    raise Wrong(f"must be a number, not {described(node)}", node)


def rate(node: Node) -> float:
    """A number of times a second."""
    times = number(node)
    if not 0.01 <= times <= 10_000:
        raise Wrong(f"{times:g} times a second is outside 0.01..10000", node)
    return times


def integer(low: int, high: int, what: str = "") -> Callable[[Node], int]:
    def read(node: Node) -> int:
        if not isinstance(node, Scalar) or not isinstance(node.value, int) or isinstance(node.value, bool):
            raise Wrong(f"must be a whole number, not {described(node)}", node)
        if not low <= node.value <= high:
            raise Wrong(f"{node.value} is outside {low}..{high}" + (f"; {what}" if what else ""), node)
        return node.value

    return read


def one_of(words: Iterable[str], what: str = "") -> Callable[[Node], str]:
    known = [str(word) for word in words]

    def read(node: Node) -> str:
        word = text(node)
        if word not in known:
            raise Wrong(f"{word!r} is not {what or 'a known word'}{nearest(word, known)}", node)
        return word

    return read


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_SNAKE = re.compile(r"[a-z][a-z0-9_]{0,62}")


def is_snake(word: str) -> bool:
    return bool(_SNAKE.fullmatch(word))


def identifier(node: Node) -> str:
    word = text(node)
    if not _ID.fullmatch(word):
        raise Wrong(f"{word!r} is no id; use letters, digits, - and _ (at most 63, starting with a letter or digit)", node)
    return word


def snake(node: Node) -> str:
    word = text(node)
    if not _SNAKE.fullmatch(word):
        raise Wrong(f"{word!r} is no name; use snake_case: small letters, digits and _ , starting with a letter", node)
    return word


def pair(node: Node) -> tuple[float, float]:
    """[low, high], low < high or falling; never equal."""
    if not isinstance(node, Sequence) or len(node.items) != 2:
        raise Wrong(f"must be [low, high], not {described(node)}", node)
    low, high = number(node.items[0]), number(node.items[1])
    if low == high:
        raise Wrong("both ends are the same", node)
    return low, high


def span(node: Node) -> tuple[float, float]:
    """[low, high] with low < high."""
    low, high = pair(node)
    if low > high:
        raise Wrong(f"[{low:g}, {high:g}] runs backwards; write the lower one first", node)
    return low, high


def says(node: Node) -> Mapping[str, str]:
    """{zh: ..., en: ...}, both there."""
    if not isinstance(node, Map):
        raise Wrong('must be {zh: "...", en: "..."}', node)
    missing = [language for language in ("zh", "en") if language not in node.items]
    strange = [language for language in node.items if language not in ("zh", "en")]
    if missing or strange:
        said = ", ".join([*(f"{language} missing" for language in missing), *(f"{language} unknown" for language in strange)])
        raise Wrong(f"must have exactly zh and en ({said})", node)
    return {language: text(item) for language, item in node.items.items()}


def duration(node: Node) -> float:
    """Seconds."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise Wrong(f"must be a length of time with its unit (200ms, 90s, 10m, 24h, 7d), not {described(node)}", node)
    try:
        return duration_s(node.value)
    except ValueError as error:
        raise Wrong(str(error), node) from error


def unit_name(node: Node) -> str:
    word = text(node)
    if not known(word):
        raise Wrong(f"{word!r} is no unit{nearest(word, filter(None, UNITS))}", node)
    return word


def entries(node: Node | None, where: str, paper: Paper) -> list[Node]:
    """The items of a list; a problem and nothing where it is something else."""
    if node is None:
        return []
    if not isinstance(node, Sequence):
        paper.wrong(node.line, where, f"must be a list (lines starting with -), not {described(node)}")
        return []
    return list(node.items)


def mapping(node: Node | None, where: str, paper: Paper) -> Map:
    """A mapping of names; a problem and an empty one where it is something else."""
    if node is None:
        return Map(0, {}, {})
    if not isinstance(node, Map):
        paper.wrong(node.line, where, f"must be a mapping (name: value), not {described(node)}")
        return Map(node.line, {}, {})
    return node
