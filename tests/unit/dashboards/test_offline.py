"""What a phone without reception needs of the server: a session to come back to, deeds with its time, a worker that is always this release's."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import orjson
import pytest
from fastapi import FastAPI

from dashboards.console import commanding
from dashboards.console.access import Access
from dashboards.console.assets import FOLDER, Assets
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from plantroom.phone import Phone
from tests.kit.console_client import client, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
PHONE = Phone(NOW - 600 * NS, NOW - 600 * NS, NOW - 300 * NS, NOW, 300 * NS, 300 * NS, 0)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    clock = VirtualClock(NOW)
    made = Installation(tmp_path / "data", site_file(tmp_path), clock)
    made.fault("F20-1", "gen-1", order="O20-1")
    made.order("O20-1", "gen-1", fault="F20-1")
    made.engine_at(1)
    yield made
    made.close()


def on(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def recorded(house: Installation) -> list[dict[str, object]]:
    reader = house.journal.reader()
    try:
        return [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.COMMAND]
    finally:
        reader.close()


def test_a_deed_carries_the_phones_time_into_its_record(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanding, "WAIT_S", 0.05)

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN, "li.wei") as browser:
            headers = {"x-form-token": await token_of(browser)}
            body = {"command_id": "entry-0001", "eta": "10m", "phone": PHONE.record()}
            assert (await browser.post("/api/v1/orders/O20-1/accept", json=body, headers=headers)).status_code == 202
            again = await browser.post("/api/v1/orders/O20-1/accept", json=body, headers=headers)
            assert again.status_code == 202
            [command] = recorded(house)
            assert command["phone"] == PHONE.record() and command["args"] == {"eta": "10m"}

    on(house, scenario)


@pytest.mark.parametrize("phone", [None, "text", {}, {**PHONE.record(), "age_s": -1}, {**PHONE.record(), "entered_at": "yesterday"}])
def test_a_time_that_cannot_be_read_is_refused_and_nothing_recorded(house: Installation, phone: object) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN, "li.wei") as browser:
            headers = {"x-form-token": await token_of(browser)}
            said = await browser.post("/api/v1/orders/O20-1/accept", json={"phone": phone}, headers=headers)
            assert said.status_code == 400 and "phone" in said.json()["text"]
            said = await browser.post("/api/v1/orders/O20-1/reopen", json={"phone": PHONE.record(), "reason": "x"}, headers=headers)
            assert said.status_code == 400, "closing and re-opening are done with reception"
            assert recorded(house) == []

    on(house, scenario)


def test_role_and_site_hold_for_what_was_entered_without_reception(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        for role, sites, status in ((Role.VIEWER, None, 403), (Role.TECHNICIAN, ["elsewhere"], 404)):
            async with logged_in(app, role, f"{role}.x", sites) as browser:
                headers = {"x-form-token": await token_of(browser)}
                said = await browser.post("/api/v1/orders/O20-1/accept", json={"phone": PHONE.record()}, headers=headers)
                assert said.status_code == status
        assert recorded(house) == []

    on(house, scenario)


def test_the_session_says_who_asks_and_what_they_have(house: Installation) -> None:
    house.records.db.execute("UPDATE work_order SET state = 'accepted', accepted_by = 'li.wei', accepted_ns = ?", (NOW,))

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN, "li.wei") as browser:
            said = (await browser.get("/api/v1/session")).json()
            assert said == {"person": "li.wei", "form_token": await token_of(browser), "now": NOW // 1_000_000, "pages": ["/faults/F20-1", "/orders/O20-1"]}
        access: Access = app.state.access
        async with client(app, authorization=f"Bearer {access.new_token('li.wei', 't', 1)[1]}") as program:
            assert (await program.get("/api/v1/session")).json()["form_token"] is None
        async with logged_in(app, Role.TECHNICIAN, "wang.fang") as other:
            assert (await other.get("/api/v1/session")).json()["pages"] == []
        async with client(app) as nobody:
            assert (await nobody.get("/api/v1/session")).status_code == 401
            page = await nobody.get("/offline")
            assert page.status_code == 200 and 'id="kept"' in page.text

    on(house, scenario)


def test_the_worker_may_serve_the_whole_console_and_loads_nothing_else(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.VIEWER) as browser:
            page = (await browser.get("/faults/F20-1")).text
            found = re.search(r'data-worker="([^"]+)"', page)
            assert found and 'id="stale" hidden' in page and 'data-cached=""' in page, "the worker marks these"
            worker = await browser.get(found[1])
            assert worker.headers["service-worker-allowed"] == "/" and "worker-src 'self'" in worker.headers["content-security-policy"]
            files = re.search(r"const ASSETS = (\[.*?\]);", worker.text)
            assert files
            for url in orjson.loads(files[1]):
                assert (await browser.get(url)).headers["cache-control"].endswith("immutable")
            assert "service-worker-allowed" not in (await browser.get("/static/console.js")).headers

    on(house, scenario)


def test_a_changed_file_makes_another_worker(tmp_path: Path) -> None:
    folder = tmp_path / "static"
    shutil.copytree(FOLDER, folder)
    before = Assets(folder).url("worker.js")
    assert Assets(folder).url("worker.js") == before
    (folder / "console.css").write_text("a {}")
    assert Assets(folder).url("worker.js") != before
