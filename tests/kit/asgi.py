"""One request to an application in this process, without a client's overhead: what the matrix of routes asks thousands of times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI


@dataclass(frozen=True, slots=True)
class Answer:
    """status 599: the application raised instead of answering."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def whole(self) -> bytes:
        """Everything of it that a client gets to see."""
        return b"\n".join((*(f"{name}: {value}".encode() for name, value in self.headers.items()), self.body))


async def ask(
    app: FastAPI, method: str, path: str, query: str = "", headers: Mapping[str, str] | None = None, body: bytes = b"",
    address: str = "127.0.0.1",
) -> Answer:  # fmt: skip
    """The client hangs up once it has sent its body: a stream ends at once. Of a file it waits for the end."""
    whole = asyncio.Event()
    given = {"host": "127.0.0.1:8600", **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http", "path": path,
        "raw_path": path.encode("latin-1", "replace"), "query_string": query.encode(), "root_path": "", "client": (address, 40_000),
        "server": ("127.0.0.1", 8600), "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }  # fmt: skip
    sent: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]
    status, found, parts = 599, dict[str, str](), list[bytes]()

    async def receive() -> Any:
        if not sent and "/evidence/" in path:
            await whole.wait()
        return sent.pop(0) if sent else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            found.update({name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]})
        else:
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                whole.set()

    try:
        await app(scope, receive, send)
    except Exception as error:  # the server's own answer to what no handler took
        return Answer(599, found, repr(error).encode())
    return Answer(status, found, b"".join(parts))
