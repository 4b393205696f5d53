"""The notify service: it waits for records it can read, and a channel module that breaks breaks nothing else and tells nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import apsw
import pytest
import structlog

from plantroom.clock import SystemClock
from plantroom.records import Records
from plantroom.records.migrate import migrate, migrations
from plantroom.site import Channel, Site
from rules.notify.duty_room import Room
from rules.notify.page import Answer, Page
from rules.notify.service import NotifyService
from rules.outbox import Verdict


def test_records_of_an_older_release_are_waited_for_until_the_engine_has_made_them_ours(tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    service = NotifyService(tmp_path, SystemClock())
    old = apsw.Connection(str(tmp_path / "records.db"))
    migrate(old, migrations()[:1])

    async def opened(limit_s: float) -> Records:
        async with asyncio.timeout(limit_s):
            return await service._records()

    with pytest.raises(TimeoutError):
        asyncio.run(opened(0.1))
    migrate(old, migrations())
    old.close()
    records = asyncio.run(opened(5))
    assert records.rows("waiting_pages") == []
    records.close()


def test_it_says_up_to_where_it_has_seen_the_records(tmp_path: Path) -> None:
    """What the heartbeat reads: a loop that no longer looks no longer moves."""
    (tmp_path / "journal").mkdir()
    service, records = NotifyService(tmp_path, SystemClock()), Records.open(tmp_path / "records.db")
    seen = Records.open(tmp_path / "records.db", readonly=True)

    async def until(seq: int) -> None:
        async with asyncio.timeout(10):
            while service._journal.positions.all().get("notify") != seq:  # noqa: ASYNC110 - a file tells nobody that it changed
                await asyncio.sleep(0.01)

    async def main() -> None:
        look = asyncio.ensure_future(service._look(seen))
        for seq in (7, 8, 9):  # the last two within a second
            records.db.execute("INSERT OR REPLACE INTO position VALUES (1, ?, 0, 0, 'a')", (seq,))
            if seq != 8:
                await until(seq)
        look.cancel()

    asyncio.run(main())
    seen.close()
    records.close()


@pytest.mark.parametrize("kind", ["breaks", "hangs"])
def test_a_channel_module_that_breaks_or_keeps_no_limit_is_an_answer_and_tells_no_secret(tmp_path: Path, kind: str) -> None:
    async def send(settings: dict[str, object], page: Page, *, timeout_s: float) -> Answer:
        if kind == "hangs":
            await asyncio.Event().wait()
        raise ValueError(f"no such header: {settings['token']}")

    (tmp_path / "journal").mkdir()
    service = NotifyService(tmp_path, SystemClock(), lambda _: send, attempt_s=-0.9)  # the hard limit is a second more
    page = Page("P1-1", "tower", "raised", "danger", {"zh": ["一", "二"]}, 0)
    with structlog.testing.capture_logs() as logs:
        answer = asyncio.run(service._send(Channel("duty", "ntfy", {"token": "t0ken-of-it"}), page))
    assert answer.verdict is Verdict.RETRY and "t0ken-of-it" not in answer.text + repr(logs)
    assert [log["event"] for log in logs] == (["channel.broken"] if kind == "breaks" else [])
    assert kind == "hangs" or "no such header: ***" in logs[0]["exception"]


def test_browser_push_finds_its_browsers_beside_the_sites(tmp_path: Path) -> None:
    """Through the service as it runs: the real module, the installation's own access.db, nobody told yet."""
    (tmp_path / "hq" / "journal").mkdir(parents=True)
    service = NotifyService(tmp_path / "hq", SystemClock())
    page = Page("P1-1", "hq", "raised", "danger", {"zh": ["一", "二"]}, 0, to="li.wei")
    answer = asyncio.run(service._send(Channel("push", "webpush", {"subject": "mailto:ops@example.com"}), page))
    assert answer.verdict is Verdict.REFUSED and answer.text.startswith("no browser of *** ")
    assert (tmp_path / "access.db").stat().st_mode & 0o777 == 0o600


def test_who_writes_access_db_holds_up_no_other_channel_while_the_duty_room_opens_it(tmp_path: Path) -> None:
    """The lock is given back by a task of the same loop: a loop that waited for it would never come to that."""
    (tmp_path / "hq" / "journal").mkdir(parents=True)
    service, writer = NotifyService(tmp_path / "hq", SystemClock()), apsw.Connection(str(tmp_path / "access.db"))
    writer.execute("PRAGMA journal_mode = WAL").fetchall()
    writer.execute("BEGIN IMMEDIATE")

    async def give_back() -> None:
        writer.execute("ROLLBACK")

    async def both() -> Room:
        room, _ = await asyncio.gather(service._room(cast(Site, SimpleNamespace(id="hq"))), give_back())
        return room

    room = asyncio.run(both())
    assert not room.connected()
    room.screens.close()
    writer.close()
