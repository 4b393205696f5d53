"""P17, S8: only a person acknowledges. The link in an alert shows to whoever opens it and accepts for the button alone, once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest
from fastapi import FastAPI

from plantroom.clock import NS, VirtualClock
from plantroom.journal import Kind
from plantroom.tickets import LIFE_NS
from tests.kit.console_client import client, logged_in, served
from tests.kit.console_site import Installation, site_file

NOW = 1_795_262_400 * NS
PEOPLE = """
channels:
  - {id: app, type: webhook, url: 'http://127.0.0.1:9/'}
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {app: liwei}}
  - {id: smith, name: J. Smith, roles: [supervisor], contacts: {app: smith}, language: en}
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    file = site_file(tmp_path)
    file.write_text(file.read_text() + PEOPLE)
    made = Installation(tmp_path / "data", file, VirtualClock(NOW))
    made.fault("F1-1", "fp-1", "danger", ("消防泵电源缺相", "Fire pump phase lost"), order="O1-1")
    made.order("O1-1", "fp-1", "danger", ("消防泵电源缺相", "Fire pump phase lost"), fault="F1-1")
    made.page("P1-1", "F1-1", "O1-1", "app", "ok")
    made.engine_at(1)
    yield made
    made.close()


def link(app: FastAPI, person: str = "li.wei") -> str:
    return "/a/" + app.state.tickets.issue("hq", "P1-1", "O1-1", person, app.state.clock.read().wall_ns)


def commands(house: Installation) -> list[dict[str, object]]:
    reader = house.journal.reader()
    found = [orjson.loads(record.body) for record in reader.read_after(0, 100_000) if record.kind is Kind.COMMAND]
    reader.close()
    return found


async def press(browser: httpx.AsyncClient, path: str) -> httpx.Response:
    return await browser.post(path, data={"accept": "1"})


