"""What stands on the pages: hostile names stay text, silence is shown as silence, every page in both languages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import fields
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards.console.pages.faults import cannot_close, traced
from dashboards.console.pages.frame import TEMPLATES, local_path
from dashboards.console.roles import Person, Role
from dashboards.console.tables import Fault, Order
from plantroom.clock import NS, VirtualClock
from plantroom.model import Quality, Severity
from plantroom.words import catalogue
from rules.order import Event, Facts, No, State, decide
from tests.kit.console_client import logged_in, served
from tests.kit.console_site import PEOPLE, Installation, site_file

NOW = 1_795_262_400 * NS
OPENED = NOW - 180 * NS
TEMPLATE_FOLDER = Path(__file__).parents[3] / "dashboards" / "console" / "templates"
PAGES = (
    "/", "/?part=board", "/orders", "/orders?state=all", "/faults", "/faults?severity=danger&condition=active", "/faults/F1-1",
    "/orders/O1-1", "/equipment", "/equipment/gen-1", "/equipment/as-1", "/points/gen-1.engine_speed?range=15m",
    "/points/gen-1.control_mode?range=15m", "/oncall", "/health", "/account",
)  # fmt: skip
HOSTILE = (
    "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "' onmouseover='alert(1)", "</title><script>alert(1)</script>",
    "{{7*7}}{% raw %}", "javascript:alert(1)", "<svg/onload=alert(1)>", "&lt;script&gt;", "\u202egpj.exe", "]]><!--", "`$(alert(1))`",
    "%3Cscript%3E",
)  # fmt: skip


class Elements(HTMLParser):
    """Every element and attribute as a browser would see them."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def words(self) -> str:
        """What is to be read, without its layout."""
        return " ".join(" ".join(self.text).split())


def build(tmp_path: Path, name: str = "1号发电机") -> Installation:
    made = Installation(tmp_path / "data", site_file(tmp_path, name=name, machine=name, place=name), VirtualClock(NOW))
    made.samples("gen-1", 300)
    made.samples("fp-1", 20)
    made.fault("F1-1", "gen-1", "danger", (name, name), rule=name, order="O1-1", values={"engine_speed": 12.0, name: 1.0}, do=(name, name))
    made.order("O1-1", "gen-1", "danger", (name, name), fault="F1-1", state="accepted", by=name)
    made.page("P1-1", "F1-1", "O1-1", name, name)
    made.person(name, name)
    made.engine_at(1)
    return made


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = build(tmp_path)
    yield made
    made.close()


def browse(
    house: Installation, scenario: Callable[[httpx.AsyncClient], Awaitable[None]], role: Role = Role.ADMIN, lang: str | None = None
) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app, logged_in(app, role) as browser:
            if lang:
                browser.cookies.set("plantroom_lang", lang)
            await scenario(browser)

    asyncio.run(run())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_page_is_there_in_both_languages_without_an_inline_script_or_style(house: Installation, lang: str) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        for path in PAGES:
            answer = await browser.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
            for tag, attributes in Elements(answer.text).tags:
                assert tag != "style", path
                assert tag != "script" or attributes.get("src"), f"{path}: an inline script"
                assert not any(name == "style" or name.startswith("on") for name in attributes), f"{path}: {tag} {attributes}"

    browse(house, scenario, lang=lang)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_text_on_every_page(tmp_path: Path, name: str) -> None:
    house = build(tmp_path, name)

    async def scenario(browser: httpx.AsyncClient) -> None:
        for path in PAGES:
            answer = await browser.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text[:300]}"
            seen = Elements(answer.text)
            for tag, attributes in seen.tags:
                assert tag not in ("style", "iframe", "object", "base", "embed"), path
                assert "http-equiv" not in attributes, path
                assert tag != "script" or str(attributes.get("src")).startswith("/static/"), f"{path}: {attributes}"
                assert not any(a.startswith("on") for a in attributes), f"{path}: {tag} {attributes}"
                for link in ("href", "src", "action"):
                    target = str(attributes.get(link) or "/")
                    assert target.startswith(("/", "#")), f"{path}: {tag} {link}={target}"
            assert "49" not in "".join(seen.text) or name != "{{7*7}}{% raw %}" or "{{7*7}}" in answer.text

    try:
        browse(house, scenario)
    finally:
        house.close()


