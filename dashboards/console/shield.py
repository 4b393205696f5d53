"""What stands before every route: known hosts only, bounded bodies, and the headers that keep a browser from being fooled."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BODY = 64 * 1024
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: dict[bytes, bytes] = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"same-origin",  # not no-referrer: it makes a browser send `Origin: null` with our own forms
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"geolocation=(), camera=(), microphone=(), payment=(), usb=()",
    b"cache-control": b"no-store",
}

STRICT = {**HEADERS, b"strict-transport-security": b"max-age=31536000"}


class Shield:
    """ASGI middleware. most: bytes of a body by path, None = MOST_BODY; what is longer by its own word is the route's to refuse there.
    hosts: names besides IP addresses and localhost under which this service answers, read anew each time. tls: whether
    people reach us by HTTPS alone. too_fast: seconds that this client has to wait, 0 = none.

    A page of another site can make a browser ask us under that site's own name (DNS rebinding); such a request is refused.
    """

    def __init__(
        self, app: ASGIApp, hosts: Callable[[], frozenset[str]], tls: Callable[[], bool], too_fast: Callable[[Request], int],
        most: Callable[[str], int | None],
    ) -> None:  # fmt: skip
        self._app, self._hosts, self._tls, self._too_fast, self._most = app, hosts, tls, too_fast, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        send = _with_headers(send, STRICT if self._tls() else HEADERS)
        if not known_host(headers.get(b"host", b"").decode("latin-1"), self._hosts()):
            await _refuse(send, 421, "unknown_host", "This service does not answer under that name; set web.public_url in the site file.")
        elif (most := self._most(scope["path"])) is None and too_long(headers.get(b"content-length")):
            await _refuse(send, 413, "body_too_large", f"At most {MOST_BODY} bytes.")
        elif wait_s := self._too_fast(Request(scope)):
            await _refuse(send, 429, "too_fast", "Too many requests from this address.", wait_s)
        else:
            await self._app(scope, _Bounded(receive, MOST_BODY if most is None else most), send)


class _Bounded:
    """A body without an honest length is cut off too: the route sees a client that hung up."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                return {"type": "http.disconnect"}
        return message


def _with_headers(send: Send, ours: Mapping[bytes, bytes]) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [*message.get("headers", []), *((n, v) for n, v in ours.items() if n not in given)]
        await send(message)

    return guarded


async def _refuse(send: Send, status: int, reason: str, text: str, wait_s: int = 0) -> None:
    body = orjson.dumps({"reason": reason, "text": text})
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    if wait_s:
        headers.append((b"retry-after", str(wait_s).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def too_long(length: bytes | None) -> bool:
    return length is not None and (not length.isdigit() or int(length) > MOST_BODY)


def known_host(host: str, names: frozenset[str]) -> bool:
    """An IP address (no other site can own it), localhost, or one of our names; any port."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host
    name = name.strip("[]").lower()
    if name == "localhost" or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
