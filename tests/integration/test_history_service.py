"""The `history` service as a process, killed at random instants: both stores hold the journal's samples exactly once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest

from collector.store.influx_http import follower_name
from collector.store.ledger import Ledger
from collector.store.parquet import NAME as PARQUET
from plantroom.bundle import apply
from plantroom.clock import NS
from plantroom.history.parts import found, sealed_upto
from plantroom.model import Frame, Quality, one_row
from plantroom.site import StoreTarget
from tests.kit.influxd import Influxd
from tests.kit.telemetry import START_NS, SiteJournal

pytestmark = pytest.mark.needs("influxd")

SITE = """
site: {{id: hq, name: 总部, zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus-1, modbus_tcp: {{host: 127.0.0.1, port: 1502}}}}
equipment:
  - {{id: gen-1, kind: generator, name: 1号发电机, profile: smartgen-hgm4000n, connection: bus-1, unit: 3}}
influxdb: {{url: "{url}", api: 1, database: plant}}
"""


class Service:
    """`plantroom service history` on a data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._log = data / "history.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "plantroom", "service", "history", "--data", str(self._data), "--site", "hq"]
            self._process = subprocess.Popen(command, stderr=log, env=os.environ | {"OMP_NUM_THREADS": "1"})

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    def stop(self) -> int:
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(10)

    def log(self) -> str:
        return self._log.read_text()


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[Influxd]:
    with Influxd(tmp_path / "influxd") as running:
        running.create("plant")
        yield running


@pytest.fixture
def site(tmp_path: Path, influx: Influxd) -> Iterator[SiteJournal]:
    (tmp_path / "site.yaml").write_text(SITE.format(url=influx.url))
    with SiteJournal(tmp_path / "data" / "hq") as journal:
        assert apply(tmp_path / "site.yaml", journal.journal, "test", by={}) is not None
        yield journal


@pytest.fixture
def service(tmp_path: Path, site: SiteJournal) -> Iterator[Service]:
    running = Service(tmp_path / "data")
    yield running
    with suppress(AssertionError):
        running.kill()


def put(site: SiteJournal, seconds: range) -> int:
    """A message a second, 50 to a commit; every eleventh second the device does not answer. Returns the last seq."""
    seq = 0
    frame = Frame(("gen-1.engine_speed", "gen-1.oil_pressure"))
    for first in range(seconds.start, seconds.stop, 50):
        batches = []
        for second in range(first, min(first + 50, seconds.stop)):
            silent = second % 11 == 0
            values = np.array([np.nan if silent else second, second / 8])
            batches.append(one_row(frame, START_NS + second * NS, values, np.array([silent * Quality.NO_ANSWER, 0], np.uint8)))
        seq = site.put_batches(batches)
        site.clock.advance(len(batches))
    return seq


def wait_for(condition: Callable[[], bool], what: str, service: Service, seconds: float = 30) -> None:
    """Another process cannot tell us: it is looked at every 20 ms."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} never came\n{service.log()[-4000:]}"
        time.sleep(0.02)


def positions(site: SiteJournal, follower: str) -> int:
    with closing(Ledger(site.folder / "history" / "store.db")) as ledger:
        return ledger.position(follower)


def good(site: SiteJournal) -> int:
    return sum(code == 0 for samples in site.samples().values() for _, _, code in samples)


def kill_and_count(site: SiteJournal, influx: Influxd, service: Service, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    name = follower_name(StoreTarget(influx.url, 1, "plant"))
    second = 0
    for _ in range(kills):
        service.start()
        before = positions(site, name) if (site.folder / "history" / "store.db").exists() else 0
        for _ in range(chance.randint(1, 4)):
            put(site, range(second, second + 400))
            second += 400
        if chance.random() < 0.7:  # else it is killed while it starts
            wait_for(lambda before=before: positions(site, name) > before, "some progress", service)  # type: ignore[misc]
        service.kill()
    service.start()
    last = put(site, range(second, second + 700))
    wait_for(lambda: positions(site, name) >= last, "the end of the journal in InfluxDB", service)
    wait_for(lambda: sealed_upto(site.folder / "history") >= last - 650, "a seal", service)
    assert service.stop() == 0
    assert influx.count("plant") == good(site)
    with closing(Ledger(site.folder / "history" / "store.db")) as ledger:
        sealed = sealed_upto(site.folder / "history")
        counts = ledger.counts(name).values()
        assert sum(one.stored for one in counts) == good(site)
        assert sum(one.read for one in counts) == sum(map(len, site.samples().values()))
        assert sum(one.difference for one in counts) == sum(one.dead for one in counts) == 0
        assert ledger.gaps(name) == ledger.gaps(PARQUET) == []
        assert sum(one.read for one in ledger.counts(PARQUET).values()) <= sum(map(len, site.samples().values()))
    assert [part for part in found(site.folder / "history") if part.last > sealed] == []
    history, samples = site.history(), site.samples()
    for point, held in samples.items():
        series = history.query([point], 0, START_NS * 2)[point]
        assert int(series.count.sum()) == len(held), point
        assert [(at, last) for at, last, code in zip(series.at_ns, series.last, series.quality, strict=True) if code == 0] == [
            (at, value) for at, value, code in held if code == 0
        ]


def test_kills_at_random_instants_lose_and_double_nothing(site: SiteJournal, influx: Influxd, service: Service) -> None:
    kill_and_count(site, influx, service, kills=5, seed=3)


@pytest.mark.soak
def test_a_hundred_kills(site: SiteJournal, influx: Influxd, service: Service) -> None:
    kill_and_count(site, influx, service, kills=100, seed=4)


def test_the_embedded_store_goes_on_while_influxdb_is_dead(site: SiteJournal, influx: Influxd, service: Service) -> None:
    influx.kill()
    service.start()
    last = put(site, range(1300))
    wait_for(lambda: sealed_upto(site.folder / "history") >= last - 650, "a seal without InfluxDB", service)
    assert positions(site, follower_name(StoreTarget(influx.url, 1, "plant"))) == 0
    influx.start()
    wait_for(lambda: influx.count("plant") == good(site), "the back-fill", service, 60)
    assert service.stop() == 0
