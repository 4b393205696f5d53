"""Calls of Tencent Cloud (腾讯云): signed as version 3 asks, and what their codes mean.

Source: cloud.tencent.com/document/api/1021/34193 (TC3-HMAC-SHA256), and the error tables of SMS 2021-01-11 and VMS 2020-09-02.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from plantroom.clock import NS, at_utc
from rules.notify import http, judging
from rules.notify.page import Page
from rules.outbox import Verdict

ALGORITHM = "TC3-HMAC-SHA256"
SIGNED = ("content-type", "host", "x-tc-action")
TYPE = "application/json; charset=utf-8"
REGION = "ap-guangzhou"
REFUSED = (
    "AuthFailure", "UnauthorizedOperation", "InvalidParameter", "MissingParameter", "UnknownParameter", "FailedOperation",
    "UnsupportedOperation",
)  # fmt: skip
PAUSES = {"RequestLimitExceeded": 10.0, "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0, "LimitExceeded.PhoneNumberOneHourLimit": 300.0}
LIMITED_S = 60.0  # every other limit


def request(settings: Mapping[str, object], page: Page, service: str, action: str, version: str, values: Mapping[str, Any]) -> http.Request:
    url, body, at_s = f"{http.base(settings, f'https://{service}.tencentcloudapi.com')}/", orjson.dumps(values), page.sent_ns // NS
    headers = {"content-type": TYPE, "host": http.host(url), "x-tc-action": action}
    signed = authorization(str(settings["access_key"]), str(settings["access_secret"]), service, headers, body, at_s)
    common = {"x-tc-version": version, "x-tc-timestamp": str(at_s), "x-tc-region": str(settings.get("region") or REGION)}
    return http.Request(url, body, {**headers, **common, "authorization": signed})


def authorization(key: str, secret: str, service: str, headers: Mapping[str, str], body: bytes, at_s: int) -> str:
    """headers: those of SIGNED."""
    day, names = at_utc(at_s * NS).strftime("%Y-%m-%d"), ";".join(SIGNED)
    lines = [f"{name}:{headers[name].strip().lower()}" for name in SIGNED]
    canonical = "\n".join(["POST", "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{service}/tc3_request"
    text = "\n".join([ALGORITHM, str(at_s), scope, hashlib.sha256(canonical.encode()).hexdigest()])
    made = f"TC3{secret}".encode()
    for part in scope.split("/"):
        made = hmac.digest(made, part.encode(), "sha256")
    signature = hmac.new(made, text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={key}/{scope}, SignedHeaders={names}, Signature={signature}"


Sent = tuple[str, str | None]  # code and number of the one message; a yes is `Ok`


def reader(sent: Callable[[Mapping[str, Any]], Sent | None]) -> judging.Read:
    """sent: reads a `Response` without an error; None: it has no word."""

    def read(reply: judging.Reply) -> judging.Word | None:
        response = (reply.body() or {}).get("Response")
        if not isinstance(response, dict):
            return None
        error = response.get("Error")
        code, number = (error.get("Code"), None) if isinstance(error, dict) else sent(response) or (None, None)
        return _word(code, number) if isinstance(code, str) else None

    return read


def _word(code: str, number: str | None) -> judging.Word:
    if code == "Ok":
        return judging.Word(Verdict.ACCEPTED, reference=number)
    if code in PAUSES or code.startswith("LimitExceeded"):
        return judging.Word(Verdict.RETRY, PAUSES.get(code, LIMITED_S))
    return judging.Word(Verdict.REFUSED if code.startswith(REFUSED) else Verdict.RETRY)
