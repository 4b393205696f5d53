"""The doorbell: a datagram to every follower after a commit. Losing one costs the follower's next 10 ms poll, nothing else.

A socket path is limited to 108 bytes (sockaddr_un) and a data folder may lie deep, so sockets are named through /proc/self/fd.
"""

from __future__ import annotations

import itertools
import os
import socket
from pathlib import Path

FOLDER = "bells"
_count = itertools.count()


class _Door:
    def __init__(self, folder: Path) -> None:
        bells = folder / FOLDER
        bells.mkdir(parents=True, exist_ok=True)
        self._dir = os.open(bells, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._at = f"/proc/self/fd/{self._dir}/"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def close(self) -> None:
        if self._dir >= 0:
            self._socket.close()
            os.close(self._dir)
            self._dir = -1


class Ringer(_Door):
    """The writer's side."""

    def ring(self) -> None:
        """Never blocks and never fails: who is deaf will poll, who is dead is swept away."""
        for name in os.listdir(self._dir):  # noqa: PTH208 - a handle, not a path
            try:
                self._socket.sendto(b"!", self._at + name)
            except BlockingIOError:
                continue  # its queue is full: it has been rung already
            except (ConnectionRefusedError, FileNotFoundError):
                self._sweep(name)
            except OSError:
                continue

    def _sweep(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self._dir)
        except FileNotFoundError:
            return


class Bell(_Door):
    """The follower's side: `fileno` turns readable when somebody rang; `quiet` empties it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._name = f"{os.getpid()}-{next(_count)}"
        self._remove()  # a dead process may have had our number
        self._socket.bind(self._at + self._name)

    def fileno(self) -> int:
        return self._socket.fileno()

    def quiet(self) -> None:
        try:
            while True:
                self._socket.recv(16)
        except BlockingIOError:
            return

    def close(self) -> None:
        if self._dir >= 0:
            self._remove()
        super().close()

    def _remove(self) -> None:
        try:
            os.unlink(self._name, dir_fd=self._dir)
        except FileNotFoundError:
            return
