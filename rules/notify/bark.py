"""Channel `bark`: an iPhone with Bark. Delivered means `code` 200 in the body: Apple took it.

Settings: `token` (the device key), `url` (https://api.day.app), `ca`. `page.to` is the device key of a person. Danger breaks through
silence and focus. Source: bark.day.app, API V2.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit

SERVER = "https://api.day.app"
REFUSED = frozenset({400, 401, 403, 404, 410})
LEVELS: Mapping[str, str] = {"danger": "critical", "readiness": "timeSensitive", "normal": "active"}

read = judging.by_code("code", 200, REFUSED, {})


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, *(() if page.to else ("token",))):
        return no
    key = page.to or str(settings["token"])
    request = http.Request(f"{http.base(settings, SERVER)}/push", orjson.dumps(message(key, page)))
    return await http.send({**settings, "device_key": key}, request, read, timeout_s=timeout_s)


def message(key: str, page: Page) -> Mapping[str, object]:
    title, standing = page.lines
    made = {"device_key": key, "title": title, "body": standing, "level": LEVELS.get(page.severity, "passive"), "group": page.site}
    return {**made, "url": page.link} if page.link else made
