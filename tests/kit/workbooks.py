"""XLSX files for tests, made cell by cell, and what is wrong with them on purpose."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openpyxl import Workbook


def workbook(sheets: Mapping[str, Sequence[Sequence[object]]], merged: Iterable[str] = ()) -> bytes:
    """merged: of the first sheet."""
    book = Workbook()
    book.remove(book["Sheet"])
    for name, rows in sheets.items():
        sheet: Any = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    for area in merged:
        book.worksheets[0].merge_cells(area)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def changed(data: bytes, part: str, by: Any) -> bytes:
    """The same packed file with one part's bytes put through `by`."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, by(before.read(name)) if name == part else before.read(name))
    return out.getvalue()
