"""The watcher's HTTP: one request a connection, all of it within 10 s, at most 16 KiB, then the connection ends.

POST /heartbeat    a signed heartbeat: 200 {"ok": true}, or 409 {"ok": false, "error"}: not ours, old, taken before
GET  /healthz      200 while the watcher looks and its disk takes what it knows, else 503: for who watches the watcher
/take/SITE/TOKEN   take_link.py
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

import structlog

from plantroom.heartbeat.beat import MOST_BYTES

LIMIT_S = 10.0
MOST_AT_ONCE = 200  # who holds more than these open is answered by nobody; heartbeats that are kept out become an alarm
SECURITY = (
    "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'\r\n"
    "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\ncache-control: no-store\r\n"
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def typed(self, field: str) -> str:
        """What stands in a field of a form; nothing where there is none."""
        return parse_qs(self.body.decode("utf-8", "replace")).get(field, [""])[0]


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    kind: str = "application/json"


class Unreadable(Exception):
    """No request of HTTP, or too much of one; the status says which."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def serve(address: tuple[str, int], tls: ssl.SSLContext | None, answer: Callable[[Request], Reply]) -> asyncio.Server:
    """Listens; `answer` runs on the loop and must not block. Raises OSError where the address is taken."""
    at_once = 0

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal at_once
        at_once += 1
        try:
            if at_once <= MOST_AT_ONCE:
                async with asyncio.timeout(LIMIT_S):
                    writer.write(_bytes(await _answered(reader, answer)))
                    await writer.drain()
        except (TimeoutError, OSError):
            pass  # the sender went away or dawdled: it will try again
        finally:
            at_once -= 1
            writer.close()

    shake_s = LIMIT_S if tls is not None else None
    return await asyncio.start_server(one, *address, ssl=tls, limit=MOST_BYTES, ssl_handshake_timeout=shake_s)


async def _answered(reader: asyncio.StreamReader, answer: Callable[[Request], Reply]) -> Reply:
    try:
        request = await _request(reader)
    except Unreadable as error:
        return Reply(error.status, b'{"ok":false,"error":"no request that is answered here"}')
    try:
        return answer(request)
    except Exception as error:  # one request that nobody has foreseen ends no watching
        log.error("watch.request_failed", path=request.path.split("/")[1][:20], exc_info=error)
        return Reply(500, b'{"ok":false,"error":"the watcher failed on this request"}')


async def _request(reader: asyncio.StreamReader) -> Request:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        raise Unreadable(400) from error
    except asyncio.LimitOverrunError as error:
        raise Unreadable(431) from error
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    length = headers.get("content-length", "0")
    if len(words) != 3 or "transfer-encoding" in headers or not (length.isascii() and length.isdigit()):
        raise Unreadable(400)
    if len(length) > 9 or int(length) > MOST_BYTES:
        raise Unreadable(413)
    try:
        return Request(words[0], words[1], headers, await reader.readexactly(int(length)))
    except asyncio.IncompleteReadError as error:
        raise Unreadable(400) from error


def _bytes(reply: Reply) -> bytes:
    head = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\ncontent-type: {reply.kind}\r\n"
    return f"{head}content-length: {len(reply.body)}\r\nconnection: close\r\n{SECURITY}\r\n".encode() + reply.body
