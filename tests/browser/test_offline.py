"""The phone without reception, in a real browser on a real installation: what is kept, what waits, and that it is one command."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import orjson
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from dashboards.console.access import Access
from dashboards.console.roles import Role
from plantroom.clock import SystemClock
from plantroom.journal import Journal, Kind
from plantroom.push import Browsers
from tests.browser.test_console import FLAGS, PHONE, RAISED_MS
from tests.kit.console_client import PASSWORD
from tests.kit.house import House

pytestmark = pytest.mark.needs("chromium")
CONTROLS = "() => navigator.serviceWorker.controller !== null"
KEPT = "async (path) => { for (const n of await caches.keys()) if (n.startsWith('pages:') && await (await caches.open(n)).match(path)) return true; return false; }"
NO_SYNC = "delete ServiceWorkerRegistration.prototype.sync"  # as in a browser without it: the page alone sends
LEFT = "async () => (await plantroomQueue.all()).map(e => `${e.does} ${e.state}`)"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    made = House(tmp_path_factory.mktemp("offline"), 7, channels="  - {id: push, type: webpush, subject: 'mailto:ops@example.com'}")
    made.start()
    for pump in range(made.pumps):  # one wait for all
        made.inputs.phase_loss(pump, 1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(house: House, chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": PHONE[0], "height": PHONE[1]}, base_url=f"http://127.0.0.1:{house.port}")
    yield made
    made.close()


def log_in(page: Page, house: House, name: str = "admin", password: str = "", lang: str = "en") -> None:
    if name == "admin":
        found = re.search(r"as admin with the password (\S+)", house.log())
        assert found
        password = found[1]
    page.goto(f"/login?lang={lang}")
    fill_in(page, name, password)
    expect(page).to_have_url(re.compile(r"/$"))


def fill_in(page: Page, name: str, password: str) -> None:
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("main button")


@pytest.fixture(scope="module")
def access(house: House) -> Iterator[Access]:
    """The installation's own people, as the `user` commands see them."""
    made = Access(house.data / "access.db", SystemClock())
    made.add("li.wei", Role.TECHNICIAN, PASSWORD)
    made.add("wang.fang", Role.TECHNICIAN, PASSWORD)
    yield made
    made.close()


def accept(page: Page) -> None:
    page.locator("form[action*='/accept']").get_by_role("button").click()


def fault_page(page: Page, house: House, pump: int) -> str:
    """The page of this pump's fault, open and kept; its path."""
    link = page.locator(".board .item", has_text=f"{pump}号消防泵").locator("a.text")
    expect(link).to_be_visible(timeout=RAISED_MS)
    page.wait_for_function(CONTROLS)
    path = str(link.get_attribute("href"))
    page.goto(path)
    page.wait_for_function(KEPT, arg=path)
    return path


def commands(house: House, does: str, target: str = "") -> list[dict[str, Any]]:
    """COMMAND records of the journal."""
    reader = Journal(house.data / "house" / "journal", SystemClock()).reader()
    found: list[dict[str, Any]] = []
    try:
        seq = 0
        while records := reader.read_after(seq):
            found += [orjson.loads(record.body) for record in records if record.kind is Kind.COMMAND]
            seq = records[-1].seq
    finally:
        reader.close()
    return [command for command in found if command["does"] == does and target in ("", command["target"])]


def order_of(page: Page) -> str:
    return str(page.locator("#order a").get_attribute("href")).rpartition("/")[2]


def test_a_kept_page_is_read_without_reception_and_an_acceptance_is_one_command_when_it_returns(house: House, context: BrowserContext) -> None:
    page = context.new_page()
    log_in(page, house)
    path = fault_page(page, house, 0)
    order = order_of(page)
    expect(page.locator("#stale")).to_be_hidden()
    context.set_offline(True)
    page.goto(path)
    expect(page.locator("#stale")).to_contain_text(re.compile(r"As of \d\d-\d\d \d\d:\d\d, no connection"))
    assert 'name="form_token" value=""' in page.content(), "no token is kept on the phone"
    accept(page)
    expect(page.locator("#queue .waiting")).to_contain_text(re.compile(r"Entered .*waiting for reception, not sent yet\. Until it is received people are called on"))
    page.wait_for_timeout(2_000)  # so long that the entry and the receipt can be told apart
    assert commands(house, "accept", order) == [] and house.rows("SELECT state FROM call WHERE work_order = ?", order) == [("calling",)]
    context.set_offline(False)
    expect(page.locator("#queue .done")).to_contain_text(re.compile(r"received .* and applied; the time it was entered counts"), timeout=20_000)
    expect(page.locator("#stale")).to_be_hidden(timeout=20_000)
    expect(page.locator(".state").first).to_have_text("accepted")
    expect(page.locator(".timeline")).to_contain_text("entered without reception, received")
    [sent] = commands(house, "accept", order)
    assert sent["phone"]["age_s"] >= 0 and sent["phone"]["waited_s"] >= 1.9
    [(entered, at, phone)] = house.rows("SELECT o.accepted_ns, c.at_ns, c.phone_json FROM work_order o, command c WHERE o.id = ? AND c.id = ?", order, sent["command_id"])
    assert int(str(at)) - int(str(entered)) >= 1_900_000_000 and orjson.loads(str(phone))["counts"]


