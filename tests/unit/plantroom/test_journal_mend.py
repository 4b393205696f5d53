"""What a damaged day file gives back, what is said about the rest, and that nobody has to stop for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import apsw
import orjson
import pytest

from plantroom.clock import VirtualClock
from plantroom.errors import JournalFailed
from plantroom.journal import Journal, Kind, Record
from plantroom.journal.damage import damage
from plantroom.journal.mend import mark_suspect
from tests.kit.journals import TidyJournal, clock, entry, telemetry

DAY = "2026-11-21.db"
PAGE = 4096


@pytest.fixture
def at() -> VirtualClock:
    return clock()


@pytest.fixture
def journal(tmp_path: Path, at: VirtualClock) -> Iterator[Journal]:
    with ExitStack() as opened:
        yield TidyJournal(tmp_path, at, opened)


def write(journal: Journal, n: int, size: int = 300) -> list[Record]:
    """n records in a closed file without a log."""
    with journal.writer("collect") as writer:
        for start in range(0, n, 50):
            writer.append([entry(f"{k} " + "x" * size) for k in range(start, min(n, start + 50))])
    with Journal(journal.folder, clock()).reader() as reader:
        records = reader.read_after(0, n)
    for leftover in journal.folder.glob("*-shm"):
        leftover.unlink()
    return records


def leaf_pages(path: Path) -> list[int]:
    """Page numbers (from 1) of the record table's leaves, in the order of their records."""
    with apsw.Connection(str(path)) as db:
        return [page for (page,) in db.execute("SELECT pageno FROM dbstat WHERE name = 'record' AND pagetype = 'leaf' ORDER BY path")]


def ruin(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(b"\xa5" * PAGE)


def recovered(reader_records: list[Record]) -> dict[str, object]:
    events = [orjson.loads(record.body) for record in reader_records if b"journal_recovered" in record.body]
    assert len(events) == 1
    return dict(events[0])


def test_what_stands_before_between_and_behind_damaged_pages_is_kept(journal: Journal) -> None:
    records = write(journal, 600)
    pages = leaf_pages(journal.folder / DAY)
    for page in (pages[5], pages[6], pages[20], pages[-3]):
        ruin(journal.folder / DAY, page)
    journal.writer("collect").append([entry("after")])
    kept = journal.reader().read_after(0)
    said = recovered(kept)
    whole = [record for record in kept if record in records]
    per_page = 600 / len(pages)
    assert 600 - len(whole) <= 4 * (per_page + 2)  # no more than what stood on the ruined pages
    assert (said["file"], said["kept"], said["lost_ranges"]) == (DAY, len(whole), 3)
    lost = {seq for first, last in said["lost"] for seq in range(first, last + 1)}  # type: ignore[union-attr, attr-defined]
    assert lost == {record.seq for record in records} - {record.seq for record in whole}
    assert (journal.folder / f"{DAY}.torn").exists()
    assert kept[-1].seq == 602


def test_a_mended_journal_is_whole_and_is_not_mended_again(journal: Journal) -> None:
    write(journal, 100)
    ruin(journal.folder / DAY, leaf_pages(journal.folder / DAY)[1])
    journal.writer("collect").close()
    assert damage(journal.folder / "2026-11-21.m1.db", whole=True) == ""
    journal.writer("collect").close()
    recovered(journal.reader().read_after(0))


def test_an_older_file_is_mended_when_somebody_read_damage_in_it(journal: Journal, at: VirtualClock) -> None:
    records = write(journal, 200)
    ruin(journal.folder / DAY, leaf_pages(journal.folder / DAY)[4])
    at.advance(86_400)
    with journal.writer("web") as living:  # opens the damaged day as the newest one, mends it, and begins the next
        living.append([entry("next day")])
    at.advance(86_400)
    writer, reader = journal.writer("web"), journal.reader()
    writer.append([entry("third day")])
    db = apsw.Connection(str(journal.folder / "2026-11-22.db"))
    db.execute("UPDATE record SET body = CAST('next dax' AS BLOB)")
    db.close()
    with pytest.raises(JournalFailed, match="damaged"):
        reader.read_after(0)
    journal.writer("rules").close()  # mends it though `writer` has the journal open
    writer.append([entry("goes on")])
    kept = reader.read_after(0)
    assert [record.body for record in kept if record.source == "web"][-2:] == [b"third day", b"goes on"]
    assert len([record for record in kept if record in records]) >= 180
    assert (journal.folder / "2026-11-22.m1.db").exists()


def test_a_file_that_is_mended_under_a_writer_is_the_one_it_goes_on_in(journal: Journal) -> None:
    writer, reader = journal.writer("collect"), journal.reader()
    writer.append([entry("1"), entry("2")])
    reader.read_after(0)
    db = apsw.Connection(str(journal.folder / DAY))
    db.execute("UPDATE record SET body = CAST('x' AS BLOB) WHERE seq = 1")
    db.close()
    mark_suspect(journal.folder, DAY)
    other = journal.writer("web")
    assert writer.append([entry("3")]) == range(4, 5)
    assert other.append([entry("4")]) == range(5, 6)
    assert [record.seq for record in reader.read_after(0)] == [2, 3, 4, 5]
    writer.close()
    other.close()
    assert damage(journal.folder / "2026-11-21.m1.db", whole=True) == ""


HEADER_ONLY = b"SQLite format 3\x00" + bytes(5000)


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000, HEADER_ONLY], ids=["empty", "text", "header only"])
def test_a_file_that_is_no_database_any_more_costs_its_records_only(journal: Journal, at: VirtualClock, content: bytes) -> None:
    write(journal, 20)
    at.advance(86_400)
    with journal.writer("collect") as writer:
        writer.append([entry("lost"), entry("lost too")])
    for left in journal.folder.glob("2026-11-22.db*"):
        left.unlink()
    (journal.folder / "2026-11-22.db").write_bytes(content)
    journal.positions.mark("rules", 22)
    after = journal.writer("collect").append([entry("after")])
    kept = journal.reader().read_after(0)
    said = recovered(kept)
    assert (said["kept"], said["lost_after"]) == (0, 20)
    assert after.start > 22  # the engine has seen 21 and 22: they are never given again


