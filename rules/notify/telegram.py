"""Channel `telegram`: a bot writes to a chat. Delivered means `ok` true with the message as Telegram keeps it.

Settings: `token` (the bot's), `chat` (a group's id), `callback_token` (what its webhook was set with: then a person's message has a button
that accepts), `url` (https://api.telegram.org), `ca`. `page.to` is a person's chat id; the person has to have written to the bot once.
 Source: core.telegram.org/bots/api, sendMessage and ResponseParameters; bots/faq for the limit.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import orjson

from plantroom.model import Severity
from plantroom.words import say
from rules.notify import http, judging
from rules.notify.page import Answer, Page, unfit
from rules.outbox import Verdict

SERVER = "https://api.telegram.org"
LIMIT = (20, 60.0)  # of one group


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "token", *(() if page.to else ("chat",))):
        return no
    url = f"{http.base(settings, SERVER)}/bot{quote(str(settings['token']), safe=':')}/sendMessage"
    body = orjson.dumps(message(page.to or str(settings["chat"]), page, asks=bool(settings.get("callback_token"))))
    return await http.send(settings, http.Request(url, body), read, timeout_s=timeout_s)


def read(reply: judging.Reply) -> judging.Word | None:
    """A no carries the status it would have; 429 how long to wait."""
    body = reply.body() or {}
    if body.get("ok") is True:
        result = body.get("result")
        return judging.Word(Verdict.ACCEPTED) if isinstance(result, dict) and result.get("message_id") else None
    code, parameters = body.get("error_code"), body.get("parameters")
    if body.get("ok") is not False or type(code) is not int:
        return None
    pause = parameters.get("retry_after") if isinstance(parameters, dict) else None
    verdict = Verdict.REFUSED if 400 <= code < 500 and code not in judging.TRY_AGAIN else Verdict.RETRY
    return judging.Word(verdict, float(pause) if type(pause) is int else None)


def message(chat: str, page: Page, *, asks: bool = False) -> Mapping[str, object]:
    """asks: what is pressed is heard."""
    made: dict[str, object] = {"chat_id": chat, "text": page.text, "disable_notification": page.severity == Severity.ADVISORY}
    buttons: list[list[dict[str, str]]] = []
    if asks and page.right:
        buttons.append([{"text": say("channel.accept", page.language), "callback_data": f"accept:{page.right}"}])
    if page.link:
        buttons.append([{"text": say("channel.open", page.language), "url": page.link}])
    if buttons:
        made["reply_markup"] = {"inline_keyboard": buttons}
    return made
