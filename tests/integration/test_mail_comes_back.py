"""A mail that comes back takes the next channel at once: services as processes, a real SMTP server that offers DSN (aiosmtpd), its report
in a real mailbox (dovecot)."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope

from plantroom.bundle import apply
from tests.kit.dovecot import PASSWORD, USER, Dovecot, dovecot
from tests.kit.house import Receiver, free_port
from tests.kit.services import Services
from tests.unit.rules.test_dsn import report

pytestmark = pytest.mark.needs("dovecot", "openssl")
PEOPLE = """
people: [{id: zhang, name: 张工, roles: [technician], contacts: {mail: zhang@example.com, app: zhang}}]
escalation: {night: "00:00-00:00", readiness: {steps: [{after: 0s, tell: [zhang], by: [mail]}, {after: 30m, tell: [zhang]}], repeat: 30m}}
"""
_PARAMETERS = re.compile(r" (RET|ENVID|NOTIFY|ORCPT)=(\S+)")


class WithDsn(SMTP):
    """aiosmtpd knows no DSN: its parameters are taken off before it sees them."""

    said: dict[str, str]

    async def smtp_MAIL(self, arg: str) -> None:
        self.said = dict(_PARAMETERS.findall(arg))
        await super().smtp_MAIL(_PARAMETERS.sub("", arg))

    async def smtp_RCPT(self, arg: str) -> None:
        self.said |= dict(_PARAMETERS.findall(arg))
        await super().smtp_RCPT(_PARAMETERS.sub("", arg))


class ComesBack:
    """Takes every mail, and writes into the sender's mailbox that nobody of that name is there; before it two letters that prove nothing."""

    def __init__(self, box: Dovecot) -> None:
        self.box = box
        self.asked: list[dict[str, str]] = []

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_DATA(self, server: WithDsn, session: Any, envelope: Envelope) -> str:
        self.asked.append(server.said)
        letters = [report(envid="a" * 32), b"Subject: away\r\n\r\nuntil Monday\r\n", report(envid=server.said["ENVID"])]
        await asyncio.to_thread(self.box.put, *letters, folder="Plantroom")
        return "250 Message accepted for delivery"


class Server(Controller):
    def factory(self) -> SMTP:
        return WithDsn(self.handler, hostname="mail.example.com")


@pytest.fixture(scope="module")
def box() -> Iterator[Dovecot]:
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o755)
    try:
        with dovecot(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_mail_that_comes_back_takes_the_next_channel_at_once(box: Dovecot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_PASSWORD", PASSWORD)
    handler, port = ComesBack(box), free_port()
    smtp = Server(handler, hostname="127.0.0.1", port=port)
    smtp.start()
    settings = box.settings(imap_folder="Plantroom", imap_password="'${IMAP_PASSWORD}'")
    keys = ", ".join(f"{name}: {value}" for name, value in settings.items())
    box.put(folder="Plantroom")
    with closing(Receiver()) as receiver:
        mail = f"id: mail, type: email, host: 127.0.0.1, port: {port}, security: none, from: {USER}, {keys}"
        app = f"id: app, type: webhook, url: '{receiver.url}', private: 127.0.0.1"
        with closing(Services(tmp_path, 1, [mail, app])) as services:
            text = services.site_file.read_text().replace('escalation: {night: "00:00-00:00"}\n', "")
            services.site_file.write_text(text + PEOPLE)
            apply(services.site_file, services.journal, "test")
            for service in ("rules", "notify"):
                services.start(service)
            services.wait_for(lambda: services.rows("SELECT 1 FROM position"), 30, "the engine runs")
            services.broken[0] = 1
            services.wait_for(lambda: receiver.pages, 60, "the other channel has it")
            [(reason, state, text)] = services.rows("SELECT o.reason, r.state, r.text FROM receipt r JOIN outbox o ON o.id = r.outbox WHERE o.channel = 'mail'")
            assert (reason, state) == ("raised", "undelivered") and text.startswith("邮箱地址不存在 5.1.1") and "zhang@" not in text
            pages = services.rows("SELECT channel, reason FROM outbox WHERE person = 'zhang' ORDER BY rowid")
            assert pages == [("mail", "raised"), ("app", "escalated")], "half an hour before the chain's next step"
            assert handler.asked[0]["RET"] == "HDRS" and handler.asked[0]["ORCPT"] == "rfc822;zhang@example.com"
            services.wait_for(lambda: box.unread("Plantroom") == 0, 20, "read behind the record, once")
            [counted] = [line for line in services.log() if line.get("event") == "mailbox.read"]
            assert (counted["letters"], counted["receipts"], counted["foreign"], counted["no_report"]) == (3, 1, 1, 1)
            secret = handler.asked[0]["ENVID"]
            assert secret not in (tmp_path / "log.txt").read_text()
    smtp.stop()
