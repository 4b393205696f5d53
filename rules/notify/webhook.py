"""Channel `webhook`: a signed JSON POST. Delivered means that the receiver said so, in its status and in its body.

Settings: `url` (http or https), `secret` (signs the body), `ca` (a PEM file for a receiver with its own authority).
Headers: `X-Plantroom-Id` = outbox id, the idempotency key; `X-Plantroom-Signature: sha256=<hex hmac of the body>`; the body's `sent_at` is
signed with it, so an old request cannot be replayed as a new one. No redirect is followed: a page goes where the site file says.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import httpx
import orjson

from rules.notify.page import Answer, Page, answer
from rules.outbox import Verdict

MOST_ANSWER_BYTES = 64 << 10
TRY_AGAIN = frozenset({408, 409, 421, 423, 425, 429})  # 4xx that may be answered otherwise in a while; every 5xx may


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    """One attempt, over within timeout_s whatever the receiver does."""
    url = str(settings["url"])
    if (wrong := _wrong(url)) is not None:
        return answer(settings, Verdict.REFUSED, f"the channel's url {wrong}; mend it in the site file")
    body = page.payload()
    headers = {"content-type": "application/json", "user-agent": "plantroom", "accept-encoding": "identity", "x-plantroom-id": page.id}
    if secret := settings.get("secret"):
        headers["x-plantroom-signature"] = sign(str(secret), body)
    try:
        _trusted_by(settings)  # read before the time runs: only a process's first page would pay for it
        async with asyncio.timeout(timeout_s), _client(settings, timeout_s) as client:
            async with client.stream("POST", url, content=body, headers=headers) as response:
                text = await _text(response)
            return judge(settings, response.status_code, response.headers, text)
    except TimeoutError:
        return answer(settings, Verdict.RETRY, f"no answer within {timeout_s:g} s")
    except httpx.HTTPError as error:
        return answer(settings, Verdict.RETRY, _why(error))
    except (OSError, ssl.SSLError) as error:  # a CA file that cannot be read
        return answer(settings, Verdict.RETRY, f"{type(error).__name__}: {error}")


def _wrong(url: str) -> str | None:
    """Why nothing can be sent to an address; None = it can be tried."""
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        return "cannot be read"
    if read.scheme not in ("http", "https") or not read.host:
        return "is neither http://host nor https://host"
    return None if read.port is None or 0 < read.port < 65_536 else f"names the port {read.port}, which does not exist"


def sign(secret: str, body: bytes) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def judge(settings: Mapping[str, object], status: int, headers: Mapping[str, str], text: str) -> Answer:
    """The verdict on an answer. A 2xx whose body says no is a no; a page of HTML is some proxy's, not the receiver's word."""
    said = f"{status} {text}".strip()
    if status in TRY_AGAIN or status >= 500:
        return answer(settings, Verdict.RETRY, said, _retry_after(headers))
    if not 200 <= status < 300:
        return answer(settings, Verdict.REFUSED, said)
    if "html" in headers.get("content-type", "").lower() or text.lstrip()[:1] == "<":
        return answer(settings, Verdict.RETRY, f"{status} but a page of HTML, not the receiver's answer: {text}")
    if (no := _body_says_no(text)) is not None:
        return answer(settings, no, f"{status} but the body says no: {text}")
    return answer(settings, Verdict.ACCEPTED, said)


def _body_says_no(text: str) -> Verdict | None:
    """Providers that answer 200 and mean no: {"errcode": 310000}, {"code": 19021}, {"ok": false}. None = no objection."""
    try:
        said: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(said, dict):
        return None
    if any(said.get(name) is False for name in ("ok", "success")):
        return Verdict.RETRY
    codes = [said[name] for name in ("errcode", "code", "StatusCode", "errno") if name in said]
    return Verdict.RETRY if any(code not in (0, "0", 200, "200", "ok", "OK", None) for code in codes) else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds only: the date form asks two clocks to agree."""
    given = headers.get("retry-after", "").strip()
    return float(given) if given.isascii() and given.isdigit() else None


async def _text(response: httpx.Response) -> str:
    """The body's beginning, as sent: a receiver that sends without end is cut off, one that packs its answer gains nothing."""
    kept = bytearray()
    async for chunk in response.aiter_raw():
        kept += chunk
        if len(kept) > MOST_ANSWER_BYTES:
            break
    return bytes(kept[:MOST_ANSWER_BYTES]).decode("utf-8", "replace")


def _client(settings: Mapping[str, object], timeout_s: float) -> httpx.AsyncClient:
    """No proxy from the environment, no redirect, TLS always verified."""
    return httpx.AsyncClient(verify=_trusted_by(settings), follow_redirects=False, trust_env=False, timeout=httpx.Timeout(timeout_s))


def _trusted_by(settings: Mapping[str, object]) -> ssl.SSLContext:
    ca = settings.get("ca")
    return _trusted(str(ca) if ca else None)


@lru_cache(maxsize=16)
def _trusted(ca: str | None) -> ssl.SSLContext:
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
