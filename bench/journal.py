"""The journal: durable commits, records and bytes a second, and append -> a follower in another process. Peer: sqlite3 with executemany.

Both write the same bodies with synchronous=FULL, in groups of the same size, on the same disk. The peer keeps (id, body) and nothing
else: no order over processes, no checksum, no followers, no day files. `python bench/journal.py --seconds 2`
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from plantroom.clock import SystemClock
from plantroom.journal import Entry, Follower, GroupWriter, Journal, Keeper, encode_batch
from plantroom.model import Batch, Frame

POINTS = 100


def bodies(n: int) -> list[Entry]:
    """Telemetry of n reads of 100 points each."""
    frame = Frame(tuple(f"machine.point_{k}" for k in range(POINTS)))
    values = np.arange(POINTS, dtype=np.float64).reshape(1, -1)
    quality = np.zeros((1, POINTS), np.uint8)
    return [encode_batch(Batch(frame, np.array([k]), values + k, quality)) for k in range(n)]


def measure(commit: Callable[[], None], seconds: float) -> tuple[float, float]:
    """(commits a second, CPU seconds a second) of calling `commit` again and again."""
    count, began, cpu = 0, time.perf_counter(), time.process_time()
    while (took := time.perf_counter() - began) < seconds:
        commit()
        count += 1
    return count / took, (time.process_time() - cpu) / took


def ours(folder: Path, group: list[Entry], seconds: float) -> tuple[float, float]:
    journal = Journal(folder, SystemClock())
    keeper = Keeper(journal)
    with journal.writer("bench") as writer:
        writer.append(group)

        def commit() -> None:
            writer.append(group)
            keeper.checkpoint(1_000)

        answer = measure(commit, seconds)
        keeper.close()
    return answer


def peer(folder: Path, group: list[Entry], seconds: float) -> tuple[float, float]:
    folder.mkdir()
    db = sqlite3.connect(folder / "peer.db", isolation_level=None)
    db.execute("PRAGMA journal_mode = wal")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, body BLOB)")
    rows = [(entry.body,) for entry in group]

    def commit() -> None:
        db.execute("BEGIN IMMEDIATE")
        db.executemany("INSERT INTO record (body) VALUES (?)", rows)
        db.execute("COMMIT")

    answer = measure(commit, seconds)
    db.close()
    return answer


def throughput(seconds: float) -> None:
    print(f"{'records a commit':>17} {'':8}{'commits/s':>10} {'records/s':>11} {'points/s':>12} {'MB/s':>7} {'CPU us/record':>14}")
    for size in (1, 10, 100, 1000):
        group = bodies(size)
        width = sum(len(entry.body) for entry in group)
        for name, run in (("journal", ours), ("sqlite3", peer)):
            with tempfile.TemporaryDirectory() as folder:
                commits, cpu = run(Path(folder) / "j", group, seconds)
            records = commits * size
            figures = f"{commits:10.0f} {records:11.0f} {records * POINTS:12.0f} {commits * width / 1e6:7.1f} {1e6 * cpu / records:14.1f}"
            print(f"{size:17} {name:8}{figures}")


def grouped(seconds: float) -> None:
    """40 producers put one entry every 25 ms each: what 40 polled connections look like."""

    async def scene(folder: Path) -> tuple[float, float, int]:
        journal = Journal(folder, SystemClock())
        with journal.writer("bench") as bare:
            writer = GroupWriter(bare)
            entries = bodies(40)
            committed: list[range] = []

            async def produce(entry: Entry) -> None:
                while True:
                    writer.put([entry], committed.append)
                    await asyncio.sleep(0.025)

            began, cpu = time.perf_counter(), time.process_time()
            try:
                async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                    group.create_task(writer.run())
                    for entry in entries:
                        group.create_task(produce(entry))
            except TimeoutError:
                pass
            took = time.perf_counter() - began
            with journal.reader() as reader:
                commits = len({record.at.boot_ns for record in reader.read_after(0, 10**6, 1 << 30)})
            return len(committed) / took, (time.process_time() - cpu) / took, round(commits / took)

    with tempfile.TemporaryDirectory() as folder:
        rate, cpu, commits = asyncio.run(scene(Path(folder) / "j"))
    said = f"{rate:.0f} records/s = {rate * POINTS:.0f} points/s in {commits} commits/s"
    print(f"\n40 producers at 40 Hz: {said}, {100 * cpu:.1f} % of a core")


def idle(seconds: float) -> None:
    async def scene(folder: Path) -> float:
        journal = Journal(folder, SystemClock())
        with journal.writer("bench") as writer:
            writer.append(bodies(1))

            async def follow() -> None:
                async for _ in Follower(journal, 0):
                    pass

            task = asyncio.ensure_future(follow())
            await asyncio.sleep(0.2)
            cpu = time.process_time()
            await asyncio.sleep(seconds)
            cpu = time.process_time() - cpu
            task.cancel()
            return cpu / seconds

    with tempfile.TemporaryDirectory() as folder:
        print(f"a follower with nothing to do: {100 * asyncio.run(scene(Path(folder) / 'j')):.2f} % of a core")


def latency(count: int) -> None:
    """From before `append` to the record in the hands of a follower in another process, which answers with a datagram."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as answers:
        answers.bind(f"{folder}/answers")
        answers.settimeout(10)
        journal = Journal(Path(folder) / "j", SystemClock())
        follower = subprocess.Popen([sys.executable, __file__, "--follow", str(journal.folder), f"{folder}/answers"])
        entry = bodies(1)[0]
        took, committed = [], []
        try:
            with journal.writer("bench") as writer:
                writer.append([entry])
                answers.recv(64)
                for _ in range(count):
                    time.sleep(0.003)
                    began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
                    writer.append([entry])
                    committed.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - began)
                    took.append(int(answers.recv(64)) - began)
        finally:
            follower.terminate()
            follower.wait()
    for name, values in (("append -> committed", committed), ("append -> follower in another process", took)):
        p50, p99 = (np.percentile(values, share) / 1e6 for share in (50, 99))
        print(f"{name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms over {count}")


async def answer(folder: Path, where: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        async for _ in Follower(Journal(folder, SystemClock()), 0):
            out.sendto(str(time.clock_gettime_ns(time.CLOCK_MONOTONIC)).encode(), where)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--follow", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.follow:
        asyncio.run(answer(Path(options.follow[0]), options.follow[1]))
        return
    throughput(options.seconds)
    grouped(options.seconds * 2)
    latency(500)
    idle(options.seconds * 2)
    reading()


def reading() -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "j", SystemClock())
        with journal.writer("bench") as writer, journal.reader() as reader:
            group = bodies(1000)
            for _ in range(20):
                writer.append(group)
            cpu, read = time.process_time(), 0
            while page := reader.read_after(read):
                read = page[-1].seq
            cpu = time.process_time() - cpu
        size = sum(path.stat().st_size for path in journal.folder.glob("*.db*"))
        print(f"reading back: {read / cpu:.0f} records/s = {read * POINTS / cpu:.0f} points/s; {size / read:.0f} B a record on disk")


if __name__ == "__main__":
    main()
