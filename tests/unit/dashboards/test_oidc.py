"""Coming in by a login service that speaks the real protocol over a real socket; the console runs in the test's loop on a virtual clock."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from joserfc.jwk import RSAKey
from typer.testing import CliRunner

from dashboards.commands import user_commands
from dashboards.console.access import Locked
from dashboards.console.app import close, create_app
from dashboards.console.oidc import flow as flows
from dashboards.console.oidc.provider import AGAIN_S, KEPT_S, MOST_BYTES
from dashboards.console.oidc.settings import Settings, load_settings
from dashboards.console.pace import Buckets, Pace
from dashboards.console.roles import Role
from dashboards.console.web import login_service
from plantroom.bundle import site_of
from plantroom.clock import NS, VirtualClock
from plantroom.errors import BadInput, Refused
from tests.kit.certificates import authority
from tests.kit.console_client import BASE, PASSWORD, client, form_token
from tests.kit.oidc_provider import CLIENT, SECRET, Provider, provider

FILE = """
oidc:
  issuer: {issuer}
  client_id: plantroom
  client_secret: ${{HOUSE_SECRET}}
  roles:
    - {{group: house-admins, role: admin}}
    - {{group: house, role: engineer, sites: [hq, "b2:viewer"]}}
"""
Scenario = Callable[[FastAPI, httpx.AsyncClient, Provider], Awaitable[None]]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_795_262_400 * NS)


@pytest.fixture
def house(clock: VirtualClock) -> Iterator[Provider]:
    with provider(lambda: clock.read().wall_ns // NS) as made:
        yield made


def settings_of(tmp_path: Path, house: Provider, text: str = FILE) -> Settings:
    path = tmp_path / "oidc.yaml"
    path.write_text(text.format(issuer=house.issuer), "utf-8")
    return load_settings(path, {"HOUSE_SECRET": SECRET})


def run(tmp_path: Path, clock: VirtualClock, house: Provider, scenario: Scenario, **changed: Any) -> None:
    async def whole() -> None:
        app = create_app(tmp_path, clock, site_of, login=replace(settings_of(tmp_path, house), **changed), demanding=True)
        try:
            async with client(app) as browser:
                await scenario(app, browser, house)
        finally:
            close(app)

    asyncio.run(whole())


async def there(browser: httpx.AsyncClient, back: str = "/faults") -> str:
    """The provider's answer to the browser that we sent there: an address of ours."""
    gone = await browser.get(f"/oidc/login?{urlencode({'back': back})}")
    assert gone.status_code == 303, gone.text
    async with httpx.AsyncClient(verify=False, trust_env=False) as outside:  # plain HTTP: reading the machine's certificates takes 40 ms
        said = await outside.get(gone.headers["location"])
    assert said.status_code == 302, said.text
    return said.headers["location"]


async def whole_way(browser: httpx.AsyncClient, back: str = "/faults") -> httpx.Response:
    return await browser.get(await there(browser, back), headers={"sec-fetch-site": "cross-site"})


def account_of(app: FastAPI, name: str = "wang.fang") -> Any:
    return next((one for one in app.state.access.accounts() if one.name == name), None)


