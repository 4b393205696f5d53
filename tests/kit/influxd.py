"""A real InfluxDB 1.x for tests: own folder, free loopback ports, durable WAL; can be killed in mid-write and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import httpx

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
  index-version = "tsi1"
  wal-fsync-delay = "0s"
[coordinator]
  max-select-buckets = 20000
  query-timeout = "30s"
[monitor]
  store-enabled = false
[http]
  enabled = true
  bind-address = "127.0.0.1:{port}"
  auth-enabled = false
  log-enabled = false
[logging]
  level = "error"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Influxd:
    """`with Influxd(folder) as influx`: running; `.url`; `.kill()` is kill -9; `.start()` again on the same data and port."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config = folder / "influxdb.conf"
        self._config.write_text(CONFIG.format(folder=folder, port=self.port, rpc=free_port()))
        self._log = folder / "influxd.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        with self._log.open("ab") as log:
            command = ["influxd", "-config", str(self._config)]
            environment = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin", "GOMAXPROCS": "2"}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        with httpx.Client(trust_env=False) as client:
            for _ in range(600):
                if self._process.poll() is not None:
                    raise RuntimeError(f"influxd ended: {self._log.read_text()[-2000:]}")
                try:
                    if client.get(f"{self.url}/ping", timeout=0.5).status_code == 204:
                        return
                except httpx.TransportError:
                    _ended_within(self._process, 0.05)  # nothing tells us when it listens
        raise RuntimeError("influxd does not answer")

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None

    def create(self, database: str) -> None:
        self.ask(f'CREATE DATABASE "{database}"', method="POST")

    def ask(self, query: str, database: str = "", method: str = "GET") -> list[dict[str, Any]]:
        """The series of the answer. Raises AssertionError with the engine's words where it refuses the query."""
        parameters = {"q": query, "db": database, "epoch": "ns"}
        answer = httpx.request(method, f"{self.url}/query", params=parameters, timeout=60, trust_env=False)
        body = answer.json()
        assert answer.status_code == 200 and "error" not in body, f"{query}: {body}"
        result = body["results"][0]
        assert "error" not in result, f"{query}: {result['error']}"
        series: list[dict[str, Any]] = result.get("series", [])
        return series

    def count(self, database: str) -> int:
        """All field values of the kinds' measurements: what the journal's good samples must come to."""
        total = 0
        for series in self.ask('SELECT count(*) FROM /.*/', database):
            if series["name"] not in ("quality", "fault"):
                total += sum(number or 0 for number in series["values"][0][1:])
        return total

    def __enter__(self) -> Influxd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _ended_within(process: subprocess.Popen[bytes], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
