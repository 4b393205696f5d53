"""A crash at any instant of a seal or a merge leaves every sample exactly once: for readers at that instant and after the restart."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from collector.store import seal as sealing
from collector.store.ledger import Ledger
from collector.store.parquet import NAME, ParquetStore
from plantroom.clock import NS
from plantroom.history import History
from plantroom.history.embedded import connect
from plantroom.history.parts import found
from plantroom.model import Quality
from tests.kit.telemetry import START_NS, Sample, SiteJournal

POINTS = ("fp-1.pressure", "fp-1.running", "lift-1.speed")


class Crash(BaseException):
    """The process is gone: nothing after it runs, not even an `except Exception`."""


class Crasher:
    """Lets `left` operations on disk happen, then crashes: before the operation, or in the middle of it where a file is being written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 10**9
        self.done = 0
        self._wrap(monkeypatch, sealing, "sync_folder")
        self._wrap(monkeypatch, sealing, "_copy", torn=True)
        self._wrap(monkeypatch, os, "fsync")
        self._wrap(monkeypatch, Path, "replace")
        self._wrap(monkeypatch, Path, "mkdir")
        self._wrap(monkeypatch, Path, "unlink")
        self._wrap(monkeypatch, Path, "write_text", torn=True)
        self._wrap(monkeypatch, Ledger, "announce")
        self._wrap(monkeypatch, Ledger, "settle")

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, torn: bool = False) -> None:
        whole: Callable[..., Any] = getattr(where, name)

        def step(*arguments: Any, **named: Any) -> Any:
            if self.left == 0:
                if torn:
                    whole(*arguments, **named)
                    path = next(one for one in arguments if isinstance(one, Path))
                    os.truncate(path, path.stat().st_size // 2)
                raise Crash(name)
            self.left -= 1
            self.done += 1
            return whole(*arguments, **named)

        monkeypatch.setattr(where, name, step)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def fill(site: SiteJournal, seconds: range) -> None:
    """Two frames; every tenth sample bad; the lift's stamps lie in the day before, so each seal writes two days."""
    for second in seconds:
        pressure = Quality.NO_ANSWER if second % 10 == 0 else second / 8
        site.put({"fp-1.pressure": pressure, "fp-1.running": second % 2}, START_NS + second * NS)
        site.put({"lift-1.speed": second}, START_NS - 3600 * NS + second * NS)


def shown(history: History) -> dict[str, list[Sample]]:
    """Every sample a reader sees, bad runs taken apart by their count (they are of one sample each here)."""
    series = history.query(POINTS, START_NS - 86_400 * NS, START_NS + 86_400 * NS)
    return {
        point: [
            (int(at), float(last) if code == 0 else None, int(code))
            for at, last, code in zip(one.at_ns, one.last, one.quality, strict=True)
        ]
        for point, one in series.items()
        if len(one)
    }


def crash_everywhere(site: SiteJournal, monkeypatch: pytest.MonkeyPatch, work: Callable[[ParquetStore], None]) -> int:
    """Runs `work` with a crash before each of its operations in turn, looking each time; returns how many there were."""
    wanted, history, crasher = site.samples(), site.history(), Crasher(monkeypatch)
    for number in range(1000):
        crasher.left = 10**9
        store = site.parquet()
        assert shown(history) == wanted, f"after the restart before crash {number}"
        crasher.left, crasher.done = number, 0
        try:
            work(store)
        except Crash:
            crasher.left = 10**9
            assert shown(history) == wanted, f"a reader while the writer lies dead, crash {number}"
            continue
        crasher.left = 10**9
        return number
    raise AssertionError("the work never ended")


def test_a_crash_at_any_instant_of_a_seal_loses_and_doubles_nothing(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, range(40))

    def work(store: ParquetStore) -> None:
        store.take(site.records(store.sealed))
        store.seal()

    assert crash_everywhere(site, monkeypatch, work) > 15
    store = site.parquet()
    counts = site.ledger().counts(NAME)
    assert store.sealed == 80
    assert sum(count.read for count in counts.values()) == 120
    assert sum(count.bad for count in counts.values()) == 4
    assert all(count.difference == 0 for count in counts.values())


def test_a_crash_at_any_instant_of_a_merge_loses_and_doubles_nothing(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    store = site.parquet()
    for seal in range(7):
        fill(site, range(10 * seal, 10 * seal + 10))
        store.take(site.records(store.sealed))
        store.seal()
    assert len(found(site.folder / "history")) == 14
    crash_everywhere(site, monkeypatch, lambda store: store.upkeep())
    assert len(found(site.folder / "history")) == 16, "one wide part a day more; the replaced ones wait for their readers"
    after = site.parquet()
    after.upkeep()
    site.clock.advance(601)
    after.upkeep()
    assert len(found(site.folder / "history")) == 2
    assert shown(site.history()) == site.samples()


def test_the_crash_test_sees_a_marker_moved_too_early(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: with the marker written before the parts, samples are missing after a crash."""
    fill(site, range(20))

    def work(store: ParquetStore) -> None:
        records = site.records(store.sealed)
        store.take(records)
        if records:
            sealing.mark(site.folder / "history", records[-1].seq)
        store.seal()

    with pytest.raises(AssertionError):
        crash_everywhere(site, monkeypatch, work)


def test_the_crash_test_sees_parts_that_count_before_all_are_there(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: going by the parts' names alone, a seal of two days that stopped after the first loses the second."""
    fill(site, range(20))
    monkeypatch.setattr("plantroom.history.embedded.sealed_upto", lambda folder: max((part.last for part in found(folder)), default=0))

    def work(store: ParquetStore) -> None:
        store.take(site.records(store.sealed))
        store.seal()

    with pytest.raises(AssertionError):
        crash_everywhere(site, monkeypatch, work)


def test_a_part_is_sorted_by_point_and_time(site: SiteJournal) -> None:
    """What queries skip row groups by; samples come by frame and late ones after newer ones."""
    for second in (5, 1, 9, 3):
        site.put({"lift-1.speed": second, "fp-1.pressure": 1.0}, START_NS + second * NS)
        site.put({"fp-1.pressure": 2.0, "a-1.x": 1.0}, START_NS + second * NS + 1)
    store = site.parquet()
    store.take(site.records())
    store.seal()
    (part,) = found(site.folder / "history")
    with closing(connect()) as db:
        rows = db.execute("SELECT point, at_ns FROM read_parquet(?)", [str(part.path)]).fetchall()
    assert rows == sorted(rows)
    assert len(rows) == 16


def test_an_abandoned_seal_is_cleaned_away(site: SiteJournal) -> None:
    fill(site, range(5))
    store = site.parquet()
    store.take(site.records())
    store.seal()
    folder = site.folder / "history"
    for stray in ("day=2025-11-21/part-11-30.parquet", "day=2025-11-21/.part-11-30.parquet.tmp", ".sealed.json.tmp"):
        (folder / stray).write_bytes(b"half")
    assert sorted(path.name for path in sealing.clean(folder, store.sealed)) == [
        ".part-11-30.parquet.tmp", ".sealed.json.tmp", "part-11-30.parquet",
    ]  # fmt: skip
    assert shown(site.history()) == site.samples()


def test_a_folder_with_a_quote_in_its_name_is_only_a_folder(tmp_path: Path) -> None:
    with SiteJournal(tmp_path / "it's 1号楼") as site:
        fill(site, range(5))
        store = site.parquet()
        store.take(site.records())
        store.seal()
        assert shown(site.history()) == site.samples()
