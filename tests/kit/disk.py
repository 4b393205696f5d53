"""A disk of one's own that can be filled, stand still and die: ext4 in a loop-mounted image; needs root and loop devices.

Where they are not there, `Quota` is what can be had.
"""

from __future__ import annotations

import fcntl
import os
import resource
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tests.kit import powercut

MEBIBYTES = 640  # more than the journal's keeper wants to keep free, or it would be short from the beginning
_FIFREEZE, _FITHAW = 0xC0045877, 0xC0045878  # linux/fs.h
_EXT4_SHUTDOWN, _WITHOUT_FLUSH = 0x8004587D, 2  # fs/ext4/ext4.h: as if the power had gone
_PATH = os.environ | {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


class Disk:
    """Mounted at `path`. mebibytes: its size; the image takes only what is written."""

    means = "ext4 in a loop-mounted image"

    def __init__(self, folder: Path, name: str, mebibytes: int = MEBIBYTES) -> None:
        assert powercut.possible(), "needs root and loop devices"
        self._image, self.path = folder / f"{name}.img", folder / name
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(mebibytes << 20)
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=1", str(self._image))
        self._standing = False
        self._sated = threading.Event()
        self._filler: threading.Thread | None = None
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", str(self._image), str(self.path))

    def unmount(self) -> None:
        self.thaw()
        for left in range(50, -1, -1):
            try:
                _run("umount", str(self.path))
                break
            except subprocess.CalledProcessError:  # who was killed has not gone yet
                if not left:
                    raise
                time.sleep(0.1)

    def fill(self, *, greedy: bool = True) -> None:
        """To the last block; greedy: and whatever is given back meanwhile."""
        self._fill()
        if greedy:
            self._sated.clear()
            self._filler = threading.Thread(target=self._go_on, daemon=True)
            self._filler.start()

    def _go_on(self) -> None:
        while not self._sated.wait(0.05):
            self._fill()

    def _fill(self) -> None:
        with (self.path / "ballast").open("ab") as ballast:
            size, left = os.fstat(ballast.fileno()).st_size, 64 << 20
            while left >= 4096:
                try:
                    os.posix_fallocate(ballast.fileno(), size, left)
                    size += left
                except OSError:
                    left //= 2

    def free(self) -> None:
        self._sated.set()
        if self._filler is not None:
            self._filler.join()
            self._filler = None
        (self.path / "ballast").unlink(missing_ok=True)

    def freeze(self) -> None:
        """Whoever writes waits. Nobody of the test may look at what lies here meanwhile."""
        self._standing = True
        self._ask(_FIFREEZE, 0)

    def thaw(self) -> None:
        if self._standing:
            self._ask(_FITHAW, 0)
            self._standing = False

    def die(self) -> None:
        """Every call is EIO from now on, and what was not synced is gone; `unmount` and `mount` bring it back."""
        self._ask(_EXT4_SHUTDOWN, _WITHOUT_FLUSH)

    def close(self) -> None:
        with suppress(subprocess.CalledProcessError):
            self.unmount()
        self._image.unlink(missing_ok=True)

    def _ask(self, request: int, argument: int) -> None:
        fd = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(fd, request, struct.pack("I", argument))
        finally:
            os.close(fd)


class Quota:
    """What can be had without root: RLIMIT_FSIZE, so that these processes and what they start write in no file beyond 64 KiB any more (EFBIG).

    A database that is larger takes no commit then. It cannot stand still or die. pids: those it is for, asked anew each time.
    """

    means = "RLIMIT_FSIZE of its processes (no root or no loop devices: a disk that hangs or dies is not tried)"

    def __init__(self, folder: Path, name: str, pids: Callable[[], Iterable[int]]) -> None:
        self.path, self._pids = folder / name, pids
        self.path.mkdir()

    def fill(self, *, greedy: bool = True) -> None:
        self._limit(64 << 10)

    def free(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def freeze(self) -> None:
        raise NotImplementedError(self.means)

    die = unmount = mount = freeze

    def thaw(self) -> None:
        return

    def close(self) -> None:
        return

    def _limit(self, size: int) -> None:
        for pid in self._pids():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env=_PATH)
