"""Whatever a crash or a bad disk leaves of the newest day file: the journal opens, gives back only what was written, and goes on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from plantroom.journal import Journal, Kind, Record
from tests.kit.journals import clock, entry, telemetry

LAST = 120


@dataclass(frozen=True)
class Harm:
    """What happened to the file: cut to, or overwritten at, a place given as a share of its size."""

    what: str  # "cut" | "garbage" | "zeros" | "gone"
    where: str  # "" | "-wal": the file itself or its log
    at: float
    length: int
    seed: int

    def do(self, db: Path) -> None:
        path = Path(f"{db}{self.where}")
        if not path.exists():
            return
        size = path.stat().st_size
        place = min(int(self.at * size), max(size - 1, 0))
        if self.what == "gone":
            path.unlink()
        elif self.what == "cut":
            os.truncate(path, place)
        else:
            filler = bytes(self.length) if self.what == "zeros" else (self.seed.to_bytes(4, "big") * (self.length // 4 + 1))[: self.length]
            with path.open("r+b") as file:
                file.seek(place)
                file.write(filler[: size - place])


class Left:
    """A journal's folder as a killed process left it, and the records that stand in it."""

    def __init__(self, folder: Path, records: list[Record]) -> None:
        self.folder, self.records = folder, records


harms = st.builds(
    Harm,
    what=st.sampled_from(["cut", "garbage", "garbage", "zeros"]),
    where=st.sampled_from(["", "-wal"]),
    at=st.floats(0, 1, exclude_max=True),
    length=st.sampled_from([1, 4, 100, 512, 4096, 20_000]),
    seed=st.integers(0, 2**32 - 1),
)
no_log = st.builds(Harm, what=st.just("gone"), where=st.just("-wal"), at=st.just(0.0), length=st.just(0), seed=st.just(0))


@pytest.fixture(scope="module")
def written() -> Iterator[Left]:
    """A journal as a killed process leaves it: an older day, a newest file half checkpointed, its log still there."""
    with tempfile.TemporaryDirectory() as folder:
        live, left = Path(folder) / "live", Path(folder) / "left"
        at = clock()
        journal = Journal(live, at)
        with journal.writer("collect") as writer, journal.reader() as reader:
            writer.append([entry("yesterday"), entry("{}", Kind.CONFIG)])
            at.advance(86_400)
            n = 2
            while n < LAST:
                size = (n * 7919) % 6000
                writer.append([entry(f"{n}:" + "x" * size), telemetry(n, (f"p.{n % 5}",))])
                n += 2
                if n == LAST // 2:
                    writer._db.wal_checkpoint(mode=3)  # type: ignore[union-attr]
            records = reader.read_after(0)
            shutil.copytree(live, left, ignore=shutil.ignore_patterns("*-shm", "bells"))
        yield Left(left, records)


def judge(left: Path, records: list[Record], damage: list[Harm]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        harmed = Path(folder) / "journal"
        shutil.copytree(left, harmed)
        for harm in damage:
            harm.do(harmed / "2026-11-22.db")
        journal = Journal(harmed, clock())
        with journal.writer("collect") as writer, journal.reader() as reader:
            after = writer.append([entry("after")])
            kept = reader.read_after(0)
            old = {record.seq: record for record in records}
            others = [record for record in kept if old.get(record.seq) != record]
            event(f"declared a recovery: {len(others) > 1}")
            event(f"kept {100 * (len(kept) - len(others)) // len(records) // 20 * 20} % or more")
            assert [record.seq for record in kept] == sorted({record.seq for record in kept})
            assert kept[-1].seq == after[0] and kept[-1].body == b"after"
            assert [orjson.loads(record.body)["event"] for record in others[:-1]] in ([], ["journal_recovered"])
            assert kept[:2] == records[:2]  # what stands in other files is not touched
            _holes_are_declared(kept, others)
            for record in kept:
                if record.kind is Kind.TELEMETRY:
                    assert reader.frame(record.body[4:12]).points
            newest = reader.last_of(Kind.CONFIG)
            assert newest is not None and newest.seq == 2


def _holes_are_declared(kept: list[Record], others: list[Record]) -> None:
    declared: set[int] = set()
    for record in others[:-1]:
        said = orjson.loads(record.body)
        for first, last in said["lost"]:
            declared |= set(range(first, last + 1))
        if said["lost_ranges"] > len(said["lost"]):
            return
    missing = set(range(1, kept[-1].seq + 1)) - {record.seq for record in kept}
    assert missing == declared


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(harms | no_log, min_size=1, max_size=3))
def test_a_torn_journal_opens_keeps_what_is_whole_and_says_what_is_lost(written: Left, damage: list[Harm]) -> None:
    judge(written.folder, written.records, damage)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.floats(0, 1))
def test_a_cut_log_loses_its_end_only(written: Left, at: float) -> None:
    records = written.records
    with tempfile.TemporaryDirectory() as folder:
        harmed = Path(folder) / "journal"
        shutil.copytree(written.folder, harmed)
        log = harmed / "2026-11-22.db-wal"
        os.truncate(log, int(at * log.stat().st_size))
        with Journal(harmed, clock()).reader() as reader:
            kept = reader.read_after(0)
        assert kept == records[: len(kept)]
        assert len(kept) >= LAST // 2  # what was checkpointed needs no log


@pytest.mark.soak
@settings(max_examples=10_000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(harms | no_log, min_size=1, max_size=4))
def test_ten_thousand_torn_journals(written: Left, damage: list[Harm]) -> None:
    judge(written.folder, written.records, damage)