def test_the_control_an_unescaped_name_would_be_seen() -> None:
    seen = Elements(TEMPLATES.from_string("<p>{{ name|safe }}</p>").render(name=HOSTILE[1]))
    assert any(a.startswith("on") for _, attributes in seen.tags for a in attributes)


def test_every_text_that_a_template_asks_for_is_in_the_catalogue() -> None:
    asked = set()
    for path in TEMPLATE_FOLDER.glob("*.html"):
        text = path.read_text("utf-8")
        asked |= {(path.name, key) for key in re.findall(r"\bt\('([\w.]+)'\s*[,)]", text)}
        for prefix in re.findall(r"\bt\('([\w.]+\.)' ~", text):
            assert any(key.startswith(prefix) for key in catalogue()), f"{path.name}: {prefix}"
    assert len(asked) > 80
    missing = sorted(f"{file}: {key}" for file, key in asked if key not in catalogue())
    assert not missing


def test_the_now_page_shows_the_clock_that_runs_and_who_has_it(house: Installation) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/")).text
        assert re.search(r'class="count danger".*?<b>1</b>', html, re.S)
        order_opened = NOW - 180 * NS
        due = order_opened + 40 * NS + 30 * 60 * NS
        assert f'data-due="{due // 1_000_000}"' in html
        assert "27:40</b>" in html, "what is left is there without a script"
        assert 'action="/orders/O1-1/arrive"' in html

    browse(house, scenario)


@pytest.fixture
def staffed(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people=PEOPLE), VirtualClock(NOW))
    made.samples("gen-1", 60)
    made.fault("F1-1", "gen-1", "danger", order="O1-1")
    made.order("O1-1", "gen-1", "danger", fault="F1-1")
    made.engine_at(1)
    yield made
    made.close()


@pytest.mark.parametrize("path", ["/faults/F1-1", "/orders/O1-1"])
def test_the_call_shows_whom_it_told_and_whom_it_calls_next_and_when(staffed: Installation, path: str) -> None:
    staffed.call("O1-1", [("app", "li.wei"), ("duty", None)])

    async def scenario(browser: httpx.AsyncClient) -> None:
        zh, en = [Elements((await browser.get(f"{path}?lang={lang}")).text).words() for lang in ("zh", "en")]
        assert "下次呼叫：20:02 值班经理" in zh and "已呼叫 1 次" in zh and "李伟 app 群组 duty" in zh
        assert "Next call 20:02: 值班经理" in en and "Calls so far: 1. Told: 李伟 app groups duty" in en

    browse(staffed, scenario)


def test_behind_the_last_step_all_are_called_again_and_a_shelf_says_until_when_nobody_is(staffed: Installation) -> None:
    staffed.call("O1-1", [("app", "li.wei")], step=2, count=4)

    async def scenario(browser: httpx.AsyncClient) -> None:
        assert "Next call 20:02: all of these again" in (text := Elements((await browser.get("/faults/F1-1?lang=en")).text).words())
        assert "Calls so far: 5." in text and "while it is shelved" not in text
        staffed.records.db.execute("UPDATE fault SET shelved_until_ns = ?", (NOW + 3600 * NS,))
        text = Elements((await browser.get("/faults/F1-1?lang=en")).text).words()
        assert "Next call 21:00: all of these again Nobody is called while it is shelved." in text

    browse(staffed, scenario)


def test_a_call_that_was_answered_names_no_next_one(staffed: Installation) -> None:
    staffed.call("O1-1", [("app", "li.wei")], state="answered", next_min=None)

    async def scenario(browser: httpx.AsyncClient) -> None:
        text = Elements((await browser.get("/orders/O1-1?lang=en")).text).words()
        assert "If nobody comes in time, the next level is called." in text and "Next call" not in text

    browse(staffed, scenario)


