"""A folder of a mailbox by IMAP over TLS: what was not read yet, and the mark that it was. imapclient speaks the protocol and blocks, so
each visit is a thread of its own with an end: a server that hangs or trickles costs that visit and nothing else.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from imapclient import SEEN, IMAPClient, SocketTimeout

from rules.notify.dsn import MOST_BYTES
from rules.notify.http import trusted

MOST_LETTERS = 20  # of one visit
VISIT_S = 30.0
READ_S = 10.0
TLS_PORT = 993

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Box:
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str
    ca: str | None


@dataclass(frozen=True, slots=True)
class Letters:
    """epoch: the folder's UIDVALIDITY, without which a uid means nothing. found: (uid, the first MOST_BYTES of it), oldest first."""

    epoch: int
    found: Sequence[tuple[int, bytes]]


class Busy(Exception):
    """The visit before has not ended yet."""


def box_of(settings: Mapping[str, object]) -> Box | None:
    """Of a channel `email`; None where its receipts are read nowhere. Its login is the mail server's where it has none of its own."""

    def text(*names: str) -> str:
        return next((str(settings[name]) for name in names if settings.get(name)), "")

    if not settings.get("imap_host"):
        return None
    port = int(text("imap_port") or TLS_PORT)
    login = text("imap_user", "user"), text("imap_password", "password")
    return Box(text("imap_host"), port, *login, text("imap_folder") or "INBOX", text("imap_ca", "ca") or None)


class Visits:
    """To one mailbox, one at a time."""

    def __init__(self, box: Box, visit_s: float = VISIT_S) -> None:
        self._box, self._visit_s = box, visit_s
        self._inside = False  # a thread of ours is at work; it alone says that it is no more

    async def unread(self) -> Letters:
        """At most MOST_LETTERS of those that nobody has read. Raises OSError, imaplib's error, TimeoutError or Busy."""

        def work(client: IMAPClient) -> Letters:
            epoch = _epoch(client.select_folder(self._box.folder, readonly=True))
            uids = sorted(client.search("UNSEEN"))[:MOST_LETTERS]
            fetched = client.fetch(uids, [f"BODY.PEEK[]<0.{MOST_BYTES}>"]) if uids else {}
            return Letters(epoch, [(uid, _body(fetched[uid])) for uid in uids if uid in fetched])

        return await self._visit(work)

    async def mark(self, letters: Letters) -> None:
        """They are read. Raises as `unread` does."""

        def work(client: IMAPClient) -> None:
            if _epoch(client.select_folder(self._box.folder)) == letters.epoch:
                client.add_flags([uid for uid, _ in letters.found], [SEEN], silent=True)

        await self._visit(work)

    async def _visit(self, work: Callable[[IMAPClient], T]) -> T:
        if self._inside:
            raise Busy("the visit before has not ended")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        held: list[IMAPClient] = []

        def tell(found: T | BaseException) -> None:
            if done.done():  # whoever asked has given up
                return
            if isinstance(found, BaseException):
                done.set_exception(found)
            else:
                done.set_result(found)

        def run() -> None:
            found: T | BaseException
            try:
                found = self._run(work, held)
            except Exception as error:
                found = error
            self._inside = False
            with suppress(RuntimeError):  # the loop may be over by then
                loop.call_soon_threadsafe(tell, found)

        self._inside = True
        threading.Thread(target=run, name=f"mailbox-{self._box.host}", daemon=True).start()
        try:
            async with asyncio.timeout(self._visit_s):
                return await done
        finally:
            if not done.done() or done.cancelled():
                for client in held:
                    with suppress(OSError):
                        client.shutdown()  # what the thread waits for ends

    def _run(self, work: Callable[[IMAPClient], T], held: list[IMAPClient]) -> T:
        box = self._box
        client = IMAPClient(box.host, box.port, ssl=True, ssl_context=trusted(box.ca), timeout=SocketTimeout(connect=READ_S, read=READ_S))
        held.append(client)
        try:
            client.login(box.user, box.password)
            return work(client)
        finally:
            with suppress(Exception):  # its farewell is nobody's
                client.logout()
            with suppress(Exception):
                client.shutdown()


def _epoch(selected: Mapping[bytes, Any]) -> int:
    return int(selected.get(b"UIDVALIDITY", 0))


def _body(fetched: Mapping[bytes, Any]) -> bytes:
    return next((bytes(value) for name, value in fetched.items() if name.startswith(b"BODY[]") and value is not None), b"")[:MOST_BYTES]
