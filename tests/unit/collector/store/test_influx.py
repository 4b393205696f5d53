from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store import influx as module
from collector.store.answers import Answer, Verdict
from collector.store.influx import LETTERS_RUN_S, InfluxStore, bodies
from collector.store.ledger import Count
from plantroom.clock import NS
from plantroom.model import Quality
from tests.kit.fake_store import FakeStore
from tests.kit.telemetry import START_NS, SiteJournal

KINDS = {"fp-1": "fire_pump", "gen-1": "generator"}
DAY = "2025-11-21"
LATER = Answer(Verdict.LATER, "ConnectError: refused")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SiteJournal]:
    with SiteJournal(tmp_path / "hq") as journal:
        yield journal


def store_of(site: SiteJournal, endpoint: FakeStore) -> InfluxStore:
    async def pause(seconds: float) -> None:
        site.clock.advance(seconds)

    return InfluxStore("influxdb-1", endpoint, site.journal, site.ledger(), site.clock, "hq", KINDS, where="http://db hq", pause=pause)


def fill(site: SiteJournal, seconds: range) -> None:
    for second in seconds:
        value = Quality.NO_ANSWER if second % 10 == 3 else second / 8
        site.put({"fp-1.pressure": value, "gen-1.speed": 1500.0}, START_NS + second * NS)


def drain(site: SiteJournal, store: InfluxStore, most: int = 7) -> None:
    async def all_of_it() -> None:
        while records := site.records(store.position)[:most]:
            await store.take(records)

    asyncio.run(all_of_it())


def events(site: SiteJournal) -> list[dict[str, object]]:
    return [json.loads(body) for body in site.events()]


def test_every_good_sample_arrives_once_and_the_account_is_even(site: SiteJournal) -> None:
    fill(site, range(50))
    endpoint = FakeStore()
    store = store_of(site, endpoint)
    drain(site, store)
    assert endpoint.samples() == 95
    counts = site.ledger().counts("influxdb-1")
    assert counts == {DAY: Count(100, 95, 5)}
    assert store.position == 50


def test_a_restart_goes_on_where_the_store_had_everything(site: SiteJournal) -> None:
    fill(site, range(20))
    endpoint = FakeStore()
    drain(site, store_of(site, endpoint))
    fill(site, range(20, 30))
    again = store_of(site, endpoint)
    assert again.position == 20
    drain(site, again)
    assert endpoint.samples() == 57
    assert site.ledger().counts("influxdb-1")[DAY].stored == 57


def test_a_crash_between_the_stores_answer_and_our_note_doubles_nothing(site: SiteJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(site, range(20))
    endpoint = FakeStore()
    store = store_of(site, endpoint)
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(store._ledger, "advance", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        drain(site, store)
    assert endpoint.samples() > 0
    drain(site, store_of(site, endpoint))
    assert endpoint.samples() == 38
    assert site.ledger().counts("influxdb-1") == {DAY: Count(40, 38, 2)}


def test_a_field_in_conflict_is_a_dead_letter_and_the_rest_goes_on(site: SiteJournal) -> None:
    fill(site, range(20))
    endpoint = FakeStore(bad=lambda line: b"speed=" in line and line.endswith(str(START_NS + 5 * NS).encode()))
    drain(site, store_of(site, endpoint))
    ledger = site.ledger()
    (letter,) = ledger.dead_letters("influxdb-1")
    assert letter.line == f"generator,site=hq,equipment=gen-1 speed=1500.0 {START_NS + 5 * NS}"
    assert "conflict" in letter.reason
    assert ledger.counts("influxdb-1") == {DAY: Count(40, 37, 2, 0, 0, 1)}
    assert endpoint.samples() == 37


def test_dead_letters_are_told_once_and_their_end_once(site: SiteJournal) -> None:
    endpoint = FakeStore(bad=lambda line: b"speed=" in line)
    store = store_of(site, endpoint)
    for second in range(5):
        fill(site, range(second, second + 1))
        drain(site, store)
    assert [event["event"] for event in events(site)] == ["dead_letter"]
    assert events(site)[0]["store"] == "influxdb"
    endpoint._bad = lambda line: False
    site.clock.advance(LETTERS_RUN_S)
    for second in range(5, 8):
        fill(site, range(second, second + 1))
        drain(site, store)
    assert [event["event"] for event in events(site)] == ["dead_letter", "dead_letter_over"]


def test_an_outage_is_told_once_even_over_a_restart(site: SiteJournal) -> None:
    fill(site, range(3))
    endpoint = FakeStore()
    endpoint.instead.extend([LATER] * 10)

    async def until_told() -> None:
        store = store_of(site, endpoint)
        await store.take(site.records(0)[:1])

    asyncio.run(until_told())
    assert [event["event"] for event in events(site)] == ["store_down", "store_down_over"]
    site.ledger().set_health("influxdb-1", "down")  # as a process that died in the outage left it
    drain(site, store_of(site, endpoint))
    assert [event["event"] for event in events(site)] == ["store_down", "store_down_over", "store_down_over"]
    assert all(event["where"] == "http://db hq" for event in events(site))


def test_equipment_of_no_site_file_is_a_dead_letter(site: SiteJournal) -> None:
    site.put({"gone-1.x": 1.0, "fp-1.pressure": 2.0})
    site.put({"gone-1.x": 1.0, "fp-1.pressure": 2.0}, START_NS + NS)
    endpoint = FakeStore()
    drain(site, store_of(site, endpoint), most=1)
    ledger = site.ledger()
    (letter,) = ledger.dead_letters("influxdb-1")
    assert (letter.line, letter.samples) == ("gone-1", 2)
    assert ledger.counts("influxdb-1") == {DAY: Count(4, 2, 0, 0, 0, 2)}


def test_a_poisoned_record_stops_nothing(site: SiteJournal) -> None:
    site.put_raw(b"\x09poison")
    fill(site, range(2))
    endpoint = FakeStore()
    drain(site, store_of(site, endpoint))
    assert endpoint.samples() == 4
    ledger = site.ledger()
    assert ledger.gaps("influxdb-1") == [(1, 1)]
    assert ledger.dead_letters("influxdb-1")[0].line == "record 1"


def test_requests_are_bounded_in_lines_and_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 3)
    assert [len(body) for body in bodies([b"a\nb\n", b"c\nd\n"])] == [3, 1]
    monkeypatch.setattr(module, "MOST_BYTES", 4)
    assert bodies([b"aaaa\nbb\nc\nd\n"]) == [[b"aaaa"], [b"bb", b"c"], [b"d"]]
    assert bodies([]) == bodies([b""]) == []


def test_retention_is_told_how_far_the_follower_is(site: SiteJournal) -> None:
    site.clock.advance(10)
    fill(site, range(3))
    drain(site, store_of(site, FakeStore()))
    assert site.journal.positions.all() == {"influxdb-1": 3}
