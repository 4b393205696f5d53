"""Every query of every dashboard, as Grafana would send it, returns data from a real engine filled by the simulated tower."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from collector.store.deliver import Delivery
from collector.store.faults import FaultProjection
from collector.store.health import Doctor
from collector.store.influx import InfluxStore
from collector.store.influx_http import InfluxEndpoint
from collector.store.ledger import Ledger
from dashboards.grafana import build
from dashboards.grafana.influxql import substituted
from dashboards.grafana.panels import queries_in
from plantroom.clock import NS
from plantroom.model import Batch, Frame, Quality, all_bad
from plantroom.records import Records
from plantroom.site import Site, StoreTarget
from plantroom.site_file import load_site
from simulators.world import World
from tests.kit.influxd import Influxd
from tests.kit.telemetry import START_NS, SiteJournal

pytestmark = pytest.mark.needs("influxd")

TOWER = Path("simulators/sites/tower.yaml")
ROOT = Path(__file__).parents[2]
SECONDS = 300
EVERY_S = 10


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """Five minutes of the demo tower through journal and follower into an engine."""
    folder = tmp_path_factory.mktemp("tower")
    site = load_site(ROOT / TOWER)
    with Influxd(folder / "influxd") as influx, SiteJournal(folder / site.id) as journal:
        influx.create("plant")
        simulate(site, journal)
        asyncio.run(follow(site, journal, influx))
        yield influx


def simulate(site: Site, journal: SiteJournal) -> None:
    """What a collector would have read: every bound point of every machine, all together every ten seconds; one device falls silent."""
    world = World(site, seed=7, start_ns=START_NS)
    monitored = [equipment for equipment in site.equipment.values() if equipment.bindings]
    frames = {equipment.id: Frame(tuple(binding.point for binding in equipment.bindings)) for equipment in monitored}
    for second in range(0, SECONDS, EVERY_S):
        at_ns = START_NS + second * NS
        world.step(at_ns)
        batches = []
        for equipment, frame in frames.items():
            if equipment == "ahu-1" and 100 <= second < 200:
                batches.append(all_bad(frame, at_ns, Quality.NO_ANSWER))
                continue
            points = world.plants[equipment].points
            values = np.array([[points.get(point.partition(".")[2], 0.0) for point in frame.points]])
            batches.append(Batch(frame, np.array([at_ns]), values, np.zeros(values.shape, np.uint8)))
        journal.put_batches(batches)


async def follow(site: Site, journal: SiteJournal, influx: Influxd) -> None:
    target = StoreTarget(influx.url, 1, "plant")
    kinds = {equipment.id: equipment.kind.name for equipment in site.equipment.values()}
    async with InfluxEndpoint(target, journal.clock) as endpoint:
        store = InfluxStore("influxdb-1", endpoint, journal.journal, journal.ledger(), journal.clock, site.id, kinds)
        while records := journal.records(store.position):
            await store.take(records)
        await faults(site, journal, Delivery(endpoint, Doctor(), lambda: 0.0, nothing_to_tell))


async def faults(site: Site, journal: SiteJournal, delivery: Delivery) -> None:
    path = journal.folder / "records.db"
    with closing(Records.open(path)) as records:
        for number, ended in enumerate((None, START_NS + 200 * NS)):
            row = {
                "id": f"F{number}", "rule": f"rule_{number}", "rule_hash": "h", "equipment": "gen-1", "kind": "generator",
                "severity": "readiness", "condition": "active" if ended is None else "cleared", "onset_ns": START_NS,
                "raised_ns": START_NS + 60 * NS, "ended_ns": ended, "do_json": "{}", "trace_json": "{}",
                "text_json": json.dumps({"zh": "油压低", "en": "Low oil pressure"}),
            }  # fmt: skip
            records.db.execute(f"INSERT INTO fault ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
        with closing(Ledger(journal.folder / "history" / "faults.db")) as ledger:
            await FaultProjection("i.faults", path, ledger, delivery, journal.clock, site.id).project(records)


async def nothing_to_tell(event: str, why: str) -> None:
    raise AssertionError(f"{event}: {why}")


def boards() -> list[dict[str, Any]]:
    return [json.loads((build.FOLDER / f"plantroom-site-{language}.json").read_text()) for language in build.LANGUAGES]


QUERIES = [
    pytest.param(query, id=f"{board['uid']}: {where}")
    for board in boards()
    for where, query in queries_in(board)
    if (board["uid"].endswith("zh") or '"en"' in query or query.startswith("SHOW"))  # the others are the same in both languages
]


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_returns_data(tower: Influxd, query: str) -> None:
    everything = {name: ".*" for name in ("generator", "ats", "fire_pump", "elevator", "ahu")} | {"site": "tower"}
    sent = substituted(query, everything, START_NS // 10**6, (START_NS + SECONDS * NS) // 10**6, "15s")
    found = tower.ask(sent, "plant")
    values = [value for series in found for row in series["values"] for value in row[1:] if value is not None]
    assert values, sent


def test_a_chosen_equipment_is_the_only_one_shown(tower: Influxd) -> None:
    (query,) = {query for board in boards() for where, query in queries_in(board) if '"car_mode"' in query}
    chosen = {"site": "tower", "elevator": "(lift-20|lift-21)"}
    found = tower.ask(substituted(query, chosen, START_NS // 10**6, START_NS // 10**6 + 60_000, "15s"), "plant")
    assert {series["tags"]["equipment"] for series in found} <= {"lift-20", "lift-21"}
    assert found


def test_the_queries_of_both_languages_ask_the_same_of_the_engine() -> None:
    asked = [{(query.replace('"zh"', '"en"')) for _, query in queries_in(board)} for board in boards()]
    assert asked[0] == asked[1]
