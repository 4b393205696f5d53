"""A register table (CSV) -> the first draft of a profile. Pure. What a row leaves open stands beside it as a comment or under `lacks`.

Columns: point, table, type and address_zero_based (or address_one_based: as the document counts); description, word_order, scale, unit,
enum_or_bits and source may be missing.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from io import StringIO
from textwrap import wrap

from plantroom import units
from plantroom.errors import BadInput, Problem
from plantroom.kinds import Kind, KindPoint, PointType
from plantroom.profiles import CELLS, Encoding, Table

COLUMNS = ("point", "table", "type")
ADDRESSES = {"address_zero_based": "zero_based", "address_one_based": "one_based"}
_OLD = {"s": "i", "int": "i", "sint": "i", "uint": "u", "float": "f", "real": "f", "word": "u", "dword": "u"}
_WORD = {"bool": "bit", "boolean": "bit", "word": "u16", "dword": "u32", "float": "f32", "real": "f32", "double": "f64", "int": "i16"}
_EXTREME = {2**15 - 1, 2**15, -(2**15), 2**16 - 1, 2**31 - 1, 2**31, -(2**31), 2**32 - 1}  # numbers a document gives a meaning of their own


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. address: as the document counts."""

    line: int
    name: str
    about: str
    table: Table
    address: int
    type: str
    low_first: bool
    scale: float
    unit: str
    notes: str


@dataclass
class Draft:
    """Point lines by section, and what a person has to look after."""

    points: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


def draft(text: str, file: str, name: str, kind: Kind | None = None) -> str:
    """The profile's text. kind: points with its names become its points, the others extras. Raises BadInput with every bad row."""
    problems: list[Problem] = []
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff")))
    columns = [column.strip() for column in reader.fieldnames or ()]
    reader.fieldnames = columns
    where = next((column for column in ADDRESSES if column in columns), None)
    missing = [column for column in (*COLUMNS, *([] if where else ["address_zero_based"])) if column not in columns]
    if missing or where is None:
        parted = "the cells are parted by commas, and " if ";" in "".join(columns) else ""
        said = f"has no column {', '.join(missing)}; {parted}the first line is point,description,table,address_zero_based,type,scale,unit"
        raise BadInput([Problem(file, 1, "", said)])
    result, document = Draft(), ""
    rows: list[Row] = []
    try:
        for cells in reader:
            row = {key: (value or "").strip() for key, value in cells.items() if isinstance(key, str) and not isinstance(value, list)}
            document = document or row.get("source", "")
            if read := _row(row, where, reader.line_num, file, problems, result):
                rows.append(read)
    except csv.Error as error:
        problems.append(Problem(file, reader.line_num, "", f"is no CSV: {error}"))
    if problems:
        raise BadInput(problems)
    own = {(row.table, row.address, row.type) for row in rows}  # bits with a row of their own
    for row_of in rows:
        for one in _split(row_of, own):
            _place(one, kind, result)
    if not result.points and not result.extra:
        raise BadInput([Problem(file, 1, "", "has no row that is a point")])
    return _text(result, name, kind, document or file, ADDRESSES[where], file, _leading(rows))


def _leading(rows: list[Row]) -> list[str]:
    """A caveat for each table whose addresses all look like a document's 40001, where the 4 is no part of the address."""
    said = []
    for table, first in ((Table.HOLDING, 40_001), (Table.INPUT, 30_001), (Table.DISCRETE, 10_001)):
        addresses = [row.address for row in rows if row.table is table]
        if addresses and first <= min(addresses) and max(addresses) < first + 9_999:
            told = f"if the {str(first)[0]} only names the table, as in '{first} is the first', take {first - 1} off each and count from 1"
            said.append(f"all {table} addresses lie above {first - 1}: {told}")
    return said


