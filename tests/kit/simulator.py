"""`plantroom simulate` on the demo tower as a process, with ports of its own and control lines on its stdin."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.kit.plant import TOWER


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


class Simulator:
    """Ports by connection id: `ports["power-room"]`. Use as a context; it ends with its stdin even when the test dies."""

    def __init__(self, *arguments: str, mqtt_port: int | None = None, site: Path = TOWER) -> None:
        numbers = free_ports(6)
        names = ("lift-contacts", "lift-gateway", "fire-room", "air-plant", "power-room")
        self.ports = dict(zip(names, numbers, strict=False)) | {"broker": mqtt_port or numbers[5]}
        env = {f"PLANTROOM_DEMO_MODBUS_{n + 1}": str(number) for n, number in enumerate(numbers[:5])}
        self.environment: Mapping[str, str] = {**os.environ, **env, "PLANTROOM_DEMO_MQTT": str(self.ports["broker"])}
        self._command = [sys.executable, "-m", "plantroom", "simulate", str(site), "--control", *arguments]
        self.process: subprocess.Popen[str] | None = None
        self.first: dict[str, Any] = {}
        self.writes_expected = False

    def __enter__(self) -> Simulator:
        pipe, env = subprocess.PIPE, dict(self.environment)
        self.process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=env)
        self.first = self.heard()
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        """Whoever was watched must have read only: else the simulator ends with 1 and says so."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=10)
        assert failed or (self.process.returncode == 1) == self.writes_expected, said

    def heard(self) -> dict[str, Any]:
        assert self.process is not None and self.process.stdout is not None and self.process.stderr is not None
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return dict(json.loads(line))

    def say(self, order: Mapping[str, object]) -> dict[str, Any]:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.heard()

    def plantroom(self, *arguments: str) -> Any:
        """The JSON another command prints in the simulator's environment."""
        command = [sys.executable, "-m", "plantroom", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(self.environment), timeout=60)
        assert done.stdout, done.stderr
        return json.loads(done.stdout)
