"""A program that appends to a journal as fast as it is durable and says on stdout what was acknowledged: `ack FIRST LAST` (own numbers).

    python -m tests.kit.appender FOLDER SOURCE RUN [--ack-before-commit] [--most N] [--signs FOLDER] [--synchronous 0|1|2] [--keep]

Bodies are `RUN:NUMBER:` and padding. Ends with `failed TEXT` and exit code 1 where the journal refuses, with `done` after --most entries
or when there is a file `stop` among the signs; a file `midnight` there makes it the next day.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
from pathlib import Path

from plantroom.clock import Reading, SystemClock
from plantroom.errors import JournalFailed
from plantroom.journal import Entry, GroupWriter, Journal, Keeper, Kind
from plantroom.journal import keeper as keeper_module

DAY_NS = 86_400 * 10**9
PRODUCERS = 4


class MidnightClock:
    """The machine's clock on a day of its own, and on the next once somebody has put up the sign. Every process sees the same day."""

    def __init__(self, sign: Path) -> None:
        self._real, self._sign = SystemClock(), sign

    def read(self) -> Reading:
        now = self._real.read()
        day = 20_001 if self._sign.exists() else 20_000
        return Reading(day * DAY_NS + now.boot_ns % DAY_NS // 2, now.boot_ns, now.boot)


def say(text: str) -> None:
    os.write(1, f"{text}\n".encode())


async def produce(writer: GroupWriter, options: argparse.Namespace, numbers: list[int]) -> None:
    rng = random.Random(os.getpid())
    while not (options.most and numbers[0] >= options.most) and not (options.signs and (options.signs / "stop").exists()):
        first = numbers[0]
        count = rng.randint(1, 5)
        numbers[0] += count
        entries = [
            Entry(Kind.EVENT, f"{options.run}:{n}:".encode() + b"x" * rng.choice((0, 50, 500, 5000))) for n in range(first, first + count)
        ]
        if options.ack_before_commit:
            say(f"ack {first} {first + count - 1}")
        await writer.append(entries)
        if not options.ack_before_commit:
            say(f"ack {first} {first + count - 1}")


async def work(options: argparse.Namespace) -> None:
    clock = MidnightClock(options.signs / "midnight") if options.signs else SystemClock()
    journal = Journal(options.folder, clock)
    with journal.writer(options.source) as bare:
        if options.synchronous is not None:
            bare.append([Entry(Kind.EVENT, b"first")])
            bare._db.pragma("synchronous", options.synchronous)  # type: ignore[union-attr]
        writer = GroupWriter(bare)
        say("ready")
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(writer.run())]
            if options.keep:
                tasks.append(group.create_task(Keeper(journal).run()))
            numbers = [0]
            async with asyncio.TaskGroup() as producers:
                for _ in range(PRODUCERS):
                    producers.create_task(produce(writer, options, numbers))
            for task in tasks:
                task.cancel()
    say("done")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("source")
    parser.add_argument("run")
    parser.add_argument("--ack-before-commit", action="store_true")
    parser.add_argument("--most", type=int, default=0)
    parser.add_argument("--signs", type=Path)
    parser.add_argument("--synchronous", type=int)
    parser.add_argument("--keep", action="store_true", help="with a Keeper that works far more often than in service")
    options = parser.parse_args()
    keeper_module.LOOK_S, keeper_module.CHECKPOINT_PAGES, keeper_module.STUCK_PAGES = 0.02, 20, 100
    began = time.monotonic()
    try:
        asyncio.run(work(options))
    except* JournalFailed as failed:
        say(f"failed after {time.monotonic() - began:.1f} s: {failed.exceptions[0]}")
        os._exit(1)


if __name__ == "__main__":
    main()
