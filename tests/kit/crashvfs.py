"""Every state a power cut could leave: SQLite's writes and syncs are recorded, then cut off anywhere and partly lost.

What was synced is there; of what was written after a file's last sync any part may be missing, down to single 512-byte sectors. It
models a disk that obeys flush, as reliability P1 demands of the hardware.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Op:
    """what: write, truncate, sync, ack. at: offset, size, or (ack) how many entries are acknowledged."""

    what: str
    file: str = ""
    at: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Recording:
    """ops in the order SQLite asked for them; before: the files' contents when it began."""

    ops: list[Op] = field(default_factory=list)
    before: dict[str, bytes] = field(default_factory=dict)

    def acknowledge(self, entries: int) -> None:
        self.ops.append(Op("ack", at=entries))

    def acknowledged(self, upto: int) -> int:
        return max((op.at for op in self.ops[:upto] if op.what == "ack"), default=0)

    def crash(self, upto: int, rng: random.Random) -> dict[str, bytes]:
        """Contents of the files after a cut behind op number `upto`."""
        durable = {file: bytearray(data) for file, data in self.before.items()}
        pending: dict[str, list[Op]] = {}
        for op in self.ops[:upto]:
            if op.what == "sync":
                for written in pending.pop(op.file, []):
                    _do(durable.setdefault(op.file, bytearray()), written)
            elif op.what != "ack":
                pending.setdefault(op.file, []).append(op)
        fate = rng.choice(("nothing", "everything", "some", "torn", "torn"))
        for file, ops in pending.items():
            for op in ops:
                if fate == "everything" or (fate == "some" and rng.random() < 0.5):
                    _do(durable.setdefault(file, bytearray()), op)
                elif fate == "torn":
                    for piece in _sectors(op, rng):
                        _do(durable.setdefault(file, bytearray()), piece)
        return {file: bytes(data) for file, data in durable.items()}


def _do(content: bytearray, op: Op) -> None:
    if op.what == "truncate":
        del content[op.at :]
        return
    if len(content) < op.at:
        content.extend(bytes(op.at - len(content)))
    content[op.at : op.at + len(op.data)] = op.data


def _sectors(op: Op, rng: random.Random) -> Iterator[Op]:
    """The sectors of a write that reached the disk."""
    if op.what == "truncate":
        if rng.random() < 0.5:
            yield op
        return
    start = op.at
    end = op.at + len(op.data)
    while start < end:
        stop = min((start // SECTOR + 1) * SECTOR, end)
        if rng.random() < 0.5:
            yield Op("write", op.file, start, op.data[start - op.at : stop - op.at])
        start = stop


@contextmanager
def recorded(folder: Path) -> Iterator[Recording]:
    """All SQLite connections opened inside go through the recorder. Contents of `folder` are taken as durable at the beginning."""
    recording = Recording()
    for path in folder.glob("*.db*"):
        if not path.name.endswith("-shm"):
            recording.before[path.name] = path.read_bytes()
    vfs = _RecordingVFS(recording)
    try:
        yield recording
    finally:
        vfs.unregister()


class _RecordingVFS(apsw.VFS):
    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        super().__init__("recording", "unix", makedefault=True)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        return _RecordingFile(self._recording, name, flags)


class _RecordingFile(apsw.VFSFile):
    def __init__(self, recording: Recording, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__("unix", name, flags)
        self._recording = recording
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path or "").name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._recording.ops.append(Op("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._recording.ops.append(Op("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._recording.ops.append(Op("sync", self._name))
