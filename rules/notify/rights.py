"""What goes out with a page to a person and what comes back for it: the right to accept, the provider's number, the card's button.

All of it stands in access.db, which belongs to the whole installation. Where that cannot be written the page leaves all the same, without
link and button: a page that nobody can press is better than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import apsw
import structlog

from plantroom.clock import NS, Clock
from plantroom.records import Records
from plantroom.site import Channel, Site
from plantroom.tickets import LIFE_NS, Sent, Tickets
from rules.notify.board import Waiting
from rules.notify.cards import Card, Cards, Standing, words
from rules.notify.channels import settle_of
from rules.outbox import Verdict
from rules.rows import as_json

TEST = "test"  # reason of a page that belongs to no order
TAKEN_BACK = "taken_back"  # of one that asks for nothing any more
MOST_TRIES = 3
BUSY_MS = 100  # every channel waits with it
ALONE_NS = 5 * NS  # a file that cannot be used is left alone so long: one page in many is held up, not each
TRY_S = 10.0

log = structlog.get_logger()


class Rights:
    """path: of access.db, opened when something is to be kept."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._tickets: Tickets | None = None
        self._cards: Cards | None = None
        self._tries: dict[str, int] = {}
        self._told: set[str] = set()  # cards that need no more words and could not be dropped yet
        self._alone_ns = 0  # of the clock since boot: until then the file is left alone

    def close(self) -> None:
        for part in (self._tickets, self._cards):
            if part is not None:
                part.close()

    def issue(self, site: Site, row: Waiting, reason: str) -> str | None:
        """By which this person accepts, or answers a test; None where nobody can come in from outside, or it cannot be kept."""
        asks = row.work_order is not None and reason != TAKEN_BACK
        if site.web.public_url is None or row.person is None or not (asks or reason == TEST) or self._left_alone:
            return None
        try:
            return self._access().issue(site.id, row.id, row.work_order or "", row.person, self._clock.read().wall_ns)
        except (apsw.Error, OSError) as error:
            self._leave_alone("page.no_link", error, page=row.id)
            return None

    def keep(self, site: Site, channel: Channel, row: Waiting, right: str | None, reference: str) -> None:
        """By which number the provider will speak of this page. Where it cannot be kept no receipt of it is known."""
        person, now_ns = row.person or "", self._clock.read().wall_ns
        if self._left_alone:
            return
        try:
            if settle_of(channel.type) is None:
                self._access().bind(site.id, channel.id, reference, row.id, person, right, now_ns)
            elif right is not None:
                self._deck().keep(Card(reference, site.id, channel.id, row.work_order or "", person, now_ns + LIFE_NS))
        except (apsw.Error, OSError) as error:
            self._leave_alone("page.no_reference", error, page=row.id)

    def sent(self, site: str, channel: str, reference: str) -> Sent | None:
        """What went out under this number; None for what never did, or is forgotten. Raises apsw.Error or OSError."""
        return self._access().by_reference(site, channel, reference)

    async def settle(self, site: Site, records: Records) -> None:
        """Takes the button from every card of this site that accepts no more. One after the other: none of it is urgent."""
        if self._left_alone or (self._cards is None and not self._path.exists()):
            return
        try:
            cards = self._deck().all(site.id)
            asked = {"orders": as_json([card.work_order for card in cards])}
            standing = {r["id"]: Standing(r["state"], _name(site, r)) for r in records.rows("standing_orders", asked)} if cards else {}
            for card in cards:
                await self._settle(site, card, standing)
        except (apsw.Error, OSError) as error:
            self._leave_alone("cards.unknown", error)

    async def _settle(self, site: Site, card: Card, standing: Mapping[str, Standing]) -> None:
        channel, person = site.channels.get(card.channel), site.people.get(card.person)
        send = settle_of(channel.type) if channel is not None else None
        to = person.contacts.get(card.channel) if person is not None else None
        now_ns = self._clock.read().wall_ns
        if channel is None or person is None or send is None or to is None or card.code in self._told:
            self._drop(card)  # neither can be reached any more, or it has its words
            return
        said = words(card, standing, now_ns, person.language or channel.language or site.language)
        if said is None:
            return
        answer = await send(channel.settings, to, card.code, said, now_ns, timeout_s=TRY_S)
        tries = self._tries[card.code] = self._tries.get(card.code, 0) + 1
        if answer.verdict is not Verdict.ACCEPTED:
            log.warning("card.not_settled", channel=card.channel, tries=tries, answer=answer.text)
        if answer.verdict is not Verdict.RETRY or tries >= MOST_TRIES:
            del self._tries[card.code]
            self._drop(card)

    def _drop(self, card: Card) -> None:
        self._told.add(card.code)
        self._deck().drop(card)
        self._told.discard(card.code)

    @property
    def _left_alone(self) -> bool:
        return self._clock.read().boot_ns < self._alone_ns

    def _leave_alone(self, what: str, error: Exception, **about: str) -> None:
        """Locked by a process that does not go on, read-only, no database: nothing here may hold up what leaves."""
        self._alone_ns = self._clock.read().boot_ns + ALONE_NS
        log.warning(what, error=type(error).__name__, again_in_s=ALONE_NS // NS, **about)

    def _access(self) -> Tickets:
        if self._tickets is None:
            self._tickets = Tickets(self._path, BUSY_MS)
        return self._tickets

    def _deck(self) -> Cards:
        if self._cards is None:
            self._cards = Cards(self._path, BUSY_MS)
        return self._cards


def _name(site: Site, row: Mapping[str, object]) -> str:
    who = str(row["holder"] or "")
    known = site.people.get(who)
    return str(row["name"] or (known.name if known is not None else "") or who)
