"""Channel `dingtalk_robot`: a DingTalk (钉钉) group robot. Delivered means `errcode` 0.

Settings: `token` (the `access_token=` of its address), `secret` (its 加签), `url` (https://oapi.dingtalk.com), `ca`. A text, or with a link
an action card. Source: open.dingtalk.com, 自定义机器人接入 and its table of errors.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import urlencode

import orjson

from plantroom.words import say
from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit

SERVER = "https://oapi.dingtalk.com"
LIMIT = (20, 60.0)
REFUSED = frozenset({40035, 43004, 300001, 300005, 310000, 400013, 400101, 400102, 400105, 400106, 430101, 430102, 430103, 430104})
PAUSES = {-1: 5.0, 88: 60.0, 90018: 60.0, 130101: 600.0, 302033: 600.0, 410100: 600.0}  # too often: shut out for ten minutes

read = judging.by_code("errcode", 0, REFUSED, PAUSES)


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "token"):
        return no
    query = {"access_token": str(settings["token"])}
    if secret := settings.get("secret"):
        at_ms = page.sent_ns // 1_000_000
        query |= {"timestamp": str(at_ms), "sign": sign(str(secret), at_ms)}
    url = f"{http.base(settings, SERVER)}/robot/send?{urlencode(query)}"
    return await http.send(settings, http.Request(url, orjson.dumps(message(page))), read, timeout_s=timeout_s)


def sign(secret: str, at_ms: int) -> str:
    """HMAC-SHA-256 of the instant, a line feed and the secret, under the secret; good for an hour."""
    return b64encode(hmac.digest(secret.encode(), f"{at_ms}\n{secret}".encode(), "sha256")).decode()


def message(page: Page) -> Mapping[str, object]:
    if page.link is None:
        return {"msgtype": "text", "text": {"content": page.text}}
    title = page.lines[0]
    card = {"title": title, "text": "\n\n".join(page.lines), "singleTitle": say("channel.open", page.language), "singleURL": page.link}
    return {"msgtype": "actionCard", "actionCard": card}