def test_samples_whose_points_nobody_can_name_any_more_are_declared_lost(journal: Journal) -> None:
    with journal.writer("collect") as writer:
        writer.append([telemetry(1.0, ("a.x",)), entry("kept"), telemetry(2.0, ("b.x",))])
    db = apsw.Connection(str(journal.folder / DAY))
    db.execute("UPDATE frame SET points = 'a.y' WHERE points = 'a.x'")
    db.close()
    journal.writer("collect").close()
    kept = journal.reader().read_after(0)
    assert [record.seq for record in kept] == [2, 3, 4]
    assert recovered(kept)["lost"] == [[1, 1]]


def test_points_that_an_older_file_can_name_are_not_lost(journal: Journal, at: VirtualClock) -> None:
    with journal.writer("collect") as writer:
        writer.append([telemetry(1.0, ("a.x",))])
        at.advance(86_400)
        writer.append([telemetry(2.0, ("a.x",))])
    db = apsw.Connection(str(journal.folder / "2026-11-22.db"))
    db.execute("UPDATE frame SET points = 'a.y'")
    db.close()
    journal.writer("collect").close()
    (journal.folder / DAY).unlink()  # retention takes the older one: the mended file names its points itself
    reader = journal.reader()
    assert reader.frame(reader.read_after(0)[0].body[4:12]).points == ("a.x",)


def test_a_configuration_that_stood_in_the_damaged_part_is_taken_from_the_day_before(journal: Journal, at: VirtualClock) -> None:
    with journal.writer("supervisor") as writer:
        writer.append([entry("{}", Kind.CONFIG)])
        at.advance(86_400)
        writer.append([entry("x")])
    (journal.folder / "2026-11-22.db").write_bytes(b"gone")
    with journal.writer("supervisor"):
        (journal.folder / DAY).unlink()
    newest = journal.reader().last_of(Kind.CONFIG)
    assert newest is not None and newest.seq == 1


def test_a_source_count_that_was_damaged_does_not_run_away(journal: Journal) -> None:
    with journal.writer("collect") as writer:
        writer.append([entry("1"), entry("2")])
    db = apsw.Connection(str(journal.folder / DAY))
    db.execute(f"UPDATE source SET last = {2**63 - 1}")
    db.close()
    journal.writer("collect").append([entry("3")])
    assert [record.source_seq for record in journal.reader().read_after(0)] == [1, 2, 3, 4]


def test_a_file_half_built_by_a_process_that_died_is_swept_away(journal: Journal) -> None:
    journal.folder.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        (journal.folder / f".new-2026-11-20.db{suffix}").write_bytes(b"half")
    journal.writer("collect").append([entry("1")])
    assert not list(journal.folder.glob(".new-*"))


def test_a_swap_that_died_half_way_is_finished(journal: Journal) -> None:
    write(journal, 100)
    ruin(journal.folder / DAY, leaf_pages(journal.folder / DAY)[1])
    journal.writer("collect").close()
    (journal.folder / f"{DAY}.torn").rename(journal.folder / DAY)  # as if it had died before putting the old one aside
    assert journal.reader().last_seq() == 101
    journal.writer("collect").close()
    assert not (journal.folder / DAY).exists()
    assert (journal.folder / f"{DAY}.torn").exists()
