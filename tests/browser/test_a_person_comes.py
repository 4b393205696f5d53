"""From the plant to a person, in a real browser on a real installation: the duty room's screen, and the whole way on phone and desk."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from dashboards.console.access import Access
from dashboards.console.roles import Role
from plantroom.clock import SystemClock
from tests.kit.console_client import PASSWORD
from tests.kit.house import House, Receiver
from tests.kit.pictures import picture

pytestmark = pytest.mark.needs("chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PHONE, DESK = (390, 844), (1280, 800)
PEOPLE = """
people:
  - {id: li.wei, name: 李伟, roles: [technician], contacts: {phone: topic-of-li}}
  - {id: wang.fang, name: 王芳, roles: [technician]}
  - {id: chief, name: 陈总, roles: [manager], contacts: {phone: topic-of-chief}}
roster:
  teams:
    engineering: {name: 工程部, shifts: [{people: [li.wei], hours: "00:00-24:00"}]}
    managers: {name: 值班经理, shifts: [{people: [chief], hours: "00:00-24:00"}]}
escalation:
  readiness: {steps: [{after: 0s, tell: [engineering, everyone]}, {after: 10m, tell: [managers]}], repeat: 10m}
  night: "00:00-00:00"
  test: never
web: {public_url: "http://127.0.0.1:{port}"}
"""
COUNT_SOUNDS = "window.sounds = 0; const start = OscillatorNode.prototype.start; OscillatorNode.prototype.start = function (at) { window.sounds += 1; start.call(this, at); };"


@pytest.fixture(scope="module")
def phones() -> Iterator[Receiver]:
    receiver = Receiver()
    receiver.answer = b'{"id": "hwQ2YpKdmg", "event": "message"}'
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, phones: Receiver) -> Iterator[House]:
    channels = f"  - {{id: phone, type: ntfy, url: '{phones.url.rstrip('/')}', private: 127.0.0.1}}\n  - {{id: room, type: duty_room}}"
    made = House(tmp_path_factory.mktemp("comes"), 6, extra=PEOPLE, channels=channels)
    try:
        made.start()  # which may fail on a machine too busy: what it began is ended all the same
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def people(house: House) -> None:
    """Accounts of two of the people of the site file."""
    access = Access(house.data / "access.db", SystemClock())
    access.add("li.wei", Role.TECHNICIAN, PASSWORD)
    access.add("chief", Role.SUPERVISOR, PASSWORD)
    access.close()


def opened(chromium: Browser, house: House, size: tuple[int, int] = DESK, *, scripts: bool = True) -> Page:
    context = chromium.new_context(
        viewport={"width": size[0], "height": size[1]}, java_script_enabled=scripts, base_url=f"http://127.0.0.1:{house.port}"
    )
    return context.new_page()


def password_of_admin(house: House) -> str:
    found = re.search(r"as admin with the password (\S+)", house.log())
    assert found
    return found[1]


def log_in(page: Page, name: str, password: str, lang: str = "zh") -> None:
    page.goto(f"/login?lang={lang}")
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("main button")
    expect(page).not_to_have_url(re.compile("/login"))


def to_the_room(house: House, pump: int) -> list[tuple[object, ...]]:
    return house.rows(
        "SELECT o.state, o.answer, EXISTS (SELECT 1 FROM receipt r WHERE r.outbox = o.id AND r.state = 'read') FROM outbox o JOIN work_order w ON w.id = o.work_order"
        " WHERE o.channel = 'room' AND w.equipment = ? AND o.reason = 'raised'", f"fp-{pump}",
    )  # fmt: skip


def order(house: House, pump: int, columns: str) -> list[tuple[object, ...]]:
    return house.rows(f"SELECT {columns} FROM work_order WHERE equipment = ?", f"fp-{pump}")


def hear_all(page: Page) -> None:
    loud = page.locator(".call-card.loud")
    while before := loud.count():
        loud.first.get_by_role("button", name=re.compile("听到了")).click()
        expect(loud).to_have_count(before - 1)


def test_the_duty_room_is_dark_then_sounds_until_somebody_hears_and_enters_a_radio_call(house: House, chromium: Browser) -> None:
    """P5, T3: shown, heard and accepted are three things; without a screen the page is none of them, and it is said."""
    house.inputs.phase_loss(0, 1)
    house.wait_for(lambda: [row[:2] for row in to_the_room(house, 0)] == [("queued", "no screen is connected")], 30, "no screen takes it")
    page = opened(chromium, house)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.add_init_script(COUNT_SOUNDS)
    password = password_of_admin(house)
    log_in(page, "admin", password)
    page.goto("/duty-room/screens")
    page.get_by_role("button", name="把本浏览器登记为值班室屏幕").click()
    card = page.locator(".call-card.loud", has_text="0号消防泵")
    expect(card).to_be_visible()
    expect(page.locator("#mute")).to_contain_text("本屏静音，听不到呼叫。")
    assert page.evaluate("window.sounds") == 0, "a browser asks for a press first, and the page says so"

    page.get_by_role("button", name="开始值班").click()
    expect(page.locator("#mute")).to_be_hidden()
    expect(page.locator("body")).to_have_attribute("data-sounds", "readiness")
    page.wait_for_function("window.sounds > 0")
    picture(page, "duty-room")
    house.wait_for(lambda: to_the_room(house, 0)[0][0] == "accepted", 70, "shown, so taken")
    assert str(to_the_room(house, 0)[0][1]).startswith("shown on 值班室") and to_the_room(house, 0)[0][2] == 0, "nobody has said that they hear"
    hear_all(page)
    expect(page.locator("body")).to_have_attribute("data-sounds", "")
    assert to_the_room(house, 0)[0][2] == 1 and order(house, 0, "state, accepted_by") == [("open", None)], "heard is not accepted"
    counted = page.evaluate("window.sounds")

    page.locator(".call-card", has_text="0号消防泵").get_by_role("link", name=re.compile("对讲机接单")).click()
    page.get_by_label("谁去").select_option("wang.fang")
    page.get_by_label("谁听到").fill("admin")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登记接单").click()
    expect(page.get_by_role("alert").filter(has_text="用户名、PIN 码或密码不正确")).to_be_visible()
    page.get_by_label("谁去").select_option("wang.fang")
    page.get_by_label("谁听到").fill("admin")
    page.get_by_label("密码").fill(password)
    page.get_by_role("button", name="登记接单").click()
    expect(page.locator(".call-card", has_text="0号消防泵")).to_contain_text("王芳 · 对讲机，admin 记录")
    assert order(house, 0, "state, accepted_by, radio_by") == [("accepted", "wang.fang", "admin")]
    assert page.evaluate("window.sounds") == counted, "and it is silent"
    troubles = [text for text in troubles if "401" not in text]  # the wrong password, as the browser notes it
    assert troubles == []
    page.context.close()


@pytest.mark.soak
def test_a_screen_that_lost_its_server_says_so_and_sounds_otherwise(house: House, chromium: Browser) -> None:
    page = opened(chromium, house)
    log_in(page, "admin", password_of_admin(house))
    page.goto("/duty-room/screens")
    page.get_by_role("button", name="把本浏览器登记为值班室屏幕").click()
    page.get_by_role("button", name="开始值班").click()
    hear_all(page)
    page.context.set_offline(True)
    expect(page.locator("#lost")).to_be_visible(timeout=20_000)
    expect(page.locator("body")).to_have_attribute("data-sounds", "lost")
    dark = "SELECT 1 FROM fault WHERE rule = 'duty_room_dark' AND condition = 'active'"
    house.wait_for(lambda: house.rows(dark), 40, "and the monitor says so")
    page.context.set_offline(False)
    expect(page.locator("#lost")).to_be_hidden(timeout=20_000)
    house.wait_for(lambda: not house.rows(dark), 20, "dark no more")
    page.context.close()


def the_link(house: House, phones: Receiver, pump: int) -> str:
    """What stands in the push to Li Wei's phone."""

    def came() -> list[dict[str, object]]:
        return [body for _, _, body in list(phones.pages) if body["topic"] == "topic-of-li" and f"{pump}号消防泵" in str(body["title"])]

    house.wait_for(came, 30, "a push on the phone")
    push = came()[0]
    assert str(push["title"]).startswith("〔战备〕") and "未接单" in str(push["message"])
    return str(push["click"])


