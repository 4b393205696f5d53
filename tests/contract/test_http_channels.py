"""Every channel that speaks HTTP against every class of answer: one verdict each, within the limit, with no secret in a text or a log."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import socket
import ssl
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid.utils import b64urlencode

from plantroom.push import Browsers
from rules.notify import http
from rules.notify.page import ANSWER_CHARACTERS, NO_PERSON, Answer
from rules.outbox import Verdict
from tests.contract.channel_stub import (
    CLASSES,
    JSON,
    PAGE,
    SECRETS,
    SILENT,
    A,
    Asked,
    Class,
    Give,
    R,
    T,
    free_port,
    provider,
    request_of,
    says,
    server,
)  # fmt: skip

ATTEMPT_S, SILENCE_S = 5.0, 0.15
TOKEN = {"/cgi-bin/gettoken": orjson.dumps({"errcode": 0, "errmsg": "ok", "access_token": SECRETS[4], "expires_in": 7200})}
TENCENT = {"provider": "tencent", "access_key": SECRETS[1], "access_secret": SECRETS[0], "template": "1001", "app": "1400006666"}
ALIYUN = {"provider": "aliyun", "access_key": SECRETS[1], "access_secret": SECRETS[0], "template": "TTS_1"}
OWN = ("127.0.0.0/8", "::1")
NUMBER = "+86 138-0013-8000"


@dataclass(frozen=True)
class Channel:
    """settings: without `url`. yes: the provider's. noes: what else it says: status, body, verdict, pause. to: a person's address, where it needs one.

    open: a receiver of anybody's make. created: 201 is its whole word. first: steps before the one that is tried.
    """

    module: str
    settings: Mapping[str, object]
    yes: bytes
    noes: tuple[tuple[str, bytes, Verdict, float | None], ...] = ()
    to: str | None = None
    open: bool = False
    first: dict[str, bytes] = field(default_factory=dict)
    created: bool = False

    def expected(self, case: Class) -> Verdict:
        if self.created:
            return A if case is CLASSES["201 empty"] else T if case.verdict is A else case.verdict
        return case.open if self.open and case.open is not None else case.verdict

    @property
    def says_yes(self) -> Give:
        return says("201 Created", b"", "Location: /m/1") if self.created else CLASSES["yes"].give

    async def send(self, port: int, *, timeout_s: float = ATTEMPT_S, scheme: str = "http", link: str | None = None, **more: object) -> Answer:
        module = importlib.import_module(f"rules.notify.{self.module}")
        settings = {"url": f"{scheme}://127.0.0.1:{port}", "private": OWN, **self.settings, **more}
        async with asyncio.timeout(timeout_s + 5):  # a channel that keeps no limit fails here
            answer = await module.send(settings, replace(PAGE, to=self.to, link=link), timeout_s=timeout_s)
        assert isinstance(answer, Answer)
        return answer


def code(name: str, number: object, **more: object) -> bytes:
    return orjson.dumps({name: number, "errmsg": "m", **more})


def of_tencent(**response: object) -> bytes:
    return orjson.dumps({"Response": {**response, "RequestId": "r"}})


def browser(folder: Path) -> tuple[str, ec.EllipticCurvePrivateKey]:
    """A data folder in which one browser of li.wei is told; that browser's own key."""
    key = ec.generate_private_key(ec.SECP256R1())
    browsers = Browsers(folder / "access.db")
    browsers.add("li.wei", f"https://fcm.googleapis.com/fcm/send/{SECRETS[2]}", b64urlencode(key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)), b64urlencode(bytes(16)), "phone", 0)
    browsers.close()
    return str(folder), key


FOLDER = tempfile.TemporaryDirectory(prefix="plantroom-webpush-")
DATA, BROWSER = browser(Path(FOLDER.name))