def test_a_hollow_acceptance_stands_in_the_time_line_with_who_and_the_limit_missed(staffed: Installation) -> None:
    """空接单"""
    staffed.hollow("O1-1", "li.wei", 17, 15)

    async def scenario(browser: httpx.AsyncClient) -> None:
        for path in ("/faults/F1-1", "/orders/O1-1"):
            assert "空接单：李伟 接单后 15 分钟未到场" in (await browser.get(f"{path}?lang=zh")).text
            text = Elements((await browser.get(f"{path}?lang=en")).text).words()
            assert text.index("Accepted by 李伟") < text.index("Hollow acceptance: 李伟 was not there within 15 min")

    browse(staffed, scenario)


def test_a_page_says_for_whom_it_was_and_accepted_is_not_called_more_than_that(staffed: Installation) -> None:
    staffed.page("P1-1", "F1-1", "O1-1", "app", "queued as 17", person="li.wei")
    staffed.page("P1-2", "F1-1", "O1-1", "duty", "sent to matrix", reason="escalated", confirmed=0)

    async def scenario(browser: httpx.AsyncClient) -> None:
        text = Elements((await browser.get("/faults/F1-1?lang=en")).text).words()
        assert "app 李伟 fault raised accepted by the channel queued as 17" in text
        assert "duty groups nobody had it accepted, not confirmed sent to matrix" in text
        assert "app → 李伟 accepted the page" in text and "duty accepted the page, not confirmed" in text
        assert "delivered, read and taken are four things" in text

    browse(staffed, scenario)


@pytest.mark.parametrize(
    ("verdict", "why", "said"),
    [
        ("accepted", "night", ("night: gathered, left with others at 11-21 19:57", "夜间，并入汇总，11-21 19:57")),
        ("retry", "flood", ("alarm flood: gathered, leaves with others at 11-21 19:57", "报警潮，并入汇总，11-21 19:57")),
    ],
)
def test_a_page_that_was_held_back_says_into_which_it_went_and_when_that_left(
    staffed: Installation, verdict: str, why: str, said: tuple[str, str]
) -> None:
    staffed.page("P5-1", None, None, "duty", "ok", verdict=verdict, reason="monitor", message={"why": why, "count": 2})
    staffed.held("G2-1", "F1-1", "O1-1", "duty", into="P5-1")

    async def scenario(browser: httpx.AsyncClient) -> None:
        for lang, words in zip(("en", "zh"), said, strict=True):
            text = Elements((await browser.get(f"/faults/F1-1?lang={lang}")).text).words()
            assert words in text and "P5-1" in text
            assert "dropped: somebody had it" not in text and "已取消" not in text
        (page,) = (await browser.get("/api/v1/faults/F1-1")).json()["pages"]
        assert (page["state"], page["into"]["id"], page["into"]["state"]) == ("dropped", "P5-1", "accepted" if verdict == "accepted" else "queued")

    browse(staffed, scenario)


@pytest.mark.parametrize("path", ["/faults/F1-1", "/orders/O1-1"])
def test_of_a_matter_of_weight_each_departments_task_and_who_confirmed_stands_on_the_page(staffed: Installation, path: str) -> None:
    """R-3: who is missing and since when, and a button that anybody logged in may press; the engine judges."""
    staffed.major("O1-1", "security", "chief", page="P8-1", task=("守层门", "guard the landing"), missed=True)
    staffed.major("O1-1", "engineering", "engineering", page="P9-1")
    staffed.records.db.execute(
        "UPDATE head_call SET state = 'acknowledged', next_ns = NULL, acked_ns = ?, acked_by = 'li.wei' WHERE head = 'engineering'", (NOW - 60 * NS,)
    )

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get(f"{path}?lang=en")).text
        words = Elements(html[html.index('id="heads"') :]).words()
        assert "Engineering confirmed 工程部" in words and "李伟" in words
        assert "Security / fire control room not confirmed not confirmed in time 陈总" in words and "guard the landing" in words
        assert html.count('action="/orders/O1-1/acknowledge"') == 1 and 'name="head" value="security"' in html
        shape = (await browser.get("/api/v1/orders/O1-1")).json()
        assert [(h["head"], h["state"], h["missed"], h["acked_by"]) for h in shape["heads"]] == [
            ("engineering", "acknowledged", False, "li.wei"), ("security", "calling", True, None),
        ]  # fmt: skip
        assert shape["rescue"] is None

    browse(staffed, scenario, Role.VIEWER)


