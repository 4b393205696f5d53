"""The WeCom application: its access token is fetched once, kept for its time, and renewed once where it is not taken."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import orjson

from plantroom.clock import NS
from rules.notify import wecom_app
from rules.notify.page import Answer, Page
from tests.contract.channel_stub import PAGE, A, R, Serve, T, request_of, server

TO = replace(PAGE, to="zhang")
YES = {"errcode": 0, "errmsg": "ok", "invaliduser": ""}
ASKS = {"buttons": True, "callback_token": "tok", "callback_secret": "k" * 43}


class WeCom:
    """Takes only the token it gave last; `stale` says with which code it refuses others."""

    def __init__(self, stale: int = 42001, lasts_s: int = 7200) -> None:
        self.stale, self.lasts_s, self.given, self.good = stale, lasts_s, 0, ""
        self.messages: list[dict[str, object]] = []
        self.paths: list[str] = []

    def forget(self) -> None:
        self.good = "none"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await request_of(reader)
            where = urlsplit(asked.target)
            if where.path == "/cgi-bin/gettoken":
                assert parse_qs(where.query) == {"corpid": ["ww1"], "corpsecret": ["the-secret"]}
                self.given += 1
                self.good = f"token-{self.given}"
                said: dict[str, object] = {"errcode": 0, "access_token": self.good, "expires_in": self.lasts_s}
            elif parse_qs(where.query)["access_token"] == [self.good]:
                self.messages.append(orjson.loads(asked.body))
                said = {**YES, "response_code": "code-1"} if "template_card" in self.messages[-1] else dict(YES)
                self.paths.append(where.path)
            else:
                said = {"errcode": self.stale, "errmsg": "access_token expired"}
            body = orjson.dumps(said)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()


def sends(serve: Serve, pages: list[Page], between: object = None, **settings: object) -> list[Answer]:
    async def run() -> list[Answer]:
        async with server(serve) as port:
            answers = []
            for page in pages:
                own = {"url": f"http://127.0.0.1:{port}", "private": ("127.0.0.1",), "corp": "ww1", "agent": 1000002, "secret": "the-secret", **settings}
                answers.append(await wecom_app.send(own, page, timeout_s=5))
                if callable(between):
                    between()
            return answers

    return asyncio.run(run())


def test_a_token_is_fetched_once_for_many_pages() -> None:
    wecom = WeCom()
    assert [a.verdict for a in sends(wecom.serve, [TO] * 3)] == [A] * 3
    assert wecom.given == 1 and len(wecom.messages) == 3


def test_a_token_is_fetched_anew_before_it_ends() -> None:
    wecom = WeCom()
    later = replace(TO, sent_ns=TO.sent_ns + 7000 * NS)
    assert [a.verdict for a in sends(wecom.serve, [TO, later])] == [A, A] and wecom.given == 2


def test_a_token_that_is_not_taken_is_renewed_within_the_attempt() -> None:
    for code in wecom_app.STALE:
        wecom = WeCom(code)
        assert [a.verdict for a in sends(wecom.serve, [TO, TO], wecom.forget)] == [A, A]
        assert wecom.given == 2 and len(wecom.messages) == 2


def test_a_new_token_that_is_not_taken_is_not_asked_for_again_and_again() -> None:
    wecom = WeCom()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            asked = await request_of(reader)
            wecom.given += "gettoken" in asked.target
            body = b'{"errcode":0,"access_token":"t","expires_in":7200}' if "gettoken" in asked.target else b'{"errcode":40014}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await writer.drain()

    assert [a.verdict for a in sends(serve, [TO, TO])] == [T, T]
    assert wecom.given == 2, "once for the first page, once to renew it for the second"


def test_a_page_to_one_is_never_one_to_many() -> None:
    wecom = WeCom()
    assert [a.verdict for a in sends(wecom.serve, [replace(PAGE, to=to) for to in ("@all", "a|b", "a b", "张")])] == [R] * 4
    assert wecom.messages == []


def test_a_message_is_a_text_a_card_with_the_link_or_a_card_that_asks() -> None:
    wecom = WeCom()
    linked = replace(TO, link="https://plant.example.com/o/O12-1", right="n0nce", language="en")
    sends(wecom.serve, [TO, linked])
    assert [a.reference for a in sends(wecom.serve, [linked], **ASKS)] == ["code-1"]
    text, card, asks = wecom.messages
    assert (text["touser"], text["agentid"], text["msgtype"]) == ("zhang", 1000002, "text")
    assert card["textcard"] == {"title": PAGE.message["en"][0], "description": PAGE.message["en"][1], "url": linked.link, "btntxt": "Look and accept"}
    template = asks["template_card"]
    assert isinstance(template, dict) and template["button_list"] == [{"text": "I take it", "style": 1, "key": "accept:n0nce"}]
    assert template["card_action"] == {"type": 1, "url": linked.link}


def test_no_button_is_shown_whose_press_nobody_hears_or_that_accepts_nothing() -> None:
    wecom = WeCom()
    asks = replace(TO, right="n0nce")
    sends(wecom.serve, [asks], buttons=True)
    sends(wecom.serve, [asks], buttons=True, callback_token="tok")
    sends(wecom.serve, [TO], **ASKS)
    assert [message["msgtype"] for message in wecom.messages] == ["text"] * 3


def test_a_cards_button_becomes_a_text() -> None:
    wecom = WeCom()

    async def run() -> Answer:
        async with server(wecom.serve) as port:
            own = {"url": f"http://127.0.0.1:{port}", "private": ("127.0.0.1",), "corp": "ww1", "agent": 1000002, "secret": "the-secret"}
            return await wecom_app.settle(own, "zhang", "code-1", "李伟 已接单", TO.sent_ns, timeout_s=5)

    assert asyncio.run(run()).verdict is A
    assert wecom.paths == ["/cgi-bin/message/update_template_card"]
    assert wecom.messages == [{"userids": ["zhang"], "agentid": 1000002, "response_code": "code-1", "button": {"replace_name": "李伟 已接单"}}]
