"""Browser push in the console: who turns a browser on and off, where it may push, and what a browser may report."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import httpx
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI
from py_vapid.utils import b64urlencode

from dashboards.console.commanding import Commander
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.errors import JournalFailed
from plantroom.journal import Kind
from plantroom.push import Browsers, public_key
from tests.kit.console_client import client, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
POINT = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
GIVEN = {"endpoint": "https://fcm.googleapis.com/fcm/send/t0ken", "keys": {"p256dh": b64urlencode(POINT), "auth": b64urlencode(bytes(16))}, "label": "Android <b>"}
PUSH = """
channels:
  - {id: push, type: webpush, subject: 'mailto:ops@example.com', services: ['https://push.example.com']}
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {push: li.wei}}
"""

Scenario = Callable[[FastAPI, Installation], Awaitable[None]]


def on(tmp_path: Path, scenario: Scenario, people: str = PUSH) -> None:
    clock = VirtualClock(NOW)
    house = Installation(tmp_path / "data", site_file(tmp_path, people=people), clock)
    house.engine_at(1)

    async def run() -> None:
        async with served(house.data, clock) as app:
            await scenario(app, house)

    try:
        asyncio.run(run())
    finally:
        house.close()


async def turn_on(browser: httpx.AsyncClient, given: object = GIVEN) -> httpx.Response:
    return await browser.post("/account/push", json=given, headers={"x-form-token": await token_of(browser)})


def test_a_person_turns_a_browser_on_and_off(tmp_path: Path) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        async with logged_in(app, Role.VIEWER, "li.wei") as browser:
            page = (await browser.get("/account?lang=en")).text
            assert f'data-key="{public_key(house.data)}"' in page and "No site file names" not in page
            ident = (await turn_on(browser)).json()["id"]
            page = (await browser.get("/account?lang=en")).text
            assert "Android &lt;b&gt;" in page and f'data-id="{ident}"' in page and "t0ken" not in page
            async with logged_in(app, Role.VIEWER, "wang.fang") as other:
                page = (await other.get("/account?lang=en")).text
                assert ident not in page and "No site file names wang.fang" in page
                await other.post(f"/account/push/{ident}/stop", data={"form_token": await token_of(other)})
            assert len(app.state.browsers.of("li.wei")) == 1, "nobody turns another one's off"
            app.state.browsers.gone(ident, NOW)
            assert "gone: on" in (await browser.get("/account?lang=en")).text
            await browser.post(f"/account/push/{ident}/stop", data={"form_token": await token_of(browser)})
            assert app.state.browsers.of("li.wei") == []

    on(tmp_path, scenario)


@pytest.mark.parametrize("endpoint", ["https://169.254.169.254/x", "http://fcm.googleapis.com/x", "https://127.0.0.1:8600/x", "https://push.example.com.evil.example/x", ""])
def test_a_push_goes_to_known_services_and_those_of_the_site_file(tmp_path: Path, endpoint: str) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        async with logged_in(app, Role.VIEWER, "li.wei") as browser:
            assert (await turn_on(browser, {**GIVEN, "endpoint": endpoint})).status_code == 400
            assert (await turn_on(browser, {**GIVEN, "endpoint": "https://push.example.com/x"})).status_code == 200
            assert len(app.state.browsers.of("li.wei")) == 1

    on(tmp_path, scenario)


def test_another_page_turns_nothing_on(tmp_path: Path) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        async with logged_in(app, Role.VIEWER, "li.wei") as browser:
            assert (await browser.post("/account/push", json=GIVEN)).status_code == 403
            headers = {"x-form-token": await token_of(browser), "origin": "https://evil.example"}
            assert (await browser.post("/account/push", json=GIVEN, headers=headers)).status_code == 403
            assert app.state.browsers.of("li.wei") == []

    on(tmp_path, scenario)


def receipts(house: Installation) -> list[dict[str, object]]:
    with closing(house.journal.reader()) as reader:
        return [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.RECEIPT]


def test_only_what_was_sent_is_reported_as_shown(tmp_path: Path) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        browsers: Browsers = app.state.browsers
        token = browsers.sent("hq", "P1-1", NOW)
        async with client(app) as anybody:
            assert (await anybody.post("/push/shown/made-up")).status_code == 404
            assert receipts(house) == []
            assert (await anybody.get(f"/push/shown/{token}")).status_code == 405, "a scanner opens links"
            for _ in range(2):
                assert (await anybody.post(f"/push/shown/{token}")).status_code == 204
        assert receipts(house) == [{"outbox": "P1-1", "state": "delivered", "text": ""}], "once"

    on(tmp_path, scenario)


def test_a_report_that_could_not_be_recorded_may_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        token = app.state.browsers.sent("hq", "P1-1", NOW)
        async with client(app) as anybody:
            with monkeypatch.context() as broken:
                broken.setattr(Commander, "_write", lambda *_: (_ for _ in ()).throw(JournalFailed("the disk refuses")))
                assert (await anybody.post(f"/push/shown/{token}")).status_code == 503
            assert receipts(house) == []
            assert (await anybody.post(f"/push/shown/{token}")).status_code == 204
        assert len(receipts(house)) == 1

    on(tmp_path, scenario)


def test_where_no_site_pushes_the_page_says_nothing_of_it_and_no_key_is_made(tmp_path: Path) -> None:
    async def scenario(app: FastAPI, house: Installation) -> None:
        async with logged_in(app, Role.VIEWER, "li.wei") as browser:
            assert 'id="push"' not in (await browser.get("/account")).text
        assert not (house.data / "webpush.pem").exists()

    on(tmp_path, scenario, people="")
