"""YAML 1.2 text -> nodes that know their line; what is wrong with the text lands on a paper.

Plain scalars follow the YAML 1.2 core schema: `on`, `no`, `12:30` are text. Anchors, aliases and tags are refused; `each` does it better.

Two parsers, one tree: libyaml takes a thirtieth of the time, which is most of a service's start; what it refuses is read by ruamel.yaml,
which decides and says why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

import yaml

from plantroom.errors import BadInput, Problem

Plain = Union[str, int, float, bool, None]  # noqa: UP007 (read at run time)
MOST_BYTES = 2 * 1024 * 1024
MOST_DEPTH = 40
_TAKEN_OTHERWISE = re.compile("[\t\x85\u2028\u2029\ufeff]")  # libyaml reads YAML 1.1: other breaks, tabs where 1.2 has none


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
    if (found := _fast(text, paper)) is not None:
        return found
    from ruamel.yaml import YAML  # a fifth of a second, and seldom needed
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return _Builder(paper).build(YAML(typ="safe", pure=True).parse(text))
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


def _fast(text: str, paper: Paper) -> Node | None:
    """The tree by libyaml; None, and nothing on the paper, where it or the builder refuses the text."""
    if _TAKEN_OTHERWISE.search(text):
        return None
    scratch = Paper(paper.file)
    try:
        node = _Builder(scratch).build(yaml.parse(text, Loader=_LIBYAML))
    except (yaml.YAMLError, ValueError):
        return None
    if not isinstance(node, Map):  # nothing of ours: let the other say what it is
        return None
    paper.problems += [problem for problem in scratch.problems if problem not in paper.problems]
    return node


_LIBYAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # some platforms have PyYAML without libyaml


def _line_of(error: Exception, text: str) -> int:
    position = getattr(error, "position", None)
    return text.count("\n", 0, position) + 1 if isinstance(position, int) else 0


_NAMED = frozenset(("ScalarEvent", "MappingStartEvent", "SequenceStartEvent", "AliasEvent"))  # what may bear an anchor


class _Builder:
    """Parser events -> nodes. Keys are text; nesting is bounded."""

    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._stack: list[tuple[int, list[tuple[Node, int]], bool]] = []  # (line, children, is a mapping)
        self._root: Node | None = None

    def build(self, events: Iterable[Any]) -> Node | None:
        """events: of either parser; they are named alike. Raises Wrong for what is YAML but not read here."""
        documents = 0
        for event in events:
            what = type(event).__name__
            line = event.start_mark.line + 1
            if what in _NAMED and (event.anchor is not None or what == "AliasEvent"):
                raise Wrong("anchors and aliases are not read here; use `each` or write it out", Scalar(line, None))
            if what in _NAMED and event.tag not in (None, "!"):
                raise Wrong(f"the tag {event.tag} is not read here; write a plain value", Scalar(line, None))
            if what == "ScalarEvent":
                plain = event.implicit[0]
                if not event.value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in event.value):
                    raise Wrong("holds half of a surrogate pair (\\ud800..\\udfff); write the letter itself", Scalar(line, None))
                self._put(Scalar(line, plain_value(event.value) if plain else event.value, not plain, event.value), line)
            elif what in ("MappingStartEvent", "SequenceStartEvent"):
                if len(self._stack) >= MOST_DEPTH:
                    raise Wrong(f"is nested deeper than {MOST_DEPTH} levels", Scalar(line, None))
                self._stack.append((line, [], what == "MappingStartEvent"))
            elif what in ("MappingEndEvent", "SequenceEndEvent"):
                self._close()
            elif what == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    raise Wrong("holds a second document (---); write one document a file", Scalar(line, None))
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
    if text[0] not in "+-.0123456789":
        return text
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


def plain(node: Node) -> object:
    """The tree as dicts, lists and scalars."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(item) for key, item in node.items.items()}
