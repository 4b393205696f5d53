"""What a demo has come to: counted while it runs, the rest at the end, each record once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from plantroom.journal import Journal
from simulators.summary import PAGE, Tally, summarise
from tests.kit.journals import clock, entry, telemetry


def grown(journal: Journal, *, samples: int = 0, restarts: int = 0) -> None:
    with journal.writer("test") as writer:
        event = entry(orjson.dumps({"event": "service_restarted", "service": "rules", "site": "hq"}).decode())
        writer.append([*[telemetry(1.0, points=("gen-1.speed",))] * samples, *[event] * restarts])


def test_what_was_counted_on_the_way_is_not_counted_again_at_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", clock())
    with Tally(journal.folder, clock()) as tally:
        assert summarise(tmp_path, tally)["samples"] == 0  # the folder is not even there
        grown(journal, samples=3, restarts=1)
        assert tally.look(2) and (tally.samples, tally.restarts["rules"]) == (2, 0)
        grown(journal, samples=4, restarts=1)
        assert summarise(tmp_path, tally) == {
            "samples": 7, "bad_samples": 0, "faults": [], "orders": 0, "pushes": {"accepted": 0, "failed": 0},
        }  # fmt: skip
        assert tally.restarts["rules"] == 2 and not tally.look()


def test_a_tally_that_follows_leaves_nothing_for_the_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal", clock())
    grown(journal, samples=PAGE + 9)

    async def play(tally: Tally) -> None:
        async with asyncio.timeout(0):  # one turn of the loop each: it never waits while there is something to count
            await tally.follow()

    with Tally(journal.folder, clock()) as tally:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                asyncio.run(play(tally))
        assert tally.samples == PAGE + 9 and not tally.look()
