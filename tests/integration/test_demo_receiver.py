"""The demo's receiver, asked by the real webhook channel and by strangers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import httpx

from rules.notify import webhook
from rules.notify.page import Page
from rules.outbox import Verdict
from simulators.receiver import Received, Receiver

MESSAGE = {"zh": ["〔战备〕缺相 1号消防泵", "14:03起"], "en": ["[READY] Phase loss", "since 14:03"], "fault": {"id": "F7-1"}, "order": None}


def page(id: str = "P7-1") -> Page:
    return Page(id, "tower", "raised", "readiness", MESSAGE, 1_772_380_800_000_000_000)


async def asked(receiver: Receiver, settings: Mapping[str, object]) -> tuple[Verdict, str]:
    await receiver.start()
    try:
        answer = await webhook.send({"url": receiver.url, "private": ["127.0.0.1"], **settings}, page(), timeout_s=5)
        return answer.verdict, answer.text
    finally:
        await receiver.stop()


def test_a_genuine_page_is_taken_and_kept() -> None:
    receiver = Receiver("hush-hush")
    verdict, _ = asyncio.run(asked(receiver, {"secret": "hush-hush"}))
    assert verdict is Verdict.ACCEPTED
    assert [(p.id, p.genuine, p.again) for p in receiver.received] == [("P7-1", True, False)]
    assert receiver.received[0].body["text"]["zh"][0] == "〔战备〕缺相 1号消防泵"


def test_a_page_signed_with_another_secret_or_not_at_all_is_refused() -> None:
    for settings in ({"secret": "something else"}, {}):
        receiver = Receiver("hush-hush")
        verdict, text = asyncio.run(asked(receiver, settings))
        assert verdict is Verdict.REFUSED and "signature" in text
        assert [p.genuine for p in receiver.received] == [False]


def test_it_says_what_it_is_told_to_say_and_marks_what_came_before() -> None:
    async def body() -> None:
        heard: list[Received] = []
        receiver = Receiver("s" * 16, heard=heard.append, answers=lambda p: (200, b'{"ok":true}' if p.again else b'{"ok":false}'))
        await receiver.start()
        settings = {"url": receiver.url, "private": ["127.0.0.1"], "secret": "s" * 16}
        first = await webhook.send(settings, page(), timeout_s=5)
        second = await webhook.send(settings, page(), timeout_s=5)
        assert (first.verdict, second.verdict) == (Verdict.RETRY, Verdict.ACCEPTED)
        assert [p.again for p in heard] == [False, True]
        async with asyncio.timeout(5):
            assert (await receiver.wait_for(lambda p: p.again)).id == "P7-1"
        await receiver.stop()

    asyncio.run(body())


def test_strangers_get_an_answer_and_do_no_harm() -> None:
    async def body() -> None:
        receiver = Receiver("s" * 16)
        await receiver.start()
        async with httpx.AsyncClient() as client:
            assert (await client.get(receiver.url)).status_code == 400
            assert (await client.post(receiver.url, content=b"not json")).status_code == 400
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        writer.write(b"POST / HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n")
        async with asyncio.timeout(5):
            assert b" 400 " in await reader.readline()
        writer.close()
        await receiver.stop()
        assert receiver.received == []

    asyncio.run(body())
