"""Who is on duty on the page and in the API: now and next, what is missing, changes ahead, the shift handed over."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import orjson
import pytest

from dashboards.console import duty
from dashboards.console.roles import DEEDS, MAY, ROLES, Permission, Role
from dashboards.console.sites import SiteView
from dashboards.console.tables import Tables
from plantroom.clock import NS, VirtualClock
from plantroom.roles import allowed
from tests.kit.console_client import logged_in, served, token_of
from tests.kit.console_site import PEOPLE, Installation, site_file
from tests.kit.engine import RULES, Kit, peopled
from tests.unit.dashboards.test_pages import Elements

NOW = 1_795_262_400 * NS  # Saturday the 21st of November, 20:00 in Shanghai: the night shift begins
HOUR = 3600 * NS


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people=PEOPLE), VirtualClock(NOW))
    made.samples("gen-1", 30)
    made.engine_at(1)
    yield made
    made.close()


def browse(house: Installation, scenario: Callable[[httpx.AsyncClient], Awaitable[None]], role: Role = Role.ADMIN) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app, logged_in(app, role) as browser:
            await scenario(browser)

    asyncio.run(run())


async def text_of(browser: httpx.AsyncClient, lang: str) -> str:
    answer = await browser.get(f"/oncall?lang={lang}")
    assert answer.status_code == 200, answer.text[:400]
    return Elements(answer.text).words()


def test_who_is_on_until_when_and_who_comes_next(house: Installation) -> None:
    """O-1"""

    async def scenario(browser: httpx.AsyncClient) -> None:
        zh, en = [await text_of(browser, lang) for lang in ("zh", "en")]
        assert "工程部 王芳 联系渠道：app 赵敏 没有联系方式 至 2026-11-22 周日 08:00 接班：2026-11-22 周日 08:00 李伟" in zh
        assert "值班经理 NOBODY Next: 2026-11-23 Mon 08:00 陈总" in en
        assert "11-21 Sat 00:00–08:00 王芳, 赵敏 08:00–20:00 李伟 20:00–24:00 王芳, 赵敏 all day NOBODY 11-22 Sun" in en
        assert "没有联系方式，呼叫不到：赵敏" in zh and "王芳 缺消防设施操作员" in zh and "李伟 缺" not in zh

    browse(house, scenario)


def test_a_change_that_is_over_is_shown_for_the_time_it_held_and_for_no_other(house: Installation) -> None:
    """As `plantroom oncall --data` says it, and as the engine called then."""
    house.roster_change("R5-1", "engineering", NOW - 4 * HOUR, NOW - HOUR, out="li.wei", come="zhao.min")
    house.roster_change("R6-1", "engineering", NOW - 4 * HOUR, NOW - HOUR, out="zhao.min", come="chief")
    change = "UPDATE roster_change SET at_ns = ?, state = ?, ended_ns = ? WHERE id = ?"
    house.records.db.execute(change, (NOW - 5 * HOUR, "over", NOW - HOUR, "R5-1"))
    house.records.db.execute(change, (NOW - 3 * HOUR, "dropped", NOW - 2 * HOUR, "R6-1"))

    async def scenario(browser: httpx.AsyncClient) -> None:
        for hours, who in ((6, "li.wei"), (3.5, "zhao.min"), (2.5, "chief"), (1.5, "zhao.min"), (0.5, "li.wei")):
            [site] = (await browser.get(f"/api/v1/oncall?at=-{hours}h")).json()["sites"]
            assert [person["id"] for person in site["teams"][0]["on"]] == [who], hours
            assert site["changes"] == [], "nothing is ahead"
        assert "08:00–16:00 李伟 16:00–17:00 赵敏 17:00–18:00 陈总 18:00–19:00 赵敏 19:00–20:00 李伟" in await text_of(browser, "zh")

    browse(house, scenario)


def test_a_change_ahead_is_on_the_page_counts_in_the_week_and_can_be_dropped(house: Installation) -> None:
    house.roster_change("R5-1", "engineering", NOW, NOW + 2 * HOUR, out="wang.fang", come="li.wei", reason="发烧了")

    async def scenario(browser: httpx.AsyncClient) -> None:
        answer = (await browser.get("/oncall?lang=zh")).text
        text = Elements(answer).words()
        assert "工程部 李伟替王芳" in text and "发烧了" in text
        assert "20:00–22:00 李伟、赵敏 22:00–24:00 王芳、赵敏" in text
        assert 'action="/changes/R5-1/drop_change"' in answer

    browse(house, scenario)


def test_changes_of_the_site_file_stand_there_too_and_cannot_be_dropped(tmp_path: Path) -> None:
    planned = PEOPLE.replace("      name: 工程部\n", "      name: 工程部\n      changes: [{from: 2026-11-22T08:00, to: 2026-11-22T20:00, out: li.wei, in: zhao.min}]\n")
    house = Installation(tmp_path / "data", site_file(tmp_path, people=planned), VirtualClock(NOW))

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/oncall?lang=zh")).text
        assert "赵敏替李伟 站点文件" in Elements(html).words() and "drop_change" not in html

    try:
        browse(house, scenario)
    finally:
        house.close()


@pytest.mark.parametrize("role", list(Role))
def test_who_may_change_the_roster_here_is_who_the_engine_lets(role: Role, house: Installation) -> None:
    assert (DEEDS["stand_in"] in MAY[role]) is allowed(ROLES[role], DEEDS["stand_in"])

    async def scenario(browser: httpx.AsyncClient) -> None:
        actions = re.findall(r'action="(/oncall[^"]*)"', (await browser.get("/oncall")).text)
        may = {Permission.ROSTER: ["/oncall/stand_in", "/oncall/swap"], Permission.HANDOVER: ["/oncall/hand_over"]}
        assert actions == [path for permission, paths in may.items() if permission in MAY[role] for path in paths]

    browse(house, scenario, role)


def test_a_handover_that_waits_is_signed_by_somebody_else(house: Installation) -> None:
    """O-6"""
    house.order("O1-1", "fp-1", "readiness", state="accepted")
    opened = {"orders": [{"id": "O1-1", "equipment": "fp-1", "severity": "readiness", "state": "open", "by": None}]}
    house.handover("H7-1", "engineering", "li.wei", opened, note="钥匙在柜里")
    house.handover("H8-1", "managers", "admin-1", opened)
    house.handover("H6-1", "engineering", "chief", opened, state="taken", taken_by="li.wei")

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/oncall?lang=zh")).text
        text = Elements(html).words()
        assert "工程部：李伟 2026-11-21 周六 19:00 交班，等待接班 钥匙在柜里" in text
        assert re.findall(r'action="(/handovers/[^"]+)"', html) == ["/handovers/H7-1/take_over"], "not their own"
        assert "接班由另一人签字" in text and "双方已签 交班 11-21 19:00 陈总 接班 11-21 19:05 李伟" in text
        assert "O1-1 1号消防泵 · 待接单" in text, "as it was then"
        assert "O1-1 1号消防泵 · 已接单 李伟" in text, "as it is now"

    browse(house, scenario)


def test_words_that_were_erased_are_said_to_be(house: Installation) -> None:
    hold = {"order": "O1-1", "since_ns": NOW - HOUR, "by": "li.wei", "reason": "gone", "told": "gone"}
    house.handover("H7-1", "engineering", "li.wei", {"holds": [hold]})

    async def scenario(browser: httpx.AsyncClient) -> None:
        assert "(the words were erased)" in await text_of(browser, "en")
        shown = (await browser.get("/api/v1/oncall")).json()["sites"][0]["handovers"][0]["open"]["holds"]
        assert shown == [{"order": "O1-1", "since_at": "2026-11-21T11:00:00.000Z", "by": "li.wei", "reason": None, "told": None}]

    browse(house, scenario)


def test_the_page_says_before_the_handover_what_the_engine_then_writes_down(tmp_path: Path) -> None:
    kit = Kit(tmp_path)
    kit.configure(peopled().replace("state: in_service", "state: commissioning", 1), {k: v for k, v in RULES.items() if "delivery" not in k})
    kit.tick()
    kit.stay(5, 2, phase_loss=1, pump_running=1)
    kit.run()
    readiness = kit.one("SELECT id FROM work_order WHERE severity = 'readiness'")
    kit.command("accept", readiness)
    kit.command("hold", readiness, reason="parts", told="desk")
    kit.command("shelve", kit.one("SELECT id FROM fault WHERE severity = 'readiness' AND mode = 'live'"), roles=["engineer"], until="2h", reason="known", second="wang")
    kit.command("stand_in", "engineering", roles=["engineer"], **{"from": "1h", "until": "3h", "in": "chief", "reason": "ill"})
    kit.engine.memory()
    assert kit.engine.house is not None
    tables = Tables(tmp_path / "records.db")
    before = duty.open_now(cast(SiteView, SimpleNamespace(tables=tables, config=kit.engine.house.site)), kit.clock.read().wall_ns)
    kit.command("hand_over", "engineering")
    kit.engine.memory()
    [row] = tables.handovers(10)
    tables.close()
    assert all(row.opened.values()), "the control: there is something of each"
    kept = {name: [_only(each, like) for each, like in zip(before[name], row.opened[name], strict=True)] for name in row.opened}
    assert kept == row.opened


def _only(found: Any, like: Any) -> Any:
    """What is compared: a page may show more than is written down."""
    return {name: found.get(name) for name in like} if isinstance(found, dict) else found


def test_the_api_says_who_is_on_at_an_instant_and_never_an_address(house: Installation) -> None:
    house.roster_change("R5-1", "engineering", NOW, NOW + 2 * HOUR, out="wang.fang", come="li.wei", reason="ill")

    async def scenario(browser: httpx.AsyncClient) -> None:
        answer = (await browser.get("/api/v1/oncall", params={"at": "2026-11-21T21:00:00+08:00"})).json()
        [site] = answer["sites"]
        engineering, managers = site["teams"]
        assert [who["id"] for who in engineering["on"]] == ["li.wei", "zhao.min"]
        assert (engineering["on"][0]["channels"], engineering["on"][1]["channels"]) == (["app"], [])
        assert engineering["on"][1]["missing"] == [{"kind": "fire_pump", "certificate": "消防设施操作员", "until": None}]
        assert engineering["until_at"] == engineering["next"]["from_at"] == "2026-11-21T14:00:00.000Z"
        assert (managers["on"], managers["next"]) == ([], {"from_at": "2026-11-23T00:00:00.000Z", "people": ["chief"]})
        [change] = site["changes"]
        assert (change["out"], change["in"], change["reason"], change["until_at"]) == ("wang.fang", "li.wei", "ill", "2026-11-21T14:00:00.000Z")
        assert "liwei" not in orjson.dumps(answer).decode(), "an address"
        for at, status in (("nonsense", 400), ("2026-12-24T20:00:00Z", 200), ("9" * 30, 400), ("0", 400), ("9e17", 400)):
            assert (await browser.get("/api/v1/oncall", params={"at": at})).status_code == status, at

    browse(house, scenario)


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("oncall/stand_in", {"team": "gardeners"}, 404),
        ("oncall/hand_over", {}, 404),
        ("oncall/stand_in", {"team": "engineering", "untill": "x"}, 400),
        ("changes/R9-9/drop_change", {}, 404),
        ("handovers/H9-9/take_over", {}, 404),
    ],
)
def test_what_is_not_there_is_not_sent(house: Installation, path: str, fields: dict[str, str], status: int) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        headers = {"x-form-token": await token_of(browser)}
        assert (await browser.post(f"/api/v1/{path}", json=fields, headers=headers)).status_code == status

    browse(house, scenario)


def test_a_form_is_one_command_with_the_team_as_its_target(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboards.console.commanding.WAIT_S", 0.0)
    fields = {"team": "engineering", "from": "2026-11-22T08:00", "until": "2026-11-22T20:00", "out": "", "in": "chief", "reason": "ill"}

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/oncall")).text
        given = {**fields, "form_token": await token_of(browser), "command_id": "0123456789", "back": "/oncall"}
        answer = await browser.post("/oncall/stand_in", data=given)
        assert (answer.status_code, answer.headers["location"]) == (303, "/oncall?command=0123456789")
        assert all(f'name="{name}"' in html for name in fields)

    browse(house, scenario)
    reader = house.journal.reader()
    body = orjson.loads(reader.read_after(reader.last_seq() - 1, 1)[0].body)
    reader.close()
    assert (body["does"], body["target"]) == ("stand_in", "engineering")
    assert body["args"] == {name: value for name, value in fields.items() if value and name != "team"}


def test_a_site_without_teams_hands_over_as_a_whole(tmp_path: Path) -> None:
    house = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/oncall?lang=en")).text
        assert "There are no teams" in html and re.findall(r'action="(/oncall[^"]*)"', html) == ["/oncall/hand_over"]

    try:
        browse(house, scenario)
    finally:
        house.close()