def _row(cells: Mapping[str, str], where: str, line: int, file: str, problems: list[Problem], result: Draft) -> Row | None:
    """None where the row is no sample (said under lacks) or wrong (said in problems)."""
    label = cells["point"] or cells.get("description", "")
    if not any(cells.values()):
        return None
    table = next((t for t in Table if t in cells["table"].lower()), None)
    if table is None:
        problems.append(Problem(file, line, "table", f"{cells['table']!r} names no table; write coil, discrete, holding or input"))
        return None
    if not cells[where]:
        result.lacks.append(f"{label}: the table gives no address")
        return None
    kind = _type(cells["type"], table)
    if kind is None:
        result.lacks.append(f"{label} ({cells[where]}): a {cells['type'] or 'value without a type'} is no sample")
        return None
    base = 1 if where == "address_one_based" else 0
    try:
        address = int(cells[where], 0)
    except ValueError:
        address = -1
    if not base <= address < CELLS + base:
        said = f"{cells[where]!r} is no register number; {base}..{CELLS - 1 + base}, without the leading 3 or 4"
        problems.append(Problem(file, line, where, said))
        return None
    order, notes = cells.get("word_order", "").lower(), cells.get("enum_or_bits", "")
    scale, unit = _number(cells.get("scale", "")), _unit(cells.get("unit", ""))
    open_ends = [f"{key}: {cells[key]}" for key, value in (("scale", scale), ("unit", unit)) if value is None]
    notes = "; ".join(filter(None, (notes, *open_ends)))
    about = cells.get("description", "")
    return Row(line, _snake(label), about, table, address, kind, "little" in order or "low" in order, scale or 1.0, unit or "", notes)


def _type(word: str, table: Table) -> str | None:
    """`u16`, `bit 3`, `u16 bits`; None for texts and what is unknown."""
    if table.bits:
        return "bit"
    word = word.lower().strip()
    if found := re.fullmatch(r"bits? ?(\d{1,2})", word):
        return f"bit {found[1]}"
    if found := re.fullmatch(r"([a-z]+?) ?(16|32|64)( bits)?", word):
        word = _OLD.get(found[1], found[1]) + found[2] + (found[3] or "")
    word = _WORD.get(word, word)
    return word if word.removesuffix(" bits") in set(Encoding) - {"bit"} else None


def _split(row: Row, own: Set[tuple[Table, int, str]]) -> Iterator[Row]:
    """A word of bits as one row for each bit that its notes name and that has no row of its own; any other row as it is."""
    named = re.findall(r"(?:^|;)\s*(?:bit ?)?(\d{1,2})[\s:=]+([^;]+)", row.notes) if row.type.endswith(" bits") else []
    unused = ("n/a", "(", "reserved", "spare", "not used")
    found = [(int(bit), word.strip()) for bit, word in named if int(bit) < 16 and not word.strip().lower().startswith(unused)]
    if not found:
        yield Row(row.line, row.name, row.about, row.table, row.address, row.type.removesuffix(" bits"), *_rest(row))
    for bit, word in found:
        if (row.table, row.address, f"bit {bit}") not in own:
            yield Row(row.line, f"{row.name}_{_snake(word)}", "", row.table, row.address, f"bit {bit}", False, 1.0, "", "")


def _rest(row: Row) -> tuple[bool, float, str, str]:
    return row.low_first, row.scale, row.unit, row.notes


