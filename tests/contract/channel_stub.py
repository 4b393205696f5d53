"""A provider on a loopback port that gives one class of answer, and the classes: what is sent, and the verdict each channel must reach."""

from __future__ import annotations

import asyncio
import gzip
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from rules.notify.page import Page
from rules.outbox import Verdict

A, T, R = Verdict.ACCEPTED, Verdict.RETRY, Verdict.REFUSED
JSON, HTML = "Content-Type: application/json", "Content-Type: text/html; charset=utf-8"
PAGE_OF_A_PROXY = b"<!DOCTYPE html><html><body>Please log in to the network</body></html>"

SECRETS = ("s3cret-signing-key", "pa55word-of-the-broker", "t0ken-in-the-path", "us3r-of-the-url", "acc3ss-token-of-an-hour")
MESSAGE = {
    "zh": ["〔出险〕困人 3号客梯 B座12-13层间", "14:03起 14:18前响应 未接单"],
    "en": ["[DANGER] People trapped, Lift 3", "since 14:03, respond by 14:18, nobody has it"],
    "fault": {"id": "F12-1", "rule": "passenger_entrapment", "equipment": "lift-3", "name": "3号客梯", "place": "B座12-13层间", "severity": "danger",
              "condition": "active"},
    "order": {"id": "O12-1", "state": "open"},
}  # fmt: skip
PAGE = Page("P12-1", "tower", "raised", "danger", MESSAGE, 1_795_262_400_000_000_000)

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in."""

    target: str
    headers: dict[str, str]
    body: bytes


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


async def request_of(reader: asyncio.StreamReader) -> Asked:
    first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return Asked(first.split(" ")[1], headers, await reader.readexactly(int(headers.get("content-length", "0"))))


Give = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]  # the reply to a request; bytes: the provider's own yes


@dataclass(frozen=True, slots=True)
class Class:
    """give: what is sent. verdict: every channel's. open: of a receiver of anybody's make, whose status alone is its word (webhook)."""

    give: Give
    verdict: Verdict
    open: Verdict | None = None
    retry_after_s: float | None = None


def provider(give: Give, yes: bytes, first: dict[str, bytes] | None = None, seen: list[Asked] | None = None) -> Serve:
    """first: what is answered to targets that begin so, whatever the class: the steps before the one that is tried."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await request_of(reader)
            if seen is not None:
                seen.append(asked)
            before = next((body for start, body in (first or {}).items() if asked.target.startswith(start)), None)
            if before is None:
                await give(writer, yes)
                return
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(before), before))
            await writer.drain()

    return serve


def says(status: str, body: bytes | None = b"", *headers: str) -> Give:
    """body None: the provider's own yes."""

    async def give(writer: asyncio.StreamWriter, yes: bytes) -> None:
        sent = yes if body is None else body
        writer.write("\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(sent)}", "Connection: close", *headers]).encode() + b"\r\n\r\n" + sent)
        await writer.drain()

    return give


def raw(data: bytes) -> Give:
    """data as it is, YES replaced by the provider's own; then the end of the connection."""

    async def give(writer: asyncio.StreamWriter, yes: bytes) -> None:
        writer.write(data.replace(b"YES", yes))
        await writer.drain()

    return give


def drips(head: bytes, body: bytes) -> Give:
    async def give(writer: asyncio.StreamWriter, yes: bytes) -> None:
        writer.write(head)
        for n in range(1_000_000):
            writer.write(body[n % len(body)].to_bytes(1, "big"))
            await writer.drain()
            await asyncio.sleep(0.02)

    return give


def stalls(data: bytes) -> Give:
    async def give(writer: asyncio.StreamWriter, yes: bytes) -> None:
        writer.write(data.replace(b"YES", yes))
        await writer.drain()
        await asyncio.Event().wait()

    return give


async def resets(writer: asyncio.StreamWriter, yes: bytes) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def never_ends(writer: asyncio.StreamWriter, yes: bytes) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"2000\r\n" + b"b" * 8192 + b"\r\n")
        await writer.drain()


async def packs(writer: asyncio.StreamWriter, yes: bytes) -> None:
    await says("200 OK", gzip.compress(yes), JSON, "Content-Encoding: gzip")(writer, yes)


TELLS = ("it says " + " ".join(SECRETS)).encode()
ELSEWHERE = "Location: /elsewhere"  # the same stub would say yes there
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

