"""Receipts of mails, from a real IMAP server into records: what counts, what changes nothing, what a server that hangs costs."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import imapclient
import orjson
import pytest

from plantroom.journal import Entry
from plantroom.people import Person
from plantroom.site import Site
from plantroom.tickets import Sent
from rules.notify import mailbox
from rules.notify.bounces import Bounces
from rules.notify.mailbox import MOST_LETTERS, Busy, Letters, Visits, box_of
from tests.kit.dovecot import PASSWORD, Dovecot, channel, dovecot
from tests.unit.rules.test_dsn import ENVID, report

ANOTHER = "f" * 32
SITE = cast(Site, SimpleNamespace(
    id="tower", language="zh", people={"zhang": Person("zhang", "张", frozenset(), {"mail": "Zhang@example.com"}), "li": Person("li", "李", frozenset())},
))  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    """In a folder of its own that its processes may enter: pytest's are for one user."""
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    folder.chmod(0o755)
    try:
        with dovecot(folder) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Group:
    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.broken = False

    async def append(self, entries: list[Entry]) -> None:
        if self.broken:
            raise OSError("disk full")
        self.records += [orjson.loads(entry.body) for entry in entries]


def bounces(visits: Any, group: Group, sent: dict[str, Sent] | None = None, **settings: object) -> Bounces:
    known = {ENVID: Sent("P12-1", "zhang", None)} if sent is None else sent
    return Bounces(SITE, channel({}, **settings), visits, group, known.get, lambda page: f"O of {page}")


def read(raw: bytes, sent: dict[str, Sent] | None = None, **settings: object) -> tuple[list[dict[str, Any]], dict[str, int]]:
    made = bounces(None, Group(), sent, **settings)
    return [orjson.loads(entry.body) for entry in made.receipts(raw)], dict(made.counts)


def test_a_bounce_becomes_a_receipt_with_the_reason_in_words_and_without_the_address() -> None:
    [body], counts = read(report())
    assert body == {
        "outbox": "P12-1", "channel": "mail", "state": "undelivered", "work_order": "O of P12-1", "person": "zhang",
        "text": "邮箱地址不存在 5.1.1 550 5.1.1 <***>: Recipient address rejected: User unknown",
    }  # fmt: skip
    assert counts == {"undelivered": 1}
    for action, status, state, words in (
        ("delayed", "4.4.1", "held", "邮件服务器尚未投递成功，仍在重试 4.4.1"), ("failed", "5.2.2", "undelivered", "邮箱已满 5.2.2"),
        ("failed", "5.7.1", "undelivered", "被对方拒收（安全策略或垃圾邮件） 5.7.1"), ("failed", "nonsense", "undelivered", "未送达"),
        ("failed", "5.99.999", "undelivered", "未送达 5.99.999"), ("delivered", "2.0.0", "delivered", "2.0.0"),
    ):  # fmt: skip
        [body], _ = read(report(action, status, diagnostic=""))
        assert (body["state"], body["text"]) == (state, words)
    assert read(report("relayed")) == ([], {"relayed": 1})


@pytest.mark.parametrize("envid", [None, "P12-1", ANOTHER, ENVID[:-1], ENVID.upper()])
def test_a_report_under_no_envelope_of_ours_is_counted_and_changes_nothing(envid: str | None) -> None:
    assert read(report(envid=envid)) == ([], {"foreign": 1})


def test_nor_does_one_about_an_address_the_mail_never_went_to() -> None:
    assert read(report(), {ENVID: Sent("P12-1", "li", None)}) == ([], {"foreign": 1})
    assert read(report().replace(b"rfc822;zhang@", b"rfc822;other@")) == ([], {"foreign": 1})
    assert read(b"Subject: I am away\r\n\r\nuntil Monday\r\n") == ([], {"no_report": 1})
    [body], _ = read(report(), {ENVID: Sent("P12-1", "", None)}, to=["a@example.com", "ZHANG@example.com"])
    assert body["person"] is None, "a mail to a group is nobody's in particular"


@pytest.mark.needs("dovecot", "openssl")
def test_letters_are_read_once_behind_the_record_and_only_in_their_folder(server: Dovecot) -> None:
    async def run() -> None:
        group, folder = Group(), "Plantroom"
        made = bounces(visits := Visits(box_of(server.settings(imap_folder=folder))), group)  # type: ignore[arg-type]
        server.put(report(), b"Subject: hello\r\n\r\nyou\r\n", report(envid=ANOTHER), report() + b"x" * 300_000, folder=folder)
        server.put(report())
        group.broken = True
        with pytest.raises(OSError, match="disk full"):
            await made.visit()
        assert server.unread(folder) == 4, "what was not recorded is read again"
        group.broken = False
        assert await made.visit() == 4
        assert [body["state"] for body in group.records] == ["undelivered", "undelivered"] and server.unread(folder) == 0
        assert await made.visit() == 0 and len(group.records) == 2
        assert server.unread("INBOX") == 1, "the mailbox's other letters are nobody's business"
        server.put(*(b"Subject: %d\r\n\r\n" % n for n in range(MOST_LETTERS + 3)), folder=folder)
        assert [await made.visit(), await made.visit(), await made.visit()] == [MOST_LETTERS, 3, 0]
        letters = Letters(1, [(1, b"")])
        server.put(b"Subject: new\r\n\r\n", folder=folder)
        await visits.mark(letters)
        assert server.unread(folder) == 1, "uids of another life of the folder mark nothing"

    asyncio.run(run())


@pytest.mark.needs("dovecot", "openssl")
def test_a_wrong_password_and_a_strangers_certificate_read_nothing_and_tell_no_secret(server: Dovecot) -> None:
    async def run() -> None:
        wrong = Visits(box_of(server.settings(imap_password="not-" + PASSWORD)))  # type: ignore[arg-type]
        with pytest.raises(imapclient.exceptions.LoginError) as said:
            await wrong.unread()
        assert PASSWORD not in str(said.value)
        stranger = Visits(box_of({**server.settings(), "imap_ca": None}))  # type: ignore[arg-type]
        with pytest.raises(ssl.SSLError):
            await stranger.unread()

    asyncio.run(run())


def test_a_server_that_hangs_costs_one_visit_and_never_two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "READ_S", 1.0)
    held: list[socket.socket] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            try:
                held.append(listening.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take)
    thread.start()
    settings = {"imap_host": "127.0.0.1", "imap_port": listening.getsockname()[1], "imap_user": "u", "imap_password": "p"}
    visits = Visits(box_of(settings), visit_s=0.2)  # type: ignore[arg-type]

    async def run() -> None:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await visits.unread()
        assert time.monotonic() - began < 1.0, "within its own limit, whatever the thread waits for"
        with pytest.raises(Busy):
            await visits.unread()
        assert len(held) == 1

    asyncio.run(run())
    for each in threading.enumerate():
        if each.name == "mailbox-127.0.0.1":
            each.join(5)
    assert not visits._inside, "and the thread ends by itself"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join()
    for each in held:
        each.close()


def test_without_a_mailbox_nothing_is_read_and_its_login_is_the_mail_servers_where_it_has_none() -> None:
    assert box_of({"host": "m", "user": "u", "password": "p"}) is None
    found = box_of({"host": "m", "user": "u", "password": "p", "imap_host": "i", "ca": "/ca"})
    assert found is not None and (found.port, found.user, found.password, found.folder, found.ca) == (993, "u", "p", "INBOX", "/ca")
    assert "password='p'" not in repr(found)
