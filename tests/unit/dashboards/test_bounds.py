"""What one client can take from the others: requests, time, memory, connections; each with the control that shows the limit at work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from dashboards.console import events, slow
from dashboards.console.events import Client
from dashboards.console.pace import ADDRESS, Buckets, Pace
from dashboards.console.roles import Person
from dashboards.console.slow import PatientProtocol
from dashboards.console.web import Server
from plantroom.clock import NS, VirtualClock
from plantroom.roles import Role
from tests.kit.asgi import ask
from tests.kit.console_client import served
from tests.kit.console_site import Installation, site_file


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 20)), max_size=120))
def test_nobody_gets_more_than_the_burst_and_the_rate_and_nobody_pays_for_another(asked: list[tuple[str, int]]) -> None:
    pace, now, given_ = Pace(5.0, 0.5), 0, {"a": 0, "b": 0}
    buckets, alone = Buckets(pace), {who: Buckets(pace) for who in "ab"}
    for who, seconds in asked:
        now += seconds * NS
        wait = buckets.take(who, now)
        assert wait == alone[who].take(who, now)
        given_[who] += wait == 0
        assert given_[who] <= pace.burst + now / NS * pace.per_s
        if wait:
            assert Buckets.take(_copy(buckets, pace), who, now + wait * NS) == 0, "who waits as long as told is answered"


def _copy(buckets: Buckets, pace: Pace) -> Buckets:
    made = Buckets(pace)
    made._left.update(buckets._left)
    return made


def test_made_up_addresses_leave_the_memory_small() -> None:
    buckets = Buckets(ADDRESS, most=100)
    for n in range(5_000):
        assert buckets.take(str(n), n) == 0
    assert len(buckets) == 100


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path / "data", site_file(tmp_path), VirtualClock(1_795_262_400 * NS))
    made.engine_at(1)
    yield made
    made.close()


def test_an_address_and_an_account_that_ask_too_often_are_told_when_to_come_back(house: Installation) -> None:
    async def scenario() -> None:
        async with served(house.data, house.clock) as app:
            app.state.access.add("li.wei", Role.VIEWER, "correct horse 9")
            token = app.state.access.new_token("li.wei", "", 1)[1]
            app.state.addresses, app.state.accounts = Buckets(Pace(5.0, 0.5)), Buckets(Pace(3.0, 0.5))
            met = [await ask(app, "GET", "/healthz", address="203.0.113.7") for _ in range(7)]
            assert [answer.status for answer in met] == [200] * 5 + [429] * 2
            assert met[-1].headers["retry-after"] == "2" and b"too_fast" in met[-1].body
            assert (await ask(app, "GET", "/healthz", address="203.0.113.8")).status == 200, "another one does not wait"
            assert (await ask(app, "GET", "/healthz", address="127.0.0.1")).status == 200, "nor who speaks for many"
            forwarded = {"x-forwarded-for": "203.0.113.7"}
            assert (await ask(app, "GET", "/healthz", headers=forwarded)).status == 429, "behind a proxy it is the same one"
            house.clock.advance(2)  # type: ignore[attr-defined]
            assert (await ask(app, "GET", "/healthz", address="203.0.113.7")).status == 200
            bearer = {"authorization": f"Bearer {token}"}
            met = [await ask(app, "GET", "/api/v1/sites", headers=bearer, address=f"203.0.114.{n}") for n in range(5)]
            assert [answer.status for answer in met] == [200] * 3 + [429] * 2, "an account is one, from however many addresses"
            assert met[-1].headers["retry-after"] == "2"

    asyncio.run(scenario())


def test_the_51st_stream_is_asked_to_come_later_and_every_page_still_answers(house: Installation) -> None:
    async def scenario() -> None:
        async with served(house.data, house.clock) as app:
            app.state.access.add("li.wei", Role.VIEWER, "correct horse 9")
            bearer = {"authorization": f"Bearer {app.state.access.new_token('li.wei', '', 1)[1]}"}
            person = Person("li.wei", Role.VIEWER)
            streams = [app.state.hub.listen(Client(person, None, None), None, lambda: True) for _ in range(events.MOST_CLIENTS)]
            assert (await ask(app, "GET", "/api/v1/events", headers=bearer)).status == 200, "the control"
            for stream in streams:
                await anext(stream)
            answer = await ask(app, "GET", "/api/v1/events", headers=bearer)
            assert (answer.status, answer.headers["retry-after"]) == (503, "30")
            assert (await ask(app, "GET", "/", headers=bearer)).status == 200
            for stream in streams:
                await stream.aclose()

    asyncio.run(scenario())


@pytest.mark.parametrize(("public", "strict"), [("https://plant.example.com", True), ("http://plant.example.com", False), (None, False)])
def test_https_is_kept_where_the_public_address_is_https(house: Installation, public: str | None, strict: bool) -> None:
    from dashboards.console.app import close, create_app
    from plantroom.bundle import site_of

    async def scenario() -> None:
        app = create_app(house.data, house.clock, site_of, public_url=public)
        try:
            for path in ("/login", "/healthz", "/no-such"):
                assert ("strict-transport-security" in (await ask(app, "GET", path)).headers) is strict
        finally:
            close(app)

    asyncio.run(scenario())


@asynccontextmanager
async def listening(most_s: float = 0.3) -> AsyncIterator[int]:
    """A server of the console's protocol that says how long the body was."""

    async def app(scope: object, receive: object, send: object) -> None:
        body, more = b"", True
        while more:
            message = await receive()  # type: ignore[operator]
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b"%02d" % min(99, len(body))})  # type: ignore[operator]

    server = Server(uvicorn.Config(app, port=0, http=PatientProtocol, lifespan="off", ws="none", log_config=None))  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve())
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 uvicorn has no event for it
                await asyncio.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
        server.should_exit = True
        await task


