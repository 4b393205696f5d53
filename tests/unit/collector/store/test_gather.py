from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.store.gather import Gathered, count, days_of
from collector.store.ledger import Count
from plantroom.clock import NS
from plantroom.journal.columns import Columns
from plantroom.journal.record import encode_batch
from plantroom.model import Batch, Frame, Quality, one_row
from tests.kit.telemetry import START_NS, SiteJournal


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def gathered(site: SiteJournal) -> Gathered:
    result = Gathered(site.journal.reader(), 0)
    result.take(site.records())
    return result


def test_samples_of_all_frames_come_flat_without_the_absent_ones(site: SiteJournal) -> None:
    site.put({"b.x": 1.0, "a.y": Quality.SENTINEL})
    site.tick(1)
    frame = Frame(("a.y", "c.z"))
    site.put_batch(one_row(frame, START_NS + NS, np.array([2.0, np.nan]), np.array([0, Batch.ABSENT], np.uint8)))
    taken = gathered(site)
    flat = taken.flat()
    assert (taken.samples, taken.last) == (4, 3)
    assert [
        (flat.points[which], int(at), None if np.isnan(value) else float(value), int(quality))
        for which, at, value, quality in zip(flat.which, flat.at_ns, flat.values, flat.quality, strict=True)
    ] == [("b.x", START_NS, 1.0, 0), ("a.y", START_NS, None, 4), ("a.y", START_NS + NS, 2.0, 0)]


def test_nothing_gathered_is_nothing_flat(site: SiteJournal) -> None:
    site.tick(1)
    assert gathered(site).flat().points == ()


def test_records_that_are_gone_are_a_gap(site: SiteJournal) -> None:
    for _ in range(5):
        site.put({"a.x": 1.0})
    result = Gathered(site.journal.reader(), 0)
    records = site.records()
    result.take([records[2], records[4]])
    assert result.gaps == [(1, 2), (4, 4)]


def test_a_poisoned_record_is_told_and_passed(site: SiteJournal) -> None:
    frame = Frame(("a.x",))
    good = encode_batch(one_row(frame, START_NS, np.array([1.0]), np.zeros(1, np.uint8))).body
    site.put_raw(good, frame)
    site.put_raw(b"\x07" + good[1:], frame)
    site.put_raw(good[:-1], frame)
    site.put_raw(good[:4] + b"stranger" + good[12:])
    site.put_raw(good, frame)
    taken = gathered(site)
    assert taken.samples == 2
    assert [seq for seq, _ in taken.unreadable] == [2, 3, 4]
    assert "version 7" in taken.unreadable[0][1]


def test_the_span_is_between_the_headers(site: SiteJournal) -> None:
    site.tick(1)
    site.tick(599)
    assert gathered(site).span_s == 599
    site.clock.step_wall(-86_400)
    site.tick(0)
    assert gathered(site).span_s == 86_400 - 599, "a clock set back is no reason to wait for a day"


def test_cells_are_counted_by_their_own_day() -> None:
    at = np.array([START_NS - 1, START_NS], np.int64)
    quality = np.array([[0, 1], [0, 255]], np.uint8)
    columns = Columns(Frame(("a.x", "a.y")), at, np.zeros((2, 2)), quality)
    assert count(columns) == {"2025-11-20": Count(2, 1, 1, 0), "2025-11-21": Count(2, 1, 0, 1)}
    assert days_of(np.empty(0, np.int64)) == []
