"""From the plant to a person, in a real browser on a real installation: the duty room's screen, and the whole way on phone and desk."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.kit.house import House, Receiver

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
    channels = f"  - {{id: phone, type: ntfy, url: '{phones.url.rstrip('/')}'}}\n  - {{id: room, type: duty_room}}"
    made = House(tmp_path_factory.mktemp("comes"), 6, extra=PEOPLE, channels=channels)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


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
        "SELECT o.state, o.answer, o.read_by IS NOT NULL FROM outbox o JOIN work_order w ON w.id = o.work_order"
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
    expect(page.get_by_role("alert").filter(has_text="用户名或密码不正确")).to_be_visible()
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
