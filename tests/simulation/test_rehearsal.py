"""`plantroom rehearse`: the whole system on a virtual clock, the same bytes each time, scored against the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kit.plant import TOWER

pytestmark = pytest.mark.soak  # minutes of CPU: the whole building on a virtual clock

SCENARIOS = Path(__file__).parents[2] / "simulators" / "scenarios"

NIGHT = """\
seed: 31
start: 2026-03-04T02:00:00+08:00
days: 0.0028
events:
  - {at: 20s, upset: {equipment: fp-1, fault: phase_loss, for: 90s}}
  - {at: 22s, upset: {equipment: lift-20, fault: passenger_entrapment}}
  - {at: 24s, upset: {equipment: lift-24, fault: passenger_entrapment}}
  - {at: 30s, wire: {connection: lift-gateway, unit: 1, fault: silence, for: 120s}}
  - {at: 40s, wire: {connection: broker, unit: lift-22, fault: cut, for: 120s}}
  - {at: 60s, person: {who: li.wei, does: accept, equipment: fp-1, rule: phase_loss}}
  - {at: 65s, monitor: {service: web, fault: kill}}
"""


def rehearsed(scenario: Path, *more: str, timeout_s: float = 300) -> tuple[bytes, list[dict[str, Any]]]:
    command = [sys.executable, "-m", "plantroom", "rehearse", str(TOWER), "--scenario", str(scenario), *more]
    done = subprocess.run(command, capture_output=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return done.stdout, [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def night(tmp_path: Path) -> Path:
    path = tmp_path / "night.yaml"
    path.write_text(NIGHT)
    return path


def test_the_same_scenario_gives_the_same_bytes_and_all_that_was_caused_is_found(night: Path) -> None:
    first, lines = rehearsed(night, "--every", "5")
    second, _ = rehearsed(night, "--every", "5")
    assert first == second
    result = lines[-1]
    assert result["what"] == "result" and result["score"]["caused"] == 5
    assert (result["score"]["found"], result["score"]["missed"], result["score"]["false"]) == (5, [], [])
    raised = {(line["rule"], line["equipment"]): line["at"] for line in lines if line["what"] == "fault.raised"}
    assert raised["phase_loss", "fp-1"] < "2026-03-03T18:00:29"  # 20 s, 0.5 s of the monitor, 2 s of the rule, a poll of 5 s, a beat
    assert ("device_offline", "lift-17") in raised and ("device_offline", "lift-22") in raised and ("passenger_entrapment", "lift-24") in raised
    assert result["kpi"]["orders"] == len(raised) and result["kpi"]["accepted"] == 1
    assert any(line["what"] == "not_rehearsed" and line["service"] == "web" for line in lines)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


KILL = "  - {at: %ds, monitor: {service: rules, fault: kill}}\n"


def test_a_killed_engine_raises_nothing_twice_and_misses_nothing(night: Path, tmp_path: Path) -> None:
    """Killed six times, before its first snapshot, in the midst of pending faults, between a fault and its clearing."""
    killed = tmp_path / "killed.yaml"
    killed.write_text(NIGHT + "".join(KILL % at for at in (10, 23, 36, 66, 100, 160)))
    _, whole = rehearsed(night, "--every", "5")
    _, broken = rehearsed(killed, "--every", "5")
    assert sum(line["what"] == "rehearsed" for line in broken) == 6
    assert [line for line in broken if line["what"] != "rehearsed"] == whole


def test_pages_wait_for_a_channel_that_is_down_and_none_is_lost(night: Path, tmp_path: Path) -> None:
    down = tmp_path / "down.yaml"
    down.write_text(NIGHT + "  - {at: 10s, monitor: {service: notify, fault: channel_down, for: 60s}}\n")
    _, lines = rehearsed(down, "--every", "5")
    queued = {line["page"] for line in lines if line["what"] == "page.queued"}
    tried = [(line["page"], line["verdict"], line["at"]) for line in lines if line["what"] == "attempt"]
    accepted = {page: at for page, verdict, at in tried if verdict == "accepted"}
    assert queued and set(accepted) == queued
    assert min(accepted.values()) > "2026-03-03T18:01:10" and any(verdict == "retry" for _, verdict, _ in tried)


def test_a_rehearsal_without_a_start_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("events:\n  - {at: 1s, upset: {equipment: fp-1, fault: phase_loss}}\n")
    command = [sys.executable, "-m", "plantroom", "rehearse", str(TOWER), "--scenario", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "start" in done.stderr and "s.yaml" in done.stderr


@pytest.mark.soak
def test_every_rule_of_the_first_release_is_found_and_nothing_else_is_said() -> None:
    _, lines = rehearsed(SCENARIOS / "twelve.yaml", "--every", "5", timeout_s=3600)
    result = lines[-1]["score"]
    assert (result["missed"], result["false"]) == ([], []) and result["found"] == result["caused"] == 15
