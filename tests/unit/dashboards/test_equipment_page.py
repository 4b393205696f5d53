"""A machine's page: how one gets to it and in, its papers, its nameplate in words; nothing of it is taken for markup or a script."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from dashboards.console.pages.equipment import ledger_lines
from plantroom.clock import NS, VirtualClock
from tests.kit.console_client import logged_in, served
from tests.kit.console_site import Installation, site_file
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS
MACHINES = """\
  - id: ahu-1
    kind: ahu
    way: 东楼梯到屋面
    key: 值班室钥匙柜7号
    ledger: {model: MAU-12, interval: 90d, supplier: [甲公司, 乙公司], "<b>own</b>": "<i>x</i>", filters: {bag: 4}}
    documents:
      - {name: 操作规程, at: "https://docs.example.com/a.pdf?x=1&y=2", version: 3, of: procedure}
      - {name: "<script>alert(1)</script>", at: '"><img src=x onerror=alert(1)>', of: drawing}
  - {id: lift-1, kind: elevator, name: 1号客梯, way: 不用这一条, rescue: {phone: "8013", code: "320017", key: 值班室钥匙柜12号, way: 核心筒楼梯到屋面右转, camera: "https://cctv.example.com/1"}}
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Elements]]:
    folder = tmp_path_factory.mktemp("machines")
    path = site_file(folder)
    path.write_text(path.read_text("utf-8") + MACHINES, "utf-8")
    house = Installation(folder / "data", path, VirtualClock(NOW))
    house.engine_at(1)

    async def fetch() -> dict[str, Elements]:
        async with served(house.data, house.clock) as app, logged_in(app) as browser:
            return {f"{id_} {lang}": Elements((await browser.get(f"/equipment/{id_}?lang={lang}")).text) for id_ in ("ahu-1", "lift-1", "as-1") for lang in ("zh", "en")}

    yield asyncio.run(fetch())
    house.close()


def test_the_way_and_the_key_stand_at_the_top(pages: dict[str, Elements]) -> None:
    words = pages["ahu-1 zh"].words()
    assert "路线 东楼梯到屋面 钥匙 值班室钥匙柜7号" in words and words.index("东楼梯") < words.index("台账")
    assert "Way there" not in pages["as-1 en"].words()


def test_of_a_lift_those_of_its_rescue_with_what_rescuers_need(pages: dict[str, Elements]) -> None:
    words = pages["lift-1 zh"].words()
    assert "核心筒楼梯到屋面右转" in words and "值班室钥匙柜12号" in words and "320017" in words and "不用这一条" not in words
    links = [attributes.get("href") for tag, attributes in pages["lift-1 zh"].tags if tag == "a"]
    assert "tel:8013" in links and "https://cctv.example.com/1" in links


def test_papers_with_an_address_are_links_and_others_say_where_they_lie(pages: dict[str, Elements]) -> None:
    page = pages["ahu-1 en"]
    assert [a for tag, a in page.tags if tag == "a" and "docs.example.com" in (a.get("href") or "")] == [
        {"href": "https://docs.example.com/a.pdf?x=1&y=2", "rel": "noopener noreferrer"}
    ]
    assert "Procedure" in page.words() and "version 3" in page.words()
    assert '"><img src=x onerror=alert(1)>' in page.words() and not [tag for tag, _ in page.tags if tag in ("img", "b script")]
    assert all("src" in attributes for tag, attributes in page.tags if tag == "script"), "the name of a document is text"


def test_the_usual_keys_of_the_ledger_are_words_and_stand_first(pages: dict[str, Elements]) -> None:
    assert "规格型号 MAU-12 维护周期 90d 供应商 甲公司、乙公司" in pages["ahu-1 zh"].words()
    assert "<b>own</b> <i>x</i> filters bag 4" in pages["ahu-1 en"].words()
    assert ledger_lines({"zzz": True, "floors": None, "model": 3}, "en") == [("Model", "3"), ("Floors", "–"), ("zzz", "yes")]
