from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from collector.store import parquet, seal
from collector.store.parquet import NAME, ParquetStore
from plantroom.clock import NS
from plantroom.history.parts import SEALED, counting, days_in, found
from tests.kit.telemetry import START_NS, SiteJournal

DAY_S = 86_400


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def put(site: SiteJournal, seconds: range) -> None:
    for _ in seconds:
        site.put({"gen-1.speed": 1500.0})
        site.clock.advance(1)


def test_a_seal_is_due_after_ten_minutes_of_records(site: SiteJournal) -> None:
    store = site.parquet()
    put(site, range(600))
    assert not store.take(site.records())
    put(site, range(1))
    assert store.take(site.records(600))
    store.seal()
    assert (store.sealed, store.waiting) == (601, 0)


def test_a_seal_is_due_when_the_wall_was_set_back(site: SiteJournal) -> None:
    """Else a clock set back by a day would keep a day in memory."""
    store = site.parquet()
    put(site, range(1))
    site.clock.step_wall(-DAY_S)
    put(site, range(1))
    assert store.take(site.records())


def test_a_seal_is_due_after_so_many_samples_even_in_a_backlog(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "SEAL_SAMPLES", 5)
    monkeypatch.setattr(parquet, "AT_ONCE", 4)
    store = site.parquet()
    put(site, range(8))
    assert not store.take(site.records()[:4])
    assert store.take(site.records()[4:8])


def test_a_backlog_is_read_before_it_is_sealed_by_age(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "AT_ONCE", 2)
    store = site.parquet()
    put(site, range(1))
    site.clock.advance(DAY_S)
    put(site, range(2))
    assert not store.take(site.records()[:2]), "more may wait in the journal"
    assert store.take(site.records()[2:])


def test_a_stretch_without_samples_moves_the_marker_without_a_part(site: SiteJournal) -> None:
    store = site.parquet()
    site.tick(1)
    last = site.tick(601)
    assert store.take(site.records())
    store.seal()
    assert store.sealed == last
    assert found(site.folder / "history") == []
    store.seal()
    assert json.loads((site.folder / "history" / SEALED).read_text()) == {"last": last}


def test_a_disk_that_refuses_loses_nothing_and_is_told_once(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    put(site, range(5))
    whole, pauses = seal._copy, []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        site.clock.advance(seconds)

    def refusing(db: duckdb.DuckDBPyConnection, select: str, path: Path) -> Any:
        if len(pauses) < 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        if len(pauses) < 6:
            raise duckdb.IOException("Could not write file: No space left on device")
        return whole(db, select, path)

    monkeypatch.setattr(seal, "_copy", refusing)
    with closing(ParquetStore(site.folder / "history", site.journal, site.ledger(), site.clock, pause=pause)) as store:
        store.take(site.records())
        asyncio.run(store.until_sealed())
        assert store.sealed == 5
    told = [json.loads(body) for body in site.events()]
    assert [event["event"] for event in told] == ["history_stalled", "history_stalled_over"]
    assert "No space left" in told[0]["why"]
    assert site.ledger().counts(NAME)["2025-11-21"].read == 5
    assert len(site.history().query(["gen-1.speed"], START_NS, START_NS + DAY_S * NS)["gen-1.speed"]) == 5


def test_a_stop_waits_for_the_thread_that_is_still_at_a_seal(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM cancels the task, not its thread."""
    put(site, range(5))
    begun, go_on, whole = threading.Event(), threading.Event(), seal._copy

    def slow(db: duckdb.DuckDBPyConnection, select: str, path: Path) -> None:
        begun.set()
        assert go_on.wait(10)
        whole(db, select, path)

    monkeypatch.setattr(seal, "_copy", slow)
    store = ParquetStore(site.folder / "history", site.journal, site.ledger(), site.clock)
    store.take(site.records())
    with ThreadPoolExecutor(2) as threads:
        sealing = threads.submit(store.seal)
        assert begun.wait(10)
        closing_ = threads.submit(store.close)
        go_on.set()
        closing_.result(10)
        assert sealing.done()
    after = site.parquet()
    after.take(site.records(after.sealed))
    after.seal()
    assert len(site.history().query(["gen-1.speed"], START_NS, START_NS + DAY_S * NS)["gen-1.speed"]) == 5


def test_a_day_that_is_over_becomes_one_part(site: SiteJournal) -> None:
    store = site.parquet()
    for _ in range(3):
        put(site, range(3))
        store.take(site.records(store.sealed))
        store.seal()
        store.upkeep()
        site.clock.advance(3600)
    counted = counting(found(site.folder / "history"), store.sealed)
    assert len(counted) == 3, "an open day is merged by tiers only"
    site.clock.advance(DAY_S)
    store.upkeep()
    (whole,) = counting(found(site.folder / "history"), store.sealed)
    assert (whole.first, whole.last) == (1, store.sealed)
    site.clock.advance(601)
    store.upkeep()
    assert found(site.folder / "history") == [whole]


def test_retention_takes_the_oldest_day_once_an_hour(site: SiteJournal) -> None:
    with closing(ParquetStore(site.folder / "history", site.journal, site.ledger(), site.clock, keep_days=10)) as store:
        for day in (20, 19, 5):
            site.put({"gen-1.speed": 1.0}, START_NS - day * DAY_S * NS)
        store.take(site.records())
        store.seal()
        store.upkeep()
        assert sorted(days_in(site.folder / "history")) == ["2025-11-02", "2025-11-16"]
        store.upkeep()
        assert len(days_in(site.folder / "history")) == 2, "not before an hour has passed"
        site.clock.advance(3601)
        store.upkeep()
        assert days_in(site.folder / "history") == ["2025-11-16"]


def test_the_journals_retention_is_told_how_far_the_seals_are(site: SiteJournal) -> None:
    store = site.parquet()
    put(site, range(3))
    store.take(site.records())
    store.seal()
    assert site.journal.positions.all() == {NAME: 3}
