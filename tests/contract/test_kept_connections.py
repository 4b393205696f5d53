"""Connections that pages share: fewer handshakes, and no page the worse for one that the provider had left; each is one name's."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest

from rules.notify import http, pinned, webhook
from rules.notify.page import Answer
from rules.outbox import Verdict
from tests.contract.channel_stub import PAGE, request_of
from tests.kit.certificates import authority

YES = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nSet-Cookie: evil=1\r\n\r\n{\"ok\":true}"
Leave = Callable[[int], bool]  # how many requests this connection has brought -> whether the provider leaves now


@dataclass
class Provider:
    """Answers yes. before, after: whether it leaves a connection without an answer to a request, or behind one; it never says so."""

    before: Leave = lambda n: False
    after: Leave = lambda n: False
    yes: bytes = YES
    connections: int = 0
    left: int = 0  # connections whose other side went
    pages: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        n = 0
        try:
            while True:
                asked, n = await request_of(reader), n + 1
                if self.before(n):
                    return
                self.pages.append(asked.headers["x-plantroom-id"])
                self.headers.append(asked.headers)
                writer.write(self.yes)
                await writer.drain()
                if self.after(n):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left += 1
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        yield server.sockets[0].getsockname()[1]
        server.close()
        await asyncio.sleep(0.01)


async def send(port: int, n: int = 1, *, url: str = "http://127.0.0.1:{port}/", **more: object) -> Answer:
    settings = {"url": url.format(port=port), "private": ("127.0.0.1",), "secret": "s3cret", **more}
    return await webhook.send(settings, replace(PAGE, id=f"P{n}-1"), timeout_s=5)


@asynccontextmanager
async def closing() -> AsyncIterator[None]:
    """As notify ends."""
    try:
        yield
    finally:
        await http.close()


def pages(provider: Provider, *, count: int = 10) -> list[Answer]:
    """One after the other."""

    async def run() -> list[Answer]:
        async with provider.listening() as port, closing():
            return [await send(port, n) for n in range(count)]

    return asyncio.run(run())


def test_pages_to_one_host_share_a_connection_and_close_it_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider()
    assert {answer.verdict for answer in pages(provider)} == {Verdict.ACCEPTED}
    assert (provider.connections, provider.left, len(provider.pages)) == (1, 1, 10)
    assert not any("cookie" in headers for headers in provider.headers), "what one answer set goes with no other page"
    monkeypatch.setattr(http, "KEPT", 0)
    alone = Provider()
    pages(alone)
    assert alone.connections == alone.left == 10, "the control: where nothing is kept"


@pytest.mark.parametrize("after", [lambda n: True, lambda n: n == 3])
def test_a_provider_that_closes_after_its_answer_without_saying_so_costs_no_page(after: Leave) -> None:
    provider = Provider(after=after)
    assert {answer.verdict for answer in pages(provider)} == {Verdict.ACCEPTED}
    assert sorted(set(provider.pages)) == sorted(f"P{n}-1" for n in range(10)) and provider.connections > 1


def test_one_that_leaves_while_the_next_page_is_on_its_way_costs_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst instant: the connection looks open, the request is read, and nobody answers."""
    provider = Provider(before=lambda n: n > 1)
    assert {answer.verdict for answer in pages(provider)} == {Verdict.ACCEPTED}
    assert provider.pages == [f"P{n}-1" for n in range(10)], "each once, and in their order"
    monkeypatch.setattr(pinned, "_left", lambda error: False)
    assert Verdict.RETRY in {answer.verdict for answer in pages(Provider(before=lambda n: n > 1))}, "the control: without a second try"


def test_several_idle_connections_that_were_all_left_are_gone_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> list[Answer]:
        async with provider.listening() as port, closing():
            first = await asyncio.gather(*(send(port, n) for n in range(4)))
            return [*first, await send(port, 9)]

    provider = Provider(before=lambda n: n > 1)
    assert [answer.verdict for answer in asyncio.run(run())] == [Verdict.ACCEPTED] * 5
    assert sorted(provider.pages) == ["P0-1", "P1-1", "P2-1", "P3-1", "P9-1"] and provider.connections == 5


def test_a_new_connection_that_brings_no_answer_is_not_asked_twice() -> None:
    provider = Provider(before=lambda n: True)
    assert {answer.verdict for answer in pages(provider, count=2)} == {Verdict.RETRY}
    assert provider.connections == 2


def two_names(monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    def getaddrinfo(host: str, port: int, *more: object, **named: object) -> list[object]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_an_answer_that_is_none_is_not_asked_for_twice_on_an_idle_connection() -> None:
    """Whoever speaks has read the page."""
    provider = Provider()

    async def run() -> Answer:
        async with provider.listening() as port, closing():
            await send(port, 1)
            provider.yes = b"what?\r\n\r\n"
            return await send(port, 2)

    assert asyncio.run(run()).verdict is Verdict.RETRY and provider.pages == ["P1-1", "P2-1"]


def test_a_name_is_asked_for_anew_with_each_page(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    two_names(monkeypatch, asked)

    async def run() -> None:
        async with Provider().listening() as port, closing():
            for n in range(3):
                await send(port, n, url="http://one.house:{port}/")

    asyncio.run(run())
    assert asked == ["one.house"] * 3


@pytest.mark.needs("openssl")
def test_a_connection_that_was_verified_for_one_name_serves_no_other_of_its_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = authority(tmp_path / "ca")
    cert, key = made.signed("one.house", "subjectAltName=DNS:one.house")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    two_names(monkeypatch, [])

    def both() -> tuple[list[Verdict], int]:
        provider = Provider()

        async def run() -> list[Verdict]:
            async with provider.listening(context) as port, closing():
                return [(await send(port, n, url=f"https://{name}.house:{{port}}/", ca=str(made.ca))).verdict for n, name in enumerate(("one", "other", "one"))]

        return asyncio.run(run()), len(provider.pages)

    assert both() == ([Verdict.ACCEPTED, Verdict.RETRY, Verdict.ACCEPTED], 2)
    own = http._way
    monkeypatch.setattr(http, "_way", lambda settings, url: own(settings, httpx.URL("https://any/")))
    assert both() == ([Verdict.ACCEPTED] * 3, 3), "the control: kept by address alone, the other name's page goes to whoever proved to be the first"
