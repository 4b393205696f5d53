"""The duty room's screen: nobody's session, what it shows and what it may say, and a radio call that needs a name and a password."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI

from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from plantroom.screens import Screens
from tests.kit.console_client import BASE, PASSWORD, client, logged_in, served, token_of
from tests.kit.console_site import PEOPLE, Installation, site_file

NOW = 1_795_262_400 * NS
ROOM = PEOPLE.replace("channels:\n", "channels:\n  - {id: room, type: duty_room}\n")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people=ROOM), VirtualClock(NOW))
    made.fault("F1-1", "gen-1", "readiness", order="O1-1")
    made.order("O1-1", "gen-1", "readiness", fault="F1-1")
    made.page("P1-1", "F1-1", "O1-1", "room", "no screen is connected", verdict="retry")
    made.fault("F2-1", "fp-1", "danger", ("消防泵已启动", "Fire pump running"), order="O2-1", minutes_ago=1)
    made.order("O2-1", "fp-1", "danger", ("消防泵已启动", "Fire pump running"), fault="F2-1", minutes_ago=1)
    made.page("P2-1", "F2-1", "O2-1", "room", "", minutes_ago=1)
    made.page("P2-2", "F2-1", "O2-1", "app", "", minutes_ago=1, person="li.wei")
    made.engine_at(1)
    yield made
    made.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


@asynccontextmanager
async def a_screen(app: FastAPI, site: str = "hq") -> AsyncIterator[httpx.AsyncClient]:
    """A browser that is a screen and that nobody is logged in with."""
    screens: Screens = app.state.screens
    token = screens.make(site, "值班室东", "boss", NOW)
    async with client(app, origin=BASE, cookie=f"plantroom_screen={token}") as browser:
        yield browser


def commands(house: Installation) -> list[dict[str, Any]]:
    reader = house.journal.reader()
    found = [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.COMMAND]
    reader.close()
    return found


def test_a_browser_becomes_a_screen_by_an_engineer_and_stays_one_after_the_log_out(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app, Role.TECHNICIAN) as browser:
            token = await token_of(browser)
            assert (await browser.post("/duty-room/screens", data={"form_token": token, "of": "hq", "label": "东"})).status_code == 403
            assert "把本浏览器登记为" not in (await browser.get("/duty-room/screens?lang=zh")).text
        async with logged_in(app, Role.ENGINEER) as browser:
            token = await token_of(browser)
            for wrong in ({"label": ""}, {"label": "x" * 41}, {"of": "annex"}):
                data = {"form_token": token, "of": "hq", "label": "东", **wrong}
                assert (await browser.post("/duty-room/screens", data=data)).status_code in (400, 404)
            made = await browser.post("/duty-room/screens", data={"form_token": token, "of": "hq", "label": "值班室东"})
            cookie = made.headers["set-cookie"].lower()
            assert made.headers["location"] == "/duty-room"
            assert "httponly" in cookie and "samesite=strict" in cookie and "path=/duty-room" in cookie
            await browser.post("/logout", data={"form_token": token})
            shown = await browser.get("/duty-room?lang=zh")
            assert shown.status_code == 200 and "消防泵已启动" in shown.text and "值班室东" in shown.text
            assert (await browser.get("/")).status_code == 303, "a screen is nobody"
            assert (await browser.get("/api/v1/faults")).status_code == 401

    with_app(house, scenario)


def test_who_is_no_screen_sees_and_says_nothing(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with client(app, origin=BASE) as nobody, logged_in(app) as admin:
            assert (await nobody.get("/duty-room")).headers["location"] == "/login?back=/duty-room"
            refused = await admin.get("/duty-room")
            assert refused.status_code == 403 and "/duty-room/screens" in refused.text
            for path in ("board", "heard", "orders/O2-1/accept"):
                assert (await nobody.post(f"/duty-room/{path}", data={"page": "P2-1"})).status_code == 303
                assert (await admin.post(f"/duty-room/{path}", data={"page": "P2-1"})).status_code == 403
        async with a_screen(app) as screen:
            for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
                assert (await screen.post("/duty-room/heard", data={"page": "P2-1"}, headers=headers)).status_code == 403
        assert commands(house) == []

    with_app(house, scenario)


def test_a_page_that_comes_while_the_first_is_being_heard_goes_on_sounding(house: Installation) -> None:
    """Of one order: who hears a page has heard those before it, and none that came after."""
    for n, ago in (("P2-12", 0.8), ("P2-13", 0.5)):
        house.page(n, "F2-1", "O2-1", "room", "shown", minutes_ago=ago, reason="escalated")

    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen:

            async def pages() -> list[str]:
                return [page for page in board_of((await screen.post("/duty-room/board", data={"sound": "1"})).text)[1] if page.startswith("P2")]

            assert await pages() == ["P2-1", "P2-12", "P2-13"]
            house.receipt("P2-12", "read", "screen:x")
            assert await pages() == ["P2-13"]
            house.receipt("P2-13", "delivered", "")
            assert await pages() == ["P2-13"], "delivered is not heard"
            house.receipt("P2-13", "read", "screen:x")
            assert await pages() == []

    with_app(house, scenario)


def board_of(text: str) -> tuple[str, list[str]]:
    """(what sounds, the pages that stand there)."""
    found = re.search(r'data-loud="(\w*)" data-pages="([^"]*)"', text)
    assert found
    return found[1], found[2].split()


def test_the_board_has_the_gravest_first_and_sounds_for_it_until_it_is_heard(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen:
            text = (await screen.post("/duty-room/board?lang=en", data={"sound": "1", "shown": ""})).text
            assert board_of(text) == ("danger", ["P2-1", "P1-1"])
            assert text.index("Fire pump running") < text.index("Low oil pressure")
            house.receipt("P2-1", "read", "screen:x")
            text = (await screen.post("/duty-room/board?lang=en", data={"sound": "1"})).text
            assert board_of(text) == ("readiness", ["P1-1"]) and "that accepts nothing" in text
            house.receipt("P1-1", "read", "screen:x")
            text = (await screen.post("/duty-room/board?lang=en", data={"sound": "1"})).text
            assert board_of(text) == ("", []) and "All heard; 2 open" in text

    with_app(house, scenario)


@pytest.mark.parametrize(
    ("change", "sounds"),
    [
        ("state = 'queued'", "danger"), ("reason = 'escalated'", "danger"), ("reason = 'cleared'", "readiness"),
        ("state = 'dropped'", "readiness"), ("channel = 'duty'", "readiness"),
    ],
)  # fmt: skip
def test_what_is_dropped_over_or_another_channels_makes_no_sound(house: Installation, change: str, sounds: str) -> None:
    async def scenario(app: FastAPI) -> None:
        house.records.db.execute(f"UPDATE outbox SET {change} WHERE id = 'P2-1'")
        async with a_screen(app) as screen:
            assert board_of((await screen.post("/duty-room/board", data={})).text)[0] == sounds

    with_app(house, scenario)


def test_a_page_that_may_yet_be_a_part_of_another_waits(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        house.records.db.execute("DELETE FROM attempt WHERE outbox = 'P2-1'")
        house.records.db.execute("UPDATE outbox SET due_ns = ?, state = 'queued' WHERE id = 'P2-1'", (house.now + 10 * NS,))
        async with a_screen(app) as screen:
            assert board_of((await screen.post("/duty-room/board", data={})).text) == ("readiness", ["P1-1"])

    with_app(house, scenario)


def test_shown_is_what_the_screen_says_and_only_what_stands_there(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        screens: Screens = app.state.screens
        async with a_screen(app) as screen:
            await screen.get("/duty-room")
            assert not screens.here("hq", NOW), "a page fetched is not a page before people's eyes"
            await screen.post("/duty-room/board", data={"sound": "0", "shown": "P1-1 P9-9"})
            [here] = screens.here("hq", NOW)
            assert (here.label, here.sound) == ("值班室东", False)
            assert screens.shown("hq", "P1-1") is not None
            assert screens.shown("hq", "P2-1") is None and screens.shown("hq", "P9-9") is None

    with_app(house, scenario)


def test_heard_is_a_command_of_the_screen_about_a_page_of_this_room(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        house.outcome("c-heard-0001", "heard", "P2-1", "", True)
        async with a_screen(app) as screen:
            for wrong in ("P2-2", "P9-9", ""):
                assert (await screen.post("/duty-room/heard", data={"page": wrong})).status_code == 404
            answer = await screen.post("/duty-room/heard", data={"page": "P2-1"})
            assert answer.status_code == 303 and answer.headers["location"].startswith("/duty-room?command=")

    with_app(house, scenario)
    [told] = commands(house)
    assert (told["does"], told["target"], told["name"], told["roles"]) == ("heard", "P2-1", "值班室东", ["viewer"])
    assert told["who"].startswith("screen:")


def test_a_radio_call_is_accepted_in_the_name_of_who_heard_it_and_who_goes(house: Installation) -> None:
    good = {"goes": "li.wei", "eta": "10m", "name": "duty.chen", "password": PASSWORD}

    async def scenario(app: FastAPI) -> None:
        access = app.state.access
        access.add("duty.chen", Role.TECHNICIAN, PASSWORD, ["hq"])
        access.add("elsewhere", Role.TECHNICIAN, PASSWORD, ["annex"])
        access.add("looker", Role.VIEWER, PASSWORD)
        async with a_screen(app) as screen:
            assert "li.wei" in (await screen.get("/duty-room?order=O2-1")).text
            path = "/duty-room/orders/O2-1/accept"
            for wrong, status in (
                ({"password": "no"}, 401), ({"name": "looker"}, 403), ({"name": "elsewhere"}, 403), ({"goes": "nobody"}, 400), ({"goes": ""}, 400),
            ):  # fmt: skip
                assert (await screen.post(path, data={**good, **wrong})).status_code == status
            assert (await screen.post("/duty-room/orders/O9-9/accept", data=good)).status_code == 404
            assert commands(house) == []
            assert (await screen.post(path, data=good)).status_code == 303
            sessions = access._rows("SELECT count(*) FROM session")
            assert sessions == [(0,)], "nobody is logged in by it"

    with_app(house, scenario)
    [told] = commands(house)
    assert (told["does"], told["target"], told["who"], told["args"]) == ("accept", "O2-1", "duty.chen", {"goes": "li.wei", "eta": "10m"})


def test_wrong_passwords_on_a_screen_lock_as_at_the_login(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        app.state.access.add("duty.chen", Role.TECHNICIAN, PASSWORD)
        async with a_screen(app) as screen:
            data = {"goes": "li.wei", "name": "duty.chen", "password": "wrong"}
            statuses = [(await screen.post("/duty-room/orders/O2-1/accept", data=data)).status_code for _ in range(7)]
            assert statuses == [401] * 5 + [429] * 2

    with_app(house, scenario)


def test_a_screen_taken_away_is_closed_out_at_once(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        screens: Screens = app.state.screens
        async with a_screen(app) as screen, logged_in(app, Role.ENGINEER) as engineer:
            [known] = screens.at("hq")
            data = {"form_token": await token_of(engineer)}
            assert (await engineer.post(f"/duty-room/screens/{known.id}/remove", data=data)).status_code == 303
            assert (await screen.get("/duty-room")).status_code == 303
            assert (await screen.post("/duty-room/board", data={})).status_code == 303

    with_app(house, scenario)


def test_a_screen_of_one_site_knows_nothing_of_another(house: Installation, tmp_path: Path) -> None:
    other = Installation(tmp_path / "data", site_file(tmp_path, "annex", "附楼", people=ROOM), house.clock)
    other.order("O7-1", "gen-1", "danger", ("困人", "Entrapment"))
    other.page("P7-1", "F7-1", "O7-1", "room", "")

    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen:
            for path in ("/duty-room", "/duty-room?site=annex", "/duty-room?order=O7-1"):
                assert "困人" not in (await screen.get(path)).text
            assert (await screen.post("/duty-room/heard", data={"page": "P7-1"})).status_code == 404

    with_app(house, scenario)
    other.close()
