"""The whole service as processes, killed at random instants: nothing acknowledged is lost, each fault is raised exactly once."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plantroom.clock import SystemClock
from plantroom.journal import Journal
from plantroom.journal.record import Kind
from tests.kit.house import House

SERVICES = ("collect", "rules", "history", "notify", "web")
SOAK = os.environ.get("PLANTROOM_SOAK") == "1"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path, pumps=40)
    try:
        house.start()
        yield house
    finally:
        house.close()


def test_sigterm_stops_everything_within_five_seconds(house: House) -> None:
    pids = house.services()
    assert set(pids) == set(SERVICES)
    assert house.stop() < 5
    assert not [pid for pid in pids.values() if Path(f"/proc/{pid}").exists()]


def test_kills_of_every_service_lose_nothing_and_raise_nothing_twice(house: House) -> None:
    kill_and_check(house, kills=10, seed=11)


@pytest.mark.soak
def test_two_hundred_kills_of_every_service(tmp_path: Path) -> None:
    house = House(tmp_path, pumps=400)
    try:
        house.start()
        kill_and_check(house, kills=200, seed=12)
    finally:
        house.close()


def kill_and_check(house: House, kills: int, seed: int) -> None:
    """Kills services one after the other at random instants while faults are injected, then holds the journal against the records."""
    rng = random.Random(seed)
    house.wait_for(lambda: house.rows("SELECT 1 FROM position WHERE seq > 50"), 30, "the engine runs")
    injected: list[int] = []
    for n in range(kills):
        service = SERVICES[n % len(SERVICES)]
        for pump in range(2 * n, 2 * n + 2):
            house.inputs.phase_loss(pump % house.pumps, 1)
            injected.append(pump % house.pumps)
        time.sleep(rng.uniform(0.2, 3.0))
        before = house.services().get(service)
        if before is None:  # still in its back-off from the kill before
            house.wait_for(lambda service=service: service in house.services(), 15, f"{service} is back")
        house.kill(service)
        house.wait_for(
            lambda service=service, before=before: house.services().get(service) not in (None, before), 20, f"{service} is started again"
        )
    expected = {f"fp-{pump}" for pump in injected}
    house.wait_for(
        lambda: {str(row[0]) for row in house.rows("SELECT equipment FROM fault WHERE rule = 'phase_loss'")} >= expected,
        40, "every injected fault is raised",
    )  # fmt: skip
    house.wait_for(lambda: not house.rows("SELECT 1 FROM outbox WHERE state = 'queued'"), 40, "every page is accepted")
    restarts = house.rows("SELECT count(*) FROM chronicle WHERE instr(body, 'service_restarted') AND kind LIKE '%event%'")
    assert house.stop() < 6

    faults = [str(row[0]) for row in house.rows("SELECT equipment FROM fault WHERE rule = 'phase_loss'")]
    assert sorted(faults) == sorted(expected), "each injected fault exactly once"
    orders = house.rows("SELECT o.equipment FROM work_order o JOIN fault f ON f.id = o.fault WHERE f.rule = 'phase_loss'")
    assert len(orders) == len(expected), "exactly one order a fault"
    assert not house.rows("SELECT equipment FROM fault WHERE rule NOT IN ('phase_loss', 'service_restarted') AND equipment <> 'monitor'")
    paged: dict[str, int] = {}
    for _, key, body in house.receiver.pages:
        if body["reason"] == "raised" and body["fault"]["rule"] == "phase_loss":  # type: ignore[index]
            paged[key] = paged.get(key, 0) + 1
    assert len(paged) == len(expected), "a page for every fault"
    assert sum(count - 1 for count in paged.values()) <= kills, "at most one duplicate a kill"
    assert int(str(restarts[0][0])) > 0
    assert house.inputs.refused == 0, "no function code but 1 to 4 was ever sent"
    check_journal(house)
    check_rebuild(house)


def check_rebuild(house: House) -> None:
    """The journal, computed again from its beginning, gives the records that stand."""
    command = [str(Path(sys.executable).parent / "plantroom"), "rebuild", "--data", str(house.data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout.strip())


def check_journal(house: House, least: int = 100) -> None:
    """One gapless order; no hole in any source's own count. least: so many records of telemetry."""
    reader = Journal(house.data / "house" / "journal", SystemClock()).reader()
    counts: dict[tuple[str, str], int] = {}
    seq, telemetry = 0, 0
    while records := reader.read_after(seq):
        for record in records:
            assert record.seq == seq + 1, f"hole before {record.seq}"
            seq = record.seq
            key = (record.source, record.at.boot)
            assert record.source_seq == counts.get(key, 0) + 1, f"{key}: {record.source_seq} after {counts.get(key, 0)}"
            counts[key] = record.source_seq
            telemetry += record.kind is Kind.TELEMETRY
            if record.kind is not Kind.TELEMETRY:
                json.loads(record.body)
    reader.close()
    assert telemetry >= least
    print(f"\n{seq} records, {telemetry} of telemetry, sources {sorted(source for source, _ in counts)}")
