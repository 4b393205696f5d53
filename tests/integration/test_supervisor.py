"""Services as processes: started again, stopped in time, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from plantroom.clock import SystemClock
from plantroom.journal import Journal, Kind
from plantroom.journal.shelf import FileLock
from tests.kit.killer import ROOT, Victim


def until(true: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def pids(data: Path, name: str) -> list[int]:
    path = data / f"{name}.pids"
    return [int(line) for line in path.read_text().splitlines()] if path.exists() else []


def events(data: Path) -> list[dict[str, object]]:
    with Journal(data / "hq" / "journal", SystemClock()).reader() as reader:
        return [orjson.loads(record.body) for record in reader.read_after(0) if record.kind is Kind.EVENT]


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def house(data: Path, *names: str) -> Victim:
    return Victim(["tests.kit.fake_house", str(data), *names])


def test_a_killed_service_comes_back_and_the_journal_says_so(tmp_path: Path) -> None:
    with house(tmp_path, "steady") as supervisor:
        until(lambda: len(pids(tmp_path, "steady")) == 1)
        os.kill(pids(tmp_path, "steady")[0], signal.SIGKILL)
        until(lambda: len(pids(tmp_path, "steady")) == 2)
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait() == 0
    assert events(tmp_path) == [{"event": "service_restarted", "service": "steady", "site": "hq", "exit": -9, "restarts": 1}]


def test_a_dead_task_ends_its_process_with_the_reason_in_the_log(tmp_path: Path) -> None:
    with house(tmp_path, "dying", "returning", "torn_between") as supervisor:
        until(lambda: all(len(pids(tmp_path, name)) >= 2 for name in ("dying", "returning", "torn_between")))
        os.kill(supervisor.pid, signal.SIGTERM)
        supervisor.wait()
        logged = [orjson.loads(line) for line in supervisor.errors.splitlines() if line.startswith(b"{")]
    died = [line for line in logged if line["event"] == "service.died" and line["service"] == "dying"]
    assert died[0]["error"] == ["RuntimeError: the bus is on fire"]
    assert died[0]["site"] == "hq"
    assert any(line["event"] == "service.ended" for line in logged)
    assert {(event["service"], event["exit"]) for event in events(tmp_path)} == {("dying", 1), ("returning", 1), ("torn_between", 1)}


def test_a_newer_configuration_is_a_restart_without_an_event(tmp_path: Path) -> None:
    with house(tmp_path, "reconfigured") as supervisor:
        until(lambda: len(pids(tmp_path, "reconfigured")) == 2)
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait() == 0
    assert events(tmp_path) == []


def test_all_are_stopped_within_five_seconds_the_deaf_one_too(tmp_path: Path) -> None:
    with house(tmp_path, "steady", "deaf") as supervisor:
        until(lambda: (tmp_path / "deaf.ready").exists() and len(pids(tmp_path, "steady")) == 1)
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait() == 0
        assert 3.5 < float(supervisor.lines[-1].split()[1]) < 5.0
    assert all(gone(pid) for name in ("steady", "deaf") for pid in pids(tmp_path, name))
    assert events(tmp_path) == []


def test_services_that_stand_still_are_killed_and_come_back(tmp_path: Path) -> None:
    """P4: SIGSTOP, or a loop that waits for ever. One that is slow to start is left alone, and so is one whose loop runs."""
    with house(tmp_path, "steady:3", "blocked:3", "slow_start:3") as supervisor:
        until(lambda: len(pids(tmp_path, "steady")) == 1)
        time.sleep(2)  # until its loop has spoken: one that never has is still starting
        os.kill(pids(tmp_path, "steady")[0], signal.SIGSTOP)
        until(lambda: len(pids(tmp_path, "steady")) > 1 and len(pids(tmp_path, "blocked")) > 1)
        until(lambda: (tmp_path / "slow_start.ready").exists())
        os.kill(supervisor.pid, signal.SIGTERM)
        supervisor.wait()
    assert {(event["service"], event["exit"], event["stood_still_s"]) for event in events(tmp_path)} == {("steady", -9, 3.0), ("blocked", -9, 3.0)}
    assert len(pids(tmp_path, "slow_start")) == 1


def test_who_obeys_is_not_waited_for(tmp_path: Path) -> None:
    with house(tmp_path, "steady") as supervisor:
        until(lambda: len(pids(tmp_path, "steady")) == 1)
        os.kill(supervisor.pid, signal.SIGTERM)
        assert supervisor.wait() == 0
        assert float(supervisor.lines[-1].split()[1]) < 3.0


def test_services_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    with house(tmp_path, "steady", "deaf") as supervisor:
        until(lambda: (tmp_path / "deaf.ready").exists() and len(pids(tmp_path, "steady")) == 1)
        children = pids(tmp_path, "steady") + pids(tmp_path, "deaf")
        os.kill(supervisor.pid, signal.SIGKILL)
        until(lambda: all(map(gone, children)))


def test_a_service_started_by_hand_ends_with_zero_on_sigterm(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.fake_service", "steady", "--data", str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    with process.stderr as log:
        assert orjson.loads(log.readline())["event"] == "service.started"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert orjson.loads(log.readline())["event"] == "service.stopped"


def test_a_second_supervisor_on_the_same_data_is_refused(tmp_path: Path) -> None:
    first = FileLock(tmp_path / "supervisor.lock")
    assert first.try_take()
    command = [sys.executable, "-m", "plantroom", "run", "site.yaml", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    first.close()
    assert done.returncode == 1
    assert "another `plantroom run` already works on" in done.stderr
