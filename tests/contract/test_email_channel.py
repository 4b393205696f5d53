"""Mail: a real server takes it (aiosmtpd); a server of a script says no in every place, hangs, drips, breaks off and lies."""

from __future__ import annotations

import asyncio
import email
import gc
import logging
import re
import ssl
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from rules.notify import email as channel
from rules.notify.page import ANSWER_CHARACTERS, Answer
from rules.outbox import Verdict
from tests.contract.channel_stub import PAGE, SECRETS, A, R, Serve, T, free_port, server

ATTEMPT_S, SILENCE_S = 5.0, 0.2
TO = replace(PAGE, to="zhang@example.com", link="https://plant.example.com/o/O12-1")
PLAIN = {"host": "127.0.0.1", "security": "none", "from": "plant@example.com"}
NAMED = {**PLAIN, "user": "plant", "password": SECRETS[1]}

GREETING, EHLO = b"220 mail.example.com\r\n", b"250-mail.example.com\r\n250-DSN\r\n250 AUTH PLAIN LOGIN\r\n"
SCRIPT: dict[str, bytes] = {
    "": GREETING, "EHLO": EHLO, "AUTH": b"235 ok\r\n", "MAIL": b"250 ok\r\n", "RCPT": b"250 ok\r\n", "DATA": b"354 go on\r\n", ".": b"250 queued as 4Bx\r\n", "QUIT": b"221 bye\r\n",
}  # fmt: skip


def scripted(script: Mapping[str, bytes], heard: list[str] | None = None) -> Serve:
    """Answers each command by its first word; a word without an answer is met with silence, an empty one with the end of the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        word, in_data = "", False
        while True:
            said = script.get(word)
            if said == b"":
                return
            if said is not None:
                writer.write(said)
                await writer.drain()
            in_data = word == "DATA" and (said or b"").startswith(b"354")
            line = (await reader.readuntil(b"\r\n")).decode().rstrip()
            while in_data and line != ".":
                line = (await reader.readuntil(b"\r\n")).decode().rstrip()
            if heard is not None:
                heard.append(line)
            word = line.split(" ")[0].upper()

    return serve


def drips(data: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in data * 10_000:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    return serve


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-and so on\r\n" * 500)
        await writer.drain()


def but(**answers: bytes) -> Serve:
    return scripted({**SCRIPT, **{("" if word == "greeting" else "." if word == "taken" else word): said for word, said in answers.items()}})


CASES: dict[str, tuple[Serve, Verdict]] = {
    "taken": (but(), A),
    "taken, then nothing": (scripted({word: said for word, said in SCRIPT.items() if word != "QUIT"}), A),
    "taken, then gone": (but(QUIT=b""), A),
    "greeting 421": (but(greeting=b"421 too many connections\r\n"), T),
    "greeting 554": (but(greeting=b"554 no mail from you\r\n"), R),
    "hello refused": (but(EHLO=b"550 who are you\r\n", HELO=b"550 who are you\r\n"), R),
    "password wrong": (but(AUTH=b"535 5.7.8 authentication failed for " + SECRETS[1].encode() + b"\r\n"), R),
    "password later": (but(AUTH=b"454 4.7.0 temporary failure\r\n"), T),
    "no login offered": (but(EHLO=b"250 mail.example.com\r\n"), R),
    "sender refused": (but(MAIL=b"550 5.7.1 not from you\r\n"), R),
    "sender later": (but(MAIL=b"451 4.3.2 later\r\n"), T),
    "nobody of that name": (but(RCPT=b"550 5.1.1 no such user\r\n"), R),
    "greylisted": (but(RCPT=b"450 4.2.0 greylisted\r\n"), T),
    "mailbox full": (but(RCPT=b"452 4.2.2 mailbox full\r\n"), T),
    "no data": (but(DATA=b"554 no valid recipients\r\n"), R),
    "no data now": (but(DATA=b"421 closing\r\n"), T),
    "spam": (but(taken=b"554 5.7.1 spam\r\n"), R),
    "disk full": (but(taken=b"452 4.3.1 disk full\r\n"), T),
    "gone after the message": (but(taken=b""), T),
    "gone after hello": (but(EHLO=b""), T),
    "gone at once": (but(greeting=b""), T),
    "something else": (but(greeting=b"HTTP/1.1 400 Bad Request\r\n\r\n"), T),
    "a word for a number": (but(taken=b"OK queued\r\n"), T),
    "never said that it is taken": (but(taken=b"150 about to\r\n"), T),
    "flood": (floods, T),
}
SILENT: dict[str, Serve] = {
    "hang": scripted({}),
    "hang after hello": scripted({"": GREETING}),
    "hang after the message": scripted({word: said for word, said in SCRIPT.items() if word != "."}),
    "drip": drips(b"2"),
    "drip of lines": drips(b"220-x\r\n"),
}


def whole(run: Callable[[], Awaitable[Answer]], caplog: pytest.LogCaptureFixture) -> Answer:
    caplog.set_level(logging.DEBUG)
    answer = asyncio.run(run())  # type: ignore[arg-type]
    gc.collect()
    assert len(answer.text) <= ANSWER_CHARACTERS and answer.text.strip() and "\n" not in answer.text
    assert not [secret for secret in SECRETS if secret in answer.text or secret in caplog.text]
    return answer


async def sent(serve: Serve, settings: Mapping[str, object] = NAMED, page: Any = TO, timeout_s: float = ATTEMPT_S) -> Answer:
    async with server(serve) as port, asyncio.timeout(timeout_s + 5):
        return await channel.send({**settings, "port": port}, page, timeout_s=timeout_s)


@pytest.mark.parametrize("case", CASES)
def test_a_verdict(case: str, caplog: pytest.LogCaptureFixture) -> None:
    serve, verdict = CASES[case]
    answer = whole(lambda: sent(serve), caplog)
    assert answer.verdict is verdict, answer


@pytest.mark.parametrize("case", SILENT)
def test_an_attempt_ends_within_its_limit(case: str, caplog: pytest.LogCaptureFixture) -> None:
    assert whole(lambda: sent(SILENT[case], timeout_s=SILENCE_S), caplog).verdict is T


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
def test_nobody_there_is_tried_again(host: str, security: str, caplog: pytest.LogCaptureFixture) -> None:
    settings = {**NAMED, "host": host, "security": security, "port": free_port()}
    assert whole(lambda: channel.send(settings, TO, timeout_s=ATTEMPT_S), caplog).verdict is T


def test_of_a_group_the_one_who_is_refused_is_named_and_the_others_get_it(caplog: pytest.LogCaptureFixture) -> None:
    """Trying again would send it twice to those who have it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(GREETING)
        while True:
            line = (await reader.readuntil(b"\r\n")).decode().rstrip()
            word = line.split(" ")[0]
            said = SCRIPT.get(word, b"") if word else b""  # the lines of the message are met with nothing
            writer.write(b"550 5.1.1 no such user\r\n" if word == "RCPT" and "gone@" in line else said)
            await writer.drain()

    group = {**PLAIN, "to": ["a@example.com", "gone@example.com"]}
    answer = whole(lambda: sent(serve, group, replace(PAGE, to=None)), caplog)
    assert answer.verdict is A and "not taken for gone@example.com: 550" in answer.text


