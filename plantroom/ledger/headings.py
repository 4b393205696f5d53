"""What the words of a sheet mean: its headings, kinds, states, and cells that say nothing. The words stand in headings.yaml."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path

from plantroom import kinds
from plantroom.ledger.grid import Cell
from plantroom.words import LANGUAGES, catalogue, say
from plantroom.yaml_tree import Map, Paper, parse, plain

CERTIFICATE_PARTS = ("until", "number", "document")
FILE = Path(__file__).with_name("headings.yaml")
_BRACKETS = re.compile(r"[(\[{【〔〈《][^)\]}】〕〉》]*[)\]}】〕〉》]")
_BETWEEN = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """As words are compared: full-width as half-width, without case, spaces and punctuation."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", text).casefold())


def heading_key(cell: Cell) -> str:
    """A heading without what stands in brackets behind it: a unit, or how a date is written. All of it where nothing else is left."""
    text = unicodedata.normalize("NFKC", cell) if isinstance(cell, str) else ""
    return folded(_BRACKETS.sub("", text)) or folded(text) or ("#" if text.strip() == "#" else "")


def unit_in(cell: Cell) -> str:
    """`额定功率(kW)` -> kW; "" where no unit stands there."""
    match = re.search(r"\(([^()]{1,12})\)\s*$", unicodedata.normalize("NFKC", cell)) if isinstance(cell, str) else None
    return match.group(1).strip() if match else ""


def column_of(cell: Cell) -> str | None:
    """The field a heading names; None for one of the sheet's own. `压力表检定有效期至` is a certificate of the sheet's own words."""
    found = columns().get(heading_key(cell))
    if found is None and isinstance(cell, str):
        for lang in LANGUAGES:
            for part in CERTIFICATE_PARTS:
                ending = say(f"certificate_column.{part}", lang, what="")
                what = cell.strip().removesuffix(ending).strip()
                if cell.strip().endswith(ending) and what:
                    return f"{what}.{part}"
    return found


def certificate_title(what: str, part: str, lang: str) -> str:
    """The heading of one part of a certificate. Read again it is the same."""
    known = titles().get(f"{what}.{part}")
    return known[lang] if known is not None else say(f"certificate_column.{part}", lang, what=what)


def kind_of(*cells: Cell) -> str | None:
    """The first cell that names a kind decides; in it the longest word, and of words alike in length the one that stands last: 电梯机房 is
    a room, 消防水泵 a fire pump and 水泵 a pump."""
    return next((kind for cell in cells if isinstance(cell, str) and (kind := _kind_in(cell)) is not None), None)


@lru_cache(maxsize=4096)  # a column has few words and many rows
def _kind_in(cell: str) -> str | None:
    text = folded(cell)
    found = [(len(word), text.rfind(word), kind) for word, kind in kind_words().items() if _stands_in(word, text, cell)]
    return max(found)[2] if found else None


def _stands_in(word: str, text: str, cell: str) -> bool:
    """A Latin word stands by itself: `vent` is none of `ventilation`."""
    if word not in text:
        return False
    return not word.isascii() or any(word == part for part in _joined(cell))


@lru_cache(maxsize=4096)
def _joined(cell: str) -> frozenset[str]:
    """Words of the cell, alone and with those that follow, joined as `folded` does."""
    words = [part.strip("0123456789") or part for part in _BETWEEN.split(unicodedata.normalize("NFKC", cell).casefold()) if part]
    words = [piece for word in words for piece in re.findall(r"[a-z0-9]+", word)]
    plurals = [[word.removesuffix("s"), word] for word in words]
    return frozenset(
        "".join([*words[at:end], last]) for at in range(len(words)) for end in range(at, min(at + 5, len(words))) for last in plurals[end]
    )


def state_of(text: str) -> str | None:
    return _words("states").get(folded(text))


def says_nothing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and (not cell.strip() or cell.strip().casefold() in _nothing()))


def says_forever(text: str) -> bool:
    return folded(text) in _listed("forever")


def is_total(cell: Cell) -> bool:
    return isinstance(cell, str) and (
        folded(cell) in _listed("totals") or (folded(cell)[:2] in _listed("totals") and len(folded(cell)) <= 6)
    )


def is_footer(cell: Cell) -> bool:
    text = folded(cell) if isinstance(cell, str) else ""
    return text in _listed("footers") or any(str(cell).strip().startswith((f"{word}:", f"{word}：")) for word in _file()["footers"] if text)


@cache
def columns() -> Mapping[str, str]:
    """Folded heading -> field: those of headings.yaml, and the words that `export` writes."""
    found = {key: field for field, words in _file()["columns"].items() for key in map(heading_key, words)}
    for field, texts in titles().items():
        for text in texts.values():
            found.setdefault(heading_key(text), field)
    for key in ledger_keys():
        found.setdefault(folded(key), key)
    return found


@cache
def titles() -> Mapping[str, Mapping[str, str]]:
    """What `export` writes above each field, by language, in the order of a sheet."""
    found = {key.removeprefix("sheet."): texts for key, texts in catalogue().items() if key.startswith("sheet.")}
    first = {field: found.pop(field) for field in ("id", "name", "kind", "location", "state")}
    return {**first, **{key: catalogue()[f"ledger.{key}"] for key in ledger_keys()}, **found}


@cache
def ledger_keys() -> tuple[str, ...]:
    return tuple(key.removeprefix("ledger.") for key in catalogue() if key.startswith("ledger.") and key != "ledger.inspection_due")


@cache
def kind_words() -> Mapping[str, str]:
    """Folded word -> kind."""
    found = {folded(word): kind for kind, words in _file()["kinds"].items() for word in words}
    for name, kind in kinds.load_kinds().items():
        if name not in OF_NO_SHEET:
            for word in (name, *(kind.says[lang] for lang in LANGUAGES)):
                found.setdefault(folded(word), name)
    return found


OF_NO_SHEET = ("monitor", "connection", "bank")


@cache
def _words(part: str) -> Mapping[str, str]:
    return {folded(word): name for name, words in _file()[part].items() for word in [*words, name]}


@cache
def _listed(part: str) -> frozenset[str]:
    return frozenset(map(folded, _file()[part]))


@cache
def _nothing() -> frozenset[str]:
    return frozenset(map(str.casefold, _file()["nothing"]))


@cache
def _file() -> Mapping[str, Mapping[str, Sequence[str]]]:
    paper = Paper(str(FILE))
    node = parse(FILE.read_text("utf-8"), paper)
    assert isinstance(node, Map) and not paper.problems, paper.problems
    return plain(node)  # type: ignore[return-value]


def doubles() -> Iterable[str]:
    """Words that would mean two things: for a test."""
    for part in ("columns", "kinds", "states"):
        seen: dict[str, str] = {}
        for name, words in _file()[part].items():
            for word in words:
                key = heading_key(word) if part == "columns" else folded(word)
                if seen.setdefault(key, name) != name:
                    yield f"{part}: {word} is {seen[key]} and {name}"
