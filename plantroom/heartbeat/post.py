"""Sends one heartbeat to one watcher. The only socket of the supervisor; it opens a connection and keeps none.

Taken is what the watcher says it took: `plantroom watch` answers {"ok": true}; a public service answers 2xx with anything but a page of
HTML, which would be some proxy's login. No redirect is followed, no proxy of the environment is asked.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

import httpx
import orjson

from plantroom.signature import HEADER, sign
from plantroom.watch import Watcher

MOST_ANSWER_BYTES = 4 << 10
NO_IN_200 = (b"not found", b"rate limited")  # healthchecks: `OK (not found)` for a check that was deleted
TEXT = {"content-type": "text/plain; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Request:
    url: str = field(repr=False)
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def request_of(watcher: Watcher, body: bytes, *, good: bool, words: str) -> Request:
    """body: the signed form. words: one line for a public service, whose success address is pinged only when all is good."""
    if watcher.form == "ping":
        return Request(watcher.url if good else _failed(watcher.url), words.encode(), TEXT)
    return Request(watcher.url, body, {"content-type": "application/json", HEADER: sign(watcher.secret or "", body)})


def _failed(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))


async def post(watcher: Watcher, request: Request, timeout_s: float) -> str | None:
    """None where it was taken, else why not, without the address. Over within timeout_s, whatever the watcher does."""
    try:
        async with asyncio.timeout(timeout_s), _client(watcher.ca, timeout_s) as client:
            headers = {"user-agent": "plantroom", "accept-encoding": "identity", **request.headers}
            async with client.stream("POST", request.url, content=request.body, headers=headers) as response:
                said = bytearray()
                async for chunk in response.aiter_raw():
                    said += chunk
                    if len(said) > MOST_ANSWER_BYTES:
                        break
                return _refusal(watcher.form, response, bytes(said[:MOST_ANSWER_BYTES]))
    except TimeoutError:
        return f"no answer within {timeout_s:g} s"
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # its text may show the address
        return type(error).__name__


def _refusal(form: str, response: httpx.Response, said: bytes) -> str | None:
    if not 200 <= response.status_code < 300:
        return f"{response.status_code} {_why(said)}".strip()
    if form == "ping":
        html = "html" in response.headers.get("content-type", "").lower() or said.lstrip()[:1] == b"<"
        if any(word in said.lower() for word in NO_IN_200):
            return "2xx, but the body says that it was not taken"
        return "a page of HTML, not the service's answer" if html else None
    return None if _object(said).get("ok") is True else "2xx, but not the answer of `plantroom watch`"


def _why(said: bytes) -> str:
    """Our own watcher's words; nobody else's are repeated."""
    return str(_object(said).get("error", ""))[:200]


def _object(said: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(said)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _client(ca: str | None, timeout_s: float) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=_trusted(ca), follow_redirects=False, trust_env=False, timeout=httpx.Timeout(timeout_s))


@lru_cache(maxsize=16)
def _trusted(ca: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)
