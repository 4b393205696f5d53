"""Channel `wecom_app`: a self-built WeCom (企业微信) application, to one person. Delivered means `errcode` 0 and nobody invalid.

Settings: `corp`, `agent`, `secret`, `buttons` (true: a card whose button calls the application back), `callback_token` and
`callback_secret` (the application's Token and EncodingAESKey, without which no button is shown), `url` (https://qyapi.weixin.qq.com), `ca`.
`page.to` is the member's userid. The access token is kept for its time and renewed once where it is not taken. Source:
developer.work.weixin.qq.com, 获取access_token, 发送应用消息, 更新模版卡片消息, 全局错误码.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from plantroom.clock import NS
from plantroom.words import say
from rules.notify import http, judging
from rules.notify.page import Answer, Page, answer, unfit
from rules.outbox import Verdict

SERVER = "https://qyapi.weixin.qq.com"
STALE = frozenset({40014, 41001, 42001})  # the access token: wrong, missing, too old
REFUSED = frozenset({40001, 40003, 40008, 40013, 40056, 40058, 48002, 50001, 60011, 60020, 60111, 81013, 301002})
PAUSES = {-1: 5.0, 45009: 60.0, 45033: 10.0}
NOBODY = ("invaliduser", "unlicenseduser")
EARLY_S = 300  # a token is renewed so long before its end

_MEMBER = re.compile(r"[A-Za-z0-9_.@-]{1,64}")  # a | would name several, @all the whole company

_tokens: dict[str, tuple[str, int]] = {}  # (token, end in epoch ns) by whose it is; the secret itself is no key


async def send(settings: Mapping[str, object], page: Page, *, timeout_s: float) -> Answer:
    if no := unfit(settings, page, "corp", "agent", "secret", person=True):
        return no
    if not _MEMBER.fullmatch(str(page.to)) or page.to == "@all":
        return answer(settings, Verdict.REFUSED, "the address of this person is no userid")
    return await _call(settings, "send", message(settings, page), page.sent_ns, timeout_s)


async def settle(settings: Mapping[str, object], to: str, code: str, text: str, now_ns: int, *, timeout_s: float) -> Answer:
    """The button of one member's card becomes a text that nobody can press. code: the answer's to the card; good for 72 h, once."""
    asked = {"userids": [to], "agentid": settings["agent"], "response_code": code, "button": {"replace_name": text}}
    return await _call(settings, "update_template_card", asked, now_ns, timeout_s)


async def _call(settings: Mapping[str, object], what: str, values: Mapping[str, Any], now_ns: int, timeout_s: float) -> Answer:
    server, body = http.base(settings, SERVER), orjson.dumps(values)

    async def talk(client: httpx.AsyncClient) -> Answer:
        token = _kept(settings, now_ns)
        for fresh in (token is None, True):
            if fresh:
                reply = await http.ask(client, _token_request(server, settings))
                token = _take(settings, reply, now_ns)
                if token is None:
                    return judging.judge(settings, reply, read_token)
            assert token is not None
            reply = await http.ask(client, http.Request(f"{server}/cgi-bin/message/{what}?access_token={token}", body))
            if fresh or (reply.body() or {}).get("errcode") not in STALE:
                break
        return judging.judge({**settings, "access_token": token}, reply, read)

    return await http.attempt(settings, server, talk, timeout_s=timeout_s)


def read(reply: judging.Reply) -> judging.Word | None:
    """A yes that names the one person as nobody is a no."""
    body = reply.body()
    if body is None:
        return None
    word = judging.word_of(body.get("errcode"), 0, REFUSED, PAUSES)
    taken = word is not None and word.verdict is Verdict.ACCEPTED
    if taken and any(body.get(name) for name in NOBODY):
        return judging.Word(Verdict.REFUSED)
    code = body.get("response_code")
    return judging.Word(Verdict.ACCEPTED, reference=code) if taken and isinstance(code, str) and code else word


def read_token(reply: judging.Reply) -> judging.Word | None:
    """The word on a reply that brought no token."""
    word = read(reply)
    return None if word is not None and word.verdict is Verdict.ACCEPTED else word


def asks(settings: Mapping[str, object]) -> bool:
    """Whether a card may have a button: a press that nobody hears would be taken for an acceptance."""
    return all(settings.get(name) for name in ("buttons", "callback_token", "callback_secret"))


def message(settings: Mapping[str, object], page: Page) -> Mapping[str, Any]:
    title, standing = page.lines
    if asks(settings) and page.right:
        button = {"text": say("channel.accept", page.language), "style": 1, "key": f"accept:{page.right}"}
        card: dict[str, Any] = {"card_type": "button_interaction", "button_list": [button]}
        card["main_title"] = {"title": title, "desc": standing}
        card["task_id"] = f"{page.id}@{page.sent_ns // NS}"  # refused where it was used before
        if page.link:
            card["card_action"] = {"type": 1, "url": page.link}
        body: dict[str, Any] = {"msgtype": "template_card", "template_card": card}
    elif page.link:
        words = {"title": title, "description": standing, "url": page.link, "btntxt": say("channel.open", page.language)}
        body = {"msgtype": "textcard", "textcard": words}
    else:
        body = {"msgtype": "text", "text": {"content": page.text}}
    # a retry after a lost answer does not ring twice; the next call of an escalation, 180 s later, does
    return {"touser": page.to, "agentid": settings["agent"], "enable_duplicate_check": 1, "duplicate_check_interval": 120, **body}


def _token_request(server: str, settings: Mapping[str, object]) -> http.Request:
    query = urlencode({"corpid": str(settings["corp"]), "corpsecret": str(settings["secret"])})
    return http.Request(f"{server}/cgi-bin/gettoken?{query}", b"", {}, "GET")


def _take(settings: Mapping[str, object], reply: judging.Reply, now_ns: int) -> str | None:
    body = reply.body() or {}
    token, lasts_s = body.get("access_token"), body.get("expires_in")
    if reply.status != 200 or body.get("errcode") != 0 or not isinstance(token, str) or not token.isascii() or not token:
        return None
    _tokens[_whose(settings)] = token, now_ns + (max(lasts_s - EARLY_S, 0) if isinstance(lasts_s, int) else 0) * NS
    return token


def _kept(settings: Mapping[str, object], now_ns: int) -> str | None:
    token, end_ns = _tokens.get(_whose(settings), ("", 0))
    return token if now_ns < end_ns else None


def _whose(settings: Mapping[str, object]) -> str:
    return sha256(repr([str(settings.get(name)) for name in ("url", "corp", "agent", "secret")]).encode()).hexdigest()
