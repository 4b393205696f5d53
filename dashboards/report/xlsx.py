"""A report as a workbook: a sheet per table, real dates and numbers, nothing that Excel would compute."""

from __future__ import annotations

import io
from datetime import date, datetime

from openpyxl import Workbook
from openpyxl.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from dashboards.report.content import Cell, Report, Table, printable
from plantroom.clock import at_utc

FORMATS = {
    Cell.INSTANT: "yyyy-mm-dd hh:mm:ss",
    Cell.DAY: "yyyy-mm-dd",
    Cell.MINUTES: "0.0",
    Cell.HOURS: "0.00",
    Cell.SHARE: "0.00%",
    Cell.COUNT: "0",
    Cell.AMOUNT: "0.00",
}
HEAD = PatternFill("solid", start_color="FFE8EDF2")
BAD = Font(color="FFB00020")
WIDEST = 60
FORBIDDEN = "[]:*?/\\"  # in a sheet's name


def workbook(report: Report, made_ns: int) -> bytes:
    """made_ns: as of when; it is the file's date too, so that the same report is the same file. Instants are local ones of the site."""
    book = Workbook()
    book.properties.created = book.properties.modified = at_utc(made_ns).replace(tzinfo=None)
    book.properties.creator, book.properties.title = "Plantroom", printable(report.title)
    first = book.active
    assert first is not None
    _cover(first, report)
    for table in report.tables:
        _sheet(book.create_sheet(_name(table.title)), table, report)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cover(sheet: Worksheet, report: Report) -> None:
    sheet.title = _name(report.title)
    _put(sheet, 1, 1, report.title, Cell.TEXT, report)
    sheet.cell(1, 1).font = Font(bold=True, size=14)
    row = 3
    for key, value in report.facts:
        _put(sheet, row, 1, key, Cell.TEXT, report)
        _put(sheet, row, 2, value, Cell.TEXT, report)
        row += 1
    for note in report.notes:
        row += 1
        _put(sheet, row, 1, note, Cell.TEXT, report)
    for who in report.signatures:
        row += 2
        _put(sheet, row, 1, who, Cell.TEXT, report)
        _put(sheet, row, 2, "____________________", Cell.TEXT, report)
    sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, WIDEST


def _sheet(sheet: Worksheet, table: Table, report: Report) -> None:
    for n, (words, _) in enumerate(table.columns, 1):
        cell = _put(sheet, 1, n, words, Cell.TEXT, report)
        cell.font, cell.fill, cell.alignment = Font(bold=True), HEAD, Alignment(wrap_text=True, vertical="top")
    for at, row in enumerate(table.rows):
        for n, ((_, kind), value) in enumerate(zip(table.columns, row, strict=True), 1):
            cell = _put(sheet, at + 2, n, value, kind, report)
            if at in table.bad:
                cell.font = BAD
    sheet.freeze_panes = "A2"
    if table.rows:
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.columns))}{len(table.rows) + 1}"
    for n, (words, kind) in enumerate(table.columns):
        longest = max([_columns(words), *(_columns(str(row[n])) for row in table.rows if kind is Cell.TEXT)], default=8)
        sheet.column_dimensions[get_column_letter(n + 1)].width = 20 if kind is Cell.INSTANT else min(WIDEST, max(9, longest + 2))


def _put(sheet: Worksheet, row: int, column: int, value: object, kind: Cell, report: Report) -> SheetCell:
    cell = sheet.cell(row, column)
    assert isinstance(cell, SheetCell)  # nothing is merged
    if value is None:
        return cell
    if kind is Cell.TEXT:
        cell.value = printable(str(value))
        cell.data_type = "s"  # what begins with = is text like any other
        return cell
    if kind is Cell.INSTANT:
        cell.value = at_utc(int(str(value))).astimezone(report.zone).replace(tzinfo=None, microsecond=0)
    elif kind is Cell.DAY:
        cell.value = datetime.combine(date.fromisoformat(str(value)), datetime.min.time())
    else:
        cell.value = int(str(value)) if kind is Cell.COUNT else float(str(value))
    cell.number_format = FORMATS[kind]
    return cell


def _name(title: str) -> str:
    return "".join(" " if letter in FORBIDDEN else letter for letter in printable(title))[:29].strip("' ") or "-"


def _columns(text: str) -> int:
    return sum(2 if ord(letter) > 0x2E80 else 1 for letter in text)
