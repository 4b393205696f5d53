"""What every channel owes: a verdict for whatever the other side does, within its time, with no secret in its words."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
import socket
import ssl
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from rules.notify import mqtt, webhook
from rules.notify.page import ANSWER_CHARACTERS, Answer, Page
from rules.outbox import Verdict

A, T, R = Verdict.ACCEPTED, Verdict.RETRY, Verdict.REFUSED
TIMEOUT_S = 1.5
SECRETS = ("s3cret-signing-key", "pa55word-of-the-broker", "t0ken-in-the-path", "us3r-of-the-url")
MESSAGE = {
    "zh": ["〔出险〕困人 3号客梯 B座12-13层间", "14:03起 14:18前响应 未接单"],
    "en": ["[DANGER] People trapped, Lift 3", "since 14:03, respond by 14:18, nobody has it"],
    "fault": {"id": "F12-1", "rule": "passenger_entrapment", "equipment": "lift-3", "severity": "danger", "condition": "active"},
    "order": {"id": "O12-1", "state": "open"},
}
PAGE = Page("P12-1", "tower", "raised", "danger", MESSAGE, 1_795_262_400_000_000_000)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A TCP server on a free loopback port; yields the port. Ends every connection when it ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the other side went, or the test is over
        finally:
            writer.close()
            tasks.discard(task)

    running = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()
        left = list(tasks)
        for task in left:
            task.cancel()
        await asyncio.gather(*left)
        await asyncio.sleep(0.01)  # transports close in the loop's next turns


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def kept_its_side(answer: Answer, took_s: float) -> None:
    """What holds of every answer of every channel."""
    assert len(answer.text) <= ANSWER_CHARACTERS and answer.text.strip() and "\n" not in answer.text
    assert not [secret for secret in SECRETS if secret in answer.text]
    assert took_s < TIMEOUT_S + 1.0


def whole(run: Callable[[], Awaitable[Answer]]) -> Answer:
    """Runs an attempt; afterwards nothing of it is left open (a socket that is would warn, and warnings are errors)."""
    answer = asyncio.run(run())  # type: ignore[arg-type]
    gc.collect()
    return answer


async def timed(sending: Awaitable[Answer]) -> Answer:
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await sending
    kept_its_side(answer, loop.time() - began)
    return answer


# -- webhook


async def request_of(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head.split("\r\n")[1:])}
    return headers, await reader.readexactly(int(headers["content-length"]))


def says(status: str, body: bytes = b"", *headers: str) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return serve


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"a")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drips_its_head(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 10_000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)


async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{"ok":')


async def speaks_something_else(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com ESMTP\r\n")
    await writer.drain()
    await request_of(reader)


async def never_ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"2000\r\n" + b"b" * 8192 + b"\r\n")
        await writer.drain()


async def echoes_the_secret(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await request_of(reader)
    body = f"bad key {SECRETS[0]} for {SECRETS[3]} at /{SECRETS[2]}".encode()
    writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)


JSON, HTML = "Content-Type: application/json", "Content-Type: text/html; charset=utf-8"
PAGE_OF_A_PROXY = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"

WEBHOOK = {
    "200 yes": (says("200 OK", b'{"ok":true}', JSON), A),
    "200 empty": (says("200 OK"), A),
    "200 plain": (says("200 OK", b"thanks"), A),
    "201": (says("201 Created", b'{"id":7}', JSON), A),
    "202": (says("202 Accepted"), A),
    "204": (says("204 No Content"), A),
    "200 errcode 0": (says("200 OK", b'{"errcode":0,"errmsg":"ok"}', JSON), A),
    "200 code 0": (says("200 OK", b'{"code":0,"msg":"success"}', JSON), A),
    "200 errcode": (says("200 OK", b'{"errcode":310000,"errmsg":"sign not match"}', JSON), T),
    "200 code": (says("200 OK", b'{"code":19021,"msg":"sign match fail"}', JSON), T),
    "200 StatusCode": (says("200 OK", b'{"StatusCode":1,"StatusMessage":"no"}', JSON), T),
    "200 ok false": (says("200 OK", b'{"ok":false,"description":"chat not found"}', JSON), T),
    "200 success false": (says("200 OK", b'{"success":false}', JSON), T),
    "200 html": (says("200 OK", PAGE_OF_A_PROXY, HTML), T),
    "200 html unnamed": (says("200 OK", PAGE_OF_A_PROXY), T),
    "301": (says("301 Moved Permanently", b"", "Location: http://127.0.0.1:1/"), R),
    "302": (says("302 Found", b"", "Location: http://127.0.0.1:1/"), R),
    "307": (says("307 Temporary Redirect", b"", "Location: http://127.0.0.1:1/"), R),
    "400": (says("400 Bad Request", b"no"), R),
    "401": (says("401 Unauthorized"), R),
    "403": (says("403 Forbidden"), R),
    "404": (says("404 Not Found"), R),
    "405": (says("405 Method Not Allowed"), R),
    "410": (says("410 Gone"), R),
    "413": (says("413 Payload Too Large"), R),
    "422": (says("422 Unprocessable Content"), R),
    "408": (says("408 Request Timeout"), T),
    "425": (says("425 Too Early"), T),
    "429": (says("429 Too Many Requests", b"", "Retry-After: 7"), T),
    "429 by date": (says("429 Too Many Requests", b"", "Retry-After: Sat, 21 Nov 2026 12:00:00 GMT"), T),
    "500": (says("500 Internal Server Error", b"oops"), T),
    "502": (says("502 Bad Gateway", PAGE_OF_A_PROXY, HTML), T),
    "503": (says("503 Service Unavailable", b"", "Retry-After: 30"), T),
    "504": (says("504 Gateway Timeout"), T),
    "hang": (hangs, T),
    "drip": (drips, T),
    "drip head": (drips_its_head, T),
    "reset": (resets, T),
    "close": (closes, T),
    "break off": (breaks_off, T),
    "not http": (speaks_something_else, T),
    "endless": (never_ends, A),
    "tells the secret": (echoes_the_secret, R),
}
RETRY_AFTER = {"429": 7.0, "503": 30.0, "429 by date": None}


def settings_of(port: int, scheme: str = "http", **more: object) -> dict[str, object]:
    return {"url": f"{scheme}://{SECRETS[3]}:x@127.0.0.1:{port}/hooks/{SECRETS[2]}", "secret": SECRETS[0], **more}


@pytest.mark.parametrize("case", WEBHOOK)
def test_a_webhooks_verdict(case: str) -> None:
    serve, verdict = WEBHOOK[case]

    async def run() -> Answer:
        async with server(serve) as port:
            return await timed(webhook.send(settings_of(port), PAGE, timeout_s=TIMEOUT_S))

    answer = whole(run)
    assert answer.verdict is verdict, answer
    assert answer.retry_after_s == RETRY_AFTER.get(case)


def test_a_webhook_is_signed_and_carries_its_idempotency_key() -> None:
    seen: list[tuple[dict[str, str], bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await request_of(reader))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def run() -> None:
        async with server(serve) as port:
            for _ in range(2):
                await timed(webhook.send(settings_of(port), PAGE, timeout_s=TIMEOUT_S))

    asyncio.run(run())
    headers, body = seen[0]
    assert headers["x-plantroom-id"] == "P12-1" == seen[1][0]["x-plantroom-id"], "a duplicate is the same page"
    assert headers["x-plantroom-signature"] == "sha256=" + hmac.new(SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
    told = orjson.loads(body)
    assert told == {
        "id": "P12-1", "site": "tower", "reason": "raised", "severity": "danger", "fault": MESSAGE["fault"], "order": MESSAGE["order"],
        "text": {"zh": MESSAGE["zh"], "en": MESSAGE["en"]}, "sent_at": "2026-11-21T12:00:00.000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("url", "verdict"),
    [
        ("http://127.0.0.1:{port}/", T),  # nobody listens
        ("http://nobody.invalid/", T),
        ("ftp://127.0.0.1/", R),
        ("no url at all", R),
        ("http://[::1", R),
        ("http://127.0.0.1:99999/", R),
    ],
)
def test_a_webhook_that_cannot_be_reached(url: str, verdict: Verdict) -> None:
    answer = asyncio.run(timed(webhook.send({"url": url.format(port=free_port()), "secret": SECRETS[0]}, PAGE, timeout_s=TIMEOUT_S)))
    assert answer.verdict is verdict, answer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.mark.needs("openssl")
def test_tls_is_verified_and_an_own_authority_can_be_named(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def run(**settings: object) -> Answer:
        async with server(says("204 No Content"), context) as port:
            return await timed(webhook.send(settings_of(port, "https", **settings), PAGE, timeout_s=TIMEOUT_S))

    assert asyncio.run(run()).verdict is T, "a stranger's certificate is no receiver"
    assert asyncio.run(run(ca=str(certificate[0]))).verdict is A
    assert asyncio.run(run(ca=str(tmp_path / "missing.pem"))).verdict is T


def test_https_to_a_port_that_speaks_plain_http_is_no_delivery() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await asyncio.Event().wait()

    async def run() -> Answer:
        async with server(serve) as port:
            return await timed(webhook.send(settings_of(port, "https"), PAGE, timeout_s=TIMEOUT_S))

    assert whole(run).verdict is T


def test_an_environment_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")

    async def run() -> Answer:
        async with server(says("204 No Content")) as port:
            return await timed(webhook.send(settings_of(port), PAGE, timeout_s=TIMEOUT_S))

    assert asyncio.run(run()).verdict is A


# -- mqtt


def broker(connack: int | None = 0, *, puback: bool = True, drop_after: str = "") -> Serve:
    """A broker of a few packets. connack: return code, None = never; puback: False = never."""

    async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, await reader.readexactly(size)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await packet(reader)
            if kind >> 4 == 1:
                if drop_after == "connect":
                    return
                if connack is not None:
                    writer.write(bytes([0x20, 2, 0, connack]))
            elif kind >> 4 == 3:
                if drop_after == "publish":
                    return
                at = 2 + int.from_bytes(body[:2], "big")
                if puback:
                    writer.write(bytes([0x40, 2]) + body[at : at + 2])
            await writer.drain()

    return serve


async def no_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


MQTT = {
    "acknowledged": (broker(), A),
    "never acknowledged": (broker(puback=False), T),
    "no connack": (broker(None), T),
    "wrong protocol": (broker(1), R),
    "bad client id": (broker(2), R),
    "unavailable": (broker(3), T),
    "bad password": (broker(4), R),
    "not authorised": (broker(5), R),
    "dropped after connect": (broker(drop_after="connect"), T),
    "dropped after publish": (broker(drop_after="publish"), T),
    "not mqtt": (no_broker, T),
    "hang": (hangs, T),
}


@pytest.mark.parametrize("case", MQTT)
def test_a_brokers_verdict(case: str) -> None:
    serve, verdict = MQTT[case]

    async def run() -> Answer:
        async with server(serve) as port:
            settings = {"host": "127.0.0.1", "port": port, "user": "plantroom", "password": SECRETS[1]}
            return await timed(mqtt.send(settings, PAGE, timeout_s=TIMEOUT_S))

    answer = whole(run)
    assert answer.verdict is verdict, answer


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
def test_a_broker_that_cannot_be_reached(host: str) -> None:
    answer = asyncio.run(timed(mqtt.send({"host": host, "port": free_port()}, PAGE, timeout_s=TIMEOUT_S)))
    assert answer.verdict is T


def test_a_message_never_leaves_our_own_prefix() -> None:
    message: dict[str, Any] = {**MESSAGE, "fault": {**MESSAGE["fault"], "id": "../#/+"}}  # type: ignore[dict-item]
    evil = Page("P1-1", "../other/#", "raised", "danger", message, 0)
    assert mqtt.topic(evil).count("/") == 3 and mqtt.topic(evil).startswith("plantroom/") and not set("#+") & set(mqtt.topic(evil))
    assert mqtt.topic(PAGE) == "plantroom/tower/fault/F12-1"
    assert mqtt.topic(Page("P1-1", "tower", "raised", "normal", {**MESSAGE, "fault": None}, 0)) == "plantroom/tower/order/O12-1"
