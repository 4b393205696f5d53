"""The `notify` service: due outbox rows -> channels -> ATTEMPT records. It writes nothing but the journal (and links into access.db).

Each channel has a task of its own and a hard limit for each attempt, so that one that hangs delays no other. At least once: an attempt
is recorded before the page is looked at again, so a crash costs at most one duplicate, which the idempotency key shows.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import apsw
import orjson
import structlog

from plantroom.bundle import site_of
from plantroom.cli import ServiceContext
from plantroom.clock import NS, Clock
from plantroom.heartbeat.progress import DELIVERY
from plantroom.journal import Entry, GroupWriter, Journal, Keeper, Kind
from plantroom.model import Severity
from plantroom.records import Records
from plantroom.records.migrate import migrations
from plantroom.screens import Screens
from plantroom.service import newer_config
from plantroom.site import Channel, Site
from plantroom.tickets import Tickets
from rules.notify.board import Board, Waiting
from rules.notify.channels import Send, limit_of, send_of
from rules.notify.duty_room import Darkness, Room
from rules.notify.pace import Pace
from rules.notify.page import Answer, Page, answer, without_secrets
from rules.outbox import Verdict

LOOK_S = 0.02
LOOK_SHARE = 4  # times what a look took, before the next
MARK_S = 1.0
ATTEMPT_S = 10.0
ROOM = "duty_room"  # a type of channel
ROOM_LOOK_S = 1.0
TEST = "test"  # reason of a page that belongs to no order
AT_ONCE = 4  # attempts under way on one channel

log = structlog.get_logger()


async def run(context: ServiceContext) -> None:
    await NotifyService(context.site_folder, context.clock).run()


class NotifyService:
    """folder: the site's, with journal/ and records.db. send_of: how to send, by channel type."""

    def __init__(self, folder: Path, clock: Clock, send_of: Callable[[str], Send] = send_of, *, attempt_s: float = ATTEMPT_S) -> None:
        self._folder, self._clock, self._send_of, self._attempt_s = folder, clock, send_of, attempt_s
        self._journal = Journal(folder / "journal", clock)
        self._board = Board()
        self._woken: dict[str, asyncio.Event] = {}
        self._tickets: Tickets | None = None
        self._screens: Screens | None = None

    async def run(self) -> None:
        """Until cancelled, or NewerConfig when another configuration was applied."""
        seq, site = await self._site()
        limits = {channel.id: limit_of(channel.type) for channel in site.channels.values()}
        self._board = Board({id_: Pace(*limit) for id_, limit in limits.items() if limit is not None})
        records = await self._records()
        writer = self._journal.writer("notify")
        try:
            self._catch_up(records)
            group = GroupWriter(writer)
            self._woken = {id_: asyncio.Event() for id_ in site.channels}
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(group.run())
                tasks.create_task(Keeper(self._journal).run())
                tasks.create_task(newer_config(self._journal, seq))
                tasks.create_task(self._look(records))
                if any(channel.type == ROOM for channel in site.channels.values()):
                    tasks.create_task(self._watch_room(site, group))
                for channel in site.channels.values():
                    tasks.create_task(self._serve(site, channel, group, records))
        finally:
            writer.close()
            records.close()
            for kept in (self._tickets, self._screens):
                if kept is not None:
                    kept.close()

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
        records.db.execute("BEGIN")  # position and rows of one instant
        try:
            position = records.row("position")
            self._board.update(_waiting(records))
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
                self._board.update(_waiting(records))
                for woken in self._woken.values():
                    woken.set()
                took_s = loop.time() - began_s
            if stood != marked and loop.time() - marked_s >= MARK_S:
                with suppress(OSError):  # a disk that refuses shows outside, as delivery that does not move; pages go on
                    self._journal.positions.mark(DELIVERY, stood)
                marked, marked_s = stood, loop.time()
            await asyncio.sleep(max(LOOK_S, LOOK_SHARE * took_s))  # where thousands wait, sending them comes before counting them

    async def _serve(self, site: Site, channel: Channel, group: GroupWriter, records: Records) -> None:
        """One channel: a few attempts at once, never two about one thing."""
        free = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as sends:
            while True:
                await free.acquire()
                row = await self._next(channel.id)
                sends.create_task(self._attempt(site, channel, row, group, records, free))

    async def _next(self, channel: str) -> Waiting:
        woken = self._woken[channel]
        while True:
            woken.clear()
            now_ns = self._clock.read().wall_ns
            row = self._board.next(channel, now_ns)
            if row is not None:
                return row
            due_ns = self._board.next_due_ns(channel)
            try:
                async with asyncio.timeout(None if due_ns is None else max((due_ns - now_ns) / NS, 0.001)):
                    await woken.wait()
            except TimeoutError:
                continue

    async def _attempt(
        self, site: Site, channel: Channel, row: Waiting, group: GroupWriter, records: Records, free: asyncio.Semaphore
    ) -> None:
        stored = records.row("page", {"id": row.id})
        assert stored is not None, "an outbox row is never deleted"
        started_ns = self._clock.read().wall_ns
        message = orjson.loads(stored["message_json"])
        person = site.people.get(row.person or "")
        to = person.contacts.get(channel.id) if person is not None else None
        link = self._link(site, row, stored["reason"]) if to is not None else None
        language = (person.language if person is not None else None) or channel.language or site.language
        about = (row.id, site.id, stored["reason"], stored["severity"])
        said = await self._send(channel, Page(*about, message, started_ns, to, link, language), site)
        ended_ns = self._clock.read().wall_ns
        await group.append([Entry(Kind.ATTEMPT, said.record(row.id, channel.id, row.attempts + 1, started_ns, ended_ns))])
        n = self._board.ended(row, said.verdict, ended_ns, said.retry_after_s)
        if said.verdict is not Verdict.ACCEPTED and n in (1, 2, 5, 10) or n % 100 == 0:
            log.warning("page.not_accepted", page=row.id, channel=channel.id, n=n, verdict=said.verdict.value, answer=said.text)
        elif said.verdict is Verdict.ACCEPTED:
            log.info("page.accepted", page=row.id, channel=channel.id, n=n)
        free.release()
        self._woken[channel.id].set()

    def _link(self, site: Site, row: Waiting, reason: str) -> str | None:
        """Where this person accepts, or answers a test; None where nobody can come in from outside, or it cannot be kept: the page leaves
        all the same."""
        if site.web.public_url is None or row.person is None or (row.work_order is None and reason != TEST):
            return None
        try:
            if self._tickets is None:
                self._tickets = Tickets(self._folder.parent / "access.db")
            nonce = self._tickets.issue(site.id, row.id, row.work_order or "", row.person, self._clock.read().wall_ns)
        except (apsw.Error, OSError) as error:
            log.warning("page.no_link", page=row.id, error=type(error).__name__)
            return None
        return f"{site.web.public_url.rstrip('/')}/a/{nonce}"

    def _room(self, site: Site) -> Room:
        if self._screens is None:
            self._screens = Screens(self._folder.parent / "access.db")
        return Room(self._screens, site.id, self._clock)

    async def _watch_room(self, site: Site, group: GroupWriter) -> None:
        """Tells the journal while no screen of the duty room is there. One that cannot be asked about is none."""
        loop = asyncio.get_running_loop()
        darkness = Darkness(loop.time())
        while True:
            try:
                connected = self._room(site).connected()
            except (apsw.Error, OSError):
                connected = False
            event = darkness.look(connected, loop.time())
            if event is not None:
                await group.append([Entry(Kind.EVENT, orjson.dumps({"event": event}))])
            await asyncio.sleep(ROOM_LOOK_S)

    async def _send(self, channel: Channel, page: Page, site: Site | None = None) -> Answer:
        """One attempt within the hard limit. A channel module that breaks is an answer too: it must not take the other channels with it."""
        try:
            async with asyncio.timeout(self._attempt_s + 1):
                if channel.type == ROOM and site is not None:
                    page = replace(page, room=self._room(site))
                return await self._send_of(channel.type)(channel.settings, page, timeout_s=self._attempt_s)
        except TimeoutError:
            return answer(channel.settings, Verdict.RETRY, f"no end within {self._attempt_s + 1:g} s")
        except Exception as error:
            trace = without_secrets(channel.settings, "".join(traceback.format_exception(error)))
            log.error("channel.broken", channel=channel.id, error=type(error).__name__, exception=trace)
            return answer(channel.settings, Verdict.RETRY, f"the channel's own failure: {type(error).__name__}")


def _waiting(records: Records) -> list[Waiting]:
    return [Waiting(**{**row, "severity": Severity(row["severity"])}) for row in records.rows("waiting_pages")]
