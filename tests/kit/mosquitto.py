"""A real mosquitto on a free loopback port with a given configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
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
