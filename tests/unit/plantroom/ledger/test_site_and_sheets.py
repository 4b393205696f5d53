"""Sheets of a site: what they fill, where they contradict it, what they add; the commands; certificates and spares (L-1, L-2, L-4)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import orjson
import pytest

from plantroom import bundle, ledger_commands
from plantroom.certificates import MachineCertificate
from plantroom.cli import run
from plantroom.clock import VirtualClock
from plantroom.errors import BadInput
from plantroom.journal import Journal
from plantroom.ledger import review
from plantroom.ledger.grid import read_file
from plantroom.ledger.reading import read_ledger
from plantroom.site_file import load_site, load_texts
from tests.kit.workbooks import workbook

SITE = """\
site: {id: hq, name: 总部, zone: Asia/Shanghai}
equipment:
  - {id: lift-1, kind: elevator, name: 1号客梯, ledger: {model: GeN2}, certificates: [{what: inspection, until: 2026-12-05}]}
  - {id: fp-1, kind: fire_pump, name: 1号消防泵}
sheets: [ledger.xlsx]
"""
TOP = ["设备编号", "设备名称", "设备类型", "型号", "安装时间", "维护周期", "供应商", "下次检验日期", "检验报告编号", "最近3次维护记录"]
LIFT = ["lift-1", "1号客梯", "客梯", "GeN2", "2018-05-03", "半月", "奥的斯", "2026-12-05", "R-1", "2026-10-05 月保"]
PUMP = ["SB-002", "1号消防泵", "", "XBD", "2019.06", "每月", "南方", "", "", ""]


def site(folder: Path, rows: list[list[object]], text: str = SITE) -> Path:
    (folder / "ledger.xlsx").write_bytes(workbook({"台账": [TOP, *rows]}))
    path = folder / "site.yaml"
    path.write_text(text, "utf-8")
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(BadInput) as refused:
        load_site(path)
    return [str(problem) for problem in refused.value.problems]


def test_L_1_a_sheet_fills_the_ledger_by_id_and_by_name(tmp_path: Path) -> None:
    found = load_site(site(tmp_path, [LIFT, PUMP]))
    lift, pump = found.equipment["lift-1"], found.equipment["fp-1"]
    assert lift.ledger == {"model": "GeN2", "installed": "2018-05-03", "interval": "P15D", "supplier": "奥的斯"}
    assert lift.certificates == (MachineCertificate("inspection", date(2026, 12, 5), "R-1"),)
    assert [record.what for record in lift.records] == ["月保"]
    assert pump.ledger["asset"] == "SB-002", "the sheet's own number is kept as such"
    assert found.left == () and list(found.equipment)[-1] == "monitor"


def test_where_site_file_and_sheet_contradict_both_places_are_named(tmp_path: Path) -> None:
    path = site(tmp_path, [["lift-1", "一号梯", "消防泵", "OTHER", "", "", "", "2027-01-01", "", ""]])
    found = "\n".join(problems(path))
    for said in ("台账!型号: says 'OTHER' of lift-1, but", f"{path}:3 says 'GeN2'", "台账!设备名称: says '一号梯'", "台账!设备类型: says 'fire_pump'", "says '2027-01-01' of lift-1"):
        assert said in found
    assert found.count("ledger.xlsx:2") == 4


def test_two_sheets_that_contradict_are_told_by_both_their_rows(tmp_path: Path) -> None:
    path = site(tmp_path, [LIFT], SITE.replace("[ledger.xlsx]", "[ledger.xlsx, other.csv]"))
    (tmp_path / "other.csv").write_text("设备编号,供应商\nlift-1,三菱\n", "utf-8")
    [said] = problems(path)
    assert "other.csv:2: sheet-1!供应商: says '三菱' of lift-1" in said and "ledger.xlsx:2 (台账) says '奥的斯'" in said


def test_a_row_without_a_machine_is_left_open_and_stops_nothing(tmp_path: Path) -> None:
    found = load_site(site(tmp_path, [["", "9号客梯", "客梯", "", "", "", "", "", "", ""]]))
    assert ["9号客梯" in problem.text for problem in found.left] == [True] and len(found.equipment) == 3
    assert any("9号客梯" in problem.text for problem in review.findings(found, date(2026, 1, 1)))


def test_L_2_a_sheet_may_add_what_has_no_telemetry(tmp_path: Path) -> None:
    rows: list[list[object]] = [["", "疏散楼梯1", "", "", "", "每天", "", "", "", ""], ["FM-7", "防火门7", "", "FM", "", "每月", "", "", "", ""], LIFT]
    path = site(tmp_path, rows, SITE.replace("[ledger.xlsx]", "[{file: ledger.xlsx, adds: true}]"))
    found = load_site(path)
    added = {id_: machine for id_, machine in found.equipment.items() if id_ not in ("lift-1", "fp-1", "monitor")}
    assert {machine.kind.name for machine in added.values()} == {"area", "asset"} and "FM-7" in added
    assert not any(machine.monitored for machine in added.values())
    (tmp_path / "ledger.xlsx").write_bytes(workbook({"台账": [TOP, *reversed(rows)]}))
    assert set(load_site(path).equipment) == set(found.equipment), "the order of rows changes no id"


def test_the_sheet_is_part_of_the_applied_configuration(tmp_path: Path) -> None:
    path = site(tmp_path, [LIFT])
    journal = Journal(tmp_path / "journal", VirtualClock(1))
    record = bundle.apply(path, journal, "me")
    assert record is not None and bundle.apply(path, journal, "me") is None
    (tmp_path / "ledger.xlsx").unlink()
    again = bundle.site_in(record)
    assert again.equipment["lift-1"].ledger["supplier"] == "奥的斯", "from the record's own texts alone"
    site(tmp_path, [[*LIFT[:6], "三菱", *LIFT[7:]]])
    changed = bundle.apply(path, journal, "me")
    assert changed is not None
    difference = orjson.loads(changed.body)["difference"]
    assert "lift-1 (台账)" in difference and "sheets/ledger.xlsx" in difference


@pytest.mark.parametrize(("name", "why"), [("no.xlsx", "there is no file"), ("../x.xlsx", "lies outside"), ("/etc/passwd", "lies outside")])
def test_a_sheet_that_is_not_there_or_lies_elsewhere(tmp_path: Path, name: str, why: str) -> None:
    assert why in problems(site(tmp_path, [LIFT], SITE.replace("ledger.xlsx", name)))[0]


def test_a_sheet_with_a_wrong_row_is_not_taken_in_part(tmp_path: Path) -> None:
    [said] = problems(site(tmp_path, [LIFT, [*PUMP[:4], "31/02/2019", *PUMP[5:]]]))
    assert "ledger.xlsx:3: 台账!安装时间" in said


def test_L_4_certificates_of_the_site_file_and_an_inspection_due_of_its_ledger(tmp_path: Path) -> None:
    def lift(facts: str) -> str:
        return f"site: {{id: a, name: A, zone: UTC}}\nequipment:\n  - {{id: l, kind: elevator, {facts}}}\n"

    path = tmp_path / "s.yaml"
    path.write_text(lift("ledger: {inspection_due: 2026-11}"))
    assert load_site(path).equipment["l"].certificates == (MachineCertificate("inspection", date(2026, 11, 30)),)
    path.write_text(lift("ledger: {inspection_due: 2026-11-01}, certificates: [{what: inspection, until: 2026}, {what: inspection}, {until: 31/02/2026}]"))
    found = "\n".join(problems(path))
    assert "is a year" in found and "stands twice" in found and "what: is missing" in found and "no day of the calendar" in found


def test_spares_below_their_minimum_are_said(tmp_path: Path) -> None:
    path = site(tmp_path, [LIFT], SITE + "spares: [{id: roller, name: 门滑轮, place: B2, count: 1, minimum: 4, for: lift-1}, {id: belt, name: 皮带, count: 2, minimum: 2}]\n")
    found = load_site(path)
    assert [spare.id for spare in review.short(found)] == ["roller"] and found.spares["roller"].used_by == ("lift-1",)
    path.write_text(path.read_text("utf-8").replace("for: lift-1", "for: lift-9"))
    assert "is no equipment" in problems(path)[0]


def test_L_1_what_each_entry_lacks(tmp_path: Path) -> None:
    found = load_site(site(tmp_path, [LIFT, PUMP]))
    assert review.lacks(found.equipment["lift-1"]) == ["registration", "self_test", "governor_check", "maintenance_contract"]
    assert review.lacks(found.equipment["fp-1"]) == ["records"] and review.lacks(found.equipment["fp-1"], recorded=1) == []


# -- the commands


def test_check_of_a_sheet_lists_every_row_and_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "l.csv"
    path.write_text("设备名称,安装时间\n" + "".join(f"泵{n},31/02/2021\n" for n in range(9)), "utf-8")
    assert run(["ledger", "check", str(path)]) == 2
    assert capsys.readouterr().err.count("2021-02-31") == 9, "each row, not the first of nine"
    assert run(["ledger", "check", str(path), "--json"]) == 2
    said = orjson.loads(capsys.readouterr().out)
    assert [problem["line"] for problem in said["problems"]] == list(range(2, 11)) and said["equipment"] == 9


def test_check_of_a_site_says_what_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["ledger", "check", str(site(tmp_path, [LIFT, PUMP]))]) == 1
    said = capsys.readouterr()
    assert "equipment.fp-1.ledger: lacks records (L-1)" in said.err and "2 equipment, 0 with a whole entry, 2 that lack something" in said.out


def test_import_names_the_sheet_once_all_of_it_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = site(tmp_path, [LIFT])
    before = path.read_text("utf-8")
    elsewhere = tmp_path / "in" / "pumps.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_text("设备名称,型号,安装时间\n1号消防泵,XBD,31/02/2021\n", "utf-8")
    assert run(["ledger", "import", str(elsewhere), str(path)]) == 2
    assert path.read_text("utf-8") == before and not (tmp_path / "pumps.csv").exists(), "nothing is half done"
    elsewhere.write_text("设备编号,设备名称,型号\nlift-1,1号客梯,OTHER\n", "utf-8")
    assert run(["ledger", "import", str(elsewhere), str(path)]) == 2, "it contradicts the site file"
    assert path.read_text("utf-8") == before and not (tmp_path / "pumps.csv").exists() and len(list(tmp_path.glob(".*"))) == 0
    elsewhere.write_text("设备名称,型号\n1号消防泵,XBD\n", "utf-8")
    capsys.readouterr()
    assert run(["ledger", "import", str(elsewhere), str(path)]) == 0
    assert path.read_text("utf-8") == before.replace("[ledger.xlsx]", '[ledger.xlsx, "pumps.csv"]')
    assert load_site(path).equipment["fp-1"].ledger["model"] == "XBD"
    assert run(["ledger", "import", str(elsewhere), str(path)]) == 0 and path.read_text("utf-8").count("pumps.csv") == 1
    elsewhere.write_text("设备名称,型号\n1号消防泵,ANDERS\n", "utf-8")
    assert run(["ledger", "import", str(elsewhere), str(path)]) == 2, "another sheet of that name stands there"


@pytest.mark.parametrize("text", ["site: 1\n", "site: 1\nsheets:\n  - a.xlsx\n"])
def test_import_keeps_the_rest_of_the_file_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "site.yaml"
    if "- a" in text:
        with pytest.raises(BadInput, match="add the line"):
            ledger_commands.with_sheet(path, text, "b.csv", adds=False)
        assert ledger_commands.with_sheet(path, text, "a.xlsx", adds=False) == text
    else:
        assert ledger_commands.with_sheet(path, text, "b.csv", adds=True) == 'site: 1\n\nsheets: [{file: "b.csv", adds: true}]\n'


def test_export_is_read_again_and_a_wrong_name_is_refused(tmp_path: Path) -> None:
    path = site(tmp_path, [LIFT, PUMP])
    for name in ("o.xlsx", "o.csv"):
        assert run(["ledger", "export", str(path), "--out", str(tmp_path / name), "--language", "en"]) == 0
        again = read_ledger(read_file(tmp_path / name), name)
        assert not again.problems and [entry.id for entry in again.entries] == ["lift-1", "fp-1"]
    assert run(["ledger", "export", str(path), "--out", str(tmp_path / "o.pdf")]) == 2


def test_site_new_makes_a_site_that_passes_check_and_says_what_is_unclear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, out = tmp_path / "l.xlsx", tmp_path / "new.yaml"
    rows: list[list[object]] = [["设备名称", "类别", "型号", "安装时间", "状态", "下次检验日期"], ["1号客梯", "客梯", "a", "2020-1-2", "在用", "2099-01-01"], ["2号客梯", "客梯", "b", "03/04/2021", "停用", ""], ["怪物", "?", "", "", "", ""], ["1号 货梯", "", "${HOME}", "", "", ""], ["大堂", "", "{n}", "", "", ""]]  # fmt: skip
    sheet.write_bytes(workbook({"s": rows}))
    assert run(["site", "new", str(out), "--from", str(sheet), "--id", "hq"]) == 1
    text = out.read_text("utf-8")
    assert "# s!安装时间 (row 3): '03/04/2021' may be" in text and "names no known kind" in text
    assert "names no known kind" in capsys.readouterr().err
    found = load_site(out)
    assert bundle.problems_of(out) == [] and not any(machine.monitored for machine in found.equipment.values())
    by_name = {machine.name: machine for machine in found.equipment.values()}
    assert by_name["1号客梯"].id.startswith("elevator-1") and by_name["1号 货梯"].id.startswith("elevator-1") and by_name["怪物"].kind.name == "asset"
    assert by_name["2号客梯"].state.value == "out_of_service" and by_name["1号客梯"].certificates[0].until == date(2099, 1, 1)
    assert run(["site", "new", str(out), "--from", str(sheet)]) == 2, "nothing is overwritten"
    sheet.write_bytes(workbook({"s": [rows[0], *reversed(rows[1:])]}))
    assert run(["site", "new", str(tmp_path / "again.yaml"), "--from", str(sheet), "--id", "hq"]) == 1
    again = {machine.name: machine.id for machine in load_site(tmp_path / "again.yaml").equipment.values()}
    assert again == {machine.name: machine.id for machine in found.equipment.values()}, "ids do not hang on the order of rows"


def test_texts_of_a_record_need_no_file(tmp_path: Path) -> None:
    found = load_site(site(tmp_path, [LIFT]))
    assert load_texts(found.root, found.files, {}).equipment == found.equipment
