"""Retention and checkpoints: what goes, what stays, what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import orjson
import pytest

from plantroom.clock import NS, VirtualClock
from plantroom.journal import Journal, Keeper, Kind
from plantroom.journal.retention import Kept, to_unlink
from plantroom.journal.shelf import DayFile
from tests.kit.journals import NOON, TidyJournal, clock, entry

DAY = 86_400.0


@pytest.fixture
def at() -> VirtualClock:
    return clock()


@pytest.fixture
def journal(tmp_path: Path, at: VirtualClock) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path, at, opened)


def shelf(n: int, bytes_each: int = 100) -> list[Kept]:
    """n closed files, a day apart, ten records each, the last of them closed just now."""
    ended = [NOON - int((n - 1 - k) * DAY * NS) for k in range(n)]
    return [Kept(DayFile(f"2026-11-{k + 1:02d}"), 10 * k + 1, 10 * (k + 1), ended[k], bytes_each) for k in range(n)]


@pytest.mark.parametrize(
    ("positions", "kept_days", "over", "gone", "forced"),
    [
        ({}, 30, 0, 0, 0),
        ({}, 2.5, 0, 3, 0),  # the three that ended more than two and a half days ago
        ({"rules": 1000}, 2.5, 0, 3, 0),
        ({"rules": 15, "history": 1000}, 2.5, 0, 1, 0),  # rules has not read the second file to its end
        ({"rules": 20}, 2.5, 0, 2, 0),
        ({"rules": 1000}, 30, 150, 2, 0),  # too much: the two oldest, young as they are
        ({"rules": 15}, 30, 250, 3, 2),  # and past a follower if it must be
        ({"rules": 0}, 2.5, 1, 1, 1),  # no more than the quota forces
        ({}, 30, 10_000, 6, 0),
    ],
)
def test_old_and_read_goes_by_itself_and_the_quota_takes_what_it_needs(
    positions: dict[str, int], kept_days: float, over: int, gone: int, forced: int
) -> None:
    answer = to_unlink(shelf(6), NOON, positions, kept_days * DAY, over)
    assert [kept.file.day for kept, _ in answer] == [f"2026-11-{k + 1:02d}" for k in range(gone)]
    assert sum(wanted for _, wanted in answer) == forced


def days(journal: Journal, at: VirtualClock, n: int) -> None:
    writer = journal.writer("collect")
    for day in range(n):
        writer.append([entry(f"{day}.{k}" + "x" * 5000) for k in range(10)])
        at.advance(DAY)
    writer.append([entry("now")])


def keeper(journal: Journal, **options: float) -> Keeper:
    return Keeper(journal, **options)  # type: ignore[arg-type]


def files(journal: Journal) -> int:
    return len(list(journal.folder.glob("*.db")))


def test_files_older_than_the_limit_are_unlinked_with_all_that_belongs_to_them(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 5)
    one = keeper(journal, kept_s=2.5 * DAY)  # the days ended 4, 3, 2, 1 and 0 days ago
    one.retain()
    one.close()
    assert journal.reader().first_seq() == 21
    assert not list(journal.folder.glob("2026-11-21*"))
    assert journal.reader().last_of(Kind.EVENT).body == b"now"  # type: ignore[union-attr] - nobody lost anything: no gap to declare


def test_a_follower_behind_keeps_the_files_it_has_not_read(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 5)
    journal.positions.mark("history", 10)
    one = keeper(journal, kept_s=DAY)
    one.retain()
    assert journal.reader().first_seq() == 11
    journal.positions.mark("history", 25)
    one.retain()
    one.close()
    assert journal.reader().first_seq() == 21


def test_a_quota_that_runs_over_a_follower_declares_the_gap(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 5)
    journal.positions.mark("history", 4)
    journal.positions.mark("rules", 51)
    one = keeper(journal, quota_bytes=300_000)
    one.retain()
    one.close()
    left = journal.reader()
    assert 1 < files(journal) < 6
    first = left.first_seq()
    newest = left.last_of(Kind.EVENT)
    assert newest is not None and newest.source == "keeper"
    assert orjson.loads(newest.body) == {"event": "journal_gap", "first": 5, "last": first - 1, "why": "quota"}


def test_a_damaged_old_file_stops_neither_the_keeper_nor_its_own_end(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 4)
    for leftover in journal.folder.glob("2026-11-22.db*"):
        leftover.unlink()
    damaged = journal.folder / "2026-11-22.db"
    damaged.write_bytes(b"not a database")
    one = keeper(journal, kept_s=30 * DAY)
    one.retain()
    assert (journal.folder / "2026-11-22.db.suspect").exists()
    one = keeper(journal, kept_s=1.5 * DAY)
    one.retain()
    one.close()
    assert not damaged.exists()
    assert files(journal) == 3


def test_the_newest_file_is_never_unlinked(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 3)
    one = keeper(journal, kept_s=0, quota_bytes=1)
    one.retain()
    one.close()
    assert files(journal) == 1
    assert journal.reader().last_of(Kind.EVENT).body == b"now"  # type: ignore[union-attr]


def test_torn_files_go_first_when_the_quota_is_short(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 2)
    torn = journal.folder / "2026-11-20.db.torn"
    torn.write_bytes(bytes(100_000))
    one = keeper(journal, quota_bytes=1 << 30)
    one.retain()
    assert torn.exists()
    total = sum(path.stat().st_size for path in journal.folder.glob("*.db*") if not path.name.endswith("-shm"))
    one = keeper(journal, quota_bytes=total - 50_000)
    one.retain()
    one.close()
    assert not torn.exists()
    assert files(journal) == 3


def test_checkpoints_move_the_log_into_the_file_and_the_log_does_not_grow(journal: Journal) -> None:
    writer, one = journal.writer("collect"), keeper(journal)
    largest = 0
    for _ in range(40):
        writer.append([entry("x" * 200_000)])
        assert one.checkpoint(least_pages=1)
        largest = max(largest, (journal.folder / "2026-11-21.db-wal").stat().st_size)
    assert largest < 1_000_000 < (journal.folder / "2026-11-21.db").stat().st_size
    assert not one.checkpoint(least_pages=1)
    one.close()


def test_few_pages_are_left_for_later(journal: Journal) -> None:
    writer, one = journal.writer("collect"), keeper(journal)
    writer.append([entry("x")])
    assert not one.checkpoint(least_pages=1000)
    assert one.checkpoint(least_pages=1)
    one.close()


def test_a_closed_day_is_left_without_a_log(journal: Journal, at: VirtualClock) -> None:
    writer, one = journal.writer("collect"), keeper(journal)
    writer.append([entry("x")])
    one.checkpoint(least_pages=1000)
    at.advance(DAY)
    writer.append([entry("y")])
    one.checkpoint(least_pages=1000)
    log = journal.folder / "2026-11-21.db-wal"
    assert not log.exists() or log.stat().st_size == 0
    one.close()


def test_one_keeper_works_and_the_next_takes_over_when_it_goes(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plantroom.journal.keeper.LOOK_S", 0.01)
    journal.writer("collect").append([entry("x")])
    working: list[str] = []

    class Named(Keeper):
        def __init__(self, name: str) -> None:
            super().__init__(journal)
            self.name = name

        def checkpoint(self, least_pages: int = 1) -> bool:
            working.append(self.name)
            return super().checkpoint(least_pages)

    async def until(name: str) -> None:
        async with asyncio.timeout(10):
            while name not in working:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def scene() -> None:
        first = asyncio.ensure_future(Named("first").run())
        await until("first")
        second = asyncio.ensure_future(Named("second").run())
        await asyncio.sleep(0.05)
        assert "second" not in working
        first.cancel()
        await until("second")
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)

    asyncio.run(scene())


def test_positions_are_read_back_and_nonsense_counts_as_zero(journal: Journal) -> None:
    assert journal.positions.all() == {}
    journal.positions.mark("rules", 12)
    journal.positions.mark("history", 7)
    (journal.folder / "positions" / "torn").write_text("12")
    assert journal.positions.all() == {"history": 7, "rules": 12, "torn": 0}
    journal.positions.forget("torn")
    journal.positions.forget("torn")
    assert journal.positions.all() == {"history": 7, "rules": 12}
    with pytest.raises(ValueError, match="name"):
        journal.positions.mark("../rules", 1)
