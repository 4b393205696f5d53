"""`plantroom rehearse`: the whole system on a virtual clock, the same bytes each time, scored against the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.kit.plant import TOWER

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


KILL = "  - {at: %ds, monitor: {service: rules, fault: kill}}\n"

# The short form: a small site, three virtual minutes.
HUT = """\
site: {id: hut, name: 小站, zone: Asia/Shanghai, language: zh, practice: gb}
connections:
  - {id: bus-1, modbus_tcp: {host: 127.0.0.1, port: 1502}}
  - {id: bus-2, modbus_tcp: {host: 127.0.0.1, port: 1503}}
channels:
  - {id: duty, type: webhook, url: 'http://127.0.0.1:9/'}
equipment:
  - {id: gen-1, kind: generator, name: 1号发电机, profile: smartgen-hgm4000n, connection: bus-1, unit: 3}
  - {id: gen-2, kind: generator, name: 2号发电机, profile: smartgen-hgm4000n, connection: bus-2, unit: 3}
  - {id: fp-1, kind: fire_pump, name: 1号消防泵, profile: metron-fd4, connection: bus-1, unit: 1}
escalation: {night: "00:00-00:00"}
"""
SHORT = """\
seed: 31
start: 2026-03-04T02:00:00+08:00
days: 0.0021
events:
  - {at: 20s, upset: {equipment: gen-1, fault: not_in_auto, for: 100s}}
  - {at: 30s, wire: {connection: bus-2, unit: 3, fault: silence, for: 60s}}
  - {at: 95s, person: {who: li.wei, does: accept, equipment: gen-1, rule: not_in_auto}}
"""
SHORT_KILLS = (10, 21, 36, 70, 82, 100)


@pytest.fixture(scope="module")
def shorts(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """What three rehearsals of the short form print, side by side: one as it is, one killed, one with a channel that is down."""
    folder = tmp_path_factory.mktemp("shorts")
    (folder / "hut.yaml").write_text(HUT)
    down = "  - {at: 10s, monitor: {service: notify, fault: channel_down, for: 60s}}\n"
    texts = {"whole": SHORT, "killed": SHORT + "".join(KILL % at for at in SHORT_KILLS), "down": SHORT + down}
    running = {}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
        command = [sys.executable, "-m", "plantroom", "rehearse", str(folder / "hut.yaml"), "--scenario", str(folder / f"{name}.yaml"), "--every", "2"]
        running[name] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    done = {name: process.communicate(timeout=120) for name, process in running.items()}
    for name, process in running.items():
        assert process.returncode == 0, done[name][1].decode()[-3000:]
    return {name: out for name, (out, _) in done.items()}


def told(output: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_a_short_rehearsal_finds_what_was_caused(shorts: Mapping[str, bytes]) -> None:
    lines = told(shorts["whole"])
    raised = {(line["rule"], line["equipment"]): line["at"] for line in lines if line["what"] == "fault.raised"}
    assert set(raised) == {("not_in_auto", "gen-1"), ("device_offline", "gen-2")}
    assert (lines[-1]["score"]["missed"], lines[-1]["score"]["false"], lines[-1]["kpi"]["accepted"]) == ([], [], 1)


def test_a_short_rehearsal_killed_six_times_prints_the_same_bytes(shorts: Mapping[str, bytes]) -> None:
    lines = shorts["killed"].splitlines()
    kills = [line for line in lines if b'"what":"rehearsed"' in line]
    assert len(kills) == len(SHORT_KILLS)
    assert [line for line in lines if line not in kills] == shorts["whole"].splitlines()


def test_in_a_short_rehearsal_pages_wait_for_their_channel(shorts: Mapping[str, bytes]) -> None:
    every_page_is_accepted_late(told(shorts["down"]))


def every_page_is_accepted_late(lines: list[dict[str, Any]]) -> None:
    """None before the channel was back, 70 s after 18:00; none lost: what became a part of another fault meanwhile is told with that one.

    It is two at night there: normal faults are gathered for a quarter of an hour, which may end after the rehearsal.
    """
    gathered = {line["page"] for line in lines if line["what"] == "page.queued" and line["reason"] == "monitor"}
    pages = {line["page"]: line["fault"] for line in lines if line["what"] == "page.queued" and line["page"] not in gathered}
    dropped = {line["page"]: line["why"] for line in lines if line["what"] == "page.dropped"}
    parent = {line["fault"]: line["parent"] for line in lines if line["what"] == "fault.joined"}
    queued = set(pages) - set(dropped)
    assert set(dropped.values()) <= {"part of an incident"}
    assert {parent[pages[page]] for page in dropped} <= {pages[page] for page in queued} | set(parent)
    tried = [(line["page"], line["verdict"], line["at"]) for line in lines if line["what"] == "attempt"]
    accepted = {page: at for page, verdict, at in tried if verdict == "accepted"}
    assert queued and set(accepted) - gathered == queued
    assert min(accepted.values()) > "2026-03-03T18:01:10" and any(verdict == "retry" for _, verdict, _ in tried)


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


@pytest.mark.soak
def test_the_same_scenario_gives_the_same_bytes_and_all_that_was_caused_is_found(night: Path) -> None:
    first, lines = rehearsed(night, "--every", "5")
    second, _ = rehearsed(night, "--every", "5")
    assert first == second
    result = lines[-1]
    assert result["what"] == "result" and result["score"]["caused"] == 5
    assert (result["score"]["found"], result["score"]["missed"], result["score"]["false"]) == (5, [], [])
    raised = {(line["rule"], line["equipment"]): line["at"] for line in lines if line["what"] == "fault.raised"}
    # 20 s, 0.5 s of the monitor, a poll of 5 s and its beat, then to the next sample and half a period beyond (rules/evaluate.py)
    assert raised["phase_loss", "fp-1"] < "2026-03-03T18:00:38.001"
    assert ("device_offline", "lift-17") in raised and ("device_offline", "lift-22") in raised and ("passenger_entrapment", "lift-24") in raised
    ordered = [line["fault"] for line in lines if line["what"] == "order.open"]
    joined = {line["fault"] for line in lines if line["what"] == "fault.joined"}
    alone = {line["fault"] for line in lines if line["what"] == "fault.raised" and line["parent"] is None and line["severity"] != "advisory"}
    assert alone - joined <= set(ordered) and len(set(ordered)) == len(ordered) == result["kpi"]["orders"] and result["kpi"]["accepted"] == 1
    assert any(line["what"] == "not_rehearsed" and line["service"] == "web" for line in lines)
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


@pytest.mark.soak
def test_a_killed_engine_raises_nothing_twice_and_misses_nothing(night: Path, tmp_path: Path) -> None:
    """Killed six times, before its first snapshot, in the midst of pending faults, between a fault and its clearing."""
    killed = tmp_path / "killed.yaml"
    killed.write_text(NIGHT + "".join(KILL % at for at in (10, 23, 36, 66, 100, 160)))
    _, whole = rehearsed(night, "--every", "5")
    _, broken = rehearsed(killed, "--every", "5")
    assert sum(line["what"] == "rehearsed" for line in broken) == 6
    assert [line for line in broken if line["what"] != "rehearsed"] == whole


@pytest.mark.soak
def test_pages_wait_for_a_channel_that_is_down_and_none_is_lost(night: Path, tmp_path: Path) -> None:
    down = tmp_path / "down.yaml"
    down.write_text(NIGHT + "  - {at: 10s, monitor: {service: notify, fault: channel_down, for: 60s}}\n")
    _, lines = rehearsed(down, "--every", "5")
    every_page_is_accepted_late(lines)


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
