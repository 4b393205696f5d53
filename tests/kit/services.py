"""Single services as processes on a site whose telemetry the test itself writes: no collector, no devices."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np

from plantroom.bundle import apply
from plantroom.clock import SystemClock
from plantroom.journal import Journal, encode_batch
from plantroom.model import Frame, one_row

SITE = """
site: {{id: tower, name: 试验楼, zone: Asia/Shanghai, language: zh, practice: gb}}
connections:
  - {{id: bus, modbus_tcp: {{host: 127.0.0.1, port: 1502}}}}
channels:
{channels}
devices:
{devices}
escalation: {{night: "00:00-00:00"}}
equipment:
{equipment}
"""
PUMP = """
  - id: fp-{n}
    kind: fire_pump
    name: {n}号消防泵
    points: [{{device: io-{device}, take: {{di_{a}: {{as: phase_loss}}, di_{b}: {{as: pump_running}}, di_{c}: {{as: control_mode, values: {{0: manual, 1: auto}}}}}}}}]
"""
PUMPS_A_MODULE = 10
EVERY_S = 0.2


class Services:
    """`pumps` fire pumps read five times a second by a thread of the test; services are started and killed by name."""

    def __init__(self, folder: Path, pumps: int, channels: list[str]) -> None:
        self.data, self.pumps = folder / "data", pumps
        self.site = self.data / "tower"
        self.site_file = folder / "site.yaml"
        self.configure(channels)
        self.journal = Journal(self.site / "journal", SystemClock())
        apply(self.site_file, self.journal, "test")
        self.broken = np.zeros(pumps)
        self._log = (folder / "log.txt").open("w+")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def configure(self, channels: list[str]) -> None:
        modules = range(-(-self.pumps // PUMPS_A_MODULE))
        devices = "\n".join(f"  - {{id: io-{m}, profile: generic-32di, connection: bus, unit: {m + 1}}}" for m in modules)
        places = [(n, n // PUMPS_A_MODULE, 3 * (n % PUMPS_A_MODULE)) for n in range(self.pumps)]
        equipment = "".join(PUMP.format(n=n, device=module, a=at + 1, b=at + 2, c=at + 3) for n, module, at in places)
        listed = "\n".join(f"  - {{{channel}}}" for channel in channels)
        self.site_file.write_text(SITE.format(channels=listed, devices=devices, equipment=equipment))

    def _collect(self) -> None:
        writer, clock = self.journal.writer("collect"), SystemClock()
        frames = [Frame(tuple(f"fp-{n}.{name}" for name in ("phase_loss", "pump_running", "control_mode"))) for n in range(self.pumps)]
        good = np.zeros(3, np.uint8)
        try:
            while not self._stop.wait(EVERY_S):
                now = clock.read().wall_ns
                batches = [one_row(frame, now, np.array([self.broken[n], 0.0, 1.0]), good) for n, frame in enumerate(frames)]
                writer.append([encode_batch(batch) for batch in batches])
        finally:
            writer.close()

    def start(self, service: str) -> None:
        command = [sys.executable, "-m", "plantroom", "service", service, "--data", str(self.data), "--site", "tower"]
        self._processes[service] = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=dict(os.environ))

    def kill(self, service: str) -> None:
        process = self._processes.pop(service)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def freeze(self, service: str) -> None:
        self._processes[service].send_signal(signal.SIGSTOP)

    def thaw(self, service: str) -> None:
        self._processes[service].send_signal(signal.SIGCONT)

    def end(self, service: str) -> tuple[int, float]:
        """SIGTERM; (exit code, seconds it took)."""
        process, began = self._processes.pop(service), time.monotonic()
        process.terminate()
        return process.wait(10), time.monotonic() - began

    def wait(self, service: str) -> int:
        """The exit code of one that ends by itself."""
        return self._processes.pop(service).wait(10)

    def alive(self, service: str) -> bool:
        return self._processes[service].poll() is None

    def log(self) -> list[dict[str, Any]]:
        """The services' own lines."""
        lines = []
        for line in Path(self._log.name).read_text().splitlines():
            try:
                lines.append(json.loads(line))
            except json.JSONDecodeError:
                lines.append({"event": line})
        return lines

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        path = self.site / "records.db"
        if not path.exists():
            return []
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            db.set_busy_timeout(2_000)
            return list(db.execute(sql, values))
        except apsw.SQLError as error:
            if "no such table" not in str(error):
                raise
            return []  # the engine has yet to make the tables
        finally:
            db.close()

    def wait_for(self, happened: Callable[[], object], seconds: float, what: str) -> None:
        """Looks until it happened. Fails with the services' log after `seconds`."""
        until = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}\n{Path(self._log.name).read_text()[-5000:]}")
            time.sleep(0.02)

    def raised(self) -> list[int]:
        """The pumps with a fault `phase_loss`, one entry for each fault."""
        return sorted(int(str(row[0]).removeprefix("fp-")) for row in self.rows("SELECT equipment FROM fault WHERE rule = 'phase_loss'"))

    def plantroom(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "plantroom", *arguments], capture_output=True, text=True, timeout=120)

    def stop_collecting(self) -> None:
        self._stop.set()
        self._thread.join()

    def close(self) -> None:
        self.stop_collecting()
        for service in list(self._processes):
            if self.alive(service):
                self.thaw(service)
            self.kill(service)
        self._log.close()