def test_a_lost_answer_a_dead_page_and_a_dead_worker_make_one_command_of_one_entry(house: House, context: BrowserContext) -> None:
    """The server has it and the phone does not know; then the page and the worker die; then everybody sends it at once."""
    context.add_init_script(NO_SYNC)
    page = context.new_page()
    log_in(page, house)
    path = fault_page(page, house, 1)
    order = order_of(page)

    def lose(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    page.route("**/api/v1/orders/*/accept", lose)
    accept(page)
    for _ in range(100):  # the route is served while the page is waited for
        if commands(house, "accept", order):
            break
        page.wait_for_timeout(150)
    expect(page.locator("#queue .waiting")).to_be_visible()
    context.set_offline(True)
    page.close()
    other = context.new_page()
    session = context.new_cdp_session(other)
    session.send("ServiceWorker.enable")
    session.send("ServiceWorker.stopAllWorkers")
    other.goto(path)
    assert other.evaluate(LEFT) == ["accept waiting"]
    context.set_offline(False)
    send = "() => plantroomQueue.drain((e) => ({ waited_s: 0, set_back_s: e.set_back_s })).then(() => true)"
    assert other.evaluate(f"Promise.all([({send})(), ({send})(), ({send})()])") == [True] * 3
    [worker] = context.service_workers
    assert worker.evaluate(send)
    other.goto(path)
    expect(other.locator("#queue .done")).to_be_visible()
    assert len(commands(house, "accept", order)) == 1
    assert house.rows("SELECT count(*), outcome FROM command WHERE target = ?", order) == [(1, "applied")]


def test_the_worker_sends_what_the_page_could_not(house: House, context: BrowserContext) -> None:
    """Background sync: with the page's own requests cut off, and as it would be with the page closed."""
    page = context.new_page()
    log_in(page, house)
    fault_page(page, house, 6)
    order = order_of(page)
    page.route("**/api/v1/**", lambda route: route.abort())
    accept(page)
    expect(page.locator("#queue .done")).to_be_visible(timeout=20_000)
    assert len(commands(house, "accept", order)) == 1


def test_the_control_without_our_script_the_entry_is_lost(house: House, context: BrowserContext) -> None:
    context.route("**/static/offline.js*", lambda route: route.abort())
    page = context.new_page()
    log_in(page, house)
    link = page.locator(".board .item", has_text="2号消防泵").locator("a.text")
    expect(link).to_be_visible(timeout=RAISED_MS)
    page.goto(str(link.get_attribute("href")))
    order = order_of(page)
    context.set_offline(True)
    accept(page)
    page.wait_for_url(re.compile("chrome-error|/accept"))
    context.set_offline(False)
    page.goto("/orders")
    expect(page.locator("#queue")).to_be_hidden()
    assert commands(house, "accept", order) == []


def test_what_was_refused_says_why_and_a_session_that_ended_loses_nothing(house: House, context: BrowserContext, access: Access) -> None:
    page = context.new_page()
    log_in(page, house, "li.wei", PASSWORD)
    path = fault_page(page, house, 3)
    order = order_of(page)
    context.set_offline(True)
    page.goto(path)
    accept(page)
    page.locator("summary", has_text="Add a note").click()
    for text in ("Valve stuck", "Valve freed"):
        page.fill("textarea[name=text]", text)
        page.locator("form[action*='/comment'] button").click()
        expect(page.locator("#queue li", has_text="Add a note")).to_have_count(1 + ["Valve stuck", "Valve freed"].index(text))
    other = httpx.post(f"http://127.0.0.1:{house.port}/api/v1/orders/{order}/accept", json={}, headers={"authorization": f"Bearer {access.new_token('wang.fang', 't', 1)[1]}"})
    assert other.status_code == 200
    access.set_password("li.wei", PASSWORD + "!")  # ends every session
    context.set_offline(False)
    expect(page).to_have_url(re.compile("/login"), timeout=20_000)
    expect(page.locator("#queue")).to_contain_text("3 entered by li.wei not sent yet; sent when they log in")
    assert "Valve" not in page.locator("#queue").inner_text(), "what it says is nobody else's"
    page.wait_for_function(f"async () => !await ({KEPT})('{path}')")  # nothing is read without logging in
    log_in(page, house, "wang.fang", PASSWORD)
    expect(page.locator("#queue")).to_contain_text("3 entered by li.wei")
    assert len(commands(house, "comment", order)) == 0, "nobody sends what another one entered"
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login"))
    page.goto(f"/login?back={path}")
    fill_in(page, "li.wei", PASSWORD + "!")
    expect(page.locator("#queue .refused")).to_contain_text("refused: ")
    expect(page.locator("#queue .refused")).to_contain_text("wang.fang")
    expect(page.locator("#queue .done")).to_have_count(2)
    assert [(c["who"], c["args"]["text"]) for c in commands(house, "comment", order)] == [("li.wei", "Valve stuck"), ("li.wei", "Valve freed")]
    assert house.rows("SELECT accepted_by FROM work_order WHERE id = ?", order) == [("wang.fang",)]


def test_who_logs_out_leaves_nothing_on_the_phone_and_is_told_of_what_waits(house: House, context: BrowserContext) -> None:
    context.add_init_script(NO_SYNC)
    page = context.new_page()
    page.route("**/api/v1/events*", lambda route: route.abort())  # a page that is loaded anew between two clicks is not what is tried
    log_in(page, house)
    path = fault_page(page, house, 4)
    page.route("**/api/v1/**", lambda route: route.abort())
    accept(page)
    expect(page.locator("#queue .waiting")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.locator("#leaving")).to_have_text("1 not sent yet. Log out once more to delete them and leave.")
    page.get_by_role("button", name="Log out").click()
    expect(page).to_have_url(re.compile("/login"))
    page.wait_for_function("async () => (await caches.keys()).join() === 'assets'")
    assert page.evaluate(LEFT) == []
    assert page.evaluate("Object.keys(localStorage)") in ([], ["plantroom.wall", "plantroom.set_back"], ["plantroom.set_back", "plantroom.wall"])
    context.set_offline(True)
    page.goto(path)
    expect(page.get_by_role("heading", name="No connection")).to_be_visible()
    expect(page.locator("#kept li")).to_have_count(0)


def test_a_push_shows_its_two_lines_says_that_it_did_and_the_account_page_turns_it_on(house: House, context: BrowserContext) -> None:
    context.grant_permissions(["notifications"])
    page = context.new_page()
    session = context.new_cdp_session(page)
    found: list[str] = []
    session.on("ServiceWorker.workerRegistrationUpdated", lambda event: found.extend(each["registrationId"] for each in event["registrations"] if not each["isDeleted"]))
    session.send("ServiceWorker.enable")
    log_in(page, house)
    path = fault_page(page, house, 5)
    [page_id] = house.rows("SELECT id FROM outbox WHERE fault = ?", path.rpartition("/")[2])[0]
    browsers = Browsers(house.data / "access.db")
    token = browsers.sent("house", str(page_id), SystemClock().read().wall_ns)
    told = {"title": "[READINESS] Lost a phase", "body": "since 14:03", "url": path, "tag": "O1-1", "lang": "en", "shown": f"/push/shown/{token}"}
    origin = f"http://127.0.0.1:{house.port}"
    session.send("ServiceWorker.deliverPushMessage", {"origin": origin, "registrationId": found[-1], "data": orjson.dumps(told).decode()})
    house.wait_for(lambda: house.rows("SELECT 1 FROM receipt WHERE outbox = ? AND state = 'delivered'", str(page_id)), 10, "the worker says that it showed the page")
    browsers.close()
    shown = page.evaluate("async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(n => [n.title, n.body, n.tag, n.data.url])")
    assert shown == [["[READINESS] Lost a phase", "since 14:03", "O1-1", path]]
    page.goto("/account")
    expect(page.locator("#push [role=status]")).to_have_text("This browser is not told.")
    expect(page.locator("#push .notice")).to_contain_text("No site file names admin")
    expect(page.locator("#push button.go")).to_be_visible()
