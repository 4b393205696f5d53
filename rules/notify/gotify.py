"""Channel `gotify`: an application of a Gotify server. Delivered means that the answer carries the number of the message.

Settings: `url`, `token` (the application's), `ca`. `page.to` is the token of a person's own application. Source: gotify.net/api-docs.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit
from rules.outbox import Verdict

PRIORITIES: Mapping[str, int] = {"danger": 10, "readiness": 8, "normal": 5}  # 8 and more make a sound


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "url", *(() if page.to else ("token",))):
        return no
    token = page.to or str(settings["token"])
    request = http.Request(f"{http.base(settings, '')}/message", orjson.dumps(message(page)), {**http.JSON, "x-gotify-key": token})
    return await http.send({**settings, "person_token": token}, request, read, timeout_s=timeout_s)


def read(reply: judging.Reply) -> judging.Word | None:
    body = reply.body() or {}
    number = body.get("id")
    return judging.Word(Verdict.ACCEPTED) if type(number) is int and number > 0 and "appid" in body else None


def message(page: Page) -> Mapping[str, object]:
    title, standing = page.lines
    made: dict[str, object] = {"title": title, "message": standing, "priority": PRIORITIES.get(page.severity, 2)}
    if page.link:
        made["extras"] = {"client::notification": {"click": {"url": page.link}}}
    return made
