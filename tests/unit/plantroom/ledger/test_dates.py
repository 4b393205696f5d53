"""What a cell says of a day, in the forms in which property managers write it (L-1)."""

from __future__ import annotations

from datetime import date

import pytest

from plantroom.ledger.dates import DAY_FIRST, MONTH_FIRST, last_day, order_of, read_date
from plantroom.ledger.intervals import read_interval, words_of
from plantroom.words import LANGUAGES


@pytest.mark.parametrize(
    "cell",
    ["2021-3-5", "2021-03-05", "2021/3/5", "2021.03.05", "2021年3月5日", "2021 年 3 月 5 号", "20210305", 20210305, 44260, "44260", 44260.75, "２０２１－３－５",
     "2021-03-05 14:30", "2021-03-05T00:00:00", "2021/3/5 8:00:00", "5 Mar 2021", "5-Mar-2021", "March 5th, 2021", "Mar 5, 2021", date(2021, 3, 5)],
)  # fmt: skip
def test_L_1_one_day_in_every_form(cell: object) -> None:
    assert read_date(cell) == "2021-03-05"  # type: ignore[arg-type]


@pytest.mark.parametrize(("cell", "said"), [("2021-03", "2021-03"), ("2021年3月", "2021-03"), ("2021.3", "2021-03"), ("202103", "2021-03"), ("2021", "2021"), (2021, "2021"), ("2021年", "2021")])
def test_a_month_and_a_year_are_kept_as_such(cell: str | int, said: str) -> None:
    assert read_date(cell) == said


@pytest.mark.parametrize(
    ("cell", "why"),
    [("31/02/2021", "no day of the calendar"), ("2021-02-30", "no day"), ("2021-13-01", "no day"), ("2021-13", "no month"), ("03/04/2021", "may be 2021-04-03 or 2021-03-04"),
     ("21-3-5", "two digits"), ("3/4/21", "two digits"), ("去年", "no date"), ("5", "no date"), (5, "no date"), (1e300, "no date"), ("29 Feb 2021", "no day"),
     ("5 Foo 2021", "no date"), ("0000-01-01", "no day"), ("2500-01-01", "no day"), (20211301, "no day"), ("", "no date")],
)  # fmt: skip
def test_what_is_no_day_or_two_is_refused_with_a_remedy(cell: str | float, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        read_date(cell)
    assert "2021-03-05" in str(refused.value)


def test_the_column_decides_what_03_04_means() -> None:
    assert order_of(["03/04/2021", "25/12/2020"]) == DAY_FIRST and order_of(["03/04/2021", "12/25/2020"]) == MONTH_FIRST
    assert order_of(["03/04/2021"]) is None and order_of(["25/12/2020", "12/25/2020"]) is None, "both: it says nothing"
    assert read_date("03/04/2021", order=DAY_FIRST) == "2021-04-03" and read_date("03/04/2021", order=MONTH_FIRST) == "2021-03-04"
    assert read_date("25/12/2020", order=MONTH_FIRST) == "2020-12-25" and read_date("5/5/2021") == "2021-05-05"


def test_day_numbers_of_1904(  # Excel for Mac of old
) -> None:
    assert read_date(42798, epoch_1904=True) == "2021-03-05"


def test_until_a_month_is_its_last_day_and_a_year_is_none() -> None:
    assert last_day("2024-02") == date(2024, 2, 29) and last_day("2021-03-05") == date(2021, 3, 5) and last_day("2021") is None


@pytest.mark.parametrize(
    ("text", "iso"),
    [("半月", "P15D"), ("每半个月", "P15D"), ("每月", "P1M"), ("月度", "P1M"), ("季度", "P3M"), ("每季度", "P3M"), ("半年", "P6M"), ("12个月", "P12M"), ("一年", "P1Y"), ("每年", "P1Y"), ("年检", "P1Y"),
     ("90 days", "P90D"), ("90天", "P90D"), ("每15天", "P15D"), ("十五天", "P15D"), ("每两周", "P2W"), ("每周一次", "P1W"), ("2次/年", "P6M"), ("每月2次", "P15D"), ("1次/季度", "P3M"), ("monthly", "P1M"),
     ("Quarterly", "P3M"), ("every 2 weeks", "P2W"), ("6 months", "P6M"), ("twice a year", "P6M"), ("once per month", "P1M"), ("P3M", "P3M"), ("1 yr", "P1Y"), ("双周", "P2W")],
)  # fmt: skip
def test_L_1_intervals_in_every_form(text: str, iso: str) -> None:
    assert read_interval(text) == iso


@pytest.mark.parametrize("text", ["", "经常", "0天", "99999天", "每0月", "每年0次", "often", "P0D", "P1H", "半天半"])
def test_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no interval"):
        read_interval(text)


@pytest.mark.parametrize("iso", ["P1D", "P15D", "P1W", "P2W", "P1M", "P3M", "P12M", "P1Y", "P20Y"])
def test_the_words_of_an_interval_are_read_again(iso: str) -> None:
    for lang in LANGUAGES:
        words = words_of(iso, lang)
        assert words is not None and read_interval(words) == iso
    assert words_of("90d", "zh") is None and words_of(3, "zh") is None
