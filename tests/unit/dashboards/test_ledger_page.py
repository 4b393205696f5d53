"""The ledger on the console (L-1..L-4): what lacks, what ends, the last 3 records, spares; equipment without telemetry has all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from dashboards.console.last_records import SOURCES
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock, at_utc
from tests.kit.console_client import logged_in, served
from tests.kit.console_site import Installation, site_file
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS
TODAY = at_utc(NOW).date()


def day(ahead: int) -> str:
    return (TODAY + timedelta(ahead)).isoformat()


MACHINES = f"""\
  - id: lift-1
    kind: elevator
    name: 1号客梯
    location: A座
    ledger: {{model: GeN2, installed: "2018-05-03", interval: P15D, supplier: 奥的斯, registration: 梯11}}
    certificates:
      - {{what: inspection, until: {day(-3)}, number: 特检2025-0117}}
      - {{what: self_test, until: {day(20)}}}
      - {{what: governor_check, until: {day(400)}}}
      - {{what: maintenance_contract, until: {day(59)}, document: 合同柜2层}}
      - {{what: 轿厢保险}}
    records: [{{on: 2026-01-05, what: 半月保养}}, {{on: "2025-12", what: 更换轮滑}}]
    documents: [{{name: 接管验收单, at: 资料柜1层, of: takeover, version: 2}}]
  - {{id: stairs, kind: area, name: 疏散楼梯1, ledger: {{interval: P1D}}}}
  - {{id: old, kind: asset, name: 旧锅炉, state: retired, certificates: [{{what: inspection, until: 2020-01-01}}]}}
spares:
  - {{id: roller, name: 门滑轮, place: 备件库B2, count: 1, minimum: 4, for: lift-1}}
  - {{id: belt, name: 皮带, count: 4, minimum: 4}}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Elements]]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    path = site_file(folder)
    path.write_text(path.read_text("utf-8") + MACHINES, "utf-8")
    house = Installation(folder / "data", path, VirtualClock(NOW))
    for n, (state, minutes) in enumerate((("closed", 60), ("restored", 40), ("open", 20))):
        house.order(f"O{n}-1", "lift-1", text=(f"门机检修{n}", f"Door work {n}"), state=state, minutes_ago=minutes)
    house.order("O7-1", "stairs", text=("灯不亮", "Lamp out"), state="closed", minutes_ago=30)
    house.engine_at(1)

    async def fetch() -> dict[str, Elements]:
        found = {}
        async with served(house.data, house.clock) as app:
            async with logged_in(app) as browser:
                for path_ in ("/ledger", "/ledger?kind=area", "/equipment/lift-1", "/equipment/stairs", "/equipment"):
                    for lang in ("zh", "en"):
                        answer = await browser.get(path_ + ("&" if "?" in path_ else "?") + f"lang={lang}")
                        assert answer.status_code == 200
                        found[f"{path_} {lang}"] = Elements(answer.text)
            async with logged_in(app, Role.VENDOR) as browser:
                found["vendor"] = Elements((await browser.get("/ledger?lang=zh")).text)
        return found

    yield asyncio.run(fetch())
    house.close()


def test_L_4_certificates_that_end_stand_in_their_order_and_what_is_past_says_so(pages: dict[str, Elements]) -> None:
    words = pages["/ledger zh"].words()
    at = [words.index(text) for text in ("定期检验", "过期3天", "自行检测", "20天", "维保合同", "59天")]
    assert at == sorted(at)
    assert "限速器校验" not in words[: words.index("台账缺项")] and "旧锅炉" not in words, "what is far off, or retired, is no reminder"


def test_L_1_entries_that_lack_something_are_listed_with_what_they_lack(pages: dict[str, Elements]) -> None:
    words = pages["/ledger zh"].words()
    assert "1号发电机" in words and "规格型号、安装日期、维护周期、供应商、维护记录" in words
    assert "1号客梯" not in words[words.index("台账缺项") : words.index("低于最低")], "its entry is whole"
    assert "疏散楼梯1" not in words, "an area has no model, and what it needs it has"
    assert "2台资料齐全，3台有缺项" in words
    assert "Model, Installed, Maintenance interval, Supplier, Maintenance records" in pages["/ledger en"].words()


def test_L_1_the_last_three_records_are_its_orders_then_what_was_imported(pages: dict[str, Elements]) -> None:
    words = pages["/equipment/lift-1 zh"].words()
    tail = words[words.index("最近3次维护记录") : words.index("台账", words.index("最近3次维护记录") + 9)]
    at = [tail.index(text) for text in ("门机检修1", "门机检修0", "2026-01-05 半月保养 导入")]
    assert at == sorted(at) and "更换轮滑" not in tail and "门机检修2" not in tail, "three; an open order is no record"
    assert len(SOURCES) >= 2


def test_the_interval_is_said_in_words(pages: dict[str, Elements]) -> None:
    assert "每15天" in pages["/equipment/lift-1 zh"].words() and "every 15 days" in pages["/equipment/lift-1 en"].words()


def test_L_3_the_takeover_record_stands_with_its_version(pages: dict[str, Elements]) -> None:
    words = pages["/equipment/lift-1 zh"].words()
    assert "接管记录 接管验收单 版本 2 资料柜1层" in words


def test_L_2_an_area_without_telemetry_has_ledger_orders_and_records(pages: dict[str, Elements]) -> None:
    words = pages["/equipment/stairs zh"].words()
    assert "该设备没有遥测" in words and "每天" in words and "灯不亮" in words
    assert "疏散通道与安全出口" in words, "its functional items"
    forms = [attributes.get("action") for tag, attributes in pages["/equipment/stairs zh"].tags if tag == "form"]
    assert "/orders" in forms, "an order by hand"


def test_spares_below_their_minimum_are_for_the_house(pages: dict[str, Elements]) -> None:
    words = pages["/ledger zh"].words()
    assert "门滑轮" in words and "备件库B2" in words and "皮带" not in words
    assert "门滑轮" not in pages["vendor"].words() and "1号发电机" not in pages["vendor"].words(), "a vendor sees what is theirs"


def test_the_list_of_equipment_leads_there(pages: dict[str, Elements]) -> None:
    assert "/ledger" in [attributes.get("href") for tag, attributes in pages["/equipment zh"].tags if tag == "a"]
