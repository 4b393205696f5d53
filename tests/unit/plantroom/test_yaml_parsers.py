"""Two parsers, one tree: whatever libyaml reads, ruamel.yaml reads alike, line by line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom import yaml_tree
from plantroom.yaml_tree import Node, Paper, Scalar, Sequence, parse

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(path for folder in ("plantroom", "rules", "simulators", "docs") for path in (ROOT / folder).rglob("*.yaml"))


def slow(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Node | None, list[str]]:
    with monkeypatch.context() as only_ruamel:
        only_ruamel.setattr(yaml_tree, "_fast", lambda text, paper: None)
        return read(text)


def read(text: str) -> tuple[Node | None, list[str]]:
    paper = Paper("x.yaml")
    node = parse(text, paper)
    return node and without_lines_of_nothing(node), [str(problem) for problem in paper.problems]


def without_lines_of_nothing(node: Node) -> Node:
    """A value that is not written stands before or behind the line's end, as a parser likes; a problem names its key's line."""
    if isinstance(node, Scalar):
        return replace(node, line=0) if node.raw == "" and not node.quoted else node
    if isinstance(node, Sequence):
        return replace(node, items=tuple(map(without_lines_of_nothing, node.items)))
    lines = {key: line for key, line in node.lines.items() if key}
    return replace(node, items={key: without_lines_of_nothing(item) for key, item in node.items.items()}, lines=lines)


def test_a_file_of_every_folder_that_ships_reads_alike_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    folders = {path.parent: path for path in SHIPPED}
    assert len(folders) > 8
    for path in folders.values():
        text = path.read_text()
        tree = read(text)
        assert tree[0] is not None and tree == slow(text, monkeypatch), path


@pytest.mark.soak
def test_every_file_that_ships_reads_alike_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    for path in SHIPPED:
        assert read(path.read_text()) == slow(path.read_text(), monkeypatch), path


PIECES = st.sampled_from(
    ["a", "b1", "n: ", ": ", ":", "- ", "-", "{", "}", "[", "]", ", ", "\n", "\n  ", "\n    ", "\n\n", "'", '"', "|\n", ">-\n", "#", " # c",
     "? ", "1.5", "0x1F", "~", "on", "12:30", "\\u4e00", "\\/", "水泵", "\u2028", "\x85", "\ufeff", "\t", "http://x:1/y", "&x ", "*x", "!t ", "---\n",
     "...\n", "%YAML 1.2\n", "{n}", "@", "`", "''"]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_text_reads_alike_in_both_or_is_refused_with_the_same_words(text: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert read(text) == slow(text, monkeypatch)


def test_libyaml_is_there_and_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    assert yaml_tree._LIBYAML.__name__ == "CSafeLoader"
    paper = Paper("x.yaml")
    assert yaml_tree._fast("a: 1", paper) == parse("a: 1", paper) is not None
    assert yaml_tree._fast("a: b\u2028c", paper) is None and yaml_tree._fast("a: *b", paper) is None and not paper.problems


@pytest.mark.soak
@settings(max_examples=50_000, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_many_texts_read_alike_in_both(text: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert read(text) == slow(text, monkeypatch)
