"""A site's equipment -> a ledger sheet, XLSX or CSV. What is written is read again to the same ledger."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from plantroom.certificates import KNOWN, by_what
from plantroom.ledger import headings
from plantroom.ledger.grid import LONGEST, guarded
from plantroom.ledger.intervals import words_of
from plantroom.ledger.reading import NUMBERS, PLAIN
from plantroom.ledger.review import machines
from plantroom.site import Equipment, PastRecord, Site
from plantroom.words import say

_CONTROL = re.compile("[\x00-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
WIDTH = 16


def table(site: Site, lang: str) -> tuple[list[str], list[list[object]]]:
    """Headings and rows; a cell is text, a number, a day or None. Columns that nothing fills are left out, but for those L-1 asks for."""
    equipment = list(machines(site))
    fields = _fields(equipment)
    rows = [[_cell(machine, field, lang) for field in fields] for machine in equipment]
    return [_title(field, lang) for field in fields], rows


def _whole(top: Sequence[str], rows: Sequence[Sequence[object]]) -> list[Sequence[object]]:
    return [top, *rows]


def to_csv(site: Site, lang: str) -> bytes:
    """UTF-8 with its mark, so that a spreadsheet program takes it for what it is."""
    top, rows = table(site, lang)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in _whole(top, rows):
        writer.writerow([guarded(cell) if isinstance(cell, str) else "" if cell is None else str(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def to_xlsx(site: Site, lang: str) -> bytes:
    """Real dates and numbers, the headings stay in sight. Text that begins with = is text."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    top, rows = table(site, lang)
    book = Workbook()
    sheet: Any = book.active
    sheet.title = say("ledger_sheet.title", lang)
    for number, row in enumerate(_whole(top, rows), 1):
        for column, cell in enumerate(row, 1):
            if cell is None:
                continue
            placed = sheet.cell(number, column)
            placed.value = cell
            if isinstance(cell, str):
                placed.data_type = "s"
            elif isinstance(cell, date):
                placed.number_format = "yyyy-mm-dd"
            if number == 1:
                placed.font = Font(bold=True)
                sheet.column_dimensions[placed.column_letter].width = WIDTH
    sheet.freeze_panes = "C2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ASKED = ("model", "installed", "interval", "supplier")
Field = tuple[str, str]  # (ledger key or column, "") or (certificate, its part)


def _fields(equipment: Sequence[Equipment]) -> list[Field]:
    used = {key for machine in equipment for key in machine.ledger}
    usual = [key for key in headings.ledger_keys() if key in used or key in ASKED]
    own = list(dict.fromkeys(key for machine in equipment for key in machine.ledger if key not in usual))
    held = [one for machine in equipment for one in machine.certificates]
    whats = dict.fromkeys([*(what for what in KNOWN if what in {one.what for one in held}), *(one.what for one in held)])
    parts = [
        (what, part)
        for what in whats
        for part in headings.CERTIFICATE_PARTS
        if part == "until" or any(getattr(one, part) for one in held if one.what == what)
    ]
    return [*((key, "") for key in (*PLAIN, *usual)), *parts, ("records", ""), *((key, "") for key in own)]


def _title(field: Field, lang: str) -> str:
    what, part = field
    if part:
        return headings.certificate_title(plain(what), part, lang)
    known = headings.titles().get(what)
    return known[lang] if known is not None else plain(what)


def _cell(machine: Equipment, field: Field, lang: str) -> object:
    what, part = field
    if part:
        held = by_what(machine.certificates).get(what)
        if held is None:
            return None
        return (held.until or say("ledger_sheet.forever", lang)) if part == "until" else plain(getattr(held, part)) or None
    match what:
        case "id":
            return machine.id
        case "name":
            return plain(machine.name)
        case "kind":
            return machine.kind.says[lang]
        case "location":
            return plain(machine.location) or None
        case "state":
            return say(f"equipment_state.{machine.state.value}", lang)
        case "records":
            told = (plain(_record(record, lang).replace(";", ",").replace("；", "，")) for record in machine.records)
            return "; ".join(told) or None
    return _value(what, machine.ledger.get(what), lang)


def _record(record: PastRecord, lang: str) -> str:
    """A year by itself is marked as one: 2000 may be a speed."""
    if len(record.on) == 4:
        return f"{record.on}年 {record.what}" if lang == "zh" else f"in {record.on}: {record.what}"
    return f"{record.on} {record.what}"


def _value(field: str, value: object, lang: str) -> object:
    if value is None or isinstance(value, bool):
        return None if value is None else say(f"truth.{'yes' if value else 'no'}", lang)
    if field == "interval" and (words := words_of(value, lang)) is not None:
        return words
    if isinstance(value, int | float):
        return value if field in NUMBERS else str(value)
    if isinstance(value, Mapping):
        return plain("; ".join(f"{key} {one}" for key, one in value.items()))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return plain("、".join(str(one) for one in value))
    text = plain(str(value))
    if field in headings.titles() and _DAY.fullmatch(text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def plain(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())[:LONGEST]
