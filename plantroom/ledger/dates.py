"""What a cell says of a day -> ISO text: 2021-03-05, 2021-03 or 2021. Pure.

Read are 2021-3-5, 2021/3/5, 2021.03.05, 2021年3月5日, 20210305, day numbers of a spreadsheet (44260), 5 Mar 2021, 25/12/2020, with or
without a time of day. 03/04/2021 is two days; which one it is only another cell of the column can say (`order_of`).
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from datetime import date, timedelta

from plantroom.ledger.grid import Cell

YEARS = range(1900, 2101)
NUMBERS = range(20_000, 80_000)  # day numbers: 1954..2119; a smaller one is something else
EPOCH, EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_TIME = re.compile(r"(?<=\d)(?:T|\s+)\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s*(?:[AaPp][Mm])?$")
_YMD = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*[日号]?")
_YM = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?")
_Y = re.compile(r"(\d{4})\s*年?")
_XXY = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4})")
_SHORT = re.compile(r"\d{2}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*[日号]?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2}")
_DIGITS = re.compile(r"(\d{4})(\d{2})(\d{2})?")
_DMONY = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s-]+([A-Za-z]{3,9})\.?,?[\s-]+(\d{4})")
_MONDY = re.compile(r"([A-Za-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})")
_MONTHS = {
    name: number for number, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
DAY_FIRST, MONTH_FIRST = "day first", "month first"
SAY = "write it as 2021-03-05"


def read_date(cell: Cell, *, order: str | None = None, epoch_1904: bool = False) -> str:
    """ISO text, as precise as the cell is: day, month or year. order: what 03/04/2021 means here.

    Raises ValueError, which says what to write.
    """
    if isinstance(cell, date):
        return _within(cell)
    if isinstance(cell, float):
        cell = int(cell)  # the day of a day number with a time
    if isinstance(cell, int):
        return _of_number(cell, epoch_1904)
    text = _TIME.sub("", unicodedata.normalize("NFKC", cell or "").strip())
    if text.isascii() and text.isdigit():
        return _of_number(int(text), epoch_1904) if len(text) in (4, 5) else _of_digits(text)
    if match := _YMD.fullmatch(text):
        return _day(*map(int, match.groups()))
    if match := _YM.fullmatch(text):
        return _month(*map(int, match.groups()))
    if match := _Y.fullmatch(text):
        return _year(int(match.group(1)))
    if match := _XXY.fullmatch(text):
        return _either(int(match.group(1)), int(match.group(3)), int(match.group(4)), text, order)
    if match := _DMONY.fullmatch(text):
        return _named(match.group(3), match.group(2), match.group(1), text)
    if match := _MONDY.fullmatch(text):
        return _named(match.group(3), match.group(1), match.group(2), text)
    if _SHORT.fullmatch(text):
        raise ValueError(f"{text!r} has a year of two digits; {SAY}")
    raise ValueError(f"{text[:40]!r} is no date; {SAY}")


def order_of(cells: Iterable[Cell]) -> str | None:
    """What the other cells of a column say of 03/04/2021: 25/12/2020 among them says day first; None where they say nothing, or both."""
    found = set()
    for cell in cells:
        match = _XXY.fullmatch(_TIME.sub("", unicodedata.normalize("NFKC", cell).strip())) if isinstance(cell, str) else None
        if match is not None:
            one, other = int(match.group(1)), int(match.group(3))
            if one > 12 >= other:
                found.add(DAY_FIRST)
            elif other > 12 >= one:
                found.add(MONTH_FIRST)
    return found.pop() if len(found) == 1 else None


def last_day(iso: str) -> date | None:
    """Of what is valid until then: a month's last day; None for a year alone, which is no limit that anybody can keep."""
    parts = [int(part) for part in iso.split("-")]
    if len(parts) == 1:
        return None
    return date(*parts) if len(parts) == 3 else date(parts[0], parts[1], monthrange(parts[0], parts[1])[1])


def _of_number(number: int, epoch_1904: bool) -> str:
    if number in YEARS:
        return _year(number)
    if number in NUMBERS:
        return _within((EPOCH_1904 if epoch_1904 else EPOCH) + timedelta(number))
    if 190_000 <= number <= 21_001_231:
        return _of_digits(str(number))
    raise ValueError(f"{number} is no date; {SAY}")


def _of_digits(text: str) -> str:
    match = _DIGITS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:40]!r} is no date; {SAY}")
    year, month, day = match.groups()
    return _day(int(year), int(month), int(day)) if day else _month(int(year), int(month))


def _either(one: int, other: int, year: int, text: str, order: str | None) -> str:
    if order is None and one <= 12 and other <= 12 and one != other:
        first, second = f"{year}-{other:02}-{one:02}", f"{year}-{one:02}-{other:02}"
        raise ValueError(f"{text!r} may be {first} or {second}, and no other cell of the column says which; {SAY}")
    month_first = other > 12 or (order == MONTH_FIRST and one <= 12)
    return _day(year, one, other) if month_first else _day(year, other, one)


def _named(year: str, month: str, day: str, text: str) -> str:
    number = _MONTHS.get(month[:3].lower())
    if number is None:
        raise ValueError(f"{text[:40]!r} is no date; {SAY}")
    return _day(int(year), number, int(day))


def _day(year: int, month: int, day: int) -> str:
    try:
        return _within(date(year, month, day))
    except ValueError:
        raise ValueError(f"{year}-{month:02}-{day:02} is no day of the calendar; {SAY}") from None


def _within(day: date) -> str:
    if day.year not in YEARS:
        raise ValueError(f"{day.isoformat()} is outside {YEARS[0]}..{YEARS[-1]}; {SAY}")
    return day.isoformat()


def _month(year: int, month: int) -> str:
    if year not in YEARS or not 1 <= month <= 12:
        raise ValueError(f"{year}-{month:02} is no month of the calendar; {SAY}")
    return f"{year}-{month:02}"


def _year(year: int) -> str:
    if year not in YEARS:
        raise ValueError(f"{year} is no year between {YEARS[0]} and {YEARS[-1]}; {SAY}")
    return str(year)
