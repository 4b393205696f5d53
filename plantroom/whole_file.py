"""Files that are there whole or not at all: written beside their place, flushed, then put there."""

from __future__ import annotations

import os
from pathlib import Path

from plantroom.errors import BadInput, Problem


def write_whole(path: Path, data: bytes) -> None:
    """Takes the place of what is there. Raises BadInput where the disk refuses."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise BadInput([Problem(str(path), 0, "", f"cannot be written: {error.strerror or error}")]) from error


def write_new(path: Path, data: bytes) -> None:
    """Raises BadInput where something is there already."""
    if path.exists():
        raise BadInput([Problem(str(path), 0, "", "exists; nothing is overwritten, name another file")])
    write_whole(path, data)
