"""The words people read, in Chinese and English: `say("severity.danger", "zh")` -> 出险. One catalogue, words/*.yaml.

A leaf of a file is {zh: text, en: text}; the keys on the way to it, joined with dots, are its name. Texts take named values,
`{count}` or `{kpa:.0f}`; both languages take the same ones. An unknown key, language or a missing value is an error: a screen that
says nothing where it should say something is worse than a failed test.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from plantroom.errors import BadInput, Problem
from plantroom.yaml_tree import Map, Node, Paper, Scalar, parse

LANGUAGES = ("zh", "en")
FOLDER = Path(__file__).with_suffix("")

Texts = Mapping[str, str]


class UnknownWord(KeyError):
    """No such text. Add it to plantroom/words/*.yaml, in every language."""

    def __str__(self) -> str:
        return str(self.args[0])


def say(key: str, lang: str, /, **values: object) -> str:
    """The text of a key in a language with its values filled in. Raises UnknownWord for an unknown key, language or missing value."""
    texts = catalogue().get(key)
    if texts is None:
        raise UnknownWord(f"no text {key!r} in plantroom/words")
    if lang not in texts:
        raise UnknownWord(f"no language {lang!r}: {', '.join(LANGUAGES)}")
    try:
        return texts[lang].format_map(values)
    except KeyError as missing:
        raise UnknownWord(f"text {key!r} needs a value {missing}") from None


def has(key: str) -> bool:
    return key in catalogue()


def language(wanted: str | None, default: str = "zh") -> str:
    """The nearest language we speak: "zh-CN" -> zh, unknown or None -> the default."""
    short = (wanted or "").strip().lower().partition("-")[0]
    return short if short in LANGUAGES else default


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Texts]:
    """Every text by key. Raises BadInput with all problems of all files."""
    return load(FOLDER)


def load(folder: Path) -> Mapping[str, Texts]:
    """Raises BadInput: a leaf without both languages, placeholders that differ, a key in two places."""
    found: dict[str, Texts] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        paper = Paper(f"plantroom/words/{path.name}")
        for key, leaf, line in _leaves(parse(path.read_text("utf-8"), paper), ()):
            texts = _texts(leaf)
            wrong = _wrong(texts) if key not in found else "stands twice; keep one"
            if wrong:
                paper.wrong(line, key, wrong)
            else:
                found[key] = MappingProxyType({lang: str(texts[lang]) for lang in LANGUAGES})
        problems += paper.problems
    if problems:
        raise BadInput(problems)
    return MappingProxyType(found)


def placeholders(text: str) -> frozenset[str]:
    """The names of the values a text takes. Raises ValueError for broken braces."""
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)


def _leaves(tree: Node | None, path: tuple[str, ...]) -> Iterator[tuple[str, Node, int]]:
    if not isinstance(tree, Map):
        return
    for key, below in tree.items.items():
        here = (*path, key)
        if isinstance(below, Map) and below.items and not set(below.items) & set(LANGUAGES):
            yield from _leaves(below, here)
        else:
            yield ".".join(here), below, tree.lines[key]


def _texts(leaf: Node) -> dict[str, object]:
    """What a leaf says, by language; {} for what is no leaf."""
    if not isinstance(leaf, Map):
        return {}
    return {lang: text.value if isinstance(text, Scalar) else None for lang, text in leaf.items.items()}


def _wrong(leaf: Mapping[str, object]) -> str:
    if set(leaf) != set(LANGUAGES):
        return f"has {sorted(leaf)}; write {{zh: ..., en: ...}}"
    texts = {lang: text for lang, text in leaf.items() if isinstance(text, str) and text.strip()}
    if len(texts) < len(leaf):
        return "has an empty text or one that YAML reads as a number or a truth value; quote it"
    try:
        names = {lang: placeholders(texts[lang]) for lang in LANGUAGES}
    except ValueError as broken:
        return f"has broken braces: {broken}"
    if len(set(names.values())) > 1:
        return f"takes different values: {', '.join(f'{lang} {sorted(names[lang])}' for lang in LANGUAGES)}"
    if any(not name.isidentifier() for name in names["zh"]):
        return "takes plain named values only, no positions, attributes or indexes"
    return ""