def test_nobody_is_offered_restored_where_people_are_trapped(staffed: Installation) -> None:
    """X-3: it would be refused; the way leads to the page that asks how many are free and hurt."""
    for n, entrapment in ((2, True), (3, False)):
        staffed.fault(f"F{n}-1", "fp-1", "danger", rule=f"rule-{n}", order=f"O{n}-1")
        staffed.order(f"O{n}-1", "fp-1", "danger", fault=f"F{n}-1", state="arrived")
        if entrapment:
            staffed.clock_row(f"O{n}-1", "unit", OPENED, 30.0, None)

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/")).text
        assert 'href="/orders/O2-1#rescue"' in html and 'action="/orders/O2-1/restore"' not in html
        assert 'action="/orders/O3-1/restore"' in html, "the control"

    browse(staffed, scenario)


def test_orders_stand_as_they_should_be_worked_on_until_they_are_asked_for_by_state(house: Installation) -> None:
    house.order("O2-1", "fp-1", "normal", minutes_ago=1)
    house.order("O3-1", "fp-1", "readiness", minutes_ago=9, limit_min=15)
    house.order("O4-1", "fp-1", "readiness", minutes_ago=12, limit_min=15)

    async def scenario(browser: httpx.AsyncClient) -> None:
        def ids(html: str) -> list[str]:
            return re.findall(r'class="text" href="/orders/([^"]+)"', html)

        assert ids((await browser.get("/orders")).text) == ["O1-1", "O4-1", "O3-1", "O2-1"]  # by class, then by what is due first
        assert ids((await browser.get("/orders?state=all")).text) == ["O2-1", "O1-1", "O3-1", "O4-1"]  # newest first
        assert ids((await browser.get("/orders?state=accepted")).text) == ["O1-1"]

    browse(house, scenario)


def test_who_may_not_close_an_order_reads_why_before_typing_a_cause(house: Installation) -> None:
    house.order("O2-1", "fp-1", "normal", state="restored", by="technician-1")
    house.order("O3-1", "fp-1", "normal", state="restored", by="li.wei")
    house.order("O4-1", "fp-1", "danger", state="restored", by="li.wei")
    house.fault("F5-1", "fp-1", "normal", order="O5-1")
    house.order("O5-1", "fp-1", "normal", fault="F5-1", state="restored", by="li.wei")

    async def scenario(browser: httpx.AsyncClient) -> None:
        said = {id_: (await browser.get(f"/orders/{id_}?lang=en")).text for id_ in ("O2-1", "O3-1", "O4-1", "O5-1")}
        assert [id_ for id_, html in said.items() if f'action="/orders/{id_}/close"' in html] == ["O3-1"]
        assert "somebody else confirms" in said["O2-1"]
        assert "closed by the supervisor" in said["O4-1"]
        assert "The fault is still there" in said["O5-1"]

    browse(house, scenario, Role.TECHNICIAN)


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.SUPERVISOR])
@pytest.mark.parametrize("severity", ["danger", "normal"])
@pytest.mark.parametrize("performer", ["accepted_by", "arrived_by", "restored_by", None])
@pytest.mark.parametrize("fault_open", [True, False])
def test_the_page_refuses_a_closing_just_as_the_engine_would(role: Role, severity: str, performer: str | None, fault_open: bool) -> None:
    person = Person("li.wei", role)
    order = blank(Order, severity=severity, **{performer: "li.wei"} if performer else {})
    fault = blank(Fault, condition="active" if fault_open else "cleared")
    facts = Facts(State.RESTORED, Severity(severity), frozenset({"li.wei"} if performer else ()), fault_open)
    judged = decide(facts, Event.CLOSE, NOW, person.name, person.roles_at("hq"))
    assert cannot_close(person, "hq", fault, order) == (judged.code if isinstance(judged, No) else None)


def blank(kind: type[Any], **given: object) -> Any:
    """A row of this kind with nothing in it but what is given."""
    return kind(**{field.name: given.get(field.name) for field in fields(kind)})