CLASSES: dict[str, Class] = {
    "yes": Class(says("200 OK", None, JSON), A),
    "yes in chunks": Class(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n1\r\n \r\n0\r\n\r\n"), T, A),
    "yes after 100": Class(raw(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nConnection: close\r\n\r\nYES"), A),
    "yes until the end": Class(raw(b"HTTP/1.1 200 OK\r\n\r\nYES"), A),
    "yes as 500": Class(says("500 Internal Server Error", None, JSON), T),
    "yes as 400": Class(says("400 Bad Request", None, JSON), R),
    "yes as 302": Class(says("302 Found", None, JSON, ELSEWHERE), R),
    "yes as html": Class(says("200 OK", None, HTML), T),
    "yes, packed": Class(packs, T, A),
    "200 empty": Class(says("200 OK"), T, A),
    "200 plain": Class(says("200 OK", b"thanks"), T, A),
    "200 of another make": Class(says("200 OK", b'{"received":1}', JSON), T, A),
    "200 {}": Class(says("200 OK", b"{}", JSON), T, A),
    "200 []": Class(says("200 OK", b"[]", JSON), T, A),
    "200 null": Class(says("200 OK", b"null", JSON), T, A),
    "200 true": Class(says("200 OK", b"true", JSON), T, A),
    "200 deep": Class(says("200 OK", b"[" * 60_000, JSON), T, A),
    "200 not text": Class(says("200 OK", b"\xff\xfe\x00\x80", JSON), T, A),
    "200 no, by errcode": Class(says("200 OK", b'{"errcode":310001,"errmsg":"no"}', JSON), T),
    "200 no, by code": Class(says("200 OK", b'{"code":310001,"msg":"no"}', JSON), T),
    "200 no, by ok": Class(says("200 OK", b'{"ok":false}', JSON), T),
    "200 half a yes": Class(says("200 OK", b'{"errcode":', JSON), T, A),
    "200 html": Class(says("200 OK", PAGE_OF_A_PROXY, HTML), T),
    "200 html unnamed": Class(says("200 OK", PAGE_OF_A_PROXY), T),
    "200 html as json": Class(says("200 OK", b"\n " + PAGE_OF_A_PROXY, JSON), T),
    "201 empty": Class(says("201 Created"), T, A),
    "202 empty": Class(says("202 Accepted"), T, A),
    "204": Class(says("204 No Content"), T, A),
    "301": Class(says("301 Moved Permanently", b"", ELSEWHERE), R),
    "302": Class(says("302 Found", b"", ELSEWHERE), R),
    "303": Class(says("303 See Other", b"", ELSEWHERE), R),
    "304": Class(says("304 Not Modified"), R),
    "307": Class(says("307 Temporary Redirect", b"", ELSEWHERE), R),
    "308": Class(says("308 Permanent Redirect", b"", ELSEWHERE), R),
    "400": Class(says("400 Bad Request", b"no"), R),
    "401": Class(says("401 Unauthorized"), R),
    "401 no, by ok": Class(says("401 Unauthorized", b'{"ok":false,"error":"signature"}', JSON), R),
    "403": Class(says("403 Forbidden"), R),
    "403 html": Class(says("403 Forbidden", PAGE_OF_A_PROXY, HTML), R),
    "404": Class(says("404 Not Found"), R),
    "405": Class(says("405 Method Not Allowed"), R),
    "407": Class(says("407 Proxy Authentication Required"), R),
    "410": Class(says("410 Gone"), R),
    "413": Class(says("413 Payload Too Large"), R),
    "422": Class(says("422 Unprocessable Content"), R),
    "451": Class(says("451 Unavailable For Legal Reasons"), R),
    "408": Class(says("408 Request Timeout"), T),
    "409": Class(says("409 Conflict"), T),
    "421": Class(says("421 Misdirected Request"), T),
    "423": Class(says("423 Locked"), T),
    "425": Class(says("425 Too Early"), T),
    "429": Class(says("429 Too Many Requests", b"", "Retry-After: 7"), T, None, 7.0),
    "429 by date": Class(says("429 Too Many Requests", b"", "Retry-After: Sat, 21 Nov 2026 12:00:00 GMT"), T),
    "500": Class(says("500 Internal Server Error", b"oops"), T),
    "502": Class(says("502 Bad Gateway", PAGE_OF_A_PROXY, HTML), T),
    "503": Class(says("503 Service Unavailable", b"", "Retry-After: 30"), T, None, 30.0),
    "504": Class(says("504 Gateway Timeout"), T),
    "511": Class(says("511 Network Authentication Required", PAGE_OF_A_PROXY, HTML), T),
    "599": Class(says("599 Unknown"), T),
    "reset": Class(resets, T),
    "close": Class(raw(b""), T),
    "breaks off": Class(raw(HEAD + b"Content-Length: 4000\r\n\r\nYES"), T),
    "breaks off in the head": Class(raw(b"HTTP/1.1 200 OK\r\nContent-"), T),
    "breaks off in a chunk": Class(raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\nYES"), T),
    "not http": Class(raw(b"220 mail.example.com ESMTP\r\n"), T),
    "two lengths": Class(raw(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nYES"), T),
    "a head without end": Class(raw(HEAD + b"X: " + b"a" * 200_000), T),
    "endless": Class(never_ends, T, A),
    "401 that tells secrets": Class(says("401 Unauthorized", TELLS), R),
    "500 that tells secrets": Class(says("500 Oops", TELLS), T),
    "200 that tells secrets": Class(says("200 OK", TELLS), T, A),
}
SILENT: dict[str, Give] = {  # retry, within the limit of the attempt
    "hang": stalls(b""),
    "hang in the head": stalls(b"HTTP/1.1 200 OK\r\nContent-"),
    "hang in the body": stalls(HEAD + b"Content-Length: 4000\r\n\r\nYES"),
    "hang after 100": stalls(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "drip": drips(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"a"),
    "drip in the head": drips(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "drip of 100s": drips(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}
