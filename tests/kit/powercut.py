"""A disk that loses its power: a file system in a loop-mounted image, copied while the writer stands still, then mounted as it is.

What was not synced is in the page cache of the mounted file system only, so the copy lacks it: as after a power cut on a disk that
obeys flush. Needs root and loop devices.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

MEBIBYTES = 64


@lru_cache
def possible() -> bool:
    """Tried, once: a container may have the device and refuse the mount."""
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists() or shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "image"
        try:
            make_image(image)
            with mounted(image, Path(folder) / "at"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


def make_image(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MEBIBYTES << 20)
    _run("mkfs.ext4", "-q", "-F", str(path))


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    """commit=300: nothing but a sync makes the file system write by itself during a test."""
    at.mkdir(exist_ok=True)
    _run("mount", "-o", "loop,commit=300", str(image), str(at))
    try:
        yield at
    finally:
        _run("umount", str(at))


def copy_image(image: Path, to: Path) -> None:
    _run("cp", "--sparse=always", str(image), str(to))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"})
