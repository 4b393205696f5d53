"""A fault's class is changed on its page: what each role may choose, in both languages, and what stands there afterwards."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from tests.kit.console_client import logged_in, served, token_of
from tests.kit.console_site import PEOPLE, Installation, site_file
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS  # the 21st of November, 20:00 in Shanghai


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people=PEOPLE), VirtualClock(NOW))
    for n, severity in enumerate(("danger", "readiness", "normal", "advisory"), 1):
        made.fault(f"F{n}-1", "fp-1", severity, order=f"O{n}-1", rule=f"rule_{n}")
        made.order(f"O{n}-1", "fp-1", severity, fault=f"F{n}-1")
    made.person("li.wei", "李伟")
    made.engine_at(1)
    yield made
    made.close()


def browse(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def forms(html: str) -> list[tuple[list[str], list[str]]]:
    """(the classes, the fields) of each form about the class."""
    found = re.findall(r'<form[^>]*action="/faults/[^"]*/severity"[^>]*>(.*?)</form>', html, re.S)
    return [(re.findall(r'<option value="(\w+)"', form), re.findall(r'name="(reason|second)"', form)) for form in found]


def test_each_role_is_offered_what_the_engine_would_let_it_do(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async def offered(browser: httpx.AsyncClient, fault: str) -> list[tuple[list[str], list[str]]]:
            return forms((await browser.get(f"/faults/{fault}")).text)

        async with logged_in(app, Role.TECHNICIAN) as browser:
            assert await offered(browser, "F3-1") == [(["readiness", "danger"], ["reason"])]
            assert await offered(browser, "F1-1") == []
        async with logged_in(app, Role.ENGINEER) as browser:
            assert await offered(browser, "F2-1") == [(["danger"], ["reason"]), (["normal", "advisory"], ["reason", "second"])]
            assert await offered(browser, "F3-1") == [(["readiness", "danger"], ["reason"]), (["advisory"], ["reason"])]
            assert await offered(browser, "F4-1") == [(["normal", "readiness", "danger"], ["reason"])]
            assert await offered(browser, "F1-1") == [], "a danger that is there"
            assert "出险故障仍在，不能降低级别" in Elements((await browser.get("/faults/F1-1?lang=zh")).text).words()
            house.records.db.execute("UPDATE work_order SET gravest = 'readiness' WHERE id = 'O3-1'")
            assert (await offered(browser, "F3-1"))[1] == (["advisory"], ["reason", "second"]), "it was urgent once"
            house.records.db.execute("UPDATE work_order SET gravest = 'danger' WHERE id = 'O3-1'")
            house.records.db.execute("UPDATE work_order SET state = 'restored' WHERE id = 'O3-1'")
            assert "出险工单只能由主管关闭" in Elements((await browser.get("/faults/F3-1?lang=zh")).text).words()
        for role in (Role.VIEWER, Role.THIRD_PARTY, Role.VENDOR):
            async with logged_in(app, role) as browser:
                assert await offered(browser, "F3-1") == []

    browse(house, scenario)


def test_what_was_changed_stands_in_the_time_line_and_the_api_with_who_why_and_by_when(house: Installation) -> None:
    house.severity_change("F2-1", "normal", "danger", "li.wei", seq=40, reason="<b>地上有水</b>", due_min=13)
    house.severity_change("F2-1", "danger", "readiness", "wang.fang", seq=41, second="li.wei", reason="雨水")

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser:
            zh, en = [(await browser.get(f"/faults/F2-1?lang={lang}")).text for lang in ("zh", "en")]
            assert "李伟 将级别由一般升为出险：<b>地上有水</b>；下一时限 20:13" in Elements(zh).words()
            assert "<b>地上有水" not in zh
            assert "王芳 将级别由出险降为战备（李伟 同意）：雨水" in Elements(zh).words()
            assert "李伟 raised the class from Normal to Danger: <b>地上有水</b>; next limit 20:13" in Elements(en).words()
            first, second = (await browser.get("/api/v1/faults/F2-1")).json()["severity_changes"]
            assert first == {
                "at": "2026-11-21T11:58:00.000Z", "who": "li.wei", "second": None, "before": "normal", "after": "danger",
                "reason": "<b>地上有水</b>", "due_at": "2026-11-21T12:13:00.000Z",
            }  # fmt: skip
            assert (second["second"], second["due_at"]) == ("li.wei", None)

    browse(house, scenario)


def test_the_form_is_one_command_and_its_second_must_be_one_who_could_have_done_it(
    house: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.console.commanding.WAIT_S", 0.0)

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.ENGINEER) as browser, logged_in(app, Role.SUPERVISOR, "wu.gang"):
            given = {"form_token": await token_of(browser), "back": "/faults/F2-1", "severity": "normal", "reason": "误报"}
            answer = await browser.post("/faults/F2-1/severity", data={**given, "command_id": "0123456789", "second": "wu.gang"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/faults/F2-1?command=0123456789")
            answer = await browser.post("/faults/F2-1/severity", data={**given, "command_id": "0123456790", "second": "nobody"})
            assert answer.status_code == 400
        async with logged_in(app, Role.VIEWER) as browser:
            token = {"x-form-token": await token_of(browser)}
            assert (await browser.post("/api/v1/faults/F2-1/severity", json={"severity": "danger"}, headers=token)).status_code == 403

    browse(house, scenario)
    reader = house.journal.reader()
    body = orjson.loads(reader.read_after(reader.last_seq() - 1, 1)[0].body)
    reader.close()
    assert (body["does"], body["target"], body["args"]) == ("severity", "F2-1", {"severity": "normal", "reason": "误报", "second": "wu.gang"})
    assert "engineer" in body["roles"]
