"""Starts a program under test, listens to what it acknowledges, and ends it the hard way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


class Victim:
    """A program and its lines on stdout, read by a thread. Ended at the latest by `close`."""

    def __init__(self, arguments: Sequence[str], before: Sequence[str] = ()) -> None:
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._over = False
        self.errors = b""
        self._threads = [threading.Thread(target=self._listen), threading.Thread(target=self._drain)]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for(self, word: str, times: int = 1, timeout_s: float = 30.0) -> None:
        """Until so many lines begin with `word`, or the program has ended. Raises TimeoutError."""
        with self._news:
            if not self._news.wait_for(lambda: self._over or self._count(word) >= times, timeout_s):
                raise TimeoutError(f"{times} x {word!r} did not come; last: {self.lines[-3:]} {self.errors[-2000:]!r}")

    def kill(self) -> None:
        """kill -9 for it and what it started; returns when all it had said is heard."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()

    def signal(self, number: int) -> None:
        os.killpg(self._process.pid, number)

    def wait(self, timeout_s: float = 60.0) -> int:
        code = self._process.wait(timeout_s)
        for thread in self._threads:
            thread.join(timeout_s)
        return code

    def acknowledged(self) -> set[int]:
        """The program's own numbers in its `ack FIRST LAST` lines so far."""
        with self._news:
            spans = [line.split()[1:] for line in self.lines if line.startswith("ack ")]
        return {n for first, last in spans for n in range(int(first), int(last) + 1)}

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def __enter__(self) -> Victim:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _count(self, word: str) -> int:
        return sum(line.split(" ", 1)[0] == word for line in self.lines)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith(b"\n"):
                with self._news:
                    self.lines.append(line.decode().rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    def _drain(self) -> None:
        assert self._process.stderr is not None
        self.errors = self._process.stderr.read()
