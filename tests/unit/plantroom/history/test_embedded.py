from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from plantroom.clock import NS
from plantroom.history import embedded, open_history
from plantroom.model import Quality
from tests.kit.telemetry import START_NS, SiteJournal

END_NS = START_NS + 86_400 * NS


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def fill(site: SiteJournal, seconds: range) -> None:
    for second in seconds:
        value = Quality.NO_ANSWER if second % 60 in (30, 31) else second / 10
        site.put({"fp-1.pressure": value, "fp-1.running": second // 100 % 2}, START_NS + second * NS)


def test_the_journals_tail_is_there_before_anything_is_sealed(site: SiteJournal) -> None:
    fill(site, range(120))
    pressure = site.history().query(["fp-1.pressure"], START_NS, END_NS)["fp-1.pressure"]
    assert len(pressure) == 118, "two runs of two bad samples are two rows"
    assert pressure.count.sum() == 120


def test_a_seal_changes_no_answer(site: SiteJournal) -> None:
    fill(site, range(300))
    history = site.history()
    points = ["fp-1.pressure", "fp-1.running", "fp-9.none"]
    asked = [(None, START_NS, END_NS), (60 * NS, START_NS + 7 * NS, START_NS + 200 * NS), (7 * NS, START_NS, END_NS)]
    before = [history.query(points, start, end, step) for step, start, end in asked]
    store = site.parquet()
    store.take(site.records()[:170])
    store.seal()
    after = [history.query(points, start, end, step) for step, start, end in asked]
    for old, new in zip(before, after, strict=True):
        for point in points:
            for column in ("at_ns", "mean", "min", "max", "last", "quality", "count"):
                np.testing.assert_allclose(getattr(old[point], column), getattr(new[point], column), err_msg=f"{point}.{column}")


def test_a_step_gives_min_mean_max_and_last_of_the_good_samples(site: SiteJournal) -> None:
    for second, value in enumerate([4.0, Quality.SENTINEL, 1.0, 3.0]):
        site.put({"ahu-1.t": value}, START_NS + second * NS)
    site.put({"ahu-1.t": Quality.NO_ANSWER}, START_NS + 10 * NS)
    series = site.history().query(["ahu-1.t"], START_NS, END_NS, 5 * NS)["ahu-1.t"]
    assert ((series.at_ns - START_NS) // NS).tolist() == [0, 10]
    assert [float(column[0]) for column in (series.mean, series.min, series.max, series.last)] == [8 / 3, 1.0, 4.0, 3.0]
    assert series.count.tolist() == [3, 0]
    assert series.quality.tolist() == [0, Quality.NO_ANSWER]


def test_late_samples_stand_at_their_own_time(site: SiteJournal) -> None:
    site.put({"lift-1.speed": 2.0}, START_NS + 100 * NS)
    store = site.parquet()
    store.take(site.records())
    store.seal()
    late = site.put({"lift-1.speed": 1.0}, START_NS - 3600 * NS)
    site.put({"lift-1.speed": 1.5}, START_NS + 50 * NS)
    history = site.history()
    for _ in range(2):
        series = history.query(["lift-1.speed"], START_NS - 86_400 * NS, END_NS)["lift-1.speed"]
        assert series.last.tolist() == [1.0, 1.5, 2.0]
        store.take(site.records(store.sealed))
        store.seal()
    assert {path.parent.name for path in (site.folder / "history").glob("day=*/*.parquet")} == {"day=2025-11-20", "day=2025-11-21"}
    assert store.sealed == late + 1


def test_the_range_is_half_open(site: SiteJournal) -> None:
    fill(site, range(3))
    history = site.history()
    assert len(history.query(["fp-1.pressure"], START_NS, START_NS + 2 * NS)["fp-1.pressure"]) == 2
    assert len(history.query(["fp-1.pressure"], START_NS, START_NS)["fp-1.pressure"]) == 0


@pytest.mark.parametrize(("points", "start", "step"), [(["a.b", "a.b"], 0, None), (["a.b"], -1, None), (["a.b"], 0, 0)])
def test_a_question_that_makes_no_sense_is_refused(site: SiteJournal, points: list[str], start: int, step: int | None) -> None:
    with pytest.raises(ValueError, match=r"twice|count from"):
        site.history().query(points, start, END_NS, step)


def test_a_site_without_any_history_answers_with_nothing(tmp_path: Path) -> None:
    with closing(open_history(tmp_path / "new")) as history:
        assert len(history.query(["a.b"], 0, END_NS)["a.b"]) == 0


def test_a_part_that_goes_between_listing_and_reading_is_looked_for_again(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, range(10))
    store = site.parquet()
    store.take(site.records())
    store.seal()
    part = next((site.folder / "history").glob("day=*/part-*.parquet"))
    history = site.history()
    listed = embedded.counting

    def vanishing(*arguments: object) -> object:
        parts = listed(*arguments)  # type: ignore[arg-type]
        monkeypatch.setattr(embedded, "counting", listed)
        part.rename(part.with_name("part-0-10.parquet"))  # a compaction put the same samples into a wider part
        return parts

    monkeypatch.setattr(embedded, "counting", vanishing)
    assert len(history.query(["fp-1.running"], START_NS, END_NS)["fp-1.running"]) == 10
