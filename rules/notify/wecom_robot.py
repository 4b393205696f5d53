"""Channel `wecom_robot`: a WeCom (企业微信) group robot. Delivered means `errcode` 0.

Settings: `token` (the `key=` of its address), `url` (https://qyapi.weixin.qq.com), `ca`. A text, or with a link a news card of the same two
lines. Source: developer.work.weixin.qq.com, 群机器人配置说明 and 全局错误码.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import orjson

from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit

SERVER = "https://qyapi.weixin.qq.com"
LIMIT = (20, 60.0)
REFUSED = frozenset({40008, 40058, 44004, 45002, 93000, 93004, 93008, 93017})  # request, key and group that need mending
PAUSES = {-1: 5.0, 45009: 60.0, 45033: 10.0}  # busy, too often, too many at once

read = judging.by_code("errcode", 0, REFUSED, PAUSES)


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "token"):
        return no
    url = f"{http.base(settings, SERVER)}/cgi-bin/webhook/send?key={quote(str(settings['token']), safe='')}"
    return await http.send(settings, http.Request(url, orjson.dumps(message(page))), read, timeout_s=timeout_s)


def message(page: Page) -> Mapping[str, object]:
    if page.link is None:
        return {"msgtype": "text", "text": {"content": page.text}}
    title, description = page.lines
    return {"msgtype": "news", "news": {"articles": [{"title": title, "description": description, "url": page.link}]}}
