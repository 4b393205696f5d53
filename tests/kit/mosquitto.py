"""A real mosquitto on a free loopback port: with a given configuration, or to be stopped, killed and started again on the same port."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def mosquitto(configuration: str, folder: Path, port: int) -> Iterator[None]:
    """Runs until the block ends. configuration: listens on `port`."""
    (folder / "mosquitto.conf").write_text(configuration)
    log = folder / "mosquitto.log"
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert program is not None
    with log.open("wb") as said:
        process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stdout=said, stderr=said)
    try:
        _until_it_listens(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _until_it_listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(200):
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.05)  # nothing tells us when it listens
    raise AssertionError(log.read_text())


CONFIG = """listener {port} 127.0.0.1
allow_anonymous true
persistence {persistence}
persistence_location {folder}/
max_inflight_messages {inflight}
max_queued_messages 100000
log_dest none
"""


class Mosquitto:
    """inflight: messages a subscriber may have unacknowledged at a time. persistence: keeps sessions over a clean stop."""

    def __init__(self, folder: Path, *, inflight: int = 200, persistence: bool = True) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = int(s.getsockname()[1])
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)  # mosquitto gives up root
        self._config = folder / "mosquitto.conf"
        saved = "true" if persistence else "false"
        self._config.write_text(CONFIG.format(port=self.port, folder=folder, inflight=inflight, persistence=saved))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        assert program is not None, "tests that start it carry the marker needs('mosquitto')"
        self._process = subprocess.Popen([program, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < until and self._process.poll() is None, "mosquitto does not listen"
                time.sleep(0.01)

    def stop(self) -> None:
        """Cleanly: it saves its sessions."""
        self._end(terminate=True)

    def kill(self) -> None:
        self._end(terminate=False)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, *, terminate: bool) -> None:
        if self._process is not None:
            (self._process.terminate if terminate else self._process.kill)()
            self._process.wait(10)
            self._process = None