def test_what_the_machine_never_had_is_no_reason_of_its_fault() -> None:
    fault = blank(Fault, trace={"values": {"phase_loss": 1.0, "voltage_l1l2": None, "slope": 0.5, "flow_rate": None}})
    bound = {name: object() for name in ("phase_loss", "flow_rate")}
    assert [(name, value) for name, value, _ in traced(fault, bound)] == [("phase_loss", 1.0), ("slope", 0.5), ("flow_rate", None)]


def test_a_running_clock_says_until_when(house: Installation) -> None:
    house.order("O2-1", "fp-1", "normal", minutes_ago=1, limit_min=15)
    house.order("O3-1", "fp-1", "normal", minutes_ago=1, limit_min=24 * 60)

    async def scenario(browser: httpx.AsyncClient) -> None:
        assert "20:14 前" in (await browser.get("/orders/O2-1?lang=zh")).text
        assert "by 11-22 19:59" in (await browser.get("/orders/O3-1?lang=en")).text

    browse(house, scenario)


def test_a_faults_page_names_the_rules_limits_in_peoples_words(house: Installation) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        for lang, words in (("zh", "报警限值"), ("en", "alarm limit")):
            html = (await browser.get(f"/faults/F1-1?lang={lang}")).text
            assert f"<dt>{words}</dt>" in html
            assert "<dt>limit</dt>" not in html

    browse(house, scenario)


def test_a_viewer_sees_everything_and_no_button(house: Installation) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        for path in ("/", "/orders", "/faults/F1-1", "/orders/O1-1", "/equipment/gen-1", "/oncall"):
            html = (await browser.get(path)).text
            assert re.findall(r'<form[^>]*action="([^"]+)"', html) == ["/logout"], path

    browse(house, scenario, Role.VIEWER)


def test_a_bad_sample_shows_its_reason_and_the_last_good_value(house: Installation) -> None:
    house.sample({"gen-1.engine_speed": 0}, quality=Quality.NO_ANSWER)

    async def scenario(browser: httpx.AsyncClient) -> None:
        html = (await browser.get("/equipment/gen-1")).text
        row = next(row for row in html.split("<tr>") if 'data-point="gen-1.engine_speed"' in row)
        assert "无应答" in row
        assert "此前 1,2" in row
        assert 'class="value bad' in row

    browse(house, scenario, lang="zh")


def test_silence_is_never_shown_as_health(house: Installation) -> None:
    clock = house.clock
    assert isinstance(clock, VirtualClock)

    async def scenario(browser: httpx.AsyncClient) -> None:
        fresh = (await browser.get("/equipment")).text
        assert 'class="tile ok"' in fresh, "the control"
        clock.advance(90)
        html = (await browser.get("/equipment")).text
        assert 'class="tile ok"' not in html
        assert "No data" in html
        assert "The newest reading is" in (await browser.get("/")).text

    browse(house, scenario, lang="en")


def test_a_bad_range_shows_the_last_hour_and_says_so(house: Installation) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        for query in ("from=nonsense", "from=2026-11-21T12:00&to=2026-11-21T11:00", "from=2001-01-01T00:00"):
            answer = await browser.get(f"/points/gen-1.engine_speed?{query}")
            assert answer.status_code == 400
            assert "this is the last hour" in answer.text

    browse(house, scenario, lang="en")


def test_what_is_not_there_is_said_on_a_page_of_its_own(house: Installation) -> None:
    async def scenario(browser: httpx.AsyncClient) -> None:
        for path in ("/faults/F9-9", "/orders/O9-9", "/equipment/none", "/points/none.x", "/?site=other", "/no/such/page"):
            answer = await browser.get(path)
            assert answer.status_code == 404, path
            assert "<h1>" in answer.text

    browse(house, scenario)


def test_the_language_is_kept_and_the_sites_own_is_the_default(tmp_path: Path) -> None:
    house = Installation(tmp_path / "data", site_file(tmp_path, language="en"), VirtualClock(NOW))

    async def scenario(browser: httpx.AsyncClient) -> None:
        assert 'lang="en"' in (await browser.get("/")).text
        await browser.get("/?lang=zh")
        assert 'lang="zh-CN"' in (await browser.get("/orders")).text

    try:
        browse(house, scenario)
    finally:
        house.close()


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "/a\nb", "", "/" + "x" * 700])
def test_a_way_back_never_leaves_this_service(path: str) -> None:
    assert local_path(path) == "/"


