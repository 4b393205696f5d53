"""Channel `ntfy`: a topic of an ntfy server. Delivered means that the answer is the message as the server keeps it.

Settings: `topic`, `url` (https://ntfy.sh), `token`, or `user` and `password`, `ca`. `page.to` is a person's own topic.
Source: docs.ntfy.sh/publish, "Publish as JSON" and "Limitations".
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import orjson

from plantroom.words import say
from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit
from rules.outbox import Verdict

SERVER = "https://ntfy.sh"
LIMIT = (60, 300.0)  # what the public server takes of one visitor: sixty, then one every five seconds
PRIORITIES: Mapping[str, int] = {"danger": 5, "readiness": 4, "normal": 3}  # 5 rings on


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, *(() if page.to else ("topic",))):
        return no
    topic = page.to or str(settings["topic"])
    headers = dict(http.JSON)
    if settings.get("token"):
        headers["authorization"] = f"Bearer {settings['token']}"
    elif settings.get("user"):
        headers["authorization"] = "Basic " + b64encode(f"{settings['user']}:{settings.get('password') or ''}".encode()).decode()
    hidden = {**settings, "topic_token": topic}  # who knows a topic can read it
    request = http.Request(http.base(settings, SERVER), orjson.dumps(message(topic, page)), headers)
    return await http.send(hidden, request, read, timeout_s=timeout_s)


def read(reply: judging.Reply) -> judging.Word | None:
    body = reply.body() or {}
    return judging.Word(Verdict.ACCEPTED) if body.get("event") == "message" and body.get("id") else None


def message(topic: str, page: Page) -> Mapping[str, object]:
    title, standing = page.lines
    made: dict[str, object] = {"topic": topic, "title": title, "message": standing, "priority": PRIORITIES.get(page.severity, 2)}
    if page.link:
        made |= {"click": page.link, "actions": [{"action": "view", "label": say("channel.open", page.language), "url": page.link}]}
    return made
