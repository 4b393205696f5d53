"""An order handed to a firm, as its people and the house see it: from then on, that order alone, until it is taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.events import Client, Event, Hub
from dashboards.console.roles import Person, Role
from plantroom.clock import NS, VirtualClock
from plantroom.roles import Permission
from tests.kit.console_client import logged_in, served, token_of
from tests.kit.console_site import PEOPLE, Installation, site_file
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS  # the 21st of November, 20:00 in Shanghai
FIRM = PEOPLE.replace("people:", 'people:\n  - {id: liu, name: 刘工, roles: [vendor], firm: "通力<电梯>"}\n  - {id: sun, name: 孙工, roles: [vendor], firm: 别家}', 1)
FACTS = "    name: 1号消防泵\n    location: B2层水泵房\n    way: 坡道左转\n    ledger: {supplier: 水泵厂}\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    path = site_file(tmp_path, people=FIRM)
    path.write_text(path.read_text("utf-8").replace("    name: 1号消防泵\n", FACTS), "utf-8")
    made = Installation(tmp_path / "data", path, VirtualClock(NOW))
    for n in (1, 2):
        made.fault(f"F{n}-1", "fp-1", "readiness", (f"第{n}个", f"number {n}"), order=f"O{n}-1", rule=f"rule_{n}")
        made.order(f"O{n}-1", "fp-1", "readiness", (f"第{n}个", f"number {n}"), fault=f"F{n}-1")
    made.engine_at(1)
    yield made
    made.close()


def hand(house: Installation, firm: str | None) -> None:
    house.records.db.execute("UPDATE work_order SET firm = ? WHERE id = 'O1-1'", (firm,))


def browse(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def test_the_firm_sees_that_order_its_fault_and_where_the_machine_is_and_nothing_else_of_it(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VENDOR, "liu") as liu, logged_in(app, Role.VENDOR, "sun") as sun:
            async def seen(path: str) -> tuple[int, int]:
                return (await liu.get(path)).status_code, (await sun.get(path)).status_code

            paths = ("/orders/O1-1", "/faults/F1-1", "/equipment/fp-1", "/api/v1/orders/O1-1")
            assert [await seen(path) for path in paths] == [(404, 404)] * 4, "the control: before it is handed to them"
            hand(house, "通力<电梯>")
            assert [await seen(path) for path in paths] == [(200, 404)] * 4
            assert await seen("/orders/O2-1") == await seen("/faults/F2-1") == (404, 404)
            assert [order["id"] for order in (await liu.get("/api/v1/orders")).json()["orders"]] == ["O1-1"]
            assert [fault["id"] for fault in (await liu.get("/api/v1/faults")).json()["faults"]] == ["F1-1"]
            html = (await liu.get("/orders/O1-1?lang=zh")).text
            words = Elements(html).words()
            assert "1号消防泵 · B2层水泵房" in words and "接单" in words and "已派给 通力<电梯>" in words
            assert "/take_back" not in html and "/assign" not in html, "only the house hands it on"
            machine = Elements((await liu.get("/equipment/fp-1?lang=zh")).text).words()
            assert "坡道左转" in machine and "第1个" in machine and "第2个" not in machine and "水泵厂" not in machine
            house.records.db.execute("UPDATE work_order SET state = 'closed' WHERE id = 'O1-1'")
            assert await seen("/orders/O1-1") == (200, 404), "what they did stays theirs to read"
            assert await seen("/equipment/fp-1") == (404, 404)
            hand(house, None)
            assert [await seen(path) for path in paths] == [(404, 404)] * 4

    browse(house, scenario)


def test_an_engineer_hands_it_on_its_page_and_sees_who_was_called_or_that_nobody_could_be(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.console.commanding.WAIT_S", 0.0)
    house.handing("O1-1", "别家", "li.wei", seq=5, told=[("app", "sun"), ("sms", "sun")], reason="<i>密封</i>")
    house.handing("O1-1", "别家", "li.wei", seq=6, does="taken_back")
    house.handing("O1-1", "通力<电梯>", "wang.fang", seq=6)

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.ENGINEER) as browser:
            html = (await browser.get("/orders/O1-1?lang=zh")).text
            assert "<option>通力&lt;电梯&gt;</option><option>别家</option>" in html
            words = Elements(html).words()
            assert "李伟 将工单派给别家：<i>密封</i>；呼叫 孙工" in words
            assert "李伟 从别家收回工单" in words and "王芳 将工单派给通力<电梯>；无人可呼叫，请打电话" in words
            assert "nobody could be called, ring them up" in Elements((await browser.get("/orders/O1-1?lang=en")).text).words()
            shown = (await browser.get("/api/v1/orders/O1-1")).json()
            assert [(one["does"], one["firm"], one["told"]) for one in shown["handings"]] == [
                ("handed", "别家", ["sun"]), ("taken_back", "别家", []), ("handed", "通力<电梯>", []),
            ]  # fmt: skip
            given = {"form_token": await token_of(browser), "back": "/orders/O1-1", "firm": "别家", "reason": "", "command_id": "0123456789"}
            assert (await browser.post("/orders/O1-1/assign", data=given)).headers["location"] == "/orders/O1-1?command=0123456789"
            hand(house, "别家")
            assert 'action="/orders/O1-1/take_back"' in (await browser.get("/faults/F1-1")).text
        async with logged_in(app, Role.TECHNICIAN) as browser:
            assert "/assign" not in (await browser.get("/orders/O2-1")).text
            token = {"x-form-token": await token_of(browser)}
            assert (await browser.post("/api/v1/orders/O1-1/assign", json={"firm": "别家"}, headers=token)).status_code == 403

    browse(house, scenario)
    reader = house.journal.reader()
    body = orjson.loads(reader.read_after(reader.last_seq() - 1, 1)[0].body)
    reader.close()
    assert (body["does"], body["target"], body["args"]) == ("assign", "O1-1", {"firm": "别家"})


def test_events_about_it_reach_the_firm_it_is_handed_to_and_no_other(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        hub: Hub = app.state.hub
        people = [Person(name, Role.VENDOR, asked=Permission.SEE) for name in ("liu", "sun")]
        for firm, wanted in (("通力<电梯>", [True, False]), ("别家", [False, True]), ("", [False, False])):
            event = Event(1, "hq", "order", b"{}", "fp-1", firm=firm)
            assert [hub._wants(Client(person, None, None), event) for person in people] == wanted

    browse(house, scenario)
