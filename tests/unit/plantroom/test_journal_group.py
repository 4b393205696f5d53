"""Group commit: nothing answered before its commit, nothing after a failed one, bounded, in order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest

from plantroom.errors import JournalFailed
from plantroom.journal import Entry, GroupWriter, encode_batch
from plantroom.model import Frame, one_row
from tests.kit.journals import entry


class SlowDisk:
    """A writer whose commits end when the test says so. commits: the entries of each."""

    def __init__(self) -> None:
        self.commits: list[list[bytes]] = []
        self.began, self.go_on = threading.Semaphore(0), threading.Semaphore(0)
        self.fail = False
        self._next = 1

    def append(self, entries: Sequence[Entry]) -> range:
        self.began.release()
        self.go_on.acquire()
        if self.fail:
            raise JournalFailed("no space left")
        self.commits.append([entry.body for entry in entries])
        self._next += len(entries)
        return range(self._next - len(entries), self._next)

    async def begun(self) -> None:
        await asyncio.to_thread(self.began.acquire)


def group(disk: SlowDisk, most_bytes: int = 1 << 20) -> GroupWriter:
    return GroupWriter(disk, most_bytes=most_bytes, apart_s=0)  # type: ignore[arg-type]


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_what_arrives_during_a_commit_is_the_next_commit() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        writer = group(disk)
        running = asyncio.ensure_future(writer.run())
        first = asyncio.ensure_future(writer.append([entry("a")]))
        await disk.begun()
        others = [asyncio.ensure_future(writer.append([entry(text), entry(text)])) for text in "bc"]
        done: list[range] = []
        await asyncio.sleep(0)
        writer.put([entry("d")], done.append)
        assert not first.done()
        disk.go_on.release()
        assert await first == range(1, 2)
        await disk.begun()
        assert not any(other.done() for other in others) and not done
        disk.go_on.release()
        assert [await other for other in others] == [range(2, 4), range(4, 6)]
        assert done == [range(6, 7)]
        assert disk.commits == [[b"a"], [b"b", b"b", b"c", b"c", b"d"]]
        await stop(running)

    asyncio.run(scene())


def test_a_refused_commit_answers_nobody_and_ends_the_service() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        disk.fail = True
        writer = group(disk)
        answered: list[range] = []
        running = asyncio.ensure_future(writer.run())
        waiting = asyncio.ensure_future(writer.append([entry("a")]))
        await disk.begun()
        writer.put([entry("b")], answered.append)
        disk.go_on.release()
        with pytest.raises(JournalFailed, match="no space left"):
            await running
        with pytest.raises(JournalFailed):
            await waiting
        with pytest.raises(JournalFailed):
            writer.put([entry("c")])
        with pytest.raises(JournalFailed):
            await writer.append([entry("d")])
        assert answered == [] and disk.commits == []

    asyncio.run(scene())


def test_a_full_queue_refuses_put_and_lets_append_wait() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        writer = group(disk, most_bytes=1000)
        running = asyncio.ensure_future(writer.run())
        writer.put([entry("x" * 700)])
        with pytest.raises(asyncio.QueueFull, match="disk is slower"):
            writer.put([entry("y" * 700)])
        waiting = asyncio.ensure_future(writer.append([entry("z" * 700)]))
        await disk.begun()
        assert writer.queued_bytes == 800
        disk.go_on.release()
        await disk.begun()
        disk.go_on.release()
        assert await waiting == range(2, 3)
        assert writer.queued_bytes == 0
        await stop(running)

    asyncio.run(scene())


def test_one_group_larger_than_the_queue_passes_alone() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        writer = group(disk, most_bytes=10)
        running = asyncio.ensure_future(writer.run())
        waiting = asyncio.ensure_future(writer.append([entry("x" * 700)]))
        await disk.begun()
        disk.go_on.release()
        assert await waiting == range(1, 2)
        await stop(running)

    asyncio.run(scene())


def test_stopping_commits_what_was_taken_and_answers_it() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        writer = group(disk)
        running = asyncio.ensure_future(writer.run())
        first = asyncio.ensure_future(writer.append([entry("a")]))
        await disk.begun()
        second = asyncio.ensure_future(writer.append([entry("b")]))
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.sleep(0)
        running.cancel()  # an impatient second signal changes nothing
        disk.go_on.release()
        disk.go_on.release()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert (await first, await second) == (range(1, 2), range(2, 3))
        with pytest.raises(JournalFailed, match="stopping"):
            await writer.append([entry("c")])

    asyncio.run(scene())


def test_commits_keep_their_distance() -> None:
    async def scene() -> None:
        starts: list[float] = []
        loop = asyncio.get_running_loop()

        class Disk:
            def append(self, entries: Sequence[Entry]) -> range:
                starts.append(loop.time())
                return range(1, 1 + len(entries))

        writer = GroupWriter(Disk(), apart_s=0.02)  # type: ignore[arg-type]
        running = asyncio.ensure_future(writer.run())
        began = loop.time()
        for _ in range(5):
            await writer.append([entry("x")])
        await stop(running)
        assert all(start >= began + 0.02 * n - 0.001 for n, start in enumerate(starts))

    asyncio.run(scene())


def test_a_caller_that_gave_up_disturbs_nobody() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        writer = group(disk)
        running = asyncio.ensure_future(writer.run())
        gone = asyncio.ensure_future(writer.append([entry("a")]))
        stays = asyncio.ensure_future(writer.append([entry("b")]))
        await disk.begun()
        gone.cancel()
        disk.go_on.release()
        assert await stays == range(2, 3)
        await stop(running)

    asyncio.run(scene())


def test_batches_are_entries_in_their_place_among_the_others() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        disk.go_on.release(9)
        writer = group(disk)
        done: list[range] = []
        batches = [one_row(Frame(("a.b",)), n, np.array([float(n)]), np.zeros(1, np.uint8)) for n in range(2)]
        writer.take(batches[0])
        writer.put([entry("x"), entry("y")], done.append)
        writer.take(batches[1])
        running = asyncio.ensure_future(writer.run())
        await writer.append([entry("z")])
        await stop(running)
        assert [body for commit in disk.commits for body in commit][1:3] == [entry("x").body, entry("y").body]
        assert [commit[at] for commit, at in ((disk.commits[0], 0), (disk.commits[0], 3))] == [encode_batch(b).body for b in batches]
        assert done == [range(2, 4)] and writer.queued_bytes == 0

    asyncio.run(scene())


def test_what_nobody_waits_for_lies_a_little_and_hurries_when_somebody_does() -> None:
    async def scene() -> None:
        disk = SlowDisk()
        disk.go_on.release(9)
        writer = GroupWriter(disk, apart_s=0, patient_s=60)  # type: ignore[arg-type]
        running = asyncio.ensure_future(writer.run())
        writer.put([entry("a")])
        for _ in range(5):
            await asyncio.sleep(0)
        assert not disk.commits
        async with asyncio.timeout(5):
            await writer.append([entry("b")])
        writer.put([entry("c")])
        async with asyncio.timeout(5):
            await writer.append([entry("d")])
        assert disk.commits == [[entry("a").body, entry("b").body], [entry("c").body, entry("d").body]]
        await stop(running)

    asyncio.run(scene())
