"""Ledger sheets (L-1): any bytes are refused with a word or read; what is exported is imported again to the same ledger."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from plantroom.certificates import KNOWN, MachineCertificate
from plantroom.errors import BadInput
from plantroom.kinds import load_kind
from plantroom.ledger import writing
from plantroom.ledger.dates import read_date
from plantroom.ledger.drafting import Head, draft
from plantroom.ledger.grid import as_text, guarded, of_text, read_bytes, unguarded
from plantroom.ledger.headings import says_forever, says_nothing
from plantroom.ledger.intervals import read_interval
from plantroom.ledger.joining import join, stable_id
from plantroom.ledger.reading import good, read_ledger
from plantroom.site import Equipment, PastRecord, Site
from plantroom.site_file import load_texts
from tests.kit.workbooks import workbook

BOOK = workbook({"s": [["设备名称", "型号", "安装时间"], ["泵1", "x", "2021-03-05"], ["泵2", "=A1", 44260]]})
SITE = load_texts("s.yaml", {"s.yaml": "site: {id: s, name: S, zone: UTC}\n", "kinds/monitor.yaml": load_kind("monitor").text}, {})


def result(data: bytes) -> None:
    """A ledger, with problems or without; nothing else is raised."""
    try:
        grid = read_bytes("any", data)
    except BadInput as error:
        assert error.problems and all(problem.text for problem in error.problems)
        return
    assert of_text(as_text(grid), "any") == grid
    ledger = read_ledger(grid, "any")
    assert ledger.entries or ledger.problems
    made = draft(ledger, Head("s", "S", "UTC", "zh"), "any")
    files = {"s.yaml": made.text, **{f"kinds/{name}.yaml": load_kind(name).text for name in {"monitor", "asset"} | {e.kind for e in ledger.entries if e.kind}}}
    assert len(load_texts("s.yaml", files, {}).equipment) == made.equipment + 1, "what is drafted can be loaded"


@settings(deadline=None)
@given(st.binary(max_size=400))
@example(b"PK\x05\x06" + b"\0" * 18)
@example("设备名称,型号\n${HOME},\"{n}\"\nmonitor,'\n".encode())
def test_any_bytes(data: bytes) -> None:
    result(data)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(BOOK) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, len(BOOK)))
def test_a_workbook_with_bytes_flipped_or_cut(flips: list[tuple[int, int]], end: int) -> None:
    data = bytearray(BOOK)
    for at, value in flips:
        data[at] = value
    result(bytes(data))
    result(bytes(data[:end]))


CELLS = st.one_of(st.none(), st.integers(-(10**20), 10**20), st.floats(), st.text(max_size=30), st.sampled_from(["2021/3/5", "客梯", "每月", "合计", "无", "03/04/2021", "=1", "-", "在用"]))
HEADS = st.sampled_from(["设备名称", "型号", "设备类型", "安装时间", "维护周期", "下次检验日期", "最近3次维护记录", "自己的", "额定功率(kW)", "状态", "编号", ""])


@settings(deadline=None)
@given(st.lists(HEADS, min_size=1, max_size=6), st.lists(st.lists(CELLS, max_size=6), max_size=6))
def test_any_cells(heads: list[str], rows: list[list[object]]) -> None:
    lines = [heads, *rows]
    result("\n".join(",".join('"' + str("" if cell is None else cell).replace('"', '""') + '"' for cell in row) for row in lines).encode("utf-8", "replace"))


@given(st.text())
def test_any_text_as_a_date_or_an_interval(text: str) -> None:
    for read in (read_date, read_interval):
        try:
            assert read(text)  # type: ignore[operator]
        except ValueError as error:
            assert str(error)


@given(st.dates(date(1950, 1, 1), date(2100, 12, 31)))
def test_every_day_in_every_form(day: date) -> None:
    y, m, d = day.year, day.month, day.day
    for form in (f"{y}-{m}-{d}", f"{y}/{m:02}/{d:02}", f"{y}.{m}.{d}", f"{y}年{m}月{d}日", f"{y}{m:02}{d:02}", day, day.strftime("%d %b %Y")):
        assert read_date(form) == day.isoformat()
    number = (day - date(1899, 12, 30)).days
    if 20_000 <= number < 80_000:
        assert read_date(number) == day.isoformat()


@given(st.text(max_size=30))
def test_a_guarded_cell_is_no_formula_and_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text and not guarded(text).startswith(("=", "+", "-", "@"))


# -- the round trip

PLAIN = st.text(alphabet=string.ascii_letters + string.digits + " 一二梯泵号=+-@'\"，,;:/()。", min_size=1, max_size=20).map(lambda text: " ".join(text.split())).filter(
    lambda text: text and not says_nothing(text) and not says_forever(text)  # such a word is read as nothing
)  # fmt: skip
DAYS = st.dates(date(1960, 1, 1), date(2099, 12, 31))
SINCE = st.one_of(DAYS.map(date.isoformat), DAYS.map(lambda day: f"{day:%Y-%m}"), DAYS.map(lambda day: f"{day:%Y}"))
FIRM = PLAIN.filter(lambda text: not set(";；、") & set(text))
LEDGERS = st.fixed_dictionaries(
    {},
    optional={
        "model": PLAIN, "serial": PLAIN, "installed": SINCE, "made": SINCE, "warranty_until": DAYS.map(date.isoformat), "interval": st.sampled_from(["P15D", "P1M", "P3M", "P1Y", "P2W"]),
        "supplier": st.one_of(FIRM, st.lists(FIRM, min_size=2, max_size=3)), "rated_power": st.one_of(st.integers(0, 10**6), st.just("18.5 kW")), "notes": PLAIN, "控制柜颜色": PLAIN,
    },
)  # fmt: skip
HELD = st.dictionaries(st.sampled_from([*KNOWN, "压力表检定"]), st.tuples(st.one_of(st.none(), DAYS), st.one_of(st.just(""), FIRM), st.one_of(st.just(""), FIRM)), max_size=3)
RECORDS = st.lists(st.tuples(SINCE, st.sampled_from(["半月保养", "换轴承", "月保", "annual service"])), max_size=3, unique_by=lambda each: each[0])


SPECS = st.lists(st.tuples(st.sampled_from(["elevator", "asset", "area", "fire_pump"]), st.one_of(st.just(""), FIRM), LEDGERS, HELD, RECORDS), min_size=1, max_size=3)
Spec = tuple[str, str, dict[str, object], dict[str, tuple[date | None, str, str]], list[tuple[str, str]]]


def machine(number: int, spec: Spec) -> Equipment:
    kind, location, ledger, held, records = spec
    certificates = tuple(MachineCertificate(what, *rest) for what, rest in held.items())
    past = tuple(sorted((PastRecord(on, what) for on, what in records), key=lambda record: record.on, reverse=True))
    return Equipment(f"m-{number}", load_kind(kind), f"设备 {number}", location=location, ledger=ledger, certificates=certificates, records=past)


@settings(deadline=None, max_examples=25, phases=[Phase.generate])  # a workbook is slow to make
@given(SPECS, st.sampled_from(["zh", "en"]), st.sampled_from(["xlsx", "csv"]))
def test_what_is_exported_is_imported_again_to_the_same_ledger(specs: list[Spec], lang: str, way: str) -> None:
    machines = {one.id: one for one in (machine(number, spec) for number, spec in enumerate(specs))}
    site: Site = replace(SITE, equipment=machines)
    data = {"xlsx": writing.to_xlsx, "csv": writing.to_csv}[way](site, lang)
    entries = good(read_ledger(read_bytes(f"o.{way}", data), f"o.{way}"))
    bare = {id_: replace(one, ledger={}, certificates=(), records=(), location="", name=id_) for id_, one in machines.items()}
    joined = join(bare, [(entries, False)], {}, {})
    assert not joined.problems and not joined.left
    for id_, one in machines.items():
        again = joined.equipment[id_]
        assert (again.name, again.location, dict(again.ledger)) == (one.name, one.location, dict(one.ledger))
        assert set(again.certificates) == set(one.certificates) and again.records == one.records


@given(st.lists(st.tuples(st.sampled_from(["elevator", "area"]), st.text(min_size=1, max_size=20)), unique=True, max_size=8))
def test_ids_of_names_are_a_function_of_kind_and_name(named: list[tuple[str, str]]) -> None:
    for kind, name in named:
        id_ = stable_id(kind, name)
        assert id_ == stable_id(kind, name) and id_.replace("-", "").replace("_", "").isalnum() and id_.isascii() and len(id_) <= 63


@pytest.mark.parametrize("name", ["1号客梯", "AHU-3", "大堂"])
def test_ids_can_be_read(name: str) -> None:
    assert stable_id("elevator", name).startswith({"1号客梯": "elevator-1-", "AHU-3": "ahu-3-", "大堂": "elevator-"}[name])
