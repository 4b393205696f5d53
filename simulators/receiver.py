"""A webhook receiver for demos, tests and rigs: verifies the signature, remembers every page, says yes (or what it was told to say)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

MOST_BYTES = 1 << 20
_HEAD_S = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery. id: the sender's idempotency key. genuine: the signature fits the secret. again: this id came before."""

    id: str
    body: Any
    genuine: bool
    again: bool


class Receiver:
    """Listens on loopback. answers: what is said to each page; the default accepts. Pages are kept in the order they came."""

    def __init__(
        self,
        secret: str,
        *,
        port: int = 0,
        heard: Callable[[Received], None] = lambda page: None,
        answers: Callable[[Received], tuple[int, bytes]] = lambda page: (200, b'{"ok":true}'),
    ) -> None:
        self._secret, self.port, self._heard, self._answers = secret, port, heard, answers
        self.received: list[Received] = []
        self._ids: set[str] = set()
        self._server: asyncio.Server | None = None
        self.came = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/page"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def wait_for(self, wanted: Callable[[Received], bool]) -> Received:
        """The first page that fits, already here or still to come."""
        async with self.came:
            await self.came.wait_for(lambda: any(map(wanted, self.received)))
        return next(filter(wanted, self.received))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_S):
                request = await _request(reader)
            status, text = (400, b'{"ok":false}') if request is None else await self._take(*request)
            head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(text)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + text)
            await writer.drain()
        except (TimeoutError, ConnectionError):
            pass  # the sender went away or dawdled: it will try again, and that is its business
        finally:
            writer.close()

    async def _take(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        wanted = "sha256=" + hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        genuine = hmac.compare_digest(wanted, headers.get("x-plantroom-signature", ""))
        try:
            content = orjson.loads(body)
        except orjson.JSONDecodeError:
            return 400, b'{"ok":false,"error":"the body is not JSON"}'
        id = headers.get("x-plantroom-id", "")
        page = Received(id, content, genuine, id in self._ids)
        if not genuine:
            self._note(page)
            return 401, b'{"ok":false,"error":"the signature does not fit"}'
        self._ids.add(id)
        self._note(page)
        async with self.came:
            self.came.notify_all()
        return self._answers(page)

    def _note(self, page: Received) -> None:
        self.received.append(page)
        self._heard(page)


async def _request(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes] | None:
    """Headers (names in small letters) and body of a POST; None for anything else, or too much of it."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return None
    first, *lines = head.split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name}
    length = headers.get("content-length", "")
    if not first.startswith("POST ") or not length.isdigit() or int(length) > MOST_BYTES:
        return None
    try:
        return headers, await reader.readexactly(int(length))
    except asyncio.IncompleteReadError:
        return None
