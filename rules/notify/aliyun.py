"""Calls of Alibaba Cloud (阿里云): signed as version 3 asks, and what their codes mean. Delivered means `Code` OK and a receipt's number.

Source: help.aliyun.com, "V3版本请求体&签名机制" (ACS3-HMAC-SHA256), and the error tables of Dysmsapi and Dyvmsapi 2017-05-25.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import quote

from plantroom.clock import at_utc
from rules.notify import http, judging
from rules.notify.page import Page
from rules.outbox import Verdict

VERSION = "2017-05-25"  # of the SMS interface and of the voice interface alike
PAUSES = {"isv.BUSINESS_LIMIT_CONTROL": 60.0, "isv.DAY_LIMIT_CONTROL": 300.0}
THROTTLED_S = 10.0
REFUSED = ("isv.", "isp.RAM", "Signature", "Invalid", "Missing", "Forbidden", "NoPermission", "IncompleteSignature")
EMPTY = hashlib.sha256(b"").hexdigest()


def request(settings: Mapping[str, object], page: Page, server: str, action: str, values: Mapping[str, str]) -> http.Request:
    """A POST whose parameters stand in its address. The nonce is the attempt's: the same page is signed anew each time."""
    url = f"{http.base(settings, server)}/?{query(values)}"
    headers = {
        "host": http.host(url),
        "x-acs-action": action,
        "x-acs-content-sha256": EMPTY,
        "x-acs-date": at_utc(page.sent_ns).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": hashlib.sha256(f"{page.site}/{page.id}/{page.sent_ns}".encode()).hexdigest()[:32],
        "x-acs-version": VERSION,
    }
    headers["authorization"] = authorization(str(settings["access_key"]), str(settings["access_secret"]), query(values), headers)
    return http.Request(url, b"", headers)


def query(values: Mapping[str, str]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(values.items()))


def authorization(key: str, secret: str, query: str, headers: Mapping[str, str]) -> str:
    """headers: what is signed, names in small letters; the body is empty."""
    names = ";".join(sorted(headers))
    canonical = "\n".join(["POST", "/", query, *(f"{name}:{headers[name].strip()}" for name in sorted(headers)), "", names, EMPTY])
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names},Signature={signature}"


def reader(receipt: str) -> judging.Read:
    """receipt: the field whose number a yes carries."""

    def read(reply: judging.Reply) -> judging.Word | None:
        body = reply.body() or {}
        code = body.get("Code")
        if not isinstance(code, str):
            return None
        if code == "OK":
            number = body.get(receipt)
            return judging.Word(Verdict.ACCEPTED, reference=str(number)) if number else None
        if code in PAUSES or code.startswith("Throttling"):
            return judging.Word(Verdict.RETRY, PAUSES.get(code, THROTTLED_S))
        return judging.Word(Verdict.REFUSED if code.startswith(REFUSED) else Verdict.RETRY)

    return read
