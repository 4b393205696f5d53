"""Channel `feishu_robot`: a Feishu (飞书) group robot. Delivered means `code` 0.

Settings: `token` (the end of its address, after /hook/), `secret` (its 签名校验), `url` (https://open.feishu.cn), `ca`. A text, or with a
link a card with one button. Source: open.feishu.cn, 自定义机器人使用指南.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import quote

import orjson

from plantroom.clock import NS
from plantroom.words import say
from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit

SERVER = "https://open.feishu.cn"
LIMIT = (100, 60.0)
REFUSED = frozenset({9499, 10003, 19001, 19002, 19021, 19022, 19024, 19036})  # body, token, signature, address, keyword
PAUSES = {11232: 10.0, 11233: 10.0, 99991400: 60.0}  # too often, of the robot, the tenant, the app
COLOURS: Mapping[str, str] = {"danger": "red", "readiness": "orange", "normal": "yellow"}

read = judging.by_code("code", 0, REFUSED, PAUSES)


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float, server: str = SERVER) -> Answer:
    if no := unfit(settings, page, "token"):
        return no
    body = message(page)
    if secret := settings.get("secret"):
        at_s = page.sent_ns // NS
        body = {"timestamp": str(at_s), "sign": sign(str(secret), at_s), **body}
    url = f"{http.base(settings, server)}/open-apis/bot/v2/hook/{quote(str(settings['token']), safe='')}"
    return await http.send(settings, http.Request(url, orjson.dumps(body)), read, timeout_s=timeout_s)


def sign(secret: str, at_s: int) -> str:
    """HMAC-SHA-256 of nothing, under the instant, a line feed and the secret: not DingTalk's way round."""
    return b64encode(hmac.digest(f"{at_s}\n{secret}".encode(), b"", "sha256")).decode()


def message(page: Page) -> Mapping[str, object]:
    if page.link is None:
        return {"msg_type": "text", "content": {"text": page.text}}
    title, standing = page.lines
    button = {"tag": "button", "type": "primary", "url": page.link, "text": _plain(say("channel.open", page.language))}
    elements = [{"tag": "div", "text": _plain(standing)}, {"tag": "action", "actions": [button]}]
    head = {"title": _plain(title), "template": COLOURS.get(page.severity, "blue")}
    return {"msg_type": "interactive", "card": {"header": head, "elements": elements}}


def _plain(text: str) -> Mapping[str, str]:
    return {"tag": "plain_text", "content": text}