WAYS = [
    pytest.param(PHONE, False, 1, id="phone without scripts"), pytest.param(DESK, True, 2, id="desk with scripts"),
    pytest.param(PHONE, True, 3, id="phone with scripts", marks=pytest.mark.soak),
    pytest.param(DESK, False, 4, id="desk without scripts", marks=pytest.mark.soak),
]  # fmt: skip


@pytest.mark.parametrize(("size", "scripts", "pump"), WAYS)
def test_the_whole_way_from_the_plant_to_the_closed_order(
    house: House, chromium: Browser, phones: Receiver, people: None, size: tuple[int, int], scripts: bool, pump: int
) -> None:
    """Fault, push, the link on the phone, accepted, arrived, restored, and closed by somebody else."""
    house.inputs.phase_loss(pump, 1)
    link = the_link(house, phones, pump)
    page = opened(chromium, house, size, scripts=scripts)
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(link)
    expect(page.locator("h1")).to_contain_text(f"{pump}号消防泵")
    assert order(house, pump, "state") == [("open",)], "opening a link accepts nothing"
    if size == PHONE:
        picture(page, "answer")
    page.get_by_role("button", name="李伟").click()
    expect(page.locator(".standing.accepted")).to_be_visible()
    assert order(house, pump, "state, accepted_by, radio_by") == [("accepted", "li.wei", None)]

    page.get_by_role("link", name=re.compile("工单|登录")).click()
    expect(page).to_have_url(re.compile("/login"))
    page.fill("input[name=name]", "li.wei")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    expect(page).to_have_url(re.compile(r"/orders/O"))  # back to where the link led
    if size == PHONE:
        picture(page, "order")
    page.get_by_role("button", name="已到场").click()
    expect(page.locator(".notice.good")).to_have_text("已登记到场。")
    house.inputs.phase_loss(pump, 0)
    cleared = "SELECT 1 FROM fault WHERE equipment = ? AND rule = 'phase_loss' AND condition = 'cleared'"
    house.wait_for(lambda: house.rows(cleared, f"fp-{pump}"), 60, "the machine shows that it works")
    page.get_by_role("button", name="已修复").click()
    expect(page.locator(".notice.good")).to_have_text("已登记修复。")
    expect(page.locator("p.hint", has_text="执行人不能关闭自己的工单")).to_be_visible()

    other = opened(chromium, house, size, scripts=scripts)
    log_in(other, "chief", PASSWORD)
    other.goto(f"/orders/{order(house, pump, 'id')[0][0]}")
    other.locator("input[name=cause]").fill("进线熔断器松动")
    other.locator("input[name=remedy]").fill("紧固，三相电压正常")
    other.get_by_role("button", name="确认关闭").click()
    expect(other.locator(".notice.good")).to_have_text("工单已关闭。")
    [row] = order(house, pump, "state, accepted_by, arrived_by, restored_by, restored_agrees, closed_by")
    assert row == ("closed", "li.wei", "li.wei", "li.wei", 1, "chief")
    clocks = house.rows(
        "SELECT name, stopped_ns IS NOT NULL, breached_ns FROM clock c JOIN work_order w ON w.id = c.work_order WHERE w.equipment = ? ORDER BY name",
        f"fp-{pump}",
    )  # fmt: skip
    assert clocks == [("arrival", 1, None), ("response", 1, None), ("restore", 1, None)]
    assert troubles == []
    page.context.close()
    other.context.close()