def test_there_and_back_with_an_account_made_of_the_claims(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        assert "/oidc/login?back=%2Ffaults" in (await browser.get("/login?back=/faults")).text
        back = await there(browser)
        assert browser.cookies.get("plantroom_session") is None
        done = await browser.get(back, headers={"sec-fetch-site": "cross-site"})
        assert done.status_code == 200 and 'content="0; url=/faults"' in done.text, done.text
        cookies = done.headers.get_list("set-cookie")
        session = next(one for one in cookies if one.startswith("plantroom_session"))
        assert "HttpOnly" in session and "SameSite=strict" in session
        assert any(one.startswith('plantroom_oidc=""') for one in cookies), "the flow's cookie is spent"
        made = account_of(app)
        assert (made.role, made.sites, made.there) == (Role.ENGINEER, {"hq", "b2"}, {"b2": Role.VIEWER})
        page = (await browser.get("/account")).text
        assert "王芳" in page and 'name="old"' not in page and "second-factor" not in page
        # What they can have here by a password: nothing.
        access = app.state.access
        for password in ("", "*", PASSWORD):
            assert access.log_in("wang.fang", password) is None and not access.password_is("wang.fang", password)
        with pytest.raises(Refused, match="login service"):
            access.set_password("wang.fang", "another long one")
        refused = await browser.post("/account", data={"form_token": form_token(page), "old": "", "new": "a" * 5 + "bcdefgh", "again": "a" * 5 + "bcdefgh"}, headers={"origin": BASE})
        assert refused.status_code == 400
        assert access.person_of(browser.cookies["plantroom_session"]).shown == "王芳"

    run(tmp_path, clock, house, scenario)


def test_what_we_send_there_is_a_code_flow_with_pkce_and_the_browser_never_has_the_secret(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        gone = await browser.get("/oidc/login")
        cookie = gone.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Max-Age=600" in cookie
        asked = {name: values[0] for name, values in parse_qs(urlsplit(gone.headers["location"]).query).items()}
        assert asked["redirect_uri"] == f"{BASE}/oidc/callback" and asked["response_type"] == "code"
        flow = flows.opened(browser.cookies["plantroom_oidc"], app.state.access.key("oidc"), clock.read().wall_ns // NS)
        assert flow is not None and flow.verifier not in gone.headers["location"] and flows.challenge(flow.verifier) == asked["code_challenge"]
        assert SECRET not in gone.headers["location"] + cookie and SECRET not in repr(app.state.oidc)
        assert flows.challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"  # RFC 7636, B

    run(tmp_path, clock, house, scenario)


def test_a_back_path_leads_nowhere_else(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        for evil in ("//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"):
            done = await whole_way(browser, evil)
            assert 'content="0; url=/"' in done.text and "evil" not in done.text, evil

    run(tmp_path, clock, house, scenario)


def test_an_answer_counts_once_in_the_browser_that_set_out_and_in_time(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        back, cookie = await there(browser), browser.cookies["plantroom_oidc"]

        async def tried(where: str, value: str | None) -> int:
            async with client(app) as other:
                answer = await other.get(where, headers={b"cookie": f"plantroom_oidc={value}".encode()} if value is not None else {})
                assert "plantroom_session=" not in "".join(answer.headers.get_list("set-cookie")) or answer.status_code == 200
                return answer.status_code

        state = parse_qs(urlsplit(back).query)["state"][0]
        other_flow = flows.sealed(flows.begin("/", f"{BASE}/oidc/callback", clock.read().wall_ns // NS), app.state.access.key("oidc"))
        for where, value in (
            (back, None), (back, ""), (back, "x.y"), (back, "é"), (back, cookie[:-1]), (back, other_flow), (back.replace(state, "x" * 43), cookie),
            (re.sub("&?state=[^&]*", "", back), cookie), (back, flows.sealed(flows.begin("/", BASE, 0), b"not our key")),
        ):  # fmt: skip
            assert await tried(where, value) == 400, (where, value)
        assert house.asked["/token"] == 0, "the code went nowhere"
        assert await tried(back.replace(urlencode({"iss": house.issuer}), "iss=https%3A%2F%2Fevil.example"), cookie) == 401, "another provider's"
        fresh = await there(browser)
        kept = browser.cookies["plantroom_oidc"]
        assert await tried(fresh, kept) == 200, "the control"
        assert await tried(fresh, kept) == 400, "replayed"
        late = await there(browser)
        clock.advance(flows.LIFE_S + 1)
        assert await tried(late, browser.cookies["plantroom_oidc"]) == 400

    run(tmp_path, clock, house, scenario)


SPOILT: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "another nonce": lambda header, claims: claims.update(nonce="x" * 43),
    "another client": lambda header, claims: claims.update(aud="grafana"),
    "expired": lambda header, claims: claims.update(exp=claims["iat"] - 3600),
    "another issuer": lambda header, claims: claims.update(iss="https://evil.example"),
    "unsigned": lambda header, claims: "eyJhbGciOiJub25lIn0.e30.",
    "no token": lambda header, claims: "",
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_wrong_token_lets_nobody_in(tmp_path: Path, clock: VirtualClock, house: Provider, how: str) -> None:
    house.spoil = SPOILT[how]

    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        answer = await whole_way(browser)
        assert answer.status_code == 401 and "plantroom_session" not in "".join(answer.headers.get_list("set-cookie"))
        assert account_of(app) is None
        house.spoil = lambda header, claims: None
        assert (await whole_way(browser)).status_code == 200, "the control"

    run(tmp_path, clock, house, scenario)


def test_a_code_without_our_verifier_or_our_secret_is_refused_by_the_provider(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    """That the provider of these tests looks at what we send: else it would prove nothing that we send it."""

    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        assert (await whole_way(browser)).status_code == 401
        assert house.refused == ["client"]

    run(tmp_path, clock, house, scenario, client_secret="another")
    asked = {"redirect_uri": "x", "code_challenge": flows.challenge("a" * 64), "nonce": "n" * 43}
    house.codes["c"] = asked
    basic = "Basic " + b64encode(f"{CLIENT}:{quote_plus(SECRET)}".encode()).decode()
    assert house.token({"code": "c", "code_verifier": "b" * 64, "redirect_uri": "x", "grant_type": "authorization_code"}, basic)[0] == 400
    assert house.refused[-1] == "verifier"


def test_the_secret_goes_into_the_body_where_the_provider_takes_it_only_there(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    house.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    seen: list[dict[str, str]] = []
    plain = house.token

    def token(fields: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        assert authorization == ""
        seen.append(fields)
        return plain(fields, "Basic " + b64encode(f"{fields['client_id']}:{quote_plus(fields['client_secret'])}".encode()).decode())

    house.token = token  # type: ignore[method-assign]

    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        assert (await whole_way(browser)).status_code == 200
        assert seen[0]["client_secret"] == SECRET

    run(tmp_path, clock, house, scenario)


def test_roles_follow_the_groups_at_each_login_and_who_has_none_loses_all(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        access = app.state.access
        assert (await whole_way(browser)).status_code == 200
        _, bearer = access.new_token("wang.fang", "", 30)
        house.user |= {"groups": ["house", "house-admins"], "preferred_username": "wang.fang.new"}
        assert (await whole_way(browser)).status_code == 200
        session = browser.cookies["plantroom_session"]  # the one before ended: this browser began another
        assert account_of(app).role is Role.ADMIN and account_of(app, "wang.fang.new") is None, "their name here stays"
        assert access.person_of(session).role is Role.ADMIN and not access.person_of(session).unproven, "the provider asks for a second factor"
        for groups in ([], ["House"], "house-", {"house": 1}, [["house"]], None):
            house.user["groups"] = groups
            answer = await whole_way(browser)
            assert answer.status_code == 403 and "没有角色" in answer.text, groups
            assert access.person_of(session) is None and access.bearer(bearer) is None
        house.user["groups"] = "house"
        assert (await whole_way(browser)).status_code == 200 and account_of(app).role is Role.ENGINEER

    run(tmp_path, clock, house, scenario)


def test_nobody_takes_an_account_that_is_not_theirs(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        app.state.access.add("keeper", Role.ADMIN, PASSWORD)
        for name in ("keeper", "KEEPER"):
            house.user |= {"sub": f"u-{name}", "preferred_username": name, "groups": ["house-admins"]}
            assert (await whole_way(browser)).status_code == 403, "an account with a password"
        house.user |= {"sub": "u-1", "preferred_username": "wang.fang"}
        assert (await whole_way(browser)).status_code == 200
        house.user["sub"] = "u-2"
        assert (await whole_way(browser)).status_code == 403, "a second one of that name"
        for odd in ("", "a b", "王芳", "x" * 65, 7, None, "../etc", "a\nb"):
            house.user |= {"sub": f"u-{odd}", "preferred_username": odd}
            assert (await whole_way(browser)).status_code == 403, odd
        assert {one.name for one in app.state.access.accounts()} == {"keeper", "wang.fang"}
        assert app.state.access.log_in("keeper", PASSWORD) is not None, "and the keeper comes in as ever"

    run(tmp_path, clock, house, scenario)


def test_the_last_administrator_with_a_password_stays(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        app.state.access.add("keeper", Role.ADMIN, PASSWORD)
        house.user["groups"] = ["house-admins"]
        assert (await whole_way(browser)).status_code == 200
        with pytest.raises(Refused, match="last administrator"):
            app.state.access.remove("keeper")
        app.state.access.remove("wang.fang")
        assert app.state.access._rows("SELECT * FROM federated") == []

    run(tmp_path, clock, house, scenario)


def test_keys_change_and_are_asked_for_again_but_not_at_anybodys_pace(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        for _ in range(3):
            assert (await whole_way(browser)).status_code == 200
        assert (house.asked["/keys"], house.asked["/.well-known/openid-configuration"]) == (1, 1)
        clock.advance(AGAIN_S)
        house.rotate(RSAKey)
        assert (await whole_way(browser)).status_code == 200
        assert house.asked["/keys"] == 2
        house.spoil = lambda header, claims: header.update(kid="made up")
        for _ in range(5):
            assert (await whole_way(browser)).status_code == 401
        assert house.asked["/keys"] == 2, "not again within half a minute"
        house.spoil = lambda header, claims: None
        clock.advance(KEPT_S + 1)
        assert (await whole_way(browser)).status_code == 200
        assert (house.asked["/keys"], house.asked["/.well-known/openid-configuration"]) == (3, 2)

    run(tmp_path, clock, house, scenario)


DISCOVERY = "/.well-known/openid-configuration"
BROKEN: dict[str, tuple[str, tuple[int, bytes]]] = {
    "no discovery": (DISCOVERY, (404, b"{}")), "a redirect": (DISCOVERY, (302, b"")), "not JSON": (DISCOVERY, (200, b"<html>")),
    "a list": (DISCOVERY, (200, b"[]")), "another issuer": (DISCOVERY, (200, b'{"issuer": "https://evil.example"}')),
    "endless": (DISCOVERY, (200, b" " * (MOST_BYTES + 1))), "no keys": ("/keys", (200, b'{"keys": []}')), "keys gone": ("/keys", (500, b"")),
    "token down": ("/token", (503, b"{}")), "token of bytes": ("/token", (200, b"\xff")),
}  # fmt: skip


@pytest.mark.parametrize("how", BROKEN)
def test_a_provider_that_is_broken_is_said_to_be_and_passwords_still_work(tmp_path: Path, clock: VirtualClock, house: Provider, how: str) -> None:
    path, answer = BROKEN[how]
    house.answer[path] = answer

    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        app.state.access.add("keeper", Role.ADMIN, PASSWORD)
        for _ in range(2):
            said = await browser.get("/oidc/login") if path == DISCOVERY else await whole_way(browser)
            assert said.status_code == 502 and "登录服务没有应答" in said.text
        assert house.asked[path] == (2 if path == "/token" else 1), "one that is down is not asked at everybody's pace"
        done = await browser.post("/login", data={"name": "keeper", "password": PASSWORD}, headers={"origin": BASE})
        assert done.status_code == 303
        del house.answer[path]
        clock.advance(AGAIN_S)
        assert (await whole_way(browser)).status_code == 200

    run(tmp_path, clock, house, scenario)


def test_endpoints_without_tls_elsewhere_are_not_used(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    house.metadata = {"token_endpoint": "http://login.example.com/token"}

    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        assert (await browser.get("/oidc/login")).status_code == 502

    run(tmp_path, clock, house, scenario)


def test_the_providers_certificate_is_verified(tmp_path: Path, clock: VirtualClock) -> None:
    ours = authority(tmp_path / "ca")
    with provider(lambda: clock.read().wall_ns // NS, ours.signed("server", "subjectAltName=IP:127.0.0.1")) as house:

        async def unknown(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
            assert (await browser.get("/oidc/login")).status_code == 502

        async def known(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
            assert (await browser.get("/oidc/login")).status_code == 303

        for name, scenario, changed in (("a", unknown, {}), ("b", known, {"ca": str(ours.ca)})):
            (tmp_path / name).mkdir()
            run(tmp_path / name, clock, house, scenario, **changed)


def test_a_no_of_the_provider_is_told_without_its_words(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        back = await there(browser)
        state = parse_qs(urlsplit(back).query)["state"][0]
        said = await browser.get(f"/oidc/callback?{urlencode({'state': state, 'iss': house.issuer, 'error': 'access_denied', 'error_description': 'call 110 now'})}")
        assert said.status_code == 401 and "110" not in said.text and house.asked["/token"] == 0

    run(tmp_path, clock, house, scenario)


def test_logging_out_ends_it_here_and_leads_to_the_providers_logout(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        await whole_way(browser)
        token, page = browser.cookies["plantroom_session"], (await browser.get("/account")).text
        gone = await browser.post("/logout", data={"form_token": form_token(page)}, headers={"origin": BASE})
        assert gone.headers["location"] == "/oidc/out" and app.state.access.person_of(token) is None
        found = re.search(r'href="([^"]+/logout\?[^"]+)"', (await browser.get("/oidc/out")).text)
        assert found and found[1].startswith(f"{house.issuer}/logout?client_id=plantroom&amp;post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8600%2Flogin")

    run(tmp_path, clock, house, scenario)


def test_one_address_is_held_to_its_pace(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        from_one = {"x-forwarded-for": "10.1.2.3"}
        found = [(await browser.get("/oidc/callback?state=x", headers=from_one)).status_code for _ in range(40)]
        assert found == [400] * 30 + [429] * 10
        assert (await browser.get("/oidc/login", headers={"x-forwarded-for": "10.1.2.4"})).status_code == 303, "others are not"
        app.state.oidc = replace(app.state.oidc, from_all=Buckets(Pace(3.0, 1.0)))
        answers = [(await browser.get("/oidc/callback?state=x")).status_code for _ in range(5)]
        assert answers == [400] * 3 + [429] * 2 and house.asked["/token"] == 0, "and all together"

    run(tmp_path, clock, house, scenario)


def test_without_the_file_there_is_no_such_way_in(tmp_path: Path, clock: VirtualClock) -> None:
    async def whole() -> None:
        app = create_app(tmp_path, clock, site_of)
        try:
            async with client(app) as browser:
                assert [(await browser.get(f"/oidc/{what}")).status_code for what in ("login", "callback", "out")] == [404] * 3
                assert "/oidc/" not in (await browser.get("/login")).text
        finally:
            close(app)

    asyncio.run(whole())


# -- the file


WRONG_FILES = {
    "oidc.client_secret: a secret written in clear": FILE.replace("${{HOUSE_SECRET}}", "hunter2hunter2"),
    "oidc.issuer: 'http://login.example.com' is no issuer": FILE.replace("{issuer}", "http://login.example.com"),
    "oidc.issuer: 'https://u@login.example.com' is no issuer": FILE.replace("{issuer}", "https://u@login.example.com"),
    "oidc.issuer: is missing": FILE.replace("  issuer: {issuer}\n", ""),
    "oidc.roles: is missing: without a group that has a role nobody comes in": FILE.partition("  roles:")[0],
    "oidc.roles[0].role: 'root' is not a role": FILE.replace("role: admin", "role: root"),
    "oidc.roles[1].sites: 'b2:boss': 'boss' is no role": FILE.replace("b2:viewer", "b2:boss"),
    "oidc.scopes: must hold openid": FILE + "  scopes: [profile]\n",
    "oidc.clams: is not a key here": FILE + "  clams: {{name: x}}\n",
    "oidc.ca: /nowhere/ca.pem cannot be used": FILE + "  ca: /nowhere/ca.pem\n",
    "oidc.ca: /etc/hostname cannot be used": FILE + "  ca: /etc/hostname\n",
    "oidc: is missing": "{{}}",
}


@pytest.mark.parametrize("said", WRONG_FILES)
def test_a_wrong_file_is_said_to_be_with_its_line(tmp_path: Path, house: Provider, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        settings_of(tmp_path, house, WRONG_FILES[said])
    assert said in str(caught.value) and "oidc.yaml" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_in_a_file_is_for_its_owner_alone(tmp_path: Path, house: Provider) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", "utf-8")
    text = FILE.replace("${{HOUSE_SECRET}}", f"file:{secret}")
    secret.chmod(0o640)
    with pytest.raises(BadInput, match="chmod 600"):
        settings_of(tmp_path, house, text)
    secret.chmod(0o600)
    made = settings_of(tmp_path, house, text)
    assert made.client_secret == SECRET and SECRET not in repr(made)


def test_a_file_that_cannot_be_used_does_not_keep_the_console_from_starting(tmp_path: Path) -> None:
    assert login_service(tmp_path) is None
    (tmp_path / "oidc.yaml").write_text("oidc: {issuer: nowhere}")
    assert login_service(tmp_path) is None


def test_a_name_that_was_locked_by_guesses_is_not_locked_for_the_login_service(tmp_path: Path, clock: VirtualClock, house: Provider) -> None:
    async def scenario(app: FastAPI, browser: httpx.AsyncClient, house: Provider) -> None:
        await whole_way(browser)
        with pytest.raises(Locked):
            for _ in range(9):
                app.state.access.log_in("wang.fang", "guess")
        assert (await whole_way(browser)).status_code == 200

    run(tmp_path, clock, house, scenario)


def test_the_command_says_what_it_found_or_what_is_wrong(tmp_path: Path, house: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_SECRET", SECRET)
    settings_of(tmp_path, house)
    done = CliRunner().invoke(user_commands(), ["oidc", "--data", str(tmp_path)])
    assert (done.exit_code, done.output.splitlines()) == (0, [
        f"{house.issuer}: 1 keys; log out there: yes", "house-admins: admin, all sites", "house: engineer, hq, b2:viewer",
    ])  # fmt: skip
    house.answer["/keys"] = (500, b"")
    broken = CliRunner().invoke(user_commands(), ["oidc", "--data", str(tmp_path)])
    assert isinstance(broken.exception, BadInput) and "answers 500" in str(broken.exception)
