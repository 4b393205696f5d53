"""A watched house and its watcher as processes: `plantroom run` with a heartbeat and a hook, `plantroom watch` with a receiver for its pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.kit.house import House, Receiver, free_port

SECRETS = {"WATCH_SECRET": "of-the-heartbeat-alone", "WATCH_DUTY_SECRET": "of-the-watchers-channel"}
HOOK = """#!/bin/sh
echo "$(cut -d' ' -f1 /proc/uptime) $*" >> {told}
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds: of the heartbeat, of the site's limits, of the watcher's. noticed, told: what is promised under them."""

    every: float
    stale: float
    pages: float
    outside: float
    late: float
    again: float
    noticed: float
    told: float


REAL = Times(20, 30, 100, 190, 70, 180, 90, 190)
SHORT = Times(0.5, 4, 3, 6, 8, 6, 13, 16)  # a busy machine is late by seconds that do not shrink with the rest


class Outside:
    """house: what is watched. pages: what people outside were told, by instant of CLOCK_MONOTONIC in s."""

    def __init__(self, folder: Path, times: Times, pumps: int = 10) -> None:
        self.times = times
        self.receiver, self.port = Receiver(), free_port()
        self._data, self._config, self._log = folder / "watch", folder / "watch.yaml", (folder / "watch.txt").open("w+")
        self._config.write_text(
            f"watch: {{zone: Asia/Shanghai, listen: '127.0.0.1:{self.port}', public_url: 'http://127.0.0.1:{self.port}'}}\n"
            f"limits: {{late: {times.late:g}s, again: {times.again:g}s}}\n"
            f"channels: [{{id: duty, type: webhook, url: '{self.receiver.url}', private: 127.0.0.1, secret: '${{WATCH_DUTY_SECRET}}'}}]\n"
            "tell: [{channel: duty}]\ninstallations: [{id: house, name: 试验楼, secret: '${WATCH_SECRET}'}]\n"
        )
        self._told, hook = folder / "hook.txt", folder / "siren"
        hook.write_text(HOOK.format(told=self._told))
        hook.chmod(0o755)
        site = (
            f"watch:\n  every: {times.every:g}s\n  stale_after: {times.stale:g}s\n  pages_after: {times.pages:g}s\n"
            f"  outside_after: {times.outside:g}s\n  hook: {hook}\n"
            f"  to: [{{url: 'http://127.0.0.1:{self.port}/heartbeat', secret: '${{WATCH_SECRET}}'}}]\n"
        )
        self.house = House(folder, pumps, extra=site, environment=SECRETS)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.watch()
        self.house.start()
        self.wait_for(lambda: '"ever":true' in self._state(), 20, "the first heartbeat was taken")
        self.house.wait_for(lambda: self.house.rows("SELECT 1 FROM position WHERE seq > 9"), 30, "the engine runs")

    def watch(self) -> None:
        command = [str(Path(sys.executable).parent / "plantroom"), "watch", str(self._config), "--data", str(self._data)]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, env=os.environ | SECRETS, text=True)

    def end_watching(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def signal(self, service: str, number: signal.Signals) -> None:
        """service: of the house, or `supervisor`."""
        os.kill(self.house.pid if service == "supervisor" else self.house.services()[service], number)

    def told(self, reason: str, since_s: float, within_s: float, words: str = "") -> float:
        """Waits for people outside to be told; returns the instant."""

        def there() -> list[float]:
            found = [(at / 1e9, body) for at, _, body in self.receiver.pages]
            return [at for at, body in found if at > since_s and body["reason"] == reason and words in str(body["text"])]

        self.wait_for(lambda: there(), within_s, f"people outside are told `{reason} {words}`")
        return there()[0]

    def siren(self) -> list[str]:
        """What the hook was run with, in order."""
        return [line.partition(" ")[2] for line in self._told.read_text().splitlines()] if self._told.exists() else []

    def wait_for(self, happened: Callable[[], object], seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > until:
                self._log.flush()
                log = Path(self._log.name).read_text()[-3000:]
                raise AssertionError(f"not within {seconds} s: {what}\nwatcher: {log}\nhouse: {self.house.log()[-3000:]}")
            time.sleep(0.02)

    def _state(self) -> str:
        path = self._data / "watch.json"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        if self._process is not None:
            self.end_watching()
        self.house.close()
        self.receiver.close()
        self._log.close()