async def pressed(
    house: Installation, browser: httpx.AsyncClient, path: str, applied: bool, says: tuple[str, str], does: str = "accept"
) -> tuple[dict[str, object], httpx.Response]:
    """The command that the button made, and the page after the engine has said what it makes of it."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(press(browser, path))
        async with asyncio.timeout(20):
            while not commands(house):  # noqa: ASYNC110 - the journal is looked at as the engine would
                await asyncio.sleep(0)
        [said] = commands(house)
        house.outcome(str(said["command_id"]), does, "O1-1", str(said["who"]), applied, says)
    return said, task.result()


def test_opening_shows_the_alert_and_the_button_accepts_in_the_name_of_the_person_paged(house: Installation) -> None:
    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            path = link(app)
            shown = await phone.get(path)
            assert shown.status_code == 200 and "我接单（李伟）" in shown.text and "甲" in shown.text and "未接单" in shown.text
            assert shown.headers["referrer-policy"] == "no-referrer" and "noindex" in shown.headers["x-robots-tag"]
            assert commands(house) == []
            said, answer = await pressed(house, phone, path, True, ("已办理", "Done"))
            assert "已办理" in answer.text and "我接单" not in answer.text
            assert (said["does"], said["target"], said["who"], said["name"], said["roles"]) == ("accept", "O1-1", "li.wei", "李伟", ["technician"])
            assert "此链接已使用过" in (await phone.get(path)).text
            assert (await press(phone, path)).status_code == 200 and len(commands(house)) == 1, "a second press is no second command"

    asyncio.run(go())


def test_a_person_reads_it_in_their_own_language_and_a_supervisor_acts_as_one(house: Installation) -> None:
    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            path = link(app, "smith")
            assert "I take it (J. Smith)" in (await phone.get(path)).text
            assert "我接单" in (await phone.get(path + "?lang=zh")).text
            said, answer = await pressed(house, phone, path, False, ("已由李伟接单", "Li Wei has already accepted it"))
            assert said["roles"] == ["technician", "engineer", "supervisor"]
            assert "Li Wei has already accepted it" in answer.text

    asyncio.run(go())


def test_a_thousand_scanners_and_previews_accept_nothing(house: Installation) -> None:
    """HEAD, GET, prefetch, double GET, POST without the button, with foreign fields, with JSON: 0 of 1,000 acknowledge."""

    async def go() -> None:
        chance = Random(7)
        async with served(house.data, house.clock) as app, client(app) as scanner:
            path = link(app)
            tried = {
                "get": lambda: scanner.get(path),
                "head": lambda: scanner.head(path),
                "prefetch": lambda: scanner.get(path, headers={"purpose": "prefetch", "sec-purpose": "prefetch"}),
                "options": lambda: scanner.options(path),
                "empty post": lambda: scanner.post(path),
                "other fields": lambda: scanner.post(path, data={"url": path, "accept": chance.choice(["", "0", "on", "true", "11"])}),
                "json": lambda: scanner.post(path, json={"url": path, "accept": True}),
                "put": lambda: scanner.put(path, data={"accept": "1"}),
                "bot": lambda: scanner.get(path, headers={"user-agent": "Mozilla/5.0 (compatible; MicrosoftPreview/2.0)"}),
            }
            statuses = [(await tried[chance.choice(list(tried))]()).status_code for _ in range(1000)]
            assert commands(house) == [] and max(statuses) < 500
            ticket = app.state.tickets.find(path.removeprefix("/a/"))
            assert ticket.spent_ns is None

    asyncio.run(go())


def test_forged_altered_and_old_links_do_nothing(house: Installation) -> None:
    async def go() -> None:
        chance = Random(8)
        async with served(house.data, house.clock) as app, client(app) as phone:
            path = link(app)
            for _ in range(300):
                at = chance.randrange(3, len(path))
                forged = path[:at] + chance.choice("abcXYZ019-_") + path[at + 1 :]
                if forged != path:
                    assert (await press(phone, forged)).status_code == 404
            app.state.clock.advance(LIFE_NS / NS)
            assert "已过期" in (await phone.get(path)).text
            assert (await press(phone, path)).status_code == 200
            assert commands(house) == []

    asyncio.run(go())


def test_the_page_shows_no_more_than_the_alert_and_opens_nothing_else(house: Installation) -> None:
    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            shown = await phone.get(link(app))
            assert "gen-1" not in shown.text and "engine_speed" not in shown.text
            assert len(shown.content) + len(app.state.assets.get("console.css").body) < 30_000, "first paint of the phone's page"
            assert (await phone.get("/orders/O1-1")).status_code in (303, 401), "the link logs nobody in"

    asyncio.run(go())


def test_without_the_site_or_the_person_the_link_accepts_nothing(house: Installation) -> None:
    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            gone = link(app, "nobody")
            assert (await press(phone, gone)).status_code == 200 and commands(house) == []
            elsewhere = "/a/" + app.state.tickets.issue("other", "P1-1", "O1-1", "li.wei", NOW)
            assert (await press(phone, elsewhere)).status_code == 404
            async with logged_in(app) as browser:
                assert (await browser.get("/orders/O1-1")).status_code == 200

    asyncio.run(go())


def test_a_test_page_asks_for_nothing_but_that_it_was_received(house: Installation) -> None:
    words = orjson.dumps({"zh": ["【测试】呼叫测试 李伟", "10:00发出 请打开链接按“收到”"], "en": ["[TEST]", "sent"]}).decode()
    house.records.db.execute(
        "INSERT INTO outbox (id, channel, person, reason, severity, message_json, created_ns, due_ns, state)"
        " VALUES ('P5-1', 'app', 'li.wei', 'test', 'advisory', ?, 1, 1, 'accepted')", (words,),
    )  # fmt: skip

    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            path = "/a/" + app.state.tickets.issue("hq", "P5-1", "", "li.wei", NOW)
            shown = await phone.get(path)
            assert "收到（李伟）" in shown.text and "【测试】" in shown.text and "我接单" not in shown.text and "登录后" not in shown.text
            async with asyncio.TaskGroup() as group:
                task = group.create_task(press(phone, path))
                async with asyncio.timeout(20):
                    while not commands(house):  # noqa: ASYNC110 - the journal is looked at as the engine would
                        await asyncio.sleep(0)
                [said] = commands(house)
                house.outcome(str(said["command_id"]), "received", "P5-1", "li.wei", True)
            assert (said["does"], said["target"], said["who"]) == ("received", "P5-1", "li.wei") and "已办理" in task.result().text

    asyncio.run(go())


def test_the_link_of_a_duty_head_confirms_their_task_and_accepts_nothing(house: Installation) -> None:
    """R-3: the same page, another button; somebody else has the order or not, that is not asked here."""
    house.major("O1-1", "security", "smith", page="P2-1", task=("守层门，隔开人群", "guard the landing"))

    async def go() -> None:
        async with served(house.data, house.clock) as app, client(app) as phone:
            path = "/a/" + app.state.tickets.issue("hq", "P2-1", "O1-1", "smith", NOW)
            shown = (await phone.get(path)).text
            assert "Received, I see to it (J. Smith)" in shown and "I take it" not in shown and commands(house) == []
            said, answer = await pressed(house, phone, path, True, ("已办理", "Done"), does="acknowledge")
            assert (said["does"], said["target"], said["who"], said["args"]) == ("acknowledge", "O1-1", "smith", {"page": "P2-1", "head": "security"})
            assert "Done" in answer.text and "Received, I see" not in answer.text
            house.records.db.execute("UPDATE head_call SET state = 'acknowledged', acked_ns = ?, acked_by = 'smith', next_ns = NULL", (NOW,))
            other = "/a/" + app.state.tickets.issue("hq", "P2-1", "O1-1", "smith", NOW)
            shown = (await phone.get(other)).text
            assert "confirmed" in shown and "Received, I see" not in shown, "nothing is left to confirm"

    asyncio.run(go())
