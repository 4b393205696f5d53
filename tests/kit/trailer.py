"""A program that follows a journal up to a record `end` and says what it saw: `saw COUNT DIGEST` or `hole TEXT`.

    python -m tests.kit.trailer FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from hashlib import sha256
from pathlib import Path

from plantroom.clock import SystemClock
from plantroom.journal import Follower, Journal, Record


def digest(records: list[Record]) -> str:
    total = sha256()
    for record in records:
        total.update(f"{record.seq} {record.source} {record.source_seq} {record.at.wall_ns} ".encode() + record.body)
    return total.hexdigest()


async def main(folder: Path) -> None:
    seen: list[Record] = []
    async for records in Follower(Journal(folder, SystemClock()), 0):
        for record in records:
            if record.seq != (seen[-1].seq if seen else 0) + 1:
                print(f"hole {record.seq} after {seen[-1].seq if seen else 0}", flush=True)
                return
            seen.append(record)
        if seen[-1].body == b"end":
            break
    print(f"saw {len(seen)} {digest(seen)}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
