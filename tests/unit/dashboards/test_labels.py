"""Labels: the code leads to the machine's page, and an arrival entered there is known as such, one from elsewhere is not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI

from dashboards.console import labels
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from tests.kit.console_client import client, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
PUBLIC = "web: {public_url: 'http://plant.example.com/'}\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, machine="1号<发电机>", people=PUBLIC), VirtualClock(NOW))
    made.order("O1-1", "gen-1", "readiness")
    made.engine_at(1)
    yield made
    made.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def test_a_mark_is_of_one_machine_of_one_site_under_one_key() -> None:
    good = labels.mark(b"k", "hq", "gen-1")
    assert labels.is_mark(b"k", "hq", "gen-1", good)
    for key, site, machine, given in (
        (b"k", "hq", "gen-2", good), (b"k", "annex", "gen-1", good), (b"l", "hq", "gen-1", good), (b"k", "hq", "gen-1", good[:-1]),
        (b"k", "hq", "gen-1", ""), (b"k", "hq", "gen-1", None), (b"k", "hqg", "en-1", good), (b"k", "hq", "gen-1", "é" * 12),
    ):  # fmt: skip
        assert not labels.is_mark(key, site, machine, given)


async def sheet(app: FastAPI, path: str = "/qr?kind=generator&lang=zh") -> str:
    async with logged_in(app, Role.VIEWER) as browser:
        answer = await browser.get(path)
        assert answer.status_code == 200
        return answer.text


def test_the_sheet_has_a_label_for_each_machine_of_a_kind_with_its_code(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        text = await sheet(app)
        assert "1号&lt;发电机&gt;" in text and "地下一层" in text and "总部大厦 · gen-1" in text
        assert text.count('class="code"') == text.count('class="label"') == 1
        key = app.state.access.key(labels.KEY)
        said = labels.address("http://plant.example.com", "hq", "gen-1", labels.mark(key, "hq", "gen-1"))
        assert labels.svg(said) in text
        assert re.fullmatch(r"http://plant\.example\.com/equipment/gen-1\?site=hq&at=[0-9a-f]{12}", said)
        assert "style=" not in labels.svg(said), "the policy allows none"
        assert "屋面" not in text and "屋面" in await sheet(app, "/qr?kind=asset"), "what has no telemetry has a label too"
        assert labels.svg(said) == labels.svg(said) and app.state.access.key(labels.KEY) == key, "printed again it is the same"

    with_app(house, scenario)


@pytest.mark.parametrize("path", ["/qr", "/qr?kind=nonsense", "/qr?kind=generator&sheet=-4", "/qr?kind=generator&sheet=99"])
def test_what_is_not_there_is_an_empty_sheet_to_choose_from(house: Installation, path: str) -> None:
    async def scenario(app: FastAPI) -> None:
        text = await sheet(app, path)
        assert "发电机" in text

    with_app(house, scenario)


def test_without_a_public_address_there_is_no_code_and_it_is_said(tmp_path: Path) -> None:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))

    async def scenario(app: FastAPI) -> None:
        text = await sheet(app)
        assert "web.public_url" in text and 'class="label"' not in text

    with_app(made, scenario)
    made.close()


def arrivals(house: Installation) -> list[dict[str, Any]]:
    reader = house.journal.reader()
    found = [orjson.loads(record.body)["args"] for record in reader.read_after(0) if record.kind is Kind.COMMAND]
    reader.close()
    return found


def test_scanned_one_logs_in_comes_back_to_the_machine_and_arrives_there(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        at = labels.mark(app.state.access.key(labels.KEY), "hq", "gen-1")
        path = f"/equipment/gen-1?site=hq&at={at}"
        async with client(app) as nobody:
            sent = await nobody.get(path)
            assert sent.headers["location"] == f"/login?back=/equipment/gen-1?site=hq%26at={at}"
            assert f'value="/equipment/gen-1?site=hq&amp;at={at}"' in (await nobody.get(sent.headers["location"])).text
        async with logged_in(app, Role.TECHNICIAN) as browser:
            text = (await browser.get(path)).text
            assert "您在这台设备前" in text and f'name="at" value="{at}"' in text
            other = (await browser.get("/equipment/gen-1?at=000000000000")).text
            assert "您在这台设备前" not in other and 'name="at"' not in other
            token = await token_of(browser)
            for given in (at, "000000000000", ""):
                await browser.post("/orders/O1-1/arrive", data={"form_token": token, "at": given})

    with_app(house, scenario)
    assert arrivals(house) == [{"how": "qr"}, {}, {}], "only the label's own mark says that one is there"


def test_the_api_takes_no_word_for_how_one_arrived(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        app.state.access.add("bms", Role.TECHNICIAN, "correct horse 9")
        _, token = app.state.access.new_token("bms", "", 1)
        async with client(app, authorization=f"Bearer {token}") as program:
            assert (await program.post("/api/v1/orders/O1-1/arrive", json={"how": "qr"})).status_code == 400

    with_app(house, scenario)
    assert arrivals(house) == []