@pytest.mark.parametrize("address", ["zhang", "a b@example.com", "a@example.com\r\nRCPT TO:<b@example.com>", "张@example.com", "a@b@c"])
def test_an_address_that_is_none_is_never_said_to_a_server(address: str, caplog: pytest.LogCaptureFixture) -> None:
    answer = whole(lambda: channel.send({**NAMED, "port": 1}, replace(PAGE, to=address), timeout_s=ATTEMPT_S), caplog)
    assert answer.verdict is R and "no e-mail addresses" in answer.text


def test_a_page_to_nobody_of_a_channel_without_a_group_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    assert whole(lambda: channel.send({**NAMED, "port": 1}, replace(PAGE, to=None), timeout_s=ATTEMPT_S), caplog).verdict is R


def test_receipts_are_asked_for_where_they_are_offered_only(caplog: pytest.LogCaptureFixture) -> None:
    for hello, wanted in ((EHLO, True), (b"250-mail.example.com\r\n250 AUTH PLAIN\r\n", False)):
        heard: list[str] = []
        assert whole(lambda hello=hello, heard=heard: sent(scripted({**SCRIPT, "EHLO": hello}, heard)), caplog).verdict is A  # type: ignore[misc]
        [mail] = [line for line in heard if line.startswith("MAIL")]
        assert (re.fullmatch(r"MAIL FROM:<plant@example.com> RET=HDRS ENVID=[0-9a-f]{32}", mail) is not None) is wanted
        assert ("RCPT TO:<zhang@example.com> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;zhang@example.com" in heard) is wanted
        assert heard[0] == "EHLO example.com"