async def said(port: int, *pieces: bytes, pause: float = 0.0) -> bytes:
    """What the server answered until it hung up or a second had passed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(3):
            return await reader.read(200)
    except ConnectionError:
        return b"cut"
    finally:
        writer.close()


def test_a_head_or_a_body_that_drips_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow, "HEAD_S", 0.3)
    monkeypatch.setattr(slow, "BODY_S", 0.3)
    whole = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n"

    async def scenario() -> None:
        async with listening() as port:
            assert (await said(port, whole, b"abc")).endswith(b"03"), "the control"
            assert b" 408 " in await said(port), "says nothing at all"
            assert b" 200 " not in await said(port, *(bytes([byte]) for byte in whole), b"abc", pause=0.05), "a byte at a time"
            assert b" 200 " not in await said(port, whole, b"a", b"b", pause=0.2), "a body that never ends"

    asyncio.run(scenario())


def test_a_head_without_an_end_is_cut_off_long_before_it_fills_the_memory() -> None:
    async def scenario() -> None:
        async with listening() as port:
            fine = b"GET / HTTP/1.1\r\nhost: x\r\nx-a: " + b"a" * 8_000 + b"\r\n\r\n"
            assert b" 200 " in await said(port, fine)
            assert b" 431 " in await said(port, b"GET / HTTP/1.1\r\nhost: x\r\n", *(b"x-%d: %s\r\n" % (n, b"a" * 1_000) for n in range(18)))

    asyncio.run(scenario())


def test_one_peer_does_not_take_every_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow, "MOST_FROM_ONE", 3)
    ask_ = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"

    async def scenario() -> None:
        async with listening() as port:
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            assert b" 200 " in await said(port, ask_), "this machine is not counted: a proxy speaks for many"
            monkeypatch.setattr(slow, "_here", lambda host: False)
            more = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            assert b" 503 " in await said(port, ask_)
            for _, writer in more:
                writer.close()
            await asyncio.sleep(0.05)
            assert b" 200 " in await said(port, ask_), "and is answered again when they are gone"
            assert sum(PatientProtocol._peers.values()) <= 1
            for _, writer in held:
                writer.close()

    asyncio.run(scenario())
