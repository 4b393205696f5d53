from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import NS
from plantroom.history.tail import Tail
from plantroom.model import Quality
from tests.kit.telemetry import START_NS, SiteJournal


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def shown(tail: Tail, *points: str) -> list[tuple[int, int]]:
    """(which point, seconds after the start), ascending"""
    found = tail.samples(points, START_NS, START_NS + 1000 * NS)
    return sorted((int(which), int(at - START_NS) // NS) for which, at in zip(found.which, found.at_ns, strict=True))


def test_it_grows_with_the_journal_and_shrinks_with_the_seals(site: SiteJournal) -> None:
    tail = Tail(site.journal.reader())
    tail.refresh(0)
    assert shown(tail, "a.x") == []
    for second in range(4):
        site.put({"a.x": 1.0, "b.y": Quality.NO_ANSWER}, START_NS + second * NS)
    tail.refresh(0)
    assert shown(tail, "b.y", "a.x") == [(which, second) for which in (0, 1) for second in range(4)]
    tail.refresh(2)
    assert shown(tail, "a.x") == [(0, 2), (0, 3)]
    site.put({"a.x": 1.0}, START_NS + 9 * NS)
    tail.refresh(4)
    assert shown(tail, "a.x") == [(0, 9)]
    assert shown(tail, "b.y") == []


def test_a_seal_far_ahead_of_what_was_read_is_jumped_to(site: SiteJournal) -> None:
    tail = Tail(site.journal.reader())
    for second in range(5):
        site.put({"a.x": 1.0}, START_NS + second * NS)
    tail.refresh(4)
    assert shown(tail, "a.x") == [(0, 4)]


def test_absent_samples_and_other_records_are_not_there(site: SiteJournal) -> None:
    site.tick(1)
    site.put({"a.x": 1.0}, START_NS)
    site.put({"b.y": 1.0}, START_NS + NS)
    tail = Tail(site.journal.reader())
    tail.refresh(0)
    assert shown(tail, "a.x") == [(0, 0)]