def test_each_attempt_has_an_envelope_of_its_own_that_says_nothing_of_the_page_and_is_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    found = [whole(lambda: sent(scripted(SCRIPT)), caplog) for _ in range(2)]
    assert all(answer.reference is not None and "P12" not in answer.reference for answer in found)
    assert found[0].reference != found[1].reference
    assert all(str(answer.reference) not in answer.text + repr(answer) + caplog.text for answer in found)
    assert b"reference" not in found[0].record("P12-1", "mail", 1, 1, 2)
    assert whole(lambda: sent(scripted({**SCRIPT, "EHLO": b"250-m\r\n250 AUTH PLAIN\r\n"})), caplog).reference is None


def test_an_address_is_written_as_orcpt_wants_it() -> None:
    assert channel.xtext("a+b=c@example.com") == "a+2Bb+3Dc@example.com"


def test_what_does_not_offer_starttls_gets_no_password(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[str] = []
    answer = whole(lambda: sent(scripted(SCRIPT, heard), {**NAMED, "security": "starttls"}), caplog)
    assert answer.verdict is R and [line.split(" ")[0] for line in heard if line.startswith(("AUTH", "MAIL"))] == []


# -- a real server


@dataclass
class Mailbox:
    """What aiosmtpd took; the envelope's options and the message as another reader of mail sees it."""

    envelopes: list[Envelope]

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 Message accepted for delivery"

    def mail(self) -> Message:
        content = self.envelopes[-1].content
        assert isinstance(content, bytes)
        return email.message_from_bytes(content, policy=default)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"plant", SECRETS[1].encode())
    return AuthResult(success=right, handled=False)


@pytest.fixture(scope="module", params=["starttls", "tls", "none"])
def mailbox(request: pytest.FixtureRequest, certificate: tuple[Path, Path]) -> Iterator[tuple[Mailbox, dict[str, object]]]:
    security = request.param
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    box, port = Mailbox([]), free_port()
    running = Controller(
        box, hostname="127.0.0.1", port=port, ssl_context=context if security == "tls" else None,
        tls_context=context if security == "starttls" else None, require_starttls=security == "starttls",
        authenticator=authenticate, auth_require_tls=False, auth_required=True,
    )  # fmt: skip
    running.start()
    yield box, {"host": "127.0.0.1", "port": port, "security": security, "user": "plant", "password": SECRETS[1], "from": "plant@example.com", "ca": str(certificate[0])}
    running.stop()


@pytest.mark.needs("openssl")
@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_a_real_server_takes_it_and_another_reader_reads_it(mailbox: tuple[Mailbox, dict[str, object]]) -> None:
    box, settings = mailbox
    answer = asyncio.run(channel.send(settings, TO, timeout_s=ATTEMPT_S))
    assert answer.verdict is A and answer.text == "250 Message accepted for delivery"
    assert box.envelopes[-1].rcpt_tos == ["zhang@example.com"]
    mail = box.mail()
    assert (mail["Subject"], mail["Auto-Submitted"], mail["Importance"]) == (PAGE.message["zh"][0], "auto-generated", "high")
    assert mail["Message-ID"] == "<P12-1@tower.plantroom>" and mail["References"] == "<F12-1@tower.plantroom>"
    text = mail.get_content()  # type: ignore[attr-defined]
    assert text.splitlines() == [*PAGE.message["zh"], "", "查看接单: https://plant.example.com/o/O12-1"]


@pytest.mark.needs("openssl")
@pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")
def test_a_wrong_password_or_a_strangers_certificate_delivers_nothing(mailbox: tuple[Mailbox, dict[str, object]]) -> None:
    box, settings = mailbox
    box.envelopes.clear()
    assert asyncio.run(channel.send({**settings, "password": "wrong"}, TO, timeout_s=ATTEMPT_S)).verdict is R
    if settings["security"] != "none":
        stranger = asyncio.run(channel.send({name: value for name, value in settings.items() if name != "ca"}, TO, timeout_s=ATTEMPT_S))
        assert stranger.verdict is T
    assert box.envelopes == []


def test_a_line_that_is_a_dot_and_a_line_end_in_a_name_change_nothing() -> None:
    message = {**PAGE.message, "en": ["[DANGER] a\r\nBcc: evil@example.com", ".\r\n.\r\nQUIT"]}
    mail = channel.message(PLAIN, replace(TO, message=message, language="en"), ["a@example.com"])
    read = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert read["Bcc"] is None and read["Subject"] == "[DANGER] a Bcc: evil@example.com"
