"""The rules service as a process: killed at random instants, frozen, started anew, rebuilt; each injected fault exactly once."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from plantroom.clock import NS
from plantroom.journal import Entry, Kind
from tests.kit import breaking_engine
from tests.kit.services import Services

SOAK = os.environ.get("PLANTROOM_SOAK") == "1"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    services = Services(tmp_path, 40, [])
    try:
        yield services
    finally:
        services.close()


def exactly_once(injected: list[int], raised: list[int]) -> None:
    """The oracle. Raises AssertionError for a fault that is missing, raised twice or invented."""
    assert raised == sorted(injected)


def test_the_oracle_sees_what_it_must() -> None:
    """The control."""
    exactly_once([2, 1], [1, 2])
    for wrong in ([1], [1, 2, 2], [1, 2, 3]):
        with pytest.raises(AssertionError):
            exactly_once([1, 2], wrong)


def kill_and_check(services: Services, kills: int, seed: int) -> None:
    rng = random.Random(seed)
    services.start("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM position"), 20, "the engine runs")
    injected: list[int] = []
    for n in range(kills):
        services.broken[n] = 1
        injected.append(n)
        time.sleep(rng.uniform(0.0, 3.0))  # the instant of the kill, which is what varies here
        services.kill("rules")
        services.start("rules")
    services.wait_for(lambda: set(services.raised()) >= set(injected), 30, "every injected fault is raised")
    before = services.rows("SELECT seq FROM position")[0][0]
    services.wait_for(lambda: services.rows("SELECT seq FROM position")[0][0] > before + 500, 20, "it went on")
    services.stop_collecting()
    assert services.end("rules")[0] == 0
    exactly_once(injected, services.raised())
    assert services.rows("SELECT count(*) FROM work_order") == [(kills,)] and services.rows("SELECT count(*) FROM clock") == [(2 * kills,)]
    rebuilt = services.plantroom("rebuild", "--data", str(services.data), "--json")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    report = json.loads(rebuilt.stdout)
    assert report["equal"] and report["tables"]["fault"] == kills and report["from_seq"] == 1
    took = [line["took_s"] for line in services.log() if line["event"] == "engine.resumed"]
    print(f"\n{kills} kills, {report['records']} records rebuilt, resumed in {min(took):.2f} to {max(took):.2f} s")


def test_kills_at_random_instants_raise_each_fault_exactly_once(services: Services) -> None:
    kill_and_check(services, kills=10, seed=3)


@pytest.mark.soak
def test_two_hundred_kills_at_random_instants(tmp_path: Path) -> None:
    services = Services(tmp_path, 200, [])
    try:
        kill_and_check(services, kills=200, seed=4)
    finally:
        services.close()


def test_a_restart_goes_on_from_the_snapshot_and_one_that_is_torn_is_passed_over(services: Services) -> None:
    services.start("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM position WHERE seq > 200"), 20, "the engine runs")
    assert services.end("rules")[0] == 0
    snapshots = sorted((services.site / "snapshots").glob("*.snap"))
    assert snapshots, "an orderly end leaves a snapshot"
    services.broken[0] = 1
    services.start("rules")
    services.wait_for(lambda: services.raised() == [0], 20, "the fault is raised after the restart")
    resumed = resumptions(services)[-1]
    assert resumed["snapshot"] == int(snapshots[-1].stem)
    assert resumed["cpu_s"] < 3, "a restart costs little, the interpreter's start included"
    services.end("rules")
    for path in (services.site / "snapshots").glob("*.snap"):
        path.write_bytes(path.read_bytes()[:-100] + b"x" * 100)
    services.broken[1] = 1
    services.start("rules")
    services.wait_for(lambda: services.raised() == [0, 1], 20, "it reads the journal again and goes on")
    assert [line for line in services.log() if line["event"] == "snapshot.unusable"]
    assert [line for line in services.log() if line["event"] == "engine.replayed_without_snapshot"]
    services.kill("rules")  # before its first minute is over
    services.start("rules")
    services.wait_for(lambda: len(resumptions(services)) == 4, 20, "it resumes once more")
    assert resumptions(services)[-1]["snapshot"], "what was replayed is not replayed again"
    services.broken[:] = 0
    services.wait_for(lambda: services.rows("SELECT count(*) FROM fault WHERE condition = 'cleared'") == [(2,)], 30, "both clear")


def resumptions(services: Services) -> list[dict[str, Any]]:
    return [line for line in services.log() if line["event"] == "engine.resumed"]


def test_a_frozen_engine_says_that_it_lagged_and_comes_after(services: Services) -> None:
    services.start("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM position WHERE seq > 200"), 20, "the engine runs")
    services.freeze("rules")
    services.broken[0] = 1
    time.sleep(11.5)  # longer than the lag that is a fault
    services.thaw("rules")
    services.wait_for(lambda: services.raised() == [0], 20, "the fault is raised")
    services.wait_for(lambda: services.rows("SELECT 1 FROM fault WHERE rule = 'engine_lag'"), 60, "the lag is a fault of the monitor")
    services.wait_for(lambda: services.rows("SELECT 1 FROM fault WHERE rule = 'engine_lag' AND condition = 'cleared'"), 20, "and it ends")
    onset, raised = services.rows("SELECT onset_ns, raised_ns FROM fault WHERE rule = 'phase_loss'")[0]
    assert raised - onset < 5 * NS, "judged by the time of the records, not by when they were read"


def test_a_record_that_nobody_foresaw_is_passed_over_pages_and_holds_up_nothing(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(breaking_engine.__path__[0])))
    services.start("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM position WHERE seq > 200"), 20, "the engine runs")
    with services.journal.writer("stranger") as writer:
        writer.append([Entry(Kind.EVENT, b'{"event": "nobody_foresaw"}')])
    services.wait_for(lambda: services.rows("SELECT 1 FROM skipped"), 20, "it is written down")
    services.broken[0] = 1
    services.wait_for(lambda: services.raised() == [0], 20, "the next fault is raised")
    services.kill("rules")
    services.broken[1] = 1
    services.start("rules")
    services.wait_for(lambda: services.raised() == [0, 1], 20, "and after a restart the next one")
    assert services.rows("SELECT record, does, count FROM skipped") == [("event", "event", 1)]
    assert services.rows("SELECT severity, condition FROM fault WHERE rule = 'record_skipped'") == [("readiness", "active")]
    services.stop_collecting()
    assert services.end("rules")[0] == 0
    rebuilt = services.plantroom("rebuild", "--data", str(services.data), "--json")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr


def test_ticks_come_once_a_second_and_a_new_configuration_is_taken_in_its_place(services: Services) -> None:
    services.start("rules")
    services.broken[0] = 1
    services.wait_for(lambda: services.raised() == [0], 20, "the fault is raised")
    services.configure(["id: duty, type: webhook, url: 'http://127.0.0.1:9/', private: 127.0.0.1"])
    assert services.plantroom("apply", str(services.site_file), "--data", str(services.data)).returncode == 0
    services.broken[1] = 1
    services.wait_for(lambda: services.raised() == [0, 1], 20, "the next fault is raised")
    assert services.alive("rules"), "the engine switches, it does not restart"
    assert services.rows("SELECT count(*) FROM config") == [(2,)]
    assert services.rows("SELECT DISTINCT fault FROM outbox") == services.rows("SELECT id FROM fault WHERE equipment = 'fp-1'")
    reader = services.journal.reader()
    ticks = [record.at.boot_ns for record in reader.read_after(0, 1_000_000) if record.kind is Kind.TICK]
    reader.close()
    apart = [(b - a) / NS for a, b in zip(ticks, ticks[1:], strict=False)]
    assert len(ticks) >= 4 and 0.9 < sorted(apart)[len(apart) // 2] < 1.1


def test_a_second_engine_on_the_same_site_refuses_to_start(services: Services) -> None:
    services.start("rules")
    services.wait_for(lambda: services.rows("SELECT 1 FROM position"), 20, "the engine runs")
    second = services.plantroom("service", "rules", "--data", str(services.data), "--site", "tower")
    assert second.returncode == 1 and "another process is this site's engine" in second.stderr
    services.broken[0] = 1
    services.wait_for(lambda: services.raised() == [0], 20, "the first goes on")


def test_a_rebuild_finds_a_row_that_was_changed(services: Services) -> None:
    services.start("rules")
    services.broken[0] = 1
    services.wait_for(lambda: services.raised() == [0], 20, "the fault is raised")
    services.stop_collecting()
    services.end("rules")
    db = apsw.Connection(str(services.site / "records.db"))
    db.execute("UPDATE clock SET due_ns = due_ns + 1 WHERE name = 'response'")
    db.close()
    rebuilt = services.plantroom("rebuild", "--data", str(services.data), "--json")
    assert rebuilt.returncode == 1
    difference = json.loads(rebuilt.stdout)["difference"]
    assert difference["table"] == "clock" and difference["key"]["name"] == "response"
    assert difference["stands"]["due_ns"] == difference["rebuilt"]["due_ns"] + 1


def test_a_rebuild_begins_at_the_oldest_snapshot_where_the_journal_is_shorter(services: Services) -> None:
    services.start("rules")
    services.broken[0] = 1
    services.wait_for(lambda: services.raised() == [0], 20, "the first fault is raised")
    services.end("rules")  # leaves a snapshot
    services.start("rules")
    services.broken[1] = 1
    services.broken[0] = 0
    services.wait_for(lambda: services.raised() == [0, 1], 20, "the second fault is raised")
    services.wait_for(lambda: services.rows("SELECT 1 FROM fault WHERE condition = 'cleared'"), 20, "the first one clears")
    services.stop_collecting()
    services.end("rules")
    snapshots = sorted(int(path.stem) for path in (services.site / "snapshots").glob("*.snap"))
    for day in (services.site / "journal").glob("*.db"):
        db = apsw.Connection(str(day))
        db.execute("DELETE FROM record WHERE seq <= ?", (snapshots[0] - 5,))
        db.close()
    rebuilt = services.plantroom("rebuild", "--data", str(services.data), "--json")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    report = json.loads(rebuilt.stdout)
    assert report["from_seq"] == snapshots[0] + 1 and report["tables"]["fault"] == 2
