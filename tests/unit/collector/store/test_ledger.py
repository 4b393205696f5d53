from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from collector.store import ledger as module
from collector.store.ledger import Count, DeadLetter, Ledger, added, gaps_in

DAY = "2025-11-21"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger(tmp_path / "store.db")) as opened:
        yield opened


def test_a_new_follower_begins_at_the_beginning(ledger: Ledger) -> None:
    assert ledger.position("influxdb") == 0
    assert ledger.health("influxdb") == "well"


def test_position_account_letters_and_gaps_move_together_and_survive(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(Ledger(path)) as first:
        first.advance("influxdb", 10, {DAY: Count(100, 90, 5, 3, 0, 2)}, [DeadLetter("m x=1 1", "conflict", 2, 10)], [(4, 6)])
        first.advance("influxdb", 20, {DAY: Count(10, 10)})
    with closing(Ledger(path)) as second:
        assert second.position("influxdb") == 20
        assert second.counts("influxdb") == {DAY: Count(110, 100, 5, 3, 0, 2)}
        assert second.counts("influxdb")[DAY].difference == 0
        assert second.dead_letters("influxdb") == [DeadLetter("m x=1 1", "conflict", 2, 10)]
        assert second.gaps("influxdb") == [(4, 6)]


def test_the_same_dead_letter_again_adds_its_samples(ledger: Ledger) -> None:
    for seq in (1, 2):
        ledger.advance("influxdb", seq, {}, [DeadLetter("gen-9", "no applied site file names this equipment", 5, seq)])
    assert ledger.dead_letters("influxdb") == [DeadLetter("gen-9", "no applied site file names this equipment", 10, 2)]


def test_dead_letters_are_bounded_and_the_newest_stay(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LETTERS", 5)
    for seq in range(1, 21):
        ledger.advance("influxdb", seq, {}, [DeadLetter(f"m x=1 {seq}", "conflict", 1, seq)])
    assert [letter.seq for letter in ledger.dead_letters("influxdb")] == [20, 19, 18, 17, 16]


def test_an_announced_seal_counts_only_once_it_stands(ledger: Ledger) -> None:
    ledger.announce("parquet", 10, {DAY: Count(5, 5)})
    ledger.announce("parquet", 10, {DAY: Count(5, 5)})  # the disk refused, it is tried again
    assert ledger.counts("parquet") == {}
    ledger.settle("parquet", 10)
    ledger.announce("parquet", 25, {DAY: Count(7, 7)}, [(20, 22)])
    ledger.settle("parquet", 10)
    assert ledger.counts("parquet") == {DAY: Count(5, 5)}, "the seal up to 25 never came true"
    assert ledger.gaps("parquet") == []
    ledger.announce("parquet", 30, {DAY: Count(8, 7, 1)}, [(20, 22)])
    ledger.settle("parquet", 30)
    assert ledger.counts("parquet") == {DAY: Count(13, 12, 1)}
    assert ledger.gaps("parquet") == [(20, 22)]


def test_health_is_remembered_without_moving_the_position(ledger: Ledger) -> None:
    ledger.advance("influxdb", 10, {})
    ledger.set_health("influxdb", "down")
    assert (ledger.position("influxdb"), ledger.health("influxdb")) == (10, "down")
    ledger.advance("influxdb", 11, {})
    assert ledger.health("influxdb") == "down"


def test_kinds_of_equipment_that_is_gone_are_remembered(ledger: Ledger) -> None:
    ledger.remember({"gen-1": "generator", "fp-1": "fire_pump"})
    assert ledger.remember({"gen-1": "pump"}) == {"gen-1": "pump", "fp-1": "fire_pump"}


def test_a_forgotten_follower_keeps_its_account(ledger: Ledger) -> None:
    ledger.advance("influxdb-1", 10, {DAY: Count(1, 1)})
    ledger.forget("influxdb-1")
    assert ledger.followers() == []
    assert ledger.counts("influxdb-1") == {DAY: Count(1, 1)}


def test_open_faults_of_a_target(ledger: Ledger) -> None:
    ledger.projected("i.faults", 3, ["F1-1", "F2-1"], [])
    ledger.projected("i.faults", 4, ["F3-1"], ["F1-1"])
    assert ledger.open_faults("i.faults") == {"F2-1", "F3-1"}
    assert ledger.position("i.faults") == 4


def test_holes_in_an_order_are_found() -> None:
    assert gaps_in(0, [1, 2, 3]) == []
    assert gaps_in(10, [15, 16, 20]) == [(11, 14), (17, 19)]


def test_counts_add_by_day() -> None:
    assert added({DAY: Count(1, 1)}, {DAY: Count(2, 1, 1), "2025-11-22": Count(1, 1)}) == {DAY: Count(3, 2, 1), "2025-11-22": Count(1, 1)}
    assert Count(5, 1, 1, 1, 1, 0).difference == 1
