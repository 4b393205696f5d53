"""YAML 1.2 text -> nodes that know their line, and typed reading of them that lists every problem in one pass.

Plain scalars follow the YAML 1.2 core schema: `on`, `no`, `12:30` are text. Anchors, aliases and tags are refused; `each` does it better.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar, Union

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from plantroom.errors import BadInput, Problem
from plantroom.units import UNITS, duration_s, known

T = TypeVar("T")
Plain = Union[str, int, float, bool, None]  # noqa: UP007 (read at run time)
MOST_BYTES = 2 * 1024 * 1024
MOST_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Scalar:
    """raw: as it stands in the file, so that the text 007 stays 007. bad: what is wrong with it has been said; readers keep silent."""

    line: int
    value: Plain
    quoted: bool = False
    raw: str | None = None
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """items: key -> value in file order; lines: key -> the key's own line."""

    line: int
    items: Mapping[str, Node]
    lines: Mapping[str, int]


Node = Union[Scalar, Sequence, Map]  # noqa: UP007 (recursive)


class Wrong(ValueError):
    """A value that cannot be used; the text says what to write instead. node: where exactly, None = the value as a whole."""

    def __init__(self, text: str, node: Node | None = None) -> None:
        super().__init__(text)
        self.node = node


@dataclass
class Paper:
    """One file being read, and everything found wrong in it."""

    file: str
    problems: list[Problem] = field(default_factory=list)

    def wrong(self, line: int, where: str, text: str) -> None:
        problem = Problem(self.file, line, where, text)
        if problem not in self.problems:
            self.problems.append(problem)


def read_text(path: Path) -> str:
    """The file's text. Raises BadInput where it is missing, unreadable, too large or not UTF-8."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MOST_BYTES else b""
    except OSError as error:
        raise BadInput([Problem(str(path), 0, "", f"cannot be read: {error.strerror or error}")]) from error
    if size > MOST_BYTES:
        said = f"{size:,} bytes; a YAML file of Plantroom has at most {MOST_BYTES:,}. Use `each` for what repeats"
        raise BadInput([Problem(str(path), 0, "", said)])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadInput([Problem(str(path), line, "", "is not UTF-8 text; save it as UTF-8 (a binary file cannot be read)")]) from error


def parse(text: str, paper: Paper) -> Node | None:
    """The tree, or None with problems on the paper. Duplicate keys are problems; the first one stands."""
    if len(text) > MOST_BYTES:
        paper.wrong(0, "", f"{len(text):,} characters; a YAML file of Plantroom has at most {MOST_BYTES:,}. Use `each` for what repeats")
        return None
    try:
        return _Builder(paper).build(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = error.problem or error.context or "cannot be read"
        paper.wrong(mark.line + 1 if mark else 0, "", f"is not YAML: {said}")
    except YAMLError as error:
        paper.wrong(_line_of(error, text), "", f"is not YAML: {str(error).splitlines()[0]}")
    except Wrong as error:
        paper.wrong(error.node.line if error.node else 0, "", str(error))
    except ValueError as error:  # ruamel lets bad \u and % escapes through as ValueError
        paper.wrong(0, "", f"is not YAML: {error}")
    return None


def _line_of(error: YAMLError, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 0


class _Builder:
    """Parser events -> nodes. Keys are text; nesting is bounded."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._stack: list[tuple[int, list[tuple[Node, int]], bool]] = []  # (line, children, is a mapping)
        self._root: Node | None = None

    def build(self, text: str) -> Node | None:
        documents = 0
        for event in YAML(typ="safe", pure=True).parse(text):
            line = event.start_mark.line + 1
            if type(event).__name__ == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise Wrong("holds a second document (---); write one document a file", Scalar(line, None))
            elif isinstance(event, AliasEvent) or getattr(event, "anchor", None):
                raise Wrong("anchors and aliases are not read here; use `each` or write it out", Scalar(line, None))
            elif getattr(event, "tag", None) not in (None, "!"):
                raise Wrong(f"the tag {event.tag} is not read here; write a plain value", Scalar(line, None))
            elif isinstance(event, ScalarEvent):
                plain = event.implicit[0]
                if not event.value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in event.value):
                    raise Wrong("holds half of a surrogate pair (\\ud800..\\udfff); write the letter itself", Scalar(line, None))
                self._put(Scalar(line, plain_value(event.value) if plain else event.value, not plain, event.value), line)
            elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
                if len(self._stack) >= MOST_DEPTH:
                    raise Wrong(f"is nested deeper than {MOST_DEPTH} levels", Scalar(line, None))
                self._stack.append((line, [], isinstance(event, MappingStartEvent)))
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._close()
        return self._root

    def _put(self, node: Node, line: int) -> None:
        if self._stack:
            self._stack[-1][1].append((node, line))
        else:
            self._root = node

    def _close(self) -> None:
        line, children, is_map = self._stack.pop()
        if not is_map:
            self._put(Sequence(line, tuple(node for node, _ in children)), line)
            return
        items: dict[str, Node] = {}
        lines: dict[str, int] = {}
        for (key, key_line), (value, _) in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Scalar):
                raise Wrong("a key must be plain text; quote placeholders: \"{n}\"", Scalar(key_line, None))
            name = key_text(key)
            if name in items:
                self._paper.wrong(key_line, name, f"the key {name!r} stands twice (first in line {lines[name]}); keep one")
                continue
            items[name], lines[name] = value, key_line
        self._put(Map(line, items, lines), line)


_INT = re.compile(r"[-+]?[0-9]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Plain] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def plain_value(text: str) -> Plain:
    """An unquoted scalar by the YAML 1.2 core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= 40 else text
    if _HEX.fullmatch(text):
        return int(text, 0) if len(text) <= 40 else text
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def key_text(key: Scalar) -> str:
    """A key as text: `1:` and `"1":` are the same key; true and null are written as in the file's spirit."""
    if isinstance(key.value, bool):
        return "true" if key.value else "false"
    return "" if key.value is None else str(key.value)


def rewritten(node: Node, change: Callable[[Scalar], Scalar]) -> Node:
    """The tree with every scalar passed through `change`; keys stay."""
    if isinstance(node, Scalar):
        return change(node)
    if isinstance(node, Sequence):
        return replace(node, items=tuple(rewritten(item, change) for item in node.items))
    return replace(node, items={key: rewritten(item, change) for key, item in node.items.items()})


def plain(node: Node) -> object:
    """The tree as dicts, lists and scalars."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.items.items()}


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "metron-fd4"?` or, without a near one, what there is."""
    names = [str(name) for name in known]
    near = get_close_matches(word, names, 1, 0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    shown = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    return f"; there is: {shown}" if names else ""


class Need:
    """Marks a key that must stand."""


NEED = Need()


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
        raise Wrong(f"{word!r} is no unit{nearest(word, UNITS)}", node)
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