def _place(row: Row, kind: Kind | None, result: Draft) -> None:
    """The row as a line under points or extra."""
    known = kind.points.get(row.name) if kind else None
    values = _values(row, known)
    fits = known is not None and units.compatible(row.unit, known.unit) and (known.type is not PointType.ENUM or bool(values))
    name = row.name if kind is None or fits or known is None else f"device_{row.name}"
    while name in result.names:
        name = f"{name}_{row.address}"
    result.names.add(name)
    parts = [f"table: {row.table}", f"address: {row.address}"]
    if row.type.startswith("bit "):
        parts.append(f"bit: {row.type[4:]}")
    elif row.type not in ("u16", "bit"):
        parts.append(f"type: {row.type}")
    parts += ["words: low_first"] if row.low_first and Encoding(row.type.split()[0]).words > 1 else []
    parts += [f"scale: {row.scale:.12g}"] if row.scale != 1.0 else []
    parts += [f'unit: "{row.unit}"' if row.unit.startswith("%") else f"unit: {row.unit}"] if row.unit else []
    parts += [f"sentinels: {{{found}}}"] if (found := _sentinels(row)) else []
    parts += [f"values: {{{values}}}"] if fits and values else []
    about = "; ".join(filter(None, (row.about if _snake(row.about) != row.name else "", "" if fits and values else row.notes)))
    line = f"  {name}: {{{', '.join(parts)}}}" + (f"   # {_flat(about)}" if about else "")
    (result.points if kind is None or fits else result.extra).append(line)


def _values(row: Row, known: KindPoint | None) -> str:
    """`0: auto, 1: heat` where the notes give every number a word of the kind's enum; else ""."""
    if known is None or known.type is not PointType.ENUM:
        return ""
    said = re.findall(r"(?:^|;)\s*(-?\d+)[\s:=]+([\w ]+)", row.notes)
    words = [(raw, _snake(word)) for raw, word in said]
    return ", ".join(f"{raw}: {_quoted(word)}" for raw, word in words) if words and all(word in known.codes for _, word in words) else ""


def _sentinels(row: Row) -> str:
    """Numbers at the end of a width to which the notes give a meaning: -32768 = not initialised."""
    found: dict[int, str] = {}
    for raw, word in re.findall(r"(?:^|[;,\s])(-?\d+|0x[0-9a-fA-F]+)\s*=\s*([^;,]+)", row.notes):
        if int(raw, 0) in _EXTREME:
            found[int(raw, 0)] = _snake(word)
    return ", ".join(f"{raw}: {word}" for raw, word in found.items())


def _text(result: Draft, name: str, kind: Kind | None, document: str, addressing: str, file: str, doubts: list[str]) -> str:
    lines = [f"profile: {name}", f"model: {_string(name.replace('-', ' '))}", *([f"kind: {kind.name}"] if kind else [])]
    lines += [f"source: {{document: {_string(document)}, addressing: {addressing}}}"]
    lines += ["bus: {max_registers: 32, max_hole: 0, timeout: 1s}   # from the document: most registers a request, pause between requests"]
    lines += ["points:" if result.points else "points: {}", *result.points]
    lines += _free(result, kind)
    lines += ["extra:", *result.extra] if result.extra else []
    lines += ["caveats:", *(f"  - {_string(text)}" for text in (f"a first draft made from {file}; not proven at a device", *doubts))]
    lines += ["lacks:", *(f"  - {_string(lack)}" for lack in result.lacks)] if result.lacks else []
    return "\n".join(lines) + "\n"


def _free(result: Draft, kind: Kind | None) -> list[str]:
    """The kind's points that no row has the name of, as a comment: a person who reads it gives a row its name."""
    free = [f"{point.name} {point.unit}".rstrip() for point in kind.points.values() if point.name not in result.names] if kind else []
    if not kind or not free:
        return []
    said = f"points of a {kind.name} that no row is called; give a row its name and move it up here: {', '.join(free)}"
    return [f"  # {line}" for line in wrap(said, 130)]


def _number(text: str) -> float | None:
    """1 where there is none; None for what is no number."""
    try:
        return float(text) if text else 1.0
    except ValueError:
        return None


def _unit(text: str) -> str | None:
    """"" where there is none; None for what is no unit here."""
    return text if not text or units.known(text) else None


def _snake(text: str) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:60].rstrip("_")
    return word if word[:1].isalpha() else f"point_{word}".rstrip("_")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _quoted(word: str) -> str:
    return f'"{word}"' if word in ("on", "off", "yes", "no", "null", "true", "false") else word


def _string(text: str) -> str:
    return '"' + _flat(text).replace("\\", "/").replace('"', "'") + '"'