OK = "200 OK"
CHANNELS: dict[str, Channel] = {
    "webhook": Channel("webhook", {"secret": SECRETS[0]}, b'{"ok":true}', ((OK, b'{"success":false}', T, None), (OK, b'{"StatusCode":1}', T, None)), open=True),
    "wecom_robot": Channel(
        "wecom_robot", {"token": SECRETS[2]}, code("errcode", 0),
        ((OK, code("errcode", 45009), T, 60.0), (OK, code("errcode", -1), T, 5.0), (OK, code("errcode", 93000), R, None), (OK, code("errcode", 777777), T, None),
         (OK, code("errcode", "0"), T, None), (OK, code("errcode", False), T, None), (OK, code("errcode", None), T, None)),
    ),
    "dingtalk_robot": Channel(
        "dingtalk_robot", {"token": SECRETS[2], "secret": SECRETS[0]}, code("errcode", 0),
        ((OK, code("errcode", 130101), T, 600.0), (OK, code("errcode", 410100), T, 600.0), (OK, code("errcode", 310000), R, None), (OK, code("errcode", 400102), R, None)),
    ),
    "feishu_robot": Channel(
        "feishu_robot", {"token": SECRETS[2], "secret": SECRETS[0]}, b'{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}',
        ((OK, code("code", 11232), T, 10.0), (OK, code("code", 19021), R, None), (OK, code("code", 19024), R, None), ("400 Bad Request", code("code", 11232), T, 10.0),
         ("400 Bad Request", code("code", 9499), R, None), (OK, b'{"StatusCode":0}', T, None)),
    ),
    "lark_robot": Channel("lark_robot", {"token": SECRETS[2]}, b'{"code":0,"msg":"success"}', ((OK, code("code", 99991400), T, 60.0), (OK, code("code", 19001), R, None))),
    "wecom_app": Channel(
        "wecom_app", {"corp": "ww1", "agent": 1000002, "secret": SECRETS[0]}, code("errcode", 0, invaliduser="", msgid="m1"),
        ((OK, code("errcode", 0, invaliduser="zhang"), R, None), (OK, code("errcode", 0, unlicenseduser="zhang"), R, None), (OK, code("errcode", 81013), R, None),
         (OK, code("errcode", 60020), R, None), (OK, code("errcode", 45009), T, 60.0), (OK, code("errcode", -1), T, 5.0), (OK, code("errcode", 42001), T, None)),
        to="zhang", first=TOKEN,
    ),
    "wecom_app, its token": Channel(
        "wecom_app", {"corp": "ww1", "agent": 1000002, "secret": SECRETS[0]}, code("errcode", 0),
        ((OK, code("errcode", 40001), R, None), (OK, code("errcode", 40013), R, None), (OK, code("errcode", 45009), T, 60.0), (OK, code("errcode", 0, access_token=7), T, None)),
        to="zhang",
    ),
    "ntfy": Channel(
        "ntfy", {"topic": SECRETS[2], "token": SECRETS[0]}, b'{"id":"a1","time":1795262400,"event":"message","topic":"t"}',
        ((OK, b'{"id":"a1","event":"open"}', T, None), ("429 Too Many Requests", b'{"code":42901,"http":429}', T, None), ("403 Forbidden", b'{"code":40301}', R, None)),
    ),
    "ntfy, by name": Channel("ntfy", {"user": "plant", "password": SECRETS[1]}, b'{"id":"a1","event":"message"}', to=SECRETS[2]),
    "gotify": Channel(
        "gotify", {"token": SECRETS[2]}, b'{"id":25,"appid":5,"message":"m"}',
        (("401 Unauthorized", b'{"error":"Unauthorized","errorCode":401}', R, None), (OK, b'{"id":25}', T, None), (OK, b'{"id":true,"appid":5}', T, None)),
    ),
    "bark": Channel(
        "bark", {}, b'{"code":200,"message":"success","timestamp":1}',
        ((OK, b'{"code":400,"message":"failed to get device token"}', R, None), ("400 Bad Request", b'{"code":400}', R, None), (OK, b'{"code":500}', T, None)), to=SECRETS[2],
    ),
    "telegram": Channel(
        "telegram", {"token": f"123456:{SECRETS[2]}", "chat": "-1001"}, b'{"ok":true,"result":{"message_id":7}}',
        (("429 Too Many Requests", b'{"ok":false,"error_code":429,"parameters":{"retry_after":35}}', T, 35.0), (OK, b'{"ok":false,"error_code":429,"parameters":{"retry_after":35}}', T, 35.0),
         (OK, b'{"ok":false,"error_code":403}', R, None), ("400 Bad Request", b'{"ok":false,"error_code":400,"description":"chat not found"}', R, None), (OK, b'{"ok":true}', T, None)),
    ),
    "webpush": Channel(
        "webpush", {"subject": "mailto:ops@example.com", "data": DATA}, b"",
        (("201 Created", b"", A, None), ("401 Unauthorized", b'{"reason":"VapidPublicKeyMismatch"}', R, None), ("403 Forbidden", b'{"reason":"BadJwtToken"}', R, None), ("413 Payload Too Large", b"", R, None)),
        to="li.wei", created=True,
    ),
    "sms of aliyun": Channel(
        "sms", {**ALIYUN, "signature": "\u673a\u623f"}, b'{"Code":"OK","Message":"OK","BizId":"9^0","RequestId":"r"}',
        ((OK, b'{"Code":"isv.BUSINESS_LIMIT_CONTROL"}', T, 60.0), (OK, b'{"Code":"isv.AMOUNT_NOT_ENOUGH"}', R, None), ("400 Bad Request", b'{"Code":"SignatureDoesNotMatch"}', R, None),
         ("400 Bad Request", b'{"Code":"Throttling.User"}', T, 10.0), (OK, b'{"Code":"isp.SYSTEM_ERROR"}', T, None), (OK, b'{"Code":"OK"}', T, None)), to=NUMBER,
    ),
    "sms of tencent": Channel(
        "sms", {**TENCENT, "signature": "\u673a\u623f"}, of_tencent(SendStatusSet=[{"Code": "Ok", "SerialNo": "5000:1", "PhoneNumber": "+8613800138000"}]),
        ((OK, of_tencent(Error={"Code": "AuthFailure.SignatureFailure"}), R, None), (OK, of_tencent(Error={"Code": "RequestLimitExceeded"}), T, 10.0),
         (OK, of_tencent(SendStatusSet=[{"Code": "LimitExceeded.PhoneNumberThirtySecondLimit"}]), T, 30.0), (OK, of_tencent(SendStatusSet=[{"Code": "LimitExceeded.AppDailyLimit"}]), T, 60.0),
         (OK, of_tencent(SendStatusSet=[{"Code": "FailedOperation.TemplateIncorrectOrUnapproved"}]), R, None), (OK, of_tencent(SendStatusSet=[]), T, None),
         (OK, of_tencent(Error={"Code": "InternalError.Timeout"}), T, None), (OK, of_tencent(), T, None)), to=NUMBER,
    ),
    "voice of aliyun": Channel(
        "voice", ALIYUN, b'{"Code":"OK","CallId":"116^1","RequestId":"r"}', ((OK, b'{"Code":"isv.OUT_OF_SERVICE"}', R, None), (OK, b'{"Code":"OK","BizId":"9"}', T, None)), to=NUMBER,
    ),
    "voice of aliyun that asks": Channel("voice", {**ALIYUN, "caller": "057112345678", "accepted": "TTS_2"}, b'{"Code":"OK","CallId":"116^1"}', to=NUMBER),
    "voice of tencent": Channel(
        "voice", TENCENT, of_tencent(SendStatus={"CallId": "c1", "SessionContext": "P12-1"}),
        ((OK, of_tencent(Error={"Code": "UnauthorizedOperation.SdkAppidIsDisabled"}), R, None), (OK, of_tencent(SendStatus={}), T, None)), to=NUMBER,
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _told_again() -> None:
    """A browser that an answer of the test before said was gone."""
    browsers = Browsers(Path(DATA) / "access.db")
    [one] = browsers.of("li.wei")
    browsers.add(one.person, one.endpoint, one.p256dh, one.auth, one.label, 0)
    browsers.close()


def whole(channel: Channel, run: Callable[[], Awaitable[Answer]], caplog: pytest.LogCaptureFixture) -> Answer:
    """Runs an attempt: nothing of it is left open (a socket that is would warn), nothing secret is told, not even to the most talkative log."""
    caplog.set_level(logging.DEBUG)
    answer = asyncio.run(run())  # type: ignore[arg-type]
    gc.collect()
    assert len(answer.text) <= ANSWER_CHARACTERS and answer.text.strip() and "\n" not in answer.text
    known = repr((channel.settings, channel.to, channel.first))
    assert not [secret for secret in SECRETS if secret in known and (secret in answer.text or secret in caplog.text)]
    return answer


@pytest.fixture(scope="module", autouse=True)
def _little_to_collect() -> Iterator[None]:
    """What is loaded stays: a collection after each of two thousand attempts looks at the attempt only."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize("case", CLASSES)
@pytest.mark.parametrize("name", CHANNELS)
def test_a_verdict(name: str, case: str, caplog: pytest.LogCaptureFixture) -> None:
    channel, expected = CHANNELS[name], CLASSES[case]
    seen: list[Asked] = []

    async def run() -> Answer:
        async with server(provider(expected.give, channel.yes, channel.first, seen)) as port:
            return await channel.send(port)

    answer = whole(channel, run, caplog)
    wanted = T if name == "wecom_app, its token" and channel.expected(expected) is A else channel.expected(expected)  # a yes that brings no token is none
    assert answer.verdict is wanted, answer
    assert answer.retry_after_s == expected.retry_after_s
    assert len(seen) == 1 + len(channel.first), "asked once: neither a redirect followed nor a page sent twice"


@pytest.mark.parametrize("ends", [None, 0.0, 0.02], ids=["keeps it", "ends at once", "ends later"])
def test_a_connection_is_used_again_and_one_that_has_ended_meanwhile_costs_no_page(ends: float | None, caplog: pytest.LogCaptureFixture) -> None:
    """A provider that ends its connections without saying so is the usual one."""
    channel, connections = CHANNELS["webhook"], 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await request_of(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            if ends is not None:
                await asyncio.sleep(ends)
                return

    async def run() -> Answer:
        async with server(serve) as port:
            answers = []
            for _ in range(3):
                answers.append(await channel.send(port))
                await asyncio.sleep(0.01 if not ends else 4 * ends)
            assert [each.verdict for each in answers] == [A, A, A], answers
            await http.close()
        return answers[0]

    whole(channel, run, caplog)
    assert connections == (1 if ends is None else 3)


@pytest.mark.soak
@pytest.mark.parametrize("name", CHANNELS)
def test_twenty_times_each_class_is_never_a_false_yes(name: str, caplog: pytest.LogCaptureFixture) -> None:
    """In one process and one loop, in turns: what is kept between attempts (a token, an authority) changes no verdict."""
    channel = CHANNELS[name]

    async def run() -> Answer:
        for _ in range(20):
            for case, expected in CLASSES.items():
                async with server(provider(expected.give, channel.yes, channel.first)) as port:
                    answer = await channel.send(port)
                wanted = T if name == "wecom_app, its token" and channel.expected(expected) is A else channel.expected(expected)
                assert answer.verdict is wanted, (case, answer)
        return answer

    whole(channel, run, caplog)


@pytest.mark.parametrize("case", SILENT)
@pytest.mark.parametrize("name", CHANNELS)
def test_an_attempt_ends_within_its_limit(name: str, case: str, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]

    async def run() -> Answer:
        async with server(provider(SILENT[case], channel.yes, channel.first)) as port:
            return await channel.send(port, timeout_s=SILENCE_S)

    assert whole(channel, run, caplog).verdict is T


@pytest.mark.parametrize(("name", "status", "body", "verdict", "pause_s"), [(name, *no) for name, channel in CHANNELS.items() for no in channel.noes])
def test_a_providers_own_word(name: str, status: str, body: bytes, verdict: Verdict, pause_s: float | None, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]

    async def run() -> Answer:
        async with server(provider(says(status, body, JSON), channel.yes, channel.first)) as port:
            return await channel.send(port)

    answer = whole(channel, run, caplog)
    assert (answer.verdict, answer.retry_after_s) == (verdict, pause_s), answer


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://nobody.invalid", "https://127.0.0.1:{port}"])
@pytest.mark.parametrize("name", CHANNELS)
def test_nobody_there_is_tried_again(name: str, url: str, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]
    assert whole(channel, lambda: channel.send(0, url=url.format(port=free_port())), caplog).verdict is T


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "no url at all", "http://[::1", "http://127.0.0.1:99999"])
@pytest.mark.parametrize("name", CHANNELS)
def test_an_address_that_is_none_is_refused(name: str, url: str, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]
    assert whole(channel, lambda: channel.send(0, url=url), caplog).verdict is R


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("name", CHANNELS)
def test_tls_is_verified_and_an_own_authority_can_be_named(name: str, certificate: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def run(**settings: object) -> Answer:
        async with server(provider(channel.says_yes, channel.yes, channel.first), context) as port:
            return await channel.send(port, scheme="https", **settings)

    assert whole(channel, run, caplog).verdict is T, "a stranger's certificate is no provider"
    assert whole(channel, lambda: run(ca=str(certificate[0])), caplog).verdict is (T if name == "wecom_app, its token" else A)
    assert whole(channel, lambda: run(ca=str(tmp_path / "missing.pem")), caplog).verdict is T


@pytest.mark.parametrize("name", CHANNELS)
def test_https_to_a_port_that_speaks_something_else_is_no_delivery(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    channel = CHANNELS[name]

    async def run() -> Answer:
        async with server(plain) as port:
            return await channel.send(port, scheme="https")

    assert whole(channel, run, caplog).verdict is T


@pytest.mark.parametrize("name", CHANNELS)
def test_an_environment_proxy_is_not_asked(name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    channel = CHANNELS[name]
    for proxy in ("http_proxy", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(proxy, f"http://127.0.0.1:{free_port()}")

    async def run() -> Answer:
        async with server(provider(channel.says_yes, channel.yes, channel.first)) as port:
            return await channel.send(port)

    assert whole(channel, run, caplog).verdict is (T if name == "wecom_app, its token" else A)


@pytest.mark.parametrize("name", [name for name, channel in CHANNELS.items() if channel.module not in ("webhook", "webpush")])
def test_a_secret_that_resolved_to_nothing_is_named_and_nothing_is_sent(name: str, caplog: pytest.LogCaptureFixture) -> None:
    channel = replace(CHANNELS[name], settings={**CHANNELS[name].settings, "token": None, "secret": None, "access_secret": None, "topic": None}, to="13800138000")
    if channel.module in ("ntfy", "gotify", "bark"):
        channel = replace(channel, to=None)
    answer = whole(channel, lambda: channel.send(free_port()), caplog)
    assert answer.verdict is R and "has no value" in answer.text


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("more", ["\r\nX-Evil: 1", "\x00", "\u5bc6", " "])
def test_a_secret_of_strange_characters_breaks_no_request_and_is_not_told(name: str, more: str, caplog: pytest.LogCaptureFixture) -> None:
    """Encoded where its place has a way to, refused where it has none."""
    channel = CHANNELS[name]
    channel = replace(channel, settings={key: f"{value}{more}" if value in SECRETS else value for key, value in channel.settings.items()})
    seen: list[Asked] = []

    async def run() -> Answer:
        async with server(provider(channel.says_yes, channel.yes, channel.first, seen)) as port:
            return await channel.send(port)

    answer = whole(channel, run, caplog)
    assert answer.verdict in (A, R) or name == "wecom_app, its token"
    assert not any("x-evil" in asked.headers for asked in seen)


@pytest.mark.parametrize("name", ["wecom_app", "webpush", "sms of aliyun", "sms of tencent", "voice of aliyun", "voice of tencent"])
def test_a_personal_channel_refuses_a_page_to_nobody(name: str, caplog: pytest.LogCaptureFixture) -> None:
    channel = replace(CHANNELS[name], to=None)
    answer = whole(channel, lambda: channel.send(free_port()), caplog)
    assert answer.verdict is R and answer.text == NO_PERSON


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("link", [None, "https://plant.example.com/o/O12-1?k=n0nce"])
def test_the_two_lines_arrive_as_they_are_and_the_link_beside_them(name: str, link: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """A gateway's template has its own words, and a machine gets both languages."""
    channel = CHANNELS[name]
    seen: list[Asked] = []

    async def run() -> Answer:
        async with server(provider(channel.says_yes, channel.yes, channel.first, seen)) as port:
            return await channel.send(port, link=link)

    whole(channel, run, caplog)
    if channel.module in ("sms", "voice", "webhook", "webpush") or name == "wecom_app, its token":
        return
    sent = orjson.loads(seen[-1].body)
    texts = list(strings(sent))
    head, standing = PAGE.message["zh"]
    assert any(head in text for text in texts) and any(standing in text for text in texts)
    assert [text for text in texts if link and link in text] == ([link] * len([text for text in texts if text == link])) and (link is None or link in texts)


def strings(tree: Any) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    below = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [text for item in below for text in strings(item)]


def test_the_contract_sees_a_channel_that_believes_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: a reader that takes any 2xx for a yes is found out."""
    from rules.notify import judging, wecom_robot

    monkeypatch.setattr(wecom_robot, "read", lambda reply: judging.Word(A))
    found = []
    for case in ("200 empty", "204", "200 no, by errcode", "200 plain"):

        async def run(case: str = case) -> Answer:
            async with server(provider(CLASSES[case].give, b"")) as port:
                return await CHANNELS["wecom_robot"].send(port)

        found.append(asyncio.run(run()).verdict)
    assert found == [A] * 4


def test_there_are_classes_enough() -> None:
    assert len(CLASSES) + len(SILENT) >= 30


@pytest.mark.needs("openssl")
def test_tls_is_verified_against_the_name_though_the_connection_goes_to_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2",
         "-subj", "/CN=gw.house", "-addext", "subjectAltName=DNS:gw.house"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    here = socket.getaddrinfo("127.0.0.1", 0, type=socket.SOCK_STREAM)
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, *more, **named: [(*here[0][:4], ("127.0.0.1", port))])

    async def run(name: str) -> tuple[Answer, list[Asked]]:
        seen: list[Asked] = []
        async with server(provider(CLASSES["yes"].give, b'{"ok":true}', seen=seen), context) as port:
            return await CHANNELS["webhook"].send(port, url=f"https://{name}:{port}/x", ca=str(cert)), seen

    answer, seen = asyncio.run(run("gw.house"))
    assert answer.verdict is A and seen[0].headers["host"].startswith("gw.house:"), answer
    answer, seen = asyncio.run(run("other.house"))
    assert answer.verdict is T and not seen, "the certificate is another name's"
