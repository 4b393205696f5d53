"""Whatever is sealed and merged in whatever order, a history answers as the journal would, read sample by sample."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plantroom.clock import NS
from plantroom.history.series import Series
from plantroom.model import Batch, Frame
from tests.kit.telemetry import START_NS, Sample, SiteJournal

POINTS = ("fp-1.a", "fp-1.b", "gen-1.c")
FRAMES = (Frame(POINTS), Frame(POINTS[:1]), Frame((POINTS[2], POINTS[0])))
CODES = st.sampled_from([0, 0, 0, 1, 6, Batch.ABSENT])

Step = tuple[str, Batch | None]


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """A row or three, anywhere within two days around midnight; distinct instants per batch, as a journal's are."""
    frame = draw(st.sampled_from(FRAMES))
    rows = draw(st.sampled_from([1, 1, 3]))
    at = sorted(draw(st.lists(st.integers(-3000, 3000), min_size=rows, max_size=rows, unique=True)))
    shape = (rows, len(frame.points))
    cells = rows * len(frame.points)
    quality = np.array(draw(st.lists(CODES, min_size=cells, max_size=cells)), np.uint8).reshape(shape)
    numbers = np.array(draw(st.lists(st.integers(-50, 50), min_size=cells, max_size=cells)), float).reshape(shape)
    return Batch(frame, START_NS + np.array(at, np.int64) * NS, np.where(quality == 0, numbers / 4, np.nan), quality, stamped=True)


STEPS = st.lists(st.one_of(st.tuples(st.just("put"), batches()), st.tuples(st.sampled_from(["seal", "upkeep", "restart"]), st.none())), max_size=14)


@given(STEPS, st.integers(-3500, 3000), st.integers(1, 4000), st.integers(1, 900))
@settings(max_examples=60, deadline=None)
def test_a_history_answers_as_the_journal_would(steps: list[Step], start_s: int, span_s: int, step_s: int) -> None:
    with tempfile.TemporaryDirectory() as folder, SiteJournal(Path(folder) / "hq") as site:
        store, history = site.parquet(), site.history()
        for number, (what, batch) in enumerate(steps):
            if batch is not None:
                # one sample a point and instant: two of one instant have no order a store could keep
                site.put_batch(Batch(batch.frame, batch.at_ns + number, batch.values, batch.quality, stamped=True))
                store.take(site.records(store._gathered.last))
            elif what == "seal":
                store.seal()
            elif what == "upkeep":
                site.clock.advance(4000)
                store.upkeep()
            else:
                store = site.parquet()
                store.take(site.records(store.sealed))
        start, step = START_NS + start_s * NS, step_s * NS
        end = start + span_s * NS
        held = {point: [one for one in found if start <= one[0] < end] for point, found in site.samples().items()}
        whole = history.query(POINTS, start, end)
        parts = history.query(POINTS, start, end, step)
        for point in POINTS:
            check_samples(whole[point], held.get(point, []))
            check_buckets(parts[point], held.get(point, []), step)


def check_samples(series: Series, held: list[Sample]) -> None:
    assert series.count.sum() == len(held)
    good = series.quality == 0
    assert list(zip(series.at_ns[good], series.last[good], strict=True)) == [(at, value) for at, value, code in held if code == 0]
    assert np.isnan(series.last[~good]).all()
    bad = [(at, code) for n, (at, _, code) in enumerate(held) if code and (n == 0 or held[n - 1][2] != code)]
    assert list(zip(series.at_ns[~good], series.quality[~good], strict=True)) == bad


def check_buckets(series: Series, held: list[Sample], step: int) -> None:
    buckets: dict[int, list[Sample]] = {}
    for one in held:
        buckets.setdefault(one[0] // step * step, []).append(one)
    assert series.at_ns.tolist() == sorted(buckets)
    for row, at in enumerate(series.at_ns.tolist()):
        values = [value for _, value, code in buckets[at] if code == 0 and value is not None]
        assert series.count[row] == len(values)
        if values:
            shown = [float(column[row]) for column in (series.mean, series.min, series.max, series.last)]
            assert shown == [sum(values) / len(values), min(values), max(values), values[-1]]
            assert series.quality[row] == 0
        else:
            assert np.isnan([column[row] for column in (series.mean, series.min, series.max, series.last)]).all()
            assert series.quality[row] == [code for _, _, code in buckets[at]][-1]
