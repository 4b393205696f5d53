"""The notify service reads records that the engine makes: it waits until they are what it reads."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from plantroom.clock import SystemClock
from plantroom.records import Records
from plantroom.records.migrate import migrate, migrations
from rules.notify.service import NotifyService


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
