"""The HTTP that channels share: a request -> a bounded reply, or the answer that says what broke, within the limit of the attempt.

No redirect is followed and no proxy of the environment is asked: a page goes where the site file says, and to a network of the house's own
only where the site file lists it (pinned.py).

A connection is used again within a second of its last answer, which is when many pages leave one after the other, and never later: what a
gateway between has forgotten meanwhile costs an attempt. Where the provider itself has left it the page costs none (pinned.py).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

import httpx

from plantroom.networks import listed
from rules.notify.judging import Read, Reply, judge
from rules.notify.page import Answer, answer
from rules.notify.pinned import MOST_IDLE, Forbidden, Pinned
from rules.outbox import Verdict

MOST_ANSWER_BYTES = 64 << 10
KEPT_S = 1.0  # an idle connection
KEPT = MOST_IDLE  # of them to one host
UNWRITABLE = "a setting or the address has characters that HTTP does not carry; mend it in the site file"
JSON = {"content-type": "application/json; charset=utf-8"}

for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)  # below it they write addresses and headers, which carry secrets


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"


Talk = Callable[[httpx.AsyncClient], Awaitable[Answer]]
Way = tuple[str, str, int | None, str | None]  # scheme, host, port and CA: what was verified for one host carries nothing to another

_ways: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Way, httpx.AsyncHTTPTransport]] = WeakKeyDictionary()


async def send(settings: Mapping[str, object], request: Request, read: Read, *, timeout_s: float) -> Answer:
    """One request, one verdict, within timeout_s whatever the other side does."""

    async def talk(client: httpx.AsyncClient) -> Answer:
        return judge(settings, await ask(client, request), read)

    return await attempt(settings, request.url, talk, timeout_s=timeout_s)


async def attempt(settings: Mapping[str, object], url: str, talk: Talk, *, timeout_s: float) -> Answer:
    """Runs a conversation with url's host; what breaks it becomes the answer."""
    if (wrong := _wrong(url)) is not None:
        return answer(settings, Verdict.REFUSED, f"the channel's url {wrong}; mend it in the site file")
    try:
        _trusted_by(settings)  # read before the time runs: only a process's first page would pay for it
        async with asyncio.timeout(timeout_s):
            return await talk(_client(settings, httpx.URL(url), timeout_s))
    except TimeoutError:
        return answer(settings, Verdict.RETRY, f"no answer within {timeout_s:g} s")
    except Forbidden as no:  # a name may lead elsewhere the next time, an address does not
        return answer(settings, Verdict.RETRY if no.named else Verdict.REFUSED, str(no))
    except httpx.LocalProtocolError:  # its text shows the header, secret and all
        return answer(settings, Verdict.REFUSED, UNWRITABLE)
    except httpx.HTTPError as error:
        return answer(settings, Verdict.RETRY, _why(error))
    except OSError as error:  # a CA file that cannot be read, TLS
        return answer(settings, Verdict.RETRY, f"{type(error).__name__}: {error}")
    except ValueError:
        return answer(settings, Verdict.REFUSED, UNWRITABLE)


async def ask(client: httpx.AsyncClient, request: Request) -> Reply:
    """The reply, its body cut off where it has no end; one that packs its body gains nothing, it is read as sent."""
    headers = {"user-agent": "plantroom", "accept-encoding": "identity", **request.headers}
    async with client.stream(request.method, request.url, content=request.body, headers=headers) as response:
        kept = bytearray()
        async for chunk in response.aiter_raw():
            kept += chunk
            if len(kept) > MOST_ANSWER_BYTES:
                break
        return Reply(response.status_code, response.headers, bytes(kept[:MOST_ANSWER_BYTES]).decode("utf-8", "replace"))


def base(settings: Mapping[str, object], default: str) -> str:
    """The provider's address: its own, or a gateway's before it."""
    return str(settings.get("url") or default).rstrip("/")


def host(url: str) -> str:
    """What the Host header will say, for those that sign it; nothing for an address that cannot be read."""
    try:
        return httpx.URL(url).netloc.decode()
    except httpx.InvalidURL:
        return ""


def _wrong(url: str) -> str | None:
    """Why nothing can be sent to an address; None = it can be tried."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        return "cannot be read"
    if read.scheme not in ("http", "https") or not read.host:
        return "is neither http://host nor https://host"
    return None if read.port is None or 0 < read.port < 65_536 else f"names the port {read.port}, which does not exist"


def _client(settings: Mapping[str, object], url: httpx.URL, timeout_s: float) -> httpx.AsyncClient:
    """Of one attempt: it looks its name up anew. Only the connections below it last longer, so it is never closed."""
    way = Pinned(_way(settings, url), listed(settings.get("private")))
    return httpx.AsyncClient(transport=way, follow_redirects=False, trust_env=False, timeout=httpx.Timeout(timeout_s))


def _way(settings: Mapping[str, object], url: httpx.URL) -> httpx.AsyncHTTPTransport:
    ways = _ways.setdefault(asyncio.get_running_loop(), {})
    ca = str(settings["ca"]) if settings.get("ca") else None
    key = url.scheme, url.host, url.port, ca
    if key not in ways:
        # no most of connections: one that a cancelled attempt left behind must not keep the next page waiting
        kept = httpx.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=KEPT_S)
        ways[key] = httpx.AsyncHTTPTransport(verify=trusted(ca), trust_env=False, limits=kept)
    return ways[key]


async def close() -> None:
    """The connections of this loop."""
    for way in _ways.pop(asyncio.get_running_loop(), {}).values():
        await way.aclose()


def _trusted_by(settings: Mapping[str, object]) -> ssl.SSLContext:
    ca = settings.get("ca")
    return trusted(str(ca) if ca else None)


@lru_cache(maxsize=16)
def trusted(ca: str | None) -> ssl.SSLContext:
    """Reading the system's authorities takes 20 to 60 ms: once a process, not once a page."""
    return ssl.create_default_context(cafile=ca)


def _why(error: httpx.HTTPError) -> str:
    """The transport's trouble in words; its own text last, because it differs between versions."""
    words: Mapping[type[httpx.HTTPError], str] = {
        httpx.ConnectTimeout: "cannot connect in time",
        httpx.ReadTimeout: "no answer in time",
        httpx.WriteTimeout: "could not send in time",
        httpx.ConnectError: "cannot connect",
        httpx.ReadError: "the connection broke while waiting for the answer",
        httpx.WriteError: "the connection broke while sending",
        httpx.RemoteProtocolError: "the answer is not HTTP",
    }
    name = words.get(type(error), type(error).__name__)
    return f"{name}: {error}" if str(error) else name
