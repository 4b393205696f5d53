"""Appending: one order over commits, sources, boots and day files; nothing after a refusal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import apsw
import pytest

from plantroom.clock import VirtualClock
from plantroom.errors import JournalFailed
from plantroom.journal import Journal, Kind, decode_batch
from plantroom.journal.database import connect, refuse_old_sqlite
from tests.kit.journals import NOON, TidyJournal, clock, entry, holes, telemetry


@pytest.fixture
def at() -> VirtualClock:
    return clock()


@pytest.fixture
def journal(tmp_path: Path, at: VirtualClock) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path / "hq" / "journal", at, opened)


def files(journal: Journal) -> list[str]:
    return sorted(path.name for path in journal.folder.glob("*.db"))


def test_entries_come_back_in_their_order_with_the_instant_of_their_commit(journal: Journal, at: VirtualClock) -> None:
    writer = journal.writer("collect")
    assert writer.append([entry("a"), entry("b", Kind.COMMAND)]) == range(1, 3)
    at.advance(5)
    assert writer.append([telemetry(1.5)]) == range(3, 4)
    records = journal.reader().read_after(0)
    assert [record.seq for record in records] == [1, 2, 3]
    assert [record.source_seq for record in records] == [1, 2, 3]
    assert [record.body for record in records[:2]] == [b"a", b"b"]
    assert records[0].at.wall_ns == NOON
    assert records[2].at.wall_ns - records[0].at.wall_ns == records[2].at.boot_ns - records[0].at.boot_ns == 5_000_000_000
    assert records[1].kind is Kind.COMMAND
    assert records[2].source == "collect"


def test_a_day_file_names_the_points_of_its_telemetry(journal: Journal) -> None:
    journal.writer("collect").append([telemetry(2.0, ("a.x", "a.y"))])
    reader = journal.reader()
    batch = decode_batch(reader.read_after(0)[0].body, reader.frame)
    assert batch.frame.points == ("a.x", "a.y")
    with pytest.raises(KeyError):
        reader.frame(b"unknown!")


def test_sources_count_for_themselves_and_share_one_order(journal: Journal) -> None:
    one, other = journal.writer("collect"), journal.writer("web")
    for n in range(5):
        one.append([entry(f"c{n}")])
        other.append([entry(f"w{n}"), entry(f"v{n}")])
    records = journal.reader().read_after(0)
    assert holes(records) == []
    assert [r.source_seq for r in records if r.source == "web"] == list(range(1, 11))


def test_a_writer_opened_again_goes_on_with_its_count_until_the_machine_boots_anew(journal: Journal, tmp_path: Path) -> None:
    for _ in range(2):
        writer = journal.writer("collect")
        writer.append([entry("x")])
        writer.close()
    with Journal(journal.folder, VirtualClock(NOON, boot="other")).writer("collect") as booted:
        booted.append([entry("y")])
    assert [(r.at.boot, r.source_seq) for r in journal.reader().read_after(0)] == [("virtual0", 1), ("virtual0", 2), ("other", 1)]


def test_a_new_utc_day_begins_a_new_file_and_the_order_goes_on(journal: Journal, at: VirtualClock) -> None:
    one, other = journal.writer("collect"), journal.writer("web")
    one.append([entry("before")])
    other.append([entry("before")])
    at.advance(12 * 3600)
    other.append([entry("after")])
    one.append([entry("after"), telemetry(1)])
    assert files(journal) == ["2026-11-21.db", "2026-11-22.db"]
    records = journal.reader().read_after(0)
    assert len(records) == 5
    assert holes(records) == []


def test_a_wall_clock_set_back_never_opens_an_older_file(journal: Journal, at: VirtualClock) -> None:
    writer = journal.writer("collect")
    writer.append([entry("1")])
    at.step_wall(-13 * 3600)
    writer.append([entry("2")])
    assert files(journal) == ["2026-11-21.db"]
    at.step_wall(-40 * 86_400)
    writer.append([entry("3")])
    writer.append([entry("4")])
    assert files(journal) == ["2026-11-21-02.db", "2026-11-21.db"]
    at.step_wall(54 * 86_400)
    writer.append([entry("5")])
    assert files(journal)[-1] == "2026-12-04.db"
    assert [r.body for r in journal.reader().read_after(0)] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_full_file_is_followed_by_another_part_of_the_day(journal: Journal) -> None:
    writer = journal.writer("collect", most_file_bytes=200_000)
    for _ in range(30):
        writer.append([entry("x" * 20_000)])
    assert len(files(journal)) > 2
    records = journal.reader().read_after(0)
    assert len(records) == 30
    assert holes(records) == []


def test_the_newest_configuration_outlives_the_file_it_was_written_in(journal: Journal, at: VirtualClock) -> None:
    writer = journal.writer("supervisor")
    writer.append([entry("old", Kind.CONFIG)])
    writer.append([entry("new", Kind.CONFIG)])
    for _ in range(3):
        at.advance(86_400)
        writer.append([entry("x")])
    for name in files(journal)[:-1]:
        (journal.folder / name).unlink()
    newest = journal.reader().last_of(Kind.CONFIG)
    assert newest is not None
    assert (newest.seq, newest.body, newest.source, newest.at.wall_ns) == (2, b"new", "supervisor", NOON)


def test_a_refused_commit_ends_the_writer_and_leaves_nothing_half_written(journal: Journal) -> None:
    writer = journal.writer("collect")
    writer.append([entry("good")])
    db = writer._db
    assert db is not None
    db.execute("PRAGMA max_page_count = 12").get  # noqa: B018 - SQLITE_FULL as a full disk gives it
    with pytest.raises(JournalFailed, match=r"2026-11-21\.db.*full.*has to leave"):
        writer.append([entry("x" * 100_000)])
    with pytest.raises(JournalFailed):
        writer.append([entry("small")])
    writer.close()
    again = journal.writer("collect")
    assert again.append([entry("next")]) == range(2, 3)


def test_a_follower_ahead_of_the_journal_never_meets_a_seq_twice(journal: Journal) -> None:
    writer = journal.writer("rules")
    writer.append([entry("1"), entry("2")])
    writer.go_on_after(10)
    writer.go_on_after(5)
    assert writer.append([entry("after")]) == range(12, 13)
    gap = journal.reader().read_after(2, 1)[0]
    assert (gap.seq, gap.kind) == (11, Kind.EVENT)
    assert b'"event":"journal_gap","first":3,"last":10' in gap.body


def test_the_first_to_open_sees_that_a_registered_follower_is_ahead(journal: Journal) -> None:
    writer = journal.writer("rules")
    writer.append([entry("1")])
    journal.positions.mark("history", 50)
    journal.writer("web").close()  # somebody else writes: nothing is judged behind their back
    assert journal.reader().last_seq() == 1
    writer.close()
    journal.writer("web").close()
    assert journal.reader().last_seq() == 51


def test_every_connection_is_full_unmapped_and_checkpoints_nothing_by_itself(tmp_path: Path) -> None:
    for readonly in (False, True):
        db = connect(tmp_path / "x.db", readonly=readonly)
        if not readonly:
            db.execute("CREATE TABLE t (a)")
        assert [db.pragma(name) for name in ("synchronous", "mmap_size", "wal_autocheckpoint")] == [2, 0, 0]
        db.close()


@pytest.mark.parametrize(("number", "good"), [("3.40.1", False), ("3.51.2", False), ("3.51.3", True), ("3.54.1", True), ("4.0.0", True)])
def test_a_sqlite_that_corrupts_is_refused_with_the_remedy(number: str, good: bool) -> None:
    if good:
        refuse_old_sqlite(number)
    else:
        with pytest.raises(JournalFailed, match=r"WAL-reset.*pip install -U apsw"):
            refuse_old_sqlite(number)


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalFailed, match="cannot be opened for writing"):
        Journal(tmp_path / "file" / "journal", clock()).writer("collect")


def test_another_process_that_rolled_is_followed_by_a_writer_with_an_open_file(journal: Journal, at: VirtualClock) -> None:
    one, other = journal.writer("a"), journal.writer("b")
    one.append([entry("1")])
    other.append([entry("2")])
    at.advance(86_400)
    one.append([entry("3")])
    at.step_wall(-20)  # the other one's clock is still before midnight's roll: it writes where the order goes on
    other.append([entry("4")])
    assert apsw.Connection(str(journal.folder / "2026-11-22.db")).execute("SELECT count(*) FROM record").get == 2
