"""The console in a real browser, on a real installation: with and without JavaScript, desk and phone, Chinese and English."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from plantroom.clock import SystemClock, at_utc
from tests.kit.console_client import PASSWORD
from tests.kit.house import House

pytestmark = pytest.mark.needs("chromium")
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip
PHONE, DESK = (390, 844), (1280, 800)
RAISED_MS = 30_000
PATHS = ("/", "/orders", "/faults", "/equipment", "/equipment/fp-0", "/ledger", "/points/fp-0.phase_loss?range=15m", "/oncall", "/health", "/health/alarms", "/account", "/no-such")
PEOPLE = """
people:
  - {id: li.wei, name: 李伟, roles: [technician]}
  - {id: wang.fang, name: 王芳, roles: [technician]}
roster: {teams: {engineering: {name: 工程部, shifts: [{people: [li.wei], hours: "00:00-24:00"}]}}}
"""
LIFT = """
  - {id: lift-1, kind: elevator, name: 1号客梯, location: B座, rescue: {phone: "8013", code: "320017", hotline: "400-600-0000", key: 钥匙柜12号, camera: "https://cctv.example.com/lift-1"}}
"""
TOO_SMALL = "[...document.querySelectorAll('main button')].filter(b => b.offsetParent && b.offsetHeight < 44).map(b => b.textContent)"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("browser"), 6, extra=LIFT)
    made.site_file.write_text(made.site_file.read_text() + PEOPLE)
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(house: House, chromium: Browser) -> Iterator[type[Opened]]:
    contexts: list[BrowserContext] = []
    password = re.search(r"as admin with the password (\S+)", house.log())
    assert password

    class Opening(Opened):
        def __init__(
            self, size: tuple[int, int] = DESK, lang: str = "en", scripts: bool = True, user: tuple[str, str] = ("admin", password[1])
        ) -> None:
            context = chromium.new_context(
                viewport={"width": size[0], "height": size[1]}, java_script_enabled=scripts, base_url=f"http://127.0.0.1:{house.port}"
            )
            contexts.append(context)
            self.page = context.new_page()
            self.troubles: list[str] = []
            self.page.on("console", lambda message: self.troubles.append(message.text) if message.type == "error" else None)
            self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
            self.page.goto(f"/login?lang={lang}")
            self.page.fill("input[name=name]", user[0])
            self.page.fill("input[name=password]", user[1])
            self.page.click("main button")
            expect(self.page).to_have_url(re.compile(r"/$"))

    yield Opening
    for context in contexts:
        context.close()


class Opened:
    """A logged-in page; `troubles` is what its console complained of."""

    page: Page
    troubles: list[str]

    def __init__(self, size: tuple[int, int] = DESK, lang: str = "en", scripts: bool = True, user: tuple[str, str] = ...) -> None: ...


def test_a_fault_appears_by_itself_and_its_clock_counts_down(house: House, open_page: type[Opened]) -> None:
    opened = open_page()
    page = opened.page
    expect(page.locator("#live")).to_have_text("Live")
    item = page.locator(".board .item", has_text="0号消防泵")
    expect(item).to_have_count(0)
    house.inputs.phase_loss(0, 1)
    expect(item).to_have_count(1, timeout=RAISED_MS)
    clock = item.locator(".clock b")
    first = clock.inner_text()
    assert re.fullmatch(r"1[45]:\d\d", first)
    expect(clock).not_to_have_text(first, timeout=5_000)
    item.get_by_role("button", name="Accept").click()
    expect(page.locator(".notice.good")).to_have_text("Accepted.")
    expect(item.locator(".state")).to_have_text("accepted")
    assert opened.troubles == []


def test_an_order_is_accepted_arrived_and_restored_without_javascript_on_a_phone(house: House, open_page: type[Opened]) -> None:
    house.inputs.phase_loss(1, 1)
    page = open_page(PHONE, "zh", scripts=False).page
    item = page.locator(".board .item", has_text="1号消防泵")
    for _ in range(60):
        if item.count():
            break
        page.wait_for_timeout(500)
        page.reload()
    assert re.fullmatch(r"1[345]:\d\d", item.locator(".clock b").inner_text()), "what is left is there without a script"
    steps = (("接单", "已接单。", "已接单"), ("已到场", "已登记到场。", "已到场"), ("已修复", "已登记修复。", "已修复"))
    for button, notice, state in steps:
        item.get_by_role("button", name=button).click()
        expect(page.locator(".notice.good")).to_have_text(notice)
        expect(item.locator(".state")).to_have_text(state)
    item.get_by_role("link", name="确认关闭").click()
    expect(page.locator("p.hint", has_text="执行人不能关闭自己的工单")).to_be_visible()
    expect(page.locator("input[name=cause]")).to_have_count(0)


def test_somebody_stands_in_and_a_shift_is_handed_over_without_javascript_on_a_phone(house: House, open_page: type[Opened]) -> None:
    page = open_page(PHONE, "zh", scripts=False).page
    page.goto("/oncall")
    expect(page.locator(".duty .tile").first).to_contain_text("李伟")
    page.locator("summary", has_text="安排替班").click()
    form = page.locator("form[action='/oncall/stand_in']")

    def enter(begins: str, ends: str) -> None:
        form.locator("select[name=out]").select_option("li.wei")
        form.locator("select[name=in]").select_option("wang.fang")
        for name, at in (("from", begins), ("until", ends)):
            form.locator(f"input[name={name}]").fill(at)
        form.locator("input[name=reason]").fill("发烧了")
        form.get_by_role("button").click()

    enter("2020-01-01T08:00", "2020-01-01T20:00")
    expect(page.locator(".notice.bad")).to_have_text("未办理：这段时间已经过去")
    page.locator("summary", has_text="安排替班").click()
    now = at_utc(SystemClock().read().wall_ns).astimezone(ZoneInfo("Asia/Shanghai"))
    enter(f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}", f"{now + timedelta(hours=5):%Y-%m-%dT%H:%M}")
    expect(page.locator(".notice.good")).to_have_text("替班已登记。")
    expect(page.locator(".duty .tile").first).to_contain_text("王芳")
    page.locator(".changes").get_by_role("button", name="撤销").click()
    expect(page.locator(".duty .tile").first).to_contain_text("李伟")
    page.fill("textarea[name=text]", "钥匙在柜里")
    page.get_by_role("button", name="交班签字").click()
    expect(page.locator(".notice.good")).to_have_text("已交班，等待接班人签字。")
    expect(page.get_by_text("接班由另一人签字。")).to_be_visible()
    expect(page.get_by_role("button", name="接班签字")).to_have_count(0)


def test_people_trapped_are_reported_freed_and_the_lift_released_without_javascript_on_a_phone(house: House, open_page: type[Opened]) -> None:
    """X-3, R-6: by one tap; every step is a button; two people, since who freed them does not sign."""
    page = open_page(PHONE, "zh", scripts=False).page
    page.goto("/equipment/lift-1")
    page.get_by_role("button", name="困人上报").click()
    expect(page.locator(".notice.good")).to_have_text("已上报，正在呼叫值班人员。")
    page.get_by_role("link", name="打开困人救援页").click()
    line = page.locator(".rescue-line .done")
    expect(line).to_have_count(2)
    facts = page.locator(".facts")
    expect(facts.get_by_role("link", name="400-600-0000")).to_have_attribute("href", "tel:4006000000")
    expect(facts.get_by_role("link", name="打开画面")).to_have_attribute("rel", "noopener noreferrer")
    expect(facts).to_contain_text("320017")
    expect(facts.locator(".tag.bad")).to_have_count(2)  # registration and way are not in the site file
    for button in ("接单", "已对讲安抚", "已通知维保", "本方人员已到场", "维保已到场"):
        assert page.evaluate(TOO_SMALL) == []
        page.locator(".big-acts").get_by_role("button", name=button, exact=True).click()
        expect(page.locator(".notice.good")).to_be_visible()
    expect(line).to_have_count(7)
    page.fill("input[name=trapped]", "2")
    page.fill("input[name=injured]", "0")
    page.get_by_role("button", name="已救出").click()
    expect(page.locator(".rescue")).to_contain_text("困 2 人，伤 0 人")
    expect(page.locator(".notice.bad")).to_contain_text("电梯停用")
    page.fill("input[name=text]", "试运行正常")
    page.get_by_role("button", name="签字放行").click()
    expect(page.locator(".notice.bad").first).to_contain_text("参与救援的人不能签字放行")
    [(order,)] = house.rows("SELECT work_order FROM rescue")
    other = open_page(PHONE, "en", scripts=False, user=colleague(house)).page
    other.goto(f"/orders/{order}")
    other.fill("input[name=text]", "Door contact replaced, test run good")
    other.get_by_role("button", name="Sign and release the lift").click()
    expect(other.locator(".notice.good")).to_have_text("Released by signature.")
    assert house.rows("SELECT trapped, injured, freed_by, released_by FROM rescue") == [(2, 0, "admin", "chen")]
    names = ("answered_ns", "called_ns", "staff_ns", "unit_ns", "freed_ns", "released_ns")
    [steps] = house.rows(f"SELECT {', '.join(names)} FROM rescue")
    assert list(steps) == sorted(steps) and None not in steps
    [(due, stopped)] = house.rows("SELECT due_ns - started_ns, stopped_ns FROM clock WHERE name = 'unit'")
    assert due == 30 * 60 * 10**9 and stopped == steps[3]


def colleague(house: House) -> tuple[str, str]:
    """An engineer who can come in too."""
    command = [str(Path(sys.executable).parent / "plantroom"), "user", "add", "chen", "--data", str(house.data), "--role", "engineer"]
    done = subprocess.run([*command, "--password-from-stdin"], input=PASSWORD, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return "chen", PASSWORD


def test_a_value_on_the_wire_changes_on_the_page(house: House, open_page: type[Opened]) -> None:
    opened = open_page(lang="zh")
    page = opened.page
    page.goto("/equipment/fp-2")
    value = page.locator('[data-point="fp-2.pump_running"] b')
    expect(value).to_have_text("否")
    house.inputs.set(1, 7, 1)  # pump 2's second input
    expect(value).to_have_text("是", timeout=10_000)
    house.inputs.set(1, 7, 0)
    expect(value).to_have_text("否", timeout=10_000)
    assert opened.troubles == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_no_page_scrolls_sideways_on_a_phone(house: House, open_page: type[Opened], lang: str) -> None:
    opened = open_page(PHONE, lang)
    page = opened.page
    house.inputs.phase_loss(0, 1)
    found = page.locator(".board a.text").first
    expect(found).to_be_visible(timeout=RAISED_MS)
    fault = found.get_attribute("href") or "/"
    for path in (*PATHS, fault):
        page.goto(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0], f"{path}: {width} px wide"
        small = page.evaluate(TOO_SMALL)
        assert small == [], f"{path}: too small for a glove"


def test_the_chart_is_drawn_by_the_server_and_made_movable_by_the_script(house: House, open_page: type[Opened]) -> None:
    plain = open_page(scripts=False).page
    plain.goto("/points/fp-0.phase_loss?range=15m")
    expect(plain.locator("svg.chart path.line").first).to_be_attached()
    opened = open_page()
    opened.page.goto("/points/fp-0.phase_loss?range=15m")
    expect(opened.page.locator(".uplot canvas")).to_be_visible()
    assert opened.troubles == [], "the policy against inline scripts and styles holds for the chart too"


def test_a_page_says_that_it_is_no_longer_live_and_comes_back(house: House, open_page: type[Opened]) -> None:
    page = open_page().page
    expect(page.locator("#live")).to_have_text("Live")
    house.kill("web")
    expect(page.locator("#live")).to_have_class(re.compile("lost"), timeout=15_000)
    expect(page.locator("#live")).to_have_text("Live", timeout=30_000)


def test_the_password_can_be_changed_and_the_session_ended(house: House, open_page: type[Opened], tmp_path: Path) -> None:
    page = open_page().page
    page.goto("/account")
    page.fill("input[name=old]", "wrong")
    page.fill("input[name=new]", "another horse 9")
    page.fill("input[name=again]", "another horse 9")
    page.get_by_role("button", name="Change").click()
    expect(page.locator(".notice.bad")).to_have_text("The present password is wrong.")
    page.get_by_role("button", name="Log out", exact=True).click()
    expect(page).to_have_url(re.compile("/login"))
    page.goto("/")
    expect(page).to_have_url(re.compile("/login"))


def test_the_keyboard_alone_reaches_the_content_and_the_first_button(house: House, open_page: type[Opened]) -> None:
    page = open_page().page
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"#main$"))
