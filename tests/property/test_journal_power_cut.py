"""A power cut at any point, in front of any sync, with any part of the unsynced writes lost: no acknowledged entry is missing (P1).

The controls: the same with synchronous=NORMAL, and with acknowledging before the commit, must be caught losing.
"""

from __future__ import annotations

import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from plantroom.journal import Journal, Keeper, Kind
from tests.kit.crashvfs import Recording, recorded
from tests.kit.journals import clock, entry, holes

COMMITS = 40
FULL, NORMAL = 2, 1


@dataclass(frozen=True)
class Way:
    """How the writer under test works; the product's way is the default."""

    synchronous: int = FULL
    acknowledge_first: bool = False


def record(way: Way, seed: int) -> Recording:
    """A run of commits of many sizes with checkpoints between them."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), clock())
        with journal.writer("first") as writer:
            writer.append([entry("0")])
        with recorded(journal.folder) as recording, journal.writer("collect") as writer:
            keeper = Keeper(journal)
            writer.append([entry("1")])
            assert writer._db is not None
            writer._db.pragma("synchronous", way.synchronous)
            written = 2
            recording.acknowledge(written)
            for n in range(COMMITS):
                group = [entry(f"{written + k}" + "x" * rng.choice((1, 100, 3000, 9000))) for k in range(rng.randint(1, 4))]
                written += len(group)
                if way.acknowledge_first:
                    recording.acknowledge(written)
                writer.append(group)
                recording.acknowledge(written)
                if n % 9 == 8:
                    keeper.checkpoint()
            ended = len(recording.ops)
            keeper.close()
        del recording.ops[ended:]  # a power cut comes while everything is open
        return recording


def losses(way: Way, states: int, seed: int = 1) -> list[str]:
    """What is wrong after the cuts; empty where every state kept every acknowledged entry, in order, and needed no mending."""
    recording = record(way, seed)
    rng = random.Random(seed)
    found: list[str] = []
    for _ in range(states):
        cut = rng.randrange(1, len(recording.ops) + 1)
        acknowledged = recording.acknowledged(cut)
        with tempfile.TemporaryDirectory() as folder:
            for name, content in recording.crash(cut, rng).items():
                (Path(folder) / name).write_bytes(content)
            said = _judge(Path(folder), acknowledged)
        if said:
            found.append(f"cut at {cut} of {len(recording.ops)}: {said}")
    return found


def _judge(folder: Path, acknowledged: int) -> str:
    journal = Journal(folder, clock())
    with journal.writer("after") as writer, journal.reader() as reader:
        writer.append([entry("after")])
        records = reader.read_after(0)
    bodies = [record.body.rstrip(b"x").decode() for record in records[:-1]]
    if any(record.kind is Kind.EVENT and b"journal_recovered" in record.body for record in records):
        return "it had to be mended"
    if bodies != [str(n) for n in range(len(bodies))]:
        return f"not what was written: {bodies}"
    if len(bodies) < acknowledged:
        return f"{acknowledged} entries were acknowledged, {len(bodies)} are there"
    return "; ".join(holes(records))


def test_no_power_cut_takes_an_acknowledged_entry() -> None:
    assert losses(Way(), states=250) == []


@pytest.mark.parametrize("way", [Way(synchronous=NORMAL), Way(acknowledge_first=True)], ids=["NORMAL", "acknowledged before commit"])
def test_the_control_is_caught_losing(way: Way) -> None:
    found = losses(way, states=60)
    assert any("were acknowledged" in said for said in found), found


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 42))
def test_ten_thousand_power_cuts(seed: int) -> None:
    assert losses(Way(), states=250, seed=seed) == []
