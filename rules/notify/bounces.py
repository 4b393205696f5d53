"""Delivery reports of mails (rules/notify/dsn.py) from a channel's mailbox -> RECEIPT records: delivered, undelivered, held.

A report counts where its ENVID is that of a mail of this channel, and its address the one that mail went to; every other letter is
counted and changes nothing. A letter is marked as read behind the record: what breaks in between is read again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import orjson
import structlog

from plantroom.journal import Entry, Kind
from plantroom.site import Channel, Site
from plantroom.tickets import Sent
from plantroom.words import say
from rules.notify import dsn
from rules.notify.dsn import Action, Recipient
from rules.notify.mailbox import MOST_LETTERS, Letters
from rules.notify.page import without_address, without_secrets

QUICK_S = 5.0  # between two visits, for a while after a mail has left: an address that is wrong comes back at once
QUICK_FOR_S = 600.0
SLOW_S = 300.0
AFTER_TROUBLE_S = 60.0
STATES: Mapping[Action, str] = {Action.FAILED: "undelivered", Action.DELAYED: "held", Action.DELIVERED: "delivered"}
# by what follows the class in the status (RFC 3463), the longest first: words `dsn.<name>`
WHY: Mapping[str, str] = {
    "1.1": "no_such_address", "1.2": "no_such_host", "1.3": "no_such_address", "1.6": "moved", "1.10": "no_such_host", "2.1": "disabled",
    "2.2": "full", "2.3": "too_large", "3.4": "too_large", "1": "no_such_address", "2": "mailbox", "3": "server", "4": "unreachable",
    "6": "content", "7": "not_allowed",
}  # fmt: skip

log = structlog.get_logger()


class Mailbox(Protocol):
    async def unread(self) -> Letters: ...
    async def mark(self, letters: Letters) -> None: ...


class Journal(Protocol):
    async def append(self, entries: Sequence[Entry]) -> object:
        """Returns when they are durable."""


class Bounces:
    """Of one channel. sent: by ENVID what went out under it. order_of: the order of a page. counts: letters by what they were."""

    def __init__(
        self, site: Site, channel: Channel, mailbox: Mailbox, journal: Journal, sent: Callable[[str], Sent | None],
        order_of: Callable[[str], str | None],
    ) -> None:  # fmt: skip
        self._site, self._channel, self._mailbox, self._journal = site, channel, mailbox, journal
        self._sent, self._order_of = sent, order_of
        self.counts: Counter[str] = Counter()
        self._left = asyncio.Event()
        self._left_s = 0.0
        self._in_trouble = False

    def left(self) -> None:
        """A mail was taken by the server: what is wrong with it may come back at once."""
        self._left_s = asyncio.get_running_loop().time()
        self._left.set()

    async def run(self) -> None:
        """Until cancelled. What breaks here stops no page."""
        while True:
            pause_s = SLOW_S
            try:
                while await self.visit() == MOST_LETTERS:
                    pass
                self._in_trouble = False
                since_s = asyncio.get_running_loop().time() - self._left_s
                pause_s = QUICK_S if self._left_s and since_s < QUICK_FOR_S else SLOW_S
            except Exception as error:
                if not self._in_trouble:
                    said = without_secrets(self._channel.settings, str(error))[:200]
                    log.error("mailbox.unreadable", channel=self._channel.id, error=type(error).__name__, said=said)
                self._in_trouble, pause_s = True, AFTER_TROUBLE_S
            self._left.clear()
            if pause_s == SLOW_S:
                try:
                    async with asyncio.timeout(pause_s):
                        await self._left.wait()
                    pause_s = QUICK_S
                except TimeoutError:
                    continue
            await asyncio.sleep(pause_s)

    async def visit(self) -> int:
        """How many letters were read. Raises what the mailbox or access.db does: then none of them is marked."""
        letters = await self._mailbox.unread()
        if not letters.found:
            return 0
        entries = [entry for _, raw in letters.found for entry in self.receipts(raw)]
        if entries:
            await self._journal.append(entries)
        await self._mailbox.mark(letters)
        log.info("mailbox.read", channel=self._channel.id, letters=len(letters.found), receipts=len(entries), **self.counts)
        return len(letters.found)

    def receipts(self, raw: bytes) -> list[Entry]:
        """The records a letter makes; none for what is no report, or not about a mail of ours."""
        report = dsn.read(raw)
        if report is None:
            self.counts["no_report"] += 1
            return []
        sent = self._sent(report.envid) if report.envid is not None else None
        if sent is None:
            self.counts["foreign"] += 1
            return []
        found = []
        for recipient in report.recipients:
            if recipient.address.lower() not in self._addresses(sent):
                self.counts["foreign"] += 1
            elif recipient.action not in STATES:
                self.counts[recipient.action.value] += 1
            else:
                self.counts[STATES[recipient.action]] += 1
                found.append(self._receipt(sent, recipient))
        return found

    def _addresses(self, sent: Sent) -> set[str]:
        """That the mail went to: a person's, or the group's."""
        if not sent.person:
            to = self._channel.settings.get("to")
            return {str(address).lower() for address in (to if isinstance(to, list | tuple) else [to])}
        person = self._site.people.get(sent.person)
        return {person.contacts[self._channel.id].lower()} if person is not None and self._channel.id in person.contacts else set()

    def _receipt(self, sent: Sent, recipient: Recipient) -> Entry:
        state = STATES[recipient.action]
        said = without_address(recipient.address, without_secrets(self._channel.settings, recipient.words))
        parts = [] if state == "delivered" else [say(f"dsn.{reason(recipient)}", self._site.language)]
        text = " ".join(filter(None, (*parts, recipient.status, said)))
        body = {
            "outbox": sent.page, "channel": self._channel.id, "state": state, "text": text, "work_order": self._order_of(sent.page),
            "person": sent.person or None,
        }  # fmt: skip
        return Entry(Kind.RECEIPT, orjson.dumps(body))


def reason(recipient: Recipient) -> str:
    """Why it did not arrive: a text `dsn.<reason>`."""
    if recipient.action is Action.DELAYED:
        return "delayed"
    subject = recipient.status.partition(".")[2]
    return WHY.get(subject) or WHY.get(subject.partition(".")[0], "unknown")
