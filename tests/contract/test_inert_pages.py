"""What a page says is text to every provider: the same request with the same headers, fields and keys, whatever names and words hold."""

from __future__ import annotations

import asyncio
import email
import importlib
from dataclasses import replace
from email.policy import default
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from rules.notify import email as mail
from rules.notify.page import Page
from tests.contract.channel_stub import MESSAGE, PAGE, Asked, server
from tests.contract.test_http_channels import ATTEMPT_S, CHANNELS, OWN, Channel, provider
from tests.kit.hostile import ELSE, OUT_OF_ATTRIBUTE, OUT_OF_TEXT

LINES = [f"{OUT_OF_TEXT}\r\nX-Evil: 1\r\n\r\nevil", f"{OUT_OF_ATTRIBUTE}{ELSE}\n.\r\nMAIL FROM:<evil@example.com>\u2028\x00"]
PLAIN = replace(PAGE, link="https://plant.example.com/a/x")
HOSTILE = replace(
    PLAIN, message={**MESSAGE, "zh": LINES, "en": LINES, "fault": {**MESSAGE["fault"], "name": LINES[0], "place": LINES[1]}},  # type: ignore[dict-item]
)  # fmt: skip


def asked(channel: Channel, page: Page) -> list[Asked]:
    seen: list[Asked] = []

    async def run() -> None:
        send = importlib.import_module(f"rules.notify.{channel.module}").send
        async with server(provider(channel.says_yes, channel.yes, channel.first, seen)) as port:
            settings = {"url": f"http://127.0.0.1:{port}", "private": OWN, **channel.settings}
            await send(settings, replace(page, to=channel.to), timeout_s=ATTEMPT_S)

    asyncio.run(run())
    return seen


def shape(value: Any) -> Any:
    """Keys and types, without what stands there. Of a text that is JSON or a form itself, too."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def body_of(asked: Asked) -> Any:
    kind = asked.headers.get("content-type", "")
    if "json" in kind:
        return shape(orjson.loads(asked.body)) if asked.body else None
    if "form" in kind:
        return sorted(name for name, _ in parse_qsl(asked.body.decode(), keep_blank_values=True, strict_parsing=True))
    return kind


@pytest.mark.parametrize("name", CHANNELS)
def test_a_request_is_the_same_but_for_the_text(name: str) -> None:
    plain, hostile = asked(CHANNELS[name], PLAIN), asked(CHANNELS[name], HOSTILE)
    assert len(plain) == len(hostile)
    for one, other in zip(plain, hostile, strict=True):
        assert list(one.headers) == list(other.headers), "no header more"
        assert all("evil" not in value.lower() for value in other.headers.values())
        places = [urlsplit(request.target) for request in (one, other)]
        assert places[0].path == places[1].path
        queries = [[key for key, _ in parse_qsl(place.query, keep_blank_values=True)] for place in places]
        assert queries[0] == queries[1]
        assert body_of(one) == body_of(other)


def test_a_mail_has_the_headers_it_had_and_the_text_as_it_was() -> None:
    settings = {"from": "plant@example.com"}
    raw = [mail.message(settings, page, ["zhang@example.com"]).as_bytes() for page in (PLAIN, HOSTILE)]
    one, other = (email.message_from_bytes(each, policy=default) for each in raw)
    assert one.keys() == other.keys() and other["subject"].startswith(OUT_OF_TEXT) and "\n" not in other["subject"]
    assert [pair for pair in one.items() if pair[0] != "Subject"] == [pair for pair in other.items() if pair[0] != "Subject"]
    assert other.get_content_type() == "text/plain" and not list(other.iter_attachments())
    text = other.get_content()
    assert OUT_OF_ATTRIBUTE + ELSE in text and "MAIL FROM" in text
    assert b"\r\n.\r\n" not in raw[1] and b"MAIL FROM" not in raw[1], "sealed as base64: no line of it is a line of SMTP"
