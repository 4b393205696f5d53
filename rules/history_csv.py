"""A table of samples as CSV (plain or .gz) -> blocks of instants and values -> spans. Every bad cell has its line.

First column `time`: ISO 8601, UTC where it names no zone, never going back. The others `equipment.point`: numbers in the unit of the kind
file, 0/1 or true/false, enum names or codes, set members joined with `+`. An empty cell or `nan` is no sample.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from plantroom.clock import to_ns
from plantroom.errors import BadInput, Problem
from plantroom.kinds import KindPoint
from plantroom.site import Equipment
from plantroom.yaml_file import Wrong
from rules.series import value_of
from rules.table import MOST_PROBLEMS, Block, Column, named
from rules.windows import Floats

BLOCK_ROWS = 5_000


class HistoryFile:
    """An open file; `columns` is what its first line says. Raises BadInput with file:line for whatever cannot be used."""

    def __init__(self, path: Path, equipment: Mapping[str, Equipment]) -> None:
        self._path, self._equipment = path, equipment
        with ExitStack() as stack:
            try:
                raw = stack.enter_context(self._path.open("rb"))
                packed = raw.peek(2)[:2] == b"\x1f\x8b"
            except OSError as error:
                raise self._bad(0, "", f"cannot be read: {error.strerror or error}") from error
            plain = stack.enter_context(gzip.open(raw)) if packed else raw
            text = stack.enter_context(io.TextIOWrapper(plain, encoding="utf-8-sig", newline=""))
            self._rows = csv.reader(text, strict=True)
            self.columns: tuple[Column, ...] = self._header()
            self._open = stack.pop_all()

    def close(self) -> None:
        self._open.close()

    def blocks(self) -> Iterator[Block]:
        last = np.iinfo(np.int64).min
        first_line = 2
        while rows := self._next():
            block = self._block(rows, first_line, last)
            last, first_line = int(block.at_ns[-1]) if block.at_ns.size else last, first_line + len(rows)
            yield block

    # --- reading

    def _header(self) -> tuple[Column, ...]:
        header = next(iter(self._next(1)), None)
        if header is None:
            raise self._bad(1, "", "is empty; the first line names the columns: time,equipment.point,...")
        if header[0].strip() != "time":
            parted = ", and the cells are parted by commas" if ";" in header[0] else ""
            raise self._bad(1, header[0], f"the first column must be `time`{parted}")
        return named(header[1:], self._equipment, self._path)

    def _next(self, most: int = BLOCK_ROWS) -> list[list[str]]:
        rows: list[list[str]] = []
        try:
            for row in self._rows:
                rows.append(row)
                if len(rows) == most:
                    break
        except (csv.Error, UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise self._bad(self._rows.line_num, "", f"cannot be read as CSV: {error}") from error
        return rows

    def _block(self, rows: list[list[str]], first_line: int, last: int) -> Block:
        problems: list[Problem] = []
        width = len(self.columns) + 1
        kept: list[list[str]] = []
        lines: list[int] = []
        instants: list[int] = []
        for line, row in enumerate(rows, first_line):
            if not row:
                continue
            said = f"has {len(row)} cells where the header has {width}" if len(row) != width else ""
            at = 0
            if not said:
                try:
                    at = instant_ns(row[0])
                except ValueError:
                    said = f"{row[0]!r} is no instant; write 2026-03-01T06:00:00Z"
            if not said and at < last:
                said = f"{row[0]} is earlier than the row before; sort the file by time"
            if said:
                problems.append(Problem(str(self._path), line, "time", said))
                continue
            last = at
            kept.append(row)
            lines.append(line)
            instants.append(at)
        table = list(zip(*kept, strict=True))
        values = np.empty((len(kept), len(self.columns)))
        for column in self.columns:
            values[:, column.at] = self._cells(table[column.at + 1], column, lines, problems) if kept else []
        if problems:
            raise BadInput(sorted(problems)[:MOST_PROBLEMS])
        return Block(np.array(instants, np.int64), values)

    def _cells(self, cells: Sequence[str], column: Column, lines: Sequence[int], problems: list[Problem]) -> Floats:
        try:
            found = np.array([cell or "nan" for cell in cells]).astype(np.float64)
            if not np.isinf(found).any():
                return found
        except ValueError:
            pass
        found = np.full(len(cells), np.nan)
        for at, cell in enumerate(cells):
            try:
                found[at] = _value(cell.strip(), column.point)
            except Wrong as error:
                problems.append(Problem(str(self._path), lines[at], f"{column.equipment}.{column.point.name}", str(error)))
        return found

    def _bad(self, line: int, where: str, text: str) -> BadInput:
        return BadInput([Problem(str(self._path), line, where, text)])


def instant_ns(text: str) -> int:
    """Epoch ns of an ISO 8601 instant, UTC where it names no zone. Raises ValueError."""
    at = datetime.fromisoformat(text.strip())
    return to_ns(at if at.tzinfo else at.replace(tzinfo=UTC))


def _value(cell: str, point: KindPoint) -> float:
    if not cell or cell.lower() == "nan":
        return math.nan
    try:
        number = float(cell)
    except ValueError:
        return value_of(cell, point)
    if math.isinf(number):
        raise Wrong(f"{cell!r} is no value; leave the cell empty where there is no sample")
    return number
