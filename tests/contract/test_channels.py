"""What every channel owes, where it is its own: a webhook's signature, a broker's answers. The HTTP of all: test_http_channels.py."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from rules.notify import mqtt, webhook
from rules.notify.page import ANSWER_CHARACTERS, Answer, Page
from tests.contract.channel_stub import MESSAGE, PAGE, SECRETS, A, Asked, R, Serve, T, free_port, provider, says, server

TIMEOUT_S = 1.5


def whole(run: Callable[[], Awaitable[Answer]]) -> Answer:
    """Runs an attempt; afterwards nothing of it is left open (a socket that is would warn, and warnings are errors)."""
    answer = asyncio.run(run())  # type: ignore[arg-type]
    gc.collect()
    return answer


async def kept(sending: Awaitable[Answer]) -> Answer:
    """What holds of every answer of every channel."""
    async with asyncio.timeout(TIMEOUT_S + 5):
        answer = await sending
    assert len(answer.text) <= ANSWER_CHARACTERS and answer.text.strip() and "\n" not in answer.text
    assert not [secret for secret in SECRETS if secret in answer.text]
    return answer


# -- webhook


def test_a_webhook_is_signed_and_carries_its_idempotency_key() -> None:
    seen: list[Asked] = []

    async def run() -> None:
        async with server(provider(says("204 No Content"), b"", seen=seen)) as port:
            settings = {"url": f"http://{SECRETS[3]}:x@127.0.0.1:{port}/hooks/{SECRETS[2]}", "secret": SECRETS[0], "private": ("127.0.0.1",)}
            for _ in range(2):
                assert (await kept(webhook.send(settings, PAGE, timeout_s=TIMEOUT_S))).verdict is A

    asyncio.run(run())
    headers, body = seen[0].headers, seen[0].body
    assert seen[0].target == f"/hooks/{SECRETS[2]}"
    assert headers["x-plantroom-id"] == "P12-1" == seen[1].headers["x-plantroom-id"], "a duplicate is the same page"
    assert headers["x-plantroom-signature"] == "sha256=" + hmac.new(SECRETS[0].encode(), body, hashlib.sha256).hexdigest()
    told = orjson.loads(body)
    assert told == {
        "id": "P12-1", "site": "tower", "reason": "raised", "severity": "danger", "fault": MESSAGE["fault"], "order": MESSAGE["order"],
        "text": {"zh": MESSAGE["zh"], "en": MESSAGE["en"]}, "sent_at": "2026-11-21T12:00:00.000Z",
    }  # fmt: skip


def test_what_a_webhooks_address_carries_is_not_told() -> None:
    """User, path and query of an address are how most receivers know their senders."""

    async def run() -> Answer:
        tells = f"401 for {SECRETS[3]} at /{SECRETS[2]} with {SECRETS[4]}, signed under {SECRETS[0]}".encode()
        async with server(provider(says("401 Unauthorized", tells), b"")) as port:
            url = f"http://{SECRETS[3]}:x@127.0.0.1:{port}/hooks/{SECRETS[2]}?token={SECRETS[4]}"
            return await kept(webhook.send({"url": url, "secret": SECRETS[0], "private": ("127.0.0.1",)}, PAGE, timeout_s=TIMEOUT_S))

    assert whole(run).text == "401 401 for *** at /*** with ***, signed under ***"


# -- mqtt


def broker(connack: int | None = 0, *, puback: bool = True, drop_after: str = "") -> Serve:
    """A broker of a few packets. connack: return code, None = never; puback: False = never."""

    async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        kind, size, shift = (await reader.readexactly(1))[0], 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return kind, await reader.readexactly(size)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            kind, body = await packet(reader)
            if kind >> 4 == 1:
                if drop_after == "connect":
                    return
                if connack is not None:
                    writer.write(bytes([0x20, 2, 0, connack]))
            elif kind >> 4 == 3:
                if drop_after == "publish":
                    return
                at = 2 + int.from_bytes(body[:2], "big")
                if puback:
                    writer.write(bytes([0x40, 2]) + body[at : at + 2])
            await writer.drain()

    return serve


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def no_broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    await asyncio.Event().wait()


MQTT = {
    "acknowledged": (broker(), A),
    "never acknowledged": (broker(puback=False), T),
    "no connack": (broker(None), T),
    "wrong protocol": (broker(1), R),
    "bad client id": (broker(2), R),
    "unavailable": (broker(3), T),
    "bad password": (broker(4), R),
    "not authorised": (broker(5), R),
    "dropped after connect": (broker(drop_after="connect"), T),
    "dropped after publish": (broker(drop_after="publish"), T),
    "not mqtt": (no_broker, T),
    "hang": (hangs, T),
}


@pytest.mark.parametrize("case", MQTT)
def test_a_brokers_verdict(case: str) -> None:
    serve, verdict = MQTT[case]

    async def run() -> Answer:
        async with server(serve) as port:
            settings = {"host": "127.0.0.1", "port": port, "user": "plantroom", "password": SECRETS[1]}
            return await kept(mqtt.send(settings, PAGE, timeout_s=TIMEOUT_S))

    answer = whole(run)
    assert answer.verdict is verdict, answer


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
def test_a_broker_that_cannot_be_reached(host: str) -> None:
    answer = asyncio.run(kept(mqtt.send({"host": host, "port": free_port()}, PAGE, timeout_s=TIMEOUT_S)))
    assert answer.verdict is T


def test_a_message_never_leaves_our_own_prefix() -> None:
    message: dict[str, Any] = {**MESSAGE, "fault": {**MESSAGE["fault"], "id": "../#/+"}}  # type: ignore[dict-item]
    evil = Page("P1-1", "../other/#", "raised", "danger", message, 0)
    assert mqtt.topic(evil).count("/") == 3 and mqtt.topic(evil).startswith("plantroom/") and not set("#+") & set(mqtt.topic(evil))
    assert mqtt.topic(PAGE) == "plantroom/tower/fault/F12-1"
    assert mqtt.topic(Page("P1-1", "tower", "raised", "normal", {**MESSAGE, "fault": None}, 0)) == "plantroom/tower/order/O12-1"
