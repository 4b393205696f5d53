"""What `notify` writes down survives a disk that refuses for a while; nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import apsw
import pytest

from plantroom.clock import SystemClock
from plantroom.errors import JournalFailed
from plantroom.journal import Entry, Journal, Kind
from plantroom.journal.writer import Writer
from rules.notify.diary import Diary


class Full:
    """A disk that takes no commit while `now` is True; the file, the lock and the damage check are the real ones."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, commit, disk = False, Writer._commit, self

        def refusing(writer: Writer, entries: Sequence[Entry], at_least: int = 0) -> range:
            if disk.now:
                raise apsw.FullError("database or disk is full")
            return commit(writer, entries, at_least)

        monkeypatch.setattr(Writer, "_commit", refusing)


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Full:
    return Full(monkeypatch)


def attempt(n: int) -> list[Entry]:
    return [Entry(Kind.ATTEMPT, b'{"n": %d}' % n)]


def written(journal: Journal) -> list[bytes]:
    with journal.reader() as reader:
        return [record.body for record in reader.read_after(0) if record.kind is Kind.ATTEMPT]


async def until(true: object) -> None:
    async with asyncio.timeout(10):
        while not true():  # type: ignore[operator]  # noqa: ASYNC110 - a file tells nobody that it changed
            await asyncio.sleep(0.005)


def test_what_a_full_disk_refuses_is_kept_and_written_in_its_order_once_it_takes_again(tmp_path: Path, full: Full) -> None:
    journal = Journal(tmp_path / "journal", SystemClock())
    diary = Diary(journal, "notify", again_s=0.02)

    async def main() -> None:
        diary.open()
        run = asyncio.ensure_future(diary.run())
        await diary.note(attempt(1))
        assert written(journal) == [b'{"n": 1}'] and not diary.kept, "on a disk that takes it, it is durable when append returns"
        full.now = True
        for n in (2, 3):
            await diary.note(attempt(n))
        await asyncio.sleep(0.1)  # several tries
        assert len(diary.kept) == 2 and not run.done()
        with pytest.raises(JournalFailed):
            await diary.append(attempt(9))  # what can be read again is not kept
        full.now = False
        await until(lambda: not diary.kept)
        await diary.note(attempt(4))
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(main())
    assert written(journal) == [b'{"n": %d}' % n for n in (1, 2, 3, 4)]


def test_a_start_on_a_full_disk_is_a_start(tmp_path: Path, full: Full) -> None:
    journal = Journal(tmp_path / "journal", SystemClock())
    with journal.writer("apply") as writer:
        writer.append([Entry(Kind.CONFIG, b"{}")])
    (tmp_path / "journal" / "positions").mkdir()
    (tmp_path / "journal" / "positions" / "rules").write_text(f"{9:020d}\n")  # a follower is ahead: the opening itself has to write
    full.now = True
    diary = Diary(journal, "notify", again_s=0.02)

    async def main() -> None:
        diary.open()
        run = asyncio.ensure_future(diary.run())
        await diary.note(attempt(1))
        assert len(diary.kept) == 1
        full.now = False
        await until(lambda: not diary.kept)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(main())
    assert written(journal) == [b'{"n": 1}']
