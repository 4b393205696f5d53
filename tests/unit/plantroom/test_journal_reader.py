"""Reading in the journal's order: pages, kinds, instants, holes, damage."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import apsw
import pytest

from plantroom.clock import NS, VirtualClock
from plantroom.errors import JournalFailed
from plantroom.journal import Journal, Kind
from plantroom.journal.reader import OPEN_FILES
from tests.kit.journals import NOON, TidyJournal, clock, entry, holes, telemetry


@pytest.fixture
def at() -> VirtualClock:
    return clock()


@pytest.fixture
def journal(tmp_path: Path, at: VirtualClock) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path, at, opened)


def days(journal: Journal, at: VirtualClock, n: int, each: int = 3) -> None:
    """`each` records on each of n days, an hour apart."""
    writer = journal.writer("collect")
    for day in range(n):
        for k in range(each):
            writer.append([entry(f"{day}.{k}")])
            at.advance(3600)
        at.advance(86_400 - each * 3600)


def test_a_journal_that_was_never_written_is_empty_not_an_error(tmp_path: Path) -> None:
    with Journal(tmp_path / "none", clock()).reader() as reader:
        assert reader.read_after(0) == []
        assert (reader.first_seq(), reader.last_seq(), reader.last_of(Kind.CONFIG), reader.changed()) == (0, 0, None, False)
        assert reader.at_or_after(0) == 1


def test_pages_follow_one_another_over_more_files_than_stay_open(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, OPEN_FILES + 3)
    reader = journal.reader()
    read, after = [], 0
    while page := reader.read_after(after, most=4):
        assert len(page) <= 4
        read += page
        after = page[-1].seq
    assert [record.seq for record in read] == list(range(1, 3 * (OPEN_FILES + 3) + 1))
    assert holes(read) == []
    assert (reader.first_seq(), reader.last_seq()) == (1, len(read))


def test_a_page_is_bounded_by_bytes_too_but_never_empty(journal: Journal) -> None:
    journal.writer("collect").append([entry("x" * 1000) for _ in range(1000)])
    reader = journal.reader()
    page = reader.read_after(0, most_bytes=10)
    assert 0 < len(page) < 1000


def test_a_reader_sees_what_others_commit_after_it_was_opened(journal: Journal, at: VirtualClock) -> None:
    writer, reader = journal.writer("collect"), journal.reader()
    assert reader.read_after(0) == []
    writer.append([entry("1")])
    assert reader.changed()
    assert len(reader.read_after(0)) == 1
    assert not reader.changed()
    at.advance(86_400)
    writer.append([entry("2")])
    assert reader.changed()
    assert [record.body for record in reader.read_after(1)] == [b"2"]
    assert not reader.changed()


def test_the_newest_of_a_kind_is_found_in_whatever_file_it_stands(journal: Journal, at: VirtualClock) -> None:
    writer = journal.writer("web")
    writer.append([entry("first", Kind.COMMAND), telemetry(1.0), entry("second", Kind.COMMAND)])
    days(journal, at, 3)
    reader = journal.reader()
    command, sample = reader.last_of(Kind.COMMAND), reader.last_of(Kind.TELEMETRY)
    assert command is not None and command.body == b"second"
    assert sample is not None and sample.seq == 2
    assert reader.last_of(Kind.ATTEMPT) is None


def test_finding_the_newest_of_a_kind_reads_no_table_from_end_to_end(journal: Journal, at: VirtualClock) -> None:
    journal.writer("web").append([entry("x")])
    with journal.reader() as reader:
        reader.read_after(0)
        db = next(iter(reader._open.values()))
        asked = "EXPLAIN QUERY PLAN SELECT seq FROM record WHERE kind <> 1 AND kind = ? ORDER BY seq DESC LIMIT 1"
        assert "record_kind" in db.execute(asked, (3,)).fetchall()[0][3]


def test_an_instant_finds_the_first_record_from_it_on(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 4)
    reader = journal.reader()
    assert reader.at_or_after(0) == 1
    assert reader.at_or_after(NOON) == 1
    assert reader.at_or_after(NOON + 1) == 2
    assert reader.at_or_after(NOON + 86_400 * NS) == 4
    assert reader.at_or_after(NOON + 400 * 86_400 * NS) == 13


def test_a_hole_left_by_retention_is_stepped_over(journal: Journal, at: VirtualClock) -> None:
    days(journal, at, 4)
    stale = journal.reader()
    assert stale.last_seq() == 12  # has listed the folder, and opened the newest file only
    for name in ("2026-11-21.db", "2026-11-22.db"):
        (journal.folder / name).unlink()
    for reader in (stale, journal.reader()):
        assert [record.seq for record in reader.read_after(0)] == list(range(7, 13))
        assert reader.first_seq() == 7


def test_an_order_that_declares_a_hole_is_read_over_it(journal: Journal) -> None:
    writer = journal.writer("rules")
    writer.append([entry("1")])
    writer.go_on_after(100)
    reader = journal.reader()
    assert [record.seq for record in reader.read_after(0)] == [1, 101]
    assert reader.at_or_after(NOON) == 1
    assert [record.seq for record in reader.read_after(50)] == [101]


def test_a_changed_byte_is_never_handed_out(journal: Journal) -> None:
    writer = journal.writer("collect")
    writer.append([entry("good"), entry("bad one"), entry("good")])
    writer.close()
    db = apsw.Connection(str(journal.folder / "2026-11-21.db"))
    db.execute("UPDATE record SET body = CAST('bad 0ne' AS BLOB) WHERE seq = 2")
    db.close()
    reader = journal.reader()
    with pytest.raises(JournalFailed, match=r"2026-11-21\.db: damaged: record 2.*mended"):
        reader.read_after(0)
    assert (journal.folder / "2026-11-21.db.suspect").exists()


def test_a_header_is_as_safe_as_a_body(journal: Journal) -> None:
    writer = journal.writer("collect")
    writer.append([entry("x")])
    writer.close()
    for column, value in (("wall_ns", 5), ("boot_ns", 5), ("source_seq", 9), ("kind", 2)):
        db = apsw.Connection(str(journal.folder / "2026-11-21.db"))
        db.execute("BEGIN")
        db.execute(f"UPDATE record SET {column} = {column} + {value}")
        db.execute("COMMIT")
        with journal.reader() as reader, pytest.raises(JournalFailed, match="checksum"):
            reader.read_after(0)
        db.execute(f"UPDATE record SET {column} = {column} - {value}")
        db.close()
    with journal.reader() as reader:
        assert len(reader.read_after(0)) == 1
