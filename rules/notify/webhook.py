"""Channel `webhook`: a signed JSON POST. Delivered means that the receiver said so, in its status and in its body.

Settings: `url` (http or https), `secret` (signs the body), `ca` (a PEM file for a receiver with its own authority).
Headers: `X-Plantroom-Id` = outbox id, the idempotency key; `X-Plantroom-Signature: sha256=<hex hmac of the body>`; the body's `sent_at` is
signed with it, so an old request cannot be replayed as a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from plantroom.signature import HEADER, sign
from rules.notify import http, judging
from rules.notify.page import Answer, Page
from rules.outbox import Verdict


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    """One attempt, over within timeout_s whatever the receiver does."""
    body = page.payload()
    headers = {"content-type": "application/json", "x-plantroom-id": page.id}
    if secret := settings.get("secret"):
        headers[HEADER] = sign(str(secret), body)
    return await http.send(settings, http.Request(str(settings["url"]), body, headers), read, timeout_s=timeout_s)


def read(reply: judging.Reply) -> judging.Word:
    """A receiver of anybody's make: its status is its word, unless its body says no as the big providers do."""
    return judging.Word(Verdict.RETRY if 200 <= reply.status < 300 and _says_no(reply.text) else Verdict.ACCEPTED)


def _says_no(text: str) -> bool:
    """{"errcode": 310000}, {"code": 19021}, {"ok": false}."""
    try:
        said: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(said, dict):
        return False
    if any(said.get(name) is False for name in ("ok", "success")):
        return True
    codes = [said[name] for name in ("errcode", "code", "StatusCode", "errno") if name in said]
    return any(code not in (0, "0", 200, "200", "ok", "OK", None) for code in codes)
