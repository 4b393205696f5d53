"""Apprise in its process: what it reports is never more than `not confirmed`, and it ends with the attempt."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import Any

import orjson
import pytest

from rules.notify import apprise as channel
from rules.notify.page import Answer
from rules.outbox import Verdict
from tests.contract.channel_stub import CLASSES, PAGE, SECRETS, SILENT, A, Asked, Give, R, T, free_port, provider, server

ATTEMPT_S = 30.0  # a process that loads Apprise on a busy machine


def sent(give: Give, *, timeout_s: float = ATTEMPT_S, link: str | None = None, path: str = SECRETS[2]) -> tuple[Answer, list[Asked]]:
    seen: list[Asked] = []

    async def run() -> Answer:
        async with server(provider(give, b"{}", seen=seen)) as port, asyncio.timeout(timeout_s + 5):
            return await channel.send({"secret": f"json://{SECRETS[3]}:x@127.0.0.1:{port}/{path}", "private": ("127.0.0.1",)}, replace(PAGE, link=link), timeout_s=timeout_s)

    answer = asyncio.run(run())
    assert not [secret for secret in SECRETS if secret in answer.text]
    return answer, seen


@pytest.mark.parametrize(("case", "verdict"), [("yes", A), ("500", T), ("302", T), ("401 that tells secrets", T), ("reset", T)])
def test_a_verdict(case: str, verdict: Verdict) -> None:
    answer, seen = sent(CLASSES[case].give)
    assert answer.verdict is verdict and answer.confirmed is (verdict is not A), answer
    assert len(seen) == 1, "no redirect is followed, nothing is sent twice"


def test_an_accepted_one_says_that_it_is_not_confirmed_and_carries_the_words() -> None:
    answer, seen = sent(CLASSES["200 of another make"].give, link="https://plant.example.com/o")
    assert answer.text == "accepted, not confirmed: JSON" and not answer.confirmed
    told = orjson.loads(seen[0].body)
    assert told["title"] == PAGE.message["zh"][0] and told["message"] == PAGE.message["zh"][1] + "\n查看接单: https://plant.example.com/o"


def test_what_hangs_is_ended_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    start, started = asyncio.create_subprocess_exec, []

    async def watched(*args: Any, **more: Any) -> asyncio.subprocess.Process:
        started.append(await start(*args, **more))
        assert SECRETS[2] not in repr(args), "a list of processes shows arguments"
        return started[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", watched)
    answer, _ = sent(SILENT["drip"], timeout_s=0.3)
    assert answer.verdict is T and [process.returncode for process in started] == [-signal.SIGKILL]


def test_an_environment_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    assert sent(CLASSES["yes"].give)[0].verdict is A


@pytest.mark.parametrize("url", ["nonsense://abcdefgh", "syslog://", "file:///etc/passwd", "mqtt://broker/t", "DingTalk://t0ken", "no url", "json://a b"])
def test_what_is_not_asked_of_it_is_refused(url: str) -> None:
    answer = asyncio.run(channel.send({"secret": url}, PAGE, timeout_s=ATTEMPT_S))
    assert answer.verdict is R and answer.confirmed


def test_a_persons_own_url_comes_before_the_channels() -> None:
    answer = asyncio.run(channel.send({"secret": "pover://user@token"}, replace(PAGE, to="syslog://"), timeout_s=ATTEMPT_S))
    assert answer.text == "*** is not sent by Apprise here: it is a log, no way to a person"
    assert asyncio.run(channel.send({}, PAGE, timeout_s=ATTEMPT_S)).verdict is R
