"""The heartbeat between its two ends: only what is signed, fresh and new is taken, whoever sends it; the sender believes no strange yes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson
import pytest

from plantroom.clock import NS, Reading, VirtualClock
from plantroom.heartbeat import beat, post
from plantroom.heartbeat.beat import Beat, NoBeat
from plantroom.heartbeat.progress import Progress
from plantroom.heartbeat.standing import Aspect, Standing, Trouble
from plantroom.signature import genuine, sign
from plantroom.watch import Watcher as Target
from rules.watch.answers import answers
from rules.watch.letters import Address
from rules.watch.receiver import MOST_AT_ONCE, serve
from rules.watch.watch_file import Installation, Watched
from rules.watch.watcher import Watcher
from rules.watch.watching import Limits
from tests.contract.channel_stub import JSON, free_port, provider, says, server
from tests.kit.certificates import authority

WALL = 1_795_262_400 * NS
SEEN = Progress(Reading(WALL, 9 * NS, "a"), 12)
SECRETS = {"tower": "of-the-tower", "harbour": "of-the-harbour"}


def body(site: str = "tower", troubles: tuple[Trouble, ...] = (), sent_ns: int = WALL) -> bytes:
    return beat.body_of(site, SEEN, Standing(SEEN, troubles=troubles), 20.0, sent_ns)


def test_what_is_sent_is_what_is_heard() -> None:
    troubles = (Trouble(Aspect.POLLS, 41.2), Trouble(Aspect.PAGES, 101.0))
    text = body(troubles=troubles)
    assert beat.read(text, sign("of-the-tower", text), SECRETS) == Beat("tower", WALL, troubles)
    assert beat.read(body(), sign("of-the-tower", body()), SECRETS) == Beat("tower", WALL)
    assert len(text) < beat.MOST_BYTES / 4


def changed(**fields: object) -> bytes:
    return orjson.dumps({**orjson.loads(body()), **fields})


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        (body(), ""),
        (body(), "sha256="),
        (body(), "sha256=" + "0" * 64),
        (body(), sign("of-the-tower", body())[:-1]),
        (body(), sign("of-the-tower", body()).upper()),
        (body(), sign("of-the-harbour", body())),  # another building's key
        (body().replace(b"true", b"false"), sign("of-the-tower", body())),
        (body() + b" ", sign("of-the-tower", body())),
        (body("nowhere"), sign("", body("nowhere"))),  # an unknown building has no empty secret
        (b"", sign("of-the-tower", b"")),
        (b"[]", sign("of-the-tower", b"[]")),
        (b"\xff", sign("of-the-tower", b"\xff")),
        (body(), "sha256=\u00e9"),
    ],
)
def test_nothing_is_believed_without_its_signature(text: bytes, signature: str) -> None:
    with pytest.raises(NoBeat):
        beat.read(text, signature, SECRETS)


@pytest.mark.parametrize(
    "text",
    [
        changed(v=2),
        changed(sent_at="yesterday"),
        changed(sent_at="2026-11-21T06:04:00"),  # names no instant
        changed(good=False),
        changed(troubles=[{"aspect": "polls", "for_s": 5}]),  # and calls itself good
        changed(troubles=[{"aspect": "mood", "for_s": 5}], good=False),
        changed(troubles=[{"aspect": "polls", "for_s": -5}], good=False),
        changed(troubles=[{"aspect": "polls", "for_s": 1e30}], good=False),
        changed(troubles="none"),
        changed(troubles=None),
    ],
)
def test_what_is_signed_and_no_heartbeat_is_refused(text: bytes) -> None:
    with pytest.raises(NoBeat):
        beat.read(text, sign("of-the-tower", text), SECRETS)


def test_under_an_empty_secret_nothing_is_genuine() -> None:
    assert not genuine("", b"x", sign("", b"x"))


# -- over HTTP

Try = Callable[[Watcher, int], Coroutine[object, object, None]]


def watcher(folder: Path, clock: VirtualClock) -> Watcher:
    watched = Watched(
        ZoneInfo("UTC"), "zh", "", "http://w.example.com", None, None, Limits(), {}, (Address("duty"),),
        {name: Installation(name, name, secret) for name, secret in SECRETS.items()},
    )  # fmt: skip
    return Watcher(watched, folder, clock)


def over_http(folder: Path, attempt: Try, tls: ssl.SSLContext | None = None) -> None:
    async def main() -> None:
        made = watcher(folder, VirtualClock(WALL))
        running = await serve(("127.0.0.1", 0), tls, answers(made))
        try:
            await attempt(made, running.sockets[0].getsockname()[1])
        finally:
            running.close()
            await asyncio.sleep(0.01)  # transports close in the loop's next turns

    asyncio.run(main())


def target(port: int, secret: str = "of-the-tower") -> Target:
    return Target(f"http://127.0.0.1:{port}/heartbeat", secret=secret)


async def sent(to: Target, text: bytes, *, good: bool = True) -> str | None:
    return await post.post(to, post.request_of(to, text, good=good, words="ok"), 5.0)


def test_a_heartbeat_is_taken_once(tmp_path: Path) -> None:
    async def attempt(made: Watcher, port: int) -> None:
        assert await sent(target(port), body()) is None
        assert made.roll.seen["tower"].ever and not made.roll.seen["harbour"].ever
        assert "taken before" in str(await sent(target(port), body()))
        assert "from the watcher's clock" in str(await sent(target(port), body(sent_ns=WALL + 60 * NS)))
        assert "signature" in str(await sent(target(port, "guessed"), body(sent_ns=WALL + NS)))
        assert await sent(target(port), body(sent_ns=WALL + NS)) is None

    over_http(tmp_path, attempt)


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /heartbeat HTTP/1.1\r\n\r\n",
        b"POST /heartbeat HTTP/1.1\r\ncontent-length: 99999999\r\n\r\n",
        b"POST /heartbeat HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /heartbeat HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /heartbeat HTTP/1.1\r\nx: " + b"a" * 70_000 + b"\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\r\n\r\n",
        b"GET /take/ HTTP/1.1\r\n\r\n",
        b"POST /take/tower/" + b"\xc3\xa9" + b" HTTP/1.1\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_heartbeat_is_answered_with_no(tmp_path: Path, request_: bytes) -> None:
    async def attempt(made: Watcher, port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        answer = await reader.read()
        assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 50")) and b" 500 " not in answer
        writer.close()
        assert await sent(target(port), body()) is None, "and the next heartbeat is taken"

    over_http(tmp_path, attempt)


def test_connections_that_say_nothing_do_not_keep_heartbeats_out(tmp_path: Path) -> None:
    async def attempt(made: Watcher, port: int) -> None:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST_AT_ONCE // 2)]
        assert await sent(target(port), body()) is None
        for _, writer in idle:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in idle), return_exceptions=True)

    over_http(tmp_path, attempt)


def test_by_tls_only_a_watcher_of_the_authority_that_the_site_names_is_told(tmp_path: Path) -> None:
    ours, others = authority(tmp_path / "ours"), authority(tmp_path / "others")
    cert, key = ours.signed("server", "subjectAltName=IP:127.0.0.1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(cert, key)

    async def attempt(made: Watcher, port: int) -> None:
        url = f"https://127.0.0.1:{port}/heartbeat"
        for ca in (str(others.ca), None, str(tmp_path / "none.pem")):
            assert await sent(Target(url, secret="of-the-tower", ca=ca), body()) is not None
        assert await sent(Target(url, secret="of-the-tower", ca=str(ours.ca)), body()) is None

    over_http(tmp_path / "data", attempt, tls)


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("form", "give", "taken"),
    [
        ("plantroom", says("200 OK", b'{"ok":true}', JSON), True),
        ("plantroom", says("200 OK", b"OK"), False),
        ("plantroom", says("200 OK", b"<html>log in</html>", "Content-Type: text/html"), False),
        ("plantroom", says("200 OK", b'{"ok":false}', JSON), False),
        ("plantroom", says("302 Found", b'{"ok":true}', "Location: http://127.0.0.1:1/"), False),
        ("plantroom", says("500 No", b'{"ok":true}', JSON), False),
        ("ping", says("200 OK", b"OK"), True),
        ("ping", says("200 OK", b""), True),
        ("ping", says("200 OK", b"OK (not found)"), False),
        ("ping", says("200 OK", b"OK (rate limited)"), False),
        ("ping", says("200 OK", b"<html>log in</html>", "Content-Type: text/html"), False),
        ("ping", says("404 Not Found", b""), False),
    ],
)
def test_the_sender_believes_only_its_own_kind_of_yes(form: str, give: Callable[..., object], taken: bool) -> None:
    async def main() -> None:
        async with server(provider(give, b"")) as port:  # type: ignore[arg-type]
            to = Target(f"http://127.0.0.1:{port}/secret-path", form, "s3cret")
            why = await sent(to, body())
            assert (why is None) is taken
            assert "secret-path" not in str(why) and "s3cret" not in str(why)

    asyncio.run(main())


def test_a_watcher_that_hangs_costs_no_more_than_its_time() -> None:
    async def main() -> None:
        async with server(_hangs) as port:
            to = Target(f"http://127.0.0.1:{port}/", "ping")
            began = asyncio.get_running_loop().time()
            assert await post.post(to, post.request_of(to, b"", good=True, words="ok"), 0.3) == "no answer within 0.3 s"
            assert asyncio.get_running_loop().time() - began < 2
        to = Target(f"http://127.0.0.1:{free_port()}/", "ping")
        assert await post.post(to, post.request_of(to, b"", good=True, words="ok"), 1.0) == "ConnectError"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "failed"),
    [
        ("https://hc.example.com/ping/abc", "https://hc.example.com/ping/abc/fail"),
        ("https://hc.example.com/ping/abc/", "https://hc.example.com/ping/abc/fail"),
        ("https://hc.example.com/abc?create=1", "https://hc.example.com/abc/fail?create=1"),
    ],
)
def test_a_public_service_is_pinged_as_failed_where_the_site_is_blind(url: str, failed: str) -> None:
    to = Target(url, "ping")
    assert post.request_of(to, b"", good=True, words="ok").url == url
    assert post.request_of(to, b"", good=False, words="polls for 41 s") == post.Request(failed, b"polls for 41 s", post.TEXT)
