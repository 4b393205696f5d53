"""The bytes of a sheet (XLSX, or text with columns) -> a grid of plain cells, bounded. Nothing in the file is calculated, run or fetched.

A grid has a text of its own (`as_text`), which is what a configuration record keeps: an old journal is recomputed with the cells that
were read then, not with what a later release of a spreadsheet library makes of the file.
"""

from __future__ import annotations

import csv
import io
import re
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import orjson

from plantroom.errors import BadInput, Problem

Cell = str | int | float | date | None

MOST_BYTES = 16 << 20
MOST_UNPACKED = 96 << 20  # of all parts of an XLSX: a bomb says so in its directory, and cannot give more than it says
MOST_PARTS = 2_000
MOST_SHEETS = 50
MOST_ROWS = 20_000
MOST_COLUMNS = 200
LONGEST = 2_000
MOST_TEXT = 8 << 20  # of a grid as text: it goes into a journal record
FORMULA = "\ufdd0"  # before a formula whose value the file does not have
TEXT = "sheet-1"
DELIMITERS = ",;\t"
_MERGED = re.compile(rb'<mergeCell [^>]{0,200}?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_FORMULA = re.compile(rb"<(?:\w{1,20}:)?f[\s>/]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_OLE = b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Sheet:
    """rows: as the program that made it counts them, the first is row 1; trailing empty cells and rows are left out."""

    name: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """sha256: of the file. epoch_1904: bare day numbers count from 1904 (Excel for Mac of old)."""

    sheets: tuple[Sheet, ...]
    sha256: str
    epoch_1904: bool = False


def read_file(path: Path) -> Grid:
    """Raises BadInput where it is missing, unreadable, too large or no sheet."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _bad(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return read_bytes(str(path), data)


def read_bytes(name: str, data: bytes) -> Grid:
    """name: what problems call it. Raises BadInput and nothing else, whatever the bytes are."""
    if len(data) > MOST_BYTES:
        raise _bad(
            name, f"is larger than {MOST_BYTES >> 20} MB; a ledger is a table: take the pictures out, or save each building by itself"
        )
    if data.startswith(_OLE):
        raise _bad(name, "is an old .xls, or protected by a password; open it and save it as .xlsx or as CSV, without a password")
    sheets, epoch_1904 = (
        _workbook(name, data) if data.startswith(b"PK") else ((Sheet(TEXT, _rows(name, TEXT, _text_rows(name, data))),), False)
    )
    grid = Grid(tuple(sheet for sheet in sheets if sheet.rows), sha256(data).hexdigest(), epoch_1904)
    if not grid.sheets:
        raise _bad(name, "is empty; a ledger has a row of headings (设备名称, 型号, ...) and a row a machine")
    if len(as_text(grid)) > MOST_TEXT:
        raise _bad(name, f"holds more than {MOST_TEXT >> 20} MB of text; split it into several sheets")
    return grid


def as_text(grid: Grid) -> str:
    """The same cells give the same text."""
    sheets = [{"name": sheet.name, "rows": [[_json(cell) for cell in row] for row in sheet.rows]} for sheet in grid.sheets]
    return orjson.dumps({"sha256": grid.sha256, "epoch_1904": grid.epoch_1904, "sheets": sheets}).decode()


def of_text(text: str, name: str) -> Grid:
    """Raises BadInput where it is no text of `as_text`."""
    try:
        said = orjson.loads(text)
        sheets = tuple(
            Sheet(str(each["name"]), tuple(tuple(_cell(cell) for cell in row) for row in each["rows"])) for each in said["sheets"]
        )
        return Grid(sheets, str(said["sha256"]), bool(said["epoch_1904"]))
    except (ValueError, KeyError, TypeError) as error:
        raise _bad(name, "is no text of a ledger sheet; apply the site file again") from error


def _json(cell: Cell) -> object:
    return {"date": cell.isoformat()} if isinstance(cell, date) else cell


def _cell(value: object) -> Cell:
    if isinstance(value, dict):
        return date.fromisoformat(value["date"])
    return value if isinstance(value, str | int | float) else None


# -- text with columns


def decoded(name: str, data: bytes) -> str:
    """UTF-8 with or without its mark, UTF-16 with one (Excel's "Unicode text"), GB18030 (what Excel in Chinese writes as CSV)."""
    ways = ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for way in ways:
        try:
            text = data.decode(way)
        except UnicodeDecodeError:
            continue
        if not _CONTROL.search(text):
            return text
    raise _bad(name, "is neither .xlsx nor text in UTF-8 or GB18030; save it as .xlsx, or as CSV UTF-8")


def _text_rows(name: str, data: bytes) -> Iterator[Sequence[object]]:
    text = decoded(name, data)
    delimiter = _delimiter(text)
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            yield [unguarded(cell) for cell in row]
    except csv.Error as error:
        raise _bad(name, f"is no table: {error}; save it as .xlsx, or as CSV UTF-8") from error


def _delimiter(text: str) -> str:
    """The one that gives most of the first rows the same number of columns, and more than one."""

    def score(delimiter: str) -> tuple[int, int]:
        try:
            widths = [
                len(row) for _, row in zip(range(40), csv.reader(io.StringIO(text[:65_536], newline=""), delimiter=delimiter), strict=False)
            ]
        except csv.Error:
            return 0, 0
        wide = [width for width in widths if width > 1]
        return max((wide.count(width) for width in set(wide)), default=0), sum(wide)

    return max(DELIMITERS, key=score)


_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_TO_GUARD = re.compile(r"'*[=+\-@\t\r]")


def guarded(text: str) -> str:
    """As a cell of a CSV: a spreadsheet program must not take it for a formula."""
    return f"'{text}" if _TO_GUARD.match(text) else text


def unguarded(text: str) -> str:
    return text[1:] if _GUARDED.match(text) else text


# -- XLSX


def _workbook(name: str, data: bytes) -> tuple[tuple[Sheet, ...], bool]:
    """openpyxl reads what it is given and raises what it likes on what is broken; defusedxml refuses entities and document types."""
    from openpyxl import load_workbook
    from openpyxl.utils.datetime import MAC_EPOCH
    from openpyxl.xml import DEFUSEDXML

    assert DEFUSEDXML, "defusedxml is not installed: an XLSX could hold a bomb of entities"
    formulas = _unpacked(name, data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and charts, of which nothing is read
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
            plain = load_workbook(io.BytesIO(data), read_only=True, keep_links=False) if formulas else None
            try:
                if len(book.worksheets) > MOST_SHEETS:
                    raise _bad(name, f"has more than {MOST_SHEETS} sheets")
                sheets = tuple(_sheet(name, index, book, plain, data) for index in range(len(book.worksheets)))
                return sheets, book.epoch == MAC_EPOCH
            finally:
                book.close()
                if plain is not None:
                    plain.close()
    except BadInput:
        raise
    except MemoryError:
        raise
    except Exception as error:  # ruff has no rule for it, and a reader of files from everywhere has no list of what a library raises
        raise _bad(name, f"is no .xlsx that can be read ({type(error).__name__}); open it and save it again as .xlsx") from error


def _unpacked(name: str, data: bytes) -> bool:
    """Whether a sheet holds formulas. Raises BadInput for what would unpack to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:
            infos = parts.infolist()
            if len(infos) > MOST_PARTS or sum(info.file_size for info in infos) > MOST_UNPACKED:
                raise _bad(name, f"unpacks to more than {MOST_UNPACKED >> 20} MB; that is no ledger. Save the sheet alone as .xlsx")
            if not any(info.filename == "xl/workbook.xml" for info in infos) and not any(
                info.filename == "[Content_Types].xml" for info in infos
            ):
                raise _bad(name, "is a packed file and no .xlsx; unpack it first")
            return any(
                _FORMULA.search(parts.read(info))
                for info in infos
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml")
            )
    except BadInput:
        raise
    except Exception as error:
        raise _bad(name, f"is no .xlsx that can be read ({type(error).__name__}); open it and save it again as .xlsx") from error


def _sheet(name: str, index: int, book: object, plain: object, data: bytes) -> Sheet:
    values = book.worksheets[index]  # type: ignore[attr-defined]
    if not hasattr(values, "iter_rows"):  # a chart in place of cells
        return Sheet(values.title, ())
    whole = {"min_row": 1, "max_row": MOST_ROWS + 1, "min_col": 1, "values_only": True}
    values.reset_dimensions()
    merged = _merged(data, getattr(values, "_worksheet_path", ""))
    if plain is None:
        return Sheet(values.title, _filled(_rows(name, values.title, values.iter_rows(**whole)), merged))
    written = plain.worksheets[index]  # type: ignore[attr-defined]
    written.reset_dimensions()
    pairs = zip(values.iter_rows(**whole), written.iter_rows(**whole), strict=False)
    return Sheet(values.title, _filled(_rows(name, values.title, (_shown(row, formulas) for row, formulas in pairs)), merged))


def _merged(data: bytes, part: str) -> list[tuple[int, int, int]]:
    """(column, first row, last row), from 0, of cells merged downwards: one word for the machines below one another. Cells merged
    across are titles and stay as they are."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        found = _MERGED.findall(parts.read(part.lstrip("/"))) if part.lstrip("/") in parts.namelist() else []
    spans = [(_column(left), int(top) - 1, int(bottom) - 1) for left, top, right, bottom in found if left == right]
    return [span for span in spans if 0 <= span[1] < span[2] <= MOST_ROWS and span[0] < MOST_COLUMNS]


def _filled(rows: tuple[tuple[Cell, ...], ...], merged: Sequence[tuple[int, int, int]]) -> tuple[tuple[Cell, ...], ...]:
    found = [list(row) for row in rows]
    for column, top, bottom in merged:
        value = found[top][column] if top < len(found) and column < len(found[top]) else None
        for row in found[top + 1 : bottom + 1] if value is not None else ():
            if row:  # an empty row stays one
                row += [None] * (column + 1 - len(row))
                row[column] = value if row[column] is None else row[column]
    return tuple(map(tuple, found))


def _column(name: bytes) -> int:
    """A -> 0, AA -> 26."""
    number = 0
    for letter in name:
        number = 26 * number + letter - 64
    return number - 1


def _shown(row: Sequence[object], written: Sequence[object]) -> Sequence[object]:
    """What the program last showed for a formula. Where it kept nothing the formula stands there as text, for a reader to object to."""
    return [
        f"{FORMULA}{formula}" if value is None and isinstance(formula, str) and formula.startswith("=") else value
        for value, formula in zip(row, written, strict=False)
    ]


def _rows(name: str, sheet: str, rows: Iterator[Sequence[object]]) -> tuple[tuple[Cell, ...], ...]:
    found: list[tuple[Cell, ...]] = []
    problems: list[Problem] = []
    for number, row in enumerate(rows, 1):
        width = next((at for at in range(len(row), 0, -1) if row[at - 1] is not None), 0)  # a broad row of nothing costs little
        cells = [_plain(value) for value in row[:width]]
        while cells and cells[-1] is None:
            cells.pop()
        if cells and number > MOST_ROWS:
            raise BadInput([Problem(name, number, sheet, f"has more than {MOST_ROWS:,} rows; split it")])
        if len(cells) > MOST_COLUMNS:
            raise BadInput([Problem(name, number, sheet, f"has more than {MOST_COLUMNS} columns; delete what is far to the right")])
        for column, cell in enumerate(cells):
            if isinstance(cell, str) and len(cell) > LONGEST:
                problems.append(
                    Problem(name, number, sheet, f"{letters(column)}{number} holds {len(cell):,} characters; at most {LONGEST:,}")
                )
        found.append(tuple(cells))
    if problems:
        raise BadInput(problems[:100])
    while found and not found[-1]:
        found.pop()
    return tuple(found)


def _plain(value: object) -> Cell:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        return int(value) if value == int(value) and abs(value) < 1 << 53 else value
    text = _CONTROL.sub("", "" if value is None else str(value)).strip()
    return "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff") or None


def letters(column: int) -> str:
    """0 -> A, 26 -> AA."""
    name, rest = "", column + 1
    while rest:
        rest, digit = divmod(rest - 1, 26)
        name = chr(65 + digit) + name
    return name


def _bad(name: str, text: str) -> BadInput:
    return BadInput([Problem(name, 0, "", text)])
