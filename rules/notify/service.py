"""The `notify` service: due outbox rows -> channels -> ATTEMPT records. It writes nothing but the journal (and links into access.db).

Each channel has a task of its own and a hard limit for each attempt, so that one that hangs delays no other. At least once: an attempt
is recorded before the page is looked at again, so a crash costs at most one duplicate, which the idempotency key shows. A disk that
refuses the record stops no page (diary.py).
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import apsw
import orjson
import structlog

from plantroom.bundle import site_of
from plantroom.cli import ServiceContext
from plantroom.clock import NS, Clock, iso
from plantroom.heartbeat.progress import DELIVERY
from plantroom.journal import Entry, Journal, Kind
from plantroom.model import Severity
from plantroom.records import Records
from plantroom.records.migrate import migrations
from plantroom.screens import Screens
from plantroom.service import newer_config
from plantroom.site import Channel, Site
from rules.notify import http
from rules.notify.anchoring import Anchoring, head_of
from rules.notify.board import Board, Waiting
from rules.notify.bounces import Bounces
from rules.notify.channels import Send, limit_of, rates_of, send_of
from rules.notify.diary import Diary
from rules.notify.duty_room import Darkness, Room
from rules.notify.limits import Limits
from rules.notify.mailbox import Visits, box_of
from rules.notify.pace import Pace
from rules.notify.page import Answer, Page, answer, without_address, without_secrets
from rules.notify.rights import Rights
from rules.outbox import Verdict

LOOK_S = 0.02
LOOK_SHARE = 4  # times what a look took, before the next
MARK_S = 1.0
SETTLE_S = 1.0
ATTEMPT_S = 10.0
ROOM, MAIL = "duty_room", "email"  # types of channel
ROOM_LOOK_S = 1.0
AT_ONCE = 4  # attempts under way on one channel

log = structlog.get_logger()


async def run(context: ServiceContext) -> None:
    await NotifyService(context.site_folder, context.clock).run()


class NotifyService:
    """folder: the site's, with journal/ and records.db. send_of: how to send, by channel type."""

    def __init__(self, folder: Path, clock: Clock, send_of: Callable[[str], Send] = send_of, *, attempt_s: float = ATTEMPT_S) -> None:
        self._folder, self._clock, self._send_of, self._attempt_s = folder, clock, send_of, attempt_s
        self._journal = Journal(folder / "journal", clock)
        self._board, self._limits = Board(), Limits()
        self._woken: dict[str, asyncio.Event] = {}
        self._bounces: dict[str, Bounces] = {}
        self._rights = Rights(folder.parent / "access.db", clock)
        self._screens: Screens | None = None
        self._opening = asyncio.Lock()

    async def run(self) -> None:
        """Until cancelled, or NewerConfig when another configuration was applied."""
        seq, site = await self._site()
        limits = {channel.id: limit_of(channel.type) for channel in site.channels.values()}
        self._limits = Limits({channel.id: rates_of(channel.type, channel.settings) for channel in site.channels.values()})
        self._board = Board({id_: Pace(*limit) for id_, limit in limits.items() if limit is not None}, self._limits)
        records = await self._records()
        diary = Diary(self._journal, "notify")
        try:
            diary.open()
            self._catch_up(records)
            self._woken = {id_: asyncio.Event() for id_ in site.channels}
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(diary.run())
                tasks.create_task(diary.keep())
                tasks.create_task(newer_config(self._journal, seq))
                tasks.create_task(self._look(records))
                tasks.create_task(self._settle(site, records))
                if site.anchor is not None:
                    tasks.create_task(Anchoring(site, site.anchor, self._folder, self._clock, diary, partial(head_of, records)).run())
                if any(channel.type == ROOM for channel in site.channels.values()):
                    tasks.create_task(self._watch_room(site, diary))
                for channel in site.channels.values():
                    if channel.type == MAIL and (box := box_of(channel.settings)) is not None:
                        bounces = self._bounces[channel.id] = self._bounces_of(site, channel, Visits(box), diary, records)
                        tasks.create_task(bounces.run())
                    tasks.create_task(self._serve(site, channel, diary, records))
        finally:
            await http.close()
            diary.close()
            records.close()
            self._rights.close()
            if self._screens is not None:
                self._screens.close()

    async def _site(self) -> tuple[int, Site]:
        """The configuration, once there is one."""
        reader = self._journal.reader()
        try:
            while True:
                found = site_of(reader)
                if found is not None:
                    return found
                await asyncio.sleep(LOOK_S)
        finally:
            reader.close()

    async def _records(self) -> Records:
        """The records, once the engine has made them, or has made of older ones what we read."""
        newest = migrations()[-1].number
        while True:
            try:
                records = Records.open(self._folder / "records.db", readonly=True)
            except FileNotFoundError:
                await asyncio.sleep(LOOK_S)
                continue
            if int(records.db.pragma("user_version")) >= newest:
                return records
            records.close()  # the file is there, not all of its tables yet
            await asyncio.sleep(LOOK_S)

    def _catch_up(self, records: Records) -> None:
        """What was attempted, but not yet taken by the engine, before this process was started."""
        since_ns = self._clock.read().wall_ns - round(self._limits.longest_s * NS)
        records.db.execute("BEGIN")  # position and rows of one instant
        try:
            position = records.row("position")
            self._board.update(_waiting(records))
            for row in records.rows("left_since", {"since_ns": since_ns}):
                self._board.left(row["channel"], row["person"], row["started_ns"])
        finally:
            records.db.execute("COMMIT")
        reader = self._journal.reader()
        try:
            seq = position["seq"] if position is not None else 0
            while found := reader.read_after(seq):
                for record in found:
                    if record.kind is Kind.ATTEMPT:
                        said = orjson.loads(record.body)
                        self._board.recorded(said["outbox"], Verdict(said["verdict"]), record.at.wall_ns, said.get("retry_after_s"))
                seq = found[-1].seq
        finally:
            reader.close()

    async def _look(self, records: Records) -> None:
        """Notices commits of the engine; wakes the channels; says once a second up to where it has seen them."""
        seen, stood, marked, marked_s = None, 0, 0, -MARK_S
        loop = asyncio.get_running_loop()
        while True:
            version = records.data_version()
            took_s = 0.0
            if version != seen:
                seen, began_s = version, loop.time()
                position = records.row("position")  # before the pages: what is marked has been seen
                stood = position["seq"] if position is not None else 0
                for channel in self._board.update(_waiting(records)) & self._woken.keys():
                    self._woken[channel].set()
                took_s = loop.time() - began_s
            if stood != marked and loop.time() - marked_s >= MARK_S:
                with suppress(OSError):  # a disk that refuses shows outside, as delivery that does not move; pages go on
                    self._journal.positions.mark(DELIVERY, stood)
                marked, marked_s = stood, loop.time()
            await asyncio.sleep(max(LOOK_S, LOOK_SHARE * took_s))  # where thousands wait, sending them comes before counting them

    async def _serve(self, site: Site, channel: Channel, diary: Diary, records: Records) -> None:
        """One channel: a few attempts at once, never two about one thing."""
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as sends:
            while True:
                await free.acquire()
                row = await self._next(channel.id, diary)
                sends.create_task(self._attempt(site, channel, row, diary, records, free))

    async def _next(self, channel: str, diary: Diary) -> Waiting:
        woken = self._woken[channel]
        while True:
            woken.clear()
            now_ns = self._clock.read().wall_ns
            row = self._board.next(channel, now_ns)
            await self._tell_held(channel, now_ns, diary)
            if row is not None:
                return row
            due_ns = self._board.next_due_ns(channel)
            try:
                async with asyncio.timeout(None if due_ns is None else max((due_ns - now_ns) / NS, 0.001)):
                    await woken.wait()
            except TimeoutError:
                continue

    async def _tell_held(self, channel: str, now_ns: int, diary: Diary) -> None:
        """A page that waits for its number's limit is said to, so that another way is taken meanwhile."""
        for row, free_ns in self._board.held(channel, now_ns):
            said = f"{self._limits.words(channel)} → {iso(free_ns)}"  # the state says in words what it is
            log.warning("page.held", page=row.id, channel=channel, why="held by the provider's limit for one number", limit=said)
            body = {"outbox": row.id, "channel": channel, "state": "held", "text": said, "work_order": row.work_order, "person": row.person}
            await diary.note([Entry(Kind.RECEIPT, orjson.dumps(body))])

    async def _attempt(
        self, site: Site, channel: Channel, row: Waiting, diary: Diary, records: Records, free: asyncio.Semaphore
    ) -> None:
        stored = records.row("page", {"id": row.id})
        assert stored is not None, "an outbox row is never deleted"
        started_ns = self._clock.read().wall_ns
        message = orjson.loads(stored["message_json"])
        person = site.people.get(row.person or "")
        to = person.contacts.get(channel.id) if person is not None else None
        right = self._rights.issue(site, row, stored["reason"]) if to is not None else None
        link = f"{str(site.web.public_url).rstrip('/')}/a/{right}" if right is not None else None
        language = (person.language if person is not None else None) or channel.language or site.language
        page = Page(row.id, site.id, stored["reason"], stored["severity"], message, started_ns, to, link, right, language)
        said = await self._send(channel, page, site)
        ended_ns = self._clock.read().wall_ns
        if said.reference is not None and (row.person is not None or channel.type == MAIL):
            self._rights.keep(site, channel, row, right, said.reference)  # before the record: what is not recorded is sent again
        await diary.note([Entry(Kind.ATTEMPT, said.record(row.id, channel.id, row.attempts + 1, started_ns, ended_ns))])
        n = self._board.ended(row, said.verdict, ended_ns, said.retry_after_s)
        if said.verdict is not Verdict.ACCEPTED and (n in (1, 2, 5, 10) or n % 100 == 0):
            log.warning("page.not_accepted", page=row.id, channel=channel.id, n=n, verdict=said.verdict.value, answer=said.text)
        elif said.verdict is Verdict.ACCEPTED:
            log.info("page.accepted", page=row.id, channel=channel.id, n=n)
            if channel.id in self._bounces:
                self._bounces[channel.id].left()
        free.release()
        self._woken[channel.id].set()

    def _bounces_of(self, site: Site, channel: Channel, visits: Visits, diary: Diary, records: Records) -> Bounces:
        def order_of(page: str) -> str | None:
            row = records.row("page", {"id": page})
            return row["work_order"] if row is not None else None

        return Bounces(site, channel, visits, diary, lambda envid: self._rights.sent(site.id, channel.id, envid), order_of)

    async def _settle(self, site: Site, records: Records) -> None:
        """Cards whose button accepts no more lose it. What breaks here stops no page."""
        while True:
            await asyncio.sleep(SETTLE_S)
            try:
                await self._rights.settle(site, records)
            except Exception as error:
                log.error("cards.broken", error=type(error).__name__)

    async def _room(self, site: Site) -> Room:
        """Opening access.db may wait for who writes it, so it is done beside the loop; what is read of it afterwards waits for nobody."""
        async with self._opening:
            if self._screens is None:
                self._screens = await asyncio.to_thread(Screens, self._folder.parent / "access.db")
        return Room(self._screens, site.id, self._clock)

    async def _watch_room(self, site: Site, diary: Diary) -> None:
        """Tells the journal while no screen of the duty room is there. One that cannot be asked about is none."""
        loop = asyncio.get_running_loop()
        darkness = Darkness(loop.time())
        while True:
            try:
                connected = (await self._room(site)).connected()
            except (apsw.Error, OSError):
                connected = False
            event = darkness.look(connected, loop.time())
            if event is not None:
                await diary.note([Entry(Kind.EVENT, orjson.dumps({"event": event}))])
            await asyncio.sleep(ROOM_LOOK_S)

    async def _send(self, channel: Channel, page: Page, site: Site | None = None) -> Answer:
        """One attempt within the hard limit. A channel module that breaks is an answer too: it must not take the other channels with it."""
        try:
            async with asyncio.timeout(self._attempt_s + 1):
                if channel.type == ROOM and site is not None:
                    page = replace(page, room=await self._room(site))
                # what a channel keeps of its own lies beside the sites
                settings = {**channel.settings, "data": str(self._folder.parent)} if channel.type == "webpush" else channel.settings
                return await self._send_of(channel.type)(settings, page, timeout_s=self._attempt_s)
        except TimeoutError:
            return answer(channel.settings, Verdict.RETRY, f"no end within {self._attempt_s + 1:g} s")
        except Exception as error:
            trace = without_address(page.to, without_secrets(channel.settings, "".join(traceback.format_exception(error))))
            log.error("channel.broken", channel=channel.id, error=type(error).__name__, exception=trace)
            return answer(channel.settings, Verdict.RETRY, f"the channel's own failure: {type(error).__name__}")


def _waiting(records: Records) -> list[Waiting]:
    return [Waiting(**{**row, "severity": Severity(row["severity"])}) for row in records.rows("waiting_pages")]
