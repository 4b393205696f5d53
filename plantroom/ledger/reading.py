"""The cells of a ledger -> entries, with every problem of every row in one pass: sheet, row, heading, what it holds, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from plantroom.certificates import MachineCertificate
from plantroom.errors import BadInput, Problem
from plantroom.firms import LEDGER_KEYS
from plantroom.ledger import headings
from plantroom.ledger.dates import last_day, order_of, read_date
from plantroom.ledger.grid import FORMULA, Cell, Grid, Sheet, letters
from plantroom.ledger.intervals import read_interval
from plantroom.site import PastRecord

FIRST_ROWS = 30  # the headings stand among these
MOST_PROBLEMS = 5_000
SINCE = ("made", "installed", "in_use_since", "last_done", "inspected")  # a month or a year is kept as such
UNTIL = ("warranty_until", "next_due")  # a month means its last day
NUMBERS = (
    "rated_power",
    "rated_voltage",
    "rated_current",
    "rated_speed",
    "rated_flow",
    "rated_head",
    "rated_load",
    "cooling_capacity",
    "floors",
)
PLAIN = ("id", "name", "kind", "location", "state")
MOST_RECORDS = 3
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_SECTION = re.compile(r"[一二三四五六七八九十]{1,3}[、.．]|[（(][一二三四五六七八九十]{1,3}[）)]")
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
_BETWEEN_FIRMS = re.compile(r"[、;；]")
_PIECES = re.compile(r"[;；\n\r]+")
_DAY = r"\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}[日号]?|月)?|\d{8}|\d{4}年|(?<=in )\d{4}(?=:)"
_DATED = re.compile(rf"\s*(?:in )?({_DAY})[\s:：,，、]*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """One machine of a sheet. row: as the spreadsheet program counts. id, name, location: "" where the sheet has none. kind: None where no
    word names one; kind_said: what stands there. columns: field -> heading, for what speaks about it. wrong: what of the row could
    not be read."""

    file: str
    sheet: str
    row: int
    id: str = ""
    name: str = ""
    kind: str | None = None
    kind_said: str = ""
    location: str = ""
    state: str | None = None
    ledger: Mapping[str, object] = field(default_factory=dict)
    certificates: tuple[MachineCertificate, ...] = ()
    records: tuple[PastRecord, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict, repr=False)
    wrong: tuple[Problem, ...] = ()

    def problem(self, what: str, text: str) -> Problem:
        """what: a field."""
        return Problem(self.file, self.row, f"{self.sheet}!{self.columns.get(what, what)}", text)


@dataclass(frozen=True, slots=True)
class Ledger:
    """notes: what was passed over, and why. own: headings of the sheets' own, kept as they are written."""

    entries: tuple[Entry, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()
    own: tuple[str, ...] = ()


def read_ledger(grid: Grid, file: str) -> Ledger:
    """file: what problems call it. Raises nothing: whatever is wrong is a problem of the ledger."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    notes: list[Problem] = []
    own: dict[str, None] = {}
    for sheet in grid.sheets:
        reader = _Reader(file, sheet, grid.epoch_1904)
        if reader.top is None:
            notes.append(
                Problem(file, 0, sheet.name, "has no row of headings with a name or an id of equipment among its first rows; passed over")
            )
            continue
        entries += reader.read()
        problems += reader.problems
        notes += reader.notes
        own |= dict.fromkeys(reader.own)
    if not entries and not problems:
        said = f"holds no equipment: no row of headings such as 设备名称, 型号 (Equipment name, Model) in the first {FIRST_ROWS} rows"
        problems.append(
            Problem(
                file,
                0,
                "",
                said
                if not any(sheet.rows and note.line for sheet in grid.sheets for note in notes)
                else "holds headings and no equipment below them",
            )
        )
    problems += _doubles(entries)
    return Ledger(tuple(entries), tuple(problems[:MOST_PROBLEMS]), tuple(notes), tuple(own))


def good(ledger: Ledger) -> tuple[Entry, ...]:
    """Raises BadInput with everything that is wrong: nothing is taken of a sheet that is half right."""
    if ledger.problems:
        raise BadInput(ledger.problems)
    return ledger.entries


def _doubles(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Two rows of one sheet. Several sheets may each say a part about the same machine."""
    seen: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        what, word = ("id", entry.id) if entry.id else ("name", entry.name)
        first = seen.setdefault((entry.sheet, what, word), entry)
        if first is not entry:
            place = f"row {first.row}"
            remedy = "one row a machine" if what == "id" else "give each an id of its own (设备编号), or one row a machine"
            yield entry.problem(what, f"{word!r} stands in {place} already; {remedy}")


class _Reader:
    """One sheet. top: index of the row of headings."""

    def __init__(self, file: str, sheet: Sheet, epoch_1904: bool) -> None:
        self._file, self._sheet, self._epoch_1904 = file, sheet, epoch_1904
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []
        self.own: list[str] = []
        self.top = _top(sheet)
        self._fields: dict[int, str] = {}  # column -> field, of the headings we know
        self._titles: dict[int, str] = {}  # column -> heading as written
        self._orders: dict[int, str | None] = {}

    def read(self) -> Iterator[Entry]:
        assert self.top is not None
        self._headings(self._sheet.rows[self.top])
        for index, row in enumerate(self._sheet.rows[self.top + 1 :], self.top + 1):
            if any(not headings.says_nothing(cell) for cell in row) and not self._passed_over(index, row):
                yield from self._entry(index + 1, row)

    def _headings(self, row: Sequence[Cell]) -> None:
        seen: dict[str, int] = {}
        for column, cell in enumerate(row):
            title = " ".join(str(cell).split()) if cell is not None else ""
            if not title:
                continue
            known = headings.column_of(cell)
            if known == "ordinal":
                continue
            first = seen.setdefault(known or title, column)
            if first != column:
                said = f"{letters(column)} says the same as {letters(first)}, {self._titles[first]!r}; keep one, or rename it"
                self.problems.append(Problem(self._file, (self.top or 0) + 1, f"{self._sheet.name}!{title}", said))
                continue
            self._titles[column] = title
            if known is not None:
                self._fields[column] = known
            else:
                self.own.append(title)
        for column in self._fields:
            below = (row[column] for row in self._sheet.rows[(self.top or 0) + 1 :] if column < len(row))
            self._orders[column] = order_of(below)
        if not {"id", "name"} & set(self._fields.values()):
            self.problems.append(Problem(self._file, (self.top or 0) + 1, self._sheet.name, "has no column 设备名称 (Equipment name)"))

    def _passed_over(self, index: int, row: Sequence[Cell]) -> bool:
        said = [cell for cell in row if not headings.says_nothing(cell)]
        again = row == self._sheet.rows[self.top or 0]
        names = [row[column] for column, known in self._fields.items() if known == "name" and column < len(row)]
        if again or headings.is_total(said[0]) or any(map(headings.is_total, names)):
            return True
        alone = len(said) == 1 and isinstance(said[0], str)
        if headings.is_footer(said[0]) or (alone and (said[0] not in names or _SECTION.match(str(said[0])))):
            text = f"row {index + 1} is no machine: {str(said[0])[:40]!r}; passed over"
            self.notes.append(Problem(self._file, index + 1, self._sheet.name, text))
            return True
        return False

    def _entry(self, number: int, row: Sequence[Cell]) -> Iterator[Entry]:
        plain: dict[str, str] = {}
        ledger: dict[str, object] = {}
        held: dict[str, dict[str, Cell]] = {}
        records: tuple[PastRecord, ...] = ()
        before = len(self.problems)
        for column, title in self._titles.items():
            cell = row[column] if column < len(row) else None
            known = self._fields.get(column)
            if headings.says_nothing(cell):
                continue
            if isinstance(cell, str) and cell.startswith(FORMULA):
                self._wrong(number, column, cell[1:], "is a formula whose value is not in the file; open it, save it, or paste the values")
                continue
            if known in PLAIN:
                plain[str(known)] = one_line(cell)
            elif known == "records":
                records = _records(cell)
            elif known is not None and "." in known:
                what, _, part = known.rpartition(".")
                held.setdefault(what, {})[part] = cell
                if part == "until" and not (isinstance(cell, str) and headings.says_forever(cell)):
                    held[what]["day"] = self._until(number, column, cell, needed=True)
            else:
                value = self._value(number, column, known, cell)
                if value is not None:
                    ledger[known or title] = value
        columns = {known: self._titles[column] for column, known in self._fields.items()}
        kind_said = plain.get("kind", "")
        kind = headings.kind_of(kind_said, plain.get("name", ""))
        state = headings.state_of(plain["state"]) if "state" in plain else None
        entry = Entry(
            self._file, self._sheet.name, number, plain.get("id", ""), plain.get("name", ""), kind, kind_said,
            plain.get("location", ""), state,
            ledger, tuple(_certificate(what, parts) for what, parts in held.items()), records, columns,
        )  # fmt: skip
        self.problems += _wrong_with(entry, plain)
        if entry.name or entry.id:
            yield replace(entry, wrong=tuple(self.problems[before:]))

    def _value(self, number: int, column: int, known: str | None, cell: Cell) -> object:
        if known in SINCE:
            return self._date(number, column, cell)
        if known in UNTIL:
            day = self._until(number, column, cell, needed=False)
            return day.isoformat() if day is not None else None
        if known == "interval":
            try:
                return read_interval(f"{cell}天" if isinstance(cell, int) else one_line(cell))
            except ValueError as error:
                self._wrong(number, column, cell, str(error))
                return None
        if known in LEDGER_KEYS:  # one firm, or several
            firms = [firm.strip() for firm in _BETWEEN_FIRMS.split(one_line(cell)) if firm.strip()]
            return firms if len(firms) > 1 else one_line(cell)
        if known in NUMBERS:
            unit = headings.unit_in(self._titles[column])
            return f"{one_line(cell)} {unit}" if unit and _NUMBER.fullmatch(one_line(cell)) else _number(cell)
        return one_line(cell)

    def _date(self, number: int, column: int, cell: Cell) -> str | None:
        try:
            return read_date(cell, order=self._orders.get(column), epoch_1904=self._epoch_1904)
        except ValueError as error:
            self._wrong(number, column, cell, str(error))
            return None

    def _until(self, number: int, column: int, cell: Cell, *, needed: bool) -> date | None:
        said = self._date(number, column, cell)
        day = last_day(said) if said is not None else None
        if said is not None and day is None:
            self._wrong(
                number,
                column,
                cell,
                f"{said} is a year, and no day until which something holds; write 2026-03-05, or 2026-03 for its last day",
            )
        return day

    def _wrong(self, number: int, column: int, cell: Cell, text: str) -> None:
        shown = "" if str(cell)[:20] in text else f"holds {str(cell)[:40]!r}: "
        place = f"{self._sheet.name}!{self._titles[column]}"
        self.problems.append(Problem(self._file, number, place, f"{shown}{text} (cell {letters(column)}{number})"))


def _top(sheet: Sheet) -> int | None:
    """The row of headings: most known ones, a name or an id among them, two at least; of rows alike the first."""
    best, most = None, 1
    for index, row in enumerate(sheet.rows[:FIRST_ROWS]):
        known = [headings.column_of(cell) for cell in row]
        count = len({one for one in known if one is not None})
        if count > most and {"id", "name"} & set(known):
            best, most = index, count
    return best


def _wrong_with(entry: Entry, plain: Mapping[str, str]) -> Iterator[Problem]:
    if not entry.name and not entry.id:
        yield entry.problem("name", "has no name: write what people call it, or delete the row")
    if "state" in plain and entry.state is None:
        yield entry.problem(
            "state", f"{plain['state'][:40]!r} is no state; write 在用, 停用, 报废 or 调试 (in use, out of service, retired, commissioning)"
        )


def one_line(cell: Cell) -> str:
    if isinstance(cell, date):
        return cell.isoformat()
    return " ".join(str(cell).split())


def _number(cell: Cell) -> int | float | str:
    """1,000 and 45 kW stay as they are written; what is a number becomes one."""
    if isinstance(cell, int | float):
        return cell
    text = one_line(cell)
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)


def _certificate(what: str, parts: Mapping[str, Cell]) -> MachineCertificate:
    day = parts.get("day")
    number, document = (one_line(parts[part]) if part in parts else "" for part in ("number", "document"))
    return MachineCertificate(what, day if isinstance(day, date) else None, number, document)


def _records(cell: Cell) -> tuple[PastRecord, ...]:
    """`2026-10-05 半月保养; 2026-09-20 更换轮滑`: newest first; a piece without a date has none."""
    found = []
    for piece in _PIECES.split(cell.isoformat() if isinstance(cell, date) else str(cell)):
        match = _DATED.fullmatch(piece)
        try:
            on, what = (read_date(match.group(1)), match.group(2)) if match else ("", piece)
        except ValueError:
            on, what = "", piece
        if on or what.strip():
            found.append(PastRecord(on, one_line(what)))
    return newest(found)


def newest(records: Sequence[PastRecord]) -> tuple[PastRecord, ...]:
    return tuple(sorted(records, key=lambda record: record.on, reverse=True)[:MOST_RECORDS])
