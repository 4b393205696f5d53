"""Deny by default: every route, every role, forged headers, foreign origins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from dashboards.console.guard import demands, needs, unguarded
from dashboards.console.roles import Permission, Role
from plantroom.clock import NS, VirtualClock
from tests.kit.console_client import BASE, client, form_token, logged_in, served, token_of
from tests.kit.console_site import Installation, site_file

OPEN = {
    "/a/{nonce}", "/callback/{site}/{channel}", "/callback/{site}/{channel}/{token}", "/login", "/login/code", "/oidc/login", "/oidc/callback", "/oidc/out", "/healthz", "/api/v1/healthz",
    "/static/{name:path}", "/offline", "/push/shown/{token}",
}  # fmt: skip
NOW = 1_795_262_400 * NS


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(NOW))
    made.samples("gen-1", 30)
    made.fault("F1-1", "gen-1", "readiness", order="O1-1")
    made.order("O1-1", "gen-1", "readiness", fault="F1-1")
    made.engine_at(1)
    yield made
    made.close()


def with_app(house: Installation, scenario: Callable[[FastAPI], Awaitable[None]]) -> None:
    async def run() -> None:
        async with served(house.data, house.clock) as app:
            await scenario(app)

    asyncio.run(run())


def calls(app: FastAPI) -> list[tuple[str, str, Permission | None]]:
    """(method, a path that exists, what it needs) of every route."""
    values = {
        "equipment_id": "gen-1", "point_id": "gen-1.engine_speed", "fault_id": "F1-1", "order_id": "O1-1", "command_id": "no-such-command",
        "name:path": "console.css",
    }  # fmt: skip
    found = []
    for route in app.routes:
        assert isinstance(route, APIRoute)
        path = route.path
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        path = path.replace("{target}", "O1-1" if "/orders/" in path else "F1-1")
        found += [(method, path, demands(route)[0]) for method in route.methods]
    return found


def test_only_the_login_health_static_files_and_links_of_their_own_right_are_open(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        assert {route.path for route in app.routes if isinstance(route, APIRoute) and demands(route) == [None]} == OPEN

    with_app(house, scenario)


def nothing() -> None: ...


def test_a_new_route_without_a_permission_is_found() -> None:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.add_api_route("/forgotten", nothing)
    app.add_api_route("/guarded", nothing, dependencies=[needs(Permission.SEE)])
    app.add_api_route("/twice", nothing, dependencies=[needs(Permission.SEE), needs(Permission.OWN)])
    assert unguarded(app.routes) == ["/forgotten", "/twice"]


def test_nothing_but_the_open_routes_answers_without_a_login(house: Installation) -> None:
    forged = {"x-forwarded-for": "127.0.0.1", "x-forwarded-user": "admin", "referer": BASE + "/", "x-real-ip": "127.0.0.1", "origin": BASE}
    wrong: list[dict[str, str]] = [
        {}, forged, {"authorization": "Bearer nonsense"}, {"authorization": "Basic YWRtaW46YWRtaW4="}, {"cookie": "plantroom_session=x"},
    ]  # fmt: skip

    async def scenario(app: FastAPI) -> None:
        tried = 0
        for method, path, needed in calls(app):
            if needed is None:
                continue
            for headers in wrong:
                async with client(app) as browser:
                    answer = await browser.request(method, path, headers=headers)
                api = path.startswith("/api/")
                assert answer.status_code == (401 if api else 303), f"{method} {path} {headers}: {answer.status_code}"
                assert api or answer.headers["location"].startswith("/login")
                tried += 1
        assert tried > 150

    with_app(house, scenario)


def test_a_form_without_its_token_or_from_another_page_is_refused(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser, logged_in(app, Role.TECHNICIAN) as other:
            good, foreign = await token_of(browser), await token_of(other)
            path = "/faults/F1-1/shelve"
            for fields in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": foreign}):
                assert (await browser.post(path, data=fields)).status_code == 403
            for headers in (
                {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:8601"},
                {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
            ):  # fmt: skip
                answer = await browser.post(path, data={"form_token": good}, headers=headers)
                assert answer.status_code == 403, headers
            answer = await browser.post(path, data={"form_token": good, "command_id": "short"})
            assert answer.status_code == 400, "the control: with token and origin it gets past the guard"

    with_app(house, scenario)


def test_a_login_from_another_page_is_refused(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with client(app, origin="https://evil.example") as browser:
            assert (await browser.post("/login", data={"name": "a", "password": "b"})).status_code == 403

    with_app(house, scenario)


def test_a_bearer_token_needs_no_form_token_and_has_its_persons_role(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        app.state.access.add("bms", Role.VIEWER, "correct horse 9")
        _, token = app.state.access.new_token("bms", "", 1)
        async with client(app, authorization=f"Bearer {token}") as program:
            assert (await program.get("/api/v1/faults")).status_code == 200
            assert (await program.post("/api/v1/orders/O1-1/accept")).status_code == 403

    with_app(house, scenario)


def test_the_session_cookie_is_out_of_reach_for_scripts_and_other_sites(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        app.state.access.add("boss", Role.ADMIN, "correct horse 9")
        async with client(app, origin=BASE) as browser:
            answer = await browser.post("/login", data={"name": "boss", "password": "correct horse 9", "back": "//evil.example/x"})
            assert answer.headers["location"] == "/", "no way to another site"
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            html = (await browser.get("/")).text
            answer = await browser.post("/logout", data={"form_token": form_token(html)})
            assert answer.status_code == 303
            assert (await browser.get("/")).status_code == 303

    with_app(house, scenario)


def test_a_session_planted_in_a_browser_is_not_the_one_that_logs_in(house: Installation) -> None:
    """Session fixation: whoever planted it has nothing, and cannot go on with it either."""

    async def scenario(app: FastAPI) -> None:
        for name in ("attacker", "boss"):
            app.state.access.add(name, Role.ADMIN, "correct horse 9")
        planted = app.state.access.log_in("attacker", "correct horse 9")
        for before in (planted, "chosen-by-somebody-else"):
            async with client(app, origin=BASE, cookie=f"plantroom_session={before}") as browser:
                answer = await browser.post("/login", data={"name": "boss", "password": "correct horse 9"})
                assert answer.status_code == 303
                assert before not in answer.headers["set-cookie"]
                assert app.state.access.person_of(before) is None

    with_app(house, scenario)


def test_one_button_logs_out_everywhere(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as here, logged_in(app) as there:
            assert (await there.get("/")).status_code == 200
            assert (await here.post("/account/sessions", data={"form_token": await token_of(here)})).status_code == 303
            assert {(await browser.get("/")).status_code for browser in (here, there)} == {303}

    with_app(house, scenario)


def test_a_link_from_outside_is_followed_once_more_by_our_own_page(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with client(app, **{"sec-fetch-site": "cross-site"}) as browser:
            answer = await browser.get("/faults/F1-1?x=1")
            assert answer.status_code == 200
            assert 'content="0; url=/faults/F1-1?x=1"' in answer.text
            assert "油压低" not in answer.text

    with_app(house, scenario)


def test_every_answer_carries_the_protecting_headers(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser:
            for path in ("/", "/login", "/healthz", "/api/v1/faults", "/no-such", "/api/v1/no-such", "/static/console.css"):
                headers = (await browser.get(path)).headers
                policy = headers["content-security-policy"]
                assert "unsafe" not in policy
                assert "default-src 'none'" in policy
                assert headers["x-content-type-options"] == "nosniff"
                assert headers["x-frame-options"] == "DENY"

    with_app(house, scenario)


def test_an_unknown_host_name_is_not_answered(house: Installation) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser:
            wrong = dict.fromkeys(("evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example"), 421)
            for host, status in (wrong | {"localhost:8600": 200, "[::1]:8600": 200, "10.1.2.3": 200}).items():
                assert (await browser.get("/healthz", headers={"host": host})).status_code == status, host

    with_app(house, scenario)


def test_a_long_body_is_refused_also_when_it_does_not_say_how_long(house: Installation) -> None:
    async def long() -> object:
        for _ in range(80):
            yield b"x" * 1024

    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser:
            assert (await browser.post("/api/v1/orders/O1-1/comment", content=b"x" * 70_000)).status_code == 413
            answer = await browser.post("/api/v1/orders/O1-1/comment", content=long())
            assert answer.status_code == 400
            assert (await browser.get("/healthz", headers={"content-length": "-5"})).status_code == 413

    with_app(house, scenario)


TRAVERSALS = ["../app.py", "..%2fapp.py", "%2e%2e/access.sql", "console.css/../../app.py", "/etc/passwd", "..%5capp.py", "console.css%00"]


@pytest.mark.parametrize("name", TRAVERSALS)
def test_static_files_come_by_manifest_only(house: Installation, name: str) -> None:
    async def scenario(app: FastAPI) -> None:
        async with client(app) as browser:
            answer: httpx.Response = await browser.get(f"/static/{name}")
            assert answer.status_code in (303, 404)
            assert "import" not in answer.text

    with_app(house, scenario)


def test_a_mistake_of_ours_is_one_plain_sentence_with_the_same_headers(house: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(app: FastAPI) -> None:
        async with logged_in(app) as browser:
            cookies = dict(browser.cookies)
        monkeypatch.setattr(app.state.sites, "seen_by", lambda *_: 1 / 0)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=cookies) as browser:
            for path in ("/orders", "/api/v1/orders"):
                answer = await browser.get(path)
                assert answer.status_code == 500
                assert "division" not in answer.text
                assert "default-src 'none'" in answer.headers["content-security-policy"]

    with_app(house, scenario)
