"""`plantroom demo` as a user starts it: everything real, on free ports of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from plantroom.clock import SystemClock
from plantroom.journal import Journal, Kind
from plantroom.journal.record import decode_batch
from plantroom.model import Batch
from plantroom.records import Records
from tests.kit.plant import tower


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "plantroom", "demo", "--port", "0", *arguments]


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(folder).encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def reporting(folder: Path) -> dict[str, int]:
    """Good samples in the journal by kind of equipment."""
    reader, seq, counts = Journal(folder / "tower" / "journal", SystemClock()).reader(), 0, dict[str, int]()
    while found := reader.read_after(seq):
        for record in found:
            if record.kind is Kind.TELEMETRY:
                batch = decode_batch(record.body, reader.frame)
                kind = tower().equipment[batch.frame.points[0].partition(".")[0]].kind.name
                counts[kind] = counts.get(kind, 0) + int((batch.quality == 0).sum())
                assert batch.quality.shape[1] == len(batch.frame.points) and Batch.ABSENT == 255
        seq = found[-1].seq
    reader.close()
    return counts


def test_a_minute_of_the_demo_ends_with_an_urgent_fault_an_order_and_an_accepted_push(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    done = subprocess.run(command("--data", str(data), "--seconds", "60"), capture_output=True, text=True, timeout=150)
    log = (data / "demo.log").read_text(errors="replace")[-3000:]
    assert done.returncode == 0, done.stderr + log
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(summary) == ["samples", "bad_samples", "faults", "orders", "pushes"]
    assert summary["samples"] > 10_000 and summary["bad_samples"] < 0.1 * summary["samples"]
    assert all(set(fault) == {"rule", "equipment", "severity", "condition"} for fault in summary["faults"])
    assert {"rule": "phase_loss", "equipment": "fp-1", "severity": "readiness", "condition": "active"} in summary["faults"], log
    assert summary["orders"] >= 1 and summary["pushes"]["accepted"] >= 1 and summary["pushes"]["failed"] == 0
    records = Records.open(data / "tower" / "records.db", readonly=True)
    accepted = {str(row[0]) for row in records.db.execute("SELECT channel FROM attempt WHERE verdict = 'accepted'")}
    records.close()
    assert accepted == {"duty-phone", "building-bus"}  # the webhook's receiver, and the demo's broker
    assert len(reporting(data)) >= 4 and all(count > 100 for count in reporting(data).values())
    assert "page: 〔战备〕" in done.stdout and "password" in done.stdout
    assert processes_of(data) == []


def up(data: Path) -> subprocess.Popen[str]:
    """A demo whose console answers."""
    process = subprocess.Popen(command("--data", str(data)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    assert any(line.startswith("Plantroom: http") for line in process.stdout)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_parts_within_five_seconds(tmp_path: Path, number: signal.Signals) -> None:
    data = tmp_path / "demo"
    process = up(data)
    assert len(processes_of(data)) >= 6  # the demo, the devices, the supervisor and its services
    began = time.monotonic()
    process.send_signal(number)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert time.monotonic() - began < 5.5 + 1.5  # all stopped, and the summary counted on a busy machine
    assert json.loads(rest.splitlines()[-1])["samples"] >= 0
    assert processes_of(data) == []


def test_killed_it_leaves_nobody_behind(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    process = up(data)
    process.kill()
    process.communicate(timeout=10)
    end = time.monotonic() + 10
    while processes_of(data) and time.monotonic() < end:
        os.sched_yield()
        time.sleep(0.05)
    assert processes_of(data) == []


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run([*command("--data", str(tmp_path / "d"))[:-4], "--port", port], capture_output=True, text=True, timeout=30)
    assert done.returncode == 2 and "--port" in done.stderr and port in done.stderr
