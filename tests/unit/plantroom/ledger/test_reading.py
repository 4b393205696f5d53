"""Sheets as property managers keep them (L-1): what is read, what is passed over, and every row's problem in one run."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest

from plantroom.errors import BadInput
from plantroom.ledger import headings
from plantroom.ledger.grid import MOST_COLUMNS, MOST_ROWS, as_text, of_text, read_bytes
from plantroom.ledger.reading import Ledger, read_ledger
from tests.kit.workbooks import changed, workbook

TITLE = ["某大厦设备台账（2026年）"]
TOP = ["序号", "设备名称", "设备类别", "安装位置", "规格型号", "安装时间", "维保周期", "供应商", "下次检验日期", "额定功率(kW)"]


def read(data: bytes, name: str = "l.xlsx") -> Ledger:
    return read_ledger(read_bytes(name, data), name)


def said(ledger: Ledger) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.where, problem.text) for problem in ledger.problems]


def test_L_1_a_sheet_with_a_merged_title_totals_and_empty_rows() -> None:
    rows = [TITLE, [], TOP, [1, "1号客梯", "客梯", "A座", "GeN2", date(2018, 5, 3), "半月", "奥的斯", date(2026, 12, 5), 18.5], [], ["一、消防系统"], [2, "喷淋泵", None, None, "XBD", 43223, "每月", "无", "2026.12", 30], ["合计", 2], ["制表人：张三"]]  # fmt: skip
    ledger = read(workbook({"台账": rows}, ["A1:J1"]))
    assert not ledger.problems
    lift, pump = ledger.entries
    assert (lift.name, lift.kind, lift.location, lift.row) == ("1号客梯", "elevator", "A座", 4)
    assert lift.ledger == {"model": "GeN2", "installed": "2018-05-03", "interval": "P15D", "supplier": "奥的斯", "rated_power": "18.5 kW"}
    assert [(held.what, held.until) for held in lift.certificates] == [("inspection", date(2026, 12, 5))]
    assert (pump.kind, pump.row) == ("fire_pump", 7) and "supplier" not in pump.ledger, "无 is nothing"
    assert pump.certificates[0].until == date(2026, 12, 31), "a month is its last day"
    assert [note.line for note in ledger.notes] == [6, 9], "sections and footers are said to be passed over"


def test_english_headings_and_several_sheets_that_each_say_a_part() -> None:
    one = [["Equipment ID", "Equipment name", "Type", "Model no."], ["L1", "Lift 1", "passenger lift", "GeN2"]]
    other = [["Equipment ID", "Next inspection", "Inspection report no."], ["L1", "25/12/2026", "R-1"], ["L2", "03/04/2026", "R-2"]]
    ledger = read(workbook({"Nameplates": one, "Inspections": other, "Readme": [["how to fill this in"]]}))
    assert not ledger.problems, ledger.problems
    assert [(entry.id, entry.kind) for entry in ledger.entries] == [("L1", "elevator"), ("L1", None), ("L2", None)]
    assert ledger.entries[2].certificates[0].until == date(2026, 4, 3), "25/12/2026 in the column says day first"
    assert [note.where for note in ledger.notes] == ["Readme"]


def test_every_rows_problem_is_listed_in_one_run_with_sheet_row_heading_and_cell() -> None:
    rows = [TOP, [1, "1号客梯", "客梯", "", "", "2021-02-31", "经常", "", "2027", ""], [2, "2号客梯", "客梯", "", "", "03/04/2021", "", "", "", ""], [3, "1号客梯", "客梯"], [4, "", "客梯", "A座"]]
    ledger = read(workbook({"台账": rows}))
    places = [(line, where) for line, where, _ in said(ledger)]
    assert places == [(2, "台账!安装时间"), (2, "台账!维保周期"), (2, "台账!下次检验日期"), (3, "台账!安装时间"), (5, "台账!设备名称"), (4, "台账!设备名称")]
    texts = [text for _, _, text in said(ledger)]
    assert "(cell F2)" in texts[0] and "2021-02-31 is no day" in texts[0] and "write it as" in texts[0]
    assert texts[1].startswith("'经常' is no interval") and "stands in row 2 already" in texts[5]


def test_two_columns_that_say_the_same_are_a_problem() -> None:
    [(line, where, text)] = said(read(workbook({"s": [["设备名称", "名称", "型号"], ["a", "b", "c"]]})))
    assert (line, where) == (1, "s!名称") and "says the same as A" in text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_text_in_every_encoding_and_with_every_delimiter(encoding: str, delimiter: str) -> None:
    text = "\r\n".join(delimiter.join(row) for row in (["设备名称", "型号", "备注"], ["1号客梯", "GeN2", '"多行\n备注"'], ["2号客梯", "GeN2", ""]))
    ledger = read(text.encode(encoding), "l.csv")
    assert not ledger.problems and [entry.name for entry in ledger.entries] == ["1号客梯", "2号客梯"]
    assert ledger.entries[0].ledger == {"model": "GeN2", "notes": "多行 备注"}


def test_cells_merged_downwards_count_for_every_row() -> None:
    rows = [["设备名称", "安装位置", "型号"], ["泵1", "B2", "x"], ["泵2", None, "y"], ["泵3", "B3", "z"]]
    assert [entry.location for entry in read(workbook({"s": rows}, ["B2:B3"])).entries] == ["B2", "B2", "B3"]


def test_a_formula_is_never_calculated_and_one_without_a_value_is_said() -> None:
    data = workbook({"s": [["设备名称", "型号", "安装时间"], ["泵1", "=1+1", "2021-03-05"]]})
    [(line, where, text)] = said(read(data))
    assert (line, where) == (2, "s!型号") and "formula" in text
    shown = changed(data, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>").replace(b"<v/>", b"<v>2</v>"))
    assert read(shown).entries[0].ledger["model"] == "2", "what the program last showed"


def test_a_heading_of_the_sheets_own_is_kept_as_it_is_written() -> None:
    ledger = read("设备名称,控制柜颜色,压力表检定有效期至\n泵1,红,2026-05-01\n".encode())
    [entry] = ledger.entries
    assert entry.ledger == {"控制柜颜色": "红"} and ledger.own == ("控制柜颜色",)
    assert [(held.what, held.until) for held in entry.certificates] == [("压力表检定", date(2026, 5, 1))]


def test_last_records_are_read_newest_first() -> None:
    [entry] = read("设备名称,最近3次维护记录\n泵1,\"2026-9-20 换轴承；2026年10月5日：月保\n2026-08 大修;再早\"\n".encode()).entries
    assert [(record.on, record.what) for record in entry.records] == [("2026-10-05", "月保"), ("2026-09-20", "换轴承"), ("2026-08", "大修")]


@pytest.mark.parametrize(
    ("word", "kind"),
    [("1号客梯", "elevator"), ("电梯机房", "room"), ("喷淋泵", "fire_pump"), ("生活水泵", "pump"), ("自动扶梯", "asset"), ("柴油发电机组", "generator"), ("Passenger lift 3", "elevator"), ("Chillers", "chiller"),
     ("疏散楼梯2", "area"), ("ventilation", None), ("东西", None), ("消防控制室", "room"), ("冷水机组", "chiller"), ("正压送风机", "smoke_fan"), ("双电源切换柜", "ats")],
)  # fmt: skip
def test_kinds_by_the_words_of_the_trade(word: str, kind: str | None) -> None:
    assert headings.kind_of(word) == kind


def test_no_word_means_two_things_and_what_export_writes_is_read() -> None:
    assert list(headings.doubles()) == []
    assert [field for field, words in headings.titles().items() for text in words.values() if headings.column_of(text) != field] == []


def test_a_grids_text_is_read_again_to_the_same_cells() -> None:
    grid = read_bytes("l.xlsx", workbook({"s": [["设备名称", "型号"], ["泵1", date(2021, 3, 5)], ["泵2", 1.5], ["泵3", True]]}))
    assert of_text(as_text(grid), "l.xlsx") == grid
    with pytest.raises(BadInput):
        of_text("{}", "l.xlsx")


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", "<x/>")
        with parts.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            for _ in range(100):
                part.write(b"0" * (1 << 20))
    return out.getvalue()


GOOD = workbook({"s": [["设备名称", "型号"], ["泵1", "x"]]})
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><worksheet>&b;</worksheet>'


@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "is empty"), (b"\xd0\xcf\x11\xe0rest", "old .xls"), (b"PK\x03\x04nonsense", "no .xlsx"), (GOOD[:-30], "no .xlsx"), (b"\x00\x01\x02", "neither"), (b"\xff\xfe\xff", "neither"),
     (b"\x89PNG\r\n\x1a\n\x00\x00", "neither"), (changed(GOOD, "xl/worksheets/sheet1.xml", lambda xml: ENTITIES), "no .xlsx"), (changed(GOOD, "xl/workbook.xml", lambda xml: b"<"), "no .xlsx"),
     (b"x" * (17 << 20), "larger than"), ("设备名称,".encode() + b"x" * 3000, "characters"), (b",".join([b"a"] * (MOST_COLUMNS + 5)), "columns"), (b"a\n" * (MOST_ROWS + 2), "rows")],
    ids=["empty", "xls", "torn", "cut", "nul", "bad-utf16", "picture", "entities", "broken-book", "large", "long-cell", "wide", "long"],
)  # fmt: skip
def test_broken_and_hostile_files_are_refused_with_a_word(data: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read_bytes("l.xlsx", data)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    data = bomb()
    assert len(data) < 1 << 20
    with pytest.raises(BadInput, match="unpacks to more"):
        read_bytes("l.xlsx", data)


def test_a_sheet_far_to_the_right_or_below_is_bounded() -> None:
    far = changed(GOOD, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'r="A2"', b'r="XFD2"'))
    with pytest.raises(BadInput):
        read_bytes("l.xlsx", changed(far, "xl/worksheets/sheet1.xml", lambda xml: xml.replace(b'r="B2"', b'r="XFC2"')))


def test_a_sheet_without_headings_says_so() -> None:
    [(_, _, text)] = said(read(b"a,b\n1,2\n"))
    assert "holds no equipment" in text
