"""The second factor: one use a step, wrong codes counted with the passwords, enforced, taken away by a reset alone."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
from typer.testing import CliRunner

from dashboards.commands import user_commands
from dashboards.console.access import FREE_TRIES, Access, HalfGone, HalfWay, Locked
from dashboards.console.app import close, create_app
from dashboards.console.factors import HALF_S, STEP_S
from dashboards.console.roles import Role
from dashboards.console.web import second_factor
from plantroom.bundle import site_of
from plantroom.clock import NS, VirtualClock
from plantroom.errors import BadInput
from tests.kit.console_client import BASE, PASSWORD, client, form_token

START = 1_795_262_400
PATH = "/account/second-factor"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START * NS)


@pytest.fixture
def access(tmp_path: Path, clock: VirtualClock) -> Iterator[Access]:
    opened = Access(tmp_path / "access.db", clock)
    opened.add("admin", Role.ADMIN, PASSWORD)
    yield opened
    opened.close()


def enrolled(access: Access) -> pyotp.TOTP:
    """With the code of the present step used up, as after turning it on."""
    access.factors.offer("admin")
    found = access.factors.offered("admin")
    assert found is not None
    totp = pyotp.TOTP(found[0])
    assert access.factors.confirm("admin", totp.at(access._now() // NS))
    return totp


def half(access: Access) -> str:
    with pytest.raises(HalfWay) as caught:
        access.log_in("admin", PASSWORD)
    return caught.value.half


def test_a_code_opens_once_and_no_earlier_one_after_it(access: Access, clock: VirtualClock) -> None:
    totp = enrolled(access)
    clock.advance(2 * STEP_S)
    now = START + 2 * STEP_S
    assert access.log_in_code(half(access), totp.at(now)) is not None
    for used in (now, now - STEP_S):
        assert access.log_in_code(half(access), totp.at(used)) is None, "replayed, or older than one that was used"
    assert access.log_in_code(half(access), totp.at(now + STEP_S)) is not None, "the control: the next one is good, by a phone that is fast"


def test_without_the_memory_of_the_step_a_replay_would_open(access: Access, clock: VirtualClock) -> None:
    totp = enrolled(access)
    clock.advance(2 * STEP_S)
    code = totp.at(START + 2 * STEP_S)
    assert access.log_in_code(half(access), code) is not None
    access._change("UPDATE factor SET last_step = 0", ())
    assert access.log_in_code(half(access), code) is not None, "nothing else than last_step refuses it"


@pytest.mark.parametrize("steps", [-40, -3, -2, 2, 3, 40])
def test_a_code_of_another_time_is_wrong(access: Access, clock: VirtualClock, steps: int) -> None:
    totp = enrolled(access)
    clock.advance(50 * STEP_S)
    assert access.log_in_code(half(access), totp.at(START + (50 + steps) * STEP_S)) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "000000 OR 1=1", "\x00" * 6])
def test_what_is_no_code_is_wrong(access: Access, code: str) -> None:
    enrolled(access)
    assert access.log_in_code(half(access), code) is None


def test_the_right_password_does_not_forgive_wrong_codes(access: Access, clock: VirtualClock) -> None:
    totp = enrolled(access)
    clock.advance(10 * STEP_S)
    for _ in range(FREE_TRIES):
        assert access.log_in_code(half(access), "000000") is None
    with pytest.raises(Locked):
        access.log_in("admin", PASSWORD)
    clock.advance(3)
    waiting = half(access)
    assert access.log_in_code(waiting, "000000") is None
    with pytest.raises(Locked):
        access.log_in_code(waiting, totp.at(START + 10 * STEP_S))  # even the right one waits
    clock.advance(5)
    assert access.log_in_code(waiting, totp.at(START + 10 * STEP_S)) is not None
    assert access.log_in_code(half(access), "000000") is None, "and a whole login forgives them: this one was free"


def test_a_half_login_ends_after_five_minutes_is_used_once_and_opens_nothing_by_itself(access: Access, clock: VirtualClock) -> None:
    totp = enrolled(access)
    late, used = half(access), half(access)
    assert access.person_of(late) is None and access.bearer(late) is None
    clock.advance(2 * STEP_S)
    assert access.log_in_code(used, totp.at(START + 2 * STEP_S)) is not None
    clock.advance(HALF_S - 2 * STEP_S + 1)
    for gone in (used, late, "", "made up"):
        with pytest.raises(HalfGone):
            access.log_in_code(gone, totp.at(START + HALF_S))


def test_an_offer_changes_nothing_until_confirmed_and_never_a_confirmed_one(access: Access) -> None:
    access.factors.offer("admin")
    assert access.log_in("admin", PASSWORD) is not None
    before = access._rows("SELECT secret FROM factor")
    access.factors.offer("admin")
    assert access._rows("SELECT secret FROM factor") != before
    totp = enrolled(access)
    access.factors.offer("admin")
    assert access._rows("SELECT secret, confirmed FROM factor") == [(totp.secret, 1)]


def test_a_password_alone_vouches_for_nobody_who_has_a_second_factor(access: Access) -> None:
    assert access.vouch("admin", PASSWORD) is not None
    enrolled(access)
    assert access.vouch("admin", PASSWORD) is None
    assert access._rows("SELECT 1 FROM half") == []


def test_a_reset_is_the_way_back_and_a_changed_password_is_not(access: Access, tmp_path: Path) -> None:
    enrolled(access)
    access.set_password("admin", "another long one")
    assert access.factors.on("admin")
    done = CliRunner().invoke(user_commands(), ["reset", "admin", "--data", str(tmp_path), "--password-from-stdin"], input=f"{PASSWORD}\n")
    assert done.exit_code == 0, done.output
    assert not access.factors.on("admin") and access.log_in("admin", PASSWORD) is not None


def test_a_misspelt_demand_does_not_leave_the_door_open() -> None:
    assert (second_factor(""), second_factor("admin")) == (False, True)
    with pytest.raises(BadInput, match="PLANTROOM_SECOND_FACTOR"):
        second_factor("admins")


# -- in a browser


def on_pages(tmp_path: Path, clock: VirtualClock, scenario: Callable[[httpx.AsyncClient, Access], Awaitable[None]], demanding: bool = False) -> None:
    async def run() -> None:
        app = create_app(tmp_path, clock, site_of, demanding=demanding)
        try:
            app.state.access.add("admin", Role.ADMIN, PASSWORD)
            app.state.access.add("li.wei", Role.TECHNICIAN, PASSWORD)
            async with client(app, origin=BASE) as browser:
                await scenario(browser, app.state.access)
        finally:
            close(app)

    asyncio.run(run())


async def log_in(browser: httpx.AsyncClient, name: str = "admin") -> httpx.Response:
    return await browser.post("/login", data={"name": name, "password": PASSWORD, "back": "/faults"})


async def turned_on(browser: httpx.AsyncClient, clock: VirtualClock) -> pyotp.TOTP:
    page = (await browser.get(PATH)).text
    await browser.post(PATH, data={"form_token": form_token(page)})
    page = (await browser.get(PATH)).text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)
    assert secret and "<svg" in page and "style=" not in page
    totp = pyotp.TOTP(secret[1])
    code = totp.at(clock.read().wall_ns // NS)
    for password, entered, status in (("wrong", code, 400), (PASSWORD, "000000", 400), (PASSWORD, f"{code[:3]} {code[3:]}", 303)):
        answer = await browser.post(f"{PATH}/on", data={"form_token": form_token(page), "password": password, "code": entered})
        assert answer.status_code == status, answer.text
    assert secret[1] not in (await browser.get(PATH)).text, "shown until it is confirmed, never again"
    return totp


def test_turned_on_and_asked_for_at_the_next_login_then_turned_off(tmp_path: Path, clock: VirtualClock) -> None:
    async def scenario(browser: httpx.AsyncClient, access: Access) -> None:
        assert (await log_in(browser)).headers["location"] == "/faults"
        totp = await turned_on(browser, clock)
        other = access.factors.half("admin")
        browser.cookies.clear()
        first = await log_in(browser)
        assert first.headers["location"] == "/login/code?back=%2Ffaults" and "plantroom_session" not in first.headers["set-cookie"]
        assert (await browser.get("/account")).headers["location"].startswith("/login"), "half a login is none"
        clock.advance(STEP_S)
        code = totp.at(clock.read().wall_ns // NS)
        wrong = await browser.post("/login/code", data={"code": "000000", "back": "/faults"})
        assert wrong.status_code == 401 and "验证码不正确" in wrong.text
        foreign = await browser.post("/login/code", data={"code": code, "back": "/"}, headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403
        done = await browser.post("/login/code", data={"code": code, "back": "//evil.example"})
        assert (done.status_code, done.headers["location"]) == (303, "/")
        page = (await browser.get(PATH)).text
        clock.advance(STEP_S)
        fields = {"form_token": form_token(page), "password": PASSWORD, "code": code}
        assert (await browser.post(f"{PATH}/off", data=fields)).status_code == 400, "the code of the login"
        fields["code"] = totp.at(clock.read().wall_ns // NS)
        assert (await browser.post(f"{PATH}/off", data=fields)).status_code == 303
        assert not access.factors.on("admin")
        with pytest.raises(HalfGone):
            access.log_in_code(other, fields["code"])

    on_pages(tmp_path, clock, scenario)


def test_where_it_is_demanded_an_administrator_sees_their_account_alone_until_it_is_on(tmp_path: Path, clock: VirtualClock) -> None:
    async def scenario(browser: httpx.AsyncClient, access: Access) -> None:
        await log_in(browser)
        assert (await browser.get("/faults")).headers["location"] == PATH
        assert (await browser.get("/api/v1/faults")).status_code == 403
        page = (await browser.get("/account")).text
        refused = await browser.post("/orders", data={"form_token": form_token(page)})
        assert refused.status_code in (403, 404, 405), "no deed either"
        assert access.vouch("admin", PASSWORD) is None
        await turned_on(browser, clock)
        assert (await browser.get("/faults")).status_code == 200

    on_pages(tmp_path, clock, scenario, demanding=True)


def test_others_are_neither_offered_one_nor_kept_out(tmp_path: Path, clock: VirtualClock) -> None:
    async def scenario(browser: httpx.AsyncClient, access: Access) -> None:
        await log_in(browser, "li.wei")
        assert (await browser.get("/faults")).status_code == 200
        page = (await browser.get("/account")).text
        assert PATH not in page
        await browser.post(PATH, data={"form_token": form_token(page)})
        assert access.factors.offered("li.wei") is None

    on_pages(tmp_path, clock, scenario, demanding=True)