def test_an_empty_installation_says_what_to_do(tmp_path: Path) -> None:
    async def run() -> None:
        async with served(tmp_path, VirtualClock(NOW)) as app, logged_in(app) as browser:
            for path in ("/", "/orders", "/faults", "/equipment", "/health", "/api/v1/faults", "/api/v1/equipment", "/api/v1/sites"):
                assert (await browser.get(path)).status_code == 200, path
            assert "plantroom apply" in (await browser.get("/")).text

    asyncio.run(run())


def test_pages_of_two_sites_name_the_site_in_every_link(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    houses = [Installation(tmp_path / "data", site_file(tmp_path, id_), clock) for id_ in ("east", "west")]
    for house in houses:
        house.fault("F1-1", "gen-1", "danger", order="O1-1")
        house.order("O1-1", "gen-1", "danger", fault="F1-1")

    async def run() -> None:
        async with served(tmp_path / "data", clock) as app:
            async with logged_in(app) as browser:
                html = (await browser.get("/")).text
                assert "/faults/F1-1?site=east" in html
                assert "/orders/O1-1/accept?site=west" in html
                assert (await browser.get("/faults/F1-1")).status_code == 409
                assert (await browser.get("/api/v1/faults/F1-1")).json()["reason"] == "ambiguous"
                assert (await browser.get("/api/v1/faults/F1-1?site=west")).json()["site"] == "west"
            async with logged_in(app, Role.ENGINEER, "east.only", ["east"]) as browser:
                assert "west" not in (await browser.get("/")).text
                assert {f["site"] for f in (await browser.get("/api/v1/faults")).json()["faults"]} == {"east"}
                things = "faults faults/F1-1 orders orders/O1-1 equipment points/gen-1.engine_speed sites metrics events"
                for path in things.split():
                    answer = await browser.get(f"/api/v1/{path}?site=west")
                    assert answer.status_code == 404, path
                    assert "gen-1" not in answer.text

    try:
        asyncio.run(run())
    finally:
        for house in houses:
            house.close()


# --- plants too large for a page


def large_site(folder: Path, machines: int) -> Path:
    path = site_file(folder)
    lines = "".join(f"  - {{id: room-{n}, kind: asset, name: {n}号机房, location: 地下{n % 3}层}}\n" for n in range(machines))
    path.write_text(path.read_text("utf-8") + lines, "utf-8")
    return path


def test_a_plant_too_large_for_a_page_shows_what_is_wrong_first_and_the_rest_page_by_page(tmp_path: Path) -> None:
    clock = VirtualClock(NOW)
    house = Installation(tmp_path / "data", large_site(tmp_path, 500), clock)
    house.fault("F1-1", "room-377", "readiness")
    house.engine_at(1)

    async def look() -> dict[str, str]:
        async with served(tmp_path / "data", clock) as app, logged_in(app) as browser:
            paths = (
                "/",
                "/equipment",
                "/equipment?page=2",
                "/equipment?page=99",
                "/equipment?kind=generator",
                "/equipment?q=377",
                "/equipment?q=nowhere",
            )
            return {path: (await browser.get(path)).text for path in paths}

    pages = asyncio.run(look())
    house.close()
    assert len(pages["/"]) < 150_000
    assert re.findall(r"/equipment/(room-\d+)", pages["/"]) == ["room-377"] * 3  # its line, its chip, its tile
    assert set(re.findall(r"/equipment/(room-\d+)", pages["/equipment"])).isdisjoint(
        re.findall(r"/equipment/(room-\d+)", pages["/equipment?page=2"])
    )
    assert "5 / 5" in pages["/equipment?page=99"]
    assert re.findall(r'class="name" href="/equipment/([^"]+)"', pages["/equipment?kind=generator"]) == ["gen-1"]
    assert re.findall(r'class="name" href="/equipment/([^"]+)"', pages["/equipment?q=377"]) == ["room-377"]
    assert "没有符合的设备" in pages["/equipment?q=nowhere"]
