"""K-5, `plantroom report`: the files are opened and read, cell by cell and page by page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest
from openpyxl import load_workbook
from pypdf import PdfReader

from dashboards.report.content import Cell, Daily, Report, Response, Table
from dashboards.report.pdf import pages
from dashboards.report.plots import intact_plot, response_plot
from dashboards.report.xlsx import workbook
from plantroom.cli import run
from plantroom.clock import NS, VirtualClock
from plantroom.kpi.period import period
from tests.kit.console_site import site_file
from tests.unit.dashboards.test_kpi import NOW, furnished

MONTH = period("2026-11", ZoneInfo("Asia/Shanghai"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    house = furnished(tmp_path, VirtualClock(NOW))
    yield tmp_path
    house.close()


def ask(folder: Path, out: str, *more: str) -> int:
    command = ["report", str(site_file(folder)), "--data", str(folder / "data"), "--period", "2026-11", "--out", str(folder / out)]
    return run([*command, *more])


def test_the_workbook_has_a_sheet_per_table_with_real_dates_and_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(folder, "F.xlsx", "--json") == 0
    told = orjson.loads(capsys.readouterr().out)
    book = load_workbook(folder / "F.xlsx")
    assert book.sheetnames[:3] == ["设施设备服务绩效报告", "指标", "各系统完好率"] and len(book.sheetnames) == 9
    rates = {row[0].value: row for row in book["指标"].iter_rows(min_row=2)}
    response = rates["一般故障响应率"]
    assert (response[1].value, response[1].number_format, response[2].value, response[3].value) == (0.5, "0.00%", 1.0, 2.0)
    heads = next(figure for figure in told["figures"] if figure["id"] == "K-1.heads" and figure["system"] == "all")
    assert rates["完好率（每日 08:00 点数）"][1].value == pytest.approx(heads["value"])
    orders = list(book["工单"].iter_rows(min_row=2))
    assert {row[0].value for row in orders} == {"O1-1", "O2-1"}
    assert orders[0][4].value == datetime(2026, 11, 21, 15, 0) and orders[0][4].is_date  # noqa: DTZ001 (Excel knows no zone; its head says which)
    assert orders[0][5].value in (None, pytest.approx(40 / 60))
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)


def test_the_pdf_says_the_same_in_text_and_has_its_pictures(folder: Path) -> None:
    assert ask(folder, "F.pdf") == 0 and ask(folder, "E.pdf", "--lang", "en") == 0
    zh, en = (PdfReader(folder / name) for name in ("F.pdf", "E.pdf"))
    text = "".join(page.extract_text() for page in zh.pages)
    assert all(words in text for words in ("设施设备服务绩效报告", "总部大厦", "50.0 %", "一般故障响应率", "1号发电机", "确认（业主方）"))
    english = "".join(page.extract_text() for page in en.pages)
    assert "Service report" in english and "Response, normal" in english and "50.0 %" in english and "Confirmed (owner)" in english
    drawn = b"".join(page.get_contents().get_data() for page in zh.pages)  # type: ignore[union-attr]
    assert zh.metadata is not None and zh.metadata.title == "设施设备服务绩效报告" and len(drawn) > 5_000


def test_the_same_report_is_the_same_file(folder: Path) -> None:
    for out in ("A.pdf", "B.pdf", "A.xlsx", "B.xlsx"):
        assert ask(folder, out) == 0
    assert (folder / "A.pdf").read_bytes() == (folder / "B.pdf").read_bytes()
    assert cells(folder / "A.xlsx") == cells(folder / "B.xlsx")


def cells(path: Path) -> list[list[object]]:
    return [[cell.value for cell in row] for sheet in load_workbook(path) for row in sheet.iter_rows()]


@pytest.mark.parametrize("more,says", [
    (("--period", "2026-13"), "2026-13"),
    (("--out", "F.doc"), ".pdf"),
    (("--kind", "teapot"), "no kind teapot"),
    (("--system", "teapot"), "no system teapot"),
    (("--data", "nowhere"), "holds no records"),
])  # fmt: skip
def test_what_cannot_be_reported_is_said_and_nothing_is_written(folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, str], says: str) -> None:
    assert ask(folder, "F.pdf", *more) == 2
    assert says in capsys.readouterr().err
    assert not list(folder.glob("*F.*"))


def strange(words: str) -> Report:
    table = Table("missed", words, [(words, Cell.TEXT), ("n", Cell.AMOUNT), ("at", Cell.INSTANT)], [(words, 1.5, NOW), (words, None, None)], frozenset({0}), "")
    return Report(words, words, "zh", MONTH, [(words, words)], [table], Daily([], 0.98), Response([]), [words], (words,))


@pytest.mark.parametrize("words", ["=1+1", "=cmd|' /C calc'!A0", "#panic(1)", "$x$ *b* _i_ `raw` \\ #let x = 1", "@ref <label>", "[[/?*:\\]]", "\x00\x07", "很长" * 300, "'quoted'"])
def test_words_are_never_markup_nor_formulas(words: str) -> None:
    report = strange(words)
    book = load_workbook(io.BytesIO(workbook(report, NOW)))
    shown = "".join(letter for letter in words if letter.isprintable())
    found = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert all(cell.data_type != "f" for cell in found) and (not shown or shown in {cell.value for cell in found})
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pages(report, "x", NOW))).pages)
    if words.isascii() and words.isprintable():
        assert words.replace(" ", "") in text.replace(" ", "").replace("\n", "")


def test_a_day_without_data_is_a_gap_and_who_never_came_is_a_cross() -> None:
    days = [(f"2026-11-{n:02d}", None if n == 3 else 0.97, 0.99) for n in range(1, 6)]
    drawn = intact_plot(Daily(days, 0.98), MONTH, ("a", "b", "c"))
    assert drawn.count('stroke-width="1.6"') == 3, "two pieces by time, one of the head count"
    dots = response_plot(Response([(MONTH.start_ns + 5 * 86_400 * NS, 0.5), (MONTH.start_ns + 6 * 86_400 * NS, 2.0), (MONTH.end_ns - 1, None)]), MONTH, ("a", "b", "<c>"))
    assert dots.count("<circle") == 2 and dots.count("m0-6l-6 6") == 1 and "&lt;c&gt;" in dots
