"""The PIN for a radio call: whom it speaks for, what a wrong or a kept one is worth, when it ends."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
from fastapi import FastAPI

from dashboards.console.access import FREE_TRIES, FREE_TRIES_HERE, Access, Locked
from dashboards.console.oidc.entrants import Entrant, NoEntry
from dashboards.console.pins import FEDERATED_NS, MOST_WRONG, State, weak
from dashboards.console.radio_entry import GOOD_S, Entries, Entry
from dashboards.console.roles import Role
from plantroom.clock import NS, VirtualClock
from plantroom.errors import Refused
from tests.kit.console_client import BASE, PASSWORD, client, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file
from tests.unit.dashboards.test_duty_room import ROOM, a_screen, commands

NOW = 1_795_262_400 * NS
PIN = "480517"
PATH = "/account/pin"
SIGNED_IN = Entrant("https://login.example.com", "s-1", "zhou", "周洁", Role.TECHNICIAN, None)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOW)


@pytest.fixture
def access(tmp_path: Path, clock: VirtualClock) -> Iterator[Access]:
    opened = Access(tmp_path / "access.db", clock)
    opened.add("duty.chen", Role.TECHNICIAN, PASSWORD)
    assert opened.change_pin("duty.chen", PASSWORD, "", PIN)
    yield opened
    opened.close()


def tried(access: Access, pin: str, name: str = "duty.chen", screen: str = "s1") -> str:
    """yes, no, or locked."""
    try:
        return "yes" if access.vouch_by_pin(name, pin, screen) is not None else "no"
    except Locked:
        return "locked"


def guess(access: Access, clock: VirtualClock, times: int) -> None:
    for n in range(times):
        clock.advance(301)
        assert tried(access, f"9{n:05}", screen=f"s{n}") == "no"


# -- what it opens


def test_it_speaks_for_its_person_in_their_role_and_logs_nobody_in(access: Access) -> None:
    person = access.vouch_by_pin("duty.chen", PIN, "s1")
    assert person is not None and (person.name, person.role, person.form_token) == ("duty.chen", Role.TECHNICIAN, None)
    assert access._rows("SELECT count(*) FROM session") == [(0,)]
    assert access.log_in("duty.chen", PIN) is None and access.vouch("duty.chen", PIN) is None, "it is no password"
    assert access.vouch_by_pin("duty.chen", PASSWORD, "s1") is None, "nor is a password a PIN"
    assert PIN.encode() not in b"".join(str(row).encode() for row in access._rows("SELECT * FROM pin"))


def test_who_has_a_second_factor_or_comes_by_the_login_service_can_with_a_pin_alone(access: Access, clock: VirtualClock) -> None:
    access.add("boss", Role.ADMIN, PASSWORD)
    access.factors.offer("boss")
    totp = pyotp.TOTP((access.factors.offered("boss") or ("", ""))[0])
    assert access.factors.confirm("boss", totp.at(clock.read().wall_ns // NS))
    clock.advance(60)
    code = totp.at(clock.read().wall_ns // NS)
    assert not access.change_pin("boss", PASSWORD, "000000", PIN) and access.pins.state("boss") is State.NONE
    assert access.change_pin("boss", PASSWORD, code, PIN)
    access.enter(SIGNED_IN)
    assert access.change_pin("zhou", "", "", PIN)
    for name in ("boss", "zhou"):
        assert access.vouch(name, PASSWORD) is None, "the control: not by a password"
        assert tried(access, PIN, name) == "yes"


def test_an_administrator_who_must_have_a_second_factor_and_has_none_vouches_for_nothing(tmp_path: Path, clock: VirtualClock) -> None:
    access = Access(tmp_path / "demanding.db", clock, demanding=True)
    access.add("boss", Role.ADMIN, PASSWORD)
    assert access.change_pin("boss", PASSWORD, "", PIN) and tried(access, PIN, "boss") == "no"
    access.close()


# -- wrong ones


def test_five_wrong_ones_and_each_further_try_waits_whatever_it_is(access: Access, clock: VirtualClock) -> None:
    assert [tried(access, "111222") for _ in range(FREE_TRIES + 1)] == ["no"] * FREE_TRIES + ["locked"]
    assert tried(access, PIN) == "locked", "the right one too"
    assert access.log_in("duty.chen", PASSWORD) is not None, "the login is another thing"
    assert tried(access, PIN) == "locked", "and forgives nothing"
    clock.advance(3)
    assert tried(access, PIN) == "yes"
    assert [tried(access, "111222") for _ in range(FREE_TRIES)] == ["no"] * FREE_TRIES, "counted anew after a right one"


def test_the_twentieth_wrong_one_in_a_row_ends_it(access: Access, clock: VirtualClock) -> None:
    guess(access, clock, MOST_WRONG - 1)
    clock.advance(86_400 * 3)
    assert tried(access, PIN) == "yes", "nineteen do not"
    guess(access, clock, MOST_WRONG)
    clock.advance(86_400 * 3)
    assert tried(access, PIN) == "no" and access.pins.state("duty.chen") is State.GUESSED
    clock.advance(301)
    assert access.change_pin("duty.chen", PASSWORD, "", "731904") and tried(access, "731904") == "yes"


def test_one_pin_tried_with_many_names_waits_at_the_screen(access: Access) -> None:
    names = [f"nobody-{n}" for n in range(FREE_TRIES_HERE)]
    assert {tried(access, PIN, name) for name in names} == {"no"}
    assert tried(access, PIN, "another") == "locked"
    assert tried(access, PIN, screen="s2") == "yes", "the control: another screen"


def test_names_without_a_pin_lock_as_those_with_one(access: Access) -> None:
    assert [tried(access, PIN, "ghost") for _ in range(FREE_TRIES + 1)] == ["no"] * FREE_TRIES + ["locked"]


@pytest.mark.parametrize("pin", ["", "12345", "1234567890123", "123456", "987654", "789012", "111111", "112211", "123123", "121212", "48051a", "４８０５１７", "480 517", "-480517"])
def test_a_weak_one_is_refused(access: Access, pin: str) -> None:
    assert weak(pin)
    with pytest.raises(Refused):
        access.change_pin("duty.chen", PASSWORD, "", pin)
    assert tried(access, PIN) == "yes", "the one before stays"


@pytest.mark.parametrize("pin", [PIN, "112233", "135790", "480517480518"])
def test_a_good_one_is_not(pin: str) -> None:
    assert not weak(pin)


# -- when it ends


def test_it_ends_with_a_reset_a_logout_by_the_server_and_the_account(access: Access) -> None:
    for end in (lambda: access.reset("duty.chen", "another horse 8"), lambda: access.log_out_everywhere("duty.chen", tokens=True)):
        end()
        assert tried(access, PIN) == "no" and access.pins.state("duty.chen") is State.NONE
        access.pins.put("duty.chen", PIN)
        assert tried(access, PIN) == "yes"
    access.log_out_everywhere("duty.chen")
    assert tried(access, PIN) == "yes", "the control: ending one's own sessions"
    access.remove("duty.chen")
    assert access._rows("SELECT count(*) FROM pin") == [(0,)]


def test_of_the_login_service_it_ends_with_the_role_and_sleeps_without_a_login(access: Access, clock: VirtualClock) -> None:
    access.enter(SIGNED_IN)
    access.change_pin("zhou", "", "", PIN)
    clock.advance(FEDERATED_NS // NS + 1)
    assert tried(access, PIN, "zhou") == "no" and access.pins.state("zhou") is State.ASLEEP
    assert tried(access, PIN) == "yes", "the control: an account with a password here"
    access.enter(SIGNED_IN)
    assert tried(access, PIN, "zhou") == "yes"
    gone = Entrant(SIGNED_IN.issuer, SIGNED_IN.subject, "zhou", None, None, None)
    with pytest.raises(NoEntry):
        access.enter(gone)
    assert tried(access, PIN, "zhou") == "no" and access.pins.state("zhou") is State.NONE


# -- the form


@pytest.fixture
def house(tmp_path: Path, clock: VirtualClock) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path, people=ROOM), clock)
    for n in (1, 2):
        made.fault(f"F{n}-1", "fp-1", "danger", order=f"O{n}-1", rule=f"r{n}")
        made.order(f"O{n}-1", "fp-1", "danger", fault=f"F{n}-1")
    made.engine_at(1)
    yield made
    made.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            access: Access = app.state.access
            access.enter(SIGNED_IN)
            access.change_pin("zhou", "", "", PIN)
            await scenario(app)

    asyncio.run(run())


async def form(screen: httpx.AsyncClient, order: str = "O1-1") -> dict[str, str]:
    """The fields of a radio call as the screen has them, filled in."""
    html = (await screen.get(f"/duty-room?order={order}&part=form")).text
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', html))
    assert set(hidden) == {"command_id", "mark"}
    return {**hidden, "goes": "li.wei", "eta": "10m", "name": "zhou", "pin": PIN}


def test_a_radio_call_is_signed_with_a_pin_once_however_often_it_is_sent(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen:
            sent = await form(screen)

            async def post() -> None:
                answer = await screen.post("/duty-room/orders/O1-1/accept", data=sent)
                assert answer.status_code == 303 and answer.headers["location"].endswith(sent["command_id"])

            async with asyncio.timeout(20), asyncio.TaskGroup() as group:
                group.create_task(post())
                while not commands(house):  # noqa: ASYNC110 - the journal's file
                    await asyncio.sleep(0.01)
                house.outcome(sent["command_id"], "accept", "O1-1", "zhou", True)
            await post()
            await post()

    with_app(house, scenario)
    [told] = commands(house)
    assert (told["who"], told["name"], told["target"], told["args"]) == ("zhou", "周洁", "O1-1", {"goes": "li.wei", "eta": "10m"})


def test_what_was_sent_once_is_good_for_nothing_else(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen, a_screen(app) as other:
            sent = await form(screen)
            path = "/duty-room/orders/O1-1/accept"
            for who, where, different in (
                (screen, path, {"command_id": "another-id-0001"}), (screen, path, {"command_id": ""}), (screen, path, {"mark": ""}),
                (screen, path, {"mark": "0." + sent["mark"].partition(".")[2]}), (screen, "/duty-room/orders/O2-1/accept", {}),
                (screen, "/duty-room/orders/O1-1/arrive", {}), (other, path, {}),
            ):  # fmt: skip
                answer = await who.post(where, data={**sent, **different})
                assert answer.status_code == 409, (where, different)
                assert PIN not in answer.text and "command_id" in answer.text, "a fresh form, without what was typed"
            house.clock.advance(GOOD_S + 1)
            assert (await screen.post(path, data=sent)).status_code == 409, "a quarter of an hour later"
            assert commands(house) == []
            fresh = await form(screen)
            house.outcome(fresh["command_id"], "accept", "O1-1", "zhou", True)
            assert (await screen.post(path, data=fresh)).status_code == 303, "the control: a fresh form"

    with_app(house, scenario)


def test_a_wrong_pin_five_times_on_a_screen(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with a_screen(app) as screen:
            path = "/duty-room/orders/O1-1/accept"
            wrong = {**await form(screen), "pin": "999000"}
            assert [(await screen.post(path, data=wrong)).status_code for _ in range(7)] == [401] * 5 + [429] * 2
            assert (await screen.post(path, data=await form(screen))).status_code == 429
            house.clock.advance(3)
            right = await form(screen)
            house.outcome(right["command_id"], "accept", "O1-1", "zhou", True)
            assert (await screen.post(path, data=right)).status_code == 303
            assert (await screen.post(path, data={**await form(screen), "pin": ""})).status_code == 400, "neither PIN nor password"

    with_app(house, scenario)


def test_a_mark_is_a_keys_and_of_its_time() -> None:
    entry, key = Entry("s1", "O1-1", "accept", "c-1"), bytes(32)
    mark = Entries(key, NOW).mark(entry)
    assert Entries(key, NOW + GOOD_S * NS).good(entry, mark) and not Entries(key, NOW + (GOOD_S + 1) * NS).good(entry, mark)
    assert not Entries(bytes([1] * 32), NOW).good(entry, mark)
    assert not Entries(key, NOW).good(Entry("s1", "O1-1\naccept", "", "c-1"), mark)
    for odd in ("", ".", "x.y", "٣.a", "9" * 5000 + ".a", mark[:-1], mark + "0", "é"):
        assert not Entries(key, NOW).good(entry, odd)


# -- its page


def test_the_page_sets_it_with_what_a_login_asks_for(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        access: Access = app.state.access
        async with logged_in(app, Role.TECHNICIAN) as browser:
            token = await token_of(browser)
            good = {"form_token": token, "pin": PIN, "again": PIN, "password": PASSWORD}
            for wrong, status in (({"password": "no"}, 400), ({"again": "480518"}, 400), ({"pin": "123456", "again": "123456"}, 400), ({"form_token": ""}, 403)):
                assert (await browser.post(PATH, data={**good, **wrong})).status_code == status
                assert access.pins.state("technician-1") is State.NONE
            assert (await browser.post(PATH, data=good)).status_code == 303
            assert "Your PIN is set" in (await browser.get(f"{PATH}?lang=en")).text
            assert (await browser.post(PATH + "/off", data={"form_token": token})).status_code == 303
            assert access.pins.state("technician-1") is State.NONE
            assert PATH in (await browser.get("/account")).text
        async with client(app, origin=BASE, authorization=f"Bearer {access.new_token('technician-1', 'x', 1)[1]}") as program:
            assert (await program.post(PATH, data={"pin": PIN, "again": PIN, "password": PASSWORD})).status_code == 400
        async with logged_in(app, Role.VIEWER) as browser:
            assert PATH not in (await browser.get("/account")).text, "who may enter no call needs none"

    with_app(house, scenario)
